// SPDX-License-Identifier: Apache-2.0
// PeerAddress to and from the kernel's socket addresses. For io/ alone.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>

#include "transport/datagram.hpp"

namespace drover::io {

/// An AF_INET or AF_INET6 address; nothing for any other family.
std::optional<transport::PeerAddress> from_socket_address(const sockaddr_storage& storage);

/// Fills `storage` for a socket of family AF_INET (`v4`) or AF_INET6 and gives its length; 0 when an IPv6 address can't
/// be expressed in IPv4.
socklen_t to_socket_address(const transport::PeerAddress& address, bool v4, sockaddr_storage& storage);

/// True for an IPv4-mapped address (RFC 4291 §2.5.5.2).
bool is_v4_mapped(const transport::PeerAddress& address);

/// strerror(3), thread-safe.
std::string error_text(int code);

}  // namespace drover::io
