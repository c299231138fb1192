// SPDX-License-Identifier: Apache-2.0
#include "security/cookies.hpp"

#include "base/reader.hpp"

namespace drover::security {

Cookies::Cookie Cookies::make(std::int64_t period, const transport::PeerAddress& peer, const ClientHello& hello) const {
  ByteWriter writer;
  writer.uint(static_cast<std::uint64_t>(period), 8);
  writer.bytes(peer.host);
  writer.uint(peer.scope, 4);
  writer.u16(peer.port);
  writer.bytes(hello.without_cookie());
  Cookie cookie{};
  const std::uint64_t halves[] = {first_(writer.view()), second_(writer.view())};
  for (std::size_t i = 0; i < cookie.size(); ++i) {
    cookie[i] = static_cast<std::uint8_t>(halves[i / 8] >> (8 * (i % 8)));
  }
  return cookie;
}

bool Cookies::equal(ByteView given, const Cookie& wanted) {
  if (given.size() != wanted.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) difference |= static_cast<std::uint8_t>(given[i] ^ wanted[i]);
  return difference == 0;
}

}  // namespace drover::security
