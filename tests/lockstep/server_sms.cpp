// SPDX-License-Identifier: Apache-2.0
// The SMS binding in exact bytes, seen from a device: Transport "Update Trigger Mechanism", Figure 10, "SMS Binding";
// Core Table 8.
#include <map>

#include "tests/lockstep/server_peer.hpp"

namespace drover::lockstep {
namespace {

using lwm2m::Path;
using lwm2m::Status;
using server::EventKind;
using server::NoAnswer;
using server::OperationSettings;
using server::OperationState;
using server::Way;
using std::chrono::minutes;
using std::chrono::seconds;
using transport::Kind;

class Numbers final : public server::SmsDirectory {
 public:
  std::optional<Kind> kind_for(std::string_view msisdn) const override {
    const auto found = kinds.find(std::string(msisdn));
    return found == kinds.end() ? std::nullopt : std::optional(found->second);
  }
  bool may_be(std::string_view msisdn, std::string_view endpoint) const override {
    return msisdn == "12345678" && endpoint == "node1";
  }
  bool operates_without_security() const override { return operates; }
  std::map<std::string, Kind> kinds = {{"12345678", Kind::Sms}};
  bool operates = true;
};

class ServerSms : public ServerTest {
 protected:
  const PeerAddress number_ = *PeerAddress::sms("12345678");

  ServerSms() { begin("UQS"); }

  void begin(std::string_view binding, server::Policy policy = {}, std::string_view links = "</1/0>,</3/0>",
             std::size_t shards = 1) {
    sms_ = &numbers_;
    start(std::move(policy), shards);
    location_ = register_with(device_, binding, links);
    expect_event(EventKind::Registered, "node1");
  }
  /// Figure 10: POST /rd?ep=node1&b=UQS&sms=12345678
  std::string register_with(const PeerAddress& from, std::string_view binding, std::string_view links) {
    const std::string id = next_id();
    const std::string query = "b=" + std::string(binding);
    say(from, wire("41 02" + id + "A1 | B2 'rd' | 11 28 | 38 'ep=node1' | 08 'lt=86400'") +
                  Bytes{static_cast<std::uint8_t>(query.size())} + to_bytes(query) +
                  wire("0C 'sms=12345678' | 09 'lwm2m=1.0' | FF") + to_bytes(links));
    return expect_created(hear(from), id, "A1");
  }
  void update() {
    const std::string id = next_id();
    say(wire("41 02" + id + "A2 | B2 'rd' | 0B '" + location_ + "'"));
    expect(wire("61 44" + id + "A2"));
  }
  void fall_asleep() { pass(seconds(94)); }
  void read(std::uint64_t ticket, OperationSettings settings = {}) {
    shard().operate(now(), server::Ticket{ticket}, "node1", lwm2m::Read{Path(3, 0, 0), lwm2m::format::kText, false},
                    settings);
  }
  Heard expect_sms(std::string_view code, const Bytes& rest, int type = 0) {
    const Heard heard = cut(hear(number_));
    EXPECT_EQ(heard.type, type);
    EXPECT_EQ(heard.code, code);
    EXPECT_EQ(to_hex(heard.rest), to_hex(rest));
    return heard;
  }
  Heard expect_trigger(char instance = '0') {
    return expect_sms("0.02", wire("B1 '1' 01 '" + std::string(1, instance) + "' 01 '8'"));
  }
  void answer_sms(const Heard& request, std::string_view code, std::string_view rest = "", std::size_t index = 0) {
    say(number_,
        wire("6" + std::to_string(request.token.size() / 2) + std::string(code) + request.id + request.token) +
            wire(rest),
        index);
  }
  Heard expect_read() { return expect_request("0.01", wire("B1 '3' 01 '0' 01 '0' | 60")); }

  Numbers numbers_;
  std::string location_;
};

TEST_F(ServerSms, TransportFigure10ATriggerBySmsMakesTheDeviceComeForWhatWaits) {
  fall_asleep();
  read(1);
  EXPECT_TRUE(shard().poll_progress()->triggered);
  answer_sms(expect_trigger(), "44");  // 2.04 by SMS
  expect_silence();                    // it is heard over UDP with its Update
  update();
  answer(expect_read(), "45", "C0 | FF 'Drover'");
  EXPECT_EQ(as_text(expect_outcome(Status::Content, 1).payload), "Drover");
  EXPECT_EQ(shard().counters().triggers, 1U);
  EXPECT_EQ(shard().counters().triggers_failed, 0U);
}

TEST_F(ServerSms, OneTriggerIsEnoughForAllThatWaits) {
  fall_asleep();
  read(1);
  answer_sms(expect_trigger(), "44");
  read(2);
  expect_silence();
  pass(minutes(10));
  read(3);  // it hasn't come: once more
  expect_trigger();
}

TEST_F(ServerSms, WithoutAnAnswerATriggerIsNotRepeated) {
  fall_asleep();
  read(1);
  expect_trigger();
  pass(minutes(9));
  expect_silence();
  EXPECT_EQ(shard().counters().triggers_failed, 1U);
  EXPECT_EQ(result(), std::nullopt) << "the operation waits for the next Update";
}

// The sleeping world with seed 7: a queue that was looked after for ever.
TEST_F(ServerSms, ATriggerMayOutliveWhatItWasSentFor) {
  fall_asleep();
  read(1);
  const Heard trigger = expect_trigger();
  EXPECT_TRUE(shard().cancel_operation(now(), "node1", server::Ticket{1}));
  expect_no_answer(NoAnswer::Cancelled);
  pass(minutes(1));
  answer_sms(trigger, "44");
  pass(minutes(1));
  EXPECT_EQ(shard().counters().queued, 0U);
  read(2);
  expect_silence();  // it has been triggered a minute ago
  update();
  expect_read();
}

TEST_F(ServerSms, CoreTable8UqtIsTriggeredWithoutAnAnswer) {
  begin("UQT");
  fall_asleep();
  read(1);
  expect_sms("0.02", wire("B1 '1' 01 '0' 01 '8'"), 1);
  pass(minutes(9));
  expect_silence();
  EXPECT_EQ(shard().counters().triggers_failed, 0U);
  update();
  expect_read();
}

TEST_F(ServerSms, TheServersInstanceIsFoundByTrying) {
  begin("UQS", {}, "</1/0>,</1/2>,</3/0>");
  fall_asleep();
  read(1);
  answer_sms(expect_trigger('0'), "81");  // 4.01: another server's
  answer_sms(expect_trigger('2'), "44");
  expect_silence();
}

TEST_F(ServerSms, ATriggerIsNotSent) {
  const auto asleep_and_asked = [&](OperationSettings settings = {}) {
    fall_asleep();
    read(1, settings);
    expect_silence();
  };
  OperationSettings quiet;
  quiet.trigger = false;
  asleep_and_asked(quiet);  // where the caller doesn't want it
  server::Policy policy;
  policy.trigger = false;
  begin("UQS", policy);
  asleep_and_asked();
  begin("UQ");  // where the binding doesn't have it
  asleep_and_asked();
  numbers_.kinds.clear();  // where there is no way to that number
  begin("UQS");
  asleep_and_asked();
}

TEST_F(ServerSms, CoreTable8UsAnswersComeTheWayOfTheRequest) {
  begin("US");
  OperationSettings sms;
  sms.way = Way::Sms;
  read(1, sms);
  const auto sent = shard().poll_progress();
  EXPECT_EQ(sent->state, OperationState::Sent);
  EXPECT_EQ(sent->way, Way::Sms);
  answer_sms(expect_sms("0.01", wire("B1 '3' 01 '0' 01 '0' | 60")), "45", "C0 | FF 'Drover'");
  expect_outcome(Status::Content, 1);
  read(2);
  answer(expect_read(), "45", "C0 | FF 'Drover'");
  expect_outcome(Status::Content, 2);
}

TEST_F(ServerSms, AnOperationThatNobodyAnsweredOverUdpIsSentBySms) {
  begin("US");
  read(1);
  expect_read();
  pass(seconds(94));
  Bytes last;
  PeerAddress to;
  while (const auto transmit = shard().poll_transmit()) {
    last = transmit->bytes;
    to = transmit->to;
  }
  EXPECT_EQ(to, number_);
  answer_sms(cut(last), "45", "C0 | FF 'Drover'");
  expect_outcome(Status::Content, 1);
  EXPECT_EQ(shard().counters().fallbacks, 1U);
}

TEST_F(ServerSms, WithoutAWayToTheNumberItSaysSo) {
  numbers_.kinds.clear();
  OperationSettings sms;
  sms.way = Way::Sms;
  read(1, sms);
  expect_no_answer(NoAnswer::Unreachable);
}

// Transport "SMS Channel Security": without security short messages are for triggering, as all else is protected over UDP.
TEST_F(ServerSms, WithoutSecurityATriggerGoesAndNoOperation) {
  numbers_.operates = false;
  OperationSettings sms;
  sms.way = Way::Sms;
  read(1, sms);
  expect_no_answer(NoAnswer::Unreachable);
  fall_asleep();
  read(2);
  expect_trigger();

  begin("US");
  read(3);
  expect_read();
  pass(seconds(94));
  expect_no_answer(NoAnswer::Timeout, 3);
  EXPECT_EQ(shard().counters().fallbacks, 0U);
  while (const auto transmit = shard().poll_transmit()) EXPECT_NE(transmit->to, number_);

  numbers_.kinds["12345678"] = Kind::SmsPacket;
  read(4, sms);
  EXPECT_FALSE(hear(number_.as(Kind::SmsPacket)).empty());
}

TEST_F(ServerSms, ANumbersExchangesAreInOneShardWhereverItsDeviceIs) {
  const std::size_t home = server::sms_home("12345678", 4);
  ASSERT_NE(home, 0U);
  begin("UQS", {}, "</1/0>,</3/0>", 4);
  fall_asleep();
  read(1);
  expect_silence(0);
  carry_mail();
  const Heard trigger = cut(hear(number_, home));
  EXPECT_EQ(trigger.code, "0.02");
  answer_sms(trigger, "81", "", home);
  EXPECT_EQ(shard(0).counters().triggers_failed, 0U);
  carry_mail();
  EXPECT_EQ(shard(0).counters().triggers_failed, 1U);
}

TEST_F(ServerSms, TransportSmsBindingADeviceMayRegisterBySms) {
  location_ = register_with(number_, "S", "</1/0>,</3/0>");
  EXPECT_EQ(shard().device("node1")->address, number_);
  read(1);
  answer_sms(expect_sms("0.01", wire("B1 '3' 01 '0' 01 '0' | 60")), "45", "C0 | FF 'Drover'");
  expect_outcome(Status::Content, 1);
  OperationSettings udp;
  udp.way = Way::Udp;
  read(2, udp);
  expect_no_answer(NoAnswer::Unreachable, 2);
}

// The sleeping world with seed 3001: it was sent again, behind what was asked later.
TEST_F(ServerSms, WhatNobodyAnsweredBySmsIsNotSentBySmsAgain) {
  location_ = register_with(number_, "S", "</1/0>,</3/0>");
  read(1);
  expect_sms("0.01", wire("B1 '3' 01 '0' 01 '0' | 60"));
  pass(minutes(10));
  expect_silence();
  expect_no_answer(NoAnswer::Timeout);
  EXPECT_EQ(shard().counters().fallbacks, 0U);
}

TEST_F(ServerSms, CoreTable8SqWaitsForADeviceThatSleepsBySms) {
  location_ = register_with(number_, "SQ", "</1/0>,</3/0>");
  pass(minutes(5));  // as long as our own client is awake there
  read(1);
  expect_silence();
  const std::string id = next_id();
  say(number_, wire("41 02" + id + "A2 | B2 'rd' | 0B '" + location_ + "'"));
  EXPECT_EQ(to_hex(hear(number_)), to_hex(wire("61 44" + id + "A2")));
  expect_sms("0.01", wire("B1 '3' 01 '0' 01 '0' | 60"));
}

TEST_F(ServerSms, WhoeverHasTheKeysOfANumberIsItsEndpointAlone) {
  const PeerAddress secured = number_.as(Kind::SmsPacket);
  const auto try_as = [&](std::string_view endpoint) {
    const std::string id = next_id();
    say(secured, wire("41 02" + id + "A1 | B2 'rd' | 11 28 | 38 '" + std::string(endpoint) +
                      "' | 08 'lt=86400' | 03 'b=S' | 09 'lwm2m=1.0' | FF '</1/0>,</3/0>'"));
    return cut(hear(secured)).code;
  };
  EXPECT_EQ(try_as("ep=node2"), "4.00");
  EXPECT_EQ(try_as("ep=node1"), "2.01");
}

TEST_F(ServerSms, AnOperationBySmsEndsOnceWhenItsRegistrationDoes) {
  OperationSettings sms;
  sms.way = Way::Sms;
  read(1, sms);
  const Heard request = expect_sms("0.01", wire("B1 '3' 01 '0' 01 '0' | 60"));
  const std::string id = next_id();
  say(wire("41 04" + id + "A3 | B2 'rd' | 0B '" + location_ + "'"));
  expect(wire("61 42" + id + "A3"));
  expect_no_answer(NoAnswer::Gone);
  answer_sms(request, "45", "C0 | FF 'late'");
  EXPECT_EQ(result(), std::nullopt);
}

}  // namespace
}  // namespace drover::lockstep
