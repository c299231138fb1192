// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

namespace drover {

/// Holds a value that must not be printed. There is no conversion and no stream operator; reading needs the word
/// reveal().
template <class T>
class Secret {
 public:
  Secret() = default;
  explicit Secret(T value) : value_(std::move(value)) {}
  [[nodiscard]] const T& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

 private:
  T value_;
};

}  // namespace drover
