// SPDX-License-Identifier: Apache-2.0
// Cookies of HelloVerifyRequest: they prove that a peer hears at its address, and cost this side no memory.
#pragma once

#include <array>
#include <cstdint>

#include "base/keyed_hash.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "security/client_hello.hpp"
#include "transport/datagram.hpp"

namespace drover::security {

/// Keyed hashes of address, hello and time (RFC 6347 §4.2.1).
class Cookies {
 public:
  using Cookie = std::array<std::uint8_t, 16>;
  /// A cookie is good for one to two of these.
  static constexpr Duration kPeriod = std::chrono::seconds(60);
  /// For addresses of short messages, which take minutes each way.
  static constexpr Duration kSmsPeriod = std::chrono::minutes(30);

  explicit Cookies(Rng& rng) : first_(rng), second_(rng) {}

  [[nodiscard]] Cookie make(Instant now, const transport::PeerAddress& peer, const ClientHello& hello) const {
    return make(period(now, peer), peer, hello);
  }
  [[nodiscard]] bool is_good(Instant now, const transport::PeerAddress& peer, const ClientHello& hello) const {
    const std::int64_t current = period(now, peer);
    return equal(hello.cookie, make(current, peer, hello)) || equal(hello.cookie, make(current - 1, peer, hello));
  }

 private:
  static std::int64_t period(Instant now, const transport::PeerAddress& peer) {
    return now.time_since_epoch() / (peer.is_sms() ? kSmsPeriod : kPeriod);
  }
  [[nodiscard]] Cookie make(std::int64_t period, const transport::PeerAddress& peer, const ClientHello& hello) const;
  /// In a time that doesn't depend on where they differ.
  static bool equal(ByteView given, const Cookie& wanted);

  KeyedHash first_, second_;
};

}  // namespace drover::security
