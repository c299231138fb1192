// SPDX-License-Identifier: Apache-2.0
// Values on threads of their own: one that follows the feed, one that answers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "events/feed.hpp"
#include "history/archive.hpp"
#include "history/values.hpp"

namespace drover::history {

class ValueService final : public Archive {
 public:
  static constexpr std::size_t kBatch = 1000;              ///< events of one transaction
  /// Between two that aren't full, so that a trickle of events shares its writes. Values are seen that late.
  static constexpr std::chrono::milliseconds kPause{20};
  static constexpr std::chrono::seconds kLook{1};          ///< between two sweeps, and two tries of what failed

  /// Begins to follow. `values` and `feed` outlive it.
  ValueService(Values& values, events::Feed& feed, std::function<UnixSeconds()> clock);
  /// Answers what was asked before. Events that aren't in yet are read the next time.
  ~ValueService() override;
  ValueService(const ValueService&) = delete;
  ValueService& operator=(const ValueService&) = delete;

  void last(LastQuery query, Done<Result<LastPage>> done) override;
  void history(HistoryQuery query, Done<Result<HistoryPage>> done) override;
  void buckets(HistoryQuery query, std::int64_t every, Done<Result<BucketPage>> done) override;
  void forget(std::string endpoint, Done<Result<std::uint64_t>> done) override;
  void status(Done<Status> done) override;

 private:
  /// What a thread has to do. The feed keeps that of the writer for good.
  struct Desk {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> tasks;
    bool news = false;
    bool ending = false;

    void post(std::function<void()> task);
    void wake();
    void end();
  };
  void answer();
  void follow();
  /// Up to `through`; false when it can't be stored now.
  bool catch_up(std::uint64_t through);
  bool project_some(bool& more);
  void sweep();

  Values& values_;
  events::Feed& feed_;
  const std::function<UnixSeconds()> clock_;
  const std::shared_ptr<Desk> writing_ = std::make_shared<Desk>();
  Desk reading_;
  std::chrono::steady_clock::time_point swept_{};
  bool failed_ = false;
  std::thread writer_, reader_;
};

}  // namespace drover::history
