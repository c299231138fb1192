// SPDX-License-Identifier: Apache-2.0
// When a device in queue mode is offline (Transport "Queue Mode Operation"): one server's plan, as plain values.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace drover::client {

struct QueueSettings {
  /// How long it stays awake after the last message that it sent to the server; none: MAX_TRANSMIT_WAIT of its CoAP
  /// parameters, 93 s with those of RFC 7252, as is recommended.
  std::optional<Duration> awake;
  /// It wakes that long after it last showed itself; none: when the registration asks for an Update.
  std::optional<Duration> wake_every;
  /// A notification that is due wakes it; else it is kept until the next time.
  bool notifications_wake = true;
};

/// A server's view of the device: with a binding in queue mode it is awake from a registration or an Update until some
/// time after its last message.
struct QueueMode {
  enum class State : std::uint8_t {
    Awake,
    Asleep,  ///< nothing is sent to the server and nothing heard of it
    Waking,  ///< an Update is under way: it is heard, and all else waits for the answer
  };
  State state = State::Awake;
  Instant last_sent{};             ///< a message to the server, by the transport that is in queue mode
  Instant shown{};                 ///< the last answer to a Register or an Update
  std::optional<Instant> wake_at;  ///< while asleep, by QueueSettings::wake_every
  bool wake_wanted = false;
  bool moved = false;              ///< the device's own address has changed while it was asleep
};

}  // namespace drover::client
