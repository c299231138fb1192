// SPDX-License-Identifier: Apache-2.0
// What outlives the server's process, and what it refuses while nothing can be kept.
#include "tests/lockstep/server_peer.hpp"

namespace drover::lockstep {
namespace {

using lwm2m::Path;
using lwm2m::Status;
using server::EventKind;
using std::chrono::seconds;

class ServerKeeping : public ServerTest {
 protected:
  std::size_t records() {
    std::size_t count = 0;
    while (shard().poll_record()) ++count;
    return count;
  }
  Heard observe(std::uint64_t ticket = 1) {
    shard().operate(now(), server::Ticket{ticket}, "node1", lwm2m::Observe{Path(4, 0, 2), lwm2m::format::kText, false});
    return expect_request("0.01", wire("60 | 51 '4' 01 '0' 01 '2' | 60"));
  }
};

TEST_F(ServerKeeping, AnUpdateThatChangesNothingCostsOneSmallRecord) {
  const std::string location = register_device("node1", device_);
  EXPECT_EQ(records(), 1U);
  say(wire("41 02 2001 A2 | B2 'rd' | 0B '" + location + "'"));
  const auto record = shard().poll_record();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->key.kind(), server::RecordKind::Update);
  EXPECT_LE(record->value.reveal().size(), 16U);
  EXPECT_EQ(records(), 0U);
  hear();
  say(wire("41 02 2002 A2 | B2 'rd' | 0B '" + location + "' | 46 'lt=300'"));
  EXPECT_EQ(shard().poll_record()->key.kind(), server::RecordKind::Update) << "it was 300 before";
  say(wire("41 02 2003 A2 | B2 'rd' | 0B '" + location + "' | 46 'lt=400'"));
  EXPECT_EQ(shard().poll_record()->key.kind(), server::RecordKind::Registration);
}

TEST_F(ServerKeeping, ARepetitionAndAReadChangeNothing) {
  const std::string location = register_device("node1", device_);
  records();
  const Bytes update = wire("41 02 2001 A2 | B2 'rd' | 0B '" + location + "'");
  say(update);
  records();
  say(update);
  shard().operate(now(), server::Ticket{1}, "node1", lwm2m::Read{Path(3, 0, 0), {}, {}});
  EXPECT_EQ(records(), 0U);
}

TEST_F(ServerKeeping, ARegistrationStandsAgainUnderItsLocationAndItsObservationsGoOn) {
  const std::string location = register_device("node1", device_);
  const Heard request = observe();
  answer(request, "45", "60 | 60 | FF '80'");
  pass(seconds(100));
  kill_and_restart();
  const auto view = shard().device("node1");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->registration, "rd/" + location);
  EXPECT_EQ(view->expires_at, kUnixStart + 300);
  ASSERT_EQ(shard().observations("node1")->size(), 1U);
  EXPECT_EQ(event(), std::nullopt) << "nobody registered";
  say(wire("4" + std::to_string(request.token.size() / 2) + "45 0051" + request.token + "61 05 | 60 | FF '81'"));
  expect(wire("60 00 0051"));
  EXPECT_EQ(expect_event(EventKind::Notification, "node1").path, Path(4, 0, 2));
  pass(seconds(199));
  EXPECT_TRUE(shard().has("node1"));
  pass(seconds(2));
  EXPECT_FALSE(shard().has("node1"));
  kill_and_restart();
  EXPECT_FALSE(shard().has("node1"));
}

TEST_F(ServerKeeping, AnObservationThatWasBeingRestoredIsAskedForByTheNextProcess) {
  register_device("node1", device_);
  answer(observe(), "45", "60 | 60 | FF '80'");
  register_device("node1", device_);
  expect_request("0.01", wire("60 | 51 '4' 01 '0' 01 '2' | 60"));  // and the process ends before the answer
  kill_and_restart();
  expect_request("0.01", wire("60 | 51 '4' 01 '0' 01 '2' | 60"));
}

TEST_F(ServerKeeping, WhatIsObservedOfADeviceThatIsAwaySurvives) {
  register_device("node1", device_);
  answer(observe(), "45", "60 | 60 | FF '80'");
  pass(seconds(301));
  kill_and_restart();
  kill_and_restart();
  register_device("node1", device_);
  expect_request("0.01", wire("60 | 51 '4' 01 '0' 01 '2' | 60"));
}

TEST_F(ServerKeeping, WhileNothingCanBeKeptDevicesAreToldSoAndNothingChanges) {
  const std::string location = register_device("node1", device_);
  records();
  shard().set_refusing(true);
  for (const std::string_view message : {"41 04 2001 A2 | B2 'rd' | 0B '", "41 02 2002 A2 | B2 'rd' | 0B '"}) {
    say(wire(std::string(message) + location + "'"));
    EXPECT_EQ(hear()[1], 0xA3) << "5.03 Service Unavailable";
  }
  say(elsewhere_, wire("41 02 2003 A1 | B2 'rd' | 11 28 | 38 'ep=node2' | FF '</3/0>'"));
  EXPECT_EQ(hear(elsewhere_)[1], 0xA3);
  EXPECT_EQ(records(), 0U);
  EXPECT_TRUE(shard().has("node1"));
  EXPECT_FALSE(shard().has("node2"));
  shard().set_refusing(false);
  say(wire("41 02 2004 A2 | B2 'rd' | 0B '" + location + "'"));
  EXPECT_EQ(hear()[1], 0x44);
}

TEST_F(ServerKeeping, WhatOperationsTellOfResourcesIsLearned) {
  register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  shard().operate(now(), server::Ticket{1}, "node1", lwm2m::Read{Path(3, 0, 0), lwm2m::format::kText, false});
  answer(expect_request("0.01", wire("B1 '3' 01 '0' 01 '0' | 60")), "45", "C0 | FF 'Drover'");
  shard().operate(now(), server::Ticket{2}, "node1",
                  lwm2m::Write{Path(3, 0, 14), lwm2m::Write::Mode::Replace, lwm2m::format::kText, to_bytes("+1")});
  answer(expect_request("0.03", wire("B1 '3' 01 '0' 02 '14' | 10 | FF '+1'")), "44");
  shard().operate(now(), server::Ticket{3}, "node1", lwm2m::Read{Path(3, 0, 1), lwm2m::format::kText, false});
  answer(expect_request("0.01", wire("B1 '3' 01 '0' 01 '1' | 60")), "84");
  const auto all = learned();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].how, "read");
  EXPECT_EQ(all[0].path, Path(3, 0, 0));
  EXPECT_EQ(as_text(all[0].outcome->payload), "Drover");
  EXPECT_EQ(all[1].how, "write");
  EXPECT_EQ(as_text(all[1].outcome->payload), "+1");
  EXPECT_EQ(all[1].outcome->format, lwm2m::format::kText);
}

// ---- watched, and held back

TEST_F(ServerKeeping, ATraceHasWhatADeviceAndTheServerSayFromItsRegisterOn) {
  ASSERT_TRUE(shard().trace(now(), "node1", std::chrono::minutes(10)));
  EXPECT_TRUE(shard().traced("node1", 0, 100)->messages.empty());
  const std::string location = register_device("node1", device_);
  register_device("node2", elsewhere_);
  say(wire("41 02 2001 A2 | B2 'rd' | 0B '" + location + "'"));
  hear();
  const auto view = shard().traced("node1", 0, 100);
  ASSERT_TRUE(view);
  ASSERT_EQ(view->messages.size(), 4U) << "Register, 2.01, Update, 2.04, and nothing of another device";
  EXPECT_TRUE(view->messages[0].uplink);
  EXPECT_EQ(view->messages[0].bytes[1], 0x02);
  EXPECT_FALSE(view->messages[1].uplink);
  EXPECT_EQ(view->messages[1].bytes[1], 0x41);
  EXPECT_EQ(view->messages[3].bytes[1], 0x44);
  EXPECT_EQ(view->messages[3].address, device_);
  EXPECT_EQ(shard().traced("node1", 2, 1)->messages.at(0).number, 3U);
  EXPECT_FALSE(shard().traced("node2", 0, 100));
  pass(std::chrono::minutes(4));
  register_device("node1", elsewhere_);
  EXPECT_EQ(shard().traced("node1", 4, 100)->messages.size(), 2U) << "it registers from somewhere else";
  pass(std::chrono::minutes(7));
  register_device("node1", device_);
  EXPECT_EQ(shard().traced("node1", 6, 100)->messages.size(), 0U) << "the time is over";
  EXPECT_TRUE(shard().stop_trace("node1"));
  EXPECT_FALSE(shard().stop_trace("node1"));
}

TEST_F(ServerKeeping, TracesAreBoundedInDevicesAndMessages) {
  using server::Traces;
  for (std::size_t i = 0; i < Traces::kDevicesMax; ++i) {
    EXPECT_TRUE(shard().trace(now(), "n" + std::to_string(i), std::chrono::minutes(10)));
  }
  EXPECT_FALSE(shard().trace(now(), "node1", std::chrono::minutes(10)));
  pass(std::chrono::minutes(71));
  EXPECT_TRUE(shard().trace(now(), "node1", std::chrono::hours(24))) << "old ones are forgotten";
  register_device("node1", device_);
  for (std::size_t i = 0; i < Traces::kMessagesMax; ++i) {
    say(wire("40 00") + Bytes{static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)});
    pass(std::chrono::milliseconds(200));
  }
  const auto view = shard().traced("node1", 0, 5000);
  EXPECT_EQ(view->messages.size(), Traces::kMessagesMax);
  EXPECT_GT(view->lost_through, 0U);
}

TEST_F(ServerKeeping, WhoSendsTooMuchIsNotHeardAndDisturbsNobody) {
  server::Policy policy;
  policy.datagrams_per_second = 10;
  policy.datagrams_burst = 20;
  start(policy);
  const std::string location = register_device("node1", device_);
  int answers = 0;
  for (int i = 0; i < 1000; ++i) {
    say(elsewhere_, wire("40 00") + Bytes{static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)});
    while (shard().poll_transmit()) ++answers;  // an empty CON gets a Reset (RFC 7252 §4.3)
  }
  EXPECT_EQ(answers, 20);
  EXPECT_EQ(shard().counters().limited, 980U);
  say(wire("41 02 2001 A2 | B2 'rd' | 0B '" + location + "'"));
  EXPECT_EQ(hear()[1], 0x44);
  pass(seconds(1));
  say(elsewhere_, wire("40 00 7001"));
  EXPECT_TRUE(shard().poll_transmit());
}

}  // namespace
}  // namespace drover::lockstep
