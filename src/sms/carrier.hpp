// SPDX-License-Identifier: Apache-2.0
// What moves short messages: a modem, an SMSC, or the simulated world. Sans-IO.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "sms/message.hpp"

namespace drover::sms {

/// Submissions that wait in a carrier; past it one fails at once with "queue full".
inline constexpr std::size_t kSubmissionsMax = 1024;
/// Short messages that came and haven't been polled.
inline constexpr std::size_t kDeliveriesMax = 1024;

struct CarrierCounters {
  std::uint64_t sent = 0;       ///< short messages that the network took
  std::uint64_t received = 0;   ///< short messages that came
  std::uint64_t failed = 0;     ///< submissions that ended as Failed
  std::uint64_t retried = 0;    ///< tries after the first, of submissions and commands
  std::uint64_t malformed = 0;  ///< what came over the line and couldn't be read
  std::uint64_t foreign = 0;    ///< short messages for people: text, or from a sender that isn't a number; dropped
  std::uint64_t restarts = 0;   ///< of the line: modem resets, new connections after the first
};

/// Drive it by the one contract: one call that changes it, then drain every poll_*, then wait until deadline(). One
/// thread at a time; never blocks, never throws on what peers send. The line is a serial device or a TCP connection
/// that its owner opens when wants_line() says so; a submission outlives a line that breaks, unless the network took it.
class Carrier {
 public:
  virtual ~Carrier() = default;

  /// Exactly one Taken or Failed follows.
  virtual void submit(Instant now, Submission submission) = 0;
  virtual std::optional<ShortMessage> poll_delivery() = 0;
  virtual std::optional<Report> poll_report() = 0;

  // ---- the line
  /// The owner is to open the line (again); true until line_opened(). After a failure it turns true when the carrier's
  /// own wait is over.
  [[nodiscard]] virtual bool wants_line() const = 0;
  virtual void line_opened(Instant now) = 0;
  /// It couldn't be opened, or broke; `reason` is for people.
  virtual void line_closed(Instant now, std::string reason) = 0;
  virtual void line_received(Instant now, ByteView bytes) = 0;
  virtual std::optional<Bytes> poll_line_output() = 0;
  /// The owner is to close the line now, after what poll_line_output() gave; line_closed() is its answer.
  [[nodiscard]] virtual bool wants_line_closed() const = 0;

  virtual void handle_timeout(Instant now) = 0;
  [[nodiscard]] virtual std::optional<Deadline> deadline() const = 0;

  /// Short messages can be sent and received at the moment.
  [[nodiscard]] virtual bool is_ready() const = 0;
  /// For people: "registered with the network", "waiting for the SIM's PIN", without secrets.
  [[nodiscard]] virtual std::string state() const = 0;
  [[nodiscard]] virtual const CarrierCounters& counters() const = 0;
};

}  // namespace drover::sms
