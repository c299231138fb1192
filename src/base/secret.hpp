// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string.h>  // explicit_bzero

#include <utility>

namespace drover {

/// Holds a value that must not be printed, a std::vector or std::string. There is no conversion and no stream operator;
/// reading needs the word reveal(). What it held is overwritten when it ends, is moved from, or gets another value;
/// copies that others made aren't.
template <class T>
class Secret {
 public:
  Secret() = default;
  explicit Secret(T value) : value_(std::move(value)) { wipe(value); }
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { wipe(other.value_); }
  Secret& operator=(const Secret& other) {
    if (this != &other) *this = Secret(other);
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this == &other) return *this;
    wipe(value_);
    value_ = std::move(other.value_);
    wipe(other.value_);
    return *this;
  }
  ~Secret() { wipe(value_); }

  [[nodiscard]] const T& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

 private:
  /// Also what is behind its size: a value that was made shorter, or a short text that was moved away.
  static void wipe(T& value) {
    value.resize(value.capacity());
    if (value.empty()) return;  // explicit_bzero takes no null pointer
    explicit_bzero(value.data(), value.size() * sizeof(*value.data()));
    value.clear();
  }

  T value_{};
};

}  // namespace drover
