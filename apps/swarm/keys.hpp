// SPDX-License-Identifier: Apache-2.0
// The pre-shared keys of a swarm's devices, all made from one secret.
#pragma once

#include <cstddef>
#include <string>

#include "apps/swarm/options.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "security/credentials.hpp"

namespace drover::swarm {

/// The PSK identity of a device is its endpoint name, its key HMAC-SHA256 (RFC 2104) of that name with the secret.
class Keys {
 public:
  static constexpr std::size_t kSecretMin = 16;  ///< bytes: below that, one device's key gives all others away

  /// The secret in `file`, as hexadecimal digits or "base64:...". Errors: it can't be read, others may read it, it is no
  /// key, it is too short.
  static Result<Keys> read(const std::string& file);
  explicit Keys(Secret<Bytes> secret) : secret_(std::move(secret)) {}

  [[nodiscard]] security::PskCredential credential(std::string endpoint) const;

 private:
  Secret<Bytes> secret_;
};

/// The credentials of all devices as the table that `drover credentials import` takes, to a new file for its owner only;
/// "-" is standard output. Errors: there is such a file, it can't be written.
Result<void> write_credentials(const Options& options, const Keys& keys, const std::string& file);

}  // namespace drover::swarm
