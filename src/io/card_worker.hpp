// SPDX-License-Identifier: Apache-2.0
// Work with a card on a thread of its own: a terminal waits for its card, and a loop may not.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "io/event_loop.hpp"
#include "smartcard/terminal.hpp"

namespace drover::io {

/// Runs jobs one after the other. Made, used and destroyed on the loop's thread; loop and terminal outlive it, and the
/// terminal is the jobs' alone meanwhile.
class CardWorker {
 public:
  static constexpr std::size_t kJobsMax = 16;  ///< that wait or run

  /// `interrupt` ends a call of the terminal's that waits for the loop (ModemTerminal::interrupt()): when this is
  /// destroyed, the loop can't answer it. Called from the loop's thread while a job may be running.
  CardWorker(EventLoop& loop, smartcard::Terminal& terminal, std::function<void()> interrupt = {});
  /// Waits for the job that runs. What waits is dropped, and no result is told any more.
  ~CardWorker();
  CardWorker(const CardWorker&) = delete;
  CardWorker& operator=(const CardWorker&) = delete;

  /// `work` on the worker's thread, then `done` with what it gave, on the loop's. `done` may call run() and destroy the
  /// worker. False, and neither is called, when kJobsMax are there.
  template <class Work, class Done>
  bool run(Work work, Done done) {
    using Outcome = decltype(work(std::declval<smartcard::Terminal&>()));
    // std::function copies; what comes of a job may not be made for that.
    auto outcome = std::make_shared<std::optional<Outcome>>();
    Job job;
    job.work = [work = std::move(work), outcome](smartcard::Terminal& terminal) mutable {
      outcome->emplace(work(terminal));
    };
    job.done = [done = std::move(done), outcome]() mutable { done(std::move(**outcome)); };
    return push(std::move(job));
  }
  /// Jobs that wait, run, or whose result wasn't told yet.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Job {
    std::function<void(smartcard::Terminal&)> work;
    std::function<void()> done;
  };
  struct State;

  bool push(Job job);

  std::shared_ptr<State> state_;
};

}  // namespace drover::io
