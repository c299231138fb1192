// SPDX-License-Identifier: Apache-2.0
// epoll with timers and a mailbox; one thread runs it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/time.hpp"

namespace drover::io {

class EventLoop {
 public:
  enum class Interest : std::uint8_t { Read = 1, Write = 2, ReadWrite = 3 };

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Calls `ready` on the loop's thread while `fd` is ready (level-triggered). The loop doesn't own the descriptor.
  void watch(int fd, Interest interest, std::function<void()> ready);
  void change(int fd, Interest interest);
  void unwatch(int fd);

  /// Before each wait every waker is asked for its deadline, and called when it is reached (at most once a round, so a
  /// deadline that stays in the past can't keep sockets from being served). Meant for one waker a core, not one a peer.
  /// Returns an id for remove_waker(). Callbacks may add and remove wakers and watches, their own included.
  int add_waker(std::function<std::optional<Instant>()> deadline, std::function<void(Instant)> wake);
  void remove_waker(int id);

  /// Thread-safe: runs `task` on the loop's thread, in order. Tasks posted after run() returned run in the next run().
  void post(std::function<void()> task);

  /// For who has a loop of its own: this is readable when step() has something to do before deadline(). Not to be read.
  [[nodiscard]] int descriptor() const;
  [[nodiscard]] std::optional<Instant> deadline() const;
  /// One round of run(), without waiting.
  void step();

  /// Until stop(); a stop() before run() ends that run() at once. One thread at a time.
  void run();
  /// Thread-safe and async-signal-safe.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drover::io
