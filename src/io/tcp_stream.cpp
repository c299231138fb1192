// SPDX-License-Identifier: Apache-2.0
#include "io/tcp_stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <utility>

#include "io/resolve.hpp"
#include "io/socket_address.hpp"

namespace drover::io {

Result<ByteStream> connect_tcp(const transport::PeerAddress& to) {
  const std::string name = to.to_string();
  const auto failure = [&](int code) {
    return tl::unexpected(Error{Fault::Environment, 0, "cannot connect to " + name + ": " + error_text(code)});
  };
  const bool v4 = is_v4_mapped(to);
  const int fd = ::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failure(errno);
  ByteStream stream(fd, ByteStream::Kind::Socket, name, true);
  // A host may vanish without a word; and what is written is whole messages, for which somebody waits.
  const int on = 1;
  (void)::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_storage address{};
  const socklen_t size = to_socket_address(to, v4, address);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 && errno != EINPROGRESS) {
    return failure(errno);
  }
  return stream;
}

Result<TcpConnector> TcpConnector::parse(std::string_view text, std::uint16_t default_port) {
  const auto failure = [&] {
    return tl::unexpected(Error{Fault::Us, 0, "\"" + std::string(text) + "\" isn't HOST:PORT"});
  };
  std::string_view host = text;
  std::string_view port;
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.rfind(']');
  const bool bare_v6 = bracket == std::string_view::npos && text.find(':') != colon;
  if (colon != std::string_view::npos && !bare_v6 && (bracket == std::string_view::npos || colon > bracket)) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return failure();
  }
  if (host.starts_with('[') != host.ends_with(']')) return failure();
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  std::uint16_t number = default_port;
  if (!port.empty()) {
    const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (code != std::errc() || end != port.data() + port.size()) return failure();
  }
  if (host.empty() || number == 0) return failure();
  return TcpConnector(std::string(host), number);
}

Result<ByteStream> TcpConnector::connect() {
  const auto addresses = resolve(host_, port_);
  if (!addresses) return tl::unexpected(addresses.error());
  return connect_tcp((*addresses)[next_++ % addresses->size()]);
}

}  // namespace drover::io
