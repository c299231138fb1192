// SPDX-License-Identifier: Apache-2.0
// What a credential store promises a bootstrap server: purposes, exchanges, endpoints, and plans beside it.
#include <gtest/gtest.h>

#include "store/credentials.hpp"
#include "store/test_credentials.hpp"

namespace drover::store {
namespace {

using security::Identity;
using testing::bootstrap;
using testing::certificate;
using testing::kNow;
using testing::psk;
using testing::psk_identity;
using testing::public_key;
using Why = Refusal::Why;

template <class Kept>
using CredentialPurposes = testing::CredentialsContract<Kept>;
TYPED_TEST_SUITE(CredentialPurposes, testing::Backings);

TYPED_TEST(CredentialPurposes, TheKeyOfPlansIsChangedWithThem) {
  auto plans = this->plans();
  ASSERT_TRUE(plans->put("before", Secret<std::string>("first")));
  ASSERT_TRUE(STORE.rekey(testing::sealer(2), *plans, *testing::sms_accounts(this->backing.sms_file())));
  ASSERT_TRUE(plans->put("after", Secret<std::string>("second")));
  plans.reset();
  EXPECT_FALSE(Plans::open(this->backing.plan_table(), testing::sealer(1), this->plan_settings()));
  const auto opened = Plans::open(this->backing.plan_table(), testing::sealer(2), this->plan_settings());
  ASSERT_TRUE(opened) << opened.error().reason;
  EXPECT_EQ((*opened)->find("before")->text.reveal(), "first");
  EXPECT_EQ((*opened)->find("after")->text.reveal(), "second");
}

TYPED_TEST(CredentialPurposes, ARowCantBeMadeServeTheOtherPurpose) {
  this->add(bootstrap(psk("a")));
  this->credentials.reset();
  {
    const auto table = this->backing.table();
    auto content = table->load();
    ASSERT_TRUE(content);
    content->rows[0].credential.purpose = Purpose::Server;
    ASSERT_TRUE(table->commit({.put = {}, .gone = {{1}}, .check = {}}));
    ASSERT_TRUE(table->commit({.put = content->rows, .gone = {}, .check = {}}));
  }
  const auto opened = this->open(testing::sealer());
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().reason.find("the key of credential 1"), std::string::npos) << opened.error().reason;
}

TYPED_TEST(CredentialPurposes, ACredentialProvesItselfOnOneInterfaceAlone) {
  // Appendix F: the same identity for the Bootstrap-Server and the LwM2M Server, with different keys.
  const CredentialId server = this->add(psk("pump", "", "for the server")).id;
  const Credential added = this->add(bootstrap(psk("pump", "", "for bootstrap")));
  EXPECT_EQ(added.purpose, Purpose::Bootstrap);
  NewCredential key;
  key.kind = IdentityKind::PublicKey;
  key.identity = public_key();
  key.endpoint = "valve";
  const CredentialId raw = this->add(bootstrap(key)).id;
  this->reopen();
  EXPECT_EQ(STORE.find(added.id), added);
  EXPECT_EQ(this->key_of("pump"), "for the server");
  EXPECT_EQ(this->key_of("pump", Purpose::Bootstrap), "for bootstrap");
  EXPECT_TRUE(SERVER.holds(server, psk_identity("pump")));
  EXPECT_FALSE(BOOTSTRAP.holds(server, psk_identity("pump")));
  EXPECT_FALSE(SERVER.holds(added.id, psk_identity("pump")));
  EXPECT_TRUE(BOOTSTRAP.may_be(added.id, psk_identity("pump"), "pump"));
  EXPECT_FALSE(SERVER.may_be(added.id, psk_identity("pump"), "pump"));
  EXPECT_EQ(SERVER.find_public_key(as_bytes(public_key())), std::nullopt);
  EXPECT_EQ(BOOTSTRAP.find_public_key(as_bytes(public_key())), raw);
  EXPECT_FALSE(SERVER.is_protected("valve"));
  EXPECT_TRUE(BOOTSTRAP.is_protected("valve"));
  ASSERT_TRUE(STORE.remove(server));
  EXPECT_EQ(this->key_of("pump"), "none");
  EXPECT_EQ(this->key_of("pump", Purpose::Bootstrap), "for bootstrap");
}

TYPED_TEST(CredentialPurposes, CertificatesForABootstrapNeedAnEntryUnlessAskedOtherwise) {
  const std::string print = fingerprint(to_bytes("certificate"));
  const Identity identity{.kind = IdentityKind::Certificate, .name = print, .names = {"pump"}};
  EXPECT_EQ(SERVER.find_certificate(identity), CredentialId{});
  EXPECT_EQ(BOOTSTRAP.find_certificate(identity), std::nullopt);
  EXPECT_FALSE(BOOTSTRAP.may_be({}, identity, "pump"));
  const CredentialId id = this->add(certificate("pump")).id;
  EXPECT_EQ(SERVER.find_certificate(identity), id);
  EXPECT_EQ(BOOTSTRAP.find_certificate(identity), std::nullopt) << "an entry of the other purpose";
  this->any_bootstrap_certificate = true;
  this->reopen();
  EXPECT_EQ(BOOTSTRAP.find_certificate(identity), CredentialId{});
  const CredentialId other = this->add(bootstrap(certificate("pump"))).id;
  EXPECT_EQ(BOOTSTRAP.find_certificate(identity), other) << "a name may be another certificate's for each purpose";
  EXPECT_EQ(SERVER.find_certificate(identity), id);
}

TYPED_TEST(CredentialPurposes, ASecretServesOnePurpose) {
  this->add(psk("a", "pump", "same"));
  const Refusal refusal = this->refusal(bootstrap(psk("b", "pump", "same")));
  EXPECT_EQ(refusal.why, Why::Conflict);
  EXPECT_EQ(refusal.reason, "credential 1 has this key for the purpose server, and each purpose needs one of its own");
  EXPECT_EQ(this->refusal(bootstrap(psk("pump", "", "same"))).why, Why::Conflict) << "its endpoint by equality";
  const CredentialId elsewhere = this->add(bootstrap(psk("b", "valve", "same"))).id;
  EXPECT_EQ(STORE.change(elsewhere, {.endpoint = "pump", .label = {}, .enabled = {}, .expires_at = {}}).error().why,
            Why::Conflict);
  const CredentialId other = this->add(bootstrap(psk("c", "pump", "another"))).id;
  Rotation rotation;
  rotation.identity = "d";
  rotation.key = Secret<Bytes>(to_bytes("same"));
  EXPECT_EQ(STORE.rotate(other, rotation).error().why, Why::Conflict);
  rotation.key = Secret<Bytes>(to_bytes("third"));
  const auto rotated = STORE.rotate(other, rotation);
  ASSERT_TRUE(rotated) << rotated.error().reason;
  EXPECT_EQ(rotated->purpose, Purpose::Bootstrap);
  this->add(psk("again", "pump", "same"));

  NewCredential key;
  key.kind = IdentityKind::PublicKey;
  key.identity = public_key();
  key.endpoint = "x";
  this->add(key);
  key.endpoint = "y";
  EXPECT_NE(this->refusal(bootstrap(key)).reason.find("has this public key for the purpose server"), std::string::npos);
  const std::string print = fingerprint(to_bytes("certificate"));
  this->add(bootstrap(certificate(print)));
  EXPECT_NE(this->refusal(certificate(print, "x")).reason.find("has this certificate for the purpose bootstrap"),
            std::string::npos);

  std::vector<NewCredential> together;
  together.push_back(psk("e", "tank", "same"));
  together.push_back(bootstrap(psk("e", "tank", "same")));
  key.identity = public_key(0xE2);
  together.push_back(key);
  together.push_back(bootstrap(key));
  const auto batch = STORE.add_all(std::move(together), true);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->added.size(), 2U);
  ASSERT_TRUE(batch->refusals[1] && batch->refusals[3]);
  EXPECT_EQ(batch->refusals[1]->reason,
            "another one here has this key for the purpose server, and each purpose needs one of its own");
  EXPECT_EQ(batch->refusals[3]->why, Why::Conflict);
}

TYPED_TEST(CredentialPurposes, AreFoundByPurposeAndEndpoint) {
  this->add(psk("a", "pump", "1"));
  this->add(bootstrap(psk("a", "pump", "2")));
  this->add(psk("pump", "", "3"));
  this->add(certificate("pump"));
  this->add(psk("b", "valve", "4"));
  const auto ids = [this](Purpose purpose, std::string_view endpoint) {
    std::vector<std::uint64_t> found;
    for (const Credential& credential : STORE.of_endpoint(purpose, endpoint)) found.push_back(credential.id.value);
    return found;
  };
  using Ids = std::vector<std::uint64_t>;
  EXPECT_EQ(ids(Purpose::Server, "pump"), (Ids{1, 3, 4}));
  EXPECT_EQ(ids(Purpose::Bootstrap, "pump"), Ids{2});
  EXPECT_EQ(ids(Purpose::Server, "a"), Ids{});
  ASSERT_TRUE(STORE.change({1}, {.endpoint = "valve", .label = {}, .enabled = false, .expires_at = {}}));
  EXPECT_EQ(ids(Purpose::Server, "pump"), (Ids{3, 4}));
  EXPECT_EQ(ids(Purpose::Server, "valve"), (Ids{1, 5})) << "disabled ones, too";
  for (const std::uint64_t id : {std::uint64_t{4}, std::uint64_t{5}, std::uint64_t{2}}) ASSERT_TRUE(STORE.remove({id}));
  EXPECT_EQ(ids(Purpose::Server, "pump"), Ids{3});
  EXPECT_EQ(ids(Purpose::Server, "valve"), Ids{1});
  EXPECT_EQ(ids(Purpose::Bootstrap, "pump"), Ids{});
  EXPECT_FALSE(BOOTSTRAP.is_protected("pump"));
  EXPECT_EQ(STORE.key({3})->reveal(), to_bytes("3"));
  EXPECT_EQ(STORE.key({2}), std::nullopt);
  EXPECT_EQ(STORE.key(this->add(certificate("x")).id), std::nullopt);
  CredentialQuery query;
  query.purpose = Purpose::Bootstrap;
  EXPECT_EQ(STORE.page(query).total, 0U);
  this->add(bootstrap(psk("c", "valve", "5")));
  EXPECT_EQ(STORE.page(query).total, 1U);
  query.endpoint = "valve";
  EXPECT_EQ(STORE.page(query).total, 1U);
  query.purpose = {};
  EXPECT_EQ(STORE.page(query).total, 2U);
}

TYPED_TEST(CredentialPurposes, AnEndpointHasALimit) {
  std::vector<NewCredential> many;
  for (std::size_t i = 0; i <= kPerEndpointMax; ++i) many.push_back(psk("p" + std::to_string(i), "pump"));
  const auto batch = STORE.add_all(std::move(many), true);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->added.size(), kPerEndpointMax);
  ASSERT_TRUE(batch->refusals.back());
  EXPECT_EQ(batch->refusals.back()->why, Why::Full);
  EXPECT_EQ(this->refusal(psk("more", "pump")).reason, "there are 100 credentials for this endpoint already");
  this->add(bootstrap(psk("more", "pump", "other")));
  const CredentialId elsewhere = this->add(psk("more")).id;
  EXPECT_EQ(STORE.change(elsewhere, {.endpoint = "pump", .label = {}, .enabled = {}, .expires_at = {}}).error().why,
            Why::Full);
  ASSERT_TRUE(STORE.exchange({}, {{1}}));
  EXPECT_TRUE(STORE.change(elsewhere, {.endpoint = "pump", .label = {}, .enabled = {}, .expires_at = {}}));
}

TYPED_TEST(CredentialPurposes, AreExchangedInOneStep) {
  const auto one = [](NewCredential credential) {
    credential.issuer = "bootstrap/101";
    std::vector<NewCredential> list;
    list.push_back(std::move(credential));
    return list;
  };
  const CredentialId first = STORE.exchange(one(psk("a", "pump", "1")), {})->added.front().id;
  const CredentialId kept = this->add(psk("b", "pump", "2")).id;
  const std::uint64_t before = STORE.revision();
  // The same identity with another key: what goes makes room.
  const auto second = STORE.exchange(one(psk("a", "pump", "3")), {first, first, {77}});
  ASSERT_TRUE(second) << second.error().reason;
  ASSERT_EQ(second->added.size(), 1U);
  EXPECT_EQ(second->added.front().issuer, "bootstrap/101");
  EXPECT_NE(STORE.revision(), before);
  EXPECT_EQ(STORE.find(first), std::nullopt);
  EXPECT_EQ(this->key_of("a"), "3");
  const CredentialId latest = second->added.front().id;
  EXPECT_EQ(STORE.find(latest), second->added.front());

  const auto refused = STORE.exchange(one(psk("b", "pump", "4")), {latest});
  ASSERT_TRUE(refused);
  EXPECT_TRUE(refused->added.empty());
  ASSERT_TRUE(refused->refusals.front());
  EXPECT_EQ(refused->refusals.front()->why, Why::Conflict);
  EXPECT_TRUE(STORE.find(latest)) << "nothing was done";
  EXPECT_EQ(STORE.exchange(one(psk("c", "pump", "4")), {})->refusals.front(), std::nullopt);
  EXPECT_TRUE(STORE.exchange({}, {latest, {77}}));
  EXPECT_TRUE(STORE.exchange({}, {latest})) << "it is gone already";
  this->reopen();
  EXPECT_EQ(this->key_of("a"), "none");
  EXPECT_EQ(this->key_of("b"), "2");
  EXPECT_TRUE(STORE.find(kept));
  EXPECT_EQ(STORE.size(), 2U);
  NewCredential wordy = psk("d");
  wordy.issuer = std::string(kIssuerMax + 1, 'i');
  EXPECT_EQ(this->refusal(wordy).field, "issuer");
}

TYPED_TEST(CredentialPurposes, AnExpiryThatIsGoneHoldsNothingUp) {
  NewCredential brief = psk("a");
  brief.expires_at = kNow + 10;
  const CredentialId id = this->add(brief).id;
  brief = psk("b");
  brief.expires_at = kNow + 20;
  this->add(brief);
  ASSERT_TRUE(STORE.remove(id));
  this->now = kNow + 10;
  static_cast<void>(STORE.revision());
  const std::uint64_t before = STORE.revision();
  this->now = kNow + 20;
  EXPECT_NE(STORE.revision(), before);
  EXPECT_EQ(this->key_of("b"), "none");
}

}  // namespace
}  // namespace drover::store
