// SPDX-License-Identifier: Apache-2.0
// Time as a value: the core can compare instants but can't read a clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace drover {

/// A monotonic timeline without now(); io/ and sim/ produce its instants.
struct Timeline {
  using rep = std::int64_t;
  using period = std::micro;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<Timeline>;
  static constexpr bool is_steady = true;
};
using Instant = Timeline::time_point;
using Duration = Timeline::duration;

/// Seconds since 1970 in UTC, for what people and the Time data type see. Never used for timers.
using UnixSeconds = std::int64_t;

/// Why somebody waits. Every timer of the core has one of these names; tests and the console show it.
enum class Reason : std::uint8_t {
  Retransmit,   ///< a confirmable message is repeated (RFC 7252 §4.2)
  Acknowledge,  ///< an empty acknowledgement goes out before a separate response (RFC 7252 §5.2.2)
  ExchangeEnd,  ///< a request has waited as long as it may for its response
  Forget,       ///< a deduplication entry or a kept body has lived its time
  Lifetime,     ///< a registration ends (server) or must be renewed (client)
  Retry,        ///< a failed registration is tried again
  PMin,         ///< a withheld notification may go (Core §5.1.2)
  PMax,         ///< a notification is due without a change (Core §5.1.2)
  Disable,      ///< a disabled server is enabled again (Core E.2)
  Script,       ///< a scripted value changes
  DtlsFlight,   ///< a DTLS flight is repeated (RFC 6347 §4.2.4)
  Handshake,    ///< a DTLS handshake has taken as long as it may, or is tried again
  Park,         ///< an idle association is put away
  Collection,   ///< a collection period of Connectivity Statistics ends (Core E.8)
  QueueAwake,   ///< a device with queue mode may sleep, or what waits for it is too old (Transport "Queue Mode")
  Line,         ///< a line to a modem or an SMSC is opened again, asked for a sign of life, or was silent too long
  Bootstrap,    ///< a bootstrap is held off, tried again, or has been silent for too long (Core §5.2.3.3)
};
const char* to_string(Reason reason);

/// When the owner wants to be called again, and why.
struct Deadline {
  Instant at;
  Reason reason;
};

}  // namespace drover
