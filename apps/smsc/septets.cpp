// SPDX-License-Identifier: Apache-2.0
#include "septets.hpp"

namespace drover::smsc {

Bytes pack_septets(ByteView septets, std::size_t skip) {
  Bytes packed((skip + septets.size() * 7 + 7) / 8);
  for (std::size_t i = 0; i < septets.size() * 7; ++i) {
    const unsigned bit = (septets[i / 7] >> (i % 7)) & 1U;
    const std::size_t at = skip + i;
    packed[at / 8] = static_cast<std::uint8_t>(packed[at / 8] | (bit << (at % 8)));
  }
  return packed;
}

Bytes unpack_septets(ByteView packed, std::size_t skip, std::size_t count) {
  Bytes septets;
  for (std::size_t i = 0; i < count && skip + (i + 1) * 7 <= packed.size() * 8; ++i) {
    unsigned septet = 0;
    for (std::size_t bit = 0; bit < 7; ++bit) {
      const std::size_t at = skip + i * 7 + bit;
      septet |= ((packed[at / 8] >> (at % 8)) & 1U) << bit;
    }
    septets.push_back(static_cast<std::uint8_t>(septet));
  }
  return septets;
}

}  // namespace drover::smsc
