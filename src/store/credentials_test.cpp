// SPDX-License-Identifier: Apache-2.0
// What a credential store promises, whether it keeps a file or memory.
#include "store/credentials.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "store/test_backing.hpp"

namespace drover::store {
namespace {

using security::Identity;
using testing::bootstrap;
using testing::certificate;
using testing::psk;
using testing::psk_identity;
using testing::public_key;
using Why = Refusal::Why;

constexpr UnixSeconds kNow = 1'800'000'000;

template <class Kept>
class CredentialsContract : public ::testing::Test {
 protected:
  CredentialsContract() { reopen(); }

  Result<std::unique_ptr<Credentials>> open(Sealer sealer) {
    credentials.reset();
    Credentials::Settings settings;
    settings.any_certificate = any_certificate;
    settings.any_bootstrap_certificate = any_bootstrap_certificate;
    settings.entries_max = entries_max;
    settings.unix_now = [this] { return now.load(); };
    return Credentials::open(backing.table(), std::move(sealer), std::move(settings));
  }
  void reopen(std::uint8_t key = 1) {
    auto opened = open(testing::sealer(key));
    ASSERT_TRUE(opened) << opened.error().reason;
    credentials = std::move(*opened);
  }
  Credential add(NewCredential credential) {
    auto added = credentials->add(std::move(credential));
    EXPECT_TRUE(added) << (added ? "" : added.error().reason);
    return added ? *added : Credential{};
  }
  Refusal refusal(NewCredential credential) {
    auto added = credentials->add(std::move(credential));
    EXPECT_FALSE(added);
    return added ? Refusal{} : added.error();
  }
  [[nodiscard]] std::string key_of(std::string_view identity, Purpose purpose = Purpose::Server) const {
    const auto known = credentials->source(purpose).find_psk(identity);
    return known ? std::string(as_text(known->key.reveal())) : "none";
  }

  std::unique_ptr<Plans> plans() {
    auto opened = Plans::open(backing.plan_table(), testing::sealer(), plan_settings());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().reason);
    return std::move(*opened);
  }
  Plans::Settings plan_settings() {
    Plans::Settings settings;
    settings.unix_now = [this] { return now.load(); };
    return settings;
  }

  Kept backing;
  std::atomic<UnixSeconds> now{kNow};
  bool any_certificate = true;
  bool any_bootstrap_certificate = false;
  std::size_t entries_max = 1000;
  std::unique_ptr<Credentials> credentials;
};
using Backings = ::testing::Types<testing::MemoryBacking, testing::FileBacking>;
TYPED_TEST_SUITE(CredentialsContract, Backings);

// The fixture's members are a dependent base's.
#define STORE (*this->credentials)
#define SERVER (this->credentials->source(Purpose::Server))
#define BOOTSTRAP (this->credentials->source(Purpose::Bootstrap))

TYPED_TEST(CredentialsContract, WhatWasAddedIsThereAgainAfterwards) {
  NewCredential first = psk("sensor-1", "urn:dev:os:1", std::string("k\0y", 3));
  first.label = "Dach, Süd";
  first.expires_at = kNow + 60;
  const Credential added = this->add(std::move(first));
  EXPECT_EQ(added, (Credential{.id = {1},
                               .kind = IdentityKind::Psk,
                               .identity = "sensor-1",
                               .endpoint = "urn:dev:os:1",
                               .label = "Dach, Süd",
                               .created_at = kNow,
                               .expires_at = kNow + 60,
                               .enabled = true}));
  NewCredential key;
  key.kind = IdentityKind::PublicKey;
  key.identity = public_key();
  key.endpoint = "pump";
  key.enabled = false;
  const Credential second = this->add(std::move(key));
  const Credential third = this->add(certificate("valve.example"));
  this->reopen();
  EXPECT_EQ(STORE.find(added.id), added);
  EXPECT_EQ(STORE.find(second.id), second);
  EXPECT_EQ(STORE.find(third.id), third);
  EXPECT_EQ(this->key_of("sensor-1"), std::string("k\0y", 3));
  EXPECT_EQ(STORE.size(), 3U);
}

TYPED_TEST(CredentialsContract, AnIdIsNeverGivenAgain) {
  const Credential first = this->add(psk("a"));
  ASSERT_TRUE(STORE.remove(first.id));
  EXPECT_EQ(this->add(psk("a")).id.value, 2U);
  ASSERT_TRUE(STORE.remove({2}));
  this->reopen();
  EXPECT_EQ(this->add(psk("a")).id.value, 3U);
  EXPECT_EQ(STORE.remove(first.id).error().why, Why::NotFound);
}

TYPED_TEST(CredentialsContract, OneOfAKindAndIdentity) {
  this->add(psk("a", "x"));
  const Refusal refusal = this->refusal(psk("a", "y"));
  EXPECT_EQ(refusal.why, Why::Conflict);
  EXPECT_EQ(refusal.reason, "credential 1 has this identity already");
  this->add(certificate("a"));
  EXPECT_EQ(STORE.size(), 2U) << "another kind is another identity";
}

TYPED_TEST(CredentialsContract, WhatCantBeProvedIsRefused) {
  EXPECT_EQ(this->refusal(psk("")).field, "identity");
  EXPECT_EQ(this->refusal(psk(std::string(security::kPskIdentityMax + 1, 'x'))).field, "identity");
  EXPECT_EQ(this->refusal(psk("a\nb")).field, "identity");
  EXPECT_EQ(this->refusal(psk("\xFF")).field, "identity");
  EXPECT_EQ(this->refusal(psk("a", "", "")).field, "key");
  EXPECT_EQ(this->refusal(psk("a", "", std::string(security::kPskMax + 1, 'k'))).field, "key");
  EXPECT_EQ(this->refusal(psk("a", std::string(kEndpointMax + 1, 'e'))).field, "endpoint");
  NewCredential key;
  key.kind = IdentityKind::PublicKey;
  key.identity = public_key();
  EXPECT_EQ(this->refusal(key).field, "endpoint") << "a raw public key has no name";
  key.endpoint = "x";
  key.identity += '\0';
  EXPECT_EQ(this->refusal(key).field, "public_key");
  NewCredential keyed = certificate("x");
  keyed.key = Secret<Bytes>(to_bytes("k"));
  EXPECT_EQ(this->refusal(keyed).field, "key");
  EXPECT_EQ(STORE.size(), 0U);
}

TYPED_TEST(CredentialsContract, AnEndpointNameIsTheBoundOneOrEqual) {
  const CredentialId equal = this->add(psk("urn:dev:os:1")).id;
  const CredentialId bound = this->add(psk("key-7", "urn:dev:os:7")).id;
  EXPECT_TRUE(SERVER.may_be(equal, psk_identity("urn:dev:os:1"), "urn:dev:os:1"));
  EXPECT_FALSE(SERVER.may_be(equal, psk_identity("urn:dev:os:1"), "urn:dev:os:7"));
  EXPECT_TRUE(SERVER.may_be(bound, psk_identity("key-7"), "urn:dev:os:7"));
  EXPECT_FALSE(SERVER.may_be(bound, psk_identity("key-7"), "key-7")) << "bound to another";
  EXPECT_FALSE(SERVER.may_be(bound, psk_identity("key-7"), "urn:dev:os:1"));
  EXPECT_FALSE(SERVER.may_be(bound, psk_identity("urn:dev:os:1"), "urn:dev:os:7")) << "not this credential's identity";
  EXPECT_FALSE(SERVER.may_be(equal, psk_identity("urn:dev:os:1"), ""));
  EXPECT_FALSE(SERVER.may_be({}, psk_identity("urn:dev:os:1"), "urn:dev:os:1"));
  EXPECT_FALSE(SERVER.may_be({}, {}, "urn:dev:os:1")) << "nothing was proved";
}

TYPED_TEST(CredentialsContract, ARawPublicKeyIsComparedAsAWhole) {
  NewCredential key;
  key.kind = IdentityKind::PublicKey;
  key.identity = public_key();
  key.endpoint = "pump";
  const CredentialId id = this->add(key).id;
  EXPECT_EQ(SERVER.find_public_key(as_bytes(public_key())), id);
  EXPECT_EQ(SERVER.find_public_key(as_bytes(public_key(0xE2))), std::nullopt);
  const Identity identity{.kind = IdentityKind::PublicKey, .name = fingerprint(as_bytes(public_key())), .names = {}};
  EXPECT_TRUE(SERVER.holds(id, identity));
  EXPECT_TRUE(SERVER.may_be(id, identity, "pump"));
  EXPECT_FALSE(SERVER.may_be(id, identity, "valve"));
  EXPECT_FALSE(SERVER.holds(id, {.kind = IdentityKind::PublicKey, .name = "other", .names = {}}));
  EXPECT_FALSE(SERVER.holds(id, psk_identity(identity.name)));
}

TYPED_TEST(CredentialsContract, AValidatedCertificateIsGoodForItsNamesUnlessAnEntrySaysOtherwise) {
  const std::string print = fingerprint(to_bytes("certificate"));
  const Identity identity{.kind = IdentityKind::Certificate, .name = print, .names = {"pump", "urn:dev:os:9"}};
  EXPECT_EQ(SERVER.find_certificate(identity), CredentialId{});
  EXPECT_TRUE(SERVER.holds({}, identity));
  EXPECT_TRUE(SERVER.may_be({}, identity, "urn:dev:os:9"));
  EXPECT_FALSE(SERVER.may_be({}, identity, "valve"));

  const CredentialId named = this->add(certificate("urn:dev:os:9", "valve")).id;
  EXPECT_EQ(SERVER.find_certificate(identity), named);
  EXPECT_FALSE(SERVER.holds({}, identity)) << "it has an entry now";
  EXPECT_TRUE(SERVER.may_be(named, identity, "valve"));
  EXPECT_FALSE(SERVER.may_be(named, identity, "pump")) << "bound to another";

  const CredentialId exact = this->add(certificate(print)).id;
  EXPECT_EQ(SERVER.find_certificate(identity), exact) << "the fingerprint goes first";
  EXPECT_TRUE(SERVER.may_be(exact, identity, "pump"));

  ASSERT_TRUE(STORE.change(exact, {.endpoint = {}, .label = {}, .enabled = false, .expires_at = {}}));
  EXPECT_EQ(SERVER.find_certificate(identity), std::nullopt) << "disabled, not unknown";
  ASSERT_TRUE(STORE.remove(exact));
  ASSERT_TRUE(STORE.change(named, {.endpoint = {}, .label = {}, .enabled = false, .expires_at = {}}));
  EXPECT_EQ(SERVER.find_certificate(identity), std::nullopt);
  EXPECT_FALSE(SERVER.may_be({}, identity, "pump"));
}

TYPED_TEST(CredentialsContract, OnlyListedCertificatesOnRequest) {
  this->any_certificate = false;
  this->reopen();
  const std::string print = fingerprint(to_bytes("certificate"));
  const Identity identity{.kind = IdentityKind::Certificate, .name = print, .names = {"pump"}};
  EXPECT_EQ(SERVER.find_certificate(identity), std::nullopt);
  EXPECT_FALSE(SERVER.holds({}, identity));
  EXPECT_FALSE(SERVER.may_be({}, identity, "pump"));
  const CredentialId id = this->add(certificate("pump")).id;
  EXPECT_EQ(SERVER.find_certificate(identity), id);
}

TYPED_TEST(CredentialsContract, FingerprintsComeInSeveralForms) {
  const std::string print = fingerprint(to_bytes("certificate"));
  std::string shown;
  for (std::size_t i = 0; i < print.size(); i += 2) shown += (i == 0 ? "" : ":") + print.substr(i, 2);
  for (char& digit : shown) digit = static_cast<char>(std::toupper(digit));
  EXPECT_EQ(this->add(certificate(shown)).identity, print);
  // A CA that is careless about names doesn't give away another certificate's entry.
  const Identity forged{.kind = IdentityKind::Certificate, .name = fingerprint(to_bytes("other")), .names = {print}};
  EXPECT_EQ(SERVER.find_certificate(forged), CredentialId{});
}

TYPED_TEST(CredentialsContract, TwoAreValidWhileKeysRotate) {
  const CredentialId old = this->add(psk("urn:dev:os:1")).id;
  Rotation rotation;
  rotation.identity = "urn:dev:os:1#2";
  rotation.key = Secret<Bytes>(to_bytes("new"));
  rotation.retire_after = 3600;
  const auto rotated = STORE.rotate(old, rotation);
  ASSERT_TRUE(rotated) << rotated.error().reason;
  EXPECT_EQ(rotated->endpoint, "urn:dev:os:1") << "equality would fail for the new identity";
  EXPECT_TRUE(SERVER.may_be(old, psk_identity("urn:dev:os:1"), "urn:dev:os:1"));
  EXPECT_TRUE(SERVER.may_be(rotated->id, psk_identity("urn:dev:os:1#2"), "urn:dev:os:1"));

  const std::uint64_t before = STORE.revision();
  this->now = kNow + 3599;
  EXPECT_EQ(STORE.revision(), before);
  EXPECT_EQ(this->key_of("urn:dev:os:1"), "secret");
  this->now = kNow + 3600;
  EXPECT_NE(STORE.revision(), before) << "whoever keeps associations asks again";
  EXPECT_EQ(this->key_of("urn:dev:os:1"), "none");
  EXPECT_FALSE(SERVER.holds(old, psk_identity("urn:dev:os:1")));
  EXPECT_EQ(this->key_of("urn:dev:os:1#2"), "new");
  const std::uint64_t after = STORE.revision();
  EXPECT_EQ(STORE.revision(), after) << "once";
  this->reopen();
  EXPECT_EQ(this->key_of("urn:dev:os:1"), "none");
  EXPECT_EQ(this->key_of("urn:dev:os:1#2"), "new");

  EXPECT_EQ(STORE.rotate({99}, rotation).error().why, Why::NotFound);
  EXPECT_EQ(STORE.rotate(old, rotation).error().why, Why::Conflict);
  Rotation keyless;
  keyless.identity = "third";
  EXPECT_EQ(STORE.rotate(old, keyless).error().field, "key");
}

TYPED_TEST(CredentialsContract, ARemovedOrDisabledOneHoldsNoLonger) {
  const CredentialId id = this->add(psk("a", "x")).id;
  const std::uint64_t first = STORE.revision();
  ASSERT_TRUE(STORE.change(id, {.endpoint = {}, .label = {}, .enabled = false, .expires_at = {}}));
  EXPECT_FALSE(SERVER.holds(id, psk_identity("a")));
  EXPECT_EQ(this->key_of("a"), "none");
  const std::uint64_t second = STORE.revision();
  EXPECT_NE(first, second);
  ASSERT_TRUE(STORE.change(id, {.endpoint = {}, .label = {}, .enabled = true, .expires_at = {}}));
  EXPECT_EQ(this->key_of("a"), "secret") << "the key stays with all changes";
  const std::uint64_t third = STORE.revision();
  ASSERT_TRUE(STORE.change(id, {.endpoint = {}, .label = "roof", .enabled = {}, .expires_at = {}}));
  this->add(psk("b"));
  EXPECT_EQ(STORE.revision(), third) << "a label, or a new key, ends nothing";
  ASSERT_TRUE(STORE.change(id, {.endpoint = "y", .label = {}, .enabled = {}, .expires_at = {}}));
  EXPECT_TRUE(SERVER.may_be(id, psk_identity("a"), "y"));
  EXPECT_FALSE(SERVER.may_be(id, psk_identity("a"), "x"));
  const std::uint64_t fourth = STORE.revision();
  ASSERT_TRUE(STORE.remove(id));
  EXPECT_NE(STORE.revision(), fourth);
  EXPECT_FALSE(SERVER.holds(id, psk_identity("a")));
  const CredentialId again = this->add(psk("a", "y")).id;
  EXPECT_FALSE(SERVER.holds(id, psk_identity("a"))) << "another entry";
  EXPECT_TRUE(SERVER.holds(again, psk_identity("a")));
}

TYPED_TEST(CredentialsContract, AnEndpointWithACredentialIsProtected) {
  EXPECT_FALSE(SERVER.is_protected("x"));
  const CredentialId first = this->add(psk("a", "x")).id;
  const CredentialId second = this->add(psk("x")).id;
  EXPECT_FALSE(SERVER.is_protected("a")) << "its holder can't be that";
  ASSERT_TRUE(STORE.change(first, {.endpoint = "y", .label = {}, .enabled = false, .expires_at = {}}));
  EXPECT_TRUE(SERVER.is_protected("y")) << "disabled, not forgotten";
  EXPECT_TRUE(SERVER.is_protected("x"));
  ASSERT_TRUE(STORE.remove(second));
  EXPECT_FALSE(SERVER.is_protected("x"));
  this->reopen();
  EXPECT_TRUE(SERVER.is_protected("y"));
}

TYPED_TEST(CredentialsContract, PagesGoThroughAllOnce) {
  for (int i = 0; i < 7; ++i) this->add(psk("p" + std::to_string(i), i % 2 == 0 ? "even" : "odd"));
  this->add(certificate("even"));
  CredentialQuery query;
  query.limit = 3;
  std::vector<std::uint64_t> ids;
  for (;;) {
    const CredentialPage page = STORE.page(query);
    EXPECT_EQ(page.total, 8U);
    for (const Credential& credential : page.credentials) ids.push_back(credential.id.value);
    query.after = page.next;
    if (page.next == CredentialId{}) break;
  }
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  query = {};
  query.endpoint = "even";
  EXPECT_EQ(STORE.page(query).total, 5U) << "by equality, too";
  query.kind = IdentityKind::Certificate;
  EXPECT_EQ(STORE.page(query).credentials.front().id.value, 8U);
}

TYPED_TEST(CredentialsContract, ManyAreAddedTogetherOrNot) {
  const auto three = [] {
    std::vector<NewCredential> list;
    list.push_back(psk("a"));
    list.push_back(psk("a"));
    list.push_back(psk("b"));
    return list;
  };
  auto whole = STORE.add_all(three(), false);
  ASSERT_TRUE(whole);
  EXPECT_TRUE(whole->added.empty());
  EXPECT_FALSE(whole->refusals[0]);
  ASSERT_TRUE(whole->refusals[1]);
  EXPECT_EQ(whole->refusals[1]->why, Why::Conflict);
  EXPECT_EQ(STORE.size(), 0U);
  auto part = STORE.add_all(three(), true);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->added.size(), 2U);
  EXPECT_EQ(this->add(psk("c")).id.value, 3U);
  this->reopen();
  EXPECT_EQ(STORE.size(), 3U);
}

TYPED_TEST(CredentialsContract, ThereIsALimit) {
  this->entries_max = 2;
  this->reopen();
  this->add(psk("a"));
  std::vector<NewCredential> two;
  two.push_back(psk("b"));
  two.push_back(psk("c"));
  const auto batch = STORE.add_all(std::move(two), true);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->added.size(), 1U);
  ASSERT_TRUE(batch->refusals[1]);
  EXPECT_EQ(batch->refusals[1]->why, Why::Full);
  EXPECT_EQ(this->refusal(psk("d")).why, Why::Full);
}

TYPED_TEST(CredentialsContract, AWrongKeyIsNoticedAtTheStart) {
  this->add(psk("a"));
  const auto opened = this->open(testing::sealer(2));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "the key isn't the one that the store was sealed with");
  this->reopen();
  EXPECT_EQ(this->key_of("a"), "secret");
}

TYPED_TEST(CredentialsContract, TheKeyIsChanged) {
  this->add(psk("a", "", "first"));
  this->add(certificate("x"));
  this->add(psk("b", "", "second"));
  ASSERT_TRUE(STORE.rekey(testing::sealer(2), *this->plans()));
  this->add(psk("c", "", "third"));
  EXPECT_FALSE(this->open(testing::sealer(1)));
  this->reopen(2);
  EXPECT_EQ(this->key_of("a"), "first");
  EXPECT_EQ(this->key_of("b"), "second");
  EXPECT_EQ(this->key_of("c"), "third");
  EXPECT_EQ(STORE.size(), 4U);
}

TYPED_TEST(CredentialsContract, TheKeyOfPlansIsChangedWithThem) {
  auto plans = this->plans();
  ASSERT_TRUE(plans->put("before", Secret<std::string>("first")));
  ASSERT_TRUE(STORE.rekey(testing::sealer(2), *plans));
  ASSERT_TRUE(plans->put("after", Secret<std::string>("second")));
  plans.reset();
  EXPECT_FALSE(Plans::open(this->backing.plan_table(), testing::sealer(1), this->plan_settings()));
  const auto opened = Plans::open(this->backing.plan_table(), testing::sealer(2), this->plan_settings());
  ASSERT_TRUE(opened) << opened.error().reason;
  EXPECT_EQ((*opened)->find("before")->text.reveal(), "first");
  EXPECT_EQ((*opened)->find("after")->text.reveal(), "second");
}

TYPED_TEST(CredentialsContract, ARowCantBeMadeServeTheOtherPurpose) {
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

TYPED_TEST(CredentialsContract, RowsCantBeSwapped) {
  this->add(psk("a", "", "first"));
  this->add(psk("b", "", "second"));
  this->credentials.reset();
  {
    const auto table = this->backing.table();
    auto content = table->load();
    ASSERT_TRUE(content);
    std::swap(content->rows[0].sealed_key, content->rows[1].sealed_key);
    ASSERT_TRUE(table->commit({.put = content->rows, .gone = {}, .check = {}}));
  }
  const auto opened = this->open(testing::sealer());
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().reason.find("the key of credential 1"), std::string::npos) << opened.error().reason;
}

TYPED_TEST(CredentialsContract, HandshakesReadWhileAdministratorsWrite) {
  this->add(psk("always", "x"));
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      std::uint64_t seen = 0;
      while (!done) {
        const auto known = SERVER.find_psk("always");
        if (!known || !SERVER.may_be(known->credential, psk_identity("always"), "x")) ++wrong;
        const std::uint64_t revision = STORE.revision();
        if (revision < seen) ++wrong;
        seen = revision;
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    const CredentialId id = this->add(psk("other")).id;
    EXPECT_TRUE(STORE.change(id, {.endpoint = "y", .label = {}, .enabled = {}, .expires_at = {}}));
    EXPECT_TRUE(STORE.remove(id));
    ++this->now;
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TYPED_TEST(CredentialsContract, HolesCloseAndAllIsFound) {
  std::vector<NewCredential> many;
  for (int i = 0; i < 500; ++i) many.push_back(psk("d" + std::to_string(i), "e" + std::to_string((i + 1) / 10)));
  ASSERT_TRUE(STORE.add_all(std::move(many), false));
  for (std::uint64_t id = 1; id <= 500; ++id) {
    if (id % 5 == 0) continue;
    ASSERT_TRUE(STORE.remove({id}));
  }
  EXPECT_EQ(STORE.size(), 100U);
  for (std::uint64_t id = 1; id <= 500; ++id) {
    const std::string identity = "d" + std::to_string(id - 1);
    EXPECT_EQ(STORE.find({id}).has_value(), id % 5 == 0) << id;
    EXPECT_EQ(this->key_of(identity), id % 5 == 0 ? "secret" : "none") << id;
    EXPECT_EQ(SERVER.is_protected("e" + std::to_string(id / 10)), true) << id;
  }
  std::size_t found = 0;
  for (int i = 0; i <= 50; ++i) found += STORE.of_endpoint(Purpose::Server, "e" + std::to_string(i)).size();
  EXPECT_EQ(found, 100U);
}

// ---- purposes -------------------------------------------------------------------------------------------------------

TYPED_TEST(CredentialsContract, ACredentialProvesItselfOnOneInterfaceAlone) {
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

TYPED_TEST(CredentialsContract, CertificatesForABootstrapNeedAnEntryUnlessAskedOtherwise) {
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

TYPED_TEST(CredentialsContract, ASecretServesOnePurpose) {
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

TYPED_TEST(CredentialsContract, AreFoundByPurposeAndEndpoint) {
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

TYPED_TEST(CredentialsContract, AnEndpointHasALimit) {
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

TYPED_TEST(CredentialsContract, AreExchangedInOneStep) {
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

TYPED_TEST(CredentialsContract, AnExpiryThatIsGoneHoldsNothingUp) {
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
