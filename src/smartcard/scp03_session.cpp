// SPDX-License-Identifier: Apache-2.0
#include "smartcard/scp03_session.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/reader.hpp"

namespace drover::smartcard::scp03 {
namespace {

namespace cipher = security::cipher;

/// Derivation constants (§4.1.5, table 4-1).
constexpr std::uint8_t kCardCryptogram = 0x00, kHostCryptogram = 0x01, kSessionEnc = 0x04, kSessionMac = 0x06,
                       kSessionResponseMac = 0x07;
constexpr std::size_t kLabelZeros = 11;
constexpr std::uint8_t kPadding = 0x80;
constexpr std::uint8_t kOfResponse = 0x80;  ///< first octet of what a response's initial vector is made of

/// NIST SP 800-108 §5.1 with AES-CMAC, fields in the order of §4.1.5.
Secret<Bytes> derived(cipher::Mac& key, std::uint8_t constant, ByteView context, std::size_t size) {
  constexpr std::array<std::uint8_t, kLabelZeros> zeros{};
  const auto bits = static_cast<std::uint16_t>(size * 8);
  Bytes out;
  out.reserve(size + cipher::kAesBlock);
  for (std::uint8_t round = 1; out.size() < size; ++round) {
    const std::array<std::uint8_t, 5> fields = {constant, 0, static_cast<std::uint8_t>(bits >> 8),
                                                static_cast<std::uint8_t>(bits), round};
    const auto block = key.over({zeros, fields, context});
    out.insert(out.end(), block.begin(), block.end());
  }
  out.resize(size);
  return Secret<Bytes>(std::move(out));
}

Code cryptogram(cipher::Mac& key, std::uint8_t constant, ByteView context) {
  Code code{};
  std::ranges::copy(derived(key, constant, context, code.size()).reveal(), code.begin());
  return code;
}

Code leftmost(const cipher::Mac::Block& block) {
  Code code{};
  std::copy_n(block.begin(), code.size(), code.begin());
  return code;
}

}  // namespace

Session::Session(cipher::BlockCipher blocks, cipher::BlockCipher chained, cipher::Mac commands, cipher::Mac responses)
    : blocks_(std::move(blocks)),
      chained_(std::move(chained)),
      commands_(std::move(commands)),
      responses_(std::move(responses)) {}

Result<Session> Session::derive(const Keys& keys, ByteView host_challenge, ByteView card_challenge) {
  if (const auto fine = keys.check(); !fine) return tl::unexpected(fine.error());
  constexpr auto kAes = cipher::Algorithm::Aes;
  auto enc = cipher::Mac::make(kAes, keys.enc);
  if (!enc) return tl::unexpected(std::move(enc.error()));
  auto mac = cipher::Mac::make(kAes, keys.mac);
  if (!mac) return tl::unexpected(std::move(mac.error()));

  ByteWriter context;
  context.bytes(host_challenge);
  context.bytes(card_challenge);
  const std::size_t size = keys.enc.reveal().size();
  const auto session_enc = derived(*enc, kSessionEnc, context.view(), size);
  auto blocks = cipher::BlockCipher::make(kAes, cipher::Mode::Ecb, session_enc);
  auto chained = cipher::BlockCipher::make(kAes, cipher::Mode::Cbc, session_enc);
  auto commands = cipher::Mac::make(kAes, derived(*mac, kSessionMac, context.view(), size));
  auto responses = cipher::Mac::make(kAes, derived(*mac, kSessionResponseMac, context.view(), size));
  if (!blocks) return tl::unexpected(std::move(blocks.error()));
  if (!chained) return tl::unexpected(std::move(chained.error()));
  if (!commands) return tl::unexpected(std::move(commands.error()));
  if (!responses) return tl::unexpected(std::move(responses.error()));

  Session session(std::move(*blocks), std::move(*chained), std::move(*commands), std::move(*responses));
  session.card_cryptogram_ = cryptogram(session.commands_, kCardCryptogram, context.view());
  session.host_cryptogram_ = cryptogram(session.commands_, kHostCryptogram, context.view());
  return session;
}

Session::Block Session::command_code(const Command& command, ByteView data) {
  // The channel's number isn't part of it: GlobalPlatform Card Specification §11.1.4 leaves it to the transport.
  const std::array<std::uint8_t, 5> header = {static_cast<std::uint8_t>((command.cla & ~kChannelBits) | kSecured),
                                              command.ins, command.p1, command.p2,
                                              static_cast<std::uint8_t>(data.size() + kCodeSize)};
  return commands_.over({chain_, header, data});
}

Code Session::sign_command(const Command& command, ByteView data) {
  chain_ = command_code(command, data);
  return leftmost(chain_);
}

bool Session::check_command(const Command& command, ByteView data, ByteView code) {
  const Block next = command_code(command, data);
  if (!cipher::equal(leftmost(next), code)) return false;
  chain_ = next;
  return true;
}

Code Session::sign_response(ByteView data, Status status) {
  const std::array<std::uint8_t, 2> octets = {status.sw1(), status.sw2()};
  return leftmost(responses_.over({chain_, data, octets}));
}

Session::Block Session::initial_vector(Direction direction) {
  Block block{};
  for (std::size_t i = 0; i < sizeof counter_; ++i) {
    block[block.size() - 1 - i] = static_cast<std::uint8_t>(counter_ >> (8 * i));
  }
  if (direction == Direction::Response) block[0] = kOfResponse;
  blocks_.encrypt(block);
  return block;
}

Bytes Session::encrypt(Direction direction, ByteView data) {
  if (data.empty()) return {};
  Bytes padded;
  const std::size_t size = (data.size() / cipher::kAesBlock + 1) * cipher::kAesBlock;
  padded.reserve(size);
  padded.assign(data.begin(), data.end());
  padded.push_back(kPadding);
  padded.resize(size, 0);
  chained_.encrypt(padded, initial_vector(direction));
  return padded;
}

std::optional<Bytes> Session::decrypt(Direction direction, ByteView data) {
  if (data.empty()) return Bytes{};
  if (data.size() % cipher::kAesBlock != 0) return std::nullopt;
  Bytes plain(data.begin(), data.end());
  chained_.decrypt(plain, initial_vector(direction));
  const auto last = std::find_if(plain.rbegin(), plain.rend(), [](std::uint8_t octet) { return octet != 0; });
  const auto zeros = static_cast<std::size_t>(last - plain.rbegin());
  if (last == plain.rend() || *last != kPadding || zeros >= cipher::kAesBlock) {
    const Secret<Bytes> wiped(std::move(plain));
    return std::nullopt;
  }
  plain.resize(plain.size() - zeros - 1);
  return plain;
}

}  // namespace drover::smartcard::scp03
