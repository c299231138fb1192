// SPDX-License-Identifier: Apache-2.0
// What the server knows of its devices' keys, as values. No secret but in NewCredential and Rotation, on their way in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "security/credentials.hpp"
#include "security/identity.hpp"

namespace drover::store {

using security::CredentialId;
using security::IdentityKind;

inline constexpr std::size_t kEndpointMax = 255;  ///< bytes, as one Uri-Query option holds (RFC 7252 §5.10)
inline constexpr std::size_t kLabelMax = 255;
inline constexpr std::size_t kIssuerMax = 64;
inline constexpr std::size_t kPublicKeyMax = 1024;  ///< a SubjectPublicKeyInfo; RSA of 4096 bits has 550
/// Bytes of a key that is made on request.
inline constexpr std::size_t kGeneratedMin = 16;
inline constexpr std::size_t kGeneratedDefault = 32;
inline constexpr std::size_t kGeneratedMax = security::kPskMax;

/// The interface that a credential proves its holder on, and no other (Core §5.2.5: the Bootstrap-Server's keys aren't the
/// LwM2M Server's). The numbers are stored.
enum class Purpose : std::uint8_t { Server = 1, Bootstrap = 2 };
inline constexpr std::size_t kPurposes = 2;
const char* to_string(Purpose purpose);  ///< "server" or "bootstrap"
std::optional<Purpose> parse_purpose(std::string_view text);
constexpr Purpose other_than(Purpose purpose) {
  return purpose == Purpose::Server ? Purpose::Bootstrap : Purpose::Server;
}

/// One entry. Purpose, identity, key and issuer stay as they were added; a new pair is a new entry.
struct Credential {
  CredentialId id;  ///< never used again after the entry is removed
  Purpose purpose = Purpose::Server;
  IdentityKind kind = IdentityKind::Psk;
  /// Psk: the identity. PublicKey: the SubjectPublicKeyInfo (DER). Certificate: the certificate's fingerprint (SHA-256,
  /// 64 hexadecimal digits), else its common name or one of its alternative names.
  std::string identity;
  /// The endpoint name that its holder has to use. "" is the rule of equality: the PSK identity, or one of the
  /// certificate's names; a raw public key has no name and always needs an endpoint.
  std::string endpoint;
  std::string label;  ///< for people
  UnixSeconds created_at = 0;
  std::optional<UnixSeconds> expires_at;  ///< from then on it counts as disabled
  bool enabled = true;
  /// Who made it: "" an administrator, "bootstrap/101" a bootstrap, for the server of that short id.
  std::string issuer{};

  friend bool operator==(const Credential&, const Credential&) = default;
};

struct NewCredential {
  Purpose purpose = Purpose::Server;
  IdentityKind kind = IdentityKind::Psk;
  std::string identity;
  Secret<Bytes> key;  ///< Psk alone
  std::string endpoint;
  std::string label;
  std::optional<UnixSeconds> expires_at;
  bool enabled = true;
  std::string issuer{};  ///< as Credential's; at most kIssuerMax bytes
};

/// What is nothing stays.
struct CredentialChange {
  std::optional<std::string> endpoint;
  std::optional<std::string> label;
  std::optional<bool> enabled;
  std::optional<std::optional<UnixSeconds>> expires_at;
};

/// A second credential for the endpoint of another.
struct Rotation {
  std::string identity;
  Secret<Bytes> key;                 ///< Psk alone
  std::optional<std::string> label;  ///< nothing: the other's
  /// Seconds after which the other expires; nothing: it stays until it is removed.
  std::optional<std::uint32_t> retire_after;
};

struct CredentialQuery {
  std::optional<Purpose> purpose{};
  std::optional<IdentityKind> kind;
  /// Those whose holder may use this endpoint name as far as the entry tells: bound to it, or by equality.
  std::string endpoint;
  CredentialId after{};  ///< pages are in the order of ids
  std::size_t limit = 100;
};
struct CredentialPage {
  static constexpr std::size_t kMax = 1000;
  std::vector<Credential> credentials;
  std::size_t total = 0;  ///< of the whole query
  CredentialId next{};    ///< `after` of the next page, 0 on the last
};

/// Why a credential wasn't taken, changed or found.
struct Refusal {
  enum class Why : std::uint8_t {
    Invalid,   ///< what was given
    Conflict,  ///< there is one of that purpose, kind and identity, or the key serves the other purpose
    NotFound,
    Full,
    Disk,
  };
  Why why = Why::Invalid;
  std::string field{};  ///< "identity", for Invalid
  std::string reason;   ///< one sentence, without secrets
};
template <class T>
using Answer = tl::expected<T, Refusal>;

/// What came of many at once.
struct CredentialBatch {
  std::vector<Credential> added;
  std::vector<std::optional<Refusal>> refusals;  ///< one a credential that was given, in their order
};

/// Checks and brings into the form that is kept: fingerprints in lower case without colons.
Answer<NewCredential> checked(NewCredential credential);
/// An endpoint name or label: at most `most` bytes of UTF-8 without control characters.
std::optional<Refusal> check_text(const std::string& text, const char* field, std::size_t most);
/// Lower-case hexadecimal of SHA-256.
std::string fingerprint(ByteView der);
bool is_fingerprint(std::string_view identity);
/// "psk", "public-key" or "certificate".
std::optional<IdentityKind> parse_kind(std::string_view text);

}  // namespace drover::store
