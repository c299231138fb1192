// SPDX-License-Identifier: Apache-2.0
// Messages of the RFCs' examples as labelled bytes: decoded, encoded, and cut off at every length.
#include <gtest/gtest.h>

#include <functional>

#include "coap/message/message.hpp"

namespace drover::coap {
namespace {

struct Fragment {
  const char* label;
  Bytes bytes;
};

/// One message of an example: its bytes as labelled fragments, and what it says.
struct Example {
  const char* name;
  std::vector<Fragment> fragments;
  Message message;

  [[nodiscard]] Bytes bytes() const {
    Bytes all;
    for (const Fragment& fragment : fragments) all.insert(all.end(), fragment.bytes.begin(), fragment.bytes.end());
    return all;
  }
};

Fragment text(const char* label, std::string_view value) {
  return {label, to_bytes(value)};
}

Message make(Type type, Code code, std::uint16_t id, std::optional<std::uint8_t> token = {},
             const std::function<void(Options&)>& fill = {}, std::string_view payload = {}) {
  Message message;
  message.type = type;
  message.code = code;
  message.id = MessageId{id};
  if (token) message.token = Token::of(ByteView(&*token, 1));
  if (fill) fill(message.options);
  message.payload = to_bytes(payload);
  return message;
}

const auto kTemperature = [](Options& options) { options.add_uri_path("/temperature"); };

std::vector<Example> rfc7252_appendix_a() {
  const Fragment path_head{"Uri-Path: delta 11, length 11", {0xBB}};
  const Fragment path = text("temperature", "temperature");
  const Fragment marker{"payload marker", {0xFF}};
  const Fragment value = text("payload", "22.3 C");
  const auto get = [&](const char* name, Type type, std::uint8_t first, std::uint16_t id, std::uint8_t token) {
    const Bytes header = {first, 0x01, static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)};
    return Example{name,
                   {{"header", header}, {"token", {token}}, path_head, path},
                   make(type, code::kGet, id, token, kTemperature)};
  };
  const auto content = [&](const char* name, Type type, std::uint8_t first, std::uint16_t id, std::uint8_t token,
                           const char* payload) {
    const Bytes header = {first, 0x45, static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)};
    return Example{name,
                   {{"header", header}, {"token", {token}}, marker, text("payload", payload)},
                   make(type, code::kContent, id, token, {}, payload)};
  };
  const auto empty = [](const char* name, Type type, std::uint8_t first, std::uint16_t id) {
    const Bytes header = {first, 0x00, static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)};
    return Example{name, {{"header", header}}, make(type, code::kEmpty, id)};
  };
  constexpr Type kCon = Type::Confirmable;
  constexpr Type kNon = Type::NonConfirmable;
  constexpr Type kAck = Type::Acknowledgement;
  return {
      {"Figure 16 request",
       {{"Ver 1, CON, TKL 0", {0x40}}, {"GET", {0x01}}, {"MID", {0x7D, 0x34}}, path_head, path},
       make(kCon, code::kGet, 0x7D34, {}, kTemperature)},
      {"Figure 16 response",
       {{"Ver 1, ACK, TKL 0", {0x60}}, {"2.05", {0x45}}, {"MID", {0x7D, 0x34}}, marker, value},
       make(kAck, code::kContent, 0x7D34, {}, {}, "22.3 C")},
      get("Figure 17 request", kCon, 0x41, 0x7D35, 0x20),
      content("Figure 17 response", kAck, 0x61, 0x7D35, 0x20, "22.3 C"),
      get("Figure 18 request", kCon, 0x41, 0x7D36, 0x31),
      content("Figure 18 response", kAck, 0x61, 0x7D36, 0x31, "22.3 C"),
      get("Figure 19 request", kCon, 0x41, 0x7D37, 0x42),
      content("Figure 19 response", kAck, 0x61, 0x7D37, 0x42, "22.3 C"),
      get("Figure 20 request", kCon, 0x41, 0x7D38, 0x53),
      empty("Figure 20 acknowledgement", kAck, 0x60, 0x7D38),
      content("Figure 20 separate response", kCon, 0x41, 0xAD7B, 0x53, "22.3 C"),
      empty("Figure 20 acknowledgement of the response", kAck, 0x60, 0xAD7B),
      get("Figure 21 request", kCon, 0x41, 0x7D39, 0x64),
      empty("Figure 21 acknowledgement", kAck, 0x60, 0x7D39),
      content("Figure 21 separate response", kCon, 0x41, 0xAD7C, 0x64, "22.3 C"),
      empty("Figure 21 reset", Type::Reset, 0x70, 0xAD7C),
      get("Figure 22 request", kNon, 0x51, 0x7D40, 0x75),
      content("Figure 22 response", kNon, 0x51, 0xAD7D, 0x75, "22.3 C"),
      get("Figure 23 multicast request", kNon, 0x51, 0x7D41, 0x86),
      content("Figure 23 first response", kNon, 0x51, 0x60B1, 0x86, "22.3 C"),
      content("Figure 23 second response", kNon, 0x51, 0x01A0, 0x86, "20.9 C"),
      content("Figure 23 third response", kNon, 0x51, 0x952A, 0x86, "21.0 C"),
  };
}

/// RFC 7641 Appendix A.1, Figure 3 and the cancellation of §3.6.
std::vector<Example> rfc7641_examples() {
  return {
      {"registration",
       {{"CON, TKL 1, GET, MID", {0x41, 0x01, 0x16, 0x33}},
        {"token", {0x4A}},
        {"Observe: 0, delta 6, length 0", {0x60}},
        {"Uri-Path: delta 5, length 11", {0x5B}},
        text("temperature", "temperature")},
       make(Type::Confirmable, code::kGet, 0x1633, 0x4A,
            [](Options& options) {
              options.set_observe(0);
              options.add_uri_path("temperature");
            })},
      {"first notification",
       {{"ACK, TKL 1, 2.05, MID", {0x61, 0x45, 0x16, 0x33}},
        {"token", {0x4A}},
        {"Observe: 9, delta 6, length 1", {0x61, 0x09}},
        {"Max-Age: 15, delta 8, length 1", {0x81, 0x0F}},
        {"payload marker", {0xFF}},
        text("payload", "18.5 Cel")},
       make(
           Type::Acknowledgement, code::kContent, 0x1633, 0x4A,
           [](Options& options) {
             options.set_observe(9);
             options.add_uint(OptionNumber::MaxAge, 15);
           },
           "18.5 Cel")},
      {"later notification",
       {{"NON, TKL 1, 2.05, MID", {0x51, 0x45, 0x7B, 0x50}},
        {"token", {0x4A}},
        {"Observe: 16", {0x61, 0x10}},
        {"Max-Age: 15", {0x81, 0x0F}},
        {"payload marker", {0xFF}},
        text("payload", "19.2 Cel")},
       make(
           Type::NonConfirmable, code::kContent, 0x7B50, 0x4A,
           [](Options& options) {
             options.set_observe(16);
             options.add_uint(OptionNumber::MaxAge, 15);
           },
           "19.2 Cel")},
      {"cancellation",
       {{"CON, TKL 1, GET, MID", {0x41, 0x01, 0x16, 0x34}},
        {"token", {0x4A}},
        {"Observe: 1", {0x61, 0x01}},
        {"Uri-Path", {0x5B}},
        text("temperature", "temperature")},
       make(Type::Confirmable, code::kGet, 0x1634, 0x4A,
            [](Options& options) {
              options.set_observe(1);
              options.add_uri_path("temperature");
            })},
  };
}

/// RFC 7959 §3.1: the figures' option values with their message ids.
std::vector<Example> rfc7959_get_examples() {
  const auto block2 = [](Block block) { return [block](Options& options) { options.set_block2(block); }; };
  return {
      {"Figure 2: 2:0/1/128",
       {{"ACK, 2.05, MID 1234", {0x60, 0x45, 0x04, 0xD2}},
        {"Block2: delta 23 = 13 + 10, length 1", {0xD1, 0x0A}},
        {"NUM 0, M, SZX 3", {0x0B}},
        {"payload marker", {0xFF}},
        text("start of the block", "...")},
       make(Type::Acknowledgement, code::kContent, 1234, {}, block2({0, true, 3}), "...")},
      {"Figure 2: request of 2:1/0/128",
       {{"CON, GET, MID 1235", {0x40, 0x01, 0x04, 0xD3}},
        {"Uri-Path status", {0xB6}},
        text("status", "status"),
        {"Block2: delta 12, length 1", {0xC1}},
        {"NUM 1, SZX 3", {0x13}}},
       make(Type::Confirmable, code::kGet, 1235, {},
            [](Options& options) {
              options.add_uri_path("/status");
              options.set_block2({1, false, 3});
            })},
      {"Figure 3: early negotiation, 2:0/0/64",
       {{"CON, GET, MID 1234", {0x40, 0x01, 0x04, 0xD2}},
        {"Uri-Path status", {0xB6}},
        text("status", "status"),
        {"Block2", {0xC1}},
        {"NUM 0, SZX 2", {0x02}}},
       make(Type::Confirmable, code::kGet, 1234, {},
            [](Options& options) {
              options.add_uri_path("/status");
              options.set_block2({0, false, 2});
            })},
      {"size announcement with Block2 and Size2 (§4)",
       {{"ACK, 2.05, MID 1234", {0x60, 0x45, 0x04, 0xD2}},
        {"Block2: delta 23", {0xD1, 0x0A}},
        {"NUM 0, M, SZX 6", {0x0E}},
        {"Size2: delta 5, length 2", {0x52}},
        {"5000", {0x13, 0x88}},
        {"payload marker", {0xFF}},
        text("start of the block", "...")},
       make(
           Type::Acknowledgement, code::kContent, 1234, {},
           [](Options& options) {
             options.set_block2({0, true, 6});
             options.add_uint(OptionNumber::Size2, 5000);
           },
           "...")},
  };
}

/// RFC 7959 §3.2.
std::vector<Example> rfc7959_put_examples() {
  return {
      {"Figure 7: PUT 1:0/1/128",
       {{"CON, PUT, MID 1234", {0x40, 0x03, 0x04, 0xD2}},
        {"Uri-Path options", {0xB7}},
        text("options", "options"),
        {"Block1: delta 16 = 13 + 3, length 1", {0xD1, 0x03}},
        {"NUM 0, M, SZX 3", {0x0B}},
        {"payload marker", {0xFF}},
        text("start of the block", "...")},
       make(
           Type::Confirmable, code::kPut, 1234, {},
           [](Options& options) {
             options.add_uri_path("/options");
             options.set_block1({0, true, 3});
           },
           "...")},
      {"Figure 7: 2.31 Continue 1:0/1/128",
       {{"ACK, 2.31, MID 1234", {0x60, 0x5F, 0x04, 0xD2}},
        {"Block1: delta 27 = 13 + 14, length 1", {0xD1, 0x0E}},
        {"NUM 0, M, SZX 3", {0x0B}}},
       make(Type::Acknowledgement, code::kContinue, 1234, {},
            [](Options& options) {
              options.set_block1({0, true, 3});
            })},
  };
}

void expect_both_ways(const std::vector<Example>& examples) {
  for (const Example& example : examples) {
    SCOPED_TRACE(example.name);
    const auto decoded = decode(example.bytes());
    ASSERT_TRUE(decoded) << to_string(decoded.error().failure);
    EXPECT_EQ(*decoded, example.message) << describe(*decoded);
    EXPECT_EQ(to_hex(encode(example.message)), to_hex(example.bytes()));
  }
}

/// Cut between options or before the payload marker a message is whole but says less; anywhere else it is refused.
void expect_prefixes_refused_or_shorter(const std::vector<Example>& examples) {
  for (const Example& example : examples) {
    SCOPED_TRACE(example.name);
    const Bytes bytes = example.bytes();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const ByteView prefix(bytes.data(), size);
      const auto decoded = decode(prefix);
      if (decoded) {
        EXPECT_NE(*decoded, example.message) << size;
        EXPECT_EQ(to_hex(encode(*decoded)), to_hex(prefix)) << size;
      } else {
        EXPECT_EQ(decoded.error().has_header, size >= 4) << size;
      }
    }
  }
}

TEST(Rfc7252AppendixA, EveryExampleBothWays) {
  expect_both_ways(rfc7252_appendix_a());
}
TEST(Rfc7252AppendixA, EveryPrefix) {
  expect_prefixes_refused_or_shorter(rfc7252_appendix_a());
}
TEST(Rfc7641AppendixA, EveryExampleBothWays) {
  expect_both_ways(rfc7641_examples());
}
TEST(Rfc7641AppendixA, EveryPrefix) {
  expect_prefixes_refused_or_shorter(rfc7641_examples());
}
TEST(Rfc7959Section3_1, EveryExampleBothWays) {
  expect_both_ways(rfc7959_get_examples());
}
TEST(Rfc7959Section3_1, EveryPrefix) {
  expect_prefixes_refused_or_shorter(rfc7959_get_examples());
}
TEST(Rfc7959Section3_2, EveryExampleBothWays) {
  expect_both_ways(rfc7959_put_examples());
}
TEST(Rfc7959Section3_2, EveryPrefix) {
  expect_prefixes_refused_or_shorter(rfc7959_put_examples());
}

TEST(Rfc7252AppendixA, CutInsideAnOptionOrThePayloadMarkerIsNamed) {
  const Bytes request = rfc7252_appendix_a()[2].bytes();  // header 4, token 1, option 1 + 11
  EXPECT_EQ(decode(ByteView(request).first(3)).error().failure, DecodeFailure::TooShort);
  EXPECT_EQ(decode(ByteView(request).first(4)).error().failure, DecodeFailure::TokenTruncated);
  EXPECT_TRUE(decode(ByteView(request).first(5)));
  for (std::size_t size = 6; size < request.size(); ++size) {
    EXPECT_EQ(decode(ByteView(request).first(size)).error().failure, DecodeFailure::OptionTruncated) << size;
  }
  const Bytes response = rfc7252_appendix_a()[1].bytes();
  EXPECT_EQ(decode(ByteView(response).first(5)).error().failure, DecodeFailure::EmptyPayload);
}

}  // namespace
}  // namespace drover::coap
