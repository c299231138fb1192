// SPDX-License-Identifier: Apache-2.0
// 3GPP TS 27.007 §8.17 between a card's user and a modem of the test's.
#include <gtest/gtest.h>

#include "sms/modem/at_modem.hpp"
#include "sms/modem/test_modem.hpp"

namespace drover::sms::modem {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using State = CardAccess::State;
using Kind = ApduError::Kind;

constexpr std::string_view kManageChannel = "0070000001";
constexpr std::string_view kSelect = "01A404040CA000000063504B43532D313500";
constexpr std::string_view kFcp = "622582027821840CA000000063504B43532D31358A01058B032F060CC60990014083010183010A9000";
constexpr std::string_view kPdu = "00040C919471101100100004621122219293000E4402B60B2161FB63B13101300138";

std::string command_of(std::string_view apdu) {
  return "AT+CSIM=" + std::to_string(apdu.size()) + ",\"" + std::string(apdu) + "\"";
}

std::optional<Kind> kind_of(const std::optional<tl::expected<Bytes, ApduError>>& answer) {
  return answer && !*answer ? std::optional(answer->error().kind) : std::nullopt;
}

/// With a card as in the published transcript of a modem's test (nRF Connect SDK, uicc_lwm2m).
struct CardScene : Scene {
  explicit CardScene(ModemSettings settings = {}) : Scene(std::move(settings)) {
    modem.card = {{std::string(kManageChannel), "019000"}, {std::string(kSelect), std::string(kFcp)}};
  }
};

TEST(AtModemCard, CommandsGoToTheCardAndItsAnswersComeBack) {
  CardScene scene;
  EXPECT_EQ(scene.carrier.card_access().state, State::NotYet);
  EXPECT_FALSE(scene.carrier.transmit_apdu(scene.now, 1, *from_hex(kManageChannel)));
  scene.start();
  ASSERT_EQ(scene.carrier.card_access().state, State::Usable);
  const auto session = scene.carrier.card_access().session;
  const auto channel = scene.transmit(kManageChannel);
  ASSERT_TRUE(channel && *channel);
  EXPECT_EQ(**channel, *from_hex("019000"));
  EXPECT_EQ(scene.modem.commands.back(), "AT+CSIM=10,\"0070000001\"");
  const auto selected = scene.transmit(kSelect);
  ASSERT_TRUE(selected && *selected);
  EXPECT_EQ(**selected, *from_hex(kFcp));
  EXPECT_EQ(scene.carrier.card_access().session, session);
}

TEST(AtModemCard, TheLongestAnswerAndTheLongestCommandFit) {
  for (const std::size_t chunk : {1U, 7U, 64U, 4096U}) {
    CardScene scene;
    scene.chunk = chunk;
    scene.modem.answers["ATE0"] = "ERROR";  // the echo stays: it is as long again
    const std::string command = "01E28000FF" + std::string(510, '7') + "00";
    scene.modem.card[command] = std::string(512, 'A') + "9000";
    scene.start();
    const auto answer = scene.transmit(command);
    ASSERT_TRUE(answer && *answer) << chunk;
    EXPECT_EQ((*answer)->size(), kResponseApduMax);
    EXPECT_EQ(scene.carrier.counters().malformed, 0u);
  }
}

TEST(AtModemCard, WhatIsNoCommandIsNotTaken) {
  CardScene scene;
  scene.start();
  EXPECT_FALSE(scene.carrier.transmit_apdu(scene.now, 1, Bytes(kCommandApduMin - 1)));
  EXPECT_FALSE(scene.carrier.transmit_apdu(scene.now, 1, Bytes(kCommandApduMax + 1)));
  scene.modem.silent = true;
  EXPECT_FALSE(scene.transmit(kManageChannel)) << "it waits for its answer";
  EXPECT_FALSE(scene.carrier.transmit_apdu(scene.now, 9, *from_hex(kSelect))) << "one at a time";
}

TEST(AtModemCard, UnsolicitedLinesMayComeAnywhere) {
  CardScene scene;
  scene.start();
  const std::string routed = "+CMT: ,33\r\n" + std::string(kPdu);
  scene.modem.answers[command_of(kManageChannel)] =
      routed + "\r\n\r\n+CREG: 1\r\n\r\n+CSIM: 6,\"019000\"\r\n\r\nRING\r\n\r\nOK";
  const auto answer = scene.transmit(kManageChannel);
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(**answer, *from_hex("019000"));
  EXPECT_EQ(scene.delivered.size(), 1u);
  EXPECT_EQ(scene.modem.acknowledged, 1u);
}

TEST(AtModemCard, NeedsNoNetworkAndWaitsForAMessageThatIsBeingSent) {
  CardScene scene;
  scene.modem.registration = "0,2";
  scene.start();
  EXPECT_FALSE(scene.carrier.is_ready());
  EXPECT_TRUE(scene.transmit(kManageChannel));
  scene.modem.registration = "0,1";
  scene.run(kSearchPoll);
  scene.modem.send_results = {"-"};
  scene.submit(1);
  scene.submit(2);
  EXPECT_FALSE(scene.transmit(kManageChannel));
  scene.modem.say("+CMGS: 1");
  scene.say("OK");
  ASSERT_EQ(scene.apdus.size(), 1u);
  EXPECT_TRUE(scene.apdus[0].response);
  EXPECT_EQ(scene.reports.size(), 2u);
  EXPECT_EQ(scene.modem.commands.back(), "AT+CMGS=17") << "the card goes first";
}

TEST(AtModemCard, WhatTheModemRefusesIsToldApart) {  // 3GPP TS 27.007 §9.2.1
  struct Case {
    std::string_view said;
    Kind kind;
    std::string_view reason;
  };
  for (const auto& [said, kind, reason] : {
           Case{"+CME ERROR: 10", Kind::NoCard, "there is no card in the modem: +CME ERROR 10"},
           Case{"+CME ERROR: 3", Kind::NotAllowed, "the modem doesn't let MANAGE CHANNEL through AT+CSIM: +CME ERROR 3"},
           Case{"ERROR", Kind::NotAllowed, "the modem doesn't let MANAGE CHANNEL through AT+CSIM: ERROR"},
           Case{"COMMAND NOT SUPPORT", Kind::NotAllowed,
                "the modem doesn't let MANAGE CHANNEL through AT+CSIM: ERROR"},
           Case{"+CME ERROR: 14", Kind::Refused, "the modem couldn't pass MANAGE CHANNEL to its card: +CME ERROR 14"},
           Case{"+CME ERROR: SIM failure", Kind::Refused,
                "the modem couldn't pass MANAGE CHANNEL to its card: +CME ERROR"},
       }) {
    CardScene scene;
    scene.start();
    ASSERT_TRUE(scene.transmit(kSelect));
    scene.modem.answers[command_of(kManageChannel)] = said;
    const auto answer = scene.transmit(kManageChannel);
    ASSERT_TRUE(answer && !*answer) << said;
    EXPECT_EQ(answer->error().kind, kind) << said;
    EXPECT_EQ(answer->error().reason, reason);
    scene.modem.answers.clear();
    EXPECT_TRUE(scene.transmit(kManageChannel)->has_value()) << "it goes on";
  }
}

TEST(AtModemCard, AModemThatLetNothingThroughMayNotKnowTheCommand) {
  CardScene scene;
  scene.modem.card.clear();
  scene.start();
  const auto answer = scene.transmit("0020000108313233342A2A2A2A");
  ASSERT_EQ(kind_of(answer), Kind::NotAllowed);
  EXPECT_EQ(answer->error().reason,
            "the modem doesn't let the instruction 20 through AT+CSIM: +CME ERROR 3 (it has let nothing through yet: "
            "maybe it doesn't know AT+CSIM)");
  EXPECT_EQ(answer->error().reason.find("31323334"), std::string::npos) << "a PIN";
}

TEST(AtModemCard, AnswersThatAreNoneAreErrors) {
  const std::string whole = "+CSIM: 6,\"019000\"";
  std::vector<std::string> bad{"+CSIM: 4,\"019000\"", "+CSIM: 8,\"019000\"",   "+CSIM: 6,\"01900G\"", "+CSIM: 5,\"01900\"",
                               "+CSIM: 2,\"90\"",     "+CSIM: x,\"019000\"",   "+CSIM: 6",            "+CSIM: 0,\"\"",
                               whole + ",1",          whole + "\r\n" + whole, "+CSIM: 518,\"" + std::string(518, '0') + "\""};
  for (std::size_t size = 7; size < whole.size() - 1; ++size) bad.push_back(whole.substr(0, size));
  for (const std::string& said : bad) {
    CardScene scene;
    scene.start();
    scene.modem.answers[command_of(kManageChannel)] = said + "\r\n\r\nOK";
    EXPECT_EQ(kind_of(scene.transmit(kManageChannel)), Kind::Malformed) << said;
    EXPECT_EQ(scene.carrier.counters().malformed, 1u) << said;
    EXPECT_TRUE(scene.transmit(kSelect)->has_value()) << "it goes on";
  }
}

TEST(AtModemCard, AnOkWithoutAnAnswerIsOutOfStep) {
  CardScene scene;
  scene.start();
  const auto session = scene.carrier.card_access().session;
  scene.modem.answers[command_of(kManageChannel)] = "OK";
  EXPECT_EQ(kind_of(scene.transmit(kManageChannel)), Kind::Malformed);
  EXPECT_EQ(scene.carrier.card_access().state, State::NotYet) << "it is set up again";
  scene.run(seconds(10));
  EXPECT_EQ(scene.carrier.card_access().state, State::Usable);
  EXPECT_NE(scene.carrier.card_access().session, session);
}

TEST(AtModemCard, ASilentModemIsAnErrorInTime) {
  CardScene scene;
  scene.start();
  scene.modem.silent = true;
  EXPECT_FALSE(scene.transmit(kManageChannel));
  scene.run(kCardTimeout - seconds(1));
  EXPECT_TRUE(scene.apdus.empty());
  scene.run(seconds(1));
  ASSERT_EQ(scene.apdus.size(), 1u);
  EXPECT_EQ(scene.apdus[0].response.error().kind, Kind::Silence);
  // Its late answer is nobody's.
  scene.modem.silent = false;
  scene.say("+CSIM: 6,\"019000\"");
  scene.say("OK");
  EXPECT_EQ(scene.apdus.size(), 1u);
  scene.run(seconds(30));
  EXPECT_TRUE(scene.transmit(kManageChannel)->has_value());
}

TEST(AtModemCard, TheAnswerComesWithinItsBoundBehindTheSlowestJob) {
  CardScene scene;
  scene.start();
  scene.modem.send_results = {"-"};
  scene.submit(1);
  const Instant began = scene.now;
  EXPECT_FALSE(scene.transmit(kManageChannel));
  scene.modem.silent = true;
  while (scene.apdus.empty() && scene.now < began + kCardAnswerMax) scene.run(seconds(1));
  ASSERT_EQ(scene.apdus.size(), 1u);
  EXPECT_FALSE(scene.apdus[0].response);
}

TEST(AtModemCard, AModemThatBeginsAnewLosesTheChannels) {
  for (const std::string_view said : {"RDY", "+CPIN: SIM PIN"}) {
    CardScene scene;
    scene.start();
    const auto session = scene.carrier.card_access().session;
    scene.modem.answers[command_of(kManageChannel)] = "";
    EXPECT_FALSE(scene.transmit(kManageChannel));
    scene.modem.reset();
    scene.say(said);
    ASSERT_EQ(scene.apdus.size(), 1u) << said;
    EXPECT_EQ(scene.apdus[0].response.error().kind, Kind::Restarted) << said;
    EXPECT_NE(scene.carrier.card_access().session, session) << said;
  }
}

TEST(AtModemCard, AnAnswerWithAnEchoIsOfAModemThatBeganAnew) {
  CardScene scene;
  scene.start();
  ASSERT_TRUE(scene.transmit(kManageChannel));
  const auto session = scene.carrier.card_access().session;
  scene.modem.reset();
  EXPECT_EQ(kind_of(scene.transmit(kManageChannel)), Kind::Restarted) << "that channel belongs to a session that is new";
  EXPECT_NE(scene.carrier.card_access().session, session);
}

TEST(AtModemCard, ALineThatBreaksIsAnError) {
  CardScene scene;
  scene.start();
  const auto session = scene.carrier.card_access().session;
  scene.modem.silent = true;
  EXPECT_FALSE(scene.transmit(kManageChannel));
  scene.carrier.line_closed(scene.now, "unplugged");
  scene.pump();
  ASSERT_EQ(scene.apdus.size(), 1u);
  EXPECT_EQ(scene.apdus[0].response.error().kind, Kind::Restarted);
  EXPECT_EQ(scene.apdus[0].response.error().reason, "the line to the modem broke: unplugged");
  EXPECT_EQ(scene.carrier.card_access().state, State::NotYet);
  EXPECT_NE(scene.carrier.card_access().session, session);
}

TEST(AtModemCard, ACardThatIsTakenOut) {
  CardScene scene;
  scene.start();
  scene.modem.answers[command_of(kManageChannel)] = "";
  EXPECT_FALSE(scene.transmit(kManageChannel));
  scene.modem.sim = "+CME ERROR: 10";
  scene.say("+CPIN: NOT INSERTED");
  ASSERT_EQ(scene.apdus.size(), 1u);
  EXPECT_EQ(scene.apdus[0].response.error().kind, Kind::NoCard);
  scene.run(kBoot + seconds(1));
  EXPECT_EQ(scene.carrier.card_access().state, State::Absent);
  scene.modem.sim = "SIM PIN";
  scene.run(kSimPoll);
  EXPECT_EQ(scene.carrier.card_access().state, State::Locked);
  scene.modem.sim = "READY";
  scene.modem.answers.clear();
  scene.run(kSimPoll);
  EXPECT_EQ(scene.carrier.card_access().state, State::Usable);
  EXPECT_TRUE(scene.transmit(kManageChannel)->has_value());
}

TEST(AtModemCard, ACommandOutlivesRoutingThatIsTurnedOnAgain) {
  CardScene scene;
  scene.start();
  scene.modem.answers["AT+CNMA"] = "ERROR";
  const std::size_t before = scene.modem.commands.size();
  scene.modem.say("+CMT: ,33\r\n" + std::string(kPdu));
  const auto answer = scene.transmit(kManageChannel);
  ASSERT_TRUE(answer && *answer);
  EXPECT_GE(scene.modem.commands.size(), before + 2);
}

TEST(AtModemCard, AModemForItsCardAloneIsLeftAsItIs) {
  ModemSettings settings;
  settings.card_only = true;
  CardScene scene(std::move(settings));
  scene.modem.answers["AT+CMGF=0"] = "ERROR";
  scene.modem.stored["SM"] = {{1, "0,,33 " + std::string(kPdu)}};
  scene.start();
  EXPECT_EQ(scene.carrier.state(), "used for its card alone");
  EXPECT_FALSE(scene.carrier.is_ready()) << "not for short messages";
  EXPECT_TRUE(scene.transmit(kManageChannel)->has_value());
  scene.say("+CMT: ,33\r\n" + std::string(kPdu));
  scene.say("+CMTI: \"SM\",1");
  scene.submit(1);
  scene.run(minutes(30));
  EXPECT_EQ(scene.modem.stored["SM"].size(), 1u) << "somebody else's";
  EXPECT_TRUE(scene.delivered.empty());
  EXPECT_EQ(scene.modem.acknowledged, 0u);
  ASSERT_EQ(scene.reports.size(), 1u);
  EXPECT_EQ(scene.reports[0].reason, "the modem is used for its card alone");
  for (const std::string& command : scene.modem.commands) {
    const bool harmless = command == "AT" || command == "ATE0" || command == "AT+CMEE=1" || command == "AT+CPIN?" ||
                          command == "AT+CREG?" || command == command_of(kManageChannel);
    EXPECT_TRUE(harmless) << command;
  }
  EXPECT_GE(scene.modem.count("AT+CREG?"), 25u) << "the sign of life";
  scene.modem.silent = true;
  scene.run(minutes(10));
  EXPECT_TRUE(scene.carrier.wants_line_closed());
}

}  // namespace
}  // namespace drover::sms::modem
