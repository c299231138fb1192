// SPDX-License-Identifier: Apache-2.0
// Records and the ClientHello of DTLS 1.2, as far as they must be read before there is an association.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace drover::security {

enum class ContentType : std::uint8_t {
  ChangeCipherSpec = 20,
  Alert = 21,
  Handshake = 22,
  ApplicationData = 23,
  ConnectionId = 25,  ///< tls12_cid (RFC 9146 §4)
};

/// The clear part of a record (RFC 6347 §4.1; RFC 9146 §4).
struct RecordHeader {
  ContentType type{};
  std::uint16_t epoch = 0;
  std::uint64_t sequence = 0;  ///< 48 bits
  ByteView connection_id;      ///< of a ConnectionId record; borrowed
  ByteView fragment;           ///< borrowed
  std::size_t size = 0;        ///< header and fragment, in bytes
};

/// The first record of `datagram`. `connection_id_size` is the length of the IDs that this endpoint gave out. Nothing
/// when it isn't a record of DTLS 1.x, or is longer than the datagram.
std::optional<RecordHeader> parse_record(ByteView datagram, std::size_t connection_id_size);

/// How a peer is identified in a Certificate message (RFC 7250 §3, IANA "TLS Certificate Types").
enum class CertificateType : std::uint8_t { X509 = 0, RawPublicKey = 2 };

/// A ClientHello (RFC 5246 §7.4.1.2; RFC 6347 §4.2.1). The views borrow the datagram.
struct ClientHello {
  std::uint64_t record_sequence = 0;  ///< HelloVerifyRequest answers with it (RFC 6347 §4.2.1)
  std::uint16_t message_sequence = 0;
  ByteView random;      ///< 32 bytes
  ByteView session_id;  ///< at most 32 bytes
  ByteView cookie;
  std::vector<std::uint16_t> suites;
  /// client_certificate_type and server_certificate_type in the client's order; X509 alone when it sent none.
  std::vector<CertificateType> client_types{CertificateType::X509}, server_types{CertificateType::X509};
  std::string_view server_name;  ///< of the server_name extension (RFC 6066 §3)
  bool has_connection_id = false;  ///< it sent connection_id (RFC 9146 §3)
  ByteView body;                   ///< the whole message without its header

  /// What must be equal in the hello without and with the cookie: everything but the cookie (RFC 6347 §4.2.1).
  [[nodiscard]] Bytes without_cookie() const;
};

/// A ClientHello that is alone in its record and whole in one fragment. Longer ones can't be answered without state
/// (RFC 6347 §4.2.1), so they are nothing, like everything else that isn't well-formed.
std::optional<ClientHello> parse_client_hello(ByteView datagram);

/// The HelloVerifyRequest record for a hello (RFC 6347 §4.2.1). `cookie` has at most 255 bytes.
Bytes hello_verify_request(const ClientHello& hello, ByteView cookie);

}  // namespace drover::security
