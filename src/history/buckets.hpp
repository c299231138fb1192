// SPDX-License-Identifier: Apache-2.0
// Down-sampling.
#pragma once

#include <optional>

#include "history/value.hpp"

namespace drover::history {

/// Puts the values of one series, ascending or descending by time, into buckets.
class Bucketing {
 public:
  /// `every`: milliseconds, 1 or more.
  Bucketing(std::int64_t every, Order order) : every_(every), order_(order) {}
  /// Whether a value belongs to another bucket than the one that is being filled.
  [[nodiscard]] bool ends_with(const Sample& sample) const { return bucket_ && start_of(sample.at) != bucket_->at; }
  void add(const Sample& sample);
  /// The bucket that was filled; the next value begins another one.
  std::optional<Bucket> take();

 private:
  [[nodiscard]] UnixMilliseconds start_of(UnixMilliseconds at) const;
  void add_number(const Scalar& value, double number);

  const std::int64_t every_;
  const Order order_;
  std::optional<Bucket> bucket_;
  bool numbers_ = true;  ///< none of them isn't
  double sum_ = 0;
};

}  // namespace drover::history
