/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles and links where an installed Mbed TLS suits Drover; the messages say what it lacks. */
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_NUMBER < 0x03060000 || MBEDTLS_VERSION_NUMBER >= 0x03070000
#error "Mbed TLS 3.6 is needed"
#endif
#if !defined(MBEDTLS_SSL_PROTO_DTLS) || !defined(MBEDTLS_SSL_CLI_C) || !defined(MBEDTLS_SSL_SRV_C)
#error "DTLS for clients and servers is needed (MBEDTLS_SSL_PROTO_DTLS)"
#endif
#if !defined(MBEDTLS_SSL_DTLS_CONNECTION_ID) || MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT != 0
#error "the Connection ID of RFC 9146 is needed (MBEDTLS_SSL_DTLS_CONNECTION_ID)"
#endif
#if !defined(MBEDTLS_SSL_CONTEXT_SERIALIZATION)
#error "contexts as bytes are needed (MBEDTLS_SSL_CONTEXT_SERIALIZATION)"
#endif
#if !defined(MBEDTLS_SSL_DTLS_ANTI_REPLAY) || !defined(MBEDTLS_SSL_DTLS_HELLO_VERIFY)
#error "replay protection and cookies are needed (MBEDTLS_SSL_DTLS_ANTI_REPLAY, MBEDTLS_SSL_DTLS_HELLO_VERIFY)"
#endif
#if !defined(MBEDTLS_KEY_EXCHANGE_PSK_ENABLED) || !defined(MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED) || !defined(MBEDTLS_CCM_C)
#error "the suites of LwM2M are needed (PSK, ECDHE-ECDSA, MBEDTLS_CCM_C)"
#endif
#if defined(DROVER_WANTED_RAW_PUBLIC_KEYS) && !defined(MBEDTLS_SSL_HAVE_RAW_PUBLIC_KEYS)
#error "no raw public keys"
#endif
#if defined(DROVER_WANTED_PSK_LENGTH) && MBEDTLS_PSK_MAX_LEN < 64
#error "pre-shared keys of 64 bytes are not taken"
#endif

int main(void) {
  mbedtls_ssl_context ssl;
  mbedtls_ssl_init(&ssl);
#if defined(DROVER_WANTED_RAW_PUBLIC_KEYS)
  mbedtls_ssl_conf_raw_public_key(0, 0);
#endif
  return mbedtls_ssl_context_load(&ssl, 0, 0) + (int) mbedtls_version_get_number();
}
