// SPDX-License-Identifier: Apache-2.0
#include "io/resolve.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "io/socket_address.hpp"

namespace drover::io {

Result<std::vector<transport::PeerAddress>> resolve(const std::string& host, std::uint16_t port) {
  const auto failure = [&](const std::string& why) {
    return tl::unexpected(Error{Fault::Environment, 0, "cannot resolve host \"" + host + "\": " + why});
  };
  // getaddrinfo(3) takes an empty name for the local host.
  if (host.empty()) return failure("the name is empty");
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (code == EAI_SYSTEM) return failure(error_text(errno));
  if (code != 0) return failure(gai_strerror(code));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);

  std::vector<transport::PeerAddress> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    sockaddr_storage storage{};
    std::memcpy(&storage, entry->ai_addr, std::min<std::size_t>(entry->ai_addrlen, sizeof storage));
    auto address = from_socket_address(storage);
    if (!address) continue;
    address->port = port;
    if (std::find(addresses.begin(), addresses.end(), *address) == addresses.end()) addresses.push_back(*address);
  }
  if (addresses.empty()) return failure("it has no IPv4 or IPv6 address");
  return addresses;
}

}  // namespace drover::io
