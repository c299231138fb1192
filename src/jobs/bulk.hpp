// SPDX-License-Identifier: Apache-2.0
// One operation for many devices: as it is asked for, and how it stands.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "jobs/selection.hpp"
#include "server/fleet.hpp"

namespace drover::jobs {

using BulkId = Id<struct BulkTag, std::uint64_t>;

inline constexpr std::size_t kBulksMax = 200;           ///< kept; the oldest that is over goes for a new one
inline constexpr std::size_t kBulksActiveMax = 32;      ///< that aren't over
inline constexpr std::size_t kParallelMax = 10'000;     ///< devices of one bulk that are being asked at once
inline constexpr std::size_t kParallelDefault = 100;
inline constexpr std::size_t kBulkQueuedMax = 100'000;  ///< operations of one bulk that wait for sleeping devices
inline constexpr std::int64_t kBulkLifetimeMax = std::int64_t{366} * 24 * 3600;  ///< seconds
inline constexpr std::int64_t kBulkLifetimeDefault = std::int64_t{7} * 24 * 3600;
inline constexpr std::size_t kBulkDetailMax = 200;  ///< bytes
/// The rate of failures isn't looked at before so many devices are over.
inline constexpr std::uint64_t kFailureSample = 20;

enum class BulkState : std::uint8_t { Selecting, Running, Paused, Done, Cancelled };
const char* to_string(BulkState state);
/// Nothing more is asked; what was sent may still be answered.
inline bool is_over(BulkState state) { return state == BulkState::Done || state == BulkState::Cancelled; }

enum class BulkDeviceState : std::uint8_t { Waiting, Sent, Queued, Done, Failed, Expired, Cancelled };
inline constexpr std::size_t kBulkDeviceStates = 7;
const char* to_string(BulkDeviceState state);
std::optional<BulkDeviceState> parse_bulk_device_state(std::string_view text);

/// Devices by their state.
struct BulkCounts {
  std::array<std::uint64_t, kBulkDeviceStates> of{};
  [[nodiscard]] std::uint64_t operator[](BulkDeviceState state) const { return of[static_cast<std::size_t>(state)]; }
  std::uint64_t& operator[](BulkDeviceState state) { return of[static_cast<std::size_t>(state)]; }
  [[nodiscard]] std::uint64_t total() const;
  /// Done, Failed, Expired; of these: failed and expired.
  [[nodiscard]] std::uint64_t over() const;
  [[nodiscard]] std::uint64_t failed() const;
};

/// What doesn't change any more.
struct BulkOrder {
  std::string asked_by;
  std::string operation;  ///< as Forms read it
  Selection selection;
  std::size_t parallel = kParallelDefault;
  std::int64_t lifetime = kBulkLifetimeDefault;  ///< seconds until the deadline, also of a retry
  server::Priority priority = server::Priority::Normal;
  unsigned stop_at = 0;  ///< percent of failures at which it pauses; 0: never
  UnixSeconds created_at = 0;
};

struct BulkView {
  BulkId id;
  BulkOrder order;
  BulkState state = BulkState::Selecting;
  std::string reason{};  ///< why it is paused or cancelled, unless somebody asked for that
  UnixSeconds deadline = 0;
  std::optional<UnixSeconds> ended_at{};
  bool retrying = false;            ///< failed devices are being put back
  std::uint64_t over_before = 0;    ///< that the rate of failures leaves out: they were before the last resume
  std::uint64_t failed_before = 0;
  BulkCounts counts{};
};

struct BulkDevice {
  std::string endpoint;
  BulkDeviceState state = BulkDeviceState::Waiting;
  server::OperationId operation{};  ///< 0: none yet
  std::string code{};               ///< "2.05"; "" without an answer
  std::string detail{};             ///< the value that was read, or why it failed
  UnixSeconds changed_at = 0;
};

struct BulkDeviceQuery {
  std::optional<BulkDeviceState> state{};
  std::string after;
  std::size_t limit = 100;
};
struct BulkDevicePage {
  std::vector<BulkDevice> devices;  ///< ascending by endpoint
  std::string next;                 ///< "": this was the last
};

}  // namespace drover::jobs
