// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace drover::coap {

/// The value of a Block1 or Block2 option (RFC 7959 §2.2):
///
///      0
///      0 1 2 3 4 5 6 7
///     +-+-+-+-+-+-+-+-+
///     |  NUM  |M| SZX |     8, 16 or 24 bits in all
///     +-+-+-+-+-+-+-+-+
struct Block {
  static constexpr std::uint8_t kSzxMax = 6;  ///< 1024 bytes
  static constexpr std::uint32_t kNumMax = (1U << 20) - 1;

  std::uint32_t num = 0;  ///< 0 to kNumMax
  bool more = false;
  std::uint8_t szx = kSzxMax;  ///< 0 to 6: blocks of 2^(szx+4) bytes

  [[nodiscard]] std::size_t size() const { return std::size_t{1} << (szx + 4); }
  [[nodiscard]] std::size_t offset() const { return num * size(); }

  /// Nothing for more than 3 bytes or the reserved SZX 7.
  static std::optional<Block> decode(ByteView value);
  [[nodiscard]] std::uint32_t encode() const { return (num << 4) | (more ? 8U : 0U) | szx; }

  friend bool operator==(const Block&, const Block&) = default;
};

}  // namespace drover::coap
