// SPDX-License-Identifier: Apache-2.0
// Several shards: an endpoint is registered once over the whole server, and the fleet shows one server.
#include "server/local_fleet.hpp"
#include "tests/lockstep/server_peer.hpp"

namespace drover::lockstep {
namespace {

using server::EventKind;
using std::chrono::seconds;

class ServerShards : public ServerTest {
 protected:
  ServerShards() : ServerTest({}, 3) {}
};

TEST_F(ServerShards, TheNewerRegistrationStays) {
  const std::string first = register_device("node1", device_, 0);
  expect_event(EventKind::Registered, "node1", 0);
  carry_mail();
  pass(seconds(1));
  register_device("node1", elsewhere_, 2);
  EXPECT_TRUE(shard(0).has("node1"));
  carry_mail();
  EXPECT_FALSE(shard(0).has("node1"));
  EXPECT_TRUE(shard(2).has("node1"));
  expect_no_event(0);  // it has moved, it hasn't left
  expect_event(EventKind::Registered, "node1", 2);
  say(device_, wire("41 02 1150 A2 | B2 'rd' | 0B '" + first + "'"), 0);
  EXPECT_EQ(cut(hear(device_, 0)).code, "4.04");
}

TEST_F(ServerShards, LateMailDoesNotDropANewerRegistration) {
  register_device("node1", device_, 0);
  pass(seconds(1));
  register_device("node1", elsewhere_, 1);
  pass(seconds(1));
  say(elsewhere_, wire("40 01 1150"), 1);  // anything: time goes by
  carry_mail();
  EXPECT_FALSE(shard(0).has("node1"));
  EXPECT_TRUE(shard(1).has("node1"));
}

TEST_F(ServerShards, AnUpdateDoesNotMakeARegistrationNewer) {
  const std::string first = register_device("node1", device_, 0);
  pass(seconds(1));
  register_device("node1", elsewhere_, 1);
  pass(seconds(1));
  say(device_, wire("41 02 1150 A2 | B2 'rd' | 0B '" + first + "'"), 0);
  EXPECT_EQ(cut(hear(device_, 0)).code, "2.04");
  carry_mail();
  EXPECT_FALSE(shard(0).has("node1"));
  EXPECT_TRUE(shard(1).has("node1"));
}

TEST_F(ServerShards, AtTheSameInstantTheLowerShardKeepsIt) {
  register_device("node1", device_, 2);
  register_device("node1", elsewhere_, 1);
  carry_mail();
  EXPECT_TRUE(shard(1).has("node1"));
  EXPECT_FALSE(shard(2).has("node1"));
}

TEST_F(ServerShards, WhatWaitsAtTheOlderRegistrationIsGone) {
  register_device("node1", device_, 0);
  expect_event(EventKind::Registered, "node1", 0);
  operate(lwm2m::Observe{lwm2m::Path(4, 0, 2), {}}, 1);
  answer(cut(hear()), "45", "61 01 | FF '1'");
  expect_outcome(lwm2m::Status::Content, 1);
  operate(lwm2m::Read{lwm2m::Path(3), {}}, 2);
  pass(seconds(1));
  register_device("node1", elsewhere_, 1);
  carry_mail();
  expect_no_answer(server::NoAnswer::Gone, 2);
  expect_no_event(0);
}

/// A device that was observed at the first shard registers at the second; the claim is carried.
class ObservationsMove : public ServerShards {
 protected:
  ObservationsMove() {
    register_device("node1", device_, 0);
    expect_event(EventKind::Registered, "node1", 0);
    operate(lwm2m::Observe{lwm2m::Path(4, 0, 2), {}}, 1);
    answer(cut(hear()), "45", "61 01 | FF '1'");
    expect_outcome(lwm2m::Status::Content, 1);
    carry_mail();
    pass(seconds(1));
    location_ = register_device("node1", elsewhere_, 1);
    expect_event(EventKind::Registered, "node1", 1);
    expect_silence(1);
  }
  std::string location_;
};

TEST_F(ObservationsMove, CoreSection5_5_1ToTheShardThatTheClientRegistersWith) {
  carry_mail();
  const Heard again = cut(hear(elsewhere_, 1));
  EXPECT_EQ(again.code, "0.01");
  EXPECT_EQ(to_hex(again.rest), to_hex(wire("60 | 51 '4' 01 '0' 01 '2' | 62 2D16")));
  say(elsewhere_, wire("68 45" + again.id + again.token + "61 01 | 60 | FF '92'"), 1);
  EXPECT_EQ(as_text(expect_event(EventKind::Notification, "node1", 1).outcome->payload), "92");
  EXPECT_EQ(shard(1).observations("node1")->size(), 1U);
  expect_no_event(0);
  expect_no_event(1);
}

TEST_F(ObservationsMove, ThoseThatTheDeviceRefusesEnd) {
  carry_mail();
  const Heard again = cut(hear(elsewhere_, 1));
  say(elsewhere_, wire("68 84" + again.id + again.token), 1);
  EXPECT_EQ(expect_event(EventKind::ObservationEnded, "node1", 1).path, lwm2m::Path(4, 0, 2));
  expect_no_event(0);
}

TEST_F(ObservationsMove, AnObserveThatIsThereAlreadyStays) {
  shard(1).operate(now(), server::Ticket{2}, "node1", lwm2m::Observe{lwm2m::Path(4, 0, 2), {}});
  carry_mail();
  const Heard own = cut(hear(elsewhere_, 1));
  say(elsewhere_, wire("68 45" + own.id + own.token + "61 01 | 60 | FF '92'"), 1);
  expect_silence(1);
  expect_no_event(1);
  EXPECT_EQ(shard(1).observations("node1")->size(), 1U);
}

TEST_F(ObservationsMove, TheyEndWhenNobodyIsRegisteredAnyMore) {
  say(elsewhere_, wire("41 04 1150 A3 | B2 'rd' | 0B '" + location_ + "'"), 1);
  expect_event(EventKind::Deregistered, "node1", 1);
  carry_mail();
  EXPECT_EQ(expect_event(EventKind::ObservationEnded, "node1", 1).path, lwm2m::Path(4, 0, 2));
}

TEST_F(ServerShards, WhatIsWantedOfADeviceThatIsAwayMovesToTheShardItRegistersWith) {
  register_device("node1", device_, 0);
  expect_event(EventKind::Registered, "node1", 0);
  carry_mail();
  shard(0).operate(now(), server::Ticket{1}, "node1", lwm2m::Observe{lwm2m::Path(4, 0, 2), {}});
  const Heard asked = cut(hear(device_, 0));
  say(device_, wire("68 45" + asked.id + asked.token + "61 01 | 60 | FF '92'"), 0);
  pass(std::chrono::seconds(300));
  expect_event(EventKind::Expired, "node1", 0);
  EXPECT_TRUE(shard(0).knows("node1"));

  register_device("node1", elsewhere_, 1);
  expect_event(EventKind::Registered, "node1", 1);
  carry_mail();
  EXPECT_FALSE(shard(0).knows("node1"));
  EXPECT_EQ(to_hex(cut(hear(elsewhere_, 1)).rest), to_hex(wire("60 | 51 '4' 01 '0' 01 '2' | 62 2D16")));
  expect_no_event(0);
}

TEST_F(ServerShards, ALocationOfAnotherShardIsNotFound) {
  const std::string location = register_device("node1", device_, 0);
  say(device_, wire("41 02 1150 A2 | B2 'rd' | 0B '" + location + "'"), 1);
  EXPECT_EQ(cut(hear(device_, 1)).code, "4.04");
  say(device_, wire("41 04 1151 A2 | B2 'rd' | 0B '" + location + "'"), 1);
  EXPECT_EQ(cut(hear(device_, 1)).code, "4.04");
  EXPECT_TRUE(shard(0).has("node1"));
}

/// The fleet over three shards; posted tasks run when work() is called, as a loop would.
class Fleet : public ServerShards {
 protected:
  Fleet()
      : fleet_(3, [this](std::size_t index, server::LocalFleet::Task task) {
          tasks_.emplace_back(index, std::move(task));
        }) {
    fleet_.on_event([this](const server::Event& event) { events_.push_back(event); });
  }

  void collect() {
    for (std::size_t index = 0; index < 3; ++index) fleet_.collect(index, shard(index));
  }
  void work() {
    collect();
    while (!tasks_.empty()) {
      auto [index, task] = std::move(tasks_.front());
      tasks_.pop_front();
      task(shard(index), now());
      fleet_.collect(index, shard(index));
    }
  }
  server::DevicePage page(const server::DeviceQuery& query) {
    server::DevicePage page;
    int calls = 0;
    fleet_.devices(query, [&](server::DevicePage given) {
      page = std::move(given);
      ++calls;
    });
    work();
    EXPECT_EQ(calls, 1);
    return page;
  }
  std::string names(const server::DevicePage& page) {
    std::string text;
    for (const auto& device : page.devices) text += device.endpoint + " ";
    return text;
  }
  /// Starts an operation; its result lands in results_.
  std::function<void(server::OperationResult)> into_results() {
    return [this](server::OperationResult result) { results_.push_back(std::move(result)); };
  }

  std::deque<std::pair<std::size_t, server::LocalFleet::Task>> tasks_;
  std::vector<server::Event> events_;
  std::vector<server::OperationResult> results_;
  server::LocalFleet fleet_;
};

TEST_F(Fleet, EventsAreNumberedOverAllShards) {
  register_device("a", device_, 2);
  work();
  register_device("b", device_, 0);
  work();
  pass(seconds(300));
  work();
  ASSERT_EQ(events_.size(), 4U);
  for (std::size_t i = 0; i < events_.size(); ++i) EXPECT_EQ(events_[i].id, i + 1);
  EXPECT_EQ(events_[0].endpoint, "a");
  EXPECT_EQ(events_[1].endpoint, "b");
  EXPECT_EQ(events_[3].kind, EventKind::Expired);
}

TEST_F(Fleet, PagesMergeTheShards) {
  for (const auto& [name, index] : {std::pair{"d", 0}, {"a", 1}, {"c", 2}, {"b", 0}, {"e", 1}}) {
    register_device(name, device_, static_cast<std::size_t>(index));
  }
  work();
  server::DeviceQuery query;
  query.limit = 2;
  auto found = page(query);
  EXPECT_EQ(names(found), "a b ");
  EXPECT_EQ(found.total, 5U);
  EXPECT_EQ(found.next, "b");
  query.after = found.next;
  found = page(query);
  EXPECT_EQ(names(found), "c d ");
  query.after = found.next;
  found = page(query);
  EXPECT_EQ(names(found), "e ");
  EXPECT_EQ(found.next, "");
  query = {};
  query.search = "A";
  found = page(query);
  EXPECT_EQ(names(found), "a ");
  EXPECT_EQ(found.total, 1U);
}

TEST_F(Fleet, FindsTheDeviceWhereverItIs) {
  register_device("node1", device_, 2);
  work();
  std::vector<std::optional<server::DeviceView>> seen;
  fleet_.device("node1", [&](auto view) { seen.push_back(std::move(view)); });
  fleet_.device("node2", [&](auto view) { seen.push_back(std::move(view)); });
  work();
  // node1 is asked for at the third shard, node2 nowhere: both end with the third shard's answer.
  ASSERT_EQ(seen.size(), 2U);
  ASSERT_TRUE(seen[0]);
  EXPECT_EQ(seen[0]->endpoint, "node1");
  EXPECT_FALSE(seen[1]);
}

TEST_F(Fleet, OperationsReachTheirShardAndComeBack) {
  register_device("node1", device_, 1);
  work();
  fleet_.operate("node1", lwm2m::Read{lwm2m::Path(3, 0, 0), {}}, into_results());
  work();
  EXPECT_TRUE(results_.empty());
  const Heard request = cut(hear(device_, 1));
  say(device_, wire("68 45" + request.id + request.token + "C0 | FF 'x'"), 1);
  work();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(as_text(std::get<lwm2m::Outcome>(results_[0]).payload), "x");

  fleet_.operate("node2", lwm2m::Read{lwm2m::Path(3, 0, 0), {}}, into_results());
  fleet_.cancel("node2", lwm2m::Path(3), server::CancelMode::Get, into_results());
  work();
  ASSERT_EQ(results_.size(), 3U);
  EXPECT_EQ(std::get<server::NoAnswer>(results_[1]), server::NoAnswer::NotRegistered);
  EXPECT_EQ(std::get<server::NoAnswer>(results_[2]), server::NoAnswer::NotRegistered);
}

TEST_F(Fleet, AnOperationStandsAsItDidUntilTheDiskHasItsEnd) {
  register_device("node1", device_, 1);
  work();
  const auto ignore = [](const server::OperationStatus&) { return true; };
  for (int i = 0; i < 2; ++i) fleet_.operate("node1", lwm2m::Read{lwm2m::Path(3, 0, 0), {}}, {}, ignore);
  work();
  std::optional<server::OperationStatus> cancelled;
  fleet_.cancel_operation("node1", {2}, [&](std::optional<server::OperationStatus> status) { cancelled = std::move(status); });
  auto [index, task] = std::move(tasks_.front());
  for (tasks_.pop_front(); !shard(index).knows("node1"); tasks_.pop_front()) {
    task(shard(index), now());
    std::tie(index, task) = std::move(tasks_.front());
  }
  task(shard(1), now());
  const Heard request = cut(hear(device_, 1));
  say(device_, wire("68 45" + request.id + request.token + "C0 | FF 'x'"), 1);
  server::LocalFleet::Outbox held;
  server::LocalFleet::gather(shard(1), held);
  ASSERT_EQ(held.done.size(), 2U);
  fleet_.hold_back(held);
  const auto state_of = [&](std::uint64_t id) {
    std::optional<server::OperationStatus> found;
    fleet_.operation("node1", {id}, [&](std::optional<server::OperationStatus> status) { found = std::move(status); });
    work();
    return found ? server::to_string(found->state) : "none";
  };
  std::vector<std::string> followed;
  fleet_.follow("node1", {1}, [&](const server::OperationStatus& status) {
    followed.emplace_back(server::to_string(status.state));
    return true;
  }, [&] { followed.emplace_back("missing"); });
  EXPECT_STREQ(state_of(1), "sent");
  EXPECT_STREQ(state_of(2), "sent");
  EXPECT_FALSE(cancelled) << "a kill might bring it back";
  fleet_.deliver(std::move(held));
  work();
  EXPECT_STREQ(state_of(1), "done");
  EXPECT_STREQ(state_of(2), "cancelled");
  EXPECT_EQ(followed, (std::vector<std::string>{"sent", "done"}));
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->state, server::OperationState::Cancelled);
}

TEST_F(Fleet, OperationsOfAllDevicesComeInPagesByTheirIds) {
  for (const auto& [name, index] : {std::pair{"a", 1}, {"b", 2}, {"c", 0}}) {
    register_device(name, device_, static_cast<std::size_t>(index));
  }
  work();
  server::OperationSettings settings;
  settings.asked_by = "bulk 7, token 1 (anna)";
  const auto ignore = [](const server::OperationStatus&) { return true; };
  for (const char* name : {"c", "a", "b", "a"}) {
    fleet_.operate(name, lwm2m::Read{lwm2m::Path(3, 0, 0), {}}, settings, ignore);
    settings.asked_by = "api";
  }
  work();
  const auto ask = [&](const server::OperationQuery& query) {
    std::string text;
    fleet_.all_operations(query, [&](server::OperationPage page) {
      for (const auto& one : page.operations) text += std::to_string(one.id.value) + one.endpoint + " ";
      if (page.more) text += "more";
    });
    work();
    return text;
  };
  EXPECT_EQ(ask({}), "1c 2a 3b 4a ");
  EXPECT_EQ(ask({.limit = 3}), "1c 2a 3b more");
  EXPECT_EQ(ask({.after = {3}, .limit = 3}), "4a ");
  EXPECT_EQ(ask({.endpoint = "a", .limit = 1}), "2a more");
  EXPECT_EQ(ask({.asked_by = "bulk 7"}), "1c ");
  EXPECT_EQ(ask({.asked_by = "bulk"}), "");
  // One that is over is among them still.
  const Heard request = cut(hear(device_, 2));
  say(device_, wire("68 45" + request.id + request.token + "C0 | FF 'x'"), 2);
  work();
  EXPECT_EQ(ask({}), "1c 2a 3b 4a ");
  EXPECT_EQ(ask({.states = {server::OperationState::Done}}), "3b ");
  EXPECT_EQ(ask({.states = {server::OperationState::Sent}, .limit = 2}), "1c 2a more");
}

TEST_F(Fleet, ObservationsAreListedAndCancelled) {
  register_device("node1", device_, 1);
  work();
  fleet_.operate("node1", lwm2m::Observe{lwm2m::Path(4, 0, 2), {}}, into_results());
  work();
  const Heard request = cut(hear(device_, 1));
  say(device_, wire("68 45" + request.id + request.token + "61 01 | FF '1'"), 1);
  work();
  std::vector<std::size_t> counts;
  const auto count = [&](std::optional<std::vector<server::ObservationView>> views) {
    counts.push_back(views->size());
  };
  fleet_.observations("node1", count);
  fleet_.cancel("node1", lwm2m::Path(4, 0, 2), server::CancelMode::Reset, into_results());
  work();
  fleet_.observations("node1", count);
  work();
  EXPECT_EQ(counts, (std::vector<std::size_t>{1, 0}));
  ASSERT_EQ(results_.size(), 2U);
  EXPECT_EQ(std::get<lwm2m::Outcome>(results_[1]).status, lwm2m::Status::Deleted);
  EXPECT_EQ(events_.back().kind, EventKind::ObservationEnded);
}

TEST_F(Fleet, MailMovesAnEndpointAndPagesShowItOnce) {
  register_device("node1", device_, 0);
  work();
  pass(seconds(2));
  register_device("node1", elsewhere_, 1);
  EXPECT_EQ(page({}).devices.size(), 1U);
  work();
  EXPECT_FALSE(shard(0).has("node1"));
  EXPECT_EQ(page({}).total, 1U);
}

TEST_F(Fleet, CountersAreSummed) {
  register_device("a", device_, 0);
  register_device("b", device_, 1);
  say(device_, wire("41 02 1001 A1 | B2 'rx'"), 2);
  work();
  server::ServerCounters sum;
  fleet_.counters([&](server::ServerCounters counters) { sum = counters; });
  work();
  EXPECT_EQ(sum.registers, 2U);
  EXPECT_EQ(sum.devices, 2U);
  EXPECT_EQ(sum.rejected, 1U);
  EXPECT_EQ(sum.coap.datagrams_in, 3U);
}

}  // namespace
}  // namespace drover::lockstep
