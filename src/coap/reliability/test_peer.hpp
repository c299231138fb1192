// SPDX-License-Identifier: Apache-2.0
// One message layer in virtual time, fed with bytes written by hand and read back as bytes.
#pragma once

#include <gtest/gtest.h>

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "coap/reliability/reliability.hpp"

namespace drover::coap::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Always the same number: 0 makes each random duration the shortest, ~0 the longest.
class FixedRng final : public Rng {
 public:
  explicit FixedRng(std::uint64_t value) : value_(value) {}
  std::uint64_t next() override { return value_; }

 private:
  std::uint64_t value_;
};

/// "40 01 7d 34" as bytes; what stands between apostrophes is taken as text.
inline Bytes bytes(std::string_view text) {
  Bytes result;
  int high = -1;
  bool quoted = false;
  for (const char c : text) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (quoted) {
      result.push_back(static_cast<std::uint8_t>(c));
    } else if (c != ' ') {
      const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
      assert(digit >= 0 && digit < 16);
      if (high >= 0) result.push_back(static_cast<std::uint8_t>(high * 16 + digit));
      high = high < 0 ? digit : -1;
    }
  }
  return result;
}

inline transport::PeerAddress address(std::uint32_t host, std::uint16_t port = 5683) {
  return transport::PeerAddress::v4(0xC0000200U + host, port);  // 192.0.2.0/24
}

struct TestPeer {
  explicit TestPeer(const Parameters& parameters = {}, std::uint64_t random = 0)
      : rng(random), layer(parameters, rng) {}

  void receive(std::string_view text, const transport::PeerAddress& from = address(1)) {
    const Bytes datagram = bytes(text);
    layer.handle_datagram(now, {from, datagram});
  }
  /// What was sent since the last look, as lower-case hexadecimal, datagrams separated by a blank.
  std::string sent() {
    std::string text;
    while (const auto transmit = layer.poll_transmit()) {
      if (!text.empty()) text += ' ';
      text += to_hex(transmit->bytes);
      last_to = transmit->to;
    }
    return text;
  }
  /// The next event, which must be an `E`.
  template <class E>
  E event() {
    auto next = layer.poll_event();
    if (!next || !std::holds_alternative<E>(*next)) {
      ADD_FAILURE() << "no event, or another one";
      return E{};
    }
    return std::get<E>(std::move(*next));
  }
  bool quiet() { return !layer.poll_event() && !layer.poll_transmit(); }
  void pass(Duration duration) {
    now += duration;
    layer.handle_timeout(now);
  }
  /// Moves to the next deadline, which must have this reason, and gives the time since `since`.
  Duration until(Reason reason, Instant since) {
    const auto deadline = layer.deadline();
    EXPECT_TRUE(deadline.has_value());
    if (!deadline) return {};
    EXPECT_STREQ(to_string(deadline->reason), to_string(reason));
    now = deadline->at;
    layer.handle_timeout(now);
    return now - since;
  }

  FixedRng rng;
  Reliability layer;
  Instant now{seconds(1000)};
  transport::PeerAddress last_to;
};

inline Message request(Code method, Type type = Type::Confirmable) {
  Message message;
  message.type = type;
  message.code = method;
  message.token = Token::of(as_bytes("t"));
  return message;
}

inline Message response(std::string_view payload, std::string_view token = "", Code code = code::kContent) {
  Message message;
  message.code = code;
  message.token = Token::of(as_bytes(token));
  message.payload = to_bytes(payload);
  return message;
}

inline std::string hex(std::string_view text) {
  return to_hex(bytes(text));
}

}  // namespace drover::coap::testing
