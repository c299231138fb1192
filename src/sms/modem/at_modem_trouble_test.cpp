// SPDX-License-Identifier: Apache-2.0
// SIMs, networks and modems that don't do what they should.
#include <gtest/gtest.h>

#include "sms/modem/at_modem.hpp"
#include "sms/modem/test_modem.hpp"

namespace drover::sms::modem {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

ModemSettings with_pin(std::string pin) {
  ModemSettings settings;
  settings.pin = Secret<std::string>(std::move(pin));
  return settings;
}

// ---- the SIM

TEST(AtModemSim, ThePinIsEnteredWhenTheSimAsks) {
  Scene scene(with_pin("1234"));
  scene.modem.sim = "SIM PIN";
  scene.start();
  scene.run(kBoot);
  EXPECT_EQ(scene.modem.count("AT+CPIN=\"1234\""), 1u);
  EXPECT_TRUE(scene.carrier.is_ready());
  // A reset locks the SIM again; a PIN that was right may be entered again.
  scene.modem.reset();
  scene.modem.sim = "SIM PIN";
  scene.say("RDY");
  scene.run(kBoot * 3);
  EXPECT_EQ(scene.modem.count("AT+CPIN=\"1234\""), 2u);
  EXPECT_TRUE(scene.carrier.is_ready());
}

TEST(AtModemSim, AWrongPinIsNeverTriedAgain) {
  Scene scene(with_pin("9999"));
  scene.modem.sim = "SIM PIN";
  scene.modem.tries = "";
  scene.start();
  scene.run(hours(1));
  for (int i = 0; i < 3; ++i) {
    scene.carrier.line_closed(scene.now, "unplugged");
    scene.run(kReopenMax);
    scene.modem.reset();
    scene.open();
    scene.run(minutes(10));
  }
  EXPECT_EQ(scene.modem.count("AT+CPIN=\"9999\""), 1u);
  EXPECT_FALSE(scene.carrier.is_ready());
  EXPECT_EQ(scene.carrier.state(), "waiting for the SIM's PIN: the configured one was tried, once");
  EXPECT_EQ(scene.carrier.state().find("9999"), std::string::npos);
  scene.modem.sim = "READY";  // somebody entered it
  scene.run(kSimPoll);
  EXPECT_TRUE(scene.carrier.is_ready());
}

TEST(AtModemSim, APinWhoseFateIsUnknownIsNotTriedAgain) {
  Scene scene(with_pin("1234"));
  scene.modem.sim = "SIM PIN";
  scene.modem.answers["AT+CPIN=\"1234\""] = "";
  scene.start();
  scene.run(hours(1));
  EXPECT_EQ(scene.modem.count("AT+CPIN=\"1234\""), 1u);
}

TEST(AtModemSim, NoPinIsTriedOnASimThatCountedWrongOnes) {  // 3GPP TS 27.007 §8.65
  Scene scene(with_pin("1234"));
  scene.modem.sim = "SIM PIN";
  scene.modem.tries = "2,3";
  scene.start();
  scene.run(minutes(10));
  EXPECT_EQ(scene.modem.count("AT+CPIN=\"1234\""), 0u);
  EXPECT_EQ(scene.carrier.state(),
            "waiting for the SIM's PIN: the configured one isn't tried, since the SIM counts wrong ones");
}

TEST(AtModemSim, APinThatIsNoneNeverLeaves) {
  for (const auto* pin : {"12", "123456789", "1234\"\rAT+CFUN=0", "abcd"}) {
    Scene scene(with_pin(pin));
    scene.modem.sim = "SIM PIN";
    scene.start();
    scene.run(minutes(1));
    for (const auto& command : scene.modem.commands) EXPECT_FALSE(command.starts_with("AT+CPIN=")) << command;
    EXPECT_EQ(scene.carrier.state(), "waiting for the SIM's PIN: the configured one isn't 4 to 8 digits");
  }
}

TEST(AtModemSim, StatesOfTheSim) {
  const std::pair<const char*, const char*> cases[] = {{"SIM PUK", "the SIM is locked and wants its PUK"},
                                                       {"+CME ERROR: 10", "there is no SIM"},
                                                       {"+CME ERROR: 11", "waiting for the SIM's PIN"},
                                                       {"+CME ERROR: 14", "the SIM isn't ready"},
                                                       {"PH-NET PIN", "the SIM or the modem wants another code"}};
  for (const auto& [said, state] : cases) {
    Scene scene;
    scene.modem.sim = said;
    scene.start();
    EXPECT_EQ(scene.carrier.state(), state) << said;
    scene.modem.sim = "READY";
    scene.say("+CPIN: READY");
    EXPECT_TRUE(scene.carrier.is_ready()) << "a notice is enough";
  }
  Scene without;
  without.modem.answers["AT+CPIN?"] = "ERROR";
  without.start();
  EXPECT_TRUE(without.carrier.is_ready()) << "a modem that knows no SIM";
}

TEST(AtModemSim, ABusySimIsWaitedFor) {
  Scene scene;
  scene.modem.answers["AT+CNMI=2,2,0,0,0"] = "+CMS ERROR: 314";
  scene.start();
  EXPECT_FALSE(scene.carrier.is_ready());
  scene.modem.answers.clear();
  scene.run(kSimPoll);
  EXPECT_TRUE(scene.carrier.is_ready());
  EXPECT_EQ(scene.modem.count("AT+CNMI=1,2,0,0,0"), 0u);
  // And one that goes away is asked for again.
  scene.modem.sim = "NOT INSERTED";
  scene.say("+CPIN: NOT INSERTED");
  scene.run(kBoot);
  EXPECT_EQ(scene.carrier.state(), "there is no SIM");
}

// ---- the network

TEST(AtModemNetwork, WaitsForRegistration) {
  Scene scene;
  scene.modem.registration = "1,2";
  scene.start();
  EXPECT_EQ(scene.carrier.state(), "searching for a network");
  scene.submit(1);
  EXPECT_TRUE(scene.modem.sent.empty());
  scene.modem.registration = "1,5,\"00C3\",\"1A2B\"";
  scene.say("+CREG: 5,\"00C3\",\"1A2B\"");
  EXPECT_EQ(scene.carrier.state(), "registered with a network, roaming");
  EXPECT_EQ(scene.modem.sent.size(), 1u);
  scene.modem.registration = "1,3";
  scene.run(kAlivePoll);
  EXPECT_EQ(scene.carrier.state(), "the network denies the registration");
  EXPECT_FALSE(scene.carrier.is_ready());
}

TEST(AtModemNetwork, LteAloneIsEnough) {  // 3GPP TS 27.007 §10.1.22
  Scene scene;
  scene.modem.registration = "0,0";
  scene.modem.packet_registration = "0,1";
  scene.start();
  EXPECT_TRUE(scene.carrier.is_ready());
}

TEST(AtModemNetwork, TriesAgainUntilTheSubmissionIsNoLongerValid) {
  Scene scene;
  scene.start();
  scene.modem.send_results = std::vector<std::string>(100, "+CMS ERROR: 42");
  scene.submit(1, minutes(5));
  EXPECT_TRUE(scene.reports.empty());
  scene.run(minutes(5) - seconds(1));
  EXPECT_TRUE(scene.reports.empty());
  const auto tries = scene.modem.count("AT+CMGS=17");
  EXPECT_GE(tries, 5u);
  EXPECT_LE(tries, 8u) << "the wait doubles";
  EXPECT_EQ(scene.carrier.counters().retried, tries - 1);
  scene.run(seconds(1));
  ASSERT_EQ(scene.reports.size(), 1u);
  EXPECT_EQ(scene.reports[0].what, Report::What::Failed);
  EXPECT_EQ(scene.reports[0].reason, "not sent while it was valid: +CMS ERROR 42");
  EXPECT_EQ(scene.carrier.counters().failed, 1u);
}

TEST(AtModemNetwork, ANetworkInTroubleIsNotAskedForEachMessage) {
  Scene scene;
  scene.start();
  scene.modem.send_results = {"+CMS ERROR: 38"};
  for (std::uint64_t id = 1; id <= 20; ++id) scene.submit(id);
  EXPECT_EQ(scene.modem.count("AT+CMGS=17"), 1u);
  scene.run(kRetryFirst);
  EXPECT_EQ(scene.modem.sent.size(), 20u);
  for (std::size_t i = 0; i < scene.reports.size(); ++i) EXPECT_EQ(scene.reports[i].id.value, i + 1) << "in order";
}

TEST(AtModemNetwork, OneThatCannotBeReachedDoesNotHoldTheOthers) {
  Scene scene;
  scene.start();
  scene.modem.send_results = {"+CMS ERROR: 27"};
  scene.submit(1);
  scene.submit(2);
  ASSERT_EQ(scene.reports.size(), 1u);
  EXPECT_EQ(scene.reports[0].id.value, 2u);
  scene.run(kRetryFirst);
  EXPECT_EQ(scene.reports.size(), 2u);
}

TEST(AtModemNetwork, WhatWillNeverBeTakenFailsAtOnce) {
  Scene scene;
  scene.start();
  scene.modem.send_results = {"+CMS ERROR: 1", "+CMS ERROR: 304", "+CME ERROR: 50"};
  for (std::uint64_t id = 1; id <= 3; ++id) scene.submit(id);
  ASSERT_EQ(scene.reports.size(), 3u);
  EXPECT_EQ(scene.reports[0].reason, "+CMS ERROR 1");
  EXPECT_EQ(scene.reports[1].reason, "+CMS ERROR 304");
  EXPECT_EQ(scene.reports[2].reason, "+CME ERROR 50");
  scene.carrier.submit(scene.now, {{4}, {"+49", 0, 4, false, {}}, minutes(5)});
  scene.carrier.submit(scene.now, {{5}, {"49", 0, 4, false, Bytes(141)}, minutes(5)});
  scene.carrier.submit(scene.now, {{6}, {"49", 0, 8, false, {}}, minutes(5)});
  scene.pump();
  EXPECT_EQ(scene.reports.size(), 6u);
  EXPECT_EQ(scene.carrier.counters().failed, 6u);
}

TEST(AtModemNetwork, ARefusalWithoutAReasonIsTriedThreeTimes) {
  Scene scene;
  scene.start();
  scene.modem.send_results = std::vector<std::string>(10, "ERROR");
  scene.submit(1);
  scene.run(minutes(4));
  ASSERT_EQ(scene.reports.size(), 1u);
  EXPECT_EQ(scene.reports[0].reason, "ERROR");
  EXPECT_EQ(scene.modem.send_results.size(), 10u - kUnexplainedMax);
}

TEST(AtModemNetwork, Remedies) {  // 3GPP TS 27.005 §3.2.5
  const auto cms = [](int code) { return remedy_of({ModemError::Kind::Cms, code}); };
  for (const int code : {38, 41, 42, 47, 192, 194, 331, 332}) EXPECT_EQ(cms(code), Remedy::Later) << code;
  for (const int code : {1, 8, 10, 21, 28, 30, 50, 69, 96, 111, 193, 195, 303, 304, 305}) {
    EXPECT_EQ(cms(code), Remedy::None) << code;
  }
  for (const int code : {27, 500, 512, 60000, -1}) EXPECT_EQ(cms(code), Remedy::LaterOnce) << code;
  for (const int code : {310, 311, 313, 314, 316}) EXPECT_EQ(cms(code), Remedy::Sim) << code;
  EXPECT_EQ(remedy_of({ModemError::Kind::Cme, 30}), Remedy::Later);
  EXPECT_EQ(remedy_of({ModemError::Kind::Cme, 14}), Remedy::Sim);
  EXPECT_EQ(parse_final("+CMS ERROR: network out of order")->error, (ModemError{ModemError::Kind::Cms, -1}));
  EXPECT_FALSE(parse_final("OKAY"));
}

// ---- the modem

TEST(AtModemHang, AModemThatNeverAnswersGetsItsLineOpenedAgain) {
  Scene scene;
  scene.modem.silent = true;
  scene.start();
  scene.run(minutes(1));
  EXPECT_EQ(scene.modem.count("AT"), kSilencesMax);
  EXPECT_TRUE(scene.carrier.wants_line_closed());
  EXPECT_EQ(scene.carrier.state(), "the modem doesn't answer");
  scene.carrier.line_closed(scene.now, "it didn't answer");
  EXPECT_FALSE(scene.carrier.wants_line_closed());
  EXPECT_FALSE(scene.carrier.wants_line());
  EXPECT_EQ(scene.carrier.state(), "the line is closed: it didn't answer");
  scene.run(kReopenFirst);
  EXPECT_TRUE(scene.carrier.wants_line());
  scene.modem.silent = false;
  scene.start();
  EXPECT_TRUE(scene.carrier.is_ready());
  EXPECT_EQ(scene.carrier.counters().restarts, 1u);
}

TEST(AtModemHang, ALineThatCannotBeOpenedIsTriedMoreSeldom) {
  Scene scene;
  std::vector<Duration> waits;
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(scene.carrier.wants_line());
    const Instant from = scene.now;
    scene.carrier.line_closed(scene.now, "no such device");
    while (!scene.carrier.wants_line()) scene.run(seconds(1));
    waits.push_back(scene.now - from);
  }
  EXPECT_EQ(waits.front(), kReopenFirst);
  EXPECT_EQ(waits.back(), kReopenMax);
  EXPECT_EQ(scene.carrier.counters().restarts, 0u);
}

TEST(AtModemHang, AMessageWithoutAnAnswerIsSentAgain) {
  Scene scene;
  scene.start();
  scene.modem.send_results = {"-"};
  scene.submit(1);
  scene.run(kSendTimeout);
  EXPECT_EQ(scene.modem.escapes, 2u) << "one at the start, one for a prompt that may be open";
  scene.run(kRetryFirst + seconds(5));
  ASSERT_EQ(scene.reports.size(), 1u);
  EXPECT_EQ(scene.reports[0].what, Report::What::Taken);
  EXPECT_TRUE(scene.carrier.is_ready());
}

TEST(AtModemHang, ALateAnswerIsNotTakenForAnothers) {
  Scene scene;
  scene.start();
  scene.modem.answers["AT+CMGS=17"] = "";  // no prompt
  scene.submit(1);
  scene.run(kPromptTimeout);
  scene.modem.answers.clear();
  scene.say("+CMS ERROR: 1");
  EXPECT_TRUE(scene.reports.empty());
  scene.say("> ");
  EXPECT_TRUE(scene.reports.empty());
  scene.run(seconds(20));
  ASSERT_EQ(scene.reports.size(), 1u);
  EXPECT_EQ(scene.reports[0].what, Report::What::Taken);
}

TEST(AtModemHang, AnOkWithoutAReferenceIsNoSuccess) {
  Scene scene;
  scene.start();
  scene.modem.send_results = {"\r\nOK"};
  scene.submit(1);
  EXPECT_TRUE(scene.reports.empty());
  scene.run(seconds(20));
  EXPECT_EQ(scene.reports.size(), 1u);
  EXPECT_EQ(scene.modem.sent.size(), 1u);
}

TEST(AtModemHang, AModemThatSaysThatItBeganIsSetUpAgain) {
  Scene scene;
  scene.start();
  scene.modem.send_results = {"-"};
  scene.submit(1);
  scene.modem.reset();
  scene.say("RDY");
  EXPECT_FALSE(scene.carrier.is_ready());
  EXPECT_EQ(scene.carrier.counters().restarts, 1u);
  scene.run(seconds(20));
  EXPECT_TRUE(scene.carrier.is_ready());
  EXPECT_EQ(scene.modem.count("AT+CNMI=2,2,0,0,0"), 2u);
  EXPECT_EQ(scene.reports.size(), 1u);
}

TEST(AtModemHang, AResetInSilenceShowsByTheEcho) {
  Scene scene;
  scene.start();
  scene.modem.reset();
  scene.submit(1);
  ASSERT_EQ(scene.reports.size(), 1u) << "it was sent all the same";
  EXPECT_EQ(scene.reports[0].what, Report::What::Taken);
  EXPECT_FALSE(scene.carrier.is_ready());
  scene.run(seconds(20));
  EXPECT_TRUE(scene.carrier.is_ready());
  EXPECT_EQ(scene.modem.count("ATE0"), 2u);
  EXPECT_EQ(scene.carrier.counters().restarts, 1u);
}

TEST(AtModemHang, AnEchoThatStaysIsNoReset) {
  Scene scene;
  scene.modem.answers["ATE0"] = "OK";  // and goes on
  scene.start();
  scene.run(minutes(10));
  EXPECT_TRUE(scene.carrier.is_ready());
  EXPECT_EQ(scene.carrier.counters().restarts, 0u);
}

TEST(AtModemHang, AMissedAcknowledgementTurnsRoutingOnAgain) {  // 3GPP TS 27.005 §3.4.4
  Scene scene;
  scene.start();
  scene.modem.answers["AT+CNMA"] = "+CMS ERROR: 332";
  scene.say("+CMT: ,33\r\n00040C919471101100100004621122219293000E4402B60B2161FB63B13101300138");
  EXPECT_EQ(scene.modem.count("AT+CNMI=2,2,0,0,0"), 2u);
  EXPECT_TRUE(scene.carrier.is_ready());
  EXPECT_EQ(scene.delivered.size(), 1u);
}

TEST(AtModemHang, SubmissionsOutliveALineThatBreaks) {
  Scene scene;
  scene.start();
  scene.modem.send_results = {"-"};
  scene.submit(1);
  scene.submit(2);
  scene.carrier.line_closed(scene.now, "unplugged");
  EXPECT_TRUE(scene.reports.empty());
  scene.run(kReopenFirst);
  EXPECT_TRUE(scene.carrier.wants_line());
  scene.modem.reset();
  scene.start();
  scene.run(seconds(10));
  EXPECT_EQ(scene.reports.size(), 2u);
  EXPECT_EQ(scene.carrier.counters().restarts, 1u);
}

TEST(AtModemHang, SubmissionsEndWhileTheLineIsClosed) {
  Scene scene;
  scene.submit(1);
  scene.submit(2, minutes(10));
  scene.run(minutes(7));
  ASSERT_EQ(scene.reports.size(), 1u);
  EXPECT_EQ(scene.reports[0].reason, "not sent while it was valid: the line isn't open yet");
  scene.carrier.line_closed(scene.now, "no such device");
  scene.run(minutes(7));
  ASSERT_EQ(scene.reports.size(), 2u);
  EXPECT_EQ(scene.reports[1].reason, "not sent while it was valid: the line is closed: no such device");
}

TEST(AtModemHang, RefusesPduModeForAWhile) {
  Scene scene;
  scene.modem.answers["AT+CMGF=0"] = "ERROR";
  scene.start();
  EXPECT_EQ(scene.carrier.state(), "the modem refuses PDU mode: ERROR");
  scene.modem.answers.clear();
  scene.run(kSimPoll);
  EXPECT_TRUE(scene.carrier.is_ready());
}

TEST(AtModemHang, ALineThatLosesEverythingNeverStopsTheTimers) {
  Scene scene;
  scene.start();
  scene.drops = true;
  scene.submit(1, hours(1));
  for (int i = 0; i < 100; ++i) {
    scene.run(minutes(1));
    if (scene.carrier.wants_line_closed()) scene.carrier.line_closed(scene.now, "hung");
    if (scene.carrier.wants_line()) scene.open();
  }
  ASSERT_EQ(scene.reports.size(), 1u);
  EXPECT_EQ(scene.reports[0].what, Report::What::Failed);
}

}  // namespace
}  // namespace drover::sms::modem
