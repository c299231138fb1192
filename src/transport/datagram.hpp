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

/// The numbers are kept on disk.
enum class Kind : std::uint8_t {
  Udp,          ///< CoAP without security
  Sms,          ///< the same in short messages
  Dtls,         ///< where records of DTLS come from: an address as of Udp, at a secure port
  Association,  ///< a security association, wherever its peer is at the moment
  SmsDtls,      ///< records of DTLS in short messages
  SmsPacket,    ///< CoAP in secured packets (ETSI TS 102 225) in short messages: what arrives from there was protected
};

/// Digits of an MSISDN (ITU-T E.164).
inline constexpr std::size_t kMsisdnDigitsMax = 15;

/// Where a peer is. UDP and DTLS: an IPv6 address (IPv4 as ::ffff:a.b.c.d, RFC 4291 §2.5.5.2), scope and port.
/// Short messages: the MSISDN as digits in `host` (3GPP TS 23.003: no "+"), and in `port` the WDP port that it is sent
/// to, or 0. Association: a handle that its owner gave, in the first eight bytes of `host`. A value type of 24 bytes;
/// comparable and hashable, so it can be a key.
struct PeerAddress {
  std::array<std::uint8_t, 16> host{};
  std::uint32_t scope = 0;  ///< IPv6 zone index, 0 when none
  std::uint16_t port = 0;
  Kind kind = Kind::Udp;

  friend auto operator<=>(const PeerAddress&, const PeerAddress&) = default;

  static PeerAddress v4(std::uint32_t address, std::uint16_t port);
  /// `over_sms`: its records travel in short messages (is_sms()).
  static PeerAddress association(std::uint64_t handle, bool over_sms = false);
  /// 1 to kMsisdnDigitsMax digits, nothing else; of Kind::Sms.
  static std::optional<PeerAddress> sms(std::string_view msisdn);
  [[nodiscard]] bool is_v4() const;
  /// The same place as another kind of peer.
  [[nodiscard]] PeerAddress as(Kind other) const;
  /// Of an association; 0 for any other kind.
  [[nodiscard]] std::uint64_t handle() const;
  /// Messages to it travel as short messages: seconds to minutes, 140 bytes each.
  [[nodiscard]] bool is_sms() const;
  /// The digits of a short message's peer; "" of any other kind.
  [[nodiscard]] std::string msisdn() const;
  /// "192.0.2.1:5683" or "[2001:db8::1]:5683", with %scope where one is set, for Udp and Dtls alike;
  /// "sms:4917012345", with ":5683" where a port is set, for each kind of short messages; "association-17".
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
