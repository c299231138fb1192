// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace drover::coap {

/// A queue that is drained completely before it is filled again, as the driving contract asks. One allocation at most
/// while it is used; empty it holds room for kKept elements only (std::deque would keep half a kilobyte per endpoint).
template <class T>
class Fifo {
 public:
  void push(T value) { elements_.push_back(std::move(value)); }
  std::optional<T> pop() {
    if (next_ == elements_.size()) return std::nullopt;
    std::optional<T> taken(std::move(elements_[next_++]));
    if (next_ == elements_.size()) {
      next_ = 0;
      elements_.clear();
      if (elements_.capacity() > kKept) elements_.shrink_to_fit();
    }
    return taken;
  }
  [[nodiscard]] std::size_t size() const { return elements_.size() - next_; }
  [[nodiscard]] bool empty() const { return size() == 0; }

 private:
  static constexpr std::size_t kKept = 2;
  std::vector<T> elements_;
  std::size_t next_ = 0;
};

}  // namespace drover::coap
