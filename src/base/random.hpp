// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace drover {

/// Where the core's randomness comes from: the operating system in io/, a seed in sim/ and tests.
/// Used from the thread that drives the core object it was given to.
class Rng {
 public:
  virtual ~Rng() = default;
  virtual std::uint64_t next() = 0;

  /// Uniform in [0, bound); 0 for bound 0. The bias of the multiplication is below 2^-32.
  std::uint64_t below(std::uint32_t bound) { return ((next() >> 32) * bound) >> 32; }
};

/// A small seeded generator (SplitMix64) for simulation and tests; not for secrets.
class SplitMix final : public Rng {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

}  // namespace drover
