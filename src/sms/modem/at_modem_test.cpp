// SPDX-License-Identifier: Apache-2.0
// 3GPP TS 27.005 and 27.007 between the carrier and a modem of the test's.
#include "sms/modem/at_modem.hpp"

#include <gtest/gtest.h>

#include "sms/modem/test_modem.hpp"

namespace drover::sms::modem {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// The trigger of Transport App. L from +491701110001, as Kannel's AT driver takes it (33 octets).
constexpr std::string_view kPdu = "00040C919471101100100004621122219293000E4402B60B2161FB63B13101300138";
// "hellohello" from 27838890001 behind an SMSC's address (28 octets).
constexpr std::string_view kText = "07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37";
const ShortMessage kTrigger{"491701110001", 0, 4, false, *from_hex("4402B60B2161FB63B13101300138")};

std::string routed(std::string_view pdu = kPdu, int length = 33) {
  return "+CMT: ," + std::to_string(length) + "\r\n" + std::string(pdu);
}
std::string stored(std::string_view pdu = kPdu, int length = 33) {
  return "0,," + std::to_string(length) + " " + std::string(pdu);
}
std::string stored_to_be_sent() {
  return "3,,19 00110005912143F5000400086444B60B2161FB63";
}
using Commands = std::vector<std::string>;

TEST(AtModem, SetsTheModemUpInOrder) {
  Scene scene;
  EXPECT_TRUE(scene.carrier.wants_line());
  EXPECT_EQ(scene.carrier.state(), "the line isn't open yet");
  scene.open();
  EXPECT_EQ(scene.carrier.state(), "looking for the modem");
  EXPECT_FALSE(scene.carrier.wants_line());
  scene.run(seconds(1));
  EXPECT_EQ(scene.modem.commands,
            (Commands{"AT", "ATE0", "AT+CMEE=1", "AT+CPIN?", "AT+CMGF=0", "AT+CSMS=1", "AT+CNMI=2,2,0,0,0",
                      "AT+CREG=1", "AT+CREG?", "AT+CPMS=\"SM\"", "AT+CMGL=4", "AT+CPMS=\"ME\"", "AT+CMGL=4"}));
  EXPECT_TRUE(scene.carrier.is_ready());
  EXPECT_EQ(scene.carrier.state(), "registered with the network");
  EXPECT_EQ(scene.modem.escapes, 1u) << "the modem may have been left at a prompt";
}

TEST(AtModem, SendsBehindThePrompt) {  // 3GPP TS 27.005 §4.3
  Scene scene;
  scene.start();
  scene.carrier.submit(scene.now, {{7}, {"12345", 0, 4, false, *from_hex("6444B60B2161FB63")}, minutes(5)});
  scene.pump();
  EXPECT_EQ(scene.modem.commands.back(), "AT+CMGS=19");
  EXPECT_EQ(scene.modem.sent, Commands{"00110005812143F5000400086444B60B2161FB63"});
  ASSERT_EQ(scene.reports.size(), 1u);
  EXPECT_EQ(scene.reports[0].id.value, 7u);
  EXPECT_EQ(scene.reports[0].what, Report::What::Taken);
  EXPECT_EQ(scene.carrier.counters().sent, 1u);
}

TEST(AtModem, HearsWhateverTheChunks) {
  for (const std::size_t chunk : {1U, 2U, 3U, 7U}) {
    Scene scene;
    scene.chunk = chunk;
    scene.start();
    scene.submit(1);
    scene.say(routed());
    EXPECT_EQ(scene.delivered, std::vector{kTrigger}) << chunk;
    EXPECT_EQ(scene.reports.size(), 1u) << chunk;
  }
}

TEST(AtModem, NoticesMayComeAnywhereAndTheEchoMayStay) {
  Scene scene;
  scene.modem.answers["ATE0"] = "ERROR";
  scene.modem.before_prompt = "\r\n" + routed() + "\r\n\r\nRING\r\n";
  scene.start();
  scene.submit(1);
  EXPECT_EQ(scene.modem.sent.size(), 1u);
  EXPECT_EQ(scene.delivered, std::vector{kTrigger});
  EXPECT_EQ(scene.modem.acknowledged, 1u);
  EXPECT_EQ(scene.carrier.counters().malformed, 0u);
  EXPECT_EQ(scene.carrier.counters().restarts, 0u);
}

TEST(AtModem, AcknowledgesWhatIsRoutedInPhaseTwoPlusAlone) {  // 3GPP TS 27.005 §3.4.4
  Scene scene;
  scene.start();
  scene.say(routed());
  scene.say(routed());
  EXPECT_EQ(scene.delivered.size(), 2u);
  EXPECT_EQ(scene.modem.acknowledged, 2u);
  Scene old;
  old.modem.answers["AT+CSMS=1"] = "ERROR";
  old.start();
  EXPECT_EQ(old.modem.count("AT+CSMS=0"), 1u);
  old.say(routed());
  EXPECT_EQ(old.delivered.size(), 1u);
  EXPECT_EQ(old.modem.count("AT+CNMA"), 0u);
}

TEST(AtModem, ADamagedPduIsAskedForAgain) {  // AT+CNMA=2: the network tries again
  Scene scene;
  scene.start();
  scene.say(routed(kPdu.substr(0, 40)));
  scene.say("+CMT: ,33");
  scene.say("+CREG: 1");
  EXPECT_EQ(scene.modem.count("AT+CNMA=2"), 2u);
  EXPECT_EQ(scene.modem.count("AT+CNMA"), 0u);
  EXPECT_EQ(scene.carrier.counters().malformed, 2u);
  scene.say(routed());
  EXPECT_EQ(scene.delivered.size(), 1u);
}

TEST(AtModem, TextIsDroppedAndDeleted) {
  Scene scene;
  scene.modem.stored["SM"] = {{1, stored(kText, 28)}, {2, stored()}, {3, stored_to_be_sent()}};
  scene.start();
  EXPECT_EQ(scene.delivered, std::vector{kTrigger});
  EXPECT_EQ(scene.carrier.counters().foreign, 1u);
  EXPECT_EQ(scene.carrier.counters().received, 1u);
  EXPECT_EQ(scene.modem.stored["SM"].size(), 1u) << "what was stored to be sent is somebody's";
  scene.say(routed(kText, 28));
  // "Drover" in letters as the sender.
  scene.say(routed("00040BD044F9DB5E960300046211222192930001AA", 20));
  EXPECT_EQ(scene.delivered.size(), 1u);
  EXPECT_EQ(scene.carrier.counters().foreign, 3u);
  EXPECT_EQ(scene.modem.acknowledged, 2u);
}

TEST(AtModem, ReadsAndDeletesWhatANoticeNames) {  // 3GPP TS 27.005 §3.4.1: +CMTI
  Scene scene;
  scene.start();
  scene.modem.stored["SM"] = {{3, stored()}};
  scene.modem.stored["ME"] = {{9, stored()}};
  scene.say("+CMTI: \"SM\",3");
  scene.say("+CMTI: \"ME\",9");
  EXPECT_EQ(scene.delivered.size(), 2u);
  EXPECT_TRUE(scene.modem.stored["SM"].empty() && scene.modem.stored["ME"].empty());
  scene.say("+CMTI: \"SM\",4");
  scene.say("+CMTI: \"SM;+X\",4");
  scene.say("+CMTI: 5");
  EXPECT_EQ(scene.delivered.size(), 2u);
  EXPECT_EQ(scene.carrier.counters().malformed, 2u) << "an empty place isn't malformed";
}

TEST(AtModem, WhatCannotBeDeletedIsDeliveredOnce) {
  Scene scene;
  scene.modem.stored["SM"] = {{1, stored()}};
  scene.modem.answers["AT+CMGD=1"] = "+CMS ERROR: 320";
  scene.start();
  scene.run(kSweepEvery * 3);
  EXPECT_EQ(scene.delivered.size(), 1u);
  EXPECT_GE(scene.modem.count("AT+CMGD=1"), 3u);
  scene.modem.answers.clear();
  scene.run(kSweepEvery);
  EXPECT_TRUE(scene.modem.stored["SM"].empty());
  scene.modem.stored["SM"] = {{1, stored()}};
  scene.run(kSweepEvery);
  EXPECT_EQ(scene.delivered.size(), 2u) << "the same words in the same place are a new message once it was empty";
}

TEST(AtModem, ANoticeThatGotLostIsFoundBySweeping) {
  Scene scene;
  scene.start();
  scene.modem.stored["SM"] = {{1, stored()}};
  scene.run(kSweepEvery);
  EXPECT_EQ(scene.delivered.size(), 1u);
}

TEST(AtModem, RoutingFallsBack) {
  Scene scene;
  scene.modem.answers["AT+CNMI=2,2,0,0,0"] = "ERROR";
  scene.modem.answers["AT+CNMI=1,2,0,0,0"] = "+CMS ERROR: 303";
  scene.start();
  EXPECT_EQ(scene.modem.count("AT+CNMI=2,1,0,0,0"), 1u);
  EXPECT_TRUE(scene.carrier.is_ready());
  Scene none;
  for (const auto* routing : {"2,2", "1,2", "2,1", "1,1"}) {
    none.modem.answers[std::string("AT+CNMI=") + routing + ",0,0,0"] = "ERROR";
  }
  none.start();
  EXPECT_TRUE(none.carrier.is_ready());
  none.modem.stored["SM"] = {{1, stored()}};
  none.run(kSweepOften);
  EXPECT_EQ(none.delivered.size(), 1u) << "without notices the storage is looked at often";
}

TEST(AtModem, OneStorageAndNoWayToChoose) {
  Scene scene;
  scene.modem.storages.clear();
  scene.modem.stored["SM"] = {{1, stored()}};
  scene.start();
  EXPECT_EQ(scene.delivered.size(), 1u);
  EXPECT_TRUE(scene.modem.stored["SM"].empty());
}

TEST(AtModem, StatusReportsSayWhatBecameOfAMessage) {
  ModemSettings settings;
  settings.status_reports = true;
  Scene scene(settings);
  scene.modem.answers["AT+CNMI=2,2,0,1,0"] = "ERROR";
  scene.start();
  EXPECT_EQ(scene.modem.count("AT+CNMI=1,2,0,1,0"), 1u);
  scene.submit(41);
  scene.submit(42);
  ASSERT_EQ(scene.modem.sent.size(), 2u);
  EXPECT_EQ(scene.modem.sent[0].substr(0, 4), "0031") << "TP-SRR";
  ASSERT_EQ(scene.reports.size(), 2u);
  const auto report = [](std::string_view reference, std::string_view status) {
    return "+CDS: 25\r\n0006" + std::string(reference) + "0C91947110110010" + "62112221929300" + "62112221039300" +
           std::string(status);
  };
  scene.say(report("02", "20"));
  EXPECT_EQ(scene.reports.size(), 2u) << "still trying";
  scene.say(report("02", "46"));
  scene.say(report("01", "00"));
  scene.say(report("01", "00"));
  ASSERT_EQ(scene.reports.size(), 4u);
  EXPECT_EQ(scene.reports[2].id.value, 42u);
  EXPECT_EQ(scene.reports[2].what, Report::What::Lost);
  EXPECT_EQ(scene.reports[2].reason, "TP-ST 70");
  EXPECT_EQ(scene.reports[3].id.value, 41u);
  EXPECT_EQ(scene.reports[3].what, Report::What::Delivered);
  EXPECT_EQ(scene.modem.acknowledged, 4u);
}

TEST(AtModem, GarbageIsBounded) {
  Scene scene;
  scene.start();
  scene.modem.say_raw(std::string(5'000'000, 'A') + "\r\n");
  scene.modem.say_raw("\xFF\xFE\x80 noise\r\n\0\1\2\r\n");
  scene.say("+CMGL: x");
  scene.say("+CDS: 99\r\n00");
  scene.say("NO CARRIER");
  scene.say("OK");
  scene.say(routed());
  EXPECT_EQ(scene.delivered.size(), 1u);
  EXPECT_EQ(scene.carrier.counters().malformed, 3u);
  EXPECT_TRUE(scene.carrier.is_ready());
  scene.submit(1);
  EXPECT_EQ(scene.modem.sent.size(), 1u);
}

TEST(AtModem, QueuesAreBounded) {
  Scene scene;
  scene.start();
  scene.modem.registration = "0,2";
  scene.say("+CREG: 2");
  EXPECT_EQ(scene.carrier.state(), "searching for a network");
  for (std::size_t i = 0; i <= kSubmissionsMax; ++i) scene.submit(i + 1);
  ASSERT_EQ(scene.reports.size(), 1u);
  EXPECT_EQ(scene.reports[0].reason, "queue full");
  EXPECT_EQ(scene.reports[0].id.value, kSubmissionsMax + 1);
  std::string flood;
  for (std::size_t i = 0; i < kDeliveriesMax + 5; ++i) flood += "\r\n" + routed() + "\r\n";
  scene.carrier.line_received(scene.now, as_bytes(flood));
  scene.pump();
  EXPECT_EQ(scene.delivered.size(), kDeliveriesMax);
  EXPECT_EQ(scene.modem.acknowledged, kDeliveriesMax);
  EXPECT_EQ(scene.modem.count("AT+CNMA=2"), 5u) << "the network keeps them";
}

}  // namespace
}  // namespace drover::sms::modem
