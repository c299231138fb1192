// SPDX-License-Identifier: Apache-2.0
#include "history/buckets.hpp"

#include <utility>

namespace drover::history {

namespace {

/// Whole numbers are compared exactly.
bool is_less(const Scalar& a, const Scalar& b) {
  const auto* const whole_a = std::get_if<std::int64_t>(&a);
  const auto* const whole_b = std::get_if<std::int64_t>(&b);
  if (whole_a != nullptr && whole_b != nullptr) return *whole_a < *whole_b;
  return *number_of(a) < *number_of(b);
}

}  // namespace

UnixMilliseconds Bucketing::start_of(UnixMilliseconds at) const {
  const std::int64_t into = at % every_;
  return at - (into < 0 ? into + every_ : into);
}

void Bucketing::add(const Sample& sample) {
  if (!bucket_) {
    bucket_.emplace();
    bucket_->at = start_of(sample.at);
    bucket_->first = bucket_->last = sample.value;
    numbers_ = true;
    sum_ = 0;
  }
  (order_ == Order::OldestFirst ? bucket_->last : bucket_->first) = sample.value;
  ++bucket_->count;
  const auto number = number_of(sample.value);
  numbers_ = numbers_ && number;
  if (numbers_) add_number(sample.value, *number);
}

void Bucketing::add_number(const Scalar& value, double number) {
  sum_ += number;
  if (!bucket_->numbers) bucket_->numbers = Bucket::Numbers{value, value};
  if (is_less(value, bucket_->numbers->min)) bucket_->numbers->min = value;
  if (is_less(bucket_->numbers->max, value)) bucket_->numbers->max = value;
}

std::optional<Bucket> Bucketing::take() {
  if (!bucket_) return std::nullopt;
  if (numbers_) {
    bucket_->numbers->avg = sum_ / static_cast<double>(bucket_->count);
  } else {
    bucket_->numbers.reset();
  }
  return std::exchange(bucket_, std::nullopt);
}

}  // namespace drover::history
