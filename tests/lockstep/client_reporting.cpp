// SPDX-License-Identifier: Apache-2.0
// Information reporting, Transport Figure 7, from the client's side.
#include "tests/lockstep/client_peer.hpp"

namespace drover::testing {
namespace {

/// A registered device with radio signal strength 76 at /4/0/2.
struct Radio : Device {
  Radio() {
    client.define(*shipped().find(4));
    add(4, 0);
    set("/4/0/2", std::int64_t{76});
    be_registered();
  }
};

TEST(TransportFigure7, ObserveNotifyAndCancelByReset) {
  Radio device;
  device.in("CON 0017 GET t=1234 /4/0/2 obs=0");
  device.out("ACK 0017 2.05 t=1234 obs=? ct=0 '76'");
  device.set("/4/0/2", std::int64_t{92});
  device.out("NON ? 2.05 t=1234 obs=? ct=0 '92'");
  device.set("/4/0/2", std::int64_t{87});
  device.out("NON ? 2.05 t=1234 obs=? ct=0 '87'");
  device.in("RST $m EMPTY");
  device.set("/4/0/2", std::int64_t{10});
  device.quiet();
  EXPECT_TRUE(device.client.notifier().observations().empty());
}

TEST(CoreSection5_5_3, CancelByGetWithTheSameAndWithAnotherToken) {
  Radio device;
  device.in("CON 0001 GET t=1234 /4/0/2 obs=0");
  device.out("ACK 0001 2.05 t=1234 obs=? ct=0 '76'");
  device.in("CON 0002 GET t=1234 /4/0/2 obs=1");
  device.out("ACK 0002 2.05 t=1234 ct=0 '76'");
  device.set("/4/0/2", std::int64_t{10});
  device.quiet();
  device.in("CON 0003 GET t=1234 /4/0/2 obs=0");
  device.out("ACK 0003 2.05 t=1234 obs=? ct=0 '10'");
  device.in("CON 0004 GET t=99 /4/0/2 obs=1");
  device.out("ACK 0004 2.05 t=99 ct=0 '10'");
  device.set("/4/0/2", std::int64_t{11});
  device.quiet();
}

TEST(CoreSection5_5_1, InstancesAndObjectsAreObservedInTheAskedFormat) {
  Radio device;
  device.in("CON 0001 GET t=01 /4/0 obs=0 accept=11543");
  device.out("ACK 0001 2.05 t=01 obs=? ct=11543 ?");
  device.in("CON 0002 GET t=02 /3303 obs=0");
  device.out("ACK 0002 4.04 t=02 ?");
  device.set("/4/0/2", std::int64_t{1});
  device.out("NON ? 2.05 t=01 obs=? ct=11543 ?");
  device.quiet();
}

TEST(CoreSection5_1_2, WriteAttributesHoldBackAndRepeat) {
  Radio device;
  device.in("CON 0001 GET t=01 /4/0/2 obs=0");
  device.out("ACK 0001 2.05 t=01 obs=? ct=0 '76'");
  device.in("CON 0002 PUT t=02 /4/0/2 ?pmin=10 ?pmax=60");
  device.out("ACK 0002 2.04 t=02");
  device.set("/4/0/2", std::int64_t{77});
  device.set("/4/0/2", std::int64_t{78});
  device.pass(seconds(9));
  device.quiet();
  EXPECT_EQ(device.client.deadline()->reason, Reason::PMin);
  device.pass(seconds(1));
  device.out("NON ? 2.05 t=01 obs=? ct=0 '78'");
  device.pass(seconds(59));
  device.quiet();
  EXPECT_EQ(device.client.deadline()->reason, Reason::PMax);
  device.pass(seconds(1));
  device.out("NON ? 2.05 t=01 obs=? ct=0 '78'");
}

TEST(CoreAppendixE2, DefaultPeriodsOfTheServerObjectHold) {
  Radio device;
  device.in("CON 0001 GET t=01 /4/0/2 obs=0");
  device.out("ACK 0001 2.05 t=01 obs=? ct=0 '76'");
  device.in("CON 0002 PUT t=02 /1/0/3 ct=0 '30'");
  device.out("ACK 0002 2.04 t=02");
  device.pass(seconds(30));
  device.out("NON ? 2.05 t=01 obs=? ct=0 '76'");
}

TEST(Rfc7641Section4_2, ADeletedInstanceEndsItsObservationsWithFourOhFour) {
  Radio device;
  device.client.define(*shipped().find(3303));
  device.add(3303, 0);
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd/5a3f ct=40 ?");
  device.in("ACK $m 2.04 t=$t");
  device.in("CON 0001 GET t=01 /3303/0/5700 obs=0");
  device.out("ACK 0001 2.05 t=01 obs=? ct=0 '0'");
  device.in("CON 0002 DELETE t=02 /3303/0");
  device.out("ACK 0002 2.02 t=02");
  device.out("CON ? 4.04 t=01");
  EXPECT_TRUE(device.client.notifier().observations().empty());
}

TEST(CoreSection5_5_1, AnUnansweredConfirmableNotificationDoesntEndTheObservation) {
  client::ClientSettings settings = plain_settings();
  settings.notification.confirmable = true;
  Device device(settings);
  device.be_registered();
  device.in("CON 0001 GET t=01 /3/0/0 obs=0");
  device.out("ACK 0001 2.05 t=01 obs=? ct=0 ?");
  device.set("/3/0/0", std::string("A"));
  device.out("CON ? 2.05 t=01 obs=? ct=0 'A'");
  device.pass(seconds(100));
  EXPECT_EQ(device.client.notifier().observations().size(), 1U);
}

TEST(CoreSection5_5_1, ANewRegistrationForgetsTheObservations) {
  Radio device;
  device.in("CON 0001 GET t=01 /4/0/2 obs=0");
  device.out("ACK 0001 2.05 t=01 obs=? ct=0 '76'");
  device.client.address_changed(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=2");
  device.set("/4/0/2", std::int64_t{1});
  device.quiet();
}

}  // namespace
}  // namespace drover::testing
