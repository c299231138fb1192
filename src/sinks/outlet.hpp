// SPDX-License-Identifier: Apache-2.0
// The way to a receiver.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "io/event_loop.hpp"
#include "sinks/delivery.hpp"

namespace drover::sinks {

/// What an outlet says, on the loop's thread; also while open(), send() or close() runs. Reasons are for people and hold
/// no secrets.
class Reports {
 public:
  virtual ~Reports() = default;
  virtual void opened() = 0;
  virtual void delivered(std::uint64_t key) = 0;
  virtual void refused(std::uint64_t key, std::string reason) = 0;
  /// Of all that was sent nothing more is heard.
  virtual void failed(std::string reason, std::optional<Duration> retry_after) = 0;
};

/// On one loop's thread, except for interrupt().
class Outlet {
 public:
  enum class State : std::uint8_t { Closed, Opening, Open };

  virtual ~Outlet() = default;
  /// Once, before all else. Both outlive this.
  virtual void attach(io::EventLoop& loop, Reports& reports) = 0;
  [[nodiscard]] virtual State state() const = 0;
  /// When it is closed. Whoever has no connection to open is open always.
  virtual void open() = 0;
  /// When it is open; may block as long as the outlet's timeout.
  virtual void send(const Message& message) = 0;
  virtual void close() = 0;
  /// Thread-safe: ends a send() that blocks, soon.
  virtual void interrupt() {}
};

}  // namespace drover::sinks
