// SPDX-License-Identifier: Apache-2.0
// What a device says of its firmware: /5/0 and /3/0/3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lwm2m/operation/operation.hpp"

namespace drover::campaign {

/// /5/0/3
enum class MachineState : std::uint8_t { Idle = 0, Downloading = 1, Downloaded = 2, Updating = 3 };

struct Reading {
  MachineState state{};
  std::int64_t result = 0;               ///< /5/0/5
  std::optional<std::int64_t> delivery;  ///< /5/0/9: 0 pull, 1 push, 2 both
  std::vector<std::int64_t> protocols;   ///< /5/0/8; empty: it says nothing
};

inline const lwm2m::Path kUpdateInstance(5, 0);
inline const lwm2m::Path kPackage(5, 0, 0);
inline const lwm2m::Path kPackageUri(5, 0, 1);
inline const lwm2m::Path kUpdate(5, 0, 2);
inline const lwm2m::Path kUpdateState(5, 0, 3);
inline const lwm2m::Path kUpdateResult(5, 0, 5);
inline const lwm2m::Path kFirmwareVersion(3, 0, 3);

/// Of a Read of /5/0 in any format; nothing where State is missing or no number of its range. A missing Update Result
/// counts as 0.
std::optional<Reading> read_update(const lwm2m::Outcome& outcome);
/// Of a Read of /3/0/3; nothing for what is no text.
std::optional<std::string> read_version(const lwm2m::Outcome& outcome);

}  // namespace drover::campaign
