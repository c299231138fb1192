// SPDX-License-Identifier: Apache-2.0
// X.509 certificates as Transport "X.509 Certificates" wants them. Only for .cpp files.
#pragma once

#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "store/openssl.hpp"

namespace drover::store {

inline constexpr std::size_t kCommonNameMax = 64;  ///< characters: ub-common-name (RFC 5280 appendix A.1)

/// A subjectAltName in the making.
class AlternativeNames {
 public:
  /// GEN_DNS, GEN_URI or GEN_IPADD.
  void add(int type, ByteView value);
  void add(int type, const std::string& value) { add(type, as_bytes(value)); }
  /// Nothing where there are none.
  void put_into(X509* certificate) const;

 private:
  std::unique_ptr<GENERAL_NAMES, openssl::Deleter<GENERAL_NAMES_free>> names_{sk_GENERAL_NAME_new_null()};
};

enum class CertificateRole { Authority, Server, Device };
struct CertificateSubject {
  CertificateRole role = CertificateRole::Device;
  std::string common_name;  ///< "": none
  const AlternativeNames* names = nullptr;
  EVP_PKEY* key = nullptr;
};

/// Good from an hour ago, for `days`; signed by `issuer_key`, where `issuer` is nullptr by its own. nullptr when
/// libcrypto can't: its error queue says why.
openssl::Certificate make_certificate(const CertificateSubject& subject, X509* issuer, EVP_PKEY* issuer_key,
                                      std::uint32_t days);
/// The endpoint is its common name if that can hold it; a URN is a subjectAltName, too.
openssl::Certificate make_device_certificate(const std::string& endpoint, EVP_PKEY* key, X509* issuer,
                                             EVP_PKEY* issuer_key, std::uint32_t days);

}  // namespace drover::store
