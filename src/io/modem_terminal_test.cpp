// SPDX-License-Identifier: Apache-2.0
// A card in a modem at the end of a pseudo-terminal, read on another thread than the modem's.
#include "io/modem_terminal.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "io/card_worker.hpp"
#include "io/serial_device.hpp"
#include "io/sms_link.hpp"
#include "io/test_line.hpp"
#include "sms/modem/test_modem.hpp"

namespace drover::io {
namespace {

using smartcard::CardError;
using smartcard::CardResult;
using Kind = CardError::Kind;
using std::chrono::milliseconds;

constexpr std::string_view kManageChannel = "0070000001";

/// A modem on the loop, which talks whenever the condition is looked at.
struct Bench {
  EventLoop loop;
  sms::modem::TestModem modem;
  std::unique_ptr<TestTerminal> line = std::make_unique<TestTerminal>();

  Bench() { modem.card = {{std::string(kManageChannel), "019000"}}; }

  CarrierLine::Opener opener() {
    return [this]() -> Result<ByteStream> {
      if (line == nullptr) return tl::unexpected(Error{Fault::Environment, 0, "no modem"});
      return open_serial_device(line->path, {});
    };
  }
  template <class Condition>
  bool until(Condition condition) {
    return await(loop, [&] {
      if (line != nullptr) {
        modem.feed(as_bytes(line->read()));
        const std::string said = modem.take_output();
        if (!said.empty()) line->write(said);
      }
      return condition();
    });
  }
  /// What a job gave; nothing when it took too long.
  template <class Work>
  auto result_of(CardWorker& worker, Work work) {
    std::optional<decltype(work(std::declval<smartcard::Terminal&>()))> result;
    EXPECT_TRUE(worker.run(std::move(work), [&](auto given) { result = std::move(given); }));
    EXPECT_TRUE(until([&] { return result.has_value(); }));
    return result;
  }
};

CardResult<Bytes> connect_and_ask(smartcard::Terminal& terminal) {
  const auto atr = terminal.connect();
  if (!atr) return tl::unexpected(atr.error());
  EXPECT_TRUE(atr->empty()) << "a modem doesn't tell";
  auto response = terminal.transmit(*from_hex(kManageChannel));
  terminal.disconnect();
  return response;
}

Kind kind_of(const std::optional<CardResult<Bytes>>& result) {
  EXPECT_TRUE(result && !*result);
  return result && !*result ? result->error().kind : Kind::Malformed;
}

TEST(ModemTerminal, ReadsTheCardOfAModemThatIsUsedForItAlone) {
  Bench bench;
  CardModem modem(bench.loop, {}, bench.opener());
  ModemTerminal terminal(modem.card());
  CardWorker worker(bench.loop, terminal, [&] { terminal.interrupt(); });
  const auto response = bench.result_of(worker, connect_and_ask);
  ASSERT_TRUE(response && *response) << response->error().reason;
  EXPECT_EQ(**response, *from_hex("019000"));
  EXPECT_EQ(bench.modem.count("AT+CMGF=0"), 0u) << "short messages are somebody else's";
  const auto unconnected = bench.result_of(
      worker, [](smartcard::Terminal& card) { return card.transmit(*from_hex(kManageChannel)); });
  EXPECT_EQ(kind_of(unconnected), Kind::Reset);
}

TEST(ModemTerminal, SaysWhatIsWithTheCard) {
  struct Case {
    std::string sim;
    Kind kind;
    std::string reason;
  };
  for (const auto& [sim, kind, reason] : {
           Case{"+CME ERROR: 10", Kind::NoCard, "there is no card in the modem"},
           Case{"SIM PIN", Kind::Pin, "waiting for the SIM's PIN"},
           Case{"SIM PUK", Kind::Pin, "the SIM is locked and wants its PUK"},
       }) {
    Bench bench;
    bench.modem.sim = sim;
    CardModem modem(bench.loop, {}, bench.opener());
    ModemTerminal terminal(modem.card());
    CardWorker worker(bench.loop, terminal, [&] { terminal.interrupt(); });
    const auto result = bench.result_of(worker, connect_and_ask);
    EXPECT_EQ(kind_of(result), kind);
    EXPECT_EQ(result->error().reason, reason);
  }
}

TEST(ModemTerminal, AModemThatIsNotReadyInTimeSaysWhy) {
  Bench bench;
  bench.modem.silent = true;
  CardModem modem(bench.loop, {}, bench.opener());
  ModemTerminal terminal(modem.card(), {.ready = milliseconds(50)});
  CardWorker worker(bench.loop, terminal, [&] { terminal.interrupt(); });
  const auto result = bench.result_of(worker, connect_and_ask);
  EXPECT_EQ(kind_of(result), Kind::Terminal);
  EXPECT_EQ(result->error().reason, "the modem can't be used: looking for the modem");
}

TEST(ModemTerminal, WhatTheModemRefusesIsTold) {
  Bench bench;
  bench.modem.card.clear();
  CardModem modem(bench.loop, {}, bench.opener());
  ModemTerminal terminal(modem.card());
  CardWorker worker(bench.loop, terminal, [&] { terminal.interrupt(); });
  const auto refused = bench.result_of(worker, connect_and_ask);
  EXPECT_EQ(kind_of(refused), Kind::Terminal);
  EXPECT_NE(refused->error().reason.find("doesn't let MANAGE CHANNEL through AT+CSIM"), std::string::npos);
  bench.modem.answers["AT+CSIM=10,\"0070000001\""] = "+CME ERROR: 10";
  EXPECT_EQ(kind_of(bench.result_of(worker, connect_and_ask)), Kind::NoCard) << "gone before it was asked for";
  bench.modem.card["00A40004023F00"] = "9000";
  const auto removed = bench.result_of(worker, [&](smartcard::Terminal& card) -> CardResult<Bytes> {
    if (auto atr = card.connect(); !atr) return atr;
    if (auto first = card.transmit(*from_hex("00A40004023F00")); !first) return first;
    return card.transmit(*from_hex(kManageChannel));
  });
  EXPECT_EQ(kind_of(removed), Kind::Removed);
}

TEST(ModemTerminal, AModemThatBeganAnewBetweenTwoCommandsIsAReset) {
  Bench bench;
  CardModem modem(bench.loop, {}, bench.opener());
  ModemTerminal terminal(modem.card());
  CardWorker worker(bench.loop, terminal, [&] { terminal.interrupt(); });
  ASSERT_TRUE(bench.result_of(worker, [](smartcard::Terminal& card) { return card.connect(); })->has_value());
  const std::string before = modem.carrier().state();
  bench.line.reset();
  ASSERT_TRUE(bench.until([&] { return modem.carrier().state() != before; }));
  const auto ask = [](smartcard::Terminal& card) { return card.transmit(*from_hex(kManageChannel)); };
  EXPECT_EQ(kind_of(bench.result_of(worker, ask)), Kind::Reset);
  bench.line = std::make_unique<TestTerminal>();
  bench.modem.reset();
  EXPECT_TRUE(bench.result_of(worker, connect_and_ask)->has_value());
}

TEST(ModemTerminal, WhoWaitsIsInterrupted) {
  Bench bench;
  CardModem modem(bench.loop, {}, bench.opener());
  ModemTerminal terminal(modem.card());
  auto worker = std::make_unique<CardWorker>(bench.loop, terminal, [&] { terminal.interrupt(); });
  bench.modem.answers["AT+CSIM=10,\"0070000001\""] = "";
  std::optional<CardResult<Bytes>> result;
  worker->run([&](smartcard::Terminal& card) { return result = connect_and_ask(card), 0; }, [](int) {});
  ASSERT_TRUE(bench.until([&] { return bench.modem.count("AT+CSIM=10,\"0070000001\"") == 1; }));
  // It waits for this very thread, which waits for it now.
  worker.reset();
  EXPECT_EQ(kind_of(result), Kind::Terminal);
}

TEST(ModemTerminal, WhoWaitsIsToldThatTheModemIsGone) {
  Bench bench;
  auto modem = std::make_unique<CardModem>(bench.loop, Secret<std::string>{}, bench.opener());
  ModemTerminal terminal(modem->card());
  CardWorker worker(bench.loop, terminal, [&] { terminal.interrupt(); });
  bench.modem.answers["AT+CSIM=10,\"0070000001\""] = "";
  std::optional<CardResult<Bytes>> result;
  worker.run(connect_and_ask, [&](CardResult<Bytes> given) { result = std::move(given); });
  ASSERT_TRUE(bench.until([&] { return bench.modem.count("AT+CSIM=10,\"0070000001\"") == 1; }));
  modem.reset();
  ASSERT_TRUE(bench.until([&] { return result.has_value(); }));
  EXPECT_EQ(kind_of(result), Kind::Terminal);
  EXPECT_EQ(kind_of(bench.result_of(worker, connect_and_ask)), Kind::Terminal) << "and so is the next";
}

TEST(ModemTerminal, AnAnswerThatIsLateBelongsToNobody) {
  Bench bench;
  CardModem modem(bench.loop, {}, bench.opener());
  ModemTerminal patient(modem.card()), hasty(modem.card(), {.answer = milliseconds(50)});
  CardWorker worker(bench.loop, hasty, [&] { hasty.interrupt(); });
  bench.modem.answers["AT+CSIM=10,\"0070000001\""] = "";
  const auto late = bench.result_of(worker, connect_and_ask);
  EXPECT_EQ(kind_of(late), Kind::Terminal);
  EXPECT_EQ(late->error().reason, "no answer of the modem in time");
  // The next waits until the modem is done with that.
  bench.modem.answers.clear();
  bench.modem.card[std::string(kManageChannel)] = "029000";
  CardWorker another(bench.loop, patient, [&] { patient.interrupt(); });
  std::optional<CardResult<Bytes>> result;
  another.run(connect_and_ask, [&](CardResult<Bytes> given) { result = std::move(given); });
  bench.loop.post([&] {
    bench.modem.say("+CSIM: 6,\"019000\"");
    bench.modem.say("OK");
  });
  ASSERT_TRUE(bench.until([&] { return result.has_value(); }));
  ASSERT_TRUE(*result) << result->error().reason;
  EXPECT_EQ(**result, *from_hex("029000"));
}

/// Nobody's messages matter here.
class NoPeers final : public sms::Peers {
 public:
  [[nodiscard]] std::optional<sms::Peer> find(std::string_view /*msisdn*/) const override { return std::nullopt; }
  [[nodiscard]] sms::Counters counters(std::uint64_t /*key*/) const override { return {}; }
};

TEST(ModemTerminal, ThePhoneOfAnSmsLinkHasACard) {
  Bench bench;
  auto carrier = std::make_unique<sms::modem::AtModem>(sms::modem::ModemSettings{});
  auto& modem = *carrier;
  NoPeers peers;
  SystemRng rng;
  std::unique_ptr<ModemCard> card;
  SmsLink::Uses uses;
  uses.datagram = [](Instant, const transport::Datagram&) {};
  uses.save = [](const sms::SaveCounters&) { return Result<void>{}; };
  uses.note = [](const sms::GatewayNote&) {};
  uses.state = [](const std::string&, bool) {};
  uses.drained = [&](Instant at) {
    if (card != nullptr) card->drain(at);
  };
  SmsLink link(bench.loop, std::move(carrier), bench.opener(), {}, peers, rng, std::move(uses));
  card = std::make_unique<ModemCard>(bench.loop, modem, [&](Instant at) { link.flush(at); });
  ModemTerminal terminal(*card);
  CardWorker worker(bench.loop, terminal, [&] { terminal.interrupt(); });
  const auto response = bench.result_of(worker, connect_and_ask);
  ASSERT_TRUE(response && *response) << response->error().reason;
  EXPECT_EQ(**response, *from_hex("019000"));
  EXPECT_EQ(bench.modem.count("AT+CMGF=0"), 1u);
  card.reset();
}

}  // namespace
}  // namespace drover::io
