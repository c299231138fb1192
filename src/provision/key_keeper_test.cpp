// SPDX-License-Identifier: Apache-2.0
// What the store holds before, during and behind a bootstrap.
#include "provision/key_keeper.hpp"

#include <gtest/gtest.h>

#include "store/certificates.hpp"
#include "store/test_credentials.hpp"

namespace drover::provision {
namespace {

using bootstrap::Applied;
using bootstrap::KeyRequest;
using bootstrap::SecurityMode;
using security::IdentityKind;
using store::Purpose;
namespace openssl = store::openssl;

class Keeping : public ::testing::Test {
 protected:
  Keeping() {
    store::Credentials::Settings settings;
    settings.unix_now = [] { return store::testing::kNow; };
    auto opened = store::Credentials::open(backing.table(), store::testing::sealer(), std::move(settings));
    EXPECT_TRUE(opened);
    credentials = std::move(*opened);
    keeper.emplace(*credentials, KeyKeeper::Settings{});
  }
  static KeyRequest psk(std::string identity, std::optional<std::uint16_t> server = 101, std::size_t bytes = 16) {
    return {server, SecurityMode::Psk, "coaps://server", std::move(identity), bytes, {}};
  }
  static bootstrap::KeysWanted wanted(std::uint64_t session, std::vector<KeyRequest> requests, bool rotate = false) {
    return {{session}, "device", {}, {}, rotate, std::move(requests)};
  }
  static bootstrap::SessionEnded ended(std::uint64_t session, Applied applied) {
    bootstrap::SessionEnded end;
    end.session = {session};
    end.endpoint = "device";
    end.applied = applied;
    return end;
  }
  static const security::PskCredential& psk_of(const security::ClientCredential& keys) {
    return std::get<security::PskCredential>(keys.own);
  }
  [[nodiscard]] bool opens(std::string_view identity, Purpose purpose = Purpose::Server) const {
    return credentials->source(purpose).find_psk(identity).has_value();
  }

  store::testing::MemoryBacking backing;
  std::unique_ptr<store::Credentials> credentials;
  std::optional<KeyKeeper> keeper;
};

TEST_F(Keeping, AGeneratedKeyOpensTheServerBeforeTheDeviceHasIt) {
  const auto keys = keeper->provide(wanted(1, {psk("device.1")}));
  ASSERT_TRUE(keys) << keys.error().reason;
  EXPECT_EQ(psk_of(keys->front()).identity, "device.1");
  EXPECT_EQ(psk_of(keys->front()).key.reveal().size(), 16U);
  const auto known = credentials->source(Purpose::Server).find_psk("device.1");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->key.reveal(), psk_of(keys->front()).key.reveal());
  EXPECT_FALSE(opens("device.1", Purpose::Bootstrap));
  const auto entries = credentials->of_endpoint(Purpose::Server, "device");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries.front().issuer, "bootstrap/101");
}

TEST_F(Keeping, ADeviceThatComesBackGetsTheSameKey) {
  const auto first = keeper->provide(wanted(1, {psk("device.1")}));
  ASSERT_TRUE(keeper->ended(ended(1, Applied::Yes)));
  const auto second = keeper->provide(wanted(2, {psk("device.2")}));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(psk_of(second->front()).identity, "device.1");
  EXPECT_EQ(psk_of(second->front()).key.reveal(), psk_of(first->front()).key.reveal());
  ASSERT_TRUE(keeper->ended(ended(2, Applied::Yes)));
  EXPECT_TRUE(opens("device.1"));
}

TEST_F(Keeping, ARotatedKeyRetiresTheOldOneOnceTheDeviceHasIt) {
  ASSERT_TRUE(keeper->provide(wanted(1, {psk("device.1")})));
  ASSERT_TRUE(keeper->ended(ended(1, Applied::Yes)));
  const auto rotated = keeper->provide(wanted(2, {psk("device.2")}, true));
  ASSERT_TRUE(rotated);
  EXPECT_EQ(psk_of(rotated->front()).identity, "device.2");
  EXPECT_TRUE(opens("device.1") && opens("device.2")) << "both, while nobody knows which one the device uses";
  ASSERT_TRUE(keeper->ended(ended(2, Applied::Yes)));
  EXPECT_FALSE(opens("device.1"));
  EXPECT_TRUE(opens("device.2"));
}

TEST_F(Keeping, WhatAFailedSessionMadeGoes) {
  ASSERT_TRUE(keeper->provide(wanted(1, {psk("device.1")})));
  ASSERT_TRUE(keeper->ended(ended(1, Applied::Yes)));
  ASSERT_TRUE(keeper->provide(wanted(2, {psk("device.2")}, true)));
  ASSERT_TRUE(keeper->ended(ended(2, Applied::No)));
  EXPECT_TRUE(opens("device.1"));
  EXPECT_FALSE(opens("device.2"));
}

TEST_F(Keeping, AnUnansweredFinishLeavesBoth) {
  ASSERT_TRUE(keeper->provide(wanted(1, {psk("device.1")})));
  ASSERT_TRUE(keeper->ended(ended(1, Applied::Yes)));
  ASSERT_TRUE(keeper->provide(wanted(2, {psk("device.2")}, true)));
  ASSERT_TRUE(keeper->ended(ended(2, Applied::Unknown)));
  EXPECT_TRUE(opens("device.1") && opens("device.2"));
  const auto next = keeper->provide(wanted(3, {psk("device.3")}));
  EXPECT_EQ(psk_of(next->front()).identity, "device.2") << "the newest";
  ASSERT_TRUE(keeper->ended(ended(3, Applied::Yes)));
  EXPECT_FALSE(opens("device.1"));
}

TEST_F(Keeping, EntriesOfAdministratorsAndOfOtherServersStay) {
  ASSERT_TRUE(credentials->add(store::testing::psk("by hand", "device", "another secret")));
  ASSERT_TRUE(keeper->provide(wanted(1, {psk("device.1", 101), psk("device.2", 102)})));
  ASSERT_TRUE(keeper->ended(ended(1, Applied::Yes)));
  ASSERT_TRUE(keeper->provide(wanted(2, {psk("device.3", 101)}, true)));
  ASSERT_TRUE(keeper->ended(ended(2, Applied::Yes)));
  EXPECT_TRUE(opens("by hand") && opens("device.2") && opens("device.3"));
  EXPECT_FALSE(opens("device.1"));
}

TEST_F(Keeping, TheNewBootstrapAccountsKeyOpensTheBootstrapServerAlone) {
  const auto keys = keeper->provide(wanted(1, {psk("device.b", std::nullopt)}));
  ASSERT_TRUE(keys);
  EXPECT_TRUE(opens("device.b", Purpose::Bootstrap));
  EXPECT_FALSE(opens("device.b"));
}

TEST_F(Keeping, AFullOrFailingStoreIsToldAndNothingIsHandedOut) {
  backing.disk->failing = true;
  const auto keys = keeper->provide(wanted(1, {psk("device.1")}));
  ASSERT_FALSE(keys);
  EXPECT_FALSE(opens("device.1"));
  backing.disk->failing = false;
  ASSERT_TRUE(keeper->provide(wanted(2, {psk("device.1")})));
}

TEST_F(Keeping, ARawKeyIsAPairWhosePublicHalfIsKnown) {
  KeyRequest request{std::uint16_t{101}, SecurityMode::RawPublicKey, "coaps://server", "", 0, {}};
  const auto without = keeper->provide(wanted(1, {request}));
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().reason, "server 101: the server has no raw public key: give server_public_key in the plan, or "
                                    "raw_private_key to the server");
  request.server_public_key = {1, 2, 3};
  const auto keys = keeper->provide(wanted(2, {request}));
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->front().server_public_key, (Bytes{1, 2, 3}));
  const auto& pair = std::get<security::RawKeyCredential>(keys->front().own);
  EXPECT_TRUE(credentials->source(Purpose::Server).find_public_key(pair.public_key));
  const unsigned char* at = pair.private_key.reveal().data();
  const openssl::Key key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pair.private_key.reveal().size())));
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(openssl::to_der<const EVP_PKEY*>(i2d_PUBKEY, key.get()), pair.public_key);
}

TEST_F(Keeping, ACertificateIsSignedByTheAuthorityAndNamesTheEndpoint) {
  const openssl::Key ca_key(EVP_EC_gen("P-256"));
  const openssl::Certificate ca = store::make_certificate(
      {store::CertificateRole::Authority, "CA", nullptr, ca_key.get()}, nullptr, nullptr, 10);
  const openssl::PrivateKeyInfo info(EVP_PKEY2PKCS8(ca_key.get()));
  KeyKeeper::Settings settings;
  settings.authority = security::CertificateCredential{
      {openssl::to_der<const X509*>(i2d_X509, ca.get())},
      Secret<Bytes>(openssl::to_der<const PKCS8_PRIV_KEY_INFO*>(i2d_PKCS8_PRIV_KEY_INFO, info.get()))};
  keeper.emplace(*credentials, settings);
  const KeyRequest request{std::uint16_t{101}, SecurityMode::Certificate, "coaps://server", "", 0, {9}};
  const auto keys = keeper->provide(wanted(1, {request}));
  ASSERT_TRUE(keys) << keys.error().reason;
  const Bytes& der = std::get<security::CertificateCredential>(keys->front().own).chain.front();
  const unsigned char* at = der.data();
  const openssl::Certificate made(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(X509_verify(made.get(), ca_key.get()), 1);
  char name[64] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(made.get()), NID_commonName, name, sizeof name);
  EXPECT_STREQ(name, "device");
  EXPECT_EQ(credentials->of_endpoint(Purpose::Server, "device").front().identity, store::fingerprint(der));
}

}  // namespace
}  // namespace drover::provision
