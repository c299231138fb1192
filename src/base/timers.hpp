// SPDX-License-Identifier: Apache-2.0
// Deadlines of many owners: the next one at once, a change in O(log n).
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "base/time.hpp"

namespace drover {

/// One timer for each key; keys are small numbers (slots of the owner's table). Timers of the same instant fire in the
/// order in which they were set, so a run can be repeated.
class Timers {
 public:
  using Key = std::uint32_t;

  /// Sets or moves the timer of `key`.
  void set(Key key, Instant at) {
    if (key >= places_.size()) places_.resize(std::size_t{key} + 1, kNowhere);
    cancel(key);
    heap_.push_back({at, next_order_++, key});
    places_[key] = static_cast<std::uint32_t>(heap_.size() - 1);
    rise(heap_.size() - 1);
  }

  /// Without effect when `key` has no timer.
  void cancel(Key key) {
    if (!is_set(key)) return;
    const std::size_t place = places_[key];
    places_[key] = kNowhere;
    const Node last = heap_.back();
    heap_.pop_back();
    if (place == heap_.size()) return;
    put(place, last);
    sink(place);
    rise(place);
  }

  [[nodiscard]] bool is_set(Key key) const { return key < places_.size() && places_[key] != kNowhere; }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  /// The earliest instant; nothing when no timer is set.
  [[nodiscard]] std::optional<Instant> next() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().at;
  }

  /// Takes the earliest timer whose instant isn't after `now`.
  std::optional<Key> pop_due(Instant now) {
    if (heap_.empty() || heap_.front().at > now) return std::nullopt;
    const Key key = heap_.front().key;
    cancel(key);
    return key;
  }

 private:
  static constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t kChildren = 4;  ///< a flat heap: half the levels of a binary one

  struct Node {
    Instant at;
    std::uint64_t order;
    Key key;
    [[nodiscard]] bool before(const Node& other) const { return at != other.at ? at < other.at : order < other.order; }
  };

  void put(std::size_t place, const Node& node) {
    heap_[place] = node;
    places_[node.key] = static_cast<std::uint32_t>(place);
  }

  void rise(std::size_t place) {
    const Node node = heap_[place];
    while (place > 0) {
      const std::size_t parent = (place - 1) / kChildren;
      if (!node.before(heap_[parent])) break;
      put(place, heap_[parent]);
      place = parent;
    }
    put(place, node);
  }

  void sink(std::size_t place) {
    const Node node = heap_[place];
    for (;;) {
      const std::size_t first = place * kChildren + 1;
      if (first >= heap_.size()) break;
      std::size_t least = first;
      for (std::size_t child = first + 1; child < std::min(first + kChildren, heap_.size()); ++child) {
        if (heap_[child].before(heap_[least])) least = child;
      }
      if (!heap_[least].before(node)) break;
      put(place, heap_[least]);
      place = least;
    }
    put(place, node);
  }

  std::vector<Node> heap_;
  std::vector<std::uint32_t> places_;  ///< by key: where its node is in heap_
  std::uint64_t next_order_ = 0;
};

}  // namespace drover
