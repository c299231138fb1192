// SPDX-License-Identifier: Apache-2.0
#include "client/notifier.hpp"

#include "client/test_device.hpp"

namespace drover::client::testing {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct Observed : TestDevice {
  Notifier notifier{tree, {}};
  explicit Observed(std::string_view where = "/3303/0/5700") {
    EXPECT_TRUE(notifier.observe(now, {coap::ResponderId{1}, kServer, path(where), {}}));
  }
  /// Sets the value and tells the notifier.
  void change(std::string_view where, lwm2m::Value value) {
    set(where, std::move(value));
    while (const auto next = tree.poll_change()) notifier.changed(now, *next);
  }
  void temperature(double value) { change("/3303/0/5700", value); }
  /// A server writes attributes, and the notifier is told.
  void assign(std::string_view where, std::vector<std::string> query, ServerId server = kServer) {
    EXPECT_EQ(attributes(where, std::move(query), server), Status::Changed);
    notifier.attributes_changed(now, server, path(where));
  }
  /// Sends what is due, if anything is.
  bool due() {
    const auto next = notifier.poll_due(now);
    if (next) notifier.sent(now, *next);
    return next.has_value();
  }
  std::optional<Duration> next() {
    const auto deadline = notifier.deadline();
    if (!deadline) return std::nullopt;
    return deadline->at - now;
  }
};

TEST(CoreSection5_5_2, WithoutAttributesEveryChangeIsNotifiedAtOnce) {
  Observed device;
  EXPECT_FALSE(device.due());
  EXPECT_FALSE(device.notifier.deadline());
  device.temperature(21);
  EXPECT_TRUE(device.due());
  EXPECT_FALSE(device.due());
  device.change("/3/0/9", std::int64_t{50});
  EXPECT_FALSE(device.due()) << "another resource";
}

TEST(CoreSection5_5_2, PMinWithholdsAndPMaxRepeats) {
  Observed device;
  device.assign("/3303/0/5700", {"pmin=10", "pmax=60"});
  EXPECT_EQ(device.next(), seconds(60));
  EXPECT_EQ(device.notifier.deadline()->reason, Reason::PMax);
  device.now += seconds(4);
  device.temperature(21);
  EXPECT_FALSE(device.due());
  EXPECT_EQ(device.next(), seconds(6));
  EXPECT_EQ(device.notifier.deadline()->reason, Reason::PMin);
  device.now += seconds(6);
  EXPECT_TRUE(device.due());
  device.now += seconds(59);
  EXPECT_FALSE(device.due());
  device.now += seconds(1);
  EXPECT_TRUE(device.due()) << "without a change";
  device.now += seconds(30);
  device.temperature(22);
  EXPECT_TRUE(device.due()) << "pmin is over";
}

TEST(CoreFigure14, MinimumAndMaximumPeriodOfTheSignalStrength) {
  TestDevice device;
  device.add("/4/0");
  device.set("/4/0/2", std::int64_t{92});
  while (device.tree.poll_change()) {
  }
  EXPECT_EQ(device.attributes("/4/0/2", {"pmin=10", "pmax=60"}), Status::Changed);
  Notifier notifier(device.tree, {});
  const Instant begin = device.now;
  EXPECT_TRUE(notifier.observe(begin, {coap::ResponderId{1}, kServer, path("/4/0/2"), {}}));  // 0 s: 92
  const auto due = [&](int at) { return notifier.poll_due(begin + seconds(at)).has_value(); };
  const auto change = [&](int at, int value) {
    device.now = begin + seconds(at);
    device.set("/4/0/2", std::int64_t{value});
    notifier.changed(device.now, device.tree.poll_change().value());
  };
  change(5, 87);
  EXPECT_FALSE(due(9));
  EXPECT_TRUE(due(10));
  EXPECT_FALSE(due(49));
  change(50, 76);
  EXPECT_TRUE(due(50)) << "40 s after the last one, at once";
  EXPECT_FALSE(due(109));
  EXPECT_TRUE(due(110)) << "60 s without a change";
}

TEST(CoreAppendixE2, DefaultPeriodsHoldWithoutAttributes) {
  Observed device;
  device.notifier.set_defaults(device.now, kServer, {5, 20});
  device.temperature(21);
  EXPECT_FALSE(device.due());
  EXPECT_EQ(device.next(), seconds(5));
  device.now += seconds(5);
  EXPECT_TRUE(device.due());
  EXPECT_EQ(device.next(), seconds(20));
  device.assign("/3303/0/5700", {"pmin=0"});
  device.temperature(22);
  EXPECT_TRUE(device.due());
}

TEST(CoreSection5_1_1, NewAttributesHoldForWhatIsPendingAlready) {
  Observed device;
  device.assign("/3303", {"pmin=100"});
  device.temperature(21);
  EXPECT_EQ(device.next(), seconds(100));
  device.assign("/3303/0", {"pmin=10"});
  EXPECT_EQ(device.next(), seconds(10));
  device.assign("/3303/0/5700", {"pmin=20", "pmax=30"});
  EXPECT_EQ(device.next(), seconds(20));
  device.assign("/3303/0/5700", {"pmin"});
  EXPECT_EQ(device.next(), seconds(10));
  device.now += seconds(10);
  EXPECT_TRUE(device.due());
  EXPECT_EQ(device.next(), seconds(30));
  device.assign("/3303/0/5700", {"pmax="});
  EXPECT_FALSE(device.next());
}

TEST(CoreSection5_1_1, AttributesOfAnotherServerDontCount) {
  Observed device;
  device.assign("/3303/0/5700", {"pmin=100", "st=50"}, 102);
  device.temperature(21);
  EXPECT_TRUE(device.due());
}

TEST(CoreSection5_1_2, APMaxOfZeroOrBelowTheInheritedPMinIsIgnored) {
  Observed device;
  device.notifier.set_defaults(device.now, kServer, {30, 0});
  EXPECT_FALSE(device.notifier.deadline());
  device.notifier.set_defaults(device.now, kServer, {30, 10});
  EXPECT_FALSE(device.notifier.deadline());
  device.notifier.set_defaults(device.now, kServer, {10, 30});
  EXPECT_EQ(device.next(), seconds(30));
  device.assign("/3303/0/5700", {"pmax=9"});
  EXPECT_FALSE(device.notifier.deadline());
  device.assign("/3303/0", {"pmin=9"});
  EXPECT_EQ(device.next(), seconds(9));
}

struct Move {
  int from;
  int to;
  bool notified;
};
void expect_moves(const std::vector<std::string>& attributes, const std::vector<Move>& moves) {
  for (const Move& move : moves) {
    SCOPED_TRACE(std::to_string(move.from) + " to " + std::to_string(move.to));
    TestDevice before;
    before.set("/3/0/9", std::int64_t{move.from});
    EXPECT_EQ(before.attributes("/3/0/9", attributes), Status::Changed);
    while (before.tree.poll_change()) {
    }
    Notifier notifier(before.tree, {});
    EXPECT_TRUE(notifier.observe(before.now, {coap::ResponderId{1}, kServer, path("/3/0/9"), {}}));
    before.set("/3/0/9", std::int64_t{move.to});
    notifier.changed(before.now, before.tree.poll_change().value());
    EXPECT_EQ(notifier.poll_due(before.now).has_value(), move.notified);
  }
}

TEST(TransportWriteAttributes, Example1APMinOfAResource) {
  Observed device("/3/0/9");
  device.assign("/3/0/9", {"pmin=1"});
  device.change("/3/0/9", std::int64_t{90});
  EXPECT_EQ(device.next(), seconds(1));
}

TEST(TransportWriteAttributes, Example2AnUnsetPMinLeavesTheDefaultOrAnotherLevel) {
  Observed device("/3/0/9");
  device.notifier.set_defaults(device.now, kServer, {7, {}});
  device.assign("/3/0/9", {"pmin=1"});
  device.assign("/3/0/9", {"pmin"});
  device.change("/3/0/9", std::int64_t{90});
  EXPECT_EQ(device.next(), seconds(7));
  device.assign("/3", {"pmin=5"});
  EXPECT_EQ(device.next(), seconds(5));
  device.assign("/3/0", {"pmin=6"});
  EXPECT_EQ(device.next(), seconds(6));
}

TEST(TransportWriteAttributes, Example3APMinOfAnInstanceHoldsForAllItsResources) {
  for (const char* where : {"/3/0/9", "/3/0/0", "/3/0"}) {
    Observed device(where);
    device.assign("/3/0", {"pmin=10"});
    device.change("/3/0/9", std::int64_t{90});
    device.change("/3/0/0", std::string("another"));
    EXPECT_EQ(device.next(), seconds(10)) << where;
  }
}

TEST(TransportWriteAttributes, Example4GreaterThanAndStep) {
  expect_moves({"gt=45", "st=10"}, {{20, 35, true},
                                    {45, 50, true},
                                    {50, 40, true},
                                    {35, 20, true},
                                    {20, 29, false},
                                    {50, 55, false},
                                    {45, 44, false}});
}

TEST(TransportWriteAttributes, Example5LessThanGreaterThanAndStep) {
  expect_moves({"lt=20", "gt=85", "st=10"},
               {{17, 24, true}, {75, 90, true}, {50, 10, true}, {87, 99, true}, {30, 39, false}, {86, 90, false}});
}

TEST(CoreSection5_1_2, StepCountsFromTheLastNotifiedValue) {
  Observed device;
  device.assign("/3303/0/5700", {"st=2"});
  device.temperature(21.5);
  EXPECT_FALSE(device.due());
  device.temperature(22.5);
  EXPECT_TRUE(device.due()) << "two away from 20.5";
  device.temperature(21);
  EXPECT_FALSE(device.due());
}

TEST(CoreSection5_1_2, ACrossingDuringPMinIsStillTold) {
  Observed device;
  device.assign("/3303/0/5700", {"gt=30", "pmin=10"});
  device.temperature(31);
  device.temperature(29);
  EXPECT_FALSE(device.due());
  device.now += seconds(10);
  EXPECT_TRUE(device.due());
}

TEST(CoreSection5_5_1, AnObjectIsNotifiedForEachOfItsInstances) {
  Observed device("/3303");
  device.temperature(21);
  EXPECT_TRUE(device.due());
  device.add("/3303/7");
  while (const auto next = device.tree.poll_change()) device.notifier.changed(device.now, *next);
  EXPECT_TRUE(device.due());
  device.change("/3303/7/5700", 3.0);
  EXPECT_TRUE(device.due());
}

TEST(CoreSection5_1_2, ConditionsAreAlternatives) {
  Observed device;
  device.assign("/3303/0/5700", {"lt=0", "gt=40", "st=5"});
  device.temperature(25.4);
  EXPECT_FALSE(device.due());
  device.temperature(25.5);
  EXPECT_TRUE(device.due()) << "step";
  device.temperature(39);
  EXPECT_TRUE(device.due()) << "step";
  device.temperature(41);
  EXPECT_TRUE(device.due()) << "above gt";
  device.temperature(40);
  EXPECT_TRUE(device.due()) << "below gt again";
  device.temperature(40.5);
  EXPECT_TRUE(device.due()) << "and back";
  device.temperature(44);
  EXPECT_FALSE(device.due());
}

TEST(CoreSection5_1_2, ChangesWithinPMinGoOutAsOne) {
  Observed device;
  device.assign("/3303/0/5700", {"pmin=10"});
  for (int i = 0; i < 5; ++i) {
    device.now += seconds(1);
    device.temperature(30 + i);
    EXPECT_FALSE(device.due());
  }
  device.now += seconds(5);
  EXPECT_TRUE(device.due());
  EXPECT_FALSE(device.due());
  EXPECT_FALSE(device.next());
}

TEST(CoreSection5_1_2, ANotificationByPMaxIsTheOneThatStepCountsFrom) {
  Observed device;  // 20.5
  device.assign("/3303/0/5700", {"st=2", "pmax=60"});
  device.temperature(22);
  EXPECT_FALSE(device.due());
  device.now += seconds(60);
  EXPECT_TRUE(device.due());
  device.temperature(23);
  EXPECT_FALSE(device.due()) << "one away from 22";
  device.temperature(24);
  EXPECT_TRUE(device.due());
}

TEST(CoreSection5_1_2, AnyInstanceOfAMultipleResourceMayMeetTheCondition) {
  Observed device("/3/0/7");
  device.change("/3/0/7/0", std::int64_t{3800});
  device.change("/3/0/7/1", std::int64_t{5000});
  EXPECT_TRUE(device.due());
  device.assign("/3/0/7", {"st=100"});
  device.change("/3/0/7/1", std::int64_t{5099});
  EXPECT_FALSE(device.due());
  device.change("/3/0/7/1", std::int64_t{5100});
  EXPECT_TRUE(device.due());
  device.change("/3/0/7/2", std::int64_t{1});
  EXPECT_TRUE(device.due()) << "a new one";
}

TEST(CoreSection5_1_2, EachResourceOfAnInstanceIsJudgedByItsOwnRules) {
  Observed device("/3/0");
  device.change("/3/0/7/0", std::int64_t{3800});
  EXPECT_TRUE(device.due());
  device.assign("/3/0/9", {"st=10", "pmin=20"});
  device.assign("/3/0/7", {"pmin=5"});
  device.change("/3/0/9", std::int64_t{95});
  EXPECT_FALSE(device.next()) << "five are less than the step";
  device.change("/3/0/7/0", std::int64_t{3801});
  EXPECT_EQ(device.next(), seconds(5));
  device.change("/3/0/9", std::int64_t{80});
  EXPECT_EQ(device.next(), seconds(20)) << "the largest of the pending ones";
  device.change("/3/0/7/0", std::int64_t{3802});
  EXPECT_EQ(device.next(), seconds(20));
  device.now += seconds(20);
  EXPECT_TRUE(device.due());
  device.change("/3/0/9", std::int64_t{89});
  EXPECT_FALSE(device.next());
}

TEST(CoreSection5_1_2, TheSmallestValidPMaxInScopeRepeats) {
  Observed device("/3303");
  device.assign("/3303", {"pmax=100"});
  EXPECT_EQ(device.next(), seconds(100));
  device.add("/3303/1");
  device.set("/3303/1/5700", 1.0);
  while (const auto next = device.tree.poll_change()) device.notifier.changed(device.now, *next);
  EXPECT_TRUE(device.due());
  device.assign("/3303/1/5700", {"pmax=50"});
  EXPECT_EQ(device.next(), seconds(50));
  device.assign("/3303/1", {"pmin=60"});
  EXPECT_EQ(device.next(), seconds(100)) << "50 is below the pmin that its resource inherits";
  device.assign("/3303/1/5700", {"pmin=0"});
  EXPECT_EQ(device.next(), seconds(50));
  ASSERT_TRUE(device.tree.remove(device.own(), 3303, 1));
  while (const auto next = device.tree.poll_change()) device.notifier.changed(device.now, *next);
  EXPECT_TRUE(device.due());
  EXPECT_EQ(device.next(), seconds(100));
}

TEST(CoreSection5_1_2, ResourcesThatComeAndGoAreChangesOfTheirInstance) {
  Observed device("/3/0");
  device.assign("/3", {"pmin=3"});
  device.change("/3/0/10", std::int64_t{1000});
  EXPECT_EQ(device.next(), seconds(3));
  device.now += seconds(3);
  EXPECT_TRUE(device.due());
  device.assign("/3/0/10", {"pmax=30", "st=100"});
  EXPECT_EQ(device.next(), seconds(30));
  ASSERT_TRUE(device.tree.unset(device.own(), path("/3/0/10")));
  device.notifier.changed(device.now, device.tree.poll_change().value());
  EXPECT_EQ(device.next(), seconds(3));
  device.now += seconds(3);
  EXPECT_TRUE(device.due());
  EXPECT_FALSE(device.next()) << "its pmax went with it";
}

TEST(CoreSection5_1_2, WhatCantBeReadIsntNotified) {
  Observed device("/1/0");
  ASSERT_TRUE(device.tree.set(device.own(), path("/1/0/5"), std::int64_t{10}));
  while (const auto next = device.tree.poll_change()) device.notifier.changed(device.now, *next);
  EXPECT_TRUE(device.due()) << "the disable timeout can";
  Observed firmware("/5");
  firmware.add("/5/0");
  while (const auto next = firmware.tree.poll_change()) firmware.notifier.changed(firmware.now, *next);
  EXPECT_TRUE(firmware.due());
  firmware.change("/5/0/0", lwm2m::Opaque{{1, 2, 3}});
  EXPECT_FALSE(firmware.due()) << "the package can't";
}

TEST(Rfc7641Section4_5, ANotificationADayIsConfirmable) {
  Observed device;
  const auto confirmable = [&](double value) {
    device.temperature(value);
    const auto next = device.notifier.poll_due(device.now);
    EXPECT_TRUE(next);
    if (next) device.notifier.sent(device.now, *next);
    return next && next->confirmable;
  };
  device.now += hours(24) - Duration(1);
  EXPECT_FALSE(confirmable(21));
  device.now += Duration(1);
  EXPECT_TRUE(confirmable(22));
  device.now += hours(24) - Duration(1);
  EXPECT_FALSE(confirmable(23));
  device.now += Duration(1);
  EXPECT_TRUE(confirmable(24));
}

TEST(Rfc7641Section4_5, AllMayBeConfirmable) {
  TestDevice device;
  Notifier notifier(device.tree, {true});
  EXPECT_TRUE(notifier.observe(device.now, {coap::ResponderId{1}, kServer, path("/3/0/9"), {}}));
  device.set("/3/0/9", std::int64_t{1});
  notifier.changed(device.now, device.tree.poll_change().value());
  EXPECT_TRUE(notifier.poll_due(device.now)->confirmable);
}

TEST(Notifier, DormantObservationsKeepTheirRulesOneForEachPath) {
  Observed device;
  device.assign("/3303/0/5700", {"pmin=10"});
  const auto observe = [&](std::uint64_t id, ServerId server, std::string_view where) {
    EXPECT_TRUE(device.notifier.observe(device.now, {coap::ResponderId{id}, server, path(where), {}}));
  };
  observe(2, kServer, "/3303/0/5700");
  observe(3, kServer, "/3/0");
  observe(4, 102, "/3/0");
  EXPECT_EQ(device.notifier.suspend(kServer).size(), 3U);
  EXPECT_TRUE(device.notifier.suspend(kServer).empty());
  EXPECT_EQ(device.notifier.observations().size(), 1U) << "the other server's";
  EXPECT_TRUE(device.notifier.observes(kServer, path("/3/0")));
  EXPECT_FALSE(device.notifier.find(kServer, path("/3/0")));
  device.temperature(21);
  EXPECT_EQ(device.next(), seconds(10));
  device.now += seconds(10);
  const auto next = device.notifier.poll_due(device.now);
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->dormant);
  EXPECT_EQ(next->observation.id, coap::ResponderId{1});
  EXPECT_FALSE(device.due());
  EXPECT_TRUE(device.notifier.has_dormant(kServer));
  device.notifier.drop_dormant(kServer, path("/3/0"));
  EXPECT_FALSE(device.notifier.observes(kServer, path("/3/0")));
  device.notifier.drop_dormant(kServer);
  EXPECT_FALSE(device.notifier.has_dormant(kServer));
  EXPECT_EQ(device.notifier.observations().size(), 1U);
}

TEST(Notifier, WhatAnObserverIsOwedWaitsForPMinToo) {
  Observed device;
  device.assign("/3303/0/5700", {"pmin=10", "st=5"});
  device.notifier.owe(coap::ResponderId{1});
  EXPECT_EQ(device.next(), seconds(10));
  device.now += seconds(10);
  EXPECT_TRUE(device.due());
  EXPECT_FALSE(device.due());
}

TEST(Notifier, AnnouncesEachInTheOrderInWhichItBeganToWait) {
  Observed device("/3/0/9");
  for (std::uint64_t id = 9; id > 1; --id) {
    EXPECT_TRUE(device.notifier.observe(device.now, {coap::ResponderId{id}, kServer, path("/3303/0/5700"), {}}));
  }
  device.temperature(21);
  device.change("/3/0/9", std::int64_t{50});
  std::vector<std::uint64_t> order;
  while (const auto next = device.notifier.poll_due(device.now)) order.push_back(next->observation.id.value);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{9, 8, 7, 6, 5, 4, 3, 2, 1}));
}

TEST(Notifier, EndsByIdByPathByServerAndWithItsInstance) {
  Observed device;
  const auto observe = [&](std::uint64_t id, ServerId server, std::string_view where) {
    EXPECT_TRUE(device.notifier.observe(device.now, {coap::ResponderId{id}, server, path(where), {}}));
  };
  observe(2, kServer, "/3303/0/5700");
  observe(3, 102, "/3303/0/5700");
  observe(4, kServer, "/3303/0");
  observe(5, kServer, "/3/0");
  EXPECT_TRUE(device.notifier.cancel(coap::ResponderId{2}));
  EXPECT_FALSE(device.notifier.cancel(coap::ResponderId{2}));
  EXPECT_EQ(device.notifier.cancel(kServer, path("/3303/0/5700")), std::vector{coap::ResponderId{1}});
  EXPECT_EQ(device.notifier.take_below(path("/3303/0")).size(), 2U);
  EXPECT_TRUE(device.notifier.observes(kServer, path("/3/0")));
  device.notifier.drop_server(kServer);
  EXPECT_TRUE(device.notifier.observations().empty());
}

TEST(Notifier, HasALimit) {
  TestDevice device;
  NotificationPolicy policy;
  policy.observations_max = 2;
  Notifier notifier(device.tree, policy);
  const auto observe = [&](std::uint64_t id) {
    return notifier.observe(device.now, {coap::ResponderId{id}, kServer, path("/3/0"), {}});
  };
  EXPECT_TRUE(observe(1));
  EXPECT_TRUE(observe(2));
  EXPECT_FALSE(observe(3));
  EXPECT_TRUE(notifier.cancel(coap::ResponderId{1}));
  EXPECT_TRUE(observe(3));
}

}  // namespace
}  // namespace drover::client::testing
