// SPDX-License-Identifier: Apache-2.0
// Links named after radios. The figures are round ones of the field; what counts is that they differ.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/time.hpp"

namespace drover::sim {

/// What a link does to each datagram. Probabilities in thousandths: no floats where replay matters.
struct Link {
  std::string_view name;
  Duration delay{};
  Duration jitter{};  ///< added uniformly, which also reorders
  std::uint32_t loss_permille = 0;
  std::uint32_t duplicate_permille = 0;
};

namespace link {
using std::chrono::milliseconds;
inline constexpr Link kLan{"lan", milliseconds(1), milliseconds(0), 0, 0};
inline constexpr Link kLteM{"lte-m", milliseconds(60), milliseconds(40), 10, 2};
inline constexpr Link kNbIot{"nb-iot", milliseconds(1500), milliseconds(1500), 30, 10};
inline constexpr Link kLossy{"lossy", milliseconds(80), milliseconds(400), 200, 50};
inline constexpr Link kReordering{"reordering", milliseconds(20), milliseconds(900), 20, 100};
inline constexpr Link kDown{"down", milliseconds(0), milliseconds(0), 1000, 0};
}  // namespace link

}  // namespace drover::sim
