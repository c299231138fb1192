// SPDX-License-Identifier: Apache-2.0
#include "sdk/local_address.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include "io/socket_address.hpp"

namespace drover::sdk {

std::optional<transport::PeerAddress> local_address_towards(const transport::PeerAddress& peer) {
  const bool v4 = io::is_v4_mapped(peer);
  const int fd = ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  std::optional<transport::PeerAddress> own;
  sockaddr_storage storage{};
  const socklen_t size = io::to_socket_address(peer, v4, storage);
  // Connecting a datagram socket only looks the route up.
  if (size > 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&storage), size) == 0) {
    sockaddr_storage local{};
    socklen_t local_size = sizeof local;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &local_size) == 0) own = io::from_socket_address(local);
  }
  ::close(fd);
  if (own) own->port = 0;
  return own;
}

}  // namespace drover::sdk
