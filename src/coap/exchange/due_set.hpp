// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "base/time.hpp"

namespace drover::coap {

/// Deadlines of numbered things. The owner keeps the instant it set and hands it back to move or clear it, so there is
/// no second index. Equal instants come in the order of the numbers: a replay is identical.
class DueSet {
 public:
  void set(std::optional<Instant>& current, std::uint64_t id, Instant at) {
    clear(current, id);
    due_.emplace(at, id);
    current = at;
  }
  void clear(std::optional<Instant>& current, std::uint64_t id) {
    if (current) due_.erase({*current, id});
    current.reset();
  }
  [[nodiscard]] std::optional<Instant> next() const {
    if (due_.empty()) return std::nullopt;
    return due_.begin()->first;
  }
  /// The earliest that is due; it stays in the set until the owner clears or moves it.
  [[nodiscard]] std::optional<std::uint64_t> due(Instant now) const {
    if (due_.empty() || due_.begin()->first > now) return std::nullopt;
    return due_.begin()->second;
  }

 private:
  std::set<std::pair<Instant, std::uint64_t>> due_;
};

}  // namespace drover::coap
