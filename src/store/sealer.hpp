// SPDX-License-Identifier: Apache-2.0
// Secrets at rest: AES-256-GCM (NIST SP 800-38D) under one key.
#pragma once

#include <cstddef>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace drover::store {

/// Thread-safe. What it seals is told apart by `about`: whatever says where the secret belongs (its purpose, an id), so
/// that one can't be put in the place of another.
class Sealer {
 public:
  static constexpr std::size_t kKeySize = 32;
  static constexpr std::size_t kNonceSize = 12;
  static constexpr std::size_t kTagSize = 16;
  static constexpr std::size_t kOverhead = 1 + kNonceSize + kTagSize;  ///< bytes; the first is the form's number
  /// One call's. A key is good for 2^32 seals with random nonces (SP 800-38D §8.3).
  static constexpr std::size_t kPlaintextMax = std::size_t{1} << 30;

  /// kKeySize bytes.
  explicit Sealer(Secret<Bytes> key);
  static Sealer random();

  /// Form, nonce, ciphertext and tag. An error when the system gives no random bytes or memory.
  [[nodiscard]] Result<Bytes> seal(ByteView plaintext, ByteView about) const;
  /// An error for what this key didn't seal, what was changed since, and what belongs elsewhere: the three can't be told
  /// apart.
  [[nodiscard]] Result<Secret<Bytes>> open(ByteView sealed, ByteView about) const;
  [[nodiscard]] const Secret<Bytes>& key() const { return key_; }

 private:
  Secret<Bytes> key_;
};

/// From the system's generator for keys; an error when it has none.
Result<Secret<Bytes>> random_secret(std::size_t size);

}  // namespace drover::store
