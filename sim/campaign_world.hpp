// SPDX-License-Identifier: Apache-2.0
// A firmware campaign over devices of which some fail, sleep, restart or vanish, with the whole server: shards, fleet,
// campaigns and their store. The server is killed in the middle.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "campaign/types.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::sim {

struct CampaignWorldSettings {
  std::uint64_t seed = 1;
  std::size_t devices = 100;
  std::size_t shards = 3;
  std::size_t parallel = 20;
  campaign::Method method = campaign::Method::Push;
  std::size_t image_bytes = 5000;
  Duration length = std::chrono::hours(24 * 10);
  std::size_t kills = 1;      ///< of the server, at times of the seed's
};

struct CampaignWorldReport {
  std::vector<std::string> complaints;
  campaign::Head head;
  campaign::Tally tally;
  std::size_t most_at_once = 0;  ///< devices that were updated
  std::uint64_t installs = 0;
  std::uint64_t kills = 0, restarts = 0, sleeps = 0;
  std::uint64_t trace = 0;
};

/// Each device has a fate, and the campaign has to find out which. Links lose and delay.
CampaignWorldReport run_campaign_world(const lwm2m::model::Registry& definitions, const CampaignWorldSettings& settings);

}  // namespace drover::sim
