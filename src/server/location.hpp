// SPDX-License-Identifier: Apache-2.0
// Where a registration is: the last segment of the Location-Path that a Register is answered with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drover::server {

inline constexpr std::size_t kShardsMax = std::size_t{1} << 8;
inline constexpr std::size_t kSlotsMax = std::size_t{1} << 24;

/// Names a registration over the whole server. It is parsed, not looked up. On the wire its 64 bits (shard 8, slot 24,
/// nonce 32) are 11 characters of the base64url alphabet (RFC 4648 §5), which need no escaping in a path.
struct Location {
  std::uint8_t shard = 0;
  std::uint32_t slot = 0;   ///< below kSlotsMax
  std::uint32_t nonce = 0;  ///< random, so that another registration's location is neither reused nor guessed

  [[nodiscard]] std::string to_string() const;
  /// Nothing for anything that to_string() doesn't give.
  static std::optional<Location> parse(std::string_view text);
  friend bool operator==(const Location&, const Location&) = default;
};

}  // namespace drover::server
