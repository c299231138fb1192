// SPDX-License-Identifier: Apache-2.0
#include "store/certificates.hpp"

#include <openssl/rand.h>

#include <array>

namespace drover::store {

namespace {

constexpr long kClockSkew = 3600;  // seconds that a device's clock may be behind ours
constexpr long kDay = 86400;

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, openssl::Deleter<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  if (extension != nullptr) X509_add_ext(certificate, extension.get(), -1);
}

}  // namespace

void AlternativeNames::add(int type, ByteView value) {
  GENERAL_NAME* const name = GENERAL_NAME_new();
  ASN1_STRING* const text = ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
  ASN1_STRING_set(text, value.data(), static_cast<int>(value.size()));
  GENERAL_NAME_set0_value(name, type, text);
  sk_GENERAL_NAME_push(names_.get(), name);
}

void AlternativeNames::put_into(X509* certificate) const {
  if (sk_GENERAL_NAME_num(names_.get()) == 0) return;
  X509_add1_ext_i2d(certificate, NID_subject_alt_name, names_.get(), 0, X509V3_ADD_DEFAULT);
}

openssl::Certificate make_certificate(const CertificateSubject& subject, X509* issuer, EVP_PKEY* issuer_key, std::uint32_t days) {
  openssl::Certificate made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  std::array<std::uint8_t, 16> serial{};
  if (RAND_bytes(serial.data(), serial.size()) != 1) return nullptr;
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3FU) | 0x40U);  // positive, and of full length
  const std::unique_ptr<BIGNUM, openssl::Deleter<BN_free>> number(BN_bin2bn(serial.data(), serial.size(), nullptr));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(made.get()));
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -kClockSkew);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), static_cast<long>(days) * kDay);
  X509_NAME* const name = X509_get_subject_name(made.get());
  if (!subject.common_name.empty()) {
    X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(subject.common_name.data()),
                               static_cast<int>(subject.common_name.size()), -1, 0);
  }
  X509* const signer = issuer == nullptr ? made.get() : issuer;
  X509_set_issuer_name(made.get(), X509_get_subject_name(signer));
  X509_set_pubkey(made.get(), subject.key);
  const bool authority = subject.role == CertificateRole::Authority;
  add_extension(made.get(), signer, NID_basic_constraints, authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE");
  add_extension(made.get(), signer, NID_key_usage, authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  // Both: in a bootstrap that the server begins, the roles of DTLS are swapped (Transport "DTLS-based Security").
  if (!authority) add_extension(made.get(), signer, NID_ext_key_usage, "serverAuth,clientAuth");
  add_extension(made.get(), signer, NID_subject_key_identifier, "hash");
  add_extension(made.get(), signer, NID_authority_key_identifier, "keyid:always");
  if (subject.names != nullptr) subject.names->put_into(made.get());
  const bool done = X509_sign(made.get(), issuer_key == nullptr ? subject.key : issuer_key, EVP_sha256()) > 0;
  return done ? std::move(made) : nullptr;
}

namespace {

AlternativeNames device_names(const std::string& endpoint) {
  AlternativeNames names;
  if (endpoint.starts_with("urn:")) names.add(GEN_URI, endpoint);
  return names;
}

}  // namespace

openssl::Certificate make_device_certificate(const std::string& endpoint, EVP_PKEY* key, X509* issuer,
                                             EVP_PKEY* issuer_key, std::uint32_t days) {
  const AlternativeNames names = device_names(endpoint);
  const std::string common_name = endpoint.size() <= kCommonNameMax ? endpoint : "";
  return make_certificate({CertificateRole::Device, common_name, &names, key}, issuer, issuer_key, days);
}

}  // namespace drover::store
