// SPDX-License-Identifier: Apache-2.0
// The real loop's half of the contract of sms::Carrier: its line.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "io/byte_stream.hpp"
#include "io/event_loop.hpp"
#include "sms/carrier.hpp"

namespace drover::io {

/// Opens a carrier's line when it wants one, carries octets both ways, and closes it. All calls on the loop's thread;
/// loop and carrier outlive it.
class CarrierLine {
 public:
  /// Octets that the line hasn't taken; past it the carrier is asked for no more.
  static constexpr std::size_t kOutputMax = 64 * 1024;
  static constexpr std::size_t kReadSize = 4096;  ///< octets that the carrier gets at once
  static constexpr Duration kConnectMax = std::chrono::seconds(30);
  static constexpr Duration kStallMax = std::chrono::seconds(30);  ///< of a line that takes nothing
  static constexpr Duration kLastWordsMax = std::chrono::seconds(2);  ///< before a line is closed

  /// open_serial_device() or TcpConnector::connect(), with what they need.
  using Opener = std::function<Result<ByteStream>()>;

  /// `after` runs once behind every mutation: the owner drains the carrier's other polls there, and may submit; it
  /// doesn't call flush().
  CarrierLine(EventLoop& loop, sms::Carrier& carrier, Opener opener, std::function<void(Instant)> after);
  ~CarrierLine();
  CarrierLine(const CarrierLine&) = delete;
  CarrierLine& operator=(const CarrierLine&) = delete;

  /// Sends what the carrier has to send, after a submission of the owner's.
  void flush(Instant at);
  [[nodiscard]] bool is_open() const { return stream_ && !stream_->is_connecting(); }

 private:
  void open(Instant at);
  void opened(Instant at);
  void ready();
  bool receive(Instant at);
  bool send(Instant at);
  void close(Instant at, std::string reason);
  void let_go();
  void wake(Instant at);
  [[nodiscard]] std::optional<Instant> next() const;

  EventLoop& loop_;
  sms::Carrier& carrier_;
  Opener opener_;
  std::function<void(Instant)> after_;
  std::optional<ByteStream> stream_;
  Bytes output_;
  std::size_t written_ = 0;  ///< of output_
  EventLoop::Interest interest_ = EventLoop::Interest::Read;
  /// When the connection, or what waits in output_, has taken as long as it may.
  std::optional<Instant> give_up_at_;
  std::optional<Instant> close_at_;  ///< since the carrier wants it closed
  int waker_ = 0;
};

}  // namespace drover::io
