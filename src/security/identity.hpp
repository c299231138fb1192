// SPDX-License-Identifier: Apache-2.0
// Who a peer proved to be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace drover::security {

/// Longest PSK identity in bytes and longest pre-shared key (RFC 4279 §5.3; Core E.1.1.1).
inline constexpr std::size_t kPskIdentityMax = 128;
inline constexpr std::size_t kPskMax = 64;

enum class IdentityKind : std::uint8_t {
  None,         ///< NoSec: nothing was proved
  Psk,          ///< the PSK identity
  PublicKey,    ///< a raw public key (RFC 7250)
  Certificate,  ///< an X.509 certificate whose path was validated
};
const char* to_string(IdentityKind kind);  ///< "none", "psk", "public-key", "certificate"

/// What a handshake proved about the peer.
struct Identity {
  IdentityKind kind = IdentityKind::None;
  /// Psk: the identity as sent, perhaps no UTF-8. PublicKey: fingerprint() of the SubjectPublicKeyInfo. Certificate:
  /// fingerprint() of the certificate.
  std::string name;
  /// Certificate alone: the subject's common name, and the dNSName and uniformResourceIdentifier entries of
  /// subjectAltName, without repetition; at most kNamesMax of at most kNameMax bytes.
  std::vector<std::string> names;

  static constexpr std::size_t kNamesMax = 16;
  static constexpr std::size_t kNameMax = 255;

  /// One line for logs and answers, printable whatever the peer chose: `psk "sensor-1"`.
  [[nodiscard]] std::string to_string() const;
  /// Few bytes, for storage; unpack() takes what pack() gave and nothing else.
  [[nodiscard]] std::string pack() const;
  static std::optional<Identity> unpack(std::string_view packed);

  friend bool operator==(const Identity&, const Identity&) = default;
};

}  // namespace drover::security
