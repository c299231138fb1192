// SPDX-License-Identifier: Apache-2.0
// Queue mode in exact bytes, seen from a device: Transport "Queue Mode Operation", Figures 8 and 9; Core Table 8.
#include "tests/lockstep/server_peer.hpp"

namespace drover::lockstep {
namespace {

using lwm2m::Path;
using lwm2m::Status;
using server::EventKind;
using server::NoAnswer;
using server::OperationSettings;
using server::OperationState;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class ServerQueue : public ServerTest {
 protected:
  static constexpr seconds kMaxTransmitWait{93};  ///< RFC 7252 §4.8.2

  ServerQueue() { begin("UQ"); }

  void begin(std::string_view binding, server::Policy policy = {}) {
    start(std::move(policy));
    location_ = register_with(binding);
    expect_event(EventKind::Registered, "node1");
  }
  /// Figure 8: POST /rd?ep=node1&lt=86400&b=UQ
  std::string register_with(std::string_view binding) {
    const std::string id = next_id();
    const std::string query = "b=" + std::string(binding);
    say(wire("41 02" + id + "A1 | B2 'rd' | 11 28 | 38 'ep=node1' | 08 'lt=86400'") +
        Bytes{static_cast<std::uint8_t>(query.size())} + to_bytes(query) + wire("09 'lwm2m=1.0' | FF '</1/0>,</3/0>'"));
    return expect_created(hear(), id, "A1");
  }
  /// POST /rd/{location}, answered 2.04.
  void update() {
    const std::string id = next_id();
    say(wire("41 02" + id + "A2 | B2 'rd' | 0B '" + location_ + "'"));
    expect(wire("61 44" + id + "A2"));
  }
  void fall_asleep() { pass(kMaxTransmitWait + seconds(1)); }
  void read(std::uint64_t ticket, const Path& path = Path(3, 0, 0), OperationSettings settings = {}) {
    shard().operate(now(), server::Ticket{ticket}, "node1", lwm2m::Read{path, lwm2m::format::kText, false}, settings);
  }
  void execute(std::uint64_t ticket, OperationSettings settings = {}) {
    shard().operate(now(), server::Ticket{ticket}, "node1", lwm2m::Execute{Path(3, 0, 4), {}}, settings);
  }
  Heard expect_read(std::string_view resource = "30") {
    return expect_request("0.01", wire("B1 '3' 01 '0' 01" + std::string(resource) + "| 60"));
  }
  void expect_state(std::uint64_t ticket, OperationState state) {
    const auto status = shard().poll_progress();
    if (!status) {
      ADD_FAILURE() << "no news of an operation";
      return;
    }
    EXPECT_EQ(status->id.value, ticket);
    EXPECT_STREQ(to_string(status->state), to_string(state));
  }
  void drain_news() {
    while (shard().poll_progress()) {
    }
    while (event()) {
    }
  }

  std::string location_;
};

TEST_F(ServerQueue, TransportFigure8WhatIsAskedOfASleepingDeviceGoesOutInItsOrderBehindItsUpdate) {
  fall_asleep();
  read(1);
  shard().operate(now(), server::Ticket{2}, "node1",
                  lwm2m::Write{Path(1, 0, 3), lwm2m::Write::Mode::Replace, lwm2m::format::kText, to_bytes("60")});
  pass(hours(1));
  expect_silence();
  EXPECT_EQ(result(), std::nullopt);

  update();  // and then GET /3/0/0
  const Heard first = expect_read();
  expect_silence();  // one after the other: NSTART is 1
  answer(first, "45", "C0 | FF 'Drover'");
  EXPECT_EQ(as_text(expect_outcome(Status::Content, 1).payload), "Drover");
  const Heard second = expect_request("0.03", wire("B1 '1' 01 '0' 01 '3' | 10 | FF '60'"));
  answer(second, "44");
  expect_outcome(Status::Changed, 2);
  expect_silence();
}

TEST_F(ServerQueue, TransportFigure9ANotificationBehindAnUpdateWakesNothingThatIsNotQueued) {
  shard().operate(now(), server::Ticket{1}, "node1", lwm2m::Observe{Path(5, 0), lwm2m::format::kTlv, false});
  const Heard observe = expect_request("0.01", wire("60 | 51 '5' 01 '0' | 62 2D16"));
  answer(observe, "45", "61 01 | 62 2D16 | FF C10300");
  expect_outcome(Status::Content, 1);
  fall_asleep();
  read(2);
  expect_silence();
  update();
  const Heard queued = expect_read();
  // The notification may come before the answer.
  const std::string id = next_id();
  say(wire("4" + std::to_string(observe.token.size() / 2) + "45" + id + observe.token + "| 61 02 | 62 2D16 | FF C10301"));
  EXPECT_EQ(to_hex(hear()), to_hex(wire("60 00" + id)));
  answer(queued, "45", "C0 | FF 'Drover'");
  expect_outcome(Status::Content, 2);
  drain_news();
}

TEST_F(ServerQueue, AnyMessageFromTheDeviceKeepsItAwake) {
  pass(seconds(80));
  read(1);
  answer(expect_read(), "45", "C0 | FF 'a'");
  expect_outcome(Status::Content, 1);
  pass(seconds(80));  // 160 s behind the Register, 80 s behind its answer
  read(2);
  expect_read();
}

TEST_F(ServerQueue, TheCallerIsToldWhatWillHappen) {
  fall_asleep();
  read(1);
  const auto first = shard().poll_progress();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->state, OperationState::Queued);
  EXPECT_EQ(first->ahead, 0U);
  EXPECT_EQ(first->expected_by, kUnixStart + 86400);
  EXPECT_EQ(first->expires_at - first->created_at, 7 * 86400);
  EXPECT_FALSE(first->triggered);
  read(2);
  EXPECT_EQ(shard().poll_progress()->ahead, 1U);
  EXPECT_EQ(shard().device("node1")->queued, 2U);
  EXPECT_EQ(shard().device("node1")->awake_until, kUnixStart + 93);

  EXPECT_EQ(expect_event(EventKind::Operation, "node1").operation->id.value, 1U);
  expect_event(EventKind::Operation, "node1");
  update();
  expect_event(EventKind::Updated, "node1");
  expect_state(1, OperationState::Sent);
  const auto sent = expect_event(EventKind::Operation, "node1");
  EXPECT_EQ(sent.operation->state, OperationState::Sent);
  answer(expect_read(), "45", "C0 | FF 'a'");
  EXPECT_EQ(expect_event(EventKind::Operation, "node1").operation->state, OperationState::Done);
  const auto all = shard().operations("node1");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id.value, 2U);
  EXPECT_EQ(all[0].attempts, 1U);
}

TEST_F(ServerQueue, ToAnAwakeDeviceItGoesAtOnce) {
  read(1);
  expect_state(1, OperationState::Sent);
  expect_read();
  expect_no_event();  // nothing was queued
}

TEST_F(ServerQueue, NothingIsRepeatedToADeviceThatSleepsByNow) {
  pass(seconds(89));
  read(1);
  const Heard request = expect_read();
  pass(seconds(4));  // awake until 93 s behind the Register; the first repetition is due 2 to 3 s behind the request
  const Heard again = expect_read();
  EXPECT_EQ(again.id, request.id);
  pass(hours(2));
  expect_silence();
  EXPECT_EQ(result(), std::nullopt) << "it waits for the next time";
  EXPECT_EQ(shard().counters().requeued, 1U);
  update();
  answer(expect_read(), "45", "C0 | FF 'a'");
  expect_outcome(Status::Content, 1);
}

TEST_F(ServerQueue, WithTooLittleTimeLeftNothingNewIsSent) {
  pass(seconds(92));
  read(1);
  expect_silence();
  EXPECT_EQ(shard().poll_progress()->state, OperationState::Queued);
}

TEST_F(ServerQueue, WhatMeetsASleepingDeviceKeepsItsPlace) {
  read(1);
  read(2, Path(3, 0, 1));
  expect_read();
  for (int i = 0; i < 4; ++i) pass(seconds(30));  // four repetitions, and silence
  while (shard().poll_transmit()) {
  }
  EXPECT_EQ(result(), std::nullopt);
  update();
  answer(expect_read(), "45", "C0 | FF 'a'");
  answer(expect_read("31"), "45", "C0 | FF 'b'");
  EXPECT_EQ(as_text(expect_outcome(Status::Content, 1).payload), "a");
  EXPECT_EQ(as_text(expect_outcome(Status::Content, 2).payload), "b");
}

TEST_F(ServerQueue, AnExecuteWhoseAnswerIsMissingIsNotSentTwiceUnlessItMayBe) {
  execute(1);
  expect_request("0.02", wire("B1 '3' 01 '0' 01 '4'"));
  pass(hours(1));
  while (shard().poll_transmit()) {
  }
  expect_no_answer(NoAnswer::Timeout);

  update();
  OperationSettings always;
  always.redelivery = server::Redelivery::Always;
  execute(2, always);
  expect_request("0.02", wire("B1 '3' 01 '0' 01 '4'"));
  pass(hours(1));
  while (shard().poll_transmit()) {
  }
  EXPECT_EQ(result(), std::nullopt);
  update();
  answer(expect_request("0.02", wire("B1 '3' 01 '0' 01 '4'")), "44");
  expect_outcome(Status::Changed, 2);
}

TEST_F(ServerQueue, AnOperationExpires) {
  fall_asleep();
  OperationSettings soon;
  soon.expires_after = minutes(10);
  read(1, Path(3, 0, 0), soon);
  read(2);
  pass(minutes(10));
  expect_no_answer(NoAnswer::Expired);
  EXPECT_EQ(shard().counters().expired, 1U);
  EXPECT_EQ(shard().counters().queued, 1U);
  update();
  answer(expect_read(), "45", "C0 | FF 'a'");
  expect_outcome(Status::Content, 2);
}

TEST_F(ServerQueue, AnOperationIsTakenBack) {
  fall_asleep();
  read(1);
  read(2);
  EXPECT_TRUE(shard().cancel_operation(now(), "node1", server::Ticket{1}));
  expect_no_answer(NoAnswer::Cancelled);
  EXPECT_FALSE(shard().cancel_operation(now(), "node1", server::Ticket{1}));
  update();
  expect_read();
  // Under way: it isn't repeated, and the next one may go.
  read(3, Path(3, 0, 1));
  EXPECT_TRUE(shard().cancel_operation(now(), "node1", server::Ticket{2}));
  expect_no_answer(NoAnswer::Cancelled, 2);
  expect_read("31");
}

TEST_F(ServerQueue, AQueueIsBounded) {
  server::Policy policy;
  policy.queue_max_per_device = 2;
  begin("UQ", policy);
  fall_asleep();
  read(1);
  read(2);
  read(3);
  expect_no_answer(NoAnswer::QueueFull, 3);
  EXPECT_EQ(shard().operations("node1").size(), 2U);
}

TEST_F(ServerQueue, PayloadsThatWaitAreBounded) {
  server::Policy policy;
  policy.queue_bytes_max = 100;
  begin("UQ", policy);
  fall_asleep();
  const auto write = [&](std::uint64_t ticket) {
    shard().operate(now(), server::Ticket{ticket}, "node1",
                    lwm2m::Write{Path(5, 0, 0), lwm2m::Write::Mode::Replace, lwm2m::format::kOpaque, Bytes(60)});
  };
  write(1);
  write(2);
  expect_no_answer(NoAnswer::QueueFull, 2);
  EXPECT_TRUE(shard().cancel_operation(now(), "node1", server::Ticket{1}));
  expect_no_answer(NoAnswer::Cancelled, 1);
  write(3);
  EXPECT_EQ(result(), std::nullopt);
}

TEST_F(ServerQueue, ANewRegistrationTakesOverWhatWaits) {
  fall_asleep();
  read(1);
  location_ = register_with("UQ");
  answer(expect_read(), "45", "C0 | FF 'a'");
  expect_outcome(Status::Content, 1);
}

TEST_F(ServerQueue, WhatWaitsOutlivesALifetimeThatPassed) {
  fall_asleep();
  read(1);
  pass(hours(25));
  EXPECT_FALSE(shard().has("node1"));
  EXPECT_EQ(result(), std::nullopt);
  EXPECT_EQ(shard().operations("node1").size(), 1U);
  location_ = register_with("UQ");
  answer(expect_read(), "45", "C0 | FF 'a'");
  expect_outcome(Status::Content, 1);
}

TEST_F(ServerQueue, WhatWaitsForADeviceThatNeverComesBackExpires) {
  fall_asleep();
  read(1);
  pass(hours(24 * 7));
  expect_no_answer(NoAnswer::Expired);
  EXPECT_EQ(shard().counters().queued, 0U);
  EXPECT_FALSE(shard().knows("node1"));
}

TEST_F(ServerQueue, ADeviceThatLeavesTakesNothingAlong) {
  fall_asleep();
  read(1);
  const std::string id = next_id();
  say(wire("41 04" + id + "A3 | B2 'rd' | 0B '" + location_ + "'"));
  expect(wire("61 42" + id + "A3"));
  expect_no_answer(NoAnswer::Gone);
}

TEST_F(ServerQueue, WhatMovesToAnotherShardKeepsItsOrder) {
  start({}, 2);
  location_ = register_with("UQ");
  fall_asleep();
  read(1);
  read(2, Path(3, 0, 1));
  const PeerAddress roamed = PeerAddress::v4(0xC0000299, 5683);
  const std::string id = next_id();
  say(roamed, wire("41 02" + id + "A1 | B2 'rd' | 11 28 | 38 'ep=node1' | 08 'lt=86400' | 04 'b=UQ' | 09 'lwm2m=1.0' |"
                   "FF '</1/0>,</3/0>'"), 1);
  expect_created(hear(roamed, 1), id, "A1");
  expect_silence(1);
  carry_mail();
  const Heard first = cut(hear(roamed, 1));
  EXPECT_EQ(to_hex(first.rest), to_hex(wire("B1 '3' 01 '0' 01 '0' | 60")));
  say(roamed, wire("6" + std::to_string(first.token.size() / 2) + "45" + first.id + first.token + "C0 | FF 'a'"), 1);
  const Heard second = cut(hear(roamed, 1));
  EXPECT_EQ(to_hex(second.rest), to_hex(wire("B1 '3' 01 '0' 01 '1' | 60")));
  EXPECT_TRUE(result(1, 1).has_value());
}

TEST_F(ServerQueue, ObservationsAreRestoredBehindWhatWaits) {
  shard().operate(now(), server::Ticket{1}, "node1", lwm2m::Observe{Path(3, 0, 9), lwm2m::format::kText, false});
  answer(expect_request("0.01", wire("60 | 51 '3' 01 '0' 01 '9' | 60")), "45", "61 01 | 60 | FF '80'");
  expect_outcome(Status::Content, 1);
  fall_asleep();
  read(2);
  location_ = register_with("UQ");
  answer(expect_read(), "45", "C0 | FF 'a'");
  expect_outcome(Status::Content, 2);
  answer(expect_request("0.01", wire("60 | 51 '3' 01 '0' 01 '9' | 60")), "45", "61 01 | 60 | FF '81'");
  EXPECT_EQ(shard().observations("node1")->size(), 1U);
}

TEST_F(ServerQueue, ACancellationWaitsToo) {
  shard().operate(now(), server::Ticket{1}, "node1", lwm2m::Observe{Path(3, 0, 9), lwm2m::format::kText, false});
  const Heard observe = expect_request("0.01", wire("60 | 51 '3' 01 '0' 01 '9' | 60"));
  answer(observe, "45", "61 01 | 60 | FF '80'");
  expect_outcome(Status::Content, 1);
  fall_asleep();
  shard().cancel(now(), server::Ticket{2}, "node1", Path(3, 0, 9), server::CancelMode::Get);
  expect_silence();
  update();
  const Heard cancel = expect_request("0.01", wire("61 01 | 51 '3' 01 '0' 01 '9' | 60"));
  EXPECT_EQ(cancel.token, observe.token);
  answer(cancel, "45", "C0 | FF '80'");
  expect_outcome(Status::Content, 2);
  EXPECT_EQ(shard().observations("node1")->size(), 0U);
}

TEST_F(ServerQueue, ADeviceMayStayAwakeForAnotherTime) {
  server::Policy policy;
  policy.awake_times = {{"node*", seconds(20)}};
  begin("UQ", policy);
  pass(seconds(21));
  read(1);
  expect_silence();
}

TEST_F(ServerQueue, CoreTable8WithoutQueueModeNothingWaits) {
  for (const char* binding : {"U", "US"}) {
    begin(binding);
    pass(hours(20));
    read(1);
    expect_read();
  }
}

TEST_F(ServerQueue, AnUpdateMayTurnQueueModeOff) {
  fall_asleep();
  read(1);
  expect_silence();
  const std::string id = next_id();
  say(wire("41 02" + id + "A2 | B2 'rd' | 0B '" + location_ + "' | 43 'b=U'"));
  expect(wire("61 44" + id + "A2"));
  expect_read();
  pass(hours(1));
  while (shard().poll_transmit()) {
  }
  expect_no_answer(NoAnswer::Timeout);
  read(2);
  expect_read();
}

TEST_F(ServerQueue, ALargeBodyKeepsADeviceAwakeBlockByBlock) {
  fall_asleep();
  shard().operate(now(), server::Ticket{1}, "node1",
                  lwm2m::Write{Path(5, 0, 0), lwm2m::Write::Mode::Replace, lwm2m::format::kOpaque, Bytes(4096, 7)});
  update();
  for (int block = 0; block < 4; ++block) {
    const Heard request = cut(hear());
    EXPECT_EQ(request.code, "0.03");
    pass(seconds(40));
    while (shard().poll_transmit()) {  // repetitions of a slow device's block
    }
    const std::string number = to_hex(Bytes{static_cast<std::uint8_t>(block << 4 | (block < 3 ? 8 : 0) | 6)});
    answer(request, block < 3 ? "5F" : "44", "D1 0E" + number);  // 2.31 Continue, Block1
  }
  expect_outcome(Status::Changed, 1);
}

TEST_F(ServerQueue, WhatIsMoreUrgentGoesFirstAndWhatIsTakenBackIsNotOvertaken) {
  using server::Priority;
  fall_asleep();
  const auto with = [](Priority priority) {
    OperationSettings settings;
    settings.priority = priority;
    return settings;
  };
  read(1, Path(3, 0, 1), with(Priority::Low));
  read(2, Path(3, 0, 2));
  read(3, Path(3, 0, 3), with(Priority::High));
  read(4, Path(3, 0, 4));
  read(5, Path(3, 0, 5), with(Priority::High));
  const auto operations = shard().operations("node1");
  std::vector<std::uint64_t> order;
  for (const auto& one : operations) {
    EXPECT_EQ(one.ahead, order.size());
    order.push_back(one.id.value);
  }
  EXPECT_EQ(order, (std::vector<std::uint64_t>{3, 5, 2, 4, 1}));
  drain_news();
  read(6, Path(3, 0, 6));
  EXPECT_EQ(shard().poll_progress()->ahead, 4U) << "only what is less urgent is behind it";
  update();
  expect_read("33");
  fall_asleep();
  while (shard().poll_transmit()) {
  }
  read(7, Path(3, 0, 7), with(Priority::High));
  EXPECT_EQ(shard().operations("node1").front().id.value, 3U) << "it had its turn";
}

// ---- over a kill

TEST_F(ServerQueue, WhatWaitsSurvivesAKillInItsOrder) {
  fall_asleep();
  OperationSettings urgent;
  urgent.priority = server::Priority::High;
  urgent.asked_by = "campaign 12";
  read(1, Path(3, 0, 1));
  read(2, Path(3, 0, 2), urgent);
  execute(3);
  const auto before = shard().operations("node1");
  pass(minutes(5));
  kill_and_restart();
  const auto after = shard().operations("node1");
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].id, before[i].id);
    EXPECT_EQ(after[i].created_at, before[i].created_at);
    EXPECT_EQ(after[i].expires_at, before[i].expires_at);
    EXPECT_EQ(after[i].asked_by, before[i].asked_by);
  }
  expect_silence();
  update();
  answer(expect_read("32"), "45", "C0 | FF 'x'");
  answer(expect_read("31"), "45", "C0 | FF 'x'");
  const Heard sent = expect_request("0.02", wire("B1 '3' 01 '0' 01 '4'"));
  // The device may have done it when the next process begins: it isn't asked twice.
  kill_and_restart();
  expect_no_answer(NoAnswer::Timeout, 3);
  expect_silence();
  static_cast<void>(sent);
  kill_and_restart();
  EXPECT_TRUE(shard().operations("node1").empty()) << "what is over is over";
}

TEST_F(ServerQueue, WhatExpiresWhileNobodyRunsIsExpired) {
  fall_asleep();
  OperationSettings soon;
  soon.expires_after = minutes(10);
  read(1, Path(3, 0, 1), soon);
  pass(minutes(9));
  drain_news();
  for (const auto& [wait, over] : {std::pair(seconds(1), false), std::pair(seconds(120), true)}) {
    kill_and_restart();
    pass(wait);
    EXPECT_EQ(shard().operations("node1").empty(), over);
  }
}

TEST_F(ServerQueue, WhatWaitsForADeviceThatIsAwaySurvivesAKill) {
  fall_asleep();
  read(1, Path(3, 0, 1));
  pass(hours(25));
  EXPECT_FALSE(shard().has("node1"));
  kill_and_restart();
  EXPECT_EQ(shard().operations("node1").size(), 1U);
  location_ = register_with("UQ");
  expect_read("31");
}

}  // namespace
}  // namespace drover::lockstep
