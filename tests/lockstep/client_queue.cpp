// SPDX-License-Identifier: Apache-2.0
// Queue mode, the client's side: Figures 8 and 9 of the Transport document, and what may go wrong around them.
#include "tests/lockstep/secure_peer.hpp"

namespace drover::testing {
namespace {

using client::Asleep;
using client::Awake;

constexpr Duration kMaxTransmitWait = seconds(93);
constexpr const char* kQueuedRegister = "CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?b=UQ ?";

client::ClientSettings queued() {
  client::ClientSettings settings = plain_settings();
  settings.notification.confirmable = false;
  return settings;
}

/// With binding UQ, a lifetime of 600 s, and radio signal strength 76 at /4/0/2.
struct Sleeper : Device {
  explicit Sleeper(const client::ClientSettings& settings = queued(), std::uint32_t lifetime = 600)
      : Device(settings, "coap://192.0.2.1", lifetime) {
    client.define(*shipped().find(4));
    add(4, 0);
    set("/4/0/2", std::int64_t{76});
    set("/1/0/7", std::string("UQ"));
  }
  void be_registered() {
    client.start(now);
    out(kQueuedRegister);
    in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
    quiet();
  }
  void observe(const std::string& tag, const std::string& path, const std::string& value) {
    in("CON 00" + tag + " GET t=" + tag + " " + path + " obs=0");
    out("ACK 00" + tag + " 2.05 t=" + tag + " obs=? ct=0 '" + value + "'");
  }
  void be_asleep() {
    pass(kMaxTransmitWait);
    quiet();
    EXPECT_TRUE(client.is_offline());
    EXPECT_TRUE(client.accounts()[0].asleep);
  }
  void update() {
    out("CON ? POST t=? /rd/5a3f");
    quiet();
    EXPECT_FALSE(client.is_offline()) << "the answer is to be heard";
    in("ACK $m 2.04 t=$t");
  }
};

TEST(TransportFigure8, DeviceManagementWithQueueMode) {
  Sleeper device;
  device.be_registered();
  device.pass(kMaxTransmitWait - seconds(1));
  EXPECT_FALSE(device.client.is_offline());
  EXPECT_FALSE(device.event<Asleep>());
  EXPECT_EQ(device.client.deadline()->reason, Reason::QueueAwake);
  device.pass(seconds(1));
  EXPECT_TRUE(device.client.is_offline());
  EXPECT_EQ(device.event<Asleep>().value().server, 1);

  // "Client goes Online before Lifetime expires (Registration Update)"
  device.pass(seconds(600 - 93 - 93));
  EXPECT_EQ(device.event<Awake>().value().server, 1);
  device.update();
  device.in("CON 0001 GET t=01 /3/0/0");
  device.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
  device.pass(seconds(90));
  device.in("CON 0002 PUT t=02 /1/0/3 ct=0 '60'");
  device.out("ACK 0002 2.04 t=02");
  // "After MAX_TRANSMIT_WAIT with no messages": from the last one on.
  device.pass(kMaxTransmitWait - seconds(1));
  EXPECT_FALSE(device.client.is_offline());
  device.pass(seconds(1));
  EXPECT_TRUE(device.client.is_offline());
  device.quiet();
}

TEST(TransportFigure9, InformationReportingWithQueueMode) {
  Sleeper device;
  device.be_registered();
  device.observe("01", "/4/0/2", "76");
  device.be_asleep();
  device.pass(seconds(100));
  device.set("/4/0/2", std::int64_t{80});
  EXPECT_EQ(device.event<Awake>().value().server, 1);
  // "Client goes Online due to Observations Event (Registration Update)", and "Sends Notify" behind the answer.
  device.update();
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.quiet();
  device.in("ACK $m EMPTY");
  device.in("CON 0002 GET t=02 /3/0/0");
  device.out("ACK 0002 2.05 t=02 ct=0 'Open Mobile Alliance'");
  device.set("/4/0/2", std::int64_t{81});
  device.out("NON ? 2.05 t=01 obs=? ct=0 '81'");
  device.be_asleep();
}

TEST(TransportQueueMode, WhatArrivesWhileOfflineIsDroppedUnheard) {
  Sleeper device;
  device.be_registered();
  device.be_asleep();
  device.in("CON 0001 GET t=01 /3/0/0");
  device.in("CON 0002 EMPTY");
  device.in("CON 0003 GET t=03 /3/0/0", server_address(66));
  device.in(Bytes{0xFF, 0x00});
  device.quiet();
  EXPECT_EQ(device.client.counters().unheard, 4U);
  EXPECT_EQ(device.client.counters().operations, 0U);
  EXPECT_EQ(device.client.coap_counters().datagrams_in, 1U) << "the answer to the Register";
  EXPECT_TRUE(device.client.is_offline());
}

TEST(TransportQueueMode, NotificationsAreKeptInOrderWhateverNotificationStoringSays) {
  for (const bool storing : {true, false}) {
    client::ClientSettings settings = queued();
    settings.queue.notifications_wake = false;
    Sleeper device(settings);
    device.set("/1/0/6", storing);
    device.be_registered();
    device.observe("01", "/4/0/2", "76");
    device.be_asleep();
    for (const std::int64_t value : {80, 81, 82}) device.set("/4/0/2", value);
    device.quiet();
    EXPECT_EQ(device.client.kept_notifications().size(), 3U);
    device.pass(seconds(600 - 93 - 93));
    device.out("CON ? POST t=? /rd/5a3f");
    device.set("/4/0/2", std::int64_t{83});
    device.quiet();
    device.in("ACK $m 2.04 t=$t");
    for (const char* value : {"80", "81", "82", "83"}) {
      device.out("CON ? 2.05 t=01 obs=? ct=0 '" + std::string(value) + "'");
      device.quiet();
      device.in("ACK $m EMPTY");
    }
    device.quiet();
    EXPECT_TRUE(device.client.kept_notifications().empty());
    device.be_asleep();
  }
}

TEST(TransportQueueMode, SeveralNotificationsAtOnceWakeItOnce) {
  Sleeper device;
  device.be_registered();
  device.observe("01", "/4/0/2", "76");
  device.observe("02", "/3/0/0", "Open Mobile Alliance");
  device.be_asleep();
  auto& tree = device.client.tree();
  EXPECT_TRUE(tree.set({device.now, std::nullopt}, Path(4, 0, 2), std::int64_t{80}));
  EXPECT_TRUE(tree.set({device.now, std::nullopt}, Path(3, 0, 0), std::string("OMA")));
  device.client.settle(device.now);
  device.update();
  device.out("CON ? 2.05 t=02 obs=? ct=0 'OMA'");
  const std::string first = device.mid;
  device.in("ACK " + first + " EMPTY");
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.in("ACK $m EMPTY");
  device.quiet();
}

TEST(TransportQueueMode, AnUpdateThatIsLostIsRepeatedAndThenItRegistersAgain) {
  Sleeper device;
  device.be_registered();
  device.observe("01", "/4/0/2", "76");
  device.be_asleep();
  device.set("/4/0/2", std::int64_t{80});
  for (int copies = 0; copies < 5; ++copies) {
    device.out("CON ? POST t=? /rd/5a3f");
    device.quiet();
    while (device.client.deadline()->reason != Reason::Retransmit) device.pass(seconds(1));
    device.pass(device.client.deadline()->at - device.now);
  }
  EXPECT_FALSE(device.client.is_offline());
  device.out(kQueuedRegister);
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.quiet();
  EXPECT_EQ(device.client.kept_notifications().size(), 1U);
  // The server observes again, as it must (Core §5.5.1), and gets what it missed.
  device.observe("02", "/4/0/2", "80");
  device.out("CON ? 2.05 t=02 obs=? ct=0 '80'");
  device.in("ACK $m EMPTY");
  device.be_asleep();
}

TEST(TransportQueueMode, AConfirmableNotificationIsWaitedForBeforeItSleeps) {
  client::ClientSettings settings = queued();
  settings.notification.confirmable = true;
  settings.queue.awake = seconds(5);
  Sleeper device(settings);
  device.be_registered();
  device.observe("01", "/4/0/2", "76");
  device.set("/4/0/2", std::int64_t{80});
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.pass(seconds(4));
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.pass(seconds(8));
  EXPECT_FALSE(device.client.is_offline());
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.in("ACK $m EMPTY");
  device.pass(seconds(6));
  EXPECT_TRUE(device.client.is_offline());
  device.quiet();
}

TEST(TransportQueueMode, ItsOwnPlanWakesItMoreOften) {
  client::ClientSettings settings = queued();
  settings.queue.awake = seconds(20);
  settings.queue.wake_every = seconds(3600);
  Sleeper device(settings, 86400);
  device.be_registered();
  for (int day = 0; day < 3; ++day) {
    device.pass(seconds(20));
    EXPECT_TRUE(device.client.is_offline());
    EXPECT_EQ(device.client.deadline()->reason, Reason::QueueAwake);
    device.pass(seconds(3579));
    device.quiet();
    device.pass(seconds(1));
    device.update();
  }
}

TEST(TransportQueueMode, SleepAndWakeByHand) {
  Sleeper device;
  device.client.go_offline(device.now);
  EXPECT_FALSE(device.client.is_offline()) << "not registered";
  device.be_registered();
  device.client.go_offline(device.now);
  EXPECT_TRUE(device.client.is_offline());
  device.client.wake(device.now);
  device.update();
  device.client.wake(device.now);
  device.quiet();
}

TEST(TransportQueueMode, AnInstanceThatGoesMeanwhileEndsItsObservationBehindTheUpdate) {
  Sleeper device;
  device.be_registered();
  device.observe("01", "/4/0/2", "76");
  device.be_asleep();
  EXPECT_TRUE(device.client.tree().remove({device.now, std::nullopt}, 4, 0));
  device.client.settle(device.now);
  device.out("CON ? POST t=? /rd/5a3f ct=40 ?");
  device.quiet();
  device.in("ACK $m 2.04 t=$t");
  device.out("CON ? 4.04 t=01");
  device.in("ACK $m EMPTY");
  device.be_asleep();
}

TEST(TransportQueueMode, WhatTheServerIsToKnowWakesIt) {
  Sleeper device;
  device.be_registered();
  device.be_asleep();
  device.set("/1/0/1", std::int64_t{1200});
  device.pass(milliseconds(200));
  device.out("CON ? POST t=? /rd/5a3f ?lt=1200");
  device.in("ACK $m 2.04 t=$t");
  device.be_asleep();
}

TEST(TransportQueueMode, AWrittenBindingTakesEffectWithItsUpdate) {
  Sleeper device;
  device.be_registered();
  device.in("CON 0001 PUT t=01 /1/0/7 ct=0 'U'");
  device.out("ACK 0001 2.04 t=01");
  EXPECT_EQ(device.client.accounts()[0].binding, "UQ");
  device.pass(milliseconds(200));
  device.out("CON ? POST t=? /rd/5a3f ?b=U");
  device.in("ACK $m 2.04 t=$t");
  EXPECT_EQ(device.client.accounts()[0].binding, "U");
  device.pass(2 * kMaxTransmitWait);
  EXPECT_FALSE(device.client.is_offline());
  device.in("CON 0002 PUT t=02 /1/0/7 ct=0 'UQ'");
  device.out("ACK 0002 2.04 t=02");
  device.pass(milliseconds(200));
  device.out("CON ? POST t=? /rd/5a3f ?b=UQ");
  device.in("ACK $m 2.04 t=$t");
  device.be_asleep();
}

TEST(TransportQueueMode, ItDeregistersFromSleep) {
  Sleeper device;
  device.be_registered();
  device.be_asleep();
  device.client.stop(device.now);
  device.out("CON ? DELETE t=? /rd/5a3f");
  device.in("ACK $m 2.02 t=$t");
  EXPECT_TRUE(device.client.is_off());
  device.quiet();
}

TEST(TransportQueueMode, WithoutSecurityAnotherAddressMeansARegisterWhenItWakes) {
  Sleeper device;
  device.be_registered();
  device.be_asleep();
  device.client.address_changed(device.now);
  device.quiet();
  EXPECT_TRUE(device.client.is_offline());
  device.client.wake(device.now);
  device.out(kQueuedRegister);
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a40");
  device.be_asleep();
}

// ---- several servers ------------------------------------------------------------------------------------------------

/// Servers 192.0.2.1 and 192.0.2.2; the first one's binding is UQ.
struct Two : Sleeper {
  explicit Two(const std::string& second) {
    client.define(*shipped().find(2));
    EXPECT_TRUE(client.add_account(now, 2, "coap://192.0.2.2", 600));
    set("/1/1/7", second);
    share(0, 4);
    share(1, 3);
    client.start(now);
    out(kQueuedRegister);
    in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
    out(second == "UQ" ? kQueuedRegister : "CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?", server_address(2));
    in("ACK $m 2.01 t=$t loc=rd loc=s2", server_address(2));
    quiet();
  }
};

TEST(TransportQueueMode, TwoServersInQueueModeAreLeftTogether) {
  Two device("UQ");
  device.pass(seconds(60));
  device.in("CON 0001 GET t=01 /3/0/0", server_address(2));
  device.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'", server_address(2));
  device.pass(seconds(50));
  EXPECT_FALSE(device.client.accounts()[0].asleep) << "the radio is on anyway";
  device.in("CON 0002 GET t=02 /3/0/0");
  device.out("ACK 0002 2.05 t=02 ct=0 'Open Mobile Alliance'");
  device.pass(kMaxTransmitWait - seconds(1));
  EXPECT_FALSE(device.client.accounts()[1].asleep);
  device.pass(seconds(1));
  EXPECT_TRUE(device.client.accounts()[0].asleep);
  EXPECT_TRUE(device.client.accounts()[1].asleep);
  EXPECT_TRUE(device.client.is_offline());
}

TEST(TransportQueueMode, OneWakesAloneAndTheOtherStaysAsleep) {
  Two device("UQ");
  device.observe("01", "/4/0/2", "76");
  device.pass(kMaxTransmitWait);
  EXPECT_TRUE(device.client.is_offline());
  device.set("/4/0/2", std::int64_t{80});
  device.update();
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'");
  device.in("ACK $m EMPTY");
  EXPECT_TRUE(device.client.accounts()[1].asleep);
  device.in("CON 0001 GET t=01 /3/0/0", server_address(2));
  device.quiet();
  device.pass(kMaxTransmitWait);
  EXPECT_TRUE(device.client.is_offline());
}

TEST(TransportQueueMode, BesideAServerThatReachesItAnyTimeItSleepsByItself) {
  Two device("U");
  device.pass(seconds(60));
  device.in("CON 0001 GET t=01 /3/0/0", server_address(2));
  device.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'", server_address(2));
  device.pass(seconds(33));
  EXPECT_TRUE(device.client.accounts()[0].asleep);
  EXPECT_FALSE(device.client.is_offline());
  device.in("CON 0001 GET t=01 /3/0/0");
  device.quiet();
  device.in("CON 0003 GET t=03 /3/0/0", server_address(2));
  device.out("ACK 0003 2.05 t=03 ct=0 'Open Mobile Alliance'", server_address(2));
}

TEST(TransportQueueMode, AServerThatIsDownDoesNotKeepItAwake) {
  Sleeper device;
  device.client.define(*shipped().find(2));
  EXPECT_TRUE(device.client.add_account(device.now, 2, "coap://192.0.2.2", 600));
  device.set("/1/1/7", std::string("UQ"));
  device.client.start(device.now);
  device.out(kQueuedRegister);
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  for (int second = 0; second < 200 && !device.client.is_offline(); ++second) {
    while (device.client.poll_transmit()) {
    }
    device.pass(seconds(1));
  }
  EXPECT_TRUE(device.client.is_offline()) << "nobody answers, and nothing is under way";
  EXPECT_TRUE(device.client.accounts()[0].asleep);
  device.quiet();
  device.pass(seconds(20));
  device.out(kQueuedRegister, server_address(2));
  EXPECT_FALSE(device.client.is_offline());
  EXPECT_TRUE(device.client.accounts()[0].asleep);
  device.in("ACK $m 2.01 t=$t loc=rd loc=s2", server_address(2));
  EXPECT_EQ(device.client.accounts()[1].state, client::RegistrationState::Registered);
}

// ---- with DTLS ------------------------------------------------------------------------------------------------------

struct SecureSleeper : Secured {
  explicit SecureSleeper(bool connection_id) : Secured({.lifetime = 600, .connection_id = connection_id}) {
    device().set("/1/0/7", std::string("UQ"));
    client().start(now());
    out(kQueuedRegister);
    in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
    pass(kMaxTransmitWait);
    EXPECT_TRUE(client().is_offline());
    address.port = 40001;  // the NAT has forgotten
    datagrams.clear();
  }
};

TEST(TransportQueueMode, WithAConnectionIdItJustGoesOn) {
  SecureSleeper link(true);
  link.pass(seconds(600 - 93 - 93));
  link.out("CON ? POST t=? /rd/5a3f");
  EXPECT_EQ(link.datagrams.size(), 1U);
  link.in("ACK $m 2.04 t=$t");
  EXPECT_EQ(link.server.handshakes, 1U);
  link.in("CON 0001 GET t=01 /3/0/0");
  link.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
}

TEST(TransportQueueMode, WithoutOneItResumes) {
  SecureSleeper link(false);
  link.pass(seconds(600 - 93 - 93));
  link.out("CON ? POST t=? /rd/5a3f");
  link.in("ACK $m 2.04 t=$t");
  EXPECT_EQ(link.server.handshakes, 2U);
  EXPECT_TRUE(link.server.newest().is_resumed());
  link.quiet();
}

TEST(TransportQueueMode, RecordsThatArriveWhileOfflineAreDropped) {
  SecureSleeper link(true);
  link.address.port = 40000;
  link.in("CON 0001 GET t=01 /3/0/0");
  link.quiet();
  link.server.close(link.now());
  link.run();
  EXPECT_EQ(link.client().counters().unheard, 2U);
  EXPECT_TRUE(link.client().accounts()[0].has_association);
}

}  // namespace
}  // namespace drover::testing
