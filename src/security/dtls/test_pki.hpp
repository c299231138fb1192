// SPDX-License-Identifier: Apache-2.0
// Keys and certificates for tests, made by libcrypto: another library than the one under test.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "security/credentials.hpp"

namespace drover::security::testing {

/// 2026-01-01T00:00:00Z: test certificates are made around it.
inline constexpr std::int64_t kTestNow = 1767225600;

struct KeyPair {
  std::shared_ptr<EVP_PKEY> key{EVP_EC_gen("P-256"), EVP_PKEY_free};

  [[nodiscard]] Bytes public_key() const { return der(i2d_PUBKEY); }
  /// ECPrivateKey (RFC 5915), as Core Appendix F prints it.
  [[nodiscard]] Secret<Bytes> sec1() const { return Secret<Bytes>(der(i2d_PrivateKey)); }
  /// OneAsymmetricKey (RFC 5958).
  [[nodiscard]] Secret<Bytes> pkcs8() const {
    PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key.get());
    unsigned char* bytes = nullptr;
    const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &bytes);
    Bytes copy(bytes, bytes + size);
    OPENSSL_free(bytes);
    PKCS8_PRIV_KEY_INFO_free(info);
    return Secret<Bytes>(std::move(copy));
  }
  [[nodiscard]] RawKeyCredential raw() const { return {public_key(), pkcs8()}; }

 private:
  template <class Encode>
  [[nodiscard]] Bytes der(Encode encode) const {
    unsigned char* bytes = nullptr;
    const int size = encode(key.get(), &bytes);
    Bytes copy(bytes, bytes + size);
    OPENSSL_free(bytes);
    return copy;
  }
};

struct CertificateWish {
  std::string common_name{};
  std::string alternative_names{};  ///< as OpenSSL's configuration has them: "DNS:a.example,URI:urn:x"
  std::int64_t not_before = kTestNow - 86400;
  std::int64_t not_after = kTestNow + 86400;
  bool authority = false;
  std::size_t ballast = 0;  ///< bytes of an extension that makes it long
};

struct Issued {
  KeyPair pair;
  std::shared_ptr<X509> certificate;

  [[nodiscard]] Bytes der() const {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate.get(), &bytes);
    Bytes copy(bytes, bytes + size);
    OPENSSL_free(bytes);
    return copy;
  }
  [[nodiscard]] CertificateCredential credential() const { return {{der()}, pair.pkcs8()}; }
};

/// Signed by `issuer`, or by itself.
inline Issued issue(const CertificateWish& wish, const Issued* issuer = nullptr) {
  Issued issued;
  X509* made = X509_new();
  issued.certificate.reset(made, X509_free);
  X509_set_version(made, 2);
  static long serial = 0;
  ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
  ASN1_TIME_set(X509_getm_notBefore(made), wish.not_before);
  ASN1_TIME_set(X509_getm_notAfter(made), wish.not_after);
  X509_set_pubkey(made, issued.pair.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1, -1, 0);
  X509_set_issuer_name(made, X509_get_subject_name(issuer != nullptr ? issuer->certificate.get() : made));
  const auto extend = [&](int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, made, made, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    X509_add_ext(made, extension, -1);
    X509_EXTENSION_free(extension);
  };
  extend(NID_basic_constraints, wish.authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!wish.alternative_names.empty()) extend(NID_subject_alt_name, wish.alternative_names);
  if (wish.ballast > 0) extend(NID_netscape_comment, std::string(wish.ballast, 'b'));
  X509_sign(made, issuer != nullptr ? issuer->pair.key.get() : issued.pair.key.get(), EVP_sha256());
  return issued;
}

}  // namespace drover::security::testing
