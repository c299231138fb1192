// SPDX-License-Identifier: Apache-2.0
// Secure Channel Protocol 03 (GlobalPlatform Card Specification, Amendment D v1.1.1) at security level 0x33, in its S8
// mode, as Core Appendix H asks: the device is the off-card entity. The card's half is there for cards that are made of
// software. Sans-IO.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "smartcard/apdu.hpp"
#include "smartcard/terminal.hpp"

namespace drover::smartcard::scp03 {

/// C-DECRYPTION, R-ENCRYPTION, C-MAC and R-MAC (Appendix H, note 2).
inline constexpr std::uint8_t kSecurityLevel = 0x33;
/// Data of a command: with padding and MAC it still fits Lc; and of an answer.
inline constexpr std::size_t kCommandDataMax = 239;
inline constexpr std::size_t kResponseDataMax = 239;

using Challenge = std::array<std::uint8_t, 8>;

/// Static keys, AES of 16, 24 or 32 octets, all of one length.
struct Keys {
  Secret<Bytes> enc;  ///< KEY_ENC
  Secret<Bytes> mac;  ///< KEY_MAC
  /// KEY_DEK: protects keys that are put on the card. Reading takes none; empty is fine.
  Secret<Bytes> dek = {};
  std::uint8_t version = 0x30;  ///< key version number; 0: the card chooses

  /// Fault::Environment when the lengths aren't possible or differ.
  [[nodiscard]] Result<void> check() const;
};

struct HostSettings {
  /// Some cards count only commands with data (a known mistake of theirs); Amendment D §6.2.6 counts all.
  bool counts_data_only = false;
};

/// The device's half. After an error of any method the session is over: begin a new one.
class Host {
 public:
  /// `channel` is the logical channel, 0 to 3. `challenge` has to be random, and another one each time.
  static Result<Host> make(const Keys& keys, const Challenge& challenge, std::uint8_t channel, HostSettings settings = {});
  Host(Host&&) noexcept;
  Host& operator=(Host&&) noexcept;
  ~Host();

  /// INITIALIZE UPDATE.
  [[nodiscard]] Command initialize_update() const;
  /// Takes its answer, checks that the card is SCP03 with R-MAC and R-ENCRYPTION and knows the keys; gives EXTERNAL
  /// AUTHENTICATE. A wrong cryptogram: Kind::Channel, and nothing is to be sent.
  CardResult<Command> authenticate(const Response& answer);
  /// Takes the answer to that.
  CardResult<void> authenticated(const Response& answer);
  [[nodiscard]] bool is_open() const;

  /// Protects a command of the channel; its data are at most kCommandDataMax. Fault as Kind::Channel past it, and when
  /// the session isn't open.
  CardResult<Command> wrap(const Command& command);
  /// Checks and reads the answer to the last wrapped command. An error status comes bare and ends nothing, 6982 and
  /// 6988 excepted, which say that the card has ended the session.
  CardResult<Response> unwrap(const Response& answer);

 private:
  struct State;
  explicit Host(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The card's half.
class Card {
 public:
  /// For one session with this INITIALIZE UPDATE. `challenge` is the card's.
  static Result<Card> make(const Keys& keys, ByteView host_challenge, const Challenge& challenge);
  Card(Card&&) noexcept;
  Card& operator=(Card&&) noexcept;
  ~Card();

  /// The answer to INITIALIZE UPDATE.
  [[nodiscard]] Bytes initialize_update_answer() const;
  /// EXTERNAL AUTHENTICATE as it came; false: the host doesn't know the keys, or wants another level than 0x33.
  bool authenticate(const Command& command);
  [[nodiscard]] bool is_open() const;
  /// A protected command as it would be without protection; nothing when it isn't what the keys say: the session is
  /// over, and the answer is 6982.
  std::optional<Command> unwrap(const Command& command);
  /// Protects the answer to it.
  Response wrap(const Response& answer);

 private:
  struct State;
  explicit Card(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace drover::smartcard::scp03
