// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace drover {

/// A queue whose elements are reached by a number that grows with each push and is never reused.
template <class T>
class SequenceQueue {
 public:
  std::uint64_t push(T value) {
    elements_.push_back(std::move(value));
    return first_ + elements_.size() - 1;
  }
  void pop() {
    elements_.pop_front();
    ++first_;
  }

  [[nodiscard]] bool empty() const { return elements_.empty(); }
  [[nodiscard]] std::size_t size() const { return elements_.size(); }
  [[nodiscard]] T& front() { return elements_.front(); }
  [[nodiscard]] const T& front() const { return elements_.front(); }
  [[nodiscard]] std::uint64_t front_number() const { return first_; }
  [[nodiscard]] bool holds(std::uint64_t number) const { return number - first_ < elements_.size(); }
  [[nodiscard]] T& operator[](std::uint64_t number) {
    assert(holds(number));
    return elements_[static_cast<std::size_t>(number - first_)];
  }
  [[nodiscard]] const T& operator[](std::uint64_t number) const {
    assert(holds(number));
    return elements_[static_cast<std::size_t>(number - first_)];
  }
  /// The whole number of an element in the queue of which only the low 32 bits were kept.
  [[nodiscard]] std::uint64_t widen(std::uint32_t low) const {
    return first_ + static_cast<std::uint32_t>(low - static_cast<std::uint32_t>(first_));
  }

 private:
  std::deque<T> elements_;
  std::uint64_t first_ = 0;
};

}  // namespace drover
