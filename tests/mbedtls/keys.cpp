// SPDX-License-Identifier: Apache-2.0
#include "keys.hpp"

#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace drover::tests {

namespace {

template <class T>
std::shared_ptr<T> own(T* made, void (*free)(T*)) {
  if (made == nullptr) throw std::runtime_error("libcrypto made nothing");
  return {made, free};
}

template <class T>
Bytes der(const T* value, int (*encode)(const T*, unsigned char**)) {
  unsigned char* out = nullptr;
  const int size = encode(value, &out);
  if (size <= 0) throw std::runtime_error("libcrypto encoded nothing");
  Bytes bytes(out, out + size);
  OPENSSL_free(out);
  return bytes;
}

KeyPair pack(EVP_PKEY* made) {
  KeyPair pair{.key = own(made, EVP_PKEY_free), .private_key = {}, .public_key = {}};
  const auto info = own(EVP_PKEY2PKCS8(made), PKCS8_PRIV_KEY_INFO_free);
  pair.private_key = der(info.get(), i2d_PKCS8_PRIV_KEY_INFO);
  pair.public_key = der(made, i2d_PUBKEY);
  return pair;
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  const auto extension = own(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()), X509_EXTENSION_free);
  if (X509_add_ext(certificate, extension.get(), -1) != 1) throw std::runtime_error("no extension");
}

void set_name(X509_NAME* name, const std::string& common_name) {
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
  if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) != 1) throw std::runtime_error("no name");
}

Bytes certificate_with_comment(const std::string& subject, const KeyPair& key, const std::string& issuer,
                               const KeyPair& issuer_key, bool authority, std::size_t comment) {
  const auto made = own(X509_new(), X509_free);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 24L * 3600);
  set_name(X509_get_subject_name(made.get()), subject);
  set_name(X509_get_issuer_name(made.get()), issuer);
  X509_set_pubkey(made.get(), key.key.get());
  if (authority) add_extension(made.get(), NID_basic_constraints, "critical,CA:TRUE");
  if (comment > 0) add_extension(made.get(), NID_netscape_comment, std::string(comment, 'x'));
  if (X509_sign(made.get(), issuer_key.key.get(), EVP_sha256()) == 0) throw std::runtime_error("no signature");
  return der(made.get(), i2d_X509);
}

}  // namespace

KeyPair make_ec_key(const char* curve) { return pack(EVP_EC_gen(curve)); }
KeyPair make_rsa_key() { return pack(EVP_RSA_gen(2048)); }

Bytes make_certificate(const std::string& subject, const KeyPair& key, const std::string& issuer,
                       const KeyPair& issuer_key, bool authority, std::size_t size) {
  Bytes made = certificate_with_comment(subject, key, issuer, issuer_key, authority, size / 2);
  // ECDSA signatures vary by some bytes, and so does what is missing.
  for (std::size_t comment = size / 2; size != 0 && made.size() != size;) {
    comment += size - made.size();
    made = certificate_with_comment(subject, key, issuer, issuer_key, authority, comment);
  }
  return made;
}

const Material& material() {
  static const Material made;
  return made;
}

}  // namespace drover::tests
