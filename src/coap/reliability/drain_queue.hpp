// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace drover::coap {

/// First in, first out; made to be drained after each input. Keeps a little memory for the next one.
template <class T>
class DrainQueue {
 public:
  void push(T value) {
    if (taken_ >= kCompactAfter && taken_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(taken_));
      taken_ = 0;
    }
    items_.push_back(std::move(value));
  }
  std::optional<T> pop() {
    if (taken_ == items_.size()) return std::nullopt;
    std::optional<T> value(std::move(items_[taken_++]));
    if (taken_ == items_.size()) {
      items_.clear();
      taken_ = 0;
      if (items_.capacity() > kKeptMax) items_ = {};
    }
    return value;
  }
  [[nodiscard]] std::size_t size() const { return items_.size() - taken_; }

 private:
  static constexpr std::size_t kCompactAfter = 64;
  static constexpr std::size_t kKeptMax = 1024;
  std::vector<T> items_;
  std::size_t taken_ = 0;
};

}  // namespace drover::coap
