// SPDX-License-Identifier: Apache-2.0
// What a Security instance says about keys (Core E.1, E.1.1), between the tree and a DTLS association.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "client/objects/security_object.hpp"
#include "security/credentials.hpp"

namespace drover::client {

/// Resources 2 to 5 as they are stored.
struct SecurityValues {
  std::int64_t mode = SecurityObject::kNoSec;  ///< /0/x/2
  Bytes identity;    ///< /0/x/3: PSK identity, SubjectPublicKeyInfo, or a certificate with those above it, DER in a row
  Bytes server_key;  ///< /0/x/4: SubjectPublicKeyInfo, or the server's certificate or a trust anchor
  Secret<Bytes> key;  ///< /0/x/5: pre-shared key, or private key as OneAsymmetricKey or ECPrivateKey

  friend bool operator==(const SecurityValues& a, const SecurityValues& b) {
    return a.mode == b.mode && a.identity == b.identity && a.server_key == b.server_key &&
           a.key.reveal() == b.key.reveal();
  }
  /// Tells values apart, also over a restart; says nothing about them that could be turned back.
  [[nodiscard]] std::uint64_t fingerprint() const;
  /// As bytes for another process of this program's version; unpack() takes what pack() gave.
  [[nodiscard]] Secret<Bytes> pack() const;
  static std::optional<SecurityValues> unpack(ByteView packed);
};

/// Of a Security instance whose resources `get` gives.
SecurityValues read_security_values(lwm2m::InstanceId instance,
                                    const std::function<std::optional<lwm2m::Value>(const lwm2m::Path&)>& get);

/// The credential of modes 0 to 2. The error names what is missing or too long, never its content.
Result<drover::security::ClientCredential> to_credential(const SecurityValues& values);

/// Certificates that stand one behind the other, as DER; an error when they don't fill `bytes` exactly.
Result<std::vector<Bytes>> split_certificates(ByteView bytes);

}  // namespace drover::client
