// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "base/random.hpp"
#include "coap/message/message.hpp"
#include "transport/datagram.hpp"

namespace drover::coap {

/// Hashes peers and (peer, message id) pairs under secret keys: who may choose addresses and ids still can't make two
/// of them meet in one place of a table. Multiply-and-fold; not for anything that leaves the process.
class KeyedHash {
 public:
  /// The constants keep the hash usable with a scripted Rng that gives zeros.
  explicit KeyedHash(Rng& rng)
      : keys_{rng.next() ^ 0xA0761D6478BD642FULL, rng.next() ^ 0xE7037ED1A0B428DBULL,
              rng.next() ^ 0x8EBC6AF09C88C6E3ULL, rng.next() ^ 0x589965CC75374CC3ULL} {}

  [[nodiscard]] std::uint64_t of(const transport::PeerAddress& peer) const {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, peer.host.data(), sizeof high);
    std::memcpy(&low, peer.host.data() + sizeof high, sizeof low);
    const std::uint64_t rest =
        std::uint64_t{peer.scope} << 32 | std::uint64_t{peer.port} << 8 | static_cast<std::uint64_t>(peer.kind);
    return fold(fold(high ^ keys_[0], low ^ keys_[1]) ^ rest ^ keys_[2], kOdd);
  }

  /// `peer_hash` is of(peer).
  [[nodiscard]] std::uint64_t of(std::uint64_t peer_hash, MessageId id) const {
    return fold(peer_hash ^ (std::uint64_t{id.value} << 17 | 1), keys_[3] | 1);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15ULL;

  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    const Wide product = Wide{a} * b;
    return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
  }

  std::uint64_t keys_[4];
};

}  // namespace drover::coap
