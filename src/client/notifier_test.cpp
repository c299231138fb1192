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
  bool due() { return notifier.poll_due(now).has_value(); }
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

TEST(CoreSection5_5_2, PMinWithholdsAndPMaxRepeats) {  // Figure 14: pmin 10, pmax 60
  Observed device;
  EXPECT_EQ(device.attributes("/3303/0/5700", {"pmin=10", "pmax=60"}), Status::Changed);
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

TEST(CoreAppendixE2, DefaultPeriodsHoldWithoutAttributes) {
  Observed device;
  device.notifier.set_defaults(kServer, {5, 20});
  device.temperature(21);
  EXPECT_FALSE(device.due());
  EXPECT_EQ(device.next(), seconds(5));
  EXPECT_EQ(device.attributes("/3303/0/5700", {"pmin=0"}), Status::Changed);
  device.temperature(22);
  device.now += seconds(5);
  EXPECT_TRUE(device.due());
  EXPECT_EQ(device.next(), seconds(20));
}

TEST(CoreSection5_1_2, APMaxOfZeroOrBelowPMinDoesntRepeatEarly) {
  Observed device;
  device.notifier.set_defaults(kServer, {30, 0});
  EXPECT_FALSE(device.notifier.deadline());
  device.notifier.set_defaults(kServer, {30, 10});
  EXPECT_EQ(device.next(), seconds(30));
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
  EXPECT_EQ(device.attributes("/3303/0/5700", {"st=2"}), Status::Changed);
  device.notifier.attributes_changed(device.now);
  device.temperature(21.5);
  EXPECT_FALSE(device.due());
  device.temperature(22.5);
  EXPECT_TRUE(device.due()) << "two away from 20.5";
  device.temperature(21);
  EXPECT_FALSE(device.due());
}

TEST(CoreSection5_1_2, ACrossingDuringPMinIsStillTold) {
  Observed device;
  EXPECT_EQ(device.attributes("/3303/0/5700", {"gt=30", "pmin=10"}), Status::Changed);
  device.notifier.attributes_changed(device.now);
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

TEST(Rfc7641Section4_5, OneNotificationADayIsConfirmable) {
  Observed device;
  device.now += hours(23);
  device.temperature(21);
  EXPECT_FALSE(device.notifier.poll_due(device.now)->confirmable);
  device.now += hours(1);
  device.temperature(22);
  EXPECT_TRUE(device.notifier.poll_due(device.now)->confirmable);
  device.now += hours(23);
  device.temperature(23);
  EXPECT_FALSE(device.notifier.poll_due(device.now)->confirmable);
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
  EXPECT_TRUE(device.notifier.observes(kServer));
  device.notifier.drop_server(kServer);
  EXPECT_TRUE(device.notifier.observations().empty());
}

TEST(Notifier, HasALimit) {
  Observed device;
  for (std::uint64_t id = 2; id <= Notifier::kObservationsMax; ++id) {
    EXPECT_TRUE(device.notifier.observe(device.now, {coap::ResponderId{id}, kServer, path("/3/0"), {}}));
  }
  EXPECT_FALSE(device.notifier.observe(device.now, {coap::ResponderId{9999}, kServer, path("/3/0"), {}}));
}

}  // namespace
}  // namespace drover::client::testing
