// SPDX-License-Identifier: Apache-2.0
#include "coap/message/block.hpp"

#include "base/reader.hpp"

namespace drover::coap {

std::optional<Block> Block::decode(ByteView value) {
  constexpr std::size_t kWidthMax = 3;
  if (value.size() > kWidthMax) return std::nullopt;
  const auto raw = static_cast<std::uint32_t>(*ByteReader(value).uint(value.size()));
  Block block;
  block.num = raw >> 4;
  block.more = (raw & 8U) != 0;
  block.szx = static_cast<std::uint8_t>(raw & 7U);
  if (block.szx > kSzxMax) return std::nullopt;
  return block;
}

}  // namespace drover::coap
