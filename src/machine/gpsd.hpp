// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "io/event_loop.hpp"
#include "machine/gpsd_report.hpp"
#include "transport/datagram.hpp"

namespace drover::machine {

/// A client of gpsd over TCP, on an event loop. It connects by itself, and again after kRetryFirst that doubles up to
/// kRetryMax until gpsd talks. Everything on the loop's thread.
class Gpsd {
 public:
  static constexpr std::uint16_t kPort = 2947;  ///< IANA "gpsd"
  static constexpr Duration kRetryFirst = std::chrono::seconds(1);
  static constexpr Duration kRetryMax = std::chrono::minutes(1);

  struct Listener {
    std::function<void(const client::Fix&)> fix;
    /// Whether positions can be expected: gpsd talks and has a receiver. Called when it changes; before the first call
    /// nobody knows.
    std::function<void(bool)> works;
  };
  struct Counters {
    std::uint64_t connections = 0;
    std::uint64_t reports = 0;
    std::uint64_t malformed = 0;  ///< lines that were ignored, and those that were too long
  };

  /// The loop outlives it; the first connection is tried when the loop runs. The host of `address` may be anything, but
  /// gpsd has no authentication: loopback is what it is made for.
  Gpsd(io::EventLoop& loop, const transport::PeerAddress& address, Listener listener);
  ~Gpsd();
  Gpsd(const Gpsd&) = delete;
  Gpsd& operator=(const Gpsd&) = delete;

  [[nodiscard]] Counters counters() const;
  [[nodiscard]] bool is_connected() const { return fd_ >= 0 && !connecting_; }

 private:
  void connect(Instant now);
  void ready();
  void receive();
  void lose(Instant now);
  void close();
  void tell(bool works);

  io::EventLoop& loop_;
  transport::PeerAddress address_;
  Listener listener_;
  Counters counters_;
  LineBuffer lines_;
  int fd_ = -1;
  bool connecting_ = false;
  std::optional<bool> told_;
  Duration wait_ = kRetryFirst;
  std::optional<Instant> retry_at_;
  int waker_ = 0;
};

}  // namespace drover::machine
