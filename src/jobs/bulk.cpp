// SPDX-License-Identifier: Apache-2.0
#include "jobs/bulk.hpp"

#include <numeric>

namespace drover::jobs {

const char* to_string(BulkState state) {
  switch (state) {
    case BulkState::Selecting: return "selecting";
    case BulkState::Running: return "running";
    case BulkState::Paused: return "paused";
    case BulkState::Done: return "done";
    case BulkState::Cancelled: return "cancelled";
  }
  return "";
}

const char* to_string(BulkDeviceState state) {
  switch (state) {
    case BulkDeviceState::Waiting: return "waiting";
    case BulkDeviceState::Sent: return "sent";
    case BulkDeviceState::Queued: return "queued";
    case BulkDeviceState::Done: return "done";
    case BulkDeviceState::Failed: return "failed";
    case BulkDeviceState::Expired: return "expired";
    case BulkDeviceState::Cancelled: return "cancelled";
  }
  return "";
}

std::optional<BulkDeviceState> parse_bulk_device_state(std::string_view text) {
  for (std::size_t i = 0; i < kBulkDeviceStates; ++i) {
    const auto state = static_cast<BulkDeviceState>(i);
    if (text == to_string(state)) return state;
  }
  return std::nullopt;
}

std::uint64_t BulkCounts::total() const {
  return std::accumulate(of.begin(), of.end(), std::uint64_t{0});
}

std::uint64_t BulkCounts::over() const {
  return (*this)[BulkDeviceState::Done] + failed();
}

std::uint64_t BulkCounts::failed() const {
  return (*this)[BulkDeviceState::Failed] + (*this)[BulkDeviceState::Expired];
}

}  // namespace drover::jobs
