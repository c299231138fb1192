// SPDX-License-Identifier: Apache-2.0
// Core Appendix B.1.4 and B.2.4, and the attributes of B.1.3, which show in what is reported.
#include <set>

#include "tests/conformance/configurations.hpp"

namespace drover::conformance {
namespace {

constexpr const char* kSensor = "/3303/0/5700";

/// A thermometer that a server observes, with these attributes.
class Observed {
 public:
  explicit Observed(const std::vector<std::string>& attributes = {}) : site(with_thermometer()) {
    site.start();
    if (!attributes.empty()) {
      EXPECT_EQ(site.server().attributes(kSensor, attributes).response, "ACK 2.04");
    }
    EXPECT_TRUE(site.server().observe(kSensor, format::kText).is(Status::Content));
    site.forget_messages();
    begin_ = site.now();
  }

  void show(double value) { site.set(kSensor, value); }
  void pass(int time) { site.pass(seconds(time)); }
  /// Each notification so far with its second since the observation began: "10:22.5 70:22.5".
  [[nodiscard]] std::string heard() const {
    std::string text;
    for (const Message& message : site.notifications()) {
      const auto when = std::chrono::duration_cast<seconds>(message.when - begin_).count();
      text += (text.empty() ? "" : " ") + std::to_string(when) + ":" + std::string(as_text(message.payload));
    }
    return text;
  }

  Site site;

 private:
  Instant begin_;
};

// ---- the client: attributes -----------------------------------------------------------------------------------------

TEST(Scr, DMSE_005_C_MinimumPeriodHoldsBackAndCoalesces) {
  Observed sensor({"pmin=10"});
  sensor.pass(4);
  sensor.show(21);
  sensor.pass(2);
  sensor.show(22.5);
  EXPECT_EQ(sensor.heard(), "");
  sensor.pass(30);
  EXPECT_EQ(sensor.heard(), "10:22.5") << "once, with the newest value, as soon as the period is over";
  sensor.show(23);
  EXPECT_EQ(sensor.heard(), "10:22.5 36:23") << "at once when the period has passed already";
}

TEST(Scr, DMSE_006_C_MaximumPeriodRepeats) {
  Observed sensor({"pmax=60"});
  sensor.pass(59);
  EXPECT_EQ(sensor.heard(), "");
  sensor.pass(1);
  EXPECT_EQ(sensor.heard(), "60:20") << "without a change";
  sensor.pass(10);
  sensor.show(21);
  sensor.pass(59);
  EXPECT_EQ(sensor.heard(), "60:20 70:21") << "each notification starts the period again";
  sensor.pass(1);
  EXPECT_EQ(sensor.heard(), "60:20 70:21 130:21");
}

TEST(Scr, DMSE_007_C_GreaterThanIsCrossedBothWays) {
  Observed sensor({"gt=30"});
  sensor.show(25);
  sensor.show(29.9);
  EXPECT_EQ(sensor.heard(), "");
  sensor.show(30.5);
  sensor.show(35);
  EXPECT_EQ(sensor.heard(), "0:30.5");
  sensor.show(28);
  EXPECT_EQ(sensor.heard(), "0:30.5 0:28");
}

TEST(Scr, DMSE_008_C_LessThanIsCrossedBothWays) {
  Observed sensor({"lt=10"});
  sensor.show(15);
  EXPECT_EQ(sensor.heard(), "");
  sensor.show(9.5);
  sensor.show(3);
  EXPECT_EQ(sensor.heard(), "0:9.5");
  sensor.show(12);
  EXPECT_EQ(sensor.heard(), "0:9.5 0:12");
}

TEST(Scr, DMSE_009_C_StepIsMeasuredFromTheLastNotified) {
  Observed sensor({"st=2"});
  sensor.show(21);
  sensor.show(21.9);
  EXPECT_EQ(sensor.heard(), "");
  sensor.show(22);
  EXPECT_EQ(sensor.heard(), "0:22") << "greater or equal";
  sensor.show(21);
  sensor.show(20.5);
  EXPECT_EQ(sensor.heard(), "0:22");
  sensor.show(19.5);
  EXPECT_EQ(sensor.heard(), "0:22 0:19.5");
}

TEST(Scr, DMSE_010_C_CancelEndsTheObservationOfThatServer) {
  Site site(with_thermometer({1, 2}));
  site.start();
  ASSERT_TRUE(site.server(1).observe(kSensor, format::kText).is(Status::Content));
  ASSERT_TRUE(site.server(2).observe(kSensor, format::kText).is(Status::Content));
  const Exchange exchange = site.server(1).attributes(kSensor, {"cancel"});
  EXPECT_EQ(exchange.request, "CON PUT /3303/0/5700 ?cancel");
  EXPECT_EQ(exchange.response, "ACK 2.04");
  site.set(kSensor, 25.0);
  EXPECT_TRUE(site.notifications(1).empty());
  EXPECT_EQ(site.notifications(2).size(), 1U);
}

// ---- the client: observation ----------------------------------------------------------------------------------------

TEST(Scr, IR_001_C_ObserveOnResourceInstanceAndObject) {
  Site site(with_thermometer());
  site.start();
  Server& server = site.server();
  const Exchange resource = server.observe(kSensor, format::kText);
  EXPECT_EQ(resource.response.substr(0, 13), "ACK 2.05 obs=");
  EXPECT_EQ(as_text(resource.payload), "20");
  EXPECT_EQ(server.observe("/3303/0", format::kJson).response.substr(0, 13), "ACK 2.05 obs=");
  EXPECT_EQ(server.observe("/3303", format::kTlv).response.substr(0, 13), "ACK 2.05 obs=");
  site.set(kSensor, 21.0);
  std::multiset<std::string> formats;
  for (const Message& message : site.notifications()) formats.insert(message.option("ct="));
  EXPECT_EQ(formats, (std::multiset<std::string>{"ct=0", "ct=11543", "ct=11542"})) << "each in the format asked for";
  EXPECT_EQ(server.observe("/3303/5").response.substr(0, 8), "ACK 4.04");
  EXPECT_EQ(server.observe("/3/0/4").response.substr(0, 8), "ACK 4.05");
}

TEST(Scr, IR_002_C_NotifyHasTheTokenAndARisingNumber) {
  Site site(with_thermometer());
  site.start();
  site.server().observe(kSensor, format::kText);
  std::string token;
  for (const Message& message : site.messages()) {
    if (!message.option("obs=").empty()) token = message.token;
  }
  for (const double value : {21.0, 22.0, 23.0}) {
    site.pass(seconds(1));
    site.set(kSensor, value);
  }
  const auto notifications = site.notifications();
  ASSERT_EQ(notifications.size(), 3U);
  int last = -1;
  for (const Message& message : notifications) {
    EXPECT_EQ(message.token, token);
    EXPECT_EQ(message.option("ct="), "ct=0");
    const int number = std::stoi(message.option("obs=").substr(4));
    EXPECT_GT(number, last);
    last = number;
  }
  EXPECT_EQ(as_text(notifications.back().payload), "23");
}

TEST(Scr, IR_003_C_CancelByGetAndByReset) {
  Site site(with_thermometer());
  site.start();
  Server& server = site.server();
  server.observe(kSensor, format::kText);
  const Exchange cancel = server.cancel(kSensor);
  EXPECT_EQ(cancel.response, "ACK 2.05 ct=0 '20'") << "the value, without an Observe option";
  site.set(kSensor, 21.0);
  EXPECT_TRUE(site.notifications().empty());
  // A Reset to a notification.
  server.observe(kSensor, format::kText);
  server.cancel(kSensor, server::CancelMode::Reset);
  site.set(kSensor, 22.0);
  EXPECT_EQ(site.last_line(), "RST EMPTY");
  site.set(kSensor, 23.0);
  EXPECT_EQ(site.notifications().size(), 1U);
  EXPECT_TRUE(site.client().notifier().observations().empty());
}

// ---- the server -----------------------------------------------------------------------------------------------------

TEST(Scr, IR_001_S_Observe) {
  Site site(with_thermometer());
  site.start();
  Server& server = site.server();
  const Exchange resource = server.observe(kSensor, format::kText);
  EXPECT_EQ(resource.request, "CON GET obs=0 /3303/0/5700 accept=0");
  EXPECT_EQ(as_text(resource.answer().payload), "20");
  EXPECT_EQ(server.observe("/3303/0").request, "CON GET obs=0 /3303/0 accept=11542");
  EXPECT_EQ(server.observe("/3303").request, "CON GET obs=0 /3303 accept=11542");
  ASSERT_EQ(server.observations().size(), 3U);
  EXPECT_EQ(server.observations().front().path, at(kSensor));
  EXPECT_TRUE(server.observe("/3303/5").is(Status::NotFound));
  EXPECT_EQ(server.observations().size(), 3U);
  // A client that registers again is asked again for all of them (Core §5.5.1).
  site.forget_messages();
  site.restart();
  site.pass(seconds(1));
  int asked = 0;
  for (const Message& message : site.messages()) asked += !message.from_client && message.option("obs=") == "obs=0";
  EXPECT_EQ(asked, 3);
}

TEST(Scr, IR_002_S_NotificationsReachTheApplication) {
  Site site(with_thermometer());
  site.start();
  Server& server = site.server();
  server.observe(kSensor, format::kText);
  site.set(kSensor, 21.5);
  EXPECT_EQ(server.notified(kSensor), "21.5");
  server.observe("/3303/0", format::kJson);
  site.set(kSensor, 22.5);
  EXPECT_EQ(server.notified("/3303/0").substr(0, 14), "{\"bn\":\"/3303/0");
  // A confirmable one is acknowledged.
  Configuration configuration = with_thermometer();
  configuration.settings.notification.confirmable = true;
  Site confirmed(configuration);
  confirmed.start();
  confirmed.server().observe(kSensor, format::kText);
  confirmed.set(kSensor, 23.5);
  ASSERT_EQ(confirmed.notifications().size(), 1U);
  EXPECT_EQ(confirmed.notifications()[0].type(), "CON");
  EXPECT_EQ(confirmed.last_line(), "ACK EMPTY");
  EXPECT_EQ(confirmed.server().notified(kSensor), "23.5");
}

TEST(Scr, IR_003_S_CancelObservation) {
  Site site(with_thermometer());
  site.start();
  Server& server = site.server();
  server.observe(kSensor, format::kText);
  const Exchange cancel = server.cancel(kSensor);
  EXPECT_EQ(cancel.request, "CON GET obs=1 /3303/0/5700 accept=0");
  EXPECT_TRUE(cancel.is(Status::Content));
  EXPECT_TRUE(server.event(server::EventKind::ObservationEnded));
  EXPECT_TRUE(server.observations().empty());
  server.observe(kSensor, format::kText);
  EXPECT_TRUE(server.cancel(kSensor, server::CancelMode::Reset).is(Status::Deleted));
  server.forget_events();
  site.set(kSensor, 21.5);
  EXPECT_EQ(server.notified(kSensor), "none");
  EXPECT_EQ(site.last_line(), "RST EMPTY");
}

}  // namespace
}  // namespace drover::conformance
