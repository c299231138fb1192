// SPDX-License-Identifier: Apache-2.0
#include "sim/campaign_world.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "io/definitions.hpp"

namespace drover::sim {
namespace {

using campaign::Ending;

/// With the objects of 1.1, whose object 5 has what says how images are delivered.
const lwm2m::model::Registry& definitions() {
  static const lwm2m::model::Registry registry = [] {
    lwm2m::model::Registry loaded;
    const auto result = io::load_definitions(std::string(DROVER_SOURCE_DIR) + "/objects/1.0", loaded);
    if (!result) ADD_FAILURE() << result.error().reason;
    return loaded;
  }();
  return registry;
}

void expect_clean(const CampaignWorldReport& report) {
  for (const std::string& complaint : report.complaints) ADD_FAILURE() << complaint;
}

class CampaignSeed : public testing::TestWithParam<std::uint64_t> {};

// Lost and late datagrams, sleep, restarts, devices that vanish, and a server that is killed twice.
TEST_P(CampaignSeed, EachDeviceEndsAsItsFateIs) {
  for (const campaign::Method method : {campaign::Method::Push, campaign::Method::Coap}) {
    CampaignWorldSettings settings;
    settings.seed = GetParam();
    settings.method = method;
    settings.kills = 2;
    const CampaignWorldReport report = run_campaign_world(definitions(), settings);
    expect_clean(report);
    EXPECT_EQ(report.kills, 2U);
    EXPECT_GT(report.tally.of(Ending::Succeeded), 40U);
    EXPECT_GT(report.tally.of(Ending::Failed), 5U);
    EXPECT_GT(report.tally.of(Ending::Vanished), 2U);
    EXPECT_GT(report.sleeps, 10U);
    EXPECT_GT(report.restarts, 30U);
    EXPECT_GT(report.most_at_once, 5U);
  }
}

std::uint64_t seeds() {
  const char* const wanted = std::getenv("DROVER_WORLD_SEEDS");
  const std::uint64_t count = wanted == nullptr ? 0 : std::strtoull(wanted, nullptr, 10);
  return count == 0 ? 3 : count;
}

INSTANTIATE_TEST_SUITE_P(Seeds, CampaignSeed, testing::Range<std::uint64_t>(4001, 4001 + seeds()));

TEST(CampaignWorld, AThousandDevices) {
  CampaignWorldSettings settings;
  settings.devices = 1000;
  settings.parallel = 100;
  const CampaignWorldReport report = run_campaign_world(definitions(), settings);
  expect_clean(report);
  EXPECT_GT(report.tally.of(Ending::Succeeded), 500U);
}

TEST(CampaignWorld, EqualSeedsGiveEqualWorlds) {
  CampaignWorldSettings settings;
  settings.devices = 20;
  EXPECT_EQ(run_campaign_world(definitions(), settings).trace, run_campaign_world(definitions(), settings).trace);
}

}  // namespace
}  // namespace drover::sim
