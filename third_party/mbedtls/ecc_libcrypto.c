/* SPDX-License-Identifier: Apache-2.0 */
/* Mbed TLS's hooks for elliptic curves (MBEDTLS_ECDSA_SIGN_ALT and the like), carried by OpenSSL's libcrypto, which has
 * assembler for P-256. Everything that Mbed TLS signs, verifies or agrees on with a curve comes through here. The contract of
 * each function is the one in mbedtls/ecdsa.h and mbedtls/ecdh.h; several threads may call at once.
 *
 * Ephemeral keys come from the caller's f_rng, as in Mbed TLS. The nonces of signatures are libcrypto's: it mixes the private
 * key and the digest into its random bits, so that a weak generator alone doesn't give the key away. */
#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY: the provider interface costs more than a signature */

#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>

#define COORDINATE_MAX 66u /* bytes, P-521 */
#define POINT_MAX (1u + 2u * COORDINATE_MAX)

/* libcrypto said no where only a lack of memory or of random bits explains it. */
#define LIBCRYPTO_FAILED MBEDTLS_ERR_ERROR_GENERIC_ERROR

typedef int random_fn(void *, unsigned char *, size_t);

/* ---- curves: made once, shared, and never changed after that */

static CRYPTO_ONCE curves_once = CRYPTO_ONCE_STATIC_INIT;
static EC_GROUP *p256, *p384, *p521;

static void make_curves(void) {
  p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  p384 = EC_GROUP_new_by_curve_name(NID_secp384r1);
  p521 = EC_GROUP_new_by_curve_name(NID_secp521r1);
}

static const EC_GROUP *curve_of(const mbedtls_ecp_group *grp) {
  if (CRYPTO_THREAD_run_once(&curves_once, make_curves) != 1) {
    return NULL;
  }
  switch (grp->id) {
    case MBEDTLS_ECP_DP_SECP256R1: return p256;
    case MBEDTLS_ECP_DP_SECP384R1: return p384;
    case MBEDTLS_ECP_DP_SECP521R1: return p521;
    default: return NULL;
  }
}

static size_t coordinate_size(const mbedtls_ecp_group *grp) { return (grp->pbits + 7) / 8; }

/* ---- numbers and points, there and back. Results of NULL or other than 0 are failures. */

static BIGNUM *to_bn(const mbedtls_mpi *x, size_t size) {
  unsigned char bytes[COORDINATE_MAX];
  BIGNUM *bn = NULL;
  if (mbedtls_mpi_cmp_int(x, 0) >= 0 && mbedtls_mpi_write_binary(x, bytes, size) == 0) {
    bn = BN_bin2bn(bytes, (int) size, NULL);
  }
  mbedtls_platform_zeroize(bytes, sizeof(bytes));
  if (bn != NULL) {
    BN_set_flags(bn, BN_FLG_CONSTTIME);
  }
  return bn;
}

static int to_mpi(mbedtls_mpi *x, const BIGNUM *bn, size_t size) {
  unsigned char bytes[COORDINATE_MAX];
  int ret = LIBCRYPTO_FAILED;
  if (BN_bn2binpad(bn, bytes, (int) size) == (int) size) {
    ret = mbedtls_mpi_read_binary(x, bytes, size);
  }
  mbedtls_platform_zeroize(bytes, sizeof(bytes));
  return ret;
}

/* NULL unless the point is on the curve and isn't the point at infinity. */
static EC_POINT *to_point(const EC_GROUP *curve, const mbedtls_ecp_group *grp, const mbedtls_ecp_point *q) {
  unsigned char bytes[POINT_MAX];
  size_t size = 0;
  EC_POINT *point;
  if (mbedtls_ecp_point_write_binary(grp, q, MBEDTLS_ECP_PF_UNCOMPRESSED, &size, bytes, sizeof(bytes)) != 0 ||
      size != 1 + 2 * coordinate_size(grp) || (point = EC_POINT_new(curve)) == NULL) {
    return NULL;
  }
  if (EC_POINT_oct2point(curve, point, bytes, size, NULL) != 1 || EC_POINT_is_at_infinity(curve, point) != 0 ||
      EC_POINT_is_on_curve(curve, point, NULL) != 1) {
    EC_POINT_free(point);
    return NULL;
  }
  return point;
}

static int to_mbedtls_point(const EC_GROUP *curve, const EC_POINT *point, const mbedtls_ecp_group *grp, mbedtls_ecp_point *q) {
  unsigned char bytes[POINT_MAX];
  const size_t size = EC_POINT_point2oct(curve, point, POINT_CONVERSION_UNCOMPRESSED, bytes, sizeof(bytes), NULL);
  return size == 1 + 2 * coordinate_size(grp) ? mbedtls_ecp_point_read_binary(grp, q, bytes, size) : LIBCRYPTO_FAILED;
}

static EC_KEY *new_key(const EC_GROUP *curve) {
  EC_KEY *key = EC_KEY_new();
  if (key != NULL && EC_KEY_set_group(key, curve) != 1) {
    EC_KEY_free(key);
    key = NULL;
  }
  return key;
}

/* ---- the hooks. ERR_set_mark and ERR_pop_to_mark: what fails here leaves nothing in the thread's queue of errors, where
 * another user of OpenSSL would take it for its own. */

int mbedtls_ecdsa_verify(mbedtls_ecp_group *grp, const unsigned char *buf, size_t blen, const mbedtls_ecp_point *Q,
                         const mbedtls_mpi *r, const mbedtls_mpi *s) {
  const EC_GROUP *curve = curve_of(grp);
  const size_t size = coordinate_size(grp);
  int ret = MBEDTLS_ERR_ECP_VERIFY_FAILED;
  EC_KEY *key = NULL;
  EC_POINT *point = NULL;
  BIGNUM *r_bn = NULL, *s_bn = NULL;
  ECDSA_SIG *signature = NULL;
  if (curve == NULL) {
    return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
  }
  if (blen > INT_MAX) {
    return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
  }
  ERR_set_mark();
  key = new_key(curve);
  point = to_point(curve, grp, Q);
  r_bn = to_bn(r, size);
  s_bn = to_bn(s, size);
  signature = ECDSA_SIG_new();
  if (key == NULL || point == NULL || r_bn == NULL || s_bn == NULL || signature == NULL) {
    goto done;
  }
  if (ECDSA_SIG_set0(signature, r_bn, s_bn) != 1) {
    goto done;
  }
  r_bn = s_bn = NULL; /* the signature's now */
  /* 1 is the one answer that means good; ranges of r and s are checked there. */
  if (EC_KEY_set_public_key(key, point) == 1 && ECDSA_do_verify(buf, (int) blen, signature, key) == 1) {
    ret = 0;
  }
done:
  ECDSA_SIG_free(signature);
  BN_free(r_bn);
  BN_free(s_bn);
  EC_POINT_free(point);
  EC_KEY_free(key);
  ERR_pop_to_mark();
  return ret;
}

int mbedtls_ecdsa_sign(mbedtls_ecp_group *grp, mbedtls_mpi *r, mbedtls_mpi *s, const mbedtls_mpi *d, const unsigned char *buf,
                       size_t blen, random_fn *f_rng, void *p_rng) {
  const EC_GROUP *curve = curve_of(grp);
  const size_t size = coordinate_size(grp);
  int ret;
  EC_KEY *key = NULL;
  BIGNUM *scalar = NULL;
  ECDSA_SIG *signature = NULL;
  (void) f_rng;
  (void) p_rng;
  if (curve == NULL) {
    return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
  }
  if (blen > INT_MAX) {
    return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
  }
  if ((ret = mbedtls_ecp_check_privkey(grp, d)) != 0) {
    return ret;
  }
  ret = LIBCRYPTO_FAILED;
  ERR_set_mark();
  key = new_key(curve);
  scalar = to_bn(d, size);
  if (key == NULL || scalar == NULL || EC_KEY_set_private_key(key, scalar) != 1) {
    goto done;
  }
  signature = ECDSA_do_sign(buf, (int) blen, key);
  if (signature != NULL && (ret = to_mpi(r, ECDSA_SIG_get0_r(signature), size)) == 0) {
    ret = to_mpi(s, ECDSA_SIG_get0_s(signature), size);
  }
done:
  ECDSA_SIG_free(signature);
  BN_clear_free(scalar);
  EC_KEY_free(key); /* clears its private key */
  ERR_pop_to_mark();
  return ret;
}

int mbedtls_ecdh_gen_public(mbedtls_ecp_group *grp, mbedtls_mpi *d, mbedtls_ecp_point *Q, random_fn *f_rng, void *p_rng) {
  const EC_GROUP *curve = curve_of(grp);
  int ret;
  BIGNUM *scalar = NULL;
  EC_POINT *point = NULL;
  if (curve == NULL) {
    return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
  }
  if ((ret = mbedtls_ecp_gen_privkey(grp, d, f_rng, p_rng)) != 0) {
    return ret;
  }
  ret = LIBCRYPTO_FAILED;
  ERR_set_mark();
  scalar = to_bn(d, coordinate_size(grp));
  point = EC_POINT_new(curve);
  if (scalar != NULL && point != NULL && EC_POINT_mul(curve, point, scalar, NULL, NULL, NULL) == 1) {
    ret = to_mbedtls_point(curve, point, grp, Q);
  }
  EC_POINT_free(point);
  BN_clear_free(scalar);
  ERR_pop_to_mark();
  return ret;
}

int mbedtls_ecdh_compute_shared(mbedtls_ecp_group *grp, mbedtls_mpi *z, const mbedtls_ecp_point *Q, const mbedtls_mpi *d,
                                random_fn *f_rng, void *p_rng) {
  const EC_GROUP *curve = curve_of(grp);
  const size_t size = coordinate_size(grp);
  int ret;
  BIGNUM *scalar = NULL, *x = NULL;
  EC_POINT *point = NULL, *shared = NULL;
  (void) f_rng;
  (void) p_rng;
  if (curve == NULL) {
    return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
  }
  if ((ret = mbedtls_ecp_check_privkey(grp, d)) != 0) {
    return ret;
  }
  ERR_set_mark();
  ret = MBEDTLS_ERR_ECP_INVALID_KEY;
  if ((point = to_point(curve, grp, Q)) == NULL) {
    goto done;
  }
  ret = LIBCRYPTO_FAILED;
  scalar = to_bn(d, size);
  shared = EC_POINT_new(curve);
  x = BN_new();
  if (scalar == NULL || shared == NULL || x == NULL || EC_POINT_mul(curve, shared, NULL, point, scalar, NULL) != 1) {
    goto done;
  }
  /* Fails for the point at infinity, which a point of these curves, all of prime order, doesn't lead to. */
  if (EC_POINT_get_affine_coordinates(curve, shared, x, NULL, NULL) == 1) {
    ret = to_mpi(z, x, size);
  }
done:
  BN_clear_free(x);
  BN_clear_free(scalar);
  EC_POINT_clear_free(shared);
  EC_POINT_free(point);
  ERR_pop_to_mark();
  return ret;
}
