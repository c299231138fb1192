/* SPDX-License-Identifier: Apache-2.0 */
/* What Drover builds of Mbed TLS 3.6 (MBEDTLS_CONFIG_FILE): DTLS 1.2 for LwM2M and nothing that asks the machine. No clock
 * (time is a value: the timers are callbacks, validity dates are judged in Drover's verify callback, the ages of tickets
 * and cookies by their own callbacks), no entropy source, no socket, file or thread. */
#ifndef DROVER_MBEDTLS_CONFIG_H
#define DROVER_MBEDTLS_CONFIG_H

#define MBEDTLS_HAVE_ASM
#define MBEDTLS_VERSION_C
#define MBEDTLS_VERSION_FEATURES
#define MBEDTLS_ERROR_C

/* ---- DTLS 1.2 */
#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_SRV_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_PROTO_DTLS
#define MBEDTLS_SSL_DTLS_ANTI_REPLAY
#define MBEDTLS_SSL_DTLS_HELLO_VERIFY
#define MBEDTLS_SSL_DTLS_CONNECTION_ID
#define MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT 0 /* the code point of RFC 9146, not the draft's */
#define MBEDTLS_SSL_CONTEXT_SERIALIZATION
#define MBEDTLS_SSL_SESSION_TICKETS
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_MAX_FRAGMENT_LENGTH
#define MBEDTLS_SSL_ENCRYPT_THEN_MAC
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_SSL_ALL_ALERT_MESSAGES
#define MBEDTLS_SSL_CACHE_C
#define MBEDTLS_SSL_COOKIE_C
#define MBEDTLS_SSL_TICKET_C
/* Off: RENEGOTIATION (RFC 7925 §17), KEEP_PEER_CERTIFICATE (memory; the raw public key patch counts on it),
 * DTLS_CLIENT_PORT_REUSE (whoever holds the socket decides on a second ClientHello). */

/* ---- key exchanges and suites (Transport §"DTLS-based Security"; RFC 7925 §4) */
#define MBEDTLS_KEY_EXCHANGE_PSK_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_PSK_MAX_LEN 64 /* RFC 4279 §5.3 */
#define MBEDTLS_CIPHER_C
#define MBEDTLS_AES_C
#define MBEDTLS_AESNI_C
#define MBEDTLS_AESCE_C
#define MBEDTLS_CIPHER_MODE_CBC
#define MBEDTLS_CCM_C
#define MBEDTLS_GCM_C

/* ---- buffers */
/* While a handshake runs: a Certificate message with a chain of 4 KiB is at most this long. */
#define MBEDTLS_SSL_IN_CONTENT_LEN 4608
#define MBEDTLS_SSL_OUT_CONTENT_LEN 4608
/* Afterwards: CoAP messages with blocks of 1024 bytes are below 1300 (0002-small-buffers-when-established.patch). */
#define MBEDTLS_SSL_ESTABLISHED_CONTENT_LEN 1536
#define MBEDTLS_SSL_DTLS_MAX_BUFFERING 9216 /* one such message under reassembly, with its bitmap, and its neighbours */
#define MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH
/* Connection IDs: Drover's own have at most 16 bytes, a peer's may have 32. */
#define MBEDTLS_SSL_CID_IN_LEN_MAX 16
#define MBEDTLS_SSL_CID_OUT_LEN_MAX 32
#define MBEDTLS_SSL_CID_TLS1_3_PADDING_GRANULARITY 1 /* no padding: bytes cost energy on a radio */

/* ---- public keys and certificates */
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_DP_SECP521R1_ENABLED
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_RSA_C /* certification authorities may sign with RSA */
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_PK_WRITE_C
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_BASE64_C
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_OID_C
#define MBEDTLS_BIGNUM_C

#if defined(DROVER_ECC_LIBCRYPTO) /* ecc_libcrypto.c */
#define MBEDTLS_ECDSA_SIGN_ALT
#define MBEDTLS_ECDSA_VERIFY_ALT
#define MBEDTLS_ECDH_GEN_PUBLIC_ALT
#define MBEDTLS_ECDH_COMPUTE_SHARED_ALT
#else
#define MBEDTLS_ECDSA_DETERMINISTIC /* RFC 6979 */
#endif

/* ---- hashes and random bits, seeded from outside */
#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA384_C
#define MBEDTLS_SHA512_C
#define MBEDTLS_CTR_DRBG_C
#define MBEDTLS_HMAC_DRBG_C

#endif
