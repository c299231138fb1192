// SPDX-License-Identifier: Apache-2.0
// For a server without a store: what was noted ends with the process.
#pragma once

#include <deque>
#include <mutex>

#include "audit/trail.hpp"

namespace drover::audit {

class MemoryTrail final : public Trail {
 public:
  /// Some 300 bytes each.
  static constexpr std::size_t kMax = 10'000;

  /// kMax at most.
  explicit MemoryTrail(const Limits& limits);
  void note(Record record, std::function<void()> kept) override;
  [[nodiscard]] bool is_full() const override { return false; }
  Result<Page> read(const Query& query) override;

 private:
  std::mutex mutex_;
  Limits limits_;
  std::deque<Record> records_;  ///< by number
  std::size_t counts_[2] = {};  ///< not refused, refused
  std::uint64_t last_ = 0;
};

}  // namespace drover::audit
