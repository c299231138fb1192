// SPDX-License-Identifier: Apache-2.0
// Addresses and datagrams as plain values. Nothing here touches a socket.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace drover::transport {

enum class Kind : std::uint8_t {
  Udp,  ///< CoAP without security
  Sms,
  Dtls,         ///< where records of DTLS come from: an address as of Udp, at a secure port
  Association,  ///< a security association, wherever its peer is at the moment
};

/// Where a peer is. UDP and DTLS: an IPv6 address (IPv4 as ::ffff:a.b.c.d, RFC 4291 §2.5.5.2), scope and port.
/// SMS (later): the MSISDN as digits in `host`. Association: a handle that its owner gave, in the first eight bytes of
/// `host`. A value type of 24 bytes; comparable and hashable, so it can be a key.
struct PeerAddress {
  std::array<std::uint8_t, 16> host{};
  std::uint32_t scope = 0;  ///< IPv6 zone index, 0 when none
  std::uint16_t port = 0;
  Kind kind = Kind::Udp;

  friend auto operator<=>(const PeerAddress&, const PeerAddress&) = default;

  static PeerAddress v4(std::uint32_t address, std::uint16_t port);
  static PeerAddress association(std::uint64_t handle);
  [[nodiscard]] bool is_v4() const;
  /// The same place as another kind of peer.
  [[nodiscard]] PeerAddress as(Kind other) const;
  /// Of an association; 0 for any other kind.
  [[nodiscard]] std::uint64_t handle() const;
  /// "192.0.2.1:5683" or "[2001:db8::1]:5683", with %scope where one is set, for Udp and Dtls alike; "sms:4917012345";
  /// "association-17".
  [[nodiscard]] std::string to_string() const;
  /// A literal with a port, in the form to_string() gives; an address is of kind Udp. Names are not looked up here.
  static std::optional<PeerAddress> parse(std::string_view text);
  [[nodiscard]] std::size_t hash() const;
};

/// Bytes that arrived from a peer; borrowed for the duration of the call.
struct Datagram {
  PeerAddress from;
  ByteView bytes;
};

/// Bytes that are to be sent to a peer.
struct Transmit {
  PeerAddress to;
  Bytes bytes;
};

}  // namespace drover::transport

template <>
struct std::hash<drover::transport::PeerAddress> {
  std::size_t operator()(const drover::transport::PeerAddress& address) const noexcept { return address.hash(); }
};
