// SPDX-License-Identifier: Apache-2.0
// Core Appendix B.1.6 and B.2.6, and the cases 401 and 402: registration and Read over DTLS with each kind of key, and
// what either side makes of a peer that hasn't the right one.
#include "tests/conformance/secure_link.hpp"

namespace drover::conformance {
namespace {

using client::SecurityObject;
using security::testing::issue;
using security::testing::Issued;
using security::testing::KeyPair;

// The suites that a client and a server must have (Transport, tables of mandatory cipher suites).
constexpr unsigned kPskAes128Ccm8 = 0xC0A8;         // RFC 6655
constexpr unsigned kEcdheEcdsaAes128Ccm8 = 0xC0AE;  // RFC 7251

client::SecurityValues shared_key(std::string_view key = kSharedKey) {
  client::SecurityValues values;
  values.mode = SecurityObject::kPreSharedKey;
  values.identity = to_bytes(kEndpoint);
  values.key = Secret<Bytes>(to_bytes(key));
  return values;
}

client::SecurityValues raw_key(const KeyPair& own, const KeyPair& server) {
  client::SecurityValues values;
  values.mode = SecurityObject::kRawPublicKey;
  values.identity = own.public_key();
  values.key = own.pkcs8();
  values.server_key = server.public_key();
  return values;
}

client::SecurityValues certificate(const Issued& own, const Issued& trusted) {
  client::SecurityValues values;
  values.mode = SecurityObject::kCertificate;
  values.identity = own.der();
  values.key = own.pair.pkcs8();
  values.server_key = trusted.der();
  return values;
}

/// The server's raw public key, and that it knows the client's; the name is the application's mapping.
struct RawKeys {
  KeyPair client, server;
  security::ServerCredentials own() const {
    security::ServerCredentials credentials;
    credentials.raw_key = server.raw();
    return credentials;
  }
};

struct Certificates {
  Issued root = issue({.common_name = "root", .authority = true});
  Issued client = issue({.common_name = kEndpoint}, &root);
  Issued server = issue({.common_name = kHost, .alternative_names = std::string("DNS:") + kHost}, &root);
  security::ServerCredentials own() const {
    security::ServerCredentials credentials;
    credentials.certificate = server.credential();
    credentials.trust_anchors = {root.der()};
    return credentials;
  }
};

TEST(Scr, SEC_001_C_AModeWithKeysIsEnoughToBeManaged) {
  SecureLink link(shared_key());
  link.start();
  EXPECT_TRUE(link.is_registered());
  EXPECT_EQ(link.read_manufacturer(), kManufacturer);
}

TEST(Scr, SEC_002_C_PreSharedKey) {
  SecureLink link(shared_key());
  link.start();
  EXPECT_TRUE(link.is_registered());
  EXPECT_EQ(link.suite(), kPskAes128Ccm8);
  SecureLink other(shared_key("another key"));
  other.start();
  EXPECT_FALSE(other.is_registered());
  EXPECT_NE(other.failure(), "");
}

TEST(Scr, SEC_003_C_RawPublicKey) {
  const RawKeys keys;
  SecureLink link(raw_key(keys.client, keys.server), keys.own());
  link.know(keys.client);
  link.start();
  EXPECT_TRUE(link.is_registered()) << link.failure() << link.refusal();
  EXPECT_EQ(link.suite(), kEcdheEcdsaAes128Ccm8);
  // Another server than the one whose key the account has.
  SecureLink other(raw_key(keys.client, KeyPair()), keys.own());
  other.know(keys.client);
  other.start();
  EXPECT_FALSE(other.is_registered());
  EXPECT_NE(other.failure().find("another public key"), std::string::npos) << other.failure();
}

TEST(Scr, SEC_004_C_Certificate) {
  const Certificates certificates;
  SecureLink link(certificate(certificates.client, certificates.root), certificates.own());
  link.start();
  EXPECT_TRUE(link.is_registered()) << link.failure() << link.refusal();
  EXPECT_EQ(link.suite(), kEcdheEcdsaAes128Ccm8);
  // The server's own certificate instead of the one above it (domain-issued).
  SecureLink issued(certificate(certificates.client, certificates.server), certificates.own());
  issued.start();
  EXPECT_TRUE(issued.is_registered()) << issued.failure();
  SecureLink foreign(certificate(certificates.client, issue({.common_name = "root", .authority = true})), certificates.own());
  foreign.start();
  EXPECT_FALSE(foreign.is_registered());
}

TEST(Scr, SEC_006_C_DtlsOverUdp) {
  SecureLink link(shared_key());
  link.start();
  EXPECT_EQ(link.read_manufacturer(), kManufacturer);
  EXPECT_TRUE(link.was_all_dtls());
}

TEST(Scr, SEC_002_S_PreSharedKey) {
  SecureLink link(shared_key());
  link.start();
  EXPECT_EQ(link.identity(), std::string("psk \"") + kEndpoint + "\"");
  EXPECT_EQ(link.suite(), kPskAes128Ccm8);
  SecureLink wrong(shared_key("another key"));
  wrong.start();
  EXPECT_EQ(wrong.identity(), "");
  EXPECT_NE(wrong.refusal().find("wrong pre-shared key"), std::string::npos);
  SecureLink unknown(shared_key());
  unknown.known.psks.clear();
  unknown.start();
  EXPECT_EQ(unknown.identity(), "");
  EXPECT_NE(unknown.refusal(), "");
}

TEST(Scr, SEC_003_S_RawPublicKey) {
  const RawKeys keys;
  SecureLink link(raw_key(keys.client, keys.server), keys.own());
  link.know(keys.client);
  link.start();
  EXPECT_EQ(link.identity().substr(0, 11), "public-key ");
  SecureLink unknown(raw_key(keys.client, keys.server), keys.own());
  unknown.start();
  EXPECT_EQ(unknown.identity(), "");
  EXPECT_NE(unknown.refusal(), "");
}

TEST(Scr, SEC_004_S_Certificate) {
  const Certificates certificates;
  SecureLink link(certificate(certificates.client, certificates.root), certificates.own());
  link.start();
  EXPECT_EQ(link.identity().substr(0, 12), "certificate ");
  // Signed by somebody else, and of another endpoint.
  SecureLink foreign(certificate(issue({.common_name = kEndpoint}), certificates.root), certificates.own());
  foreign.start();
  EXPECT_EQ(foreign.identity(), "");
  EXPECT_NE(foreign.refusal(), "");
  SecureLink other(certificate(issue({.common_name = "other"}, &certificates.root), certificates.root), certificates.own());
  other.start();
  EXPECT_EQ(other.identity(), "");
  EXPECT_NE(other.failure().find("refused: Bad Request"), std::string::npos) << other.failure();
}

TEST(Scr, SEC_006_S_DtlsOverUdp) {
  SecureLink link(shared_key());
  link.start();
  EXPECT_NE(link.identity(), "");
  EXPECT_EQ(link.read_manufacturer(), kManufacturer);
  EXPECT_TRUE(link.was_all_dtls());
}

TEST(Ets, Case401_RegistrationAndReadWithAPreSharedKey) {
  SecureLink link(shared_key());
  link.start();
  EXPECT_TRUE(link.is_registered());
  EXPECT_NE(link.identity(), "");
  EXPECT_EQ(link.read_manufacturer(), kManufacturer);
  EXPECT_EQ(link.suite(), kPskAes128Ccm8);
  EXPECT_TRUE(link.was_all_dtls());
}

TEST(Ets, Case402_RegistrationAndReadWithCertificates) {
  const Certificates certificates;
  SecureLink link(certificate(certificates.client, certificates.root), certificates.own());
  link.start();
  EXPECT_TRUE(link.is_registered());
  EXPECT_NE(link.identity(), "");
  EXPECT_EQ(link.read_manufacturer(), kManufacturer);
  EXPECT_EQ(link.suite(), kEcdheEcdsaAes128Ccm8);
  EXPECT_TRUE(link.was_all_dtls());
}

}  // namespace
}  // namespace drover::conformance
