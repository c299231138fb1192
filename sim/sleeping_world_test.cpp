// SPDX-License-Identifier: Apache-2.0
#include "sim/sleeping_world.hpp"

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

SleepingWorldSettings settings(std::uint64_t seed, std::size_t devices = 60) {
  SleepingWorldSettings settings;
  settings.seed = seed;
  settings.devices = devices;
  settings.operation_every = std::chrono::seconds(30);
  settings.fault_every = std::chrono::minutes(2);
  return settings;
}

void expect_clean(const SleepingWorldReport& report) {
  for (const std::string& complaint : report.complaints) ADD_FAILURE() << complaint;
}

class SleepingSeed : public testing::TestWithParam<std::uint64_t> {};

// Loss and delay on both ways, segments out of order, copies, replays and forgeries, new addresses, gateways that begin
// again.
TEST_P(SleepingSeed, NothingReachesASleepingDeviceAndAllThatWaitsArrivesInOrder) {
  const SleepingWorldReport report = SleepingWorld(definitions(), settings(GetParam())).run();
  expect_clean(report);
  EXPECT_GT(report.sleeps, 200U);
  EXPECT_GT(report.queued, report.operations / 3);
  EXPECT_GT(report.done, report.operations / 2);
  EXPECT_GT(report.executed, 100U);
  EXPECT_GT(report.writes, 100U);
  EXPECT_GT(report.triggers, 50U);
  EXPECT_GT(report.replayed, 5U);
  EXPECT_GT(report.altered, 5U);
  EXPECT_GT(report.refused_packets, 20U);
  EXPECT_GT(report.taken_packets, 500U);
}

std::uint64_t seeds() {
  const char* const wanted = std::getenv("DROVER_WORLD_SEEDS");
  const std::uint64_t count = wanted == nullptr ? 0 : std::strtoull(wanted, nullptr, 10);
  return count == 0 ? 4 : count;
}

INSTANTIATE_TEST_SUITE_P(Seeds, SleepingSeed, testing::Range<std::uint64_t>(3001, 3001 + seeds()));

// 3126: a device whose answers came when it had given up asking.
INSTANTIATE_TEST_SUITE_P(Found, SleepingSeed, testing::Values<std::uint64_t>(3126, 3338));

TEST(SleepingWorld, ThousandsOfDevices) {
  SleepingWorldSettings many = settings(1, 2000);
  many.length = std::chrono::hours(3);
  many.operation_every = std::chrono::milliseconds(500);
  expect_clean(SleepingWorld(definitions(), many).run());
}

TEST(SleepingWorld, EqualSeedsGiveEqualWorlds) {
  SleepingWorldSettings small = settings(7, 16);
  small.length = std::chrono::hours(3);
  const auto first = SleepingWorld(definitions(), small).run();
  const auto second = SleepingWorld(definitions(), small).run();
  EXPECT_EQ(first.trace, second.trace);
  EXPECT_EQ(first.short_messages, second.short_messages);
}

TEST(SleepingWorld, AServerThatTakesDevicesForAwakeTooLongIsNoticed) {
  SleepingWorldSettings wrong = settings(5, 16);
  wrong.length = std::chrono::hours(4);
  wrong.awake_error = std::chrono::minutes(10);
  const auto report = SleepingWorld(definitions(), wrong).run();
  ASSERT_FALSE(report.complaints.empty());
  EXPECT_NE(report.complaints.front().find("has been asleep"), std::string::npos) << report.complaints.front();
}

}  // namespace
}  // namespace drover::sim
