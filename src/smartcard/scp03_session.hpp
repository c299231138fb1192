// SPDX-License-Identifier: Apache-2.0
// What both halves of SCP03 compute (Amendment D v1.1.1 §4.1.5, §6.2). Of scp03.cpp alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "security/cipher/block_cipher.hpp"
#include "smartcard/apdu.hpp"
#include "smartcard/scp03.hpp"

namespace drover::smartcard::scp03 {

inline constexpr std::size_t kCodeSize = 8;  ///< of a cryptogram, C-MAC and R-MAC (S8 mode)
using Code = std::array<std::uint8_t, kCodeSize>;

/// Bits of CLA (GlobalPlatform Card Specification §11.1.4).
inline constexpr std::uint8_t kSecured = 0x04;
inline constexpr std::uint8_t kChannelBits = 0x03;

/// The session's keys, its chain of codes and its counter. Everything that is taken in is checked in constant time.
class Session {
 public:
  static Result<Session> derive(const Keys& keys, ByteView host_challenge, ByteView card_challenge);

  [[nodiscard]] const Code& card_cryptogram() const { return card_cryptogram_; }
  [[nodiscard]] const Code& host_cryptogram() const { return host_cryptogram_; }

  /// Begins the next command: each has its own counter (§6.2.6).
  void count() { ++counter_; }
  /// C-MAC of a command with the data as they go over the line, codes left out; it becomes the chain's last.
  Code sign_command(const Command& command, ByteView data);
  /// The same for a code that came; false leaves the chain as it was.
  bool check_command(const Command& command, ByteView data, ByteView code);
  /// R-MAC (§6.2.5).
  Code sign_response(ByteView data, Status status);

  enum class Direction : std::uint8_t { Command, Response };
  /// C-ENCRYPTION, R-ENCRYPTION with the counter's value (§6.2.6, §6.2.7), padding included. Nothing stays nothing.
  Bytes encrypt(Direction direction, ByteView data);
  /// Nothing: not whole blocks, or without padding.
  std::optional<Bytes> decrypt(Direction direction, ByteView data);

 private:
  using Block = security::cipher::Mac::Block;
  Session(security::cipher::BlockCipher blocks, security::cipher::BlockCipher chained, security::cipher::Mac commands,
          security::cipher::Mac responses);
  Block command_code(const Command& command, ByteView data);
  Block initial_vector(Direction direction);

  security::cipher::BlockCipher blocks_;   ///< S-ENC, ECB
  security::cipher::BlockCipher chained_;  ///< S-ENC, CBC
  security::cipher::Mac commands_;         ///< S-MAC
  security::cipher::Mac responses_;        ///< S-RMAC
  Code card_cryptogram_{};
  Code host_cryptogram_{};
  Block chain_{};
  std::uint64_t counter_ = 0;
};

}  // namespace drover::smartcard::scp03
