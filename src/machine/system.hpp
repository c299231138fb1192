// SPDX-License-Identifier: Apache-2.0
// What Linux says about the whole machine: memory, storage, names and versions, time zone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "machine/root.hpp"

namespace drover::machine {

/// In kilobytes of 1024 bytes.
struct Space {
  std::int64_t total = 0;
  std::int64_t free = 0;
  friend bool operator==(const Space&, const Space&) = default;
};

/// Below a hundredth of the whole, storage or memory counts as used up (/3/0/11, code 5).
inline constexpr std::int64_t kSpaceLeftMin = 100;
[[nodiscard]] inline bool is_used_up(const Space& space) {
  return space.free < space.total / kSpaceLeftMin;
}

/// MemTotal and MemAvailable of /proc/meminfo.
std::optional<Space> read_memory(const Root& root);
/// Of the file system that holds `folder`; free is what a program without privileges may still use.
std::optional<Space> read_storage(const std::string& folder);

struct Identity {
  std::optional<std::string> device_type;       ///< device tree's model, or DMI's product name
  std::optional<std::string> hardware_version;  ///< DMI's product version, or the board revision of /proc/cpuinfo
  std::optional<std::string> software_version;  ///< os-release's PRETTY_NAME
  friend bool operator==(const Identity&, const Identity&) = default;
};
/// What board makers leave unfilled ("To Be Filled By O.E.M.") isn't known.
Identity read_identity(const Root& root);

/// The IANA name: `tz` (the TZ variable, "" when not set) when it is one, else /etc/localtime's target, else
/// /etc/timezone.
std::optional<std::string> read_timezone(const Root& root, const std::string& tz);
/// As "+05:30" or "-03:00".
std::string format_utc_offset(std::int64_t seconds);
/// The process' own offset from UTC at that moment, in seconds.
std::int64_t utc_offset_at(UnixSeconds unix);

}  // namespace drover::machine
