// SPDX-License-Identifier: Apache-2.0
// A hand-written peer of one or more server shards: it writes bytes and reads bytes, in virtual time.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "server/shard.hpp"
#include "sim/fleet_disk.hpp"

namespace drover::lockstep {

/// Bytes from hex digits and 'text'; blanks and '|' only separate: "41 02 1001 A1 | B2 'rd'".
inline Bytes wire(std::string_view text) {
  Bytes bytes;
  int high = -1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\'') {
      for (++i; i < text.size() && text[i] != '\''; ++i) bytes.push_back(static_cast<std::uint8_t>(text[i]));
      continue;
    }
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  EXPECT_EQ(high, -1) << "odd number of digits: " << text;
  return bytes;
}

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// A message of the server's, cut at the token's end.
struct Heard {
  int type = -1;
  std::string code;   ///< "0.01"
  std::string id;     ///< two bytes as hex
  std::string token;  ///< hex
  Bytes rest;         ///< options and payload
};

inline Heard cut(const Bytes& bytes) {
  Heard heard;
  if (bytes.size() < 4 || bytes[0] >> 6 != 1 || (bytes[0] & 15U) > 8 || bytes.size() < 4U + (bytes[0] & 15U)) {
    ADD_FAILURE() << "no CoAP message: " << to_hex(bytes);
    return heard;
  }
  const ByteView view(bytes);
  const std::size_t token = bytes[0] & 15U;
  heard.type = bytes[0] >> 4 & 3;
  heard.code = std::to_string(bytes[1] >> 5) + (bytes[1] % 32 < 10 ? ".0" : ".") + std::to_string(bytes[1] % 32);
  heard.id = to_hex(view.subspan(2, 2));
  heard.token = to_hex(view.subspan(4, token));
  heard.rest = Bytes(view.begin() + 4 + static_cast<std::ptrdiff_t>(token), view.end());
  return heard;
}

/// Shards on one timeline. Mail is carried when carry_mail() is called.
class ServerTest : public testing::Test {
 protected:
  using PeerAddress = transport::PeerAddress;
  static constexpr std::int64_t kUnixStart = 1'700'000'000;

  /// The device of most tests.
  const PeerAddress device_ = PeerAddress::v4(0xC0000202, 5683);
  const PeerAddress elsewhere_ = PeerAddress::v4(0xC0000202, 61000);

  explicit ServerTest(server::Policy policy = {}, std::size_t shards = 1) { start(std::move(policy), shards); }

  void start(server::Policy policy, std::size_t shards = 1) {
    shards_.clear();
    for (std::size_t index = 0; index < shards; ++index) {
      server::ShardConfig config;
      config.index = index;
      config.count = shards;
      config.policy = policy;
      config.kept = true;
      config.sms = sms_;
      shards_.push_back(std::make_unique<server::Shard>(std::move(config), rng_));
      shards_.back()->set_wall_clock(std::chrono::seconds(kUnixStart));
    }
  }

  /// The processes end without a word, and others go on with what is on disk.
  void kill_and_restart(server::Policy policy = {}) {
    for (const auto& each : shards_) disk_.take(*each);
    start(std::move(policy), shards_.size());
    auto kept = disk_.recover(shards_.size());
    EXPECT_EQ(disk_.unreadable(), 0U);
    for (std::size_t index = 0; index < shards_.size(); ++index) shards_[index]->take_over(now_, std::move(kept[index]));
  }

  server::Shard& shard(std::size_t index = 0) { return *shards_[index]; }
  [[nodiscard]] Instant now() const { return now_; }

  /// Lets time go by; what is due in it happens at its instant.
  void pass(Duration time) {
    const Instant end = now_ + time;
    for (int steps = 0; steps < 1000; ++steps) {
      std::optional<Instant> next;
      for (const auto& each : shards_) {
        if (const auto deadline = each->deadline(); deadline && (!next || deadline->at < *next)) next = deadline->at;
      }
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      for (const auto& each : shards_) each->handle_timeout(now_);
    }
    now_ = end;
  }

  void say(const PeerAddress& from, const Bytes& bytes, std::size_t index = 0) {
    shard(index).handle_datagram(now_, {from, bytes});
  }
  void say(const Bytes& bytes) { say(device_, bytes); }

  /// The next datagram to `to`; fails when there is none.
  Bytes hear(const PeerAddress& to, std::size_t index = 0) {
    const auto transmit = shard(index).poll_transmit();
    if (!transmit) {
      ADD_FAILURE() << "the server is silent";
      return {};
    }
    EXPECT_EQ(transmit->to.to_string(), to.to_string());
    return transmit->bytes;
  }
  Bytes hear() { return hear(device_); }
  void expect(const Bytes& bytes) { EXPECT_EQ(to_hex(hear()), to_hex(bytes)); }
  void expect_silence(std::size_t index = 0) {
    if (const auto transmit = shard(index).poll_transmit()) ADD_FAILURE() << "heard " << to_hex(transmit->bytes);
  }

  /// A confirmable request of the server's with that code and those bytes behind the token.
  Heard expect_request(std::string_view code, const Bytes& rest) {
    const Heard heard = cut(hear());
    EXPECT_EQ(heard.type, 0) << "requests are confirmable";
    EXPECT_EQ(heard.code, code);
    EXPECT_EQ(to_hex(heard.rest), to_hex(rest));
    return heard;
  }
  /// Answers a request within its acknowledgement. `code` as two hex digits, `rest` as in wire().
  void answer(const Heard& request, std::string_view code, std::string_view rest = "") {
    say(wire("6" + std::to_string(request.token.size() / 2) + std::string(code) + request.id + request.token) +
        wire(rest));
  }

  /// Registers and gives the eleven characters of the location. Asserts the answer's every other byte.
  std::string register_device(std::string_view name, const PeerAddress& from, std::size_t index = 0,
                              std::string_view links = "</1/0>,</3/0>") {
    const std::string id = next_id();
    const std::string endpoint = "ep=" + std::string(name);
    EXPECT_LE(endpoint.size(), 12U) << "the option's length must fit its nibble";
    say(from,
        wire("41 02" + id + "A1 | B2 'rd' | 11 28 |") + Bytes{static_cast<std::uint8_t>(0x30 + endpoint.size())} +
            to_bytes(endpoint) + wire("06 'lt=300' | 09 'lwm2m=1.0' | FF") + to_bytes(links),
        index);
    return expect_created(hear(from, index), id, "A1");
  }
  std::string expect_created(const Bytes& answer, const std::string& id, const std::string& token) {
    const Bytes head = wire("61 41" + id + token + "| 82 'rd' | 0B");
    EXPECT_EQ(answer.size(), head.size() + 11);
    EXPECT_EQ(to_hex(ByteView(answer).first(std::min(answer.size(), head.size()))), to_hex(head));
    return answer.size() < 11 ? std::string(11, 'A') : std::string(as_text(ByteView(answer).last(11)));
  }
  std::string next_id() {
    const Bytes id{0x10, ++last_id_};
    return to_hex(id);
  }

  /// What was learnt by operations is left out: see learned().
  std::optional<server::Event> event(std::size_t index = 0) {
    while (auto next = shard(index).poll_event()) {
      if (next->kind != server::EventKind::Learned) return next;
      learned_.push_back(std::move(*next));
    }
    return std::nullopt;
  }
  /// What event() left out, oldest first.
  std::vector<server::Event> learned() {
    while (auto next = event()) ADD_FAILURE() << "another event: " << to_string(next->kind);
    return std::exchange(learned_, {});
  }
  /// The next event of that kind for `endpoint`.
  server::Event expect_event(server::EventKind kind, std::string_view endpoint, std::size_t index = 0) {
    auto next = event(index);
    if (!next) {
      ADD_FAILURE() << "no event, expected " << to_string(kind);
      return {};
    }
    EXPECT_STREQ(to_string(next->kind), to_string(kind));
    EXPECT_EQ(next->endpoint, endpoint);
    EXPECT_EQ(next->at, kUnixStart + std::chrono::floor<std::chrono::seconds>(now_.time_since_epoch()).count());
    return std::move(*next);
  }
  void expect_no_event(std::size_t index = 0) {
    if (const auto next = event(index)) ADD_FAILURE() << to_string(next->kind) << " of " << next->endpoint;
  }

  void operate(const lwm2m::Downlink& operation, std::uint64_t ticket = 1, std::string_view endpoint = "node1") {
    shard().operate(now_, server::Ticket{ticket}, endpoint, operation);
  }
  std::optional<server::OperationResult> result(std::uint64_t ticket = 1, std::size_t index = 0) {
    auto done = shard(index).poll_done();
    if (!done) return std::nullopt;
    EXPECT_EQ(done->ticket.value, ticket);
    return std::move(done->result);
  }
  lwm2m::Outcome expect_outcome(lwm2m::Status status, std::uint64_t ticket = 1) {
    const auto done = result(ticket);
    const auto* outcome = done ? std::get_if<lwm2m::Outcome>(&*done) : nullptr;
    if (outcome == nullptr) {
      ADD_FAILURE() << "no outcome, expected " << lwm2m::to_string(status);
      return {};
    }
    EXPECT_STREQ(lwm2m::to_string(outcome->status), lwm2m::to_string(status));
    return *outcome;
  }
  void expect_no_answer(server::NoAnswer why, std::uint64_t ticket = 1, std::size_t index = 0) {
    const auto done = result(ticket, index);
    const auto* reason = done ? std::get_if<server::NoAnswer>(&*done) : nullptr;
    ASSERT_NE(reason, nullptr) << "expected " << server::to_string(why);
    EXPECT_STREQ(server::to_string(*reason), server::to_string(why));
  }

  /// Brings all mail to its shards.
  void carry_mail() {
    for (bool busy = true; busy;) {
      busy = false;
      for (const auto& each : shards_) {
        while (const auto mail = each->poll_mail()) {
          shard(mail->to).handle_mail(now_, *mail);
          busy = true;
        }
      }
    }
  }

  SplitMix rng_{42};
  const server::SmsDirectory* sms_ = nullptr;  ///< of shards that start() makes

 private:
  std::vector<std::unique_ptr<server::Shard>> shards_;
  Instant now_{};
  std::uint8_t last_id_ = 0;
  std::vector<server::Event> learned_;

 protected:
  sim::FleetDisk disk_;  ///< of kill_and_restart()
};

}  // namespace drover::lockstep
