// SPDX-License-Identifier: Apache-2.0
// Registration interface, Transport Figure 4, and what a client does when it doesn't go as drawn.
#include "tests/lockstep/client_peer.hpp"

namespace drover::testing {
namespace {

TEST(TransportFigure4, RegisterUpdateDeregister) {
  Device device;
  device.client.define(*shipped().find(2));
  device.client.define(*shipped().find(4));
  for (const int instance : {0, 1}) device.add(2, static_cast<lwm2m::InstanceId>(instance));
  device.add(4, 0);
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ?lwm2m=1.0 '</1/0>,</2/0>,</2/1>,</3/0>,</4/0>'");

  // Byte by byte: header and message id, an 8-byte token, then what the figure's shorthand stands for.
  const std::string expected = to_hex(to_bytes("\xb2rd"))  // Uri-Path 11: "rd"
                               +
                               "11"
                               "28"  // Content-Format 12: 40
                               +
                               "3d"
                               "04" +
                               to_hex(to_bytes("ep=example-client"))  // Uri-Query 15, 13 + 4 bytes
                               + "08" + to_hex(to_bytes("lt=86400")) + "09" + to_hex(to_bytes("lwm2m=1.0")) + "ff" +
                               to_hex(to_bytes("</1/0>,</2/0>,</2/1>,</3/0>,</4/0>"));
  EXPECT_EQ(to_hex(device.last_sent).substr(0, 4), "4802");  // version 1, CON, token of 8; POST
  EXPECT_EQ(to_hex(device.last_sent).substr(2 * (4 + 8)), expected);

  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.quiet();
  EXPECT_EQ(device.client.accounts()[0].state, client::RegistrationState::Registered);

  device.set("/1/0/1", std::int64_t{600000});
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd/5a3f ?lt=600000");
  device.in("ACK $m 2.04 t=$t");
  device.quiet();

  device.client.stop(device.now);
  device.out("CON ? DELETE t=? /rd/5a3f");
  device.in("ACK $m 2.02 t=$t");
  device.quiet();
  EXPECT_TRUE(device.client.is_off());
  EXPECT_FALSE(device.client.accounts()[0].peer);
}

TEST(CoreSection5_3_1, TheRootLinkTellsJsonAndTheAlternatePath) {
  client::ClientSettings settings = plain_settings();
  settings.announce_json = true;
  Device json(settings);
  json.client.start(json.now);
  json.out(
      "CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ?lwm2m=1.0 '</>;rt=\"oma.lwm2m\";ct=11543,</1/0>,</3/0>'");
  settings.announce_json = false;
  settings.root = "/lwm2m";
  settings.sms.msisdn = "491701234567";
  settings.version = "1.1";
  Device path(settings);
  path.client.start(path.now);
  path.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ?sms=491701234567 ?lwm2m=1.1 [49]");
  path.in("ACK $m 2.01 t=$t loc=rd loc=1");
  path.in("CON 0001 GET t=01 /lwm2m/3/0/0");
  path.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
  path.in("CON 0002 GET t=01 /3/0/0");
  path.out("ACK 0002 4.04 t=01 ?");
}

TEST(CoreFigure10And11, UpdatesCarryOnlyWhatChanged) {
  Device device(plain_settings(), "coap://192.0.2.1", 5000);
  device.be_registered();
  device.pass(seconds(5000 - 93));
  device.out("CON ? POST t=? /rd/5a3f");
  device.in("ACK $m 2.04 t=$t");
  // A changed resource of the tree that isn't registration data asks for nothing.
  device.set("/3/0/0", std::string("Other"));
  device.pass(seconds(5));
  device.quiet();
  device.client.define(*shipped().find(3303));
  device.add(3303, 0);
  device.add(3303, 1);
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd/5a3f ct=40 '</1/0>,</3/0>,</3303/0>,</3303/1>'");
  device.in("ACK $m 2.04 t=$t");
  // The server deletes one of them.
  device.in("CON 0001 DELETE t=01 /3303/0");
  device.out("ACK 0001 2.02 t=01");
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd/5a3f ct=40 '</1/0>,</3/0>,</3303/1>'");
}

TEST(CoreAppendixE2, TriggerAndLifetimeOfTheServerObject) {
  Device device;
  device.be_registered();
  device.in("CON 0001 POST t=01 /1/0/8");
  device.out("ACK 0001 2.04 t=01");
  device.out("CON ? POST t=? /rd/5a3f");
  device.in("ACK $m 2.04 t=$t");
  device.in("CON 0002 PUT t=01 /1/0/1 ct=0 '6000'");
  device.out("ACK 0002 2.04 t=01");
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd/5a3f ?lt=6000");
  device.in("ACK $m 2.04 t=$t");
  device.quiet();
}

TEST(CoreAppendixE2, DisableAnswersDeregistersKeepsSilentAndComesBack) {
  Device device;
  device.set("/1/0/5", std::int64_t{300});
  device.be_registered();
  device.in("CON 0001 POST t=01 /1/0/4");
  device.out("ACK 0001 2.04 t=01");
  device.out("CON ? DELETE t=? /rd/5a3f");
  device.in("ACK $m 2.02 t=$t");
  device.quiet();
  device.in("CON 0002 GET t=01 /3/0/0");
  device.in("CON 0003 EMPTY");
  device.pass(seconds(299));
  device.quiet();
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
}

TEST(TransportRegistrationInterface, SilenceIsRetriedAndAFourOhFourRegistersAnew) {
  Device device;
  device.client.start(device.now);
  const auto waiting = [&] { return device.client.accounts()[0].state == client::RegistrationState::Waiting; };
  int passed = 0;
  for (; !waiting() && passed < 93; ++passed) device.pass(seconds(1));  // MAX_TRANSMIT_WAIT at most
  EXPECT_TRUE(waiting());
  EXPECT_GE(passed, 62);
  for (int copy = 0; copy < 5; ++copy) device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.quiet();
  device.pass(seconds(5));
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=1");
  device.client.update(device.now);
  device.out("CON ? POST t=? /rd/1");
  device.in("ACK $m 4.04 t=$t");
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=2");
  EXPECT_EQ(device.client.accounts()[0].location, "2");
}

TEST(TransportTable6, ARefusalIsReportedAndWaits) {
  Device device;
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.in("ACK $m 4.12 t=$t 'version 1.0 please'");
  const auto event = device.event<client::RegistrationChanged>();
  ASSERT_TRUE(event);
  EXPECT_NE(event->report.reason.find("version 1.0 please"), std::string::npos);
  EXPECT_GE(event->report.retry_in, seconds(450));
  device.pass(seconds(400));
  device.quiet();
}

TEST(Client, ACoapsServerIsRefusedOnceAndClearly) {
  Device device;
  device.set("/0/0/0", std::string("coaps://192.0.2.1"));
  device.client.start(device.now);
  device.quiet();
  const auto event = device.event<client::RegistrationChanged>();
  ASSERT_TRUE(event);
  EXPECT_NE(event->report.reason.find("coaps"), std::string::npos);
  device.pass(seconds(1000));
  EXPECT_FALSE(device.event<client::RegistrationChanged>());
  // A corrected URI starts it.
  device.set("/0/0/0", std::string("coap://192.0.2.1"));
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
}

TEST(Client, NamesAreResolvedByItsHost) {
  Device device(plain_settings(), "coap://fleet.example:5000");
  device.client.start(device.now);
  device.quiet();
  const auto wanted = device.event<client::ResolveWanted>();
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->host, "fleet.example");
  EXPECT_EQ(wanted->port, 5000);
  const auto address = transport::PeerAddress::v4(0xC0000209, 5000);
  device.client.resolved(device.now, wanted->server, {address});
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?", address);
}

TEST(Client, SeveralAccountsRegisterByThemselves) {
  Device device;
  EXPECT_TRUE(device.client.add_account(device.now, 2, "coap://192.0.2.2", 300));
  device.client.define(*shipped().find(2));
  device.share(0, 1, 1);
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ? ?", server_address(1));
  device.in("ACK $m 2.01 t=$t loc=rd loc=a", server_address(1));
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=300 ? ?", server_address(2));
  device.in("ACK $m 2.01 t=$t loc=rd loc=b", server_address(2));
  // The trigger of /1/1 concerns server 2 alone, whoever executes it.
  device.in("CON 0001 POST t=01 /1/1/8", server_address(1));
  device.out("ACK 0001 2.04 t=01", server_address(1));
  device.out("CON ? POST t=? /rd/b", server_address(2));
  device.in("ACK $m 2.04 t=$t", server_address(2));
  // Server 2's account goes: its registration ends, the other one's objects change.
  device.in("CON 0002 DELETE t=01 /1/1", server_address(1));
  device.out("ACK 0002 2.02 t=01", server_address(1));
  device.out("CON ? DELETE t=? /rd/b", server_address(2));
  device.in("ACK $m 2.02 t=$t", server_address(2));
  EXPECT_EQ(device.client.accounts().size(), 1U);
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd/a ct=40 '</1/0>,</2>,</3/0>'", server_address(1));
}

TEST(Client, StopWhileRegisteringLeavesNothingAtTheServer) {
  Device device;
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.client.stop(device.now);
  device.quiet();
  EXPECT_FALSE(device.client.is_off());
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.out("CON ? DELETE t=? /rd/5a3f");
  device.in("ACK $m 2.02 t=$t");
  EXPECT_TRUE(device.client.is_off());
}

TEST(Client, StartRightBehindStopRegistersAgain) {
  Device device;
  device.be_registered();
  device.client.stop(device.now);
  device.out("CON ? DELETE t=? /rd/5a3f");
  device.client.start(device.now);
  device.quiet();
  device.in("ACK $m 2.02 t=$t");
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
}

TEST(Client, AnAccountThatIsBackBeforeItLeftRegistersAgain) {
  Device device;
  device.be_registered();
  EXPECT_TRUE(device.client.tree().remove({device.now, std::nullopt}, 1, 0));
  device.client.settle(device.now);
  device.out("CON ? DELETE t=? /rd/5a3f");
  EXPECT_TRUE(device.client.tree().add({device.now, std::nullopt}, 1, 0));
  device.set("/1/0/0", std::int64_t{1});
  device.in("ACK $m 2.02 t=$t");
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
}

TEST(Rfc7252Section5_10, WhatDoesntFitAUriQueryIsRefused) {
  using client::ClientSettings;
  const auto why = [](const ClientSettings& settings) {
    SplitMix rng(1);
    client::Client client(settings, rng);
    client.define(*shipped().find(0));
    client.define(*shipped().find(1));
    const auto added = client.add_account(Instant{}, 1, "coap://192.0.2.1", 300);
    return added ? std::string() : added.error().reason;
  };
  ClientSettings settings = plain_settings();
  settings.endpoint = std::string(252, 'x');
  settings.sms.msisdn = std::string(15, '1');
  settings.version = std::string(249, '1');
  settings.root = "/" + std::string(254, 'x');
  EXPECT_EQ(why(settings), "");
  const std::pair<std::string ClientSettings::*, std::string> wrong[] = {
      {&ClientSettings::endpoint, std::string(253, 'x')},
      {&ClientSettings::endpoint, std::string(1100, 'x')},
      {&ClientSettings::endpoint, "\xff"},
      {&ClientSettings::version, std::string(250, '1')},
      {&ClientSettings::root, "/" + std::string(255, 'x')},
      {&ClientSettings::root, "lwm2m"},
      {&ClientSettings::root, "/lwm2m/"},
      {&ClientSettings::root, "/a//b"},
      {&ClientSettings::root, "/1/2"},
      {&ClientSettings::root, "/lwm2m/3"},
  };
  for (const auto& [member, text] : wrong) {
    ClientSettings bad = plain_settings();
    bad.*member = text;
    EXPECT_NE(why(bad), "") << text;
  }
  for (const char* number : {"1111111111111111", "+491701234567", "49 170", "49x"}) {
    ClientSettings bad = plain_settings();
    bad.sms.msisdn = number;
    EXPECT_NE(why(bad), "") << number;
  }
  ClientSettings numbered = plain_settings();
  numbered.root = "/v1/lwm2m";  // holds a digit and isn't a number
  EXPECT_EQ(why(numbered), "");
}

TEST(Client, AnAccountMadeInTheTreeIsNotRegisteredUnderANameThatDoesntFit) {
  client::ClientSettings settings = plain_settings();
  settings.endpoint = std::string(1100, 'x');
  SplitMix rng(1);
  client::Client client(settings, rng);
  const client::Context own{Instant{}, std::nullopt};
  client.define(*shipped().find(0));
  client.define(*shipped().find(1));
  EXPECT_TRUE(client.tree().add(own, 0, 0) && client.tree().add(own, 1, 0));
  EXPECT_TRUE(client.tree().set(own, Path(0, 0, 0), std::string("coap://192.0.2.1")));
  EXPECT_TRUE(client.tree().set(own, Path(0, 0, 2), std::int64_t{3}));
  EXPECT_TRUE(client.tree().set(own, Path(0, 0, 10), std::int64_t{1}));
  EXPECT_TRUE(client.tree().set(own, Path(1, 0, 0), std::int64_t{1}));
  client.start(Instant{});
  EXPECT_FALSE(client.poll_transmit());
  const auto event = client.poll_event();
  ASSERT_TRUE(event && std::holds_alternative<client::RegistrationChanged>(*event));
  EXPECT_NE(std::get<client::RegistrationChanged>(*event).report.reason.find("at most 252"), std::string::npos);
}

TEST(CoreTable20, ReservedShortServerIdsAreRefused) {
  Device device;
  const auto why = [&](std::string_view path, lwm2m::Value value) {
    const auto done = device.client.tree().set({device.now, std::nullopt}, Path::parse(path).value(), value);
    return done ? std::string() : done.error().reason;
  };
  for (const char* path : {"/0/0/10", "/1/0/0"}) {
    for (const std::int64_t id : {0, 65535, -1, 65536}) {
      EXPECT_NE(why(path, id).find("1 to 65534"), std::string::npos) << path << " " << id;
    }
    EXPECT_EQ(why(path, std::int64_t{65534}), "");
  }
  EXPECT_NE(why("/0/0/0", std::string("fleet")), "");
  EXPECT_FALSE(device.client.add_account(device.now, 0, "coap://192.0.2.2", 300));
  EXPECT_FALSE(device.client.add_account(device.now, 65535, "coap://192.0.2.2", 300));
  EXPECT_FALSE(device.client.add_account(device.now, 65534, "coap://192.0.2.2", 300)) << "taken";
  EXPECT_EQ(device.client.tree().instances(0).size(), 1U) << "nothing half made";
  EXPECT_TRUE(device.client.add_account(device.now, 7, "coap://192.0.2.2", 300));
}

TEST(TransportRegistrationInterface, AChangedAddressRegistersAgain) {
  Device device;
  device.be_registered();
  device.client.address_changed(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
}

}  // namespace
}  // namespace drover::testing
