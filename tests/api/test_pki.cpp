// SPDX-License-Identifier: Apache-2.0
#include "test_pki.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace drover::api::test {

namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

void name_it(X509* certificate, const std::string& name) {
  X509_NAME* const subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void prepare(X509* certificate, long serial, long from, EVP_PKEY* key) {
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from);
  X509_gmtime_adj(X509_getm_notAfter(certificate), from + 3600);
  X509_set_pubkey(certificate, key);
}

}  // namespace

TestAuthority::TestAuthority(const std::string& name)
    : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
  std::string pattern = (std::filesystem::temp_directory_path() / "drover-pki-XXXXXX").string();
  folder_ = ::mkdtemp(pattern.data());
  file_ = folder_ + "/ca.pem";
  X509* const own = certificate_.get();
  prepare(own, serial_, -1800, key_.get());
  name_it(own, name);
  X509_set_issuer_name(own, X509_get_subject_name(own));
  extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
  extend(own, own, NID_key_usage, "critical,keyCertSign");
  EXPECT_GT(X509_sign(own, key_.get(), EVP_sha256()), 0);
  const File file(std::fopen(file_.c_str(), "w"), std::fclose);
  PEM_write_X509(file.get(), own);
}

TestAuthority::~TestAuthority() {
  std::filesystem::remove_all(folder_);
}

IssuedFiles TestAuthority::issue(const std::string& names, long from, const std::string& password) {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Certificate made(X509_new(), X509_free);
  prepare(made.get(), ++serial_, from, key.get());
  name_it(made.get(), "server");
  X509_set_issuer_name(made.get(), X509_get_subject_name(certificate_.get()));
  extend(made.get(), certificate_.get(), NID_subject_alt_name, names);
  EXPECT_GT(X509_sign(made.get(), key_.get(), EVP_sha256()), 0);
  const std::string stem = folder_ + "/server" + std::to_string(serial_);
  IssuedFiles files{stem + ".pem", stem + ".key"};
  const File certificate(std::fopen(files.certificate.c_str(), "w"), std::fclose);
  PEM_write_X509(certificate.get(), made.get());
  const File secret(std::fopen(files.private_key.c_str(), "w"), std::fclose);
  const auto* const word = password.empty() ? nullptr : reinterpret_cast<const unsigned char*>(password.data());
  PEM_write_PrivateKey(secret.get(), key.get(), word != nullptr ? EVP_aes_128_cbc() : nullptr, word,
                       static_cast<int>(password.size()), nullptr, nullptr);
  return files;
}

}  // namespace drover::api::test
