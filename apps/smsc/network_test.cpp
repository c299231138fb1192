// SPDX-License-Identifier: Apache-2.0
#include "network.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "test_network.hpp"
#include "trace.hpp"

namespace drover::smsc {
namespace {

TEST_F(NetworkTest, BothWays) {
  start();
  start_esme();
  prepare();
  EXPECT_EQ(send(), "\r\n+CMGS: 1\r\n\r\nOK\r\n");
  const auto delivery = esme_->poll_delivery();
  ASSERT_TRUE(delivery.has_value());
  EXPECT_EQ(delivery->msisdn, kDevice);
  EXPECT_EQ(to_hex(delivery->user_data), "6444b60b2161fb63");

  submit(*from_hex("4402b60b2161fb63b13101300138"));
  const std::string shown = said();
  EXPECT_NE(shown.find("\r\n+CMT: ,30\r\n00"), std::string::npos) << shown;
  EXPECT_NE(shown.find("0E4402B60B2161FB63B13101300138\r\n"), std::string::npos) << shown;
  EXPECT_EQ(count(Event::What::Deliver), 1U);
  EXPECT_EQ(at("AT+CNMA"), "\r\nOK\r\n");
  EXPECT_EQ(count(Event::What::Deliver), 2U);
  EXPECT_EQ(at("AT+CNMA"), "\r\n+CMS ERROR: 340\r\n");
}

TEST_F(NetworkTest, ModemToModem) {
  start();
  prepare();
  at("AT+CNMI=2,2", 1);
  EXPECT_EQ(at("AT+CMGS=22"), "\r\n> ");
  // Status report wanted (TP-SRR), to 491701110002, 8 octets.
  const std::string report = at("0031000C9194711011002000040008" "3132333435363738", 0, "\x1A");
  const std::string other = said(1);
  EXPECT_NE(other.find("+CMT:"), std::string::npos) << other;
  EXPECT_NE(report.find("+CDS: "), std::string::npos) << report;
}

TEST_F(NetworkTest, NobodyHasTheNumber) {
  start();
  prepare();
  EXPECT_EQ(at("AT+CMGS=19"), "\r\n> ");
  EXPECT_EQ(at("00110005919999F9000400086444B60B2161FB63", 0, "\x1A"), "\r\n+CMS ERROR: 1\r\n");
  start_esme();
  esme_->submit(now_, {sms::SubmissionId{1}, {"4999", 0, 4, false, {1}}, 1h});
  settle();
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_EQ(reports_[0].reason, "ESME_RINVDSTADR");
}

TEST_F(NetworkTest, WaitsForAnAbsentModemAndGivesUpInTime) {
  start();
  start_esme(true);
  prepare("2,2,0,0,0");
  ASSERT_TRUE(network_->command(now_, std::string("off ") + kDevice).has_value());
  EXPECT_NE(at("AT+CREG?").find(",2"), std::string::npos);
  submit({1}, 0, 4, 10min);
  submit({2}, 0, 4, 1h);
  wait(15min);
  EXPECT_EQ(count(Event::What::Expired), 1U);
  EXPECT_EQ(reports_.back().what, sms::Report::What::Lost);
  EXPECT_EQ(reports_.back().reason, "EXPIRED");
  ASSERT_TRUE(network_->command(now_, std::string("on ") + kDevice).has_value());
  settle();
  EXPECT_NE(said().find("+CMT:"), std::string::npos);
  at("AT+CNMA");
  EXPECT_EQ(reports_.back().what, sms::Report::What::Delivered);
  EXPECT_EQ(reports_.back().id, sms::SubmissionId{2});
}

TEST_F(NetworkTest, WaitsForAnAbsentEsme) {
  start();
  prepare();
  send();
  start_esme();
  EXPECT_TRUE(esme_->poll_delivery().has_value());
}

TEST_F(NetworkTest, WhatALineBreaksOffComesAgain) {
  start();
  start_esme();
  ASSERT_TRUE(network_->command(now_, "drop drover").has_value());
  EXPECT_FALSE(network_->has(session_));
  prepare();
  send();
  EXPECT_FALSE(esme_->poll_delivery().has_value());
  esme_->line_closed(now_, "closed");
  wait(1min);
  connect();
  EXPECT_TRUE(esme_->poll_delivery().has_value());
  EXPECT_FALSE(network_->command(now_, "drop nobody").has_value());
}

TEST_F(NetworkTest, AWrongPasswordIsRefused) {
  start();
  start_esme(false, "wrong");
  EXPECT_FALSE(esme_->is_ready());
  EXPECT_NE(esme_->state().find("ESME_RINVPASWD"), std::string::npos);
  EXPECT_EQ(network_->sessions(), 0U);
}

TEST_F(NetworkTest, Throttled) {
  SessionSettings sessions;
  sessions.submits_per_second = 2;
  start({}, sessions);
  start_esme();
  for (std::uint8_t i = 0; i < 6; ++i) submit({i});
  EXPECT_LT(reports_.size(), 6U);
  wait(1min);
  EXPECT_EQ(reports_.size(), 6U);
  EXPECT_GE(esme_->counters().retried, 1U);
}

TEST_F(NetworkTest, StoredWhereTheHostIsntToldAtOnce) {
  start();
  start_esme();
  prepare("2,1,0,0,0");
  submit({0xAA});
  EXPECT_EQ(said(), "\r\n+CMTI: \"SM\",1\r\n");
  EXPECT_EQ(at("AT+CPMS?"), "\r\n+CPMS: \"SM\",1,2,\"SM\",1,2,\"SM\",1,2\r\n\r\nOK\r\n");
  EXPECT_NE(at("AT+CMGR=1").find("+CMGR: 0,,17\r\n00"), std::string::npos);
  EXPECT_NE(at("AT+CMGL=4").find("+CMGL: 1,1,,17\r\n00"), std::string::npos);
  EXPECT_EQ(at("AT+CMGL=0"), "\r\nOK\r\n");
  EXPECT_EQ(at("AT+CMGR=7"), "\r\n+CMS ERROR: 321\r\n");
  submit({0xBB});
  submit({0xCC});  // no room: the network tries again
  EXPECT_EQ(count(Event::What::Retried), 1U);
  said();
  EXPECT_EQ(at("AT+CMGD=1"), "\r\nOK\r\n");
  wait(10s);
  EXPECT_EQ(said(), "\r\n+CMTI: \"SM\",1\r\n");
}

TEST_F(NetworkTest, Class2IsForTheSimWhateverTheRouting) {
  start();
  start_esme();
  prepare("2,2,0,0,0");
  submit({0xAA}, sms::kPidUsimDataDownload, sms::kDcs8BitClass2);
  EXPECT_EQ(said(), "\r\n+CMTI: \"SM\",1\r\n");
}

TEST_F(NetworkTest, AHostThatDoesntAcknowledgeGetsNoMore) {
  start();
  start_esme();
  prepare("2,2,0,0,0");
  submit({1});
  EXPECT_NE(said().find("+CMT:"), std::string::npos);
  submit({2});
  EXPECT_EQ(said(), "");
  wait(1min);
  EXPECT_EQ(at("AT+CNMI?").substr(0, 18), "\r\n+CNMI: 2,0,0,0,0");
  EXPECT_EQ(count(Event::What::Deliver), 2U);  // stored
}

TEST_F(NetworkTest, DeclinedComesAgain) {
  start();
  start_esme();
  prepare("2,2,0,0,0");
  submit({1});
  said();
  EXPECT_EQ(at("AT+CNMA=2"), "\r\nOK\r\n");
  wait(6s);
  EXPECT_NE(said().find("+CMT:"), std::string::npos);
}

TEST_F(NetworkTest, AResetModemHasForgottenItsSettings) {
  start();
  start_esme();
  prepare("2,2,0,0,0");
  at("AT+CMGS=19");
  ASSERT_TRUE(network_->command(now_, std::string("reset ") + kDevice).has_value());
  EXPECT_EQ(said(), "\r\nRDY\r\n");
  EXPECT_EQ(at("AT"), "AT\r\r\nOK\r\n");  // echo again, and no prompt
  EXPECT_EQ(at("AT+CNMI?"), "AT+CNMI?\r\r\n+CNMI: 0,0,0,0,0\r\n\r\nOK\r\n");
}

TEST_F(NetworkTest, AHungModemSaysNothing) {
  start();
  start_esme();
  prepare("2,2,0,0,0");
  ASSERT_TRUE(network_->command(now_, std::string("hang ") + kDevice).has_value());
  EXPECT_EQ(at("AT"), "");
  submit({1});
  EXPECT_EQ(said(), "");
  ASSERT_TRUE(network_->command(now_, std::string("resume ") + kDevice).has_value());
  EXPECT_NE(said().find("+CMT:"), std::string::npos);
  EXPECT_FALSE(network_->command(now_, "hang 999").has_value());
  EXPECT_FALSE(network_->command(now_, std::string("explode ") + kDevice).has_value());
}

TEST_F(NetworkTest, ThePinIsAskedFor) {
  start({}, {}, "1234");
  at("ATE0");
  at("AT+CMEE=1");
  EXPECT_EQ(at("AT+CPIN?"), "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
  EXPECT_EQ(at("AT+CMGL=4"), "\r\n+CMS ERROR: 311\r\n");
  EXPECT_EQ(at("AT+CPIN=\"0000\""), "\r\n+CME ERROR: 16\r\n");
  EXPECT_EQ(at("AT+CPINR=\"SIM PIN\""), "\r\n+CPINR: SIM PIN,2,3\r\n\r\nOK\r\n");
  EXPECT_EQ(at("AT+CPIN=\"1234\""), "\r\nOK\r\n");
  EXPECT_EQ(at("AT+CPIN?"), "\r\n+CPIN: READY\r\n\r\nOK\r\n");
}

TEST_F(NetworkTest, PromptsAndWrongPdus) {
  start();
  prepare();
  EXPECT_EQ(at("AT+CMGS=19"), "\r\n> ");
  EXPECT_EQ(at("0011", 0, "\x1B"), "\r\nOK\r\n");
  EXPECT_EQ(at("AT+CMGS=18"), "\r\n> ");
  EXPECT_EQ(at("00110005912143F5000400086444B60B2161FB63", 0, "\x1A"), "\r\n+CMS ERROR: 304\r\n");
  EXPECT_EQ(at("AT+CMGS=999"), "\r\n+CMS ERROR: 304\r\n");
  EXPECT_EQ(at("AT+NONSENSE"), "\r\n+CME ERROR: 100\r\n");
  EXPECT_EQ(at("garbage"), "");
}

// ---- the network's faults

TEST_F(NetworkTest, FixedDelayKeepsTheOrder) {
  Faults faults;
  faults.delay_min = faults.delay_max = 3s;
  start(faults);
  start_esme();
  for (std::uint8_t i = 0; i < 10; ++i) submit({i});
  EXPECT_EQ(count(Event::What::Deliver), 0U);
  prepare("2,1,0,0,0");
  at("AT+CSMS=0");
  at("AT+CNMI=2,2");
  wait(2999ms);
  EXPECT_EQ(said(), "");
  wait(1ms);
  EXPECT_EQ(count(Event::What::Deliver), 10U);
  std::uint8_t next = 0;
  for (const Event& event : events_) {
    if (event.what != Event::What::Deliver) continue;
    EXPECT_EQ(event.message.data.octets, Bytes{next++});
  }
}

TEST_F(NetworkTest, LosesRepeatsAndReordersAsTheSeedSays) {
  const auto run = [this](std::uint64_t seed) {
    rng_ = SplitMix(seed);
    events_.clear();
    Faults faults;
    faults.loss = 100;
    faults.duplicate = 200;
    faults.reorder = 300;
    start(faults);
    start_esme();
    prepare("2,2,0,0,0");
    at("AT+CSMS=0");
    for (int i = 0; i < 1000; ++i) submit({static_cast<std::uint8_t>(i)});
    wait(1min);
    std::vector<std::uint64_t> delivered;
    for (const Event& event : events_) {
      if (event.what == Event::What::Deliver) delivered.push_back(event.id.value);
    }
    EXPECT_EQ(delivered.size(), 1000 - count(Event::What::Lost) + count(Event::What::Duplicated));
    return delivered;
  };
  const auto first = run(1);
  EXPECT_GT(count(Event::What::Lost), 50U);
  EXPECT_LT(count(Event::What::Lost), 200U);
  EXPECT_GT(count(Event::What::Duplicated), 100U);
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  now_ = Instant{};
  EXPECT_EQ(run(1), first);
  EXPECT_NE(run(2), first);
}

TEST_F(NetworkTest, TracesWithoutUserDataUnlessAsked) {
  start();
  start_esme();
  prepare();
  esme_->submit(now_, {sms::SubmissionId{1}, {kDevice, 0, 4, true, *from_hex("0500032a0302ff")}, 1h});
  settle();
  ASSERT_FALSE(events_.empty());
  const std::string line = event_line(events_[0], 1204ms, false);
  EXPECT_EQ(line,
            R"({"event":"submit","time":1.204,"id":1,"from":"12345","to":"491701110001","pid":0,"dcs":4,"header":true,)"
            R"("octets":7,"segment":[42,2,3]})");
  EXPECT_NE(event_line(events_[0], 1204ms, true).find(R"("data":"0500032a0302ff")"), std::string::npos);
}

TEST(Smsc, TextIsPackedForModemsAndUnpackedForEsmes) {
  sms::smpp::Message submit;
  submit.destination.digits = kDevice;
  submit.short_message = to_bytes("hellohello");  // 3GPP TS 23.038 §6.1.2.1: E8329BFD4697D9EC37
  const auto message = to_message(submit, {"drover", Secret<std::string>("x"), kService, {}});
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(to_hex(message->data.octets), "e8329bfd4697d9ec37");
  EXPECT_EQ(message->data.septets, 10);
  EXPECT_EQ(to_deliver_sm(*message).short_message, submit.short_message);

  submit.esm_class = sms::smpp::kEsmHeader;
  const Bytes header = *from_hex("050003010201");
  submit.short_message.insert(submit.short_message.begin(), header.begin(), header.end());
  const auto segment = to_message(submit, {"drover", Secret<std::string>("x"), kService, {}});
  ASSERT_TRUE(segment.has_value());
  EXPECT_EQ(segment->data.septets, 17);  // six octets are seven septets with one fill bit
  EXPECT_EQ(to_deliver_sm(*segment).short_message, submit.short_message);
}

TEST(Smsc, ASourceThatIsAnothersIsRefused) {
  sms::smpp::Message submit;
  submit.source.digits = kOther;
  submit.destination.digits = kDevice;
  const auto message = to_message(submit, {"drover", Secret<std::string>("x"), kService, {}});
  ASSERT_FALSE(message.has_value());
  EXPECT_EQ(message.error(), sms::smpp::status::kInvalidSource);
}

}  // namespace
}  // namespace drover::smsc
