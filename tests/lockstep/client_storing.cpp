// SPDX-License-Identifier: Apache-2.0
// "Notification Storing When Disabled or Offline" (Core E.2, resource 6), and what becomes of observations meanwhile.
#include "tests/lockstep/client_peer.hpp"

namespace drover::testing {
namespace {

client::ClientSettings confirmable() {
  client::ClientSettings settings = plain_settings();
  settings.notification.confirmable = true;
  return settings;
}

/// Registered, with radio signal strength 76 at /4/0/2.
struct Radio : Device {
  explicit Radio(const client::ClientSettings& settings = plain_settings()) : Device(settings) {
    client.define(*shipped().find(4));
    add(4, 0);
    set("/4/0/2", std::int64_t{76});
    set("/1/0/5", std::int64_t{600});
    be_registered();
  }
  void strength(std::int64_t value) { set("/4/0/2", value); }
  void observe(const std::string& tag, const std::string& value) {
    in("CON 00" + tag + " GET t=" + tag + " /4/0/2 obs=0");
    out("ACK 00" + tag + " 2.05 t=" + tag + " obs=? ct=0 '" + value + "'");
  }
  void observe_json(const std::string& tag) {
    in("CON 00" + tag + " GET t=" + tag + " /4/0/2 obs=0 accept=11543");
    out("ACK 00" + tag + " 2.05 t=" + tag + " obs=? ct=11543 ?");
  }
  /// The server disables itself for ten minutes.
  void disable() {
    in("CON 0dd0 POST t=dd /1/0/4");
    out("ACK 0dd0 2.04 t=dd");
    out("CON ? DELETE t=? /rd/5a3f");
    in("ACK $m 2.02 t=$t");
    quiet();
  }
  void register_again() {
    out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
    in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
    quiet();
  }
  void delivers(const std::string& tag, const std::string& value) {
    out("CON ? 2.05 t=" + tag + " obs=? ct=0 '" + value + "'");
    quiet();
    in("ACK $m EMPTY");
  }
  std::string payload() {
    const auto begin = std::find(last_sent.begin(), last_sent.end(), std::uint8_t{0xFF});
    return {begin + 1, last_sent.end()};
  }
  [[nodiscard]] std::size_t kept() const { return client.kept_notifications().size(); }
};

TEST(CoreAppendixE2, WhileDisabledNotificationsAreKeptAndDeliveredInOrder) {
  Radio device;
  device.observe("01", "76");
  device.disable();
  device.pass(seconds(10));
  device.strength(80);
  device.pass(seconds(10));
  device.strength(81);
  device.quiet();
  EXPECT_EQ(device.kept(), 2U);
  device.pass(seconds(580));
  device.register_again();
  EXPECT_EQ(device.kept(), 2U);
  device.observe("02", "81");
  device.delivers("02", "80");
  device.out("CON ? 2.05 t=02 obs=? ct=0 '81'");
  device.strength(82);  // behind the kept ones
  device.quiet();
  device.in("ACK $m EMPTY");
  device.delivers("02", "82");
  device.quiet();
  EXPECT_TRUE(device.client.kept_notifications().empty());
  device.strength(83);
  device.out("NON ? 2.05 t=02 obs=? ct=0 '83'");
  device.quiet();
}

TEST(CoreSection6_4_4, InJsonTheyAreOneNotificationWithTimes) {
  Radio device;
  device.client.device().set_clock(device.now, 1'700'000'000);
  device.observe_json("01");
  device.disable();
  device.pass(seconds(10));
  device.strength(80);
  device.pass(seconds(20));
  device.strength(81);
  device.pass(seconds(570));
  device.register_again();
  device.observe_json("02");
  device.out("CON ? 2.05 t=02 obs=? ct=11543 ?");
  EXPECT_EQ(device.payload(), R"({"bn":"/4/0/2","e":[{"v":80},{"v":81,"t":20}],"bt":1700000010})");
  device.strength(82);
  device.quiet();
  device.in("ACK $m EMPTY");
  device.out("CON ? 2.05 t=02 obs=? ct=11543 ?");
  EXPECT_EQ(device.payload(), R"({"bn":"/4/0/2","e":[{"v":82}],"bt":1700000600})");
  device.in("ACK $m EMPTY");
  device.quiet();
  device.strength(83);
  device.out("NON ? 2.05 t=02 obs=? ct=11543 '{\"bn\":\"/4/0/2\",\"e\":[{\"v\":83}]}'");
}

TEST(CoreSection6_4_4, WithoutAClockTheTimesAreRelative) {
  Radio device;
  device.observe_json("01");
  device.disable();
  device.strength(80);
  device.pass(seconds(600));
  device.register_again();
  device.observe_json("02");
  device.out("CON ? 2.05 t=02 obs=? ct=11543 ?");
  EXPECT_EQ(device.payload(), R"({"bn":"/4/0/2","e":[{"v":80}],"bt":-600})");
}

TEST(CoreAppendixE2, AnObservationInAnotherFormatGetsThemInThatFormat) {
  Radio device;
  device.observe("01", "76");
  device.disable();
  device.strength(80);
  device.pass(seconds(600));
  device.register_again();
  device.observe_json("02");
  device.out("CON ? 2.05 t=02 obs=? ct=11543 ?");
  EXPECT_EQ(device.payload(), R"({"bn":"/4/0/2","e":[{"v":80}],"bt":-600})");
}

TEST(CoreAppendixE2, TheRulesOfTheObservationHoldMeanwhile) {
  Radio device;
  device.in("CON 0005 PUT t=05 /4/0/2 ?st=10 ?pmax=200");
  device.out("ACK 0005 2.04 t=05");
  device.observe("01", "76");
  device.disable();
  device.strength(80);
  EXPECT_EQ(device.kept(), 0U);
  device.strength(86);
  EXPECT_EQ(device.kept(), 1U);
  device.pass(seconds(599));
  EXPECT_EQ(device.kept(), 3U) << "and every 200 s";
}

TEST(CoreAppendixE2, WithoutStoringTheyAreDiscarded) {
  Radio device;
  device.set("/1/0/6", false);
  device.observe("01", "76");
  device.disable();
  device.strength(80);
  EXPECT_EQ(device.kept(), 0U);
  device.pass(seconds(600));
  device.register_again();
  device.observe("02", "80");
  device.quiet();
}

TEST(CoreAppendixE2, AServerThatDoesntObserveAgainInTimeLosesThem) {
  Radio device;
  device.observe("01", "76");
  device.disable();
  device.strength(80);
  device.pass(seconds(600));
  device.register_again();
  device.pass(seconds(299));
  EXPECT_EQ(device.kept(), 1U);
  device.pass(seconds(1));
  EXPECT_EQ(device.kept(), 0U);
  device.observe("02", "80");
  device.strength(81);
  device.out("NON ? 2.05 t=02 obs=? ct=0 '81'");
  device.quiet();
}

TEST(CoreAppendixE2, WhatIsRefusedWhenItIsObservedAgainIsForgotten) {
  Radio device;
  device.client.define(*shipped().find(3303));
  device.add(3303, 0);
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd/5a3f ct=40 ?");
  device.in("ACK $m 2.04 t=$t");
  device.in("CON 0001 GET t=01 /3303 obs=0");
  device.out("ACK 0001 2.05 t=01 obs=? ct=? ?");
  device.disable();
  device.set("/3303/0/5700", 1.0);
  EXPECT_EQ(device.kept(), 1U);
  device.pass(seconds(600));
  device.register_again();
  device.in("CON 0002 GET t=02 /3303 obs=0 accept=42");
  device.out("ACK 0002 4.06 t=02 ?");
  EXPECT_EQ(device.kept(), 0U);
}

TEST(CoreAppendixE2, ADeletedInstanceTakesThemWithIt) {
  Radio device;
  device.client.define(*shipped().find(3303));
  device.add(3303, 0);
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd/5a3f ct=40 ?");
  device.in("ACK $m 2.04 t=$t");
  device.in("CON 0001 GET t=01 /3303/0/5700 obs=0");
  device.out("ACK 0001 2.05 t=01 obs=? ct=0 ?");
  device.disable();
  device.set("/3303/0/5700", 1.0);
  EXPECT_EQ(device.kept(), 1U);
  ASSERT_TRUE(device.client.tree().remove({device.now, std::nullopt}, 3303, 0));
  device.client.settle(device.now);
  EXPECT_EQ(device.kept(), 0U);
  device.quiet();
}

TEST(CoreSection5_5_1, DeregistrationNullifiesThem) {
  Radio device;
  device.observe("01", "76");
  device.disable();
  device.strength(80);
  device.client.stop(device.now);
  EXPECT_EQ(device.kept(), 0U);
  EXPECT_FALSE(device.client.notifier().has_dormant(1));
  device.client.start(device.now);
  device.register_again();
  device.observe("02", "80");
  device.quiet();
}

TEST(CoreAppendixE2, ANewRegistrationAfterAnAddressChangeKeepsWhatCameBetween) {
  Radio device(confirmable());
  device.observe("01", "76");
  device.strength(80);
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");  // never acknowledged
  device.client.address_changed(device.now);
  device.strength(81);
  device.register_again();
  device.strength(82);
  device.observe("02", "82");
  device.delivers("02", "80");
  device.delivers("02", "81");
  device.delivers("02", "82");
  device.quiet();
}

TEST(CoreAppendixE2, AfterATimeoutAnUpdateFindsOutWhetherTheServerIsThere) {
  client::ClientSettings settings = confirmable();
  settings.coap.ack_random_permille = 1000;  // 2 + 4 + 8 + 16 + 32 s
  Radio device(settings);
  device.observe("01", "76");
  device.strength(80);
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.strength(81);
  device.strength(82);
  device.quiet();
  device.pass(seconds(62));
  for (int repetition = 0; repetition < 4; ++repetition) device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.out("CON ? POST t=? /rd/5a3f");
  EXPECT_EQ(device.kept(), 2U) << "the one that was sent, and the newest of those behind it";
  device.strength(83);
  device.quiet();
  device.in("ACK $m 2.04 t=$t");
  device.delivers("01", "80");
  device.delivers("01", "82");
  device.delivers("01", "83");
  device.quiet();
}

TEST(CoreAppendixE2, TheyFlowOnTheSameObservationOnceTheServerIsHeard) {
  client::ClientSettings settings = confirmable();
  settings.coap.max_retransmit = 0;  // one transmission: nothing but it is on the wire before the time is over
  Radio device(settings);
  device.observe("01", "76");
  device.strength(80);
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.pass(seconds(3));
  device.out("CON ? POST t=? /rd/5a3f");
  device.strength(81);
  device.strength(82);
  device.quiet();
  EXPECT_EQ(device.kept(), 3U);
  device.in("ACK $m 2.04 t=$t");
  device.delivers("01", "80");
  device.delivers("01", "81");
  device.delivers("01", "82");
  device.quiet();
  device.strength(83);
  device.delivers("01", "83");
}

TEST(CoreAppendixE2, ARequestOfTheServerShowsThatItIsThere) {
  client::ClientSettings settings = confirmable();
  settings.coap.max_retransmit = 0;
  Radio device(settings);
  device.observe("01", "76");
  device.strength(80);
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.pass(seconds(3));
  device.out("CON ? POST t=? /rd/5a3f");
  const std::string update = device.mid, token = device.token;
  device.in("CON 0009 GET t=09 /4/0/2");
  device.out("ACK 0009 2.05 t=09 ct=0 '80'");
  device.in("ACK " + update + " 2.04 t=" + token);
  device.delivers("01", "80");
  device.quiet();
}

TEST(CoreAppendixE2, WithoutStoringTheValueOfTheMomentFollowsATimeout) {
  client::ClientSettings settings = confirmable();
  settings.coap.max_retransmit = 0;
  Radio device(settings);
  device.set("/1/0/6", false);
  device.observe("01", "76");
  device.strength(80);
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.pass(seconds(3));
  device.out("CON ? POST t=? /rd/5a3f");
  device.strength(81);
  device.strength(82);
  device.quiet();
  EXPECT_EQ(device.kept(), 0U);
  device.in("ACK $m 2.04 t=$t");
  device.delivers("01", "82");
  device.quiet();
}

TEST(CoreAppendixE2, OneTimeoutTakesBackTheOthersThatWaitForTheSameServer) {
  client::ClientSettings settings = confirmable();
  settings.coap.max_retransmit = 0;
  Radio device(settings);
  device.observe("01", "76");
  device.in("CON 0002 GET t=02 /3/0/0 obs=0");
  device.out("ACK 0002 2.05 t=02 obs=? ct=0 ?");
  device.strength(80);
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.set("/3/0/0", std::string("another"));
  device.pass(seconds(3));
  device.out("CON ? 2.05 t=02 obs=? ct=0 'another'");  // it went with the timeout, and is taken back:
  device.out("CON ? POST t=? /rd/5a3f");               // the Update doesn't wait until it has timed out, too
  device.quiet();
  device.in("ACK $m 2.04 t=$t");
  device.out("CON ? 2.05 t=02 obs=? ct=0 'another'");
  device.in("ACK $m EMPTY");
  device.delivers("01", "80");
  device.quiet();
  EXPECT_EQ(device.kept(), 0U);
}

TEST(CoreAppendixE2, AnUnansweredUpdateLeadsToANewRegistrationAndThenTheyAreDelivered) {
  client::ClientSettings settings = confirmable();
  settings.coap.max_retransmit = 0;
  Radio device(settings);
  device.observe("01", "76");
  device.strength(80);
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.pass(seconds(3));
  device.out("CON ? POST t=? /rd/5a3f");
  device.pass(seconds(3));
  device.strength(81);
  device.register_again();
  device.observe("02", "81");
  device.delivers("02", "80");
  device.delivers("02", "81");
  device.quiet();
}

TEST(CoreAppendixE2, ADeliveryThatIsntAcknowledgedIsTriedAgain) {
  client::ClientSettings settings = plain_settings();
  settings.coap.max_retransmit = 0;
  Radio device(settings);
  device.observe("01", "76");
  device.disable();
  device.strength(80);
  device.strength(81);
  device.pass(seconds(600));
  device.register_again();
  device.observe("02", "81");
  device.out("CON ? 2.05 t=02 obs=? ct=0 '80'");
  device.pass(seconds(3));
  device.out("CON ? POST t=? /rd/5a3f");
  device.in("ACK $m 2.04 t=$t");
  device.delivers("02", "80");
  device.delivers("02", "81");
  device.quiet();
}

TEST(CoreAppendixE2, CancellingEndsTheDelivery) {
  Radio device;
  device.observe("01", "76");
  device.disable();
  device.strength(80);
  device.strength(81);
  device.pass(seconds(600));
  device.register_again();
  device.observe("02", "81");
  device.out("CON ? 2.05 t=02 obs=? ct=0 '80'");
  device.in("RST $m EMPTY");
  device.quiet();
  EXPECT_EQ(device.kept(), 0U);
}

}  // namespace
}  // namespace drover::testing
