// SPDX-License-Identifier: Apache-2.0
// Worlds whose devices get their keys from a Bootstrap-Server, and what becomes of those that are wrong on purpose.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "io/definitions.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

const lwm2m::model::Registry& definitions() {
  static const lwm2m::model::Registry registry = [] {
    lwm2m::model::Registry loaded;
    for (const char* folder : {"/objects/1.0", "/objects/extra"}) {
      const auto result = io::load_definitions(std::string(DROVER_SOURCE_DIR) + folder, loaded);
      if (!result) ADD_FAILURE() << result.error().reason;
    }
    return loaded;
  }();
  return registry;
}

WorldSettings settings(std::uint64_t seed) {
  WorldSettings settings;
  settings.seed = seed;
  settings.secure = true;
  settings.bootstrap = true;
  settings.devices = 16;
  settings.length = std::chrono::hours(12);
  return settings;
}

void expect_clean(const WorldReport& report) {
  for (const std::string& complaint : report.complaints) ADD_FAILURE() << complaint;
}

class WorldOfBootstraps : public testing::TestWithParam<std::uint64_t> {};

// Devices that know their Bootstrap-Server alone, over links that lose, double and reorder; servers that are away, keys
// that are removed, plans that rotate, power failures on both sides of a Finish, clocks that are set, and thieves.
TEST_P(WorldOfBootstraps, EverybodyEndsRegisteredWithAKeyThatTheStoreHolds) {
  const WorldReport report = World(definitions(), settings(GetParam())).run();
  expect_clean(report);
  // What nobody knew the end of is retired by the next bootstrap: it doesn't pile up.
  EXPECT_LE(report.keys_kept_max, 5U);
  EXPECT_GT(report.bootstraps, 2U * 16U);
  EXPECT_GT(report.fallbacks, 16U);
  EXPECT_GT(report.failed_sessions, 5U);
  EXPECT_GT(report.unknown_sessions, 2U);
  EXPECT_GT(report.interruptions, 3U);
  EXPECT_GT(report.bootstrap_restarts, 3U);
  EXPECT_GT(report.lost_adoptions + report.kept_adoptions, 3U);
  EXPECT_GT(report.looks, 5000U);
  EXPECT_GT(report.secrets, 3U * 16U);
  EXPECT_GT(report.texts, 5000U);
  EXPECT_GT(report.thefts, 1U);
  EXPECT_GE(report.refused_thefts, report.thefts);
  EXPECT_GT(report.registrations, 2U * 16U);
  EXPECT_GT(report.answered, report.operations / 4);
  EXPECT_GT(report.records, 2000U);
}

/// Six in the test run; DROVER_WORLD_SEEDS=500 looks further. A seed that fails becomes a test of its own.
std::uint64_t seeds() {
  const char* wanted = std::getenv("DROVER_WORLD_SEEDS");
  const std::uint64_t count = wanted == nullptr ? 0 : std::strtoull(wanted, nullptr, 10);
  return count == 0 ? 6 : count;
}

INSTANTIATE_TEST_SUITE_P(Seeds, WorldOfBootstraps, testing::Range<std::uint64_t>(3001, 3001 + seeds()));

class WorldOfTwoAccounts : public testing::TestWithParam<std::uint64_t> {};

// The same with two servers, of which one may be away, and their access rights.
TEST_P(WorldOfTwoAccounts, ABootstrapGivesBothOrNone) {
  WorldSettings two = settings(GetParam());
  two.servers = 2;
  two.shards = 2;
  two.devices = 12;
  const WorldReport report = World(definitions(), two).run();
  expect_clean(report);
  EXPECT_GT(report.bootstraps, 12U + 12U / 2);  // each its first one, and many another
  EXPECT_GT(report.interruptions, 0U);
  EXPECT_GT(report.lost_adoptions + report.kept_adoptions, 0U);
  EXPECT_GT(report.secrets, 2U * 2U * 12U);
  EXPECT_GT(report.registrations, 3U * 12U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, WorldOfTwoAccounts, testing::Range<std::uint64_t>(3501, 3501 + seeds()));

// Keys come from the system's generator: bytes differ, nothing else does.
TEST(BootstrapWorld, WithTheSameSeedHasTheSameSchedule) {
  WorldSettings small = settings(3001);
  small.length = std::chrono::hours(4);
  const WorldReport first = World(definitions(), small).run();
  const WorldReport second = World(definitions(), small).run();
  EXPECT_EQ(first.schedule, second.schedule);
  EXPECT_EQ(first.datagrams, second.datagrams);
  EXPECT_EQ(first.bootstraps, second.bootstraps);
  small.seed = 3002;
  EXPECT_NE(World(definitions(), small).run().schedule, first.schedule);
}

// ---- worlds that are wrong on purpose -------------------------------------------------------------------------------

bool complains(const WorldReport& report, const std::string& of) {
  return std::any_of(report.complaints.begin(), report.complaints.end(),
                     [&](const std::string& complaint) { return complaint.find(of) != std::string::npos; });
}

/// What goes wrong needs a failure at the right moment, which not each seed brings.
bool is_noticed(Flaw flaw, const std::string& complaint) {
  for (std::uint64_t seed = 3001; seed < 3016; ++seed) {
    WorldSettings wrong = settings(seed);
    wrong.flaw = flaw;
    if (complains(World(definitions(), wrong).run(), complaint)) return true;
  }
  return false;
}

TEST(BootstrapWorld, WhoseBootstrapServerDoesWithoutSecurityTellsKeys) {
  EXPECT_TRUE(is_noticed(Flaw::OpenBootstrap, "a datagram has a key in it"));
}

TEST(BootstrapWorld, WhoseDevicesSendBeforeTheySaveForgetsBootstraps) {
  EXPECT_TRUE(is_noticed(Flaw::LateDisk, "came back with another configuration"));
}

TEST(BootstrapWorld, WhoseThievesHaveTheKeysLetsThemIn) {
  EXPECT_TRUE(is_noticed(Flaw::StolenKeys, "a thief is registered as"));
  EXPECT_TRUE(is_noticed(Flaw::StolenKeys, "a thief is bootstrapped as"));
}

TEST(BootstrapWorld, WithoutAWayBackEndsWithSomebodyAway) {
  EXPECT_TRUE(is_noticed(Flaw::NoWayBack, "doesn't think that it is registered"));
  EXPECT_TRUE(is_noticed(Flaw::NoWayBack, "that the store doesn't hold"));
}

// ---- checkers by themselves -----------------------------------------------------------------------------------------

/// A device with its factory's Bootstrap-Server and one server account.
class Checking : public testing::Test {
 protected:
  Checking() {
    client::ClientSettings own;
    own.endpoint = "d";
    own.security = &provider_;
    client.emplace(own, rng_);
    for (const auto object : {client::SecurityObject::kObject, client::ServerObject::kObject}) {
      client->define(*definitions().find(object));
    }
    client::SecurityValues values;
    values.mode = client::SecurityObject::kPreSharedKey;
    values.identity = to_bytes("d.1");
    values.key = Secret<Bytes>(kKey);
    EXPECT_TRUE(client->add_account(now, 1, "coaps://192.0.2.1", 600, values));
    values.identity = to_bytes("d");
    values.key = Secret<Bytes>(to_bytes("another"));
    EXPECT_TRUE(client->add_bootstrap_account(now, "coaps://192.0.2.2", values));
    whole.started(now, "d", *client, false);
  }
  void set(const lwm2m::Path& path, lwm2m::Value value) {
    EXPECT_TRUE(client->tree().set({now, std::nullopt}, path, std::move(value)));
  }

  const Bytes kKey = to_bytes("sixteen bytes of");
  const Instant now{};
  SplitMix rng_{1};
  security::dtls::DtlsProvider provider_{{}, rng_};
  std::optional<client::Client> client;
  Complaints complaints;
  ConfigurationIsWhole whole{complaints};
  SecretsStaySecret secrets{complaints};
};

TEST_F(Checking, AConfigurationThatChangesByItselfIsntWhole) {
  whole.look(now, "d", *client);
  EXPECT_TRUE(complaints.all().empty());
  set(lwm2m::Path(0, 0, 3), lwm2m::Opaque{to_bytes("d.2")});
  whole.look(now, "d", *client);
  EXPECT_EQ(complaints.all(), (std::vector<std::string>{
                                  "at 0 s: d has another configuration without having finished a bootstrap"}));
}

TEST_F(Checking, AFinishedBootstrapIsOneThatWasOffered) {
  whole.offered("d", {{1, "coaps://192.0.2.1", "d.2", kKey}});
  set(lwm2m::Path(0, 0, 3), lwm2m::Opaque{to_bytes("d.2")});
  whole.finished(now, "d", *client);
  whole.look(now, "d", *client);
  EXPECT_TRUE(complaints.all().empty());
  set(lwm2m::Path(0, 0, 5), lwm2m::Opaque{to_bytes("half of a key...")});
  whole.finished(now, "d", *client);
  set(lwm2m::Path(0, 0, 5), lwm2m::Opaque{kKey});
  set(lwm2m::Path(1, 0, 0), std::int64_t{7});
  whole.finished(now, "d", *client);
  set(lwm2m::Path(1, 0, 0), std::int64_t{1});
  set(lwm2m::Path(0, 1, 3), lwm2m::Opaque{to_bytes("e")});
  whole.finished(now, "d", *client);
  EXPECT_EQ(complaints.all(),
            (std::vector<std::string>{
                "at 0 s: d has finished a bootstrap with accounts that no session gave it",
                "at 0 s: d has finished a bootstrap without pairs of objects 0 and 1",
                "at 0 s: d has finished a bootstrap with another Bootstrap-Server account",
            }));
}

TEST_F(Checking, AnAdoptionMayBeLostOnlyWhereThePowerFailedBeforeItWasSaved) {
  whole.offered("d", {{1, "coaps://192.0.2.1", "d.2", kKey}});
  set(lwm2m::Path(0, 0, 3), lwm2m::Opaque{to_bytes("d.2")});
  whole.finished(now, "d", *client);
  set(lwm2m::Path(0, 0, 3), lwm2m::Opaque{to_bytes("d.1")});
  whole.started(now, "d", *client, true);
  EXPECT_TRUE(complaints.all().empty());
  set(lwm2m::Path(0, 0, 3), lwm2m::Opaque{to_bytes("d.2")});
  whole.started(now, "d", *client, false);
  EXPECT_EQ(complaints.all().size(), 1U);
}

TEST_F(Checking, AKeyIsFoundInEveryFormAndPlace) {
  secrets.learn(kKey);
  const std::vector<std::string> forms = {"sixteen bytes of", "7369787465656e206279746573206f66",
                                          "7369787465656E206279746573206F66", "c2l4dGVlbiBieXRlcyBvZg==",
                                          "e3NpeHRlZW4gYnl0ZXMgb2Z9"};
  for (const std::string& form : forms) {
    const std::size_t before = complaints.all().size();
    secrets.said(now, "a text", "before " + form + " behind");
    EXPECT_EQ(complaints.all().size(), before + 1) << form;
  }
  const std::size_t before = complaints.all().size();
  secrets.said(now, "a text", "sixteen bytes or 7369787465656e20 of anything else");
  secrets.sent(now, to_bytes("sixteen"));
  EXPECT_EQ(complaints.all().size(), before);
  secrets.sent(now, to_bytes("xsixteen bytes ofx"));
  EXPECT_EQ(complaints.all().size(), before + 1);
}

TEST_F(Checking, AKeyThatOpensAnotherIsFound) {
  auto disk = std::make_shared<store::MemoryCredentialTable::Disk>();
  store::Credentials::Settings settings;
  settings.unix_now = [] { return UnixSeconds{0}; };
  const auto store = store::Credentials::open(std::make_unique<store::MemoryCredentialTable>(disk),
                                              store::Sealer::random(), std::move(settings));
  ASSERT_TRUE(store);
  KeysOpenTheirOwn keys(complaints, **store);
  const auto add = [&](const std::string& identity, const std::string& endpoint) {
    store::NewCredential credential;
    credential.identity = identity;
    credential.endpoint = endpoint;
    credential.key = Secret<Bytes>(kKey);
    EXPECT_TRUE((*store)->add(std::move(credential)));
  };
  add("d.1", "d");
  keys.bound(now, {"d", "e"});
  keys.opens(now, "d", configuration_of(*client, now));
  EXPECT_TRUE(complaints.all().empty());
  keys.opens(now, "e", configuration_of(*client, now));
  add("e.1", "e");
  keys.bound(now, {"d", "e"});
  EXPECT_EQ(complaints.all(), (std::vector<std::string>{"at 0 s: e has a key for server 1 that the store doesn't hold",
                                                        "at 0 s: e has the same key as d"}));
}

TEST(NonceWitness, CountsANonceThatProtectsTwoRecords) {
  Witness witness;
  witness.sealed(1, 7, to_bytes("a"));
  witness.sealed(1, 7, to_bytes("a"));
  witness.sealed(2, 7, to_bytes("b"));
  EXPECT_EQ(witness.reused, 0U);
  witness.sealed(1, 7, to_bytes("b"));
  EXPECT_EQ(witness.reused, 1U);
}

}  // namespace
}  // namespace drover::sim
