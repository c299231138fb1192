// SPDX-License-Identifier: Apache-2.0
// The only place that reads clocks and the operating system's randomness.
#pragma once

#include <array>
#include <cstddef>

#include "base/random.hpp"
#include "base/time.hpp"

namespace drover::io {

/// Monotonic; comparable within one process. Thread-safe.
Instant now();
/// Wall clock. Thread-safe.
UnixSeconds unix_now();

/// getrandom(2), read in blocks. One per thread.
class SystemRng final : public Rng {
 public:
  std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 32> pool_{};
  std::size_t left_ = 0;
};

}  // namespace drover::io
