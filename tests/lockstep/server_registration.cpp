// SPDX-License-Identifier: Apache-2.0
// The Registration interface in exact bytes: Core Figures 9 to 11, Transport Figure 4, and what peers get wrong.
#include "tests/lockstep/server_peer.hpp"

namespace drover::lockstep {
namespace {

using server::EventKind;
using std::chrono::microseconds;
using std::chrono::seconds;

class ServerRegistration : public ServerTest {
 protected:
  /// A Register with these queries, each with its option header, behind "rd" and content format 40.
  void say_register(std::string_view id, std::string_view queries, std::string_view payload = "FF '</1/0>,</3/0>'") {
    say(wire("41 02" + std::string(id) + "A1 | B2 'rd' | 11 28 |") + wire(queries) + wire(payload));
  }
  void expect_refused(std::string_view code) {
    const Heard heard = cut(hear());
    EXPECT_EQ(heard.type, 2) << "piggybacked";
    EXPECT_EQ(heard.code, code);
    EXPECT_EQ(heard.token, "a1");
    EXPECT_FALSE(heard.rest.empty()) << "the reason is told";
    expect_no_event();
  }
  void expect_admitted(std::string_view id) { expect_created(hear(), std::string(id), "A1"); }
};

TEST_F(ServerRegistration, Rfc7252Section5_10_8ARequestWhoseConditionFailsIsNotPerformed) {
  const std::string location = register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  const auto expect_failed = [&] {
    EXPECT_EQ(cut(hear()).code, "4.12");
    expect_no_event();
    EXPECT_TRUE(shard().has("node1"));
  };
  // Register with If-None-Match (5): /rd exists.
  say(wire("41 02 1150 A1 | 50 | 62 'rd' | 11 28 | 38 'ep=node2' 06 'lt=300' 09 'lwm2m=1.0' | FF '</1/0>,</3/0>'"));
  expect_failed();
  EXPECT_FALSE(shard().has("node2"));
  // Update and Deregister with If-Match (1) and an entity tag: a registration has none.
  say(wire("41 02 1151 A1 | 11 77 | A2 'rd' | 0B '" + location + "'"));
  expect_failed();
  say(wire("41 04 1152 A1 | 11 77 | A2 'rd' | 0B '" + location + "'"));
  expect_failed();
  say(wire("41 04 1153 A1 | 50 | 62 'rd' | 0B '" + location + "'"));
  expect_failed();
  // If-Match without a value: any representation will do, but there must be one.
  say(wire("41 02 1154 A1 | 10 | A2 'rd' | 0B 'AAAAAAAAAAA'"));
  expect_failed();
  say(wire("41 02 1155 A1 | 10 | A2 'rd' | 0B '" + location + "'"));
  EXPECT_EQ(cut(hear()).code, "2.04");
  expect_event(EventKind::Updated, "node1");
}

TEST_F(ServerRegistration, ARegistersBodyIsBounded) {
  // Block1 (27) 0/more/1024 and Size1 (60): 65537 bytes.
  say(wire("41 02 1150 A1 | B2 'rd' | 11 28 | 38 'ep=node1' 06 'lt=300' 09 'lwm2m=1.0' | C1 0E | D3 14 010001 | FF") +
      Bytes(1024, ' '));
  EXPECT_EQ(cut(hear()).code, "4.13");
}

TEST_F(ServerRegistration, CoreFigure9RegisterUpdateDeregister) {
  say(
      wire("41 02 1001 A1"  // CON POST, id 1001, token A1
           "B2 'rd'"        // Uri-Path
           "11 28"          // Content-Format 40
           "38 'ep=node1'"  // Uri-Query
           "06 'lt=300'"
           "09 'lwm2m=1.0'"
           "03 'b=U'"
           "FF '</1/1>,</2/1>,</3/0>'"));
  const std::string location = expect_created(hear(), "1001", "A1");
  const auto registered = expect_event(EventKind::Registered, "node1");
  ASSERT_TRUE(registered.device);
  EXPECT_EQ(registered.device->registration, "rd/" + location);
  EXPECT_EQ(registered.device->address, device_);
  EXPECT_EQ(registered.device->version, "1.0");
  EXPECT_EQ(registered.device->binding, "U");
  EXPECT_EQ(registered.device->scheme, "other");
  EXPECT_FALSE(registered.device->queue);
  EXPECT_EQ(registered.device->lifetime, 300U);
  EXPECT_EQ(registered.device->expires_at, kUnixStart + 300);
  const std::vector<lwm2m::AnnouncedObject> objects{{1, {}, {1}}, {2, {}, {1}}, {3, {}, {0}}};
  EXPECT_EQ(registered.device->announcement.objects, objects);

  pass(seconds(200));
  say(wire("41 02 1002 A2 | B2 'rd' | 0B '" + location + "'"));
  expect(wire("61 44 1002 A2"));
  EXPECT_EQ(expect_event(EventKind::Updated, "node1").device->expires_at, kUnixStart + 500);

  say(wire("41 04 1003 A3 | B2 'rd' | 0B '" + location + "'"));
  expect(wire("61 42 1003 A3"));
  expect_event(EventKind::Deregistered, "node1");
  EXPECT_FALSE(shard().has("node1"));
  expect_silence();
  expect_no_event();
}

TEST_F(ServerRegistration, CoreFigure10UpdatesWithAndWithoutLifetime) {
  const std::string location = register_device("node1", device_, 0, "</1/1>,</2/1>,</3/0>");
  expect_event(EventKind::Registered, "node1");
  pass(seconds(100));
  say(wire("41 02 1102 A2 | B2 'rd' | 0B '" + location + "'"));
  expect(wire("61 44 1102 A2"));
  EXPECT_EQ(expect_event(EventKind::Updated, "node1").device->lifetime, 300U);
  pass(seconds(100));
  say(wire("41 02 1103 A3 | B2 'rd' | 0B '" + location + "' | 47 'lt=6000'"));
  expect(wire("61 44 1103 A3"));
  const auto updated = expect_event(EventKind::Updated, "node1");
  EXPECT_EQ(updated.device->lifetime, 6000U);
  EXPECT_EQ(updated.device->expires_at, kUnixStart + 6200);
  EXPECT_EQ(updated.device->registered_at, kUnixStart);
  EXPECT_EQ(updated.device->announcement.objects.size(), 3U) << "what isn't in an Update stays";
  pass(seconds(6000) - microseconds(1));
  EXPECT_TRUE(shard().has("node1"));
  pass(microseconds(1));
  EXPECT_FALSE(shard().has("node1"));
}

TEST_F(ServerRegistration, CoreFigure11CreateAndDeleteAreFollowedByUpdatesWithTheWholeList) {
  const std::string location = register_device("node1", device_, 0, "</1/1>,</3/0>,</12/0>,</12/1>");
  expect_event(EventKind::Registered, "node1");

  operate(lwm2m::Create{lwm2m::Path(12), lwm2m::format::kTlv, {}});
  // Uri-Path 12, Content-Format 11542
  const Heard create = expect_request("0.02", wire("B2 '12' | 12 2D16"));
  answer(create, "41", "82 '12' | 01 '2'");  // 2.01, Location-Path 12 and 2
  EXPECT_EQ(expect_outcome(lwm2m::Status::Created).location, "12/2");

  say(wire("41 02 1202 A2 | B2 'rd' | 0B '" + location + "' | 11 28 | FF '</1/1>,</3/0>,</12/0>,</12/1>,</12/2>'"));
  expect(wire("61 44 1202 A2"));
  std::vector<lwm2m::AnnouncedObject> objects{{1, {}, {1}}, {3, {}, {0}}, {12, {}, {0, 1, 2}}};
  EXPECT_EQ(expect_event(EventKind::Updated, "node1").device->announcement.objects, objects);

  operate(lwm2m::Delete{lwm2m::Path(12, 1)}, 2);
  const Heard remove = expect_request("0.04", wire("B2 '12' | 01 '1'"));
  answer(remove, "42");
  expect_outcome(lwm2m::Status::Deleted, 2);

  say(wire("41 02 1203 A3 | B2 'rd' | 0B '" + location + "' | 11 28 | FF '</1/1>,</3/0>,</12/0>,</12/2>'"));
  expect(wire("61 44 1203 A3"));
  objects.back().instances = {0, 2};
  EXPECT_EQ(expect_event(EventKind::Updated, "node1").device->announcement.objects, objects);
  expect_silence();
}

TEST_F(ServerRegistration, TransportFigure4RegisterWithoutOptionalParameters) {
  say(wire(
      "41 02 1001 A1 | B2 'rd' | 11 28 | 3D 04 'ep=example-client' | FF '</1/1>,</1/2>,</2/0>,</2/1>,</3/0>,</4/0>'"));
  const std::string location = expect_created(hear(), "1001", "A1");
  const auto registered = expect_event(EventKind::Registered, "example-client");
  EXPECT_EQ(registered.device->lifetime, 86400U);
  EXPECT_EQ(registered.device->version, "1.0");
  EXPECT_EQ(registered.device->binding, "U");
  say(wire("41 02 1002 A2 | B2 'rd' | 0B '" + location + "' | 49 'lt=600000'"));
  expect(wire("61 44 1002 A2"));
  EXPECT_EQ(expect_event(EventKind::Updated, "example-client").device->lifetime, 600000U);
  say(wire("41 04 1003 A3 | B2 'rd' | 0B '" + location + "'"));
  expect(wire("61 42 1003 A3"));
}

TEST_F(ServerRegistration, CoreSection5_3_1EveryParameterIsKept) {
  say_register("1001", "3C 'ep=all-of-it' | 08 'lt=86401' | 0D 03 'sms=447700900123' | 09 'lwm2m=1.0' | 05 'b=UQS'",
               "FF '</lwm2m>;rt=\"oma.lwm2m\";ct=11543,</lwm2m/1/0>,</lwm2m/3/0>,</lwm2m/33000>;ver=\"2.1\"'");
  expect_admitted("1001");
  const auto device = expect_event(EventKind::Registered, "all-of-it").device;
  ASSERT_TRUE(device);
  EXPECT_EQ(device->lifetime, 86401U);
  EXPECT_EQ(device->sms, "447700900123");
  EXPECT_EQ(device->binding, "UQS");
  EXPECT_TRUE(device->queue);
  EXPECT_EQ(device->announcement.root, "/lwm2m");
  EXPECT_EQ(device->announcement.formats, std::vector<lwm2m::FormatNumber>{11543});
  ASSERT_EQ(device->announcement.objects.size(), 3U);
  EXPECT_EQ(device->announcement.objects.back().version, (lwm2m::Version{2, 1}));
}

TEST_F(ServerRegistration, UpdateOfBindingAndSms) {
  const std::string location = register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  say(wire("41 02 1102 A2 | B2 'rd' | 0B '" + location + "' | 48 'sms=4477' | 04 'b=SQ'"));
  expect(wire("61 44 1102 A2"));
  const auto device = expect_event(EventKind::Updated, "node1").device;
  EXPECT_EQ(device->sms, "4477");
  EXPECT_EQ(device->binding, "SQ");
  EXPECT_TRUE(device->queue);
  EXPECT_EQ(device->lifetime, 300U);
}

TEST_F(ServerRegistration, Rfc7252Section4_5ARepeatedRegisterGetsTheSameAnswer) {
  const Bytes request = wire("41 02 1001 A1 | B2 'rd' | 11 28 | 38 'ep=node1' | 06 'lt=300' | FF '</1/0>,</3/0>'");
  say(request);
  const Bytes first = hear();
  expect_event(EventKind::Registered, "node1");
  pass(seconds(3));
  say(request);
  EXPECT_EQ(to_hex(hear()), to_hex(first));
  expect_no_event();
  EXPECT_EQ(shard().counters().registers, 1U);
}

TEST_F(ServerRegistration, CoreSection5_3_1ANewRegisterReplacesTheOldOne) {
  const std::string first = register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  operate(lwm2m::Read{lwm2m::Path(3, 0, 0), {}});
  hear();
  const std::string second = register_device("node1", elsewhere_);
  EXPECT_NE(first, second);
  expect_no_answer(server::NoAnswer::Gone);
  EXPECT_EQ(expect_event(EventKind::Registered, "node1").device->address, elsewhere_);
  expect_no_event();
  EXPECT_EQ(shard().counters().devices, 1U);
  say(wire("41 02 1150 A2 | B2 'rd' | 0B '" + first + "'"));
  EXPECT_EQ(cut(hear()).code, "4.04");
  pass(seconds(200));
  expect_silence();  // the Read isn't repeated to the old address
}

TEST_F(ServerRegistration, TheRegistrationEndsExactlyWithItsLifetime) {
  pass(microseconds(250'000));
  const std::string location = register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  pass(seconds(300) - microseconds(1));
  EXPECT_TRUE(shard().has("node1"));
  EXPECT_EQ(shard().deadline()->reason, Reason::Lifetime);
  pass(microseconds(1));
  expect_event(EventKind::Expired, "node1");
  EXPECT_EQ(shard().counters().expiries, 1U);
  say(wire("41 02 1150 A2 | B2 'rd' | 0B '" + location + "'"));
  EXPECT_EQ(cut(hear()).code, "4.04");
  expect_no_event();
}

TEST_F(ServerRegistration, AnUpdateAtTheInstantOfExpiryIsTooLate) {
  const std::string location = register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  shard().handle_datagram(now() + seconds(300), {device_, wire("41 02 1150 A2 | B2 'rd' | 0B '" + location + "'")});
  EXPECT_EQ(cut(hear()).code, "4.04");
}

TEST_F(ServerRegistration, TransportRegistrationInterfaceAClientWithANewAddressMustRegisterAgain) {
  const std::string location = register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  say(elsewhere_, wire("41 02 1150 A2 | B2 'rd' | 0B '" + location + "'"));
  EXPECT_EQ(cut(hear(elsewhere_)).code, "4.04");
  say(elsewhere_, wire("41 04 1151 A2 | B2 'rd' | 0B '" + location + "'"));
  EXPECT_EQ(cut(hear(elsewhere_)).code, "4.04");
  EXPECT_TRUE(shard().has("node1"));
  expect_no_event();
}

TEST_F(ServerRegistration, UnknownLocationsAreNotFound) {
  say(wire("41 02 1001 A2 | B2 'rd' | 04 '5a3f'"));
  EXPECT_EQ(cut(hear()).code, "4.04");
  say(wire("41 04 1002 A2 | B2 'rd' | 0B 'AAAAAAAAAAA'"));
  EXPECT_EQ(cut(hear()).code, "4.04");
  EXPECT_EQ(shard().counters().rejected, 2U);
}

TEST_F(ServerRegistration, WrongPathsMethodsAndFormats) {
  say(wire("41 02 1001 A1 | B2 'rx' | 38 'ep=node1'"));
  EXPECT_EQ(cut(hear()).code, "4.04");
  say(wire("41 01 1002 A1 | B2 'rd'"));
  EXPECT_EQ(cut(hear()).code, "4.05");
  say(wire("41 02 1003 A1 | B2 'rd' | 10 | 38 'ep=node1' | FF '</1/0>'"));  // Content-Format 0
  EXPECT_EQ(cut(hear()).code, "4.15");
  expect_no_event();
}

TEST_F(ServerRegistration, MalformedLinkFormatIsABadRequest) {
  say_register("2001", "38 'ep=node1'", "FF '</1/0'");
  expect_refused("4.00");
  const std::string location = register_device("node1", device_);
  expect_event(EventKind::Registered, "node1");
  say(wire("41 02 1102 A1 | B2 'rd' | 0B '" + location + "' | 11 28 | FF '<<'"));
  expect_refused("4.00");
  EXPECT_TRUE(shard().has("node1")) << "a bad Update leaves the registration";
}

TEST_F(ServerRegistration, TransportTable6BadParameters) {
  say_register("1001", "36 'lt=300'");  // no ep
  expect_refused("4.00");
  say_register("1002", "33 'ep='");
  expect_refused("4.00");
  say_register("1003", "38 'ep=node1' | 04 'lt=0'");
  expect_refused("4.00");
  say_register("1004", "38 'ep=node1' | 0D 00 'lt=4294967296'");
  expect_refused("4.00");
  say_register("1005", "38 'ep=node1' | 06 'lt=abc'");
  expect_refused("4.00");
  say_register("1006", "38 'ep=node1' | 09 'lwm2m=2.0'");
  expect_refused("4.12");
  EXPECT_EQ(shard().counters().rejected, 6U);
  EXPECT_EQ(shard().counters().devices, 0U);
}

TEST_F(ServerRegistration, ByDefaultNewerClientsAndUnknownParametersAreTaken) {
  // Anjay 3.14 and Wakaama, as seen on the wire.
  say(
      wire("48 02 1001 0102030405060708 | B2 'rd' | 11 28 | 39 'lwm2m=1.2' | 08 'ep=anjay' | 08 'lt=86400' | 01 'Q' |"
           "FF '</1>;ver=1.1,</1/1>,</3/0>,</10>;ver=1.1,</10/0>'"));
  EXPECT_EQ(cut(hear()).code, "2.01");
  auto device = expect_event(EventKind::Registered, "anjay").device;
  EXPECT_EQ(device->version, "1.2");
  EXPECT_TRUE(device->queue);
  say(wire(
      "44 02 1002 01020304 | B2 'rd' | 11 28 | 39 'lwm2m=1.1' | 0A 'ep=wakaama' | 03 'b=U' | 06 'lt=300' | 05 'x=y z' |"
      "FF '</>;rt=\"oma.lwm2m\";ct=110,</1>;ver=1.1,</1/0>,</3/0>'"));
  EXPECT_EQ(cut(hear()).code, "2.01");
  device = expect_event(EventKind::Registered, "wakaama").device;
  EXPECT_EQ(device->version, "1.1");
  EXPECT_EQ(device->announcement.root, "");
  EXPECT_EQ(device->announcement.formats, std::vector<lwm2m::FormatNumber>{110});
}

TEST_F(ServerRegistration, ABodyMayComeBlockWise) {
  std::string links = "</1/0>,</3/0>";
  while (links.size() < 40) links += ",</12/0>";
  const Bytes head = wire("B2 'rd' | 11 28 | 38 'ep=node1' | 06 'lt=300'");
  // Block1 is 27: 12 behind Uri-Query 15. NUM 0, M, SZX 1 (32 bytes).
  say(wire("41 02 1001 A1") + head + wire("C1 09 FF") + to_bytes(links.substr(0, 32)));
  expect(wire("61 5F 1001 A1 | D1 0E 09"));  // 2.31 with Block1
  say(wire("41 02 1002 A2") + head + wire("C1 11 FF") + to_bytes(links.substr(32)));
  const Heard created = cut(hear());
  EXPECT_EQ(created.code, "2.01");
  EXPECT_EQ(created.token, "a2");
  EXPECT_EQ(expect_event(EventKind::Registered, "node1").device->announcement.objects.size(), 3U);
}

TEST_F(ServerRegistration, RefusedNamesAreForbidden) {
  server::Policy policy;
  policy.refused_endpoints = {"node1", "lab-*"};
  start(policy);
  say_register("1001", "38 'ep=node1'");
  expect_refused("4.03");
  say_register("1002", "38 'ep=lab-7'");
  expect_refused("4.03");
  say_register("1003", "38 'ep=node2'");
  expect_admitted("1003");
}

TEST_F(ServerRegistration, AFullShardIsUnavailable) {
  server::Policy policy;
  policy.devices_max = 1;
  start(policy);
  register_device("node1", device_);
  say_register("1101", "38 'ep=node2'");
  EXPECT_EQ(cut(hear()).code, "5.03");
  register_device("node1", elsewhere_);
}

class StrictServer : public ServerRegistration {
 protected:
  StrictServer() {
    server::Policy policy;
    policy.strict = true;
    start(policy);
  }
};

TEST_F(StrictServer, AdmitsTheExactForm) {
  say_register("1001", "38 'ep=node1' | 06 'lt=300' | 08 'sms=4477' | 09 'lwm2m=1.0' | 05 'b=UQT'");
  expect_admitted("1001");
}
TEST_F(StrictServer, CoreSection5_3_1NewerVersionsFailThePrecondition) {
  say_register("1001", "38 'ep=node1' | 06 'lt=300' | 09 'lwm2m=1.1'");
  expect_refused("4.12");
}
TEST_F(StrictServer, MissingLifetimeIsABadRequest) {
  say_register("1001", "38 'ep=node1' | 09 'lwm2m=1.0'");
  expect_refused("4.00");
}
TEST_F(StrictServer, MissingVersionIsABadRequest) {
  say_register("1001", "38 'ep=node1' | 06 'lt=300'");
  expect_refused("4.00");
}
TEST_F(StrictServer, UnknownParametersAreABadRequest) {
  say_register("1001", "38 'ep=node1' | 06 'lt=300' | 09 'lwm2m=1.0' | 03 'x=y'");
  expect_refused("4.00");
}
TEST_F(StrictServer, UnsupportedBindingsAreABadRequest) {
  say_register("1001", "38 'ep=node1' | 06 'lt=300' | 09 'lwm2m=1.0' | 06 'b=UQSQ'");
  expect_refused("4.00");
}
TEST_F(StrictServer, APlusInTheSmsNumberIsABadRequest) {
  say_register("1001", "38 'ep=node1' | 06 'lt=300' | 09 'sms=+4477' | 09 'lwm2m=1.0'");
  expect_refused("4.00");
}
TEST_F(StrictServer, MissingMandatoryObjectsAreABadRequest) {
  say_register("1001", "38 'ep=node1' | 06 'lt=300' | 09 'lwm2m=1.0'", "FF '</1/0>'");
  expect_refused("4.00");
  say_register("1002", "38 'ep=node1' | 06 'lt=300' | 09 'lwm2m=1.0'", "FF '</3/0>'");
  expect_refused("4.00");
}

TEST_F(ServerRegistration, WrongPacketsCanBeSeenInALog) {
  server::ShardConfig config;
  config.coap.report_drops = true;
  server::Shard reporting(config, rng_);
  const Bytes bytes = wire("41 02 1001 A1 FF");
  reporting.handle_datagram(now(), {device_, bytes});
  const auto drop = reporting.poll_drop();
  ASSERT_TRUE(drop.has_value());
  EXPECT_EQ(drop->peer, device_);
  EXPECT_STREQ(drop->why, coap::to_string(coap::DecodeFailure::EmptyPayload));
  EXPECT_FALSE(reporting.poll_drop());
  say(bytes);
  EXPECT_FALSE(shard().poll_drop());  // nobody asked
}

}  // namespace
}  // namespace drover::lockstep
