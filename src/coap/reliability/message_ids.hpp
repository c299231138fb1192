// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/random.hpp"
#include "coap/message/message.hpp"

namespace drover::coap {

/// The message ids of what we send. Peers share counters by their hash, so that a peer costs nothing: a counter gives a
/// peer the same id again after 65536 messages to all peers of its counter. With the 247 s of EXCHANGE_LIFETIME that
/// allows 65536 / 247 = 265 messages a second to each counter; 4096 counters (8 kB) make it a million a second over all
/// peers, and one peer can be sent the 265 a second that RFC 7252 §4.4 allows, as long as its neighbours are quiet.
/// Acknowledgements carry the peer's ids and count nothing. The starts are random (RFC 7252 §4.4).
class MessageIds {
 public:
  explicit MessageIds(Rng& rng) {
    for (std::size_t i = 0; i < kCounters; i += 4) {
      const std::uint64_t random = rng.next();
      for (std::size_t j = 0; j < 4; ++j) next_[i + j] = static_cast<std::uint16_t>(random >> (16 * j));
    }
  }

  MessageId next(std::uint64_t peer_hash) { return MessageId{next_[(peer_hash >> 32) % kCounters]++}; }

 private:
  static constexpr std::size_t kCounters = 4096;
  std::array<std::uint16_t, kCounters> next_{};
};

}  // namespace drover::coap
