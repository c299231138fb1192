// SPDX-License-Identifier: Apache-2.0
#include "sim/world.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "io/definitions.hpp"

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

void expect_clean(const WorldReport& report) {
  for (const std::string& complaint : report.complaints) ADD_FAILURE() << complaint;
}

WorldSettings settings(std::uint64_t seed) {
  WorldSettings settings;
  settings.seed = seed;
  return settings;
}

class WorldSeed : public testing::TestWithParam<std::uint64_t> {};

// Loss up to 20 %, duplication, reordering, address changes known and unknown to the device, restarts, dead links.
TEST_P(WorldSeed, FiftyDevicesForADayStaySafeAndConverge) {
  const WorldReport report = World(definitions(), settings(GetParam())).run();
  expect_clean(report);
  EXPECT_GT(report.faults, 200U);
  EXPECT_GT(report.registrations, 50U);
  EXPECT_GT(report.answered, report.operations / 4);
  EXPECT_GT(report.executed, 100U);
  EXPECT_GT(report.notifications, 500U);
}

/// Eight in the test run; DROVER_WORLD_SEEDS=500 looks further. A seed that fails becomes a test of its own.
std::uint64_t seeds() {
  const char* wanted = std::getenv("DROVER_WORLD_SEEDS");
  const std::uint64_t count = wanted == nullptr ? 0 : std::strtoull(wanted, nullptr, 10);
  return count == 0 ? 8 : count;
}

INSTANTIATE_TEST_SUITE_P(Seeds, WorldSeed, testing::Range<std::uint64_t>(1, 1 + seeds()));

class WorldOfServers : public testing::TestWithParam<std::uint64_t> {};

// The same faults, and three servers with rights that change while they observe with attributes of their own.
TEST_P(WorldOfServers, RightsAndPeriodsHoldForEachOfThem) {
  WorldSettings several = settings(GetParam());
  several.servers = 3;
  several.shards = 2;
  several.devices = 16;
  several.length = std::chrono::hours(16);
  several.operation_every = std::chrono::seconds(20);
  several.change_every = std::chrono::seconds(20);
  const WorldReport report = World(definitions(), several).run();
  expect_clean(report);
  EXPECT_GT(report.faults, 100U);
  EXPECT_GT(report.registrations, 3U * 16U);
  EXPECT_GT(report.answered, report.operations / 4);
  EXPECT_GT(report.refusals, 50U);
  EXPECT_GT(report.held_periods, 200U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, WorldOfServers, testing::Range<std::uint64_t>(1001, 1001 + seeds()));
// 1021: a server that is away for a while; what counts for its maximum period was taken for its minimum period, too.
INSTANTIATE_TEST_SUITE_P(Found, WorldOfServers, testing::Values<std::uint64_t>(1021));

class WorldOfSecrets : public testing::TestWithParam<std::uint64_t> {};

// The same faults over DTLS, with servers that are restarted gracefully, killed, and whose clocks are set: nothing is
// protected twice under a nonce, and everybody finds back.
TEST_P(WorldOfSecrets, NoNonceIsUsedTwiceAndEverybodyFindsBack) {
  WorldSettings secret = settings(GetParam());
  secret.secure = true;
  secret.devices = 24;
  secret.length = std::chrono::hours(16);
  const WorldReport report = World(definitions(), secret).run();
  expect_clean(report);
  EXPECT_GT(report.restarts, 0U);
  EXPECT_GT(report.kills, 0U);
  EXPECT_GT(report.records, 2000U);
  EXPECT_GT(report.handshakes, 24U);
  EXPECT_GT(report.answered, report.operations / 4);
  EXPECT_GT(report.notifications, 200U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, WorldOfSecrets, testing::Range<std::uint64_t>(2001, 2001 + seeds()));

class WorldWithoutIds : public testing::TestWithParam<std::uint64_t> {};

// As before, and half of the devices have no Connection ID: a NAT that forgets its binding leaves the server without an
// association for what they say, and only a handshake from the new address brings them back.
TEST_P(WorldWithoutIds, ANewHandshakeFindsBack) {
  WorldSettings secret = settings(GetParam());
  secret.secure = true;
  secret.one_without_id_in = 2;
  secret.devices = 24;
  secret.length = std::chrono::hours(16);
  const WorldReport report = World(definitions(), secret).run();
  expect_clean(report);
  EXPECT_GT(report.without_id, 3U);
  EXPECT_GT(report.rebindings_without_id, 2U);
  EXPECT_GT(report.handshakes, 24U + report.rebindings_without_id);
  EXPECT_GT(report.answered, report.operations / 4);
  EXPECT_GT(report.notifications, 200U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, WorldWithoutIds, testing::Range<std::uint64_t>(2001, 2001 + seeds()));

TEST(World, ThatIsQuietHasEveryOperationAnswered) {
  WorldSettings quiet = settings(100);
  quiet.devices = 10;
  quiet.length = std::chrono::hours(2);
  quiet.fault_every = std::chrono::hours(1000);
  const WorldReport report = World(definitions(), quiet).run();
  expect_clean(report);
  EXPECT_EQ(report.faults, 0U);
}

TEST(World, WithTheSameSeedIsTheSameToTheByte) {
  WorldSettings small = settings(7);
  small.devices = 12;
  small.length = std::chrono::hours(3);
  const WorldReport first = World(definitions(), small).run();
  const WorldReport second = World(definitions(), small).run();
  EXPECT_EQ(first.trace, second.trace);
  EXPECT_EQ(first.datagrams, second.datagrams);
  small.seed = 8;
  EXPECT_NE(World(definitions(), small).run().trace, first.trace);
}

}  // namespace
}  // namespace drover::sim
