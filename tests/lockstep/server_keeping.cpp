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

}  // namespace
}  // namespace drover::lockstep
