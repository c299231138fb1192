// SPDX-License-Identifier: Apache-2.0
// Several Server accounts at once: each with its own registration, lifetime, observations and attributes, and none in
// the others' way.
#include "tests/lockstep/client_peer.hpp"

namespace drover::testing {
namespace {

/// Five accounts, 192.0.2.1 to 192.0.2.5, with lifetimes of 1100 s, 1200 s, ...; all may do everything with /3/0 and
/// /3303/0.
struct Five : Device {
  static constexpr client::ServerId kServers = 5;

  static constexpr std::uint32_t lifetime(client::ServerId id) { return 1000 + 100U * id; }

  Five() : Device(plain_settings(), "coap://192.0.2.1", lifetime(1)) {
    client.define(*shipped().find(2));
    client.define(*shipped().find(3303));
    for (client::ServerId id = 2; id <= kServers; ++id) {
      EXPECT_TRUE(client.add_account(now, id, "coap://192.0.2." + std::to_string(id), lifetime(id)));
    }
    add(3303, 0);
    set("/3303/0/5700", 20.0);
    share(0, 3);
    share(1, 3303);
    for (client::ServerId id = 1; id <= kServers; ++id) {
      share(static_cast<lwm2m::InstanceId>(1 + id), 1, static_cast<lwm2m::InstanceId>(id - 1));
    }
  }

  static std::string register_line(client::ServerId id) {
    return "CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=" + std::to_string(lifetime(id)) + " ? ?";
  }
  /// The server's acknowledgement of what it was sent last; the location tells the servers apart.
  void acknowledge_register(client::ServerId id) {
    in("ACK $m 2.01 t=$t loc=rd loc=s" + std::to_string(id), server_address(id));
  }
  void be_registered_with_all() {
    client.start(now);
    for (client::ServerId id = 1; id <= kServers; ++id) {
      out(register_line(id), server_address(id));
      acknowledge_register(id);
    }
    quiet();
  }
};

TEST(SeveralServers, FiveRegistrationsEachWithItsLifetime) {
  Five device;
  device.be_registered_with_all();
  const Instant start = device.now;
  // Each is renewed MAX_TRANSMIT_WAIT before its own lifetime ends.
  for (client::ServerId id = 1; id <= Five::kServers; ++id) {
    device.pass(start + seconds(Five::lifetime(id) - 93) - device.now);
    device.out("CON ? POST t=? /rd/s" + std::to_string(id), server_address(id));
    device.in("ACK $m 2.04 t=$t", server_address(id));
    if (id == 1) device.set("/1/0/1", std::int64_t{100000});
    if (id != 1) continue;
    device.pass(seconds(1));
    device.out("CON ? POST t=? /rd/s1 ?lt=100000", server_address(1));
    device.in("ACK $m 2.04 t=$t", server_address(1));
    device.quiet();
  }
  device.quiet();
}

TEST(SeveralServers, OneThatIsDownDoesNotDisturbTheOthers) {
  Five device;
  const Instant start = device.now;
  device.client.start(device.now);
  for (client::ServerId id = 1; id <= Five::kServers; ++id) {
    device.out(Five::register_line(id), server_address(id));
    if (id != 3) device.acknowledge_register(id);
  }
  device.quiet();
  // While the Register to server 3 is repeated, the others manage and observe the device.
  device.in("CON 0001 GET t=01 /3303/0/5700 obs=0", server_address(2));
  device.out("ACK 0001 2.05 t=01 obs=? ct=0 '20'", server_address(2));
  device.set("/3303/0/5700", 21.0);
  device.out("NON ? 2.05 t=01 obs=? ct=0 '21'", server_address(2));
  device.in("CON 0001 PUT t=07 /3/0/14 ct=0 '+01:00'", server_address(5));
  device.out("ACK 0001 2.04 t=07", server_address(5));
  device.in("CON 0009 GET t=01 /3/0/0", server_address(3));  // not registered there: ignored (Core §5.4)
  device.quiet();
  // MAX_TRANSMIT_SPAN: four repetitions, to server 3 alone.
  device.pass(seconds(45));
  for (int repetition = 0; repetition < 4; ++repetition) device.out(Five::register_line(3), server_address(3));
  device.quiet();
  device.set("/3303/0/5700", 22.0);
  device.out("NON ? 2.05 t=01 obs=? ct=0 '22'", server_address(2));
  // It is tried again, and once it's up it is served like the others.
  std::optional<client::RegistrationChanged> failed;
  while (!(failed = device.event<client::RegistrationChanged>()) ||
         failed->report.kind != client::RegistrationReport::Kind::Failed) {
    ASSERT_LT(device.now, start + seconds(94));
    device.pass(milliseconds(100));
  }
  EXPECT_EQ(failed->server, 3);
  device.pass(failed->report.retry_in);
  device.out(Five::register_line(3), server_address(3));
  device.acknowledge_register(3);
  device.in("CON 000a GET t=01 /3/0/0", server_address(3));
  device.out("ACK 000a 2.05 t=01 ct=0 'Open Mobile Alliance'", server_address(3));
  device.quiet();
}

TEST(SeveralServers, ObservationsAndAttributesAreKeptApart) {
  Five device;
  device.be_registered_with_all();
  device.in("CON 0001 PUT t=01 /3303/0/5700 ?pmin=10", server_address(1));
  device.out("ACK 0001 2.04 t=01", server_address(1));
  device.in("CON 0001 PUT t=01 /3303/0/5700 ?gt=30", server_address(2));
  device.out("ACK 0001 2.04 t=01", server_address(2));
  // The same token, message id and path: three observations.
  for (const client::ServerId id : {client::ServerId{1}, client::ServerId{2}, client::ServerId{3}}) {
    device.in("CON 0002 GET t=aa /3303/0/5700 obs=0", server_address(id));
    device.out("ACK 0002 2.05 t=aa obs=? ct=0 '20'", server_address(id));
  }
  device.set("/3303/0/5700", 25.0);
  device.out("NON ? 2.05 t=aa obs=? ct=0 '25'", server_address(3));  // no attribute: at once
  device.quiet();
  device.pass(seconds(10));
  device.out("NON ? 2.05 t=aa obs=? ct=0 '25'", server_address(1));  // its minimum period is over
  device.quiet();
  device.set("/3303/0/5700", 31.0);
  device.out("NON ? 2.05 t=aa obs=? ct=0 '31'", server_address(2));  // over its threshold
  device.out("NON ? 2.05 t=aa obs=? ct=0 '31'", server_address(3));
  device.in("RST $m EMPTY", server_address(3));
  device.pass(seconds(10));
  device.out("NON ? 2.05 t=aa obs=? ct=0 '31'", server_address(1));
  device.in("CON 0003 GET t=aa /3303/0/5700 obs=1", server_address(2));
  device.out("ACK 0003 2.05 t=aa ct=0 '31'", server_address(2));
  ASSERT_EQ(device.client.notifier().observations().size(), 1U);
  EXPECT_EQ(device.client.notifier().observations().front().server, 1);
  // Core §5.4.2: Discover shows a server its own attributes only.
  device.in("CON 0004 GET t=01 /3303/0/5700 accept=40", server_address(1));
  device.out("ACK 0004 2.05 t=01 ct=40 '</3303/0/5700>;pmin=10'", server_address(1));
  device.in("CON 0004 GET t=01 /3303/0/5700 accept=40", server_address(2));
  device.out("ACK 0004 2.05 t=01 ct=40 '</3303/0/5700>;gt=30'", server_address(2));
  device.in("CON 0004 GET t=01 /3303/0/5700 accept=40", server_address(3));
  device.out("ACK 0004 2.05 t=01 ct=40 '</3303/0/5700>'", server_address(3));
}

TEST(SeveralServers, WhatOneOfThemMakesIsToldToAll) {
  Five device;
  device.be_registered_with_all();
  // Nobody was given the right to create (Core §7.1.1.2.1), the device itself makes one.
  device.in("CON 0001 POST t=01 /3303 ct=11542", server_address(2));
  device.out("ACK 0001 4.01 t=01 ?", server_address(2));
  device.add(3303, 1);
  device.pass(seconds(1));
  for (client::ServerId id = 1; id <= Five::kServers; ++id) {
    device.out("CON ? POST t=? /rd/s" + std::to_string(id) + " ct=40 ?", server_address(id));
    device.in("ACK $m 2.04 t=$t", server_address(id));
  }
  device.quiet();
}

TEST(SeveralServers, DisableConcernsTheOneWhoseServerObjectItIs) {
  Five device;
  device.be_registered_with_all();
  device.set("/1/3/5", std::int64_t{60});
  device.in("CON 0001 POST t=01 /1/3/4", server_address(4));
  device.out("ACK 0001 2.04 t=01", server_address(4));
  device.out("CON ? DELETE t=? /rd/s4", server_address(4));
  device.in("ACK $m 2.02 t=$t", server_address(4));
  device.in("CON 0001 GET t=01 /3/0/0", server_address(5));
  device.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'", server_address(5));
  device.in("CON 0002 GET t=01 /3/0/0", server_address(4));
  device.quiet();
  device.pass(seconds(60));
  device.out(Five::register_line(4), server_address(4));
}

}  // namespace
}  // namespace drover::testing
