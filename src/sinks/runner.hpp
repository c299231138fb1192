// SPDX-License-Identifier: Apache-2.0
// One sink on a thread of its own: its delivery, its outlet, its cursor.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "events/feed.hpp"
#include "io/clock.hpp"
#include "io/event_loop.hpp"
#include "sinks/cursor.hpp"
#include "sinks/delivery.hpp"
#include "sinks/outlet.hpp"
#include "sinks/sink_list.hpp"

namespace drover::sinks {

/// What is in flight at the end may still arrive for that long.
inline constexpr Duration kStopWait = std::chrono::seconds(2);
inline constexpr Duration kCursorInterval = std::chrono::seconds(1);  ///< between two writes of a cursor, at least

class Runner final : private Reports {
 public:
  struct Settings {
    std::string name = {};
    std::string kind = {};
    std::string target = {};  ///< SinkView::target
    DeliverySettings delivery = {};
    Cursor start = {};  ///< where it begins
  };
  /// The feed outlives this. `cursors` may be null.
  Runner(Settings settings, events::Feed& feed, std::shared_ptr<CursorTable> cursors, std::unique_ptr<Outlet> outlet);
  ~Runner() override;
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  void start();
  /// Waits kStopWait for what is in flight, writes the cursor and joins the thread. What hasn't arrived is delivered
  /// after the next start.
  void stop();

  /// Thread-safe and cheap: there may be new events.
  void wake();
  /// Thread-safe.
  [[nodiscard]] SinkView view() const;
  /// Thread-safe; see SinkList::test().
  void test(std::function<void(std::string)> done);
  [[nodiscard]] const std::string& name() const { return settings_.name; }
  /// Where another one of this name goes on. After stop().
  [[nodiscard]] Cursor cursor() const { return {delivery_.cursor(), settings_.start.series}; }

 private:
  void opened() override;
  void delivered(std::uint64_t key) override;
  void refused(std::uint64_t key, std::string reason) override;
  void failed(std::string reason, std::optional<Duration> retry_after) override;

  [[nodiscard]] std::optional<Instant> deadline() const;
  void run(Instant now);
  void pump();
  void settle();
  void publish();
  void end();
  void save_cursor(Instant now);
  void note_failure(const std::string& reason);

  const Settings settings_;
  events::Feed& feed_;
  const std::shared_ptr<CursorTable> cursors_;
  io::EventLoop loop_;
  io::SystemRng rng_;
  std::unique_ptr<Outlet> outlet_;
  Delivery delivery_;
  std::vector<std::function<void(std::string)>> tests_;
  bool dirty_ = true;  ///< there may be something to do now
  bool told_failure_ = false;
  std::optional<Instant> end_at_{};
  std::uint64_t saved_;
  Instant saved_at_{};
  bool told_unsaved_ = false;

  std::atomic<bool> woken_ = false;
  std::atomic<bool> ending_ = false;
  mutable std::mutex mutex_;
  SinkView view_;                          // mutex_
  std::optional<UnixSeconds> oldest_at_{};  // mutex_
  std::thread thread_;
  std::future<void> ended_;
};

}  // namespace drover::sinks
