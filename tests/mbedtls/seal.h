/* SPDX-License-Identifier: Apache-2.0 */
/* Records that a well-behaved endpoint wouldn't send: authentic, but longer than mbedtls_ssl_write() allows. */
#pragma once

#include <mbedtls/ssl.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Protects `size` bytes as the next application data record of `from` and advances its counter. The record has *written
 * bytes and needs 64 more than `size`. 0, or an error of Mbed TLS. */
int seal_record(mbedtls_ssl_context* from, const unsigned char* plaintext, size_t size, unsigned char* record,
                size_t capacity, size_t* written);

#ifdef __cplusplus
}
#endif
