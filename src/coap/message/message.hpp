// SPDX-License-Identifier: Apache-2.0
// Bytes <-> Message. Knows no peer, no time, no retransmission.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/bytes.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "coap/message/code.hpp"
#include "coap/message/options.hpp"

namespace drover::coap {

enum class Type : std::uint8_t { Confirmable = 0, NonConfirmable = 1, Acknowledgement = 2, Reset = 3 };

using MessageId = Id<struct MessageIdTag, std::uint16_t>;

/// 0 to 8 bytes that tie a response to its request (RFC 7252 §5.3.1).
struct Token {
  static constexpr std::size_t kSizeMax = 8;
  std::array<std::uint8_t, kSizeMax> bytes{};
  std::uint8_t size = 0;

  [[nodiscard]] ByteView view() const { return {bytes.data(), size}; }
  static Token of(ByteView view);        ///< asserts view.size() <= 8
  static Token of(std::uint64_t value);  ///< 8 bytes, big-endian
  friend auto operator<=>(const Token&, const Token&) = default;
};

struct Message {
  Type type = Type::Confirmable;
  Code code;
  MessageId id;
  Token token;
  Options options;
  Bytes payload;

  friend bool operator==(const Message&, const Message&) = default;
};

/// Why bytes are not a message (RFC 7252 §3, §4.2, §4.3).
enum class DecodeFailure : std::uint8_t {
  TooShort,      ///< less than the 4-byte header: silently ignored
  WrongVersion,  ///< version other than 1: silently ignored (§3)
  TokenLength,   ///< TKL 9 to 15: message format error
  TokenTruncated,
  OptionDelta,   ///< delta nibble 15 without being the payload marker
  OptionLength,  ///< length nibble 15
  OptionTruncated,
  OptionNumber,   ///< number past 65535
  OptionTooLong,  ///< longer than Options::kOptionValueMax
  EmptyPayload,   ///< payload marker followed by nothing
  EmptyNotEmpty,  ///< code 0.00 with token, options or payload (§4.1)
  ReservedClass,  ///< class 1, 6 or 7 (§4.2, §4.3)
  WrongType,      ///< a request in an ACK, anything but Empty in a Reset (§4.2), Empty in a NON (§4.3)
};
const char* to_string(DecodeFailure failure);

/// A message that couldn't be decoded, with what is needed to reject it (a Reset for a CON, RFC 7252 §4.2).
struct Malformed {
  DecodeFailure failure;
  bool has_header = false;  ///< type and id are valid
  Type type = Type::Confirmable;
  MessageId id;
};

/// Decodes one datagram. Options stay as they came (bad_critical() and drop_bad_elective() are the caller's step).
tl::expected<Message, Malformed> decode(ByteView bytes);

/// How long encode() makes it.
std::size_t encoded_size(const Message& message);

/// RFC 7252 §3. The message must be encodable (token size, option order are by construction).
Bytes encode(const Message& message);

/// One line for logs: "CON 0x1a2b GET /rd?ep=x tok=.. 12B". Uri-Query values are shown, payloads are not.
std::string describe(const Message& message);

}  // namespace drover::coap

template <>
struct std::hash<drover::coap::Token> {
  std::size_t operator()(const drover::coap::Token& token) const noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, token.bytes.data(), sizeof value);
    return std::hash<std::uint64_t>{}(value ^ (std::uint64_t{token.size} << 56));
  }
};
