// SPDX-License-Identifier: Apache-2.0
// Lines of carriers over a pseudo-terminal and over loopback.
#include "io/carrier_line.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "base/take_front.hpp"
#include "io/serial_device.hpp"
#include "io/tcp_stream.hpp"
#include "io/test_line.hpp"
#include "sms/modem/at_modem.hpp"
#include "sms/modem/test_modem.hpp"

namespace drover::io {
namespace {

/// Does what the test says, and remembers what it was told.
class TestCarrier final : public sms::Carrier {
 public:
  void submit(Instant, sms::Submission) override {}
  std::optional<sms::ShortMessage> poll_delivery() override { return std::nullopt; }
  std::optional<sms::Report> poll_report() override { return std::nullopt; }
  [[nodiscard]] bool wants_line() const override { return wants; }
  void line_opened(Instant) override {
    wants = false;
    ++opened;
  }
  void line_closed(Instant at, std::string reason) override {
    wants = wants_close = false;
    again = at + std::chrono::milliseconds(1);
    closed.push_back(std::move(reason));
  }
  void line_received(Instant, ByteView bytes) override { received += as_text(bytes); }
  std::optional<Bytes> poll_line_output() override {
    auto bytes = take_front(output);
    if (bytes) polled += bytes->size();
    return bytes;
  }
  [[nodiscard]] bool wants_line_closed() const override { return wants_close; }
  void handle_timeout(Instant at) override {
    if (again && at >= *again) {
      again.reset();
      wants = true;
    }
  }
  [[nodiscard]] std::optional<Deadline> deadline() const override {
    if (!again) return std::nullopt;
    return Deadline{*again, Reason::Line};
  }
  [[nodiscard]] bool is_ready() const override { return opened > 0; }
  [[nodiscard]] std::string state() const override { return "the test wants it closed"; }
  [[nodiscard]] const sms::CarrierCounters& counters() const override { return counters_; }

  bool wants = true, wants_close = false;
  std::optional<Instant> again;
  int opened = 0;
  std::vector<std::string> closed;
  std::string received;
  std::deque<Bytes> output;
  std::size_t polled = 0;

 private:
  sms::CarrierCounters counters_;
};

CarrierLine::Opener to(const TestListener& listener) {
  return [address = listener.address] { return connect_tcp(address); };
}

TEST(CarrierLine, CarriesBothWaysAndOpensAgain) {
  EventLoop loop;
  TestListener listener;
  TestCarrier carrier;
  int mutations = 0;
  CarrierLine line(loop, carrier, to(listener), [&](Instant) { ++mutations; });
  ASSERT_TRUE(await(loop, [&] { return listener.accept() && carrier.opened == 1; }));
  EXPECT_TRUE(line.is_open());
  carrier.output.push_back(to_bytes("ping"));
  line.flush(now());
  std::string heard;
  ASSERT_TRUE(await(loop, [&] { return (heard += listener.read()) == "ping"; }));
  listener.write("pong");
  ASSERT_TRUE(await(loop, [&] { return carrier.received == "pong"; }));
  EXPECT_GE(mutations, 3);
  listener.hang_up();
  ASSERT_TRUE(await(loop, [&] { return listener.accept() && carrier.opened == 2; }));
  EXPECT_EQ(carrier.closed, std::vector<std::string>{listener.address.to_string() + ": closed by the other side"});
}

TEST(CarrierLine, ClosesBehindTheLastWords) {
  EventLoop loop;
  TestListener listener;
  TestCarrier carrier;
  CarrierLine line(loop, carrier, to(listener), [](Instant) {});
  ASSERT_TRUE(await(loop, [&] { return listener.accept() && carrier.opened == 1; }));
  carrier.output.push_back(to_bytes("bye"));
  carrier.wants_close = true;
  line.flush(now());
  EXPECT_FALSE(line.is_open());
  EXPECT_EQ(carrier.closed, std::vector<std::string>{"the test wants it closed"});
  std::string heard;
  EXPECT_TRUE(await(loop, [&] { return (heard += listener.read()) == "bye"; }));
}

TEST(CarrierLine, WhatCannotBeOpenedIsToldAndTriedWhenTheCarrierWants) {
  EventLoop loop;
  TestCarrier carrier;
  int tries = 0;
  CarrierLine line(
      loop, carrier,
      [&]() -> Result<ByteStream> {
        ++tries;
        return tl::unexpected(Error{Fault::Environment, 0, "no such line"});
      },
      [](Instant) {});
  ASSERT_TRUE(await(loop, [&] { return tries >= 3; }));
  EXPECT_EQ(carrier.closed.size(), static_cast<std::size_t>(tries));
  EXPECT_EQ(carrier.closed[0], "no such line");
  TestListener listener;
  const auto address = listener.address;
  listener.stop();
  TestCarrier refused;
  CarrierLine nobody(loop, refused, [&] { return connect_tcp(address); }, [](Instant) {});
  ASSERT_TRUE(await(loop, [&] { return !refused.closed.empty(); }));
  EXPECT_NE(refused.closed[0].find("Connection refused"), std::string::npos);
  EXPECT_EQ(refused.opened, 0);
}

TEST(CarrierLine, OutputWaitsWithTheCarrierWhenTheLineIsFull) {
  EventLoop loop;
  TestListener listener;
  TestCarrier carrier;
  CarrierLine line(loop, carrier, to(listener), [](Instant) {});
  ASSERT_TRUE(await(loop, [&] { return listener.accept() && carrier.opened == 1; }));
  constexpr std::size_t kBlock = 16 * 1024, kBlocks = 1024;  // 16 MB: more than two sockets' buffers
  for (std::size_t i = 0; i < kBlocks; ++i) carrier.output.emplace_back(kBlock, static_cast<std::uint8_t>(i));
  line.flush(now());
  EXPECT_LT(carrier.polled, kBlock * kBlocks) << "the rest isn't taken from it";
  std::size_t read = 0;
  bool right = true;
  ASSERT_TRUE(await(loop, [&] {
    for (std::string some = listener.read(); !some.empty(); some = listener.read()) {
      for (const std::uint8_t octet : as_bytes(some)) {
        right = right && octet == static_cast<std::uint8_t>(read++ / kBlock);
      }
    }
    return read == kBlock * kBlocks;
  }));
  EXPECT_TRUE(right) << "in order, nothing lost";
}

TEST(CarrierLine, AModemOnATerminalIsUsedPulledOutAndUsedAgain) {
  EventLoop loop;
  sms::modem::AtModem carrier({});
  sms::modem::TestModem modem;
  std::vector<sms::ShortMessage> delivered;
  std::vector<sms::Report> reports;
  auto terminal = std::make_unique<TestTerminal>();
  const auto open = [&]() -> Result<ByteStream> {
    if (terminal == nullptr) return tl::unexpected(Error{Fault::Environment, 0, "no modem"});
    return open_serial_device(terminal->path, {});
  };
  CarrierLine line(loop, carrier, open, [&](Instant) {
    while (auto message = carrier.poll_delivery()) delivered.push_back(std::move(*message));
    while (auto report = carrier.poll_report()) reports.push_back(std::move(*report));
  });
  // The modem talks on the same loop, whenever the condition is looked at.
  const auto until = [&](auto condition) {
    return await(loop, [&] {
      if (terminal != nullptr) {
        modem.feed(as_bytes(terminal->read()));
        const std::string said = modem.take_output();
        if (!said.empty()) terminal->write(said);
      }
      return condition();
    });
  };
  ASSERT_TRUE(until([&] { return carrier.is_ready(); })) << carrier.state();
  carrier.submit(now(), {{1}, {"12345", 0, 4, false, {1, 2, 3}}});
  line.flush(now());
  ASSERT_TRUE(until([&] { return reports.size() == 1; }));
  EXPECT_EQ(reports[0].what, sms::Report::What::Taken);
  EXPECT_EQ(modem.sent, std::vector<std::string>{"00110005812143F500040003010203"});

  terminal.reset();
  ASSERT_TRUE(until([&] { return !carrier.is_ready(); }));
  carrier.submit(now(), {{2}, {"12345", 0, 4, false, {4}}});
  line.flush(now());
  terminal = std::make_unique<TestTerminal>();
  modem.reset();
  ASSERT_TRUE(until([&] { return reports.size() == 2; })) << carrier.state();
  modem.say("+CMT: ,33\r\n00040C919471101100100004621122219293000E4402B60B2161FB63B13101300138");
  ASSERT_TRUE(until([&] { return delivered.size() == 1 && modem.acknowledged == 1; }));
  EXPECT_EQ(delivered[0].msisdn, "491701110001");
  EXPECT_EQ(carrier.counters().restarts, 1u);
}

}  // namespace
}  // namespace drover::io
