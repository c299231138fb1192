// SPDX-License-Identifier: Apache-2.0
//
//     0                   1                   2                   3
//     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//    |Ver| T |  TKL  |      Code     |          Message ID           |
//    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//    |   Token (if any, TKL bytes) ...
//    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//    |   Options (if any) ...
//    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//    |1 1 1 1 1 1 1 1|    Payload (if any) ...
//    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+    RFC 7252 §3
#include "coap/message/message.hpp"

#include <algorithm>
#include <cassert>

#include "base/reader.hpp"

namespace drover::coap {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderSize = 4;
constexpr std::uint8_t kPayloadMarker = 0xFF;

// RFC 7252 §3.1: what a nibble of an option's first byte means.
constexpr std::uint32_t kNibbleOneByte = 13;
constexpr std::uint32_t kNibbleTwoBytes = 14;
constexpr std::uint32_t kNibbleReserved = 15;
constexpr std::uint32_t kOneByteBase = 13;
constexpr std::uint32_t kTwoBytesBase = 269;

/// The delta or the length that a nibble stands for, with the bytes that extend it; nothing when they are missing.
std::optional<std::uint32_t> read_extended(ByteReader& reader, std::uint32_t nibble) {
  if (nibble < kNibbleOneByte) return nibble;
  if (nibble == kNibbleOneByte) {
    const auto extension = reader.u8();
    if (!extension) return std::nullopt;
    return *extension + kOneByteBase;
  }
  const auto extension = reader.u16();
  if (!extension) return std::nullopt;
  return *extension + kTwoBytesBase;
}

/// Walks the options of a message in wire form, up to the payload marker or the end.
class OptionReader {
 public:
  explicit OptionReader(ByteView bytes) : reader_(bytes) {}

  [[nodiscard]] bool at_end() const { return reader_.empty() || reader_.rest().front() == kPayloadMarker; }
  [[nodiscard]] ByteView rest() const { return reader_.rest(); }

  tl::expected<Options::View, DecodeFailure> next() {
    const std::uint32_t first = *reader_.u8();
    if (first >> 4 == kNibbleReserved) return tl::unexpected(DecodeFailure::OptionDelta);
    if ((first & 0x0F) == kNibbleReserved) return tl::unexpected(DecodeFailure::OptionLength);
    const auto delta = read_extended(reader_, first >> 4);
    if (!delta) return tl::unexpected(DecodeFailure::OptionTruncated);
    const auto length = read_extended(reader_, first & 0x0F);
    if (!length) return tl::unexpected(DecodeFailure::OptionTruncated);
    number_ += *delta;
    if (number_ > 0xFFFF) return tl::unexpected(DecodeFailure::OptionNumber);
    const auto value = reader_.bytes(*length);
    if (!value) return tl::unexpected(DecodeFailure::OptionTruncated);
    if (*length > Options::kOptionValueMax) return tl::unexpected(DecodeFailure::OptionTooLong);
    return Options::View{static_cast<std::uint16_t>(number_), *value};
  }

 private:
  ByteReader reader_;
  std::uint32_t number_ = 0;
};

/// Code and type of a message with an intact header (RFC 7252 §4.1 to §4.3).
std::optional<DecodeFailure> check_header(Type type, Code code, std::size_t token_size, std::size_t size) {
  if (token_size > Token::kSizeMax) return DecodeFailure::TokenLength;
  const bool reserved = !code.is_empty() && !code.is_request() && !code.is_response();
  if (reserved) return DecodeFailure::ReservedClass;
  const bool request_in_ack = type == Type::Acknowledgement && code.is_request();
  const bool full_reset = type == Type::Reset && !code.is_empty();
  const bool empty_non = type == Type::NonConfirmable && code.is_empty();
  if (request_in_ack || full_reset || empty_non) return DecodeFailure::WrongType;
  if (code.is_empty() && (token_size != 0 || size != kHeaderSize)) return DecodeFailure::EmptyNotEmpty;
  return std::nullopt;
}

/// Reads options and payload. The options are walked twice so that their buffer is allocated once, in its final size.
std::optional<DecodeFailure> read_body(ByteView bytes, Message& message) {
  std::size_t count = 0;
  std::size_t value_bytes = 0;
  OptionReader checker(bytes);
  while (!checker.at_end()) {
    const auto option = checker.next();
    if (!option) return option.error();
    ++count;
    value_bytes += option->value.size();
  }
  const ByteView payload = checker.rest();
  if (payload.size() == 1) return DecodeFailure::EmptyPayload;
  if (count != 0) message.options.reserve(count, value_bytes);
  for (OptionReader reader(bytes); !reader.at_end();) {
    const auto option = reader.next();
    message.options.append(option->number, option->value);
  }
  if (!payload.empty()) message.payload.assign(payload.begin() + 1, payload.end());
  return std::nullopt;
}

std::uint32_t nibble_of(std::uint32_t value) {
  if (value < kOneByteBase) return value;
  return value < kTwoBytesBase ? kNibbleOneByte : kNibbleTwoBytes;
}

std::size_t extension_size(std::uint32_t value) {
  if (value < kOneByteBase) return 0;
  return value < kTwoBytesBase ? 1 : 2;
}

std::uint8_t* write_extension(std::uint8_t* at, std::uint32_t value) {
  if (value < kOneByteBase) return at;
  if (value < kTwoBytesBase) {
    *at++ = static_cast<std::uint8_t>(value - kOneByteBase);
    return at;
  }
  *at++ = static_cast<std::uint8_t>((value - kTwoBytesBase) >> 8);
  *at++ = static_cast<std::uint8_t>(value - kTwoBytesBase);
  return at;
}

const char* short_name(Type type) {
  switch (type) {
    case Type::Confirmable: return "CON";
    case Type::NonConfirmable: return "NON";
    case Type::Acknowledgement: return "ACK";
    case Type::Reset: return "RST";
  }
  return "?";
}

/// Appends peer text so that it can't forge a line of a log: anything but printable ASCII becomes \xNN.
void append_printable(std::string& line, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte > 0x20 && byte < 0x7F && c != '\\') {
      line += c;
    } else {
      line += "\\x" + to_hex(ByteView(&byte, 1));
    }
  }
}

}  // namespace

Token Token::of(ByteView view) {
  assert(view.size() <= kSizeMax);
  Token token;
  std::copy(view.begin(), view.end(), token.bytes.begin());
  token.size = static_cast<std::uint8_t>(view.size());
  return token;
}

Token Token::of(std::uint64_t value) {
  Token token;
  for (std::size_t i = 0; i < kSizeMax; ++i) {
    token.bytes[i] = static_cast<std::uint8_t>(value >> (8 * (kSizeMax - 1 - i)));
  }
  token.size = kSizeMax;
  return token;
}

const char* to_string(DecodeFailure failure) {
  switch (failure) {
    case DecodeFailure::TooShort: return "shorter than the header";
    case DecodeFailure::WrongVersion: return "version is not 1";
    case DecodeFailure::TokenLength: return "reserved token length";
    case DecodeFailure::TokenTruncated: return "token is cut off";
    case DecodeFailure::OptionDelta: return "reserved option delta";
    case DecodeFailure::OptionLength: return "reserved option length";
    case DecodeFailure::OptionTruncated: return "option is cut off";
    case DecodeFailure::OptionNumber: return "option number over 65535";
    case DecodeFailure::OptionTooLong: return "option is too long";
    case DecodeFailure::EmptyPayload: return "payload marker without payload";
    case DecodeFailure::EmptyNotEmpty: return "empty message with content";
    case DecodeFailure::ReservedClass: return "reserved code class";
    case DecodeFailure::WrongType: return "code doesn't fit the type";
  }
  return "?";
}

tl::expected<Message, Malformed> decode(ByteView bytes) {
  if (bytes.size() < kHeaderSize) return tl::unexpected(Malformed{DecodeFailure::TooShort, false, {}, {}});
  if (bytes[0] >> 6 != kVersion) return tl::unexpected(Malformed{DecodeFailure::WrongVersion, false, {}, {}});
  tl::expected<Message, Malformed> result;
  Message& message = *result;
  message.type = static_cast<Type>((bytes[0] >> 4) & 3);
  message.code = Code(bytes[1]);
  message.id = MessageId{static_cast<std::uint16_t>(bytes[2] << 8 | bytes[3])};
  const std::size_t token_size = bytes[0] & 0x0F;

  auto failure = check_header(message.type, message.code, token_size, bytes.size());
  ByteReader reader(bytes.subspan(kHeaderSize));
  if (!failure) {
    if (const auto token = reader.bytes(token_size)) {
      message.token = Token::of(*token);
      failure = read_body(reader.rest(), message);
    } else {
      failure = DecodeFailure::TokenTruncated;
    }
  }
  if (failure) return tl::unexpected(Malformed{*failure, true, message.type, message.id});
  return result;
}

std::size_t encoded_size(const Message& message) {
  std::size_t size = kHeaderSize + message.token.size;
  std::uint32_t previous = 0;
  for (const Options::View option : message.options) {
    const auto length = static_cast<std::uint32_t>(option.value.size());
    size += 1 + extension_size(option.number - previous) + extension_size(length) + length;
    previous = option.number;
  }
  return size + (message.payload.empty() ? 0 : 1 + message.payload.size());
}

Bytes encode(const Message& message) {
  assert(message.token.size <= Token::kSizeMax);
  Bytes bytes(encoded_size(message));
  std::uint8_t* at = bytes.data();
  *at++ = static_cast<std::uint8_t>(kVersion << 6 | static_cast<int>(message.type) << 4 | message.token.size);
  *at++ = message.code.value;
  *at++ = static_cast<std::uint8_t>(message.id.value >> 8);
  *at++ = static_cast<std::uint8_t>(message.id.value);
  at = std::copy_n(message.token.bytes.data(), message.token.size, at);
  std::uint32_t previous = 0;
  for (const Options::View option : message.options) {
    const std::uint32_t delta = option.number - previous;
    const auto length = static_cast<std::uint32_t>(option.value.size());
    *at++ = static_cast<std::uint8_t>(nibble_of(delta) << 4 | nibble_of(length));
    at = write_extension(at, delta);
    at = write_extension(at, length);
    at = std::copy(option.value.begin(), option.value.end(), at);
    previous = option.number;
  }
  if (!message.payload.empty()) {
    *at++ = kPayloadMarker;
    at = std::copy(message.payload.begin(), message.payload.end(), at);
  }
  assert(at == bytes.data() + bytes.size());
  return bytes;
}

std::string describe(const Message& message) {
  const Bytes id = {static_cast<std::uint8_t>(message.id.value >> 8), static_cast<std::uint8_t>(message.id.value)};
  std::string line = std::string(short_name(message.type)) + " 0x" + to_hex(id) + ' ';
  const char* name = message.code.name();
  if (message.code.is_request() && *name != '\0') {
    line += name;
  } else {
    line += message.code.to_string();
    if (*name != '\0') line += std::string(" ") + name;
  }
  if (message.code.is_request()) {
    line += ' ';
    append_printable(line, message.options.uri_path());
    char separator = '?';
    for (const std::string_view query : message.options.texts(OptionNumber::UriQuery)) {
      line += separator;
      append_printable(line, query);
      separator = '&';
    }
  }
  if (message.token.size != 0) line += " tok=" + to_hex(message.token.view());
  if (!message.payload.empty()) line += ' ' + std::to_string(message.payload.size()) + 'B';
  return line;
}

}  // namespace drover::coap
