// SPDX-License-Identifier: Apache-2.0
// What a credential store promises, whether it keeps a file or memory.
#include "store/credentials.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "store/test_credentials.hpp"

namespace drover::store {
namespace {

using security::Identity;
using testing::certificate;
using testing::kNow;
using testing::psk;
using testing::psk_identity;
using testing::public_key;
using Why = Refusal::Why;

template <class Kept>
using CredentialsContract = testing::CredentialsContract<Kept>;
TYPED_TEST_SUITE(CredentialsContract, testing::Backings);

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
  ASSERT_TRUE(STORE.rekey(testing::sealer(2), *this->plans(), *testing::sms_accounts(this->backing.sms_file())));
  this->add(psk("c", "", "third"));
  EXPECT_FALSE(this->open(testing::sealer(1)));
  this->reopen(2);
  EXPECT_EQ(this->key_of("a"), "first");
  EXPECT_EQ(this->key_of("b"), "second");
  EXPECT_EQ(this->key_of("c"), "third");
  EXPECT_EQ(STORE.size(), 4U);
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

}  // namespace
}  // namespace drover::store
