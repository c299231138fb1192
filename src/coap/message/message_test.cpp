// SPDX-License-Identifier: Apache-2.0
#include "coap/message/message.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "coap/parameters.hpp"

namespace drover::coap {
namespace {

/// "40 01 00 01 FF" as bytes.
Bytes hex(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    if (text[i] == ' ') ++i;
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

Message get() {
  Message message;
  message.code = code::kGet;
  message.id = MessageId{1};
  return message;
}

TEST(Decode, EveryFailureHasItsBytes) {
  struct Case {
    const char* bytes;
    DecodeFailure failure;
    bool has_header;
  };
  const Case cases[] = {
      {"", DecodeFailure::TooShort, false},
      {"40 01 00", DecodeFailure::TooShort, false},
      {"00 01 12 34", DecodeFailure::WrongVersion, false},
      {"80 01 12 34", DecodeFailure::WrongVersion, false},
      {"C0 01 12 34", DecodeFailure::WrongVersion, false},
      {"49 01 12 34 00 00 00 00 00 00 00 00 00", DecodeFailure::TokenLength, true},
      {"4F 01 12 34", DecodeFailure::TokenLength, true},
      {"48 01 12 34 00 00 00 00 00 00 00", DecodeFailure::TokenTruncated, true},
      {"40 01 12 34 F0", DecodeFailure::OptionDelta, true},
      {"40 01 12 34 FE 00", DecodeFailure::OptionDelta, true},
      {"40 01 12 34 0F", DecodeFailure::OptionLength, true},
      {"40 01 12 34 D0", DecodeFailure::OptionTruncated, true},
      {"40 01 12 34 E0 00", DecodeFailure::OptionTruncated, true},
      {"40 01 12 34 BD", DecodeFailure::OptionTruncated, true},
      {"40 01 12 34 B5 61 62", DecodeFailure::OptionTruncated, true},
      {"40 01 12 34 E0 FE F3", DecodeFailure::OptionNumber, true},     // 269 + 65267 = 65536
      {"40 01 12 34 E0 FE F2 10", DecodeFailure::OptionNumber, true},  // 65535, then one more
      {"40 01 12 34 FF", DecodeFailure::EmptyPayload, true},
      {"40 01 12 34 B1 61 FF", DecodeFailure::EmptyPayload, true},
      {"41 00 12 34 00", DecodeFailure::EmptyNotEmpty, true},
      {"40 00 12 34 B1 61", DecodeFailure::EmptyNotEmpty, true},
      {"40 00 12 34 FF 00", DecodeFailure::EmptyNotEmpty, true},
      {"70 00 12 34 00", DecodeFailure::EmptyNotEmpty, true},
      {"40 20 12 34", DecodeFailure::ReservedClass, true},
      {"40 C0 12 34", DecodeFailure::ReservedClass, true},
      {"40 FF 12 34", DecodeFailure::ReservedClass, true},
      {"60 01 12 34", DecodeFailure::WrongType, true},
      {"70 01 12 34", DecodeFailure::WrongType, true},
      {"70 45 12 34", DecodeFailure::WrongType, true},
      {"50 00 12 34", DecodeFailure::WrongType, true},
  };
  for (const Case& one : cases) {
    const auto decoded = decode(hex(one.bytes));
    ASSERT_FALSE(decoded) << one.bytes;
    EXPECT_EQ(decoded.error().failure, one.failure) << one.bytes << ": " << to_string(decoded.error().failure);
    EXPECT_EQ(decoded.error().has_header, one.has_header) << one.bytes;
    EXPECT_EQ(decoded.error().id.value, one.has_header ? 0x1234 : 0) << one.bytes;
  }
}

TEST(Decode, OptionOverTheLongestDefinedOneIsRefused) {
  Bytes bytes = hex("40 01 12 34 BE 02 FD");  // Uri-Path of 269 + 765 = 1034 bytes
  bytes.resize(bytes.size() + 1034, 'a');
  EXPECT_TRUE(decode(bytes));
  bytes[6] = 0xFE;
  bytes.push_back('a');
  ASSERT_FALSE(decode(bytes));
  EXPECT_EQ(decode(bytes).error().failure, DecodeFailure::OptionTooLong);
}

TEST(Decode, MalformedKeepsTheTypeForTheReset) {
  EXPECT_EQ(decode(hex("4F 01 12 34")).error().type, Type::Confirmable);
  EXPECT_EQ(decode(hex("5F 01 12 34")).error().type, Type::NonConfirmable);
  EXPECT_EQ(decode(hex("7F 01 12 34")).error().type, Type::Reset);
}

TEST(Rfc7252Section3_1, DeltasAndLengthsAtTheBordersOfTheirEncoding) {
  struct Case {
    std::uint32_t value;
    const char* nibble;
    const char* extension;
  };
  const Case cases[] = {{0, "0", ""},     {12, "C", ""},      {13, "D", "00"},    {14, "D", "01"},    {15, "D", "02"},
                        {268, "D", "FF"}, {269, "E", "0000"}, {270, "E", "0001"}, {1034, "E", "02FD"}};
  for (const Case& delta : cases) {
    for (const Case& length : cases) {
      Message message = get();
      const Bytes value(length.value, 0x55);
      message.options.add(static_cast<std::uint16_t>(delta.value), value);
      Bytes expected = hex(std::string("40010001") + delta.nibble + length.nibble + delta.extension + length.extension);
      expected.insert(expected.end(), value.begin(), value.end());
      EXPECT_EQ(to_hex(encode(message)), to_hex(expected)) << delta.value << ' ' << length.value;
      ASSERT_TRUE(decode(expected)) << delta.value << ' ' << length.value;
      EXPECT_EQ(*decode(expected), message) << delta.value << ' ' << length.value;
    }
  }
}

TEST(Rfc7252Section3_1, TheLargestOptionNumberIs65535) {
  Message message = get();
  message.options.add(std::uint16_t{65535}, ByteView());
  EXPECT_EQ(to_hex(encode(message)), "40010001e0fef2");
  EXPECT_EQ(*decode(hex("40 01 00 01 E0 FE F2")), message);
}

TEST(Decode, EightByteTokenAndEveryTypeOfHeader) {
  const auto decoded = decode(hex("58 45 FF FE 01 02 03 04 05 06 07 08"));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->type, Type::NonConfirmable);
  EXPECT_EQ(decoded->id.value, 0xFFFE);
  EXPECT_EQ(decoded->token, Token::of(0x0102030405060708));
}

TEST(Decode, PingIsAnEmptyConfirmableMessage) {
  const auto decoded = decode(hex("40 00 12 34"));
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->code.is_empty());
}

TEST(Decode, PayloadMayContainTheMarker) {
  const auto decoded = decode(hex("40 02 12 34 FF FF FF"));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->payload, hex("FF FF"));
}

TEST(Decode, RandomMessagesSurviveBothWays) {
  SplitMix rng(7252);
  for (int round = 0; round < 2000; ++round) {
    Message message;
    message.type = rng.below(2) == 0 ? Type::Confirmable : Type::NonConfirmable;
    message.code = rng.below(2) == 0 ? code::kPost : code::kContent;
    message.id = MessageId{static_cast<std::uint16_t>(rng.next())};
    const std::uint64_t token = rng.next();
    message.token = Token::of(Token::of(token).view().first(rng.below(9)));
    for (std::uint64_t count = rng.below(12); count > 0; --count) {
      const Bytes value(rng.below(300), static_cast<std::uint8_t>(rng.next()));
      message.options.add(static_cast<std::uint16_t>(rng.below(2) == 0 ? rng.below(64) : rng.below(65536)), value);
    }
    message.payload.assign(rng.below(40), static_cast<std::uint8_t>(rng.next()));
    const auto decoded = decode(encode(message));
    ASSERT_TRUE(decoded);
    ASSERT_EQ(*decoded, message);
  }
}

TEST(Describe, ShowsTheRequestLineAndHidesThePayload) {
  Message message = get();
  message.id = MessageId{0x1A2B};
  message.code = code::kPost;
  message.token = Token::of(as_bytes("\x01\xAB"));
  message.options.add_uri_path("/rd");
  message.options.add(OptionNumber::UriQuery, std::string_view("ep=x"));
  message.options.add(OptionNumber::UriQuery, std::string_view("lt=60"));
  message.payload = to_bytes("secret-value");
  EXPECT_EQ(describe(message), "CON 0x1a2b POST /rd?ep=x&lt=60 tok=01ab 12B");
}

TEST(Describe, PeerTextCanNotForgeALogLine) {
  Message message = get();
  message.options.add(OptionNumber::UriPath, std::string_view("a\nERROR \x1B[31m\\"));
  EXPECT_EQ(describe(message), "CON 0x0001 GET /a\\x0aERROR\\x20\\x1b[31m\\x5c");
}

TEST(Describe, ResponsesAndEmptyMessages) {
  EXPECT_EQ(describe(*decode(hex("60 00 7D 38"))), "ACK 0x7d38 0.00 Empty");
  EXPECT_EQ(describe(*decode(hex("70 00 7D 38"))), "RST 0x7d38 0.00 Empty");
  EXPECT_EQ(describe(*decode(hex("50 84 00 01"))), "NON 0x0001 4.04 Not Found");
  EXPECT_EQ(describe(*decode(hex("50 9E 00 01"))), "NON 0x0001 4.30");
  EXPECT_EQ(describe(*decode(hex("40 1F 00 01"))), "CON 0x0001 0.31 /");
}

TEST(Code, ClassesAndNames) {
  EXPECT_EQ(code::kContent.to_string(), "2.05");
  EXPECT_EQ(code::kContinue.to_string(), "2.31");
  EXPECT_STREQ(code::kUnsupportedContentFormat.name(), "Unsupported Content-Format");
  EXPECT_STREQ(Code::of(3, 1).name(), "");
  EXPECT_TRUE(Code::of(0, 31).is_request());
  EXPECT_FALSE(code::kEmpty.is_request());
  EXPECT_TRUE(Code::of(5, 31).is_response());
  EXPECT_FALSE(Code::of(1, 1).is_response());
  EXPECT_FALSE(Code::of(6, 0).is_response());
}

TEST(Token, OrderAndHashTellLengthsApart) {
  const Bytes zero = {0};
  const Bytes zeros = {0, 0};
  EXPECT_NE(Token::of(ByteView(zero)), Token::of(ByteView(zeros)));
  EXPECT_NE(std::hash<Token>{}(Token::of(ByteView(zero))), std::hash<Token>{}(Token::of(ByteView(zeros))));
}

TEST(Rfc7252Section4_8_2, DerivedTimesWithTheDefaults) {
  using std::chrono::seconds;
  const Parameters parameters;
  EXPECT_EQ(parameters.max_transmit_span(), seconds(45));
  EXPECT_EQ(parameters.max_transmit_wait(), seconds(93));
  EXPECT_EQ(parameters.max_rtt(), seconds(202));
  EXPECT_EQ(parameters.exchange_lifetime(), seconds(247));
  EXPECT_EQ(parameters.non_lifetime(), seconds(145));
}

TEST(Rfc7252Section4_8_2, DerivedTimesFollowTheParameters) {
  Parameters parameters;
  parameters.ack_timeout = std::chrono::milliseconds(500);
  parameters.ack_random_permille = 1000;
  parameters.max_retransmit = 0;
  EXPECT_EQ(parameters.max_transmit_span(), Duration(0));
  EXPECT_EQ(parameters.max_transmit_wait(), std::chrono::milliseconds(500));
  parameters.max_retransmit = 1000;
  EXPECT_GT(parameters.max_transmit_wait(), Duration(0));
}

}  // namespace
}  // namespace drover::coap
