// SPDX-License-Identifier: Apache-2.0
// Random decisions as a tape of numbers: RapidCheck makes and shrinks the tape, plain code reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace drover::property {

using Tape = std::vector<std::uint32_t>;

/// A tape that has run out gives zeros, so a shorter one is a simpler case.
class Choices {
 public:
  explicit Choices(Tape tape) : tape_(std::move(tape)) {}

  /// Below `bound`, which isn't 0.
  std::uint32_t below(std::uint32_t bound) { return next() % bound; }
  /// In `percent` of the cases; a tape of zeros says no.
  bool chance(std::uint32_t percent) { return next() % 100 + percent >= 100; }
  template <class T>
  const T& of(const std::vector<T>& options) {
    return options[below(static_cast<std::uint32_t>(options.size()))];
  }

 private:
  std::uint32_t next() { return at_ < tape_.size() ? tape_[at_++] : 0; }

  Tape tape_;
  std::size_t at_ = 0;
};

}  // namespace drover::property
