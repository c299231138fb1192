// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/pki.hpp"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <filesystem>

#include "storage/test_folder.hpp"
#include "store/key_files.hpp"
#include "store/openssl.hpp"

namespace drover::cli {
namespace {

namespace openssl = store::openssl;
using storage::testing::Folder;

openssl::Certificate certificate(const std::string& pem_file) {
  const openssl::Bio bio(BIO_new_file(pem_file.c_str(), "r"));
  return openssl::Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

/// X509_V_OK, or what libcrypto says against it.
int verify(const std::string& authority, const std::string& file, int purpose) {
  const openssl::Certificate anchor = certificate(authority);
  const openssl::Certificate leaf = certificate(file);
  const std::unique_ptr<X509_STORE, openssl::Deleter<X509_STORE_free>> anchors(X509_STORE_new());
  X509_STORE_add_cert(anchors.get(), anchor.get());
  const std::unique_ptr<X509_STORE_CTX, openssl::Deleter<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), anchors.get(), leaf.get(), nullptr);
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context.get()), X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

std::string common_name(X509* certificate) {
  std::array<char, 100> text{};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text.data(), text.size());
  return size < 0 ? "" : text.data();
}

std::string alternative_names(X509* certificate) {
  const int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
  if (at < 0) return "";
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  X509V3_EXT_print(bio.get(), X509_get_ext(certificate, at), 0, 0);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

PkiArguments arguments(const std::string& folder) {
  return {.folder = folder, .servers = {"lwm2m.example", "192.0.2.1", "[2001:db8::1]"}, .endpoints = {"urn:dev:os:1", "pump"}, .days = 30};
}

TEST(Pki, PathsAreValidForBothRoles) {
  const Folder folder;
  const std::string root = folder.file("pki");
  ASSERT_TRUE(make_pki(arguments(root)));
  for (const char* leaf : {"/server.pem", "/devices/urn:dev:os:1.pem", "/devices/pump.pem"}) {
    for (const int purpose : {X509_PURPOSE_SSL_SERVER, X509_PURPOSE_SSL_CLIENT}) {
      EXPECT_EQ(verify(root + "/ca.pem", root + leaf, purpose), X509_V_OK) << leaf;
    }
  }
  EXPECT_NE(verify(root + "/server.pem", root + "/devices/pump.pem", X509_PURPOSE_SSL_CLIENT), X509_V_OK) << "no CA";
}

TEST(Pki, NamesAreWhereTheTransportTextWantsThem) {
  const Folder folder;
  const std::string root = folder.file("pki");
  ASSERT_TRUE(make_pki(arguments(root)));
  const auto server = certificate(root + "/server.pem");
  EXPECT_EQ(common_name(server.get()), "lwm2m.example");
  EXPECT_EQ(alternative_names(server.get()),
            "DNS:lwm2m.example, IP Address:192.0.2.1, URI:coaps://192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, "
            "URI:coaps://[2001:db8::1]");
  const auto urn = certificate(root + "/devices/urn:dev:os:1.pem");
  EXPECT_EQ(common_name(urn.get()), "urn:dev:os:1");
  EXPECT_EQ(alternative_names(urn.get()), "URI:urn:dev:os:1");
  EXPECT_EQ(alternative_names(certificate(root + "/devices/pump.pem").get()), "");
}

TEST(Pki, AnAddressAloneIsTheCommonName) {
  const Folder folder;
  const std::string root = folder.file("pki");
  ASSERT_TRUE(make_pki({.folder = root, .servers = {"[::1]"}, .endpoints = {}, .days = 1}));
  EXPECT_EQ(common_name(certificate(root + "/server.pem").get()), "::1");
}

TEST(Pki, TheServerReadsItsFiles) {
  const Folder folder;
  const std::string root = folder.file("pki");
  ASSERT_TRUE(make_pki(arguments(root)));
  for (const std::string form : {".pem", ".der"}) {
    const auto read = store::read_server_credentials({.certificate = root + "/server" + form,
                                                      .private_key = root + "/server.key" + form,
                                                      .raw_public_key = root + "/server.pub" + form,
                                                      .raw_private_key = root + "/server.key" + form,
                                                      .trust_anchors = {root + "/ca" + form}});
    ASSERT_TRUE(read) << read.error().reason;
    EXPECT_EQ(read->certificate->chain.size(), 1U);
  }
}

TEST(Pki, PrivateKeysAreTheirOwnersAndNothingIsOverwritten) {
  const Folder folder;
  const std::string root = folder.file("pki");
  const auto made = make_pki(arguments(root));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->size(), 4U * 6U);
  for (const std::string& file : *made) {
    struct stat status {};
    ASSERT_EQ(::stat(file.c_str(), &status), 0) << file;
    const bool is_private = file.find(".key.") != std::string::npos;
    EXPECT_EQ((status.st_mode & 0077U) == 0, is_private) << file;
  }
  const auto again = make_pki(arguments(root));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, root + "/ca.pem exists already; nothing was written");
}

TEST(Pki, DevicesAreAddedLater) {
  const Folder folder;
  const std::string root = folder.file("pki");
  EXPECT_FALSE(add_pki_devices({.folder = root, .servers = {}, .endpoints = {"x"}, .days = 1})) << "no CA there";
  ASSERT_TRUE(make_pki({.folder = root, .servers = {"localhost"}, .endpoints = {}, .days = 30}));
  ASSERT_TRUE(add_pki_devices({.folder = root, .servers = {}, .endpoints = {"../x"}, .days = 1}));
  EXPECT_EQ(verify(root + "/ca.pem", root + "/devices/%2E.%2Fx.pem", X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  EXPECT_FALSE(add_pki_devices({.folder = root, .servers = {}, .endpoints = {"../x"}, .days = 1}));
  EXPECT_FALSE(add_pki_devices({.folder = root, .servers = {}, .endpoints = {std::string(65, 'x')}, .days = 1}));
  const std::string longer = "urn:dev:os:" + std::string(100, 'x');
  EXPECT_TRUE(add_pki_devices({.folder = root, .servers = {}, .endpoints = {longer}, .days = 1}));
  EXPECT_FALSE(make_pki({.folder = folder.file("other"), .servers = {"a,IP:192.0.2.1"}, .endpoints = {}, .days = 1}));
}

}  // namespace
}  // namespace drover::cli
