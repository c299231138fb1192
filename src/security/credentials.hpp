// SPDX-License-Identifier: Apache-2.0
// What peers prove themselves with, as values, and where a server looks for what it knows of its peers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/id.hpp"
#include "base/secret.hpp"
#include "security/identity.hpp"

namespace drover::security {

// ---- one's own side -------------------------------------------------------------------------------------------------

struct PskCredential {
  std::string identity;  ///< 1 to kPskIdentityMax bytes
  Secret<Bytes> key;     ///< 1 to kPskMax bytes
};

/// A key pair for raw public keys.
struct RawKeyCredential {
  Bytes public_key;          ///< SubjectPublicKeyInfo (RFC 7250 §3), DER
  Secret<Bytes> private_key;  ///< OneAsymmetricKey (RFC 5958) or ECPrivateKey (RFC 5915), DER
};

struct CertificateCredential {
  std::vector<Bytes> chain;   ///< X.509, DER; one's own first, without the trust anchor
  Secret<Bytes> private_key;  ///< as RawKeyCredential
};

/// How a DTLS client proves itself and what it expects of the server: the Security object's resources 3 to 5.
struct ClientCredential {
  std::variant<PskCredential, RawKeyCredential, CertificateCredential> own;
  /// RawKeyCredential: the server's SubjectPublicKeyInfo, which must be equal. CertificateCredential: the server's own
  /// certificate (domain-issued mode) or a trust anchor, DER. Empty with PskCredential.
  Bytes server_public_key;
};

/// What a DTLS server proves itself with; each kind may be missing, and then no peer of that kind is taken. Pre-shared
/// keys come from CredentialSource.
struct ServerCredentials {
  std::optional<RawKeyCredential> raw_key;
  std::optional<CertificateCredential> certificate;
  std::vector<Bytes> trust_anchors;  ///< for client certificates, DER
};

// ---- what is known of peers -----------------------------------------------------------------------------------------

/// Of an entry of CredentialSource; 0 is no entry: a certificate that counts because of its trust anchor alone.
using CredentialId = Id<struct CredentialTag, std::uint64_t>;

struct KnownPsk {
  CredentialId credential;
  Secret<Bytes> key;
};

/// Asked during handshakes and Registers. The methods are called by several threads at once and must not block on
/// anything but memory.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  [[nodiscard]] virtual std::optional<KnownPsk> find_psk(std::string_view identity) const = 0;
  /// By equality of the whole SubjectPublicKeyInfo.
  [[nodiscard]] virtual std::optional<CredentialId> find_public_key(ByteView subject_public_key_info) const = 0;
  /// A certificate whose path was validated: the entry for its fingerprint or one of its names, CredentialId{} when any
  /// validated certificate is good, nothing when this one isn't wanted.
  [[nodiscard]] virtual std::optional<CredentialId> find_certificate(const Identity& certificate) const = 0;
  /// False once the credential is removed, or isn't that identity's any more: its associations end, its sessions can't
  /// be resumed.
  [[nodiscard]] virtual bool holds(CredentialId credential, const Identity& identity) const = 0;
  /// Whether who proved `identity` by `credential` may call itself `endpoint` (Transport "Endpoint Client Name"): the
  /// mapping of the credential, else equality with the PSK identity or one of the certificate's names.
  [[nodiscard]] virtual bool may_be(CredentialId credential, const Identity& identity,
                                    std::string_view endpoint) const = 0;
  /// Some credential may be `endpoint`: then it has no business without security.
  [[nodiscard]] virtual bool is_protected(std::string_view endpoint) const = 0;
  /// Changes whenever holds() or may_be() may answer otherwise than before: whoever keeps associations asks again.
  [[nodiscard]] virtual std::uint64_t revision() const = 0;
};

}  // namespace drover::security
