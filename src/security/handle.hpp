// SPDX-License-Identifier: Apache-2.0
// The Connection IDs that a listener gives out, and the names of its associations: the same 64 bits.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace drover::security {

/// On the wire (RFC 9146 §3 leaves it to the receiver): version 8 bits, shard 8, place 24, nonce 24. The shard has a
/// fixed place, so that the kernel can steer by it.
struct Handle {
  static constexpr std::uint8_t kVersion = 1;
  static constexpr std::size_t kSize = 8;
  static constexpr std::size_t kShardAt = 1;  ///< byte of the Connection ID
  static constexpr std::uint32_t kPlaces = std::uint32_t{1} << 24;

  std::uint8_t shard = 0;
  std::uint32_t place = 0;  ///< below kPlaces
  std::uint32_t nonce = 0;  ///< below kPlaces, not 0; differs between those that have the same place one after the other

  [[nodiscard]] std::uint64_t pack() const {
    return std::uint64_t{kVersion} << 56 | std::uint64_t{shard} << 48 | std::uint64_t{place} << 24 | nonce;
  }
  static std::optional<Handle> unpack(std::uint64_t packed) {
    if (packed >> 56 != kVersion) return std::nullopt;
    return Handle{static_cast<std::uint8_t>(packed >> 48), static_cast<std::uint32_t>(packed >> 24) % kPlaces,
                  static_cast<std::uint32_t>(packed) % kPlaces};
  }
  [[nodiscard]] std::array<std::uint8_t, kSize> connection_id() const {
    std::array<std::uint8_t, kSize> id{};
    for (std::size_t i = 0; i < kSize; ++i) id[i] = static_cast<std::uint8_t>(pack() >> (8 * (kSize - 1 - i)));
    return id;
  }
  static std::optional<Handle> parse(ByteView connection_id) {
    if (connection_id.size() != kSize) return std::nullopt;
    std::uint64_t packed = 0;
    for (const std::uint8_t byte : connection_id) packed = packed << 8 | byte;
    return unpack(packed);
  }
  friend bool operator==(const Handle&, const Handle&) = default;
};

}  // namespace drover::security
