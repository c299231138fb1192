// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "transport/datagram.hpp"

namespace drover::client {

inline constexpr std::uint16_t kCoapPort = 5683;   ///< RFC 7252 §6.1
inline constexpr std::uint16_t kCoapsPort = 5684;  ///< RFC 7252 §6.2

/// A LwM2M Server URI (Core E.1, /0/x/0): "coap://host:port"; or a server that is reached by short messages.
struct ServerUri {
  bool secure = false;  ///< coaps
  std::string host;     ///< a name or a literal, without brackets; may carry an IPv6 zone ("fe80::1%2")
  std::uint16_t port = kCoapPort;
  transport::Kind kind = transport::Kind::Udp;  ///< else of short messages, and `host` is an MSISDN

  /// `address` is of Kind::Sms, SmsDtls or SmsPacket.
  static ServerUri by_sms(const transport::PeerAddress& address);
  [[nodiscard]] bool is_sms() const { return kind != transport::Kind::Udp; }
  /// The address when `host` is a literal.
  [[nodiscard]] std::optional<transport::PeerAddress> literal() const;
  /// With its port, whatever it is: "coaps://[2001:db8::1]:5684"; "tel:+4917012345".
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const ServerUri&, const ServerUri&) = default;
};

/// Names and literals are compared without regard to case (RFC 3986 §3.2.2).
bool same_host(std::string_view a, std::string_view b);

/// Parses "coap://" or "coaps://" with a name, an IPv4 or a bracketed IPv6 literal, an optional port (default 5683,
/// 5684) and at most a trailing '/'. The error says what to write instead.
Result<ServerUri> parse_server_uri(std::string_view text);

}  // namespace drover::client
