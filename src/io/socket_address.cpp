// SPDX-License-Identifier: Apache-2.0
#include "io/socket_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>

namespace drover::io {

namespace {
constexpr std::array<std::uint8_t, 12> kV4Prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
}

bool is_v4_mapped(const transport::PeerAddress& address) {
  return std::equal(kV4Prefix.begin(), kV4Prefix.end(), address.host.begin());
}

std::optional<transport::PeerAddress> from_socket_address(const sockaddr_storage& storage) {
  transport::PeerAddress address;
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, &storage, sizeof in6);
    std::copy(std::begin(in6.sin6_addr.s6_addr), std::end(in6.sin6_addr.s6_addr), address.host.begin());
    address.scope = in6.sin6_scope_id;
    address.port = ntohs(in6.sin6_port);
    return address;
  }
  if (storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof in);
    std::copy(kV4Prefix.begin(), kV4Prefix.end(), address.host.begin());
    std::memcpy(address.host.data() + kV4Prefix.size(), &in.sin_addr, sizeof in.sin_addr);
    address.port = ntohs(in.sin_port);
    return address;
  }
  return std::nullopt;
}

socklen_t to_socket_address(const transport::PeerAddress& address, bool v4, sockaddr_storage& storage) {
  if (!v4) {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(address.port);
    std::copy(address.host.begin(), address.host.end(), std::begin(in6.sin6_addr.s6_addr));
    in6.sin6_scope_id = address.scope;
    std::memcpy(&storage, &in6, sizeof in6);
    return sizeof in6;
  }
  const std::array<std::uint8_t, 16> any{};
  if (!is_v4_mapped(address) && address.host != any) return 0;
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(address.port);
  std::memcpy(&in.sin_addr, address.host.data() + kV4Prefix.size(), sizeof in.sin_addr);
  std::memcpy(&storage, &in, sizeof in);
  return sizeof in;
}

std::string error_text(int code) {
  return std::generic_category().message(code);
}

}  // namespace drover::io
