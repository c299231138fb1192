// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/random.hpp"
#include "coap/message/message.hpp"
#include "transport/datagram.hpp"

namespace drover::coap {

/// The message ids of what we send. Peers share counters by their hash, so that a peer costs nothing: a counter gives a
/// peer the same id again after 65536 messages to all peers of its counter. With the 247 s of EXCHANGE_LIFETIME that
/// allows 65536 / 247 = 265 messages a second to each counter; 4096 counters (8 kB) make it a million a second over all
/// peers, and one peer can be sent the 265 a second that RFC 7252 §4.4 allows, as long as its neighbours are quiet.
/// Acknowledgements carry the peer's ids and count nothing. The starts are random (RFC 7252 §4.4).
///
/// Over SMS an id is remembered for an hour: those peers have counters of their own (18 a second to each), or busy
/// neighbours on the network would bring an id back too early.
class MessageIds {
 public:
  explicit MessageIds(Rng& rng) : rng_(rng) { fill(network_); }

  /// `peer_hash` is KeyedHash::of(peer).
  MessageId next(const transport::PeerAddress& peer, std::uint64_t peer_hash) {
    const std::size_t counter = (peer_hash >> 32) % kCounters;
    if (!peer.is_sms()) return MessageId{network_[counter]++};
    if (!sms_) {
      sms_ = std::make_unique<Counters>();
      fill(*sms_);
    }
    return MessageId{(*sms_)[counter]++};
  }

 private:
  static constexpr std::size_t kCounters = 4096;
  using Counters = std::array<std::uint16_t, kCounters>;

  void fill(Counters& counters) {
    for (std::size_t i = 0; i < kCounters; i += 4) {
      const std::uint64_t random = rng_.next();
      for (std::size_t j = 0; j < 4; ++j) counters[i + j] = static_cast<std::uint16_t>(random >> (16 * j));
    }
  }

  Rng& rng_;
  Counters network_{};
  std::unique_ptr<Counters> sms_;  ///< made for the first such peer
};

}  // namespace drover::coap
