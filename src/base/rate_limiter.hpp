// SPDX-License-Identifier: Apache-2.0
// How much one of many may ask for, in memory that doesn't grow with their number.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.hpp"

namespace drover {

/// The generic cell rate algorithm (ITU-T I.371) by key: each may have `burst` at once and `per_second` in the long run.
/// Keys are spread over a fixed number of cells by a hash that the caller makes of a secret; those that share a cell share
/// its rate. One thread at a time.
class RateLimiter {
 public:
  /// `per_second` 0: no limit, and no memory.
  RateLimiter(std::uint32_t per_second, std::uint32_t burst, std::size_t cells)
      : interval_(per_second == 0 ? Duration::zero() : Duration(std::chrono::seconds(1)) / per_second),
        tolerance_(interval_ * std::max<std::uint32_t>(burst, 1)),
        cells_(per_second == 0 ? 0 : std::max<std::size_t>(cells, 1)) {}

  /// Whether whoever has `hash` may have one more now.
  bool allow(Instant now, std::uint64_t hash) {
    if (cells_.empty()) return true;
    Instant& arrival = cells_[hash % cells_.size()];
    const Instant from = std::max(arrival, now);
    if (from + interval_ - now > tolerance_) return false;
    arrival = from + interval_;
    return true;
  }
  /// Until allow() says yes again, for whoever has `hash`.
  [[nodiscard]] Duration wait(Instant now, std::uint64_t hash) const {
    if (cells_.empty()) return Duration::zero();
    return std::max(Duration::zero(), cells_[hash % cells_.size()] + interval_ - tolerance_ - now);
  }

 private:
  Duration interval_;
  Duration tolerance_;
  std::vector<Instant> cells_;  ///< when the next one would be due at an even pace
};

}  // namespace drover
