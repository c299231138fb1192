// SPDX-License-Identifier: Apache-2.0
// Block ciphers and message authentication codes by OpenSSL's libcrypto. One key an object; what libcrypto needs for it
// is fetched when the object is made, so that a packet costs no look-up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace drover::security::cipher {

enum class Algorithm : std::uint8_t {
  Aes,        ///< FIPS 197, keys of 16, 24 or 32 octets
  TripleDes,  ///< NIST SP 800-67, a key of 24 octets: K1, K2, K3
};

enum class Mode : std::uint8_t {
  Ecb,  ///< NIST SP 800-38A §6.1
  Cbc,  ///< §6.2; for triple DES the outer CBC mode
};

inline constexpr std::size_t kAesBlock = 16;
inline constexpr std::size_t kTripleDesBlock = 8;
inline constexpr std::size_t kBlockMax = kAesBlock;

/// Octets of a block.
std::size_t block_size(Algorithm algorithm);

/// True when the octets are the same. Takes as long for any content of that size.
bool equal(ByteView left, ByteView right);

/// Encrypts and decrypts without padding. One thread at a time.
class BlockCipher {
 public:
  /// Refuses a key of a wrong size (Fault::Us).
  static Result<BlockCipher> make(Algorithm algorithm, Mode mode, const Secret<Bytes>& key);
  BlockCipher(BlockCipher&&) noexcept;
  BlockCipher& operator=(BlockCipher&&) noexcept;
  ~BlockCipher();

  /// In place; `text` is a multiple of the block's size. CBC begins with `iv`, a block, or with zeros when there is
  /// none; ECB takes none. Every call begins anew.
  void encrypt(std::span<std::uint8_t> text, ByteView iv = {});
  void decrypt(std::span<std::uint8_t> text, ByteView iv = {});
  [[nodiscard]] std::size_t block_size() const;

 private:
  struct State;
  explicit BlockCipher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Authenticates: AES-CMAC (RFC 4493, NIST SP 800-38B), or the last block of triple DES in CBC mode that begins with
/// zeros, over a message that is filled with zeros to whole blocks (ISO/IEC 9797-1 MAC algorithm 1, padding method 1).
/// The latter is safe only where the message's length is part of it. One thread at a time.
class Mac {
 public:
  using Block = std::array<std::uint8_t, kBlockMax>;

  /// Refuses a key of a wrong size (Fault::Us).
  static Result<Mac> make(Algorithm algorithm, const Secret<Bytes>& key);
  Mac(Mac&&) noexcept;
  Mac& operator=(Mac&&) noexcept;
  ~Mac();

  /// Of the parts one behind the other. The first block_size() octets are the code, zeros follow.
  Block over(std::initializer_list<ByteView> parts);
  [[nodiscard]] std::size_t block_size() const;

 private:
  struct State;
  explicit Mac(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace drover::security::cipher
