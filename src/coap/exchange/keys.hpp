// SPDX-License-Identifier: Apache-2.0
// Keys of the exchange layer's hash maps, with a secret seed: peers choose addresses, tokens and paths.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/random.hpp"
#include "coap/message/message.hpp"
#include "coap/message/options.hpp"
#include "transport/datagram.hpp"

namespace drover::coap {

/// A bijection of 64-bit numbers with good avalanche (the finalizer of SplitMix64).
constexpr std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

/// Seeded hash of bytes, eight at a time. Not for secrets.
inline std::uint64_t hash_bytes(std::uint64_t seed, ByteView bytes) {
  std::uint64_t hash = mix(seed ^ (bytes.size() * 0x9E3779B97F4A7C15ULL));
  while (bytes.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    hash = mix(hash ^ word);
    bytes = bytes.subspan(sizeof word);
  }
  std::uint64_t tail = 0;
  if (!bytes.empty()) std::memcpy(&tail, bytes.data(), bytes.size());
  return mix(hash ^ tail);
}

struct PeerHash {
  std::uint64_t seed = 0;
  std::size_t operator()(const transport::PeerAddress& peer) const noexcept {
    std::uint64_t words[2];
    std::memcpy(words, peer.host.data(), sizeof words);
    const std::uint64_t rest =
        (std::uint64_t{peer.scope} << 32) | (std::uint64_t{peer.port} << 8) | static_cast<std::uint64_t>(peer.kind);
    return static_cast<std::size_t>(mix(mix(mix(seed ^ words[0]) ^ words[1]) ^ rest));
  }
};

/// What ties a response to its request: the token as the peer that was asked sends it (RFC 7252 §5.3.2).
struct PeerToken {
  transport::PeerAddress peer;
  Token token;
  friend bool operator==(const PeerToken&, const PeerToken&) = default;
};

struct PeerTokenHash {
  std::uint64_t seed = 0;
  std::size_t operator()(const PeerToken& key) const noexcept {
    std::uint64_t token = 0;
    std::memcpy(&token, key.token.bytes.data(), sizeof token);
    return static_cast<std::size_t>(mix(PeerHash{seed}(key.peer) ^ token ^ key.token.size));
  }
};

/// Digest of method, Uri-Path, Uri-Query and Accept: what names one representation or one upload of a peer. Options
/// that differ between the blocks of one transfer (Block1, Block2, Size1, Size2, Observe, ETag, Content-Format) aren't
/// in it.
inline std::uint64_t resource_digest(std::uint64_t seed, Code method, const Options& options) {
  std::uint64_t digest = mix(seed ^ method.value);
  for (const Options::View option : options) {
    const auto number = static_cast<OptionNumber>(option.number);
    if (number == OptionNumber::UriPath || number == OptionNumber::UriQuery || number == OptionNumber::Accept) {
      digest = hash_bytes(digest ^ option.number, option.value);
    }
  }
  return digest;
}

/// Tokens that don't repeat within 2^64 and that one who saw others of ours can't continue without the two keys
/// (the Even-Mansour construction over mix()).
class TokenSource {
 public:
  explicit TokenSource(Rng& rng) : inner_(rng.next()), outer_(rng.next()) {}
  std::uint64_t next_number() { return mix(inner_ ^ counter_++) ^ outer_; }
  Token next() { return Token::of(next_number()); }

 private:
  std::uint64_t inner_;
  std::uint64_t outer_;
  std::uint64_t counter_ = 0;
};

}  // namespace drover::coap
