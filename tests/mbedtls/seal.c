/* SPDX-License-Identifier: Apache-2.0 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "seal.h"

#include <string.h>

#include "ssl_misc.h"

int seal_record(mbedtls_ssl_context* from, const unsigned char* plaintext, size_t size, unsigned char* record,
                size_t capacity, size_t* written) {
  const size_t header = 13 + from->transform_out->out_cid_len, offset = header + 8; /* the explicit nonce of AEAD */
  mbedtls_record rec;
  int result;
  size_t i;
  if (capacity < size + 64) return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
  memset(&rec, 0, sizeof rec);
  memcpy(record + offset, plaintext, size);
  rec.type = MBEDTLS_SSL_MSG_APPLICATION_DATA;
  rec.ver[0] = 0xfe;
  rec.ver[1] = 0xfd;
  memcpy(rec.ctr, from->cur_out_ctr, sizeof rec.ctr);
  rec.buf = record + header;
  rec.buf_len = capacity - header;
  rec.data_offset = offset - header;
  rec.data_len = size;
  result = mbedtls_ssl_encrypt_buf(from, from->transform_out, &rec, from->conf->f_rng, from->conf->p_rng);
  if (result != 0) return result;
  memmove(record + header, rec.buf + rec.data_offset, rec.data_len);
  record[0] = rec.type;
  memcpy(record + 1, rec.ver, 2);
  memcpy(record + 3, rec.ctr, 8);
  memcpy(record + 11, rec.cid, rec.cid_len);
  record[header - 2] = (unsigned char)(rec.data_len >> 8);
  record[header - 1] = (unsigned char)rec.data_len;
  *written = header + rec.data_len;
  for (i = sizeof from->cur_out_ctr; i-- > 2;) {
    if (++from->cur_out_ctr[i] != 0) break;
  }
  return 0;
}
