// SPDX-License-Identifier: Apache-2.0
// Stored values as those see them who ask: the API.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "history/value.hpp"

namespace drover::history {

/// Thread-safe, and never blocks. `done` is called once, on any thread, and must not block.
class Archive {
 public:
  virtual ~Archive() = default;
  template <class T>
  using Done = std::function<void(T)>;

  virtual void last(LastQuery query, Done<Result<LastPage>> done) = 0;
  virtual void history(HistoryQuery query, Done<Result<HistoryPage>> done) = 0;
  /// `every`: seconds of a bucket, 1 or more.
  virtual void buckets(HistoryQuery query, std::int64_t every, Done<Result<BucketPage>> done) = 0;
  /// All values of a device, those of events that have happened by now included; how many series it had.
  virtual void forget(std::string endpoint, Done<Result<std::uint64_t>> done) = 0;
  virtual void status(Done<Status> done) = 0;
};

}  // namespace drover::history
