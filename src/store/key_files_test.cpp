// SPDX-License-Identifier: Apache-2.0
#include "store/key_files.hpp"

#include <gtest/gtest.h>
#include <openssl/ec.h>

#include <fstream>

#include "storage/test_folder.hpp"
#include "store/openssl.hpp"

namespace drover::store {
namespace {

using storage::testing::Folder;

/// A key pair in every form.
struct Pair {
  openssl::Key key{EVP_EC_gen("P-256")};

  [[nodiscard]] Bytes spki() const { return openssl::to_der<const EVP_PKEY*>(i2d_PUBKEY, key.get()); }
  [[nodiscard]] Bytes sec1() const { return openssl::to_der<const EVP_PKEY*>(i2d_PrivateKey, key.get()); }
  [[nodiscard]] Bytes pkcs8() const {
    const openssl::PrivateKeyInfo info(EVP_PKEY2PKCS8(key.get()));
    return openssl::to_der<const PKCS8_PRIV_KEY_INFO*>(i2d_PKCS8_PRIV_KEY_INFO, info.get());
  }
  /// OneAsymmetricKey of version 2, with the public key as its field [1] (RFC 5958 §2).
  [[nodiscard]] Bytes second_version() const {
    Bytes first = pkcs8();
    const Bytes info = spki();
    Bytes body(first.begin() + 3, first.end());  // behind 30 81 LENGTH
    EXPECT_EQ(first[1], 0x81);
    body[2] = 1;
    const Bytes point(info.end() - 66, info.end());  // unused bits, 04, x, y
    body.insert(body.end(), {0x81, static_cast<std::uint8_t>(point.size())});
    body.insert(body.end(), point.begin(), point.end());
    Bytes second = {0x30, 0x81, static_cast<std::uint8_t>(body.size())};
    second.insert(second.end(), body.begin(), body.end());
    return second;
  }
  [[nodiscard]] Bytes certificate() const {
    const openssl::Certificate made(X509_new());
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
    X509_NAME* const name = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>("x"), 1, -1, 0);
    X509_set_issuer_name(made.get(), name);
    X509_set_pubkey(made.get(), key.get());
    X509_sign(made.get(), key.get(), EVP_sha256());
    return openssl::to_der<const X509*>(i2d_X509, made.get());
  }
};

Bytes pem(const char* label, const Bytes& der) {
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio(bio.get(), label, "", der.data(), static_cast<long>(der.size()));
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return Bytes(data, data + size);
}

void put(const std::string& file, const Bytes& content) {
  std::ofstream(file, std::ios::binary) << as_text(content);
}

template <class T>
std::string reason(const Result<T>& result) {
  return result ? "fine" : result.error().reason;
}

TEST(KeyFiles, APrivateKeyOfEveryForm) {
  const Pair pair;
  for (const Bytes& form : {pair.sec1(), pair.pkcs8(), pair.second_version(), pem("EC PRIVATE KEY", pair.sec1()),
                            pem("PRIVATE KEY", pair.pkcs8()), pem("PRIVATE KEY", pair.second_version())}) {
    const auto key = parse_private_key(form, "key");
    ASSERT_TRUE(key) << key.error().reason << "\n" << as_text(form);
    EXPECT_EQ(key->reveal(), pair.pkcs8());
    EXPECT_EQ(*public_key_of(*key, "key"), pair.spki());
  }
}

TEST(KeyFiles, ParametersBeforeTheKeyArePassedOver) {  // as `openssl ecparam -genkey` writes it
  const Pair pair;
  Bytes both = pem("EC PARAMETERS", {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07});
  const Bytes key = pem("EC PRIVATE KEY", pair.sec1());
  both.insert(both.end(), key.begin(), key.end());
  EXPECT_TRUE(parse_private_key(both, "key"));
}

TEST(KeyFiles, WhatIsNoPrivateKey) {
  const Pair pair;
  const char* const none =
      "key: is no private key without passphrase in PEM or DER (OneAsymmetricKey, PKCS #8 or SEC 1)";
  for (const Bytes& form : {Bytes{}, to_bytes("hello"), pair.spki(), pem("PUBLIC KEY", pair.spki()), Bytes{0x30, 0x84}}) {
    EXPECT_EQ(reason(parse_private_key(form, "key")), none);
  }
  const Bytes whole = pair.second_version();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_private_key(ByteView(whole).first(size), "key")) << size;
  }
  Bytes longer = pair.pkcs8();
  longer.push_back(0);
  EXPECT_FALSE(parse_private_key(longer, "key"));

  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), pair.key.get(), EVP_aes_256_cbc(), "secret", 6, nullptr, nullptr), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  EXPECT_EQ(reason(parse_private_key(Bytes(data, data + size), "key")), none);

  const openssl::Key other(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  EXPECT_EQ(reason(parse_private_key(openssl::to_der<const EVP_PKEY*>(i2d_PrivateKey, other.get()), "key")),
            "key: is not the key of an elliptic curve");
}

TEST(KeyFiles, PublicKeysAndCertificates) {
  const Pair pair;
  EXPECT_EQ(*parse_public_key(pair.spki(), "key"), pair.spki());
  EXPECT_EQ(*parse_public_key(pem("PUBLIC KEY", pair.spki()), "key"), pair.spki());
  EXPECT_EQ(reason(parse_public_key(pair.certificate(), "key")), "key: is no SubjectPublicKeyInfo in PEM or DER");
  const Bytes first = pair.certificate();
  Bytes chain = pem("CERTIFICATE", first);
  const Bytes second = pem("CERTIFICATE", Pair().certificate());
  chain.insert(chain.end(), second.begin(), second.end());
  const auto list = parse_certificates(chain, "chain");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ(list->front(), first);
  EXPECT_EQ(parse_certificates(first, "chain")->front(), first);
  EXPECT_EQ(*public_key_of_certificate(first, "chain"), pair.spki());
  chain[chain.size() - 60] = '!';
  EXPECT_EQ(reason(parse_certificates(chain, "chain")), "chain: is no certificate in PEM or DER") << "half a chain";
}

TEST(KeyFiles, AServersOwnAreHeldTogether) {
  const Folder folder;
  const Pair one;
  const Pair other;
  const Bytes certificate = one.certificate();
  put(folder.file("cert.pem"), pem("CERTIFICATE", certificate));
  put(folder.file("cert.key"), pem("EC PRIVATE KEY", one.sec1()));
  put(folder.file("raw.key"), other.pkcs8());
  put(folder.file("raw.pub"), other.spki());
  ServerCredentialFiles files{.certificate = folder.file("cert.pem"),
                              .private_key = folder.file("cert.key"),
                              .raw_public_key = folder.file("raw.pub"),
                              .raw_private_key = folder.file("raw.key"),
                              .trust_anchors = {folder.file("cert.pem")}};
  const auto read = read_server_credentials(files);
  ASSERT_TRUE(read) << read.error().reason;
  EXPECT_EQ(read->certificate->chain, std::vector<Bytes>{certificate}) << "DER";
  EXPECT_EQ(read->certificate->private_key.reveal(), one.pkcs8());
  EXPECT_EQ(read->raw_key->public_key, other.spki());
  EXPECT_EQ(read->trust_anchors.size(), 1U);

  ServerCredentialFiles derived = files;
  derived.raw_public_key.clear();
  EXPECT_EQ(read_server_credentials(derived)->raw_key->public_key, other.spki());

  ServerCredentialFiles swapped = files;
  swapped.private_key = files.raw_private_key;
  EXPECT_EQ(reason(read_server_credentials(swapped)), folder.file("raw.key") +
                                                          ": is not the private key of the first certificate in " +
                                                          folder.file("cert.pem"));
  swapped = files;
  swapped.raw_private_key = files.private_key;
  EXPECT_EQ(reason(read_server_credentials(swapped)),
            folder.file("cert.key") + ": is not the private key of " + folder.file("raw.pub"));
  swapped = files;
  swapped.private_key.clear();
  EXPECT_EQ(reason(read_server_credentials(swapped)), "certificate and private_key must be given together");
  swapped = files;
  swapped.trust_anchors = {folder.file("none.pem")};
  EXPECT_EQ(reason(read_server_credentials(swapped)), folder.file("none.pem") + ": No such file or directory");
  EXPECT_EQ(read_server_credentials(swapped).error().fault, Fault::Environment);
  EXPECT_TRUE(read_server_credentials({}));
}

}  // namespace
}  // namespace drover::store
