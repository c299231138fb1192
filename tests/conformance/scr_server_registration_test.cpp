// SPDX-License-Identifier: Apache-2.0
// Core Appendix B.2.2: the server's registration interface. Where a request must be other than our client would send
// it, another client says it word by word.
#include "tests/conformance/configurations.hpp"

namespace drover::conformance {
namespace {

using server::EventKind;
using server::NoAnswer;

constexpr const char* kLinks = "'</1/0>,</3/0>'";

/// The 2.01 to a Register with these parameters; its location.
std::string registered(Server& server, const std::string& id, const std::string& parameters, std::uint32_t host = 200) {
  const std::string answer = server.ask("CON " + id + " POST t=01 /rd ct=40 " + parameters + " " + kLinks, host);
  constexpr std::string_view kCreated = "ACK 2.01 loc=rd loc=";
  EXPECT_EQ(answer.substr(0, kCreated.size()), kCreated);
  return answer.size() > kCreated.size() ? answer.substr(kCreated.size()) : "none";
}

std::string refused(Server& server, const std::string& id, const std::string& parameters) {
  return server.ask("CON " + id + " POST t=01 /rd ct=40 " + parameters + " " + kLinks).substr(0, 8);
}

TEST(Scr, CR_001_S_Register) {
  Site site(c1());
  site.start();
  const auto event = site.server().event(EventKind::Registered);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->endpoint, kEndpoint);
  ASSERT_TRUE(event->device);
  EXPECT_EQ(site.last_line(), "ACK 2.01 loc=rd loc=" + event->device->registration.substr(3));
  EXPECT_EQ(event->device->address, Site::client_address());
  // Registering again replaces the registration.
  const std::string first = event->device->registration;
  site.restart();
  const auto again = site.server().event(EventKind::Registered);
  ASSERT_TRUE(again && again->device);
  EXPECT_NE(again->device->registration, first);
  EXPECT_EQ(site.server().shard().counters().devices, 1U);
}

TEST(Scr, CR_002_S_EndpointName) {
  Site site(c1());
  Server& server = site.server();
  registered(server, "0001", "?ep=node1 ?lt=300 ?lwm2m=1.0");
  registered(server, "0002", "?ep=node2 ?lt=300 ?lwm2m=1.0");
  EXPECT_EQ(server.shard().counters().devices, 2U);
  // The same name from elsewhere is the same client.
  registered(server, "0003", "?ep=node1 ?lt=300 ?lwm2m=1.0", 201);
  EXPECT_EQ(server.shard().counters().devices, 2U);
  EXPECT_EQ(server.device("node1").address.to_string(), "192.0.2.201:5683");
  EXPECT_EQ(refused(server, "0004", "?lt=300 ?lwm2m=1.0"), "ACK 4.00");
}

TEST(Scr, CR_003_S_ARegistrationEndsWithItsLifetime) {
  Site site(c1());
  Server& server = site.server();
  const std::string location = registered(server, "0001", "?ep=node1 ?lt=300 ?lwm2m=1.0");
  site.pass(seconds(299));
  EXPECT_EQ(server.ask("CON 0002 POST t=02 /rd/" + location), "ACK 2.04");
  site.pass(seconds(299));
  EXPECT_TRUE(server.has("node1"));
  site.pass(seconds(2));
  EXPECT_FALSE(server.has("node1"));
  EXPECT_EQ(server.event(EventKind::Expired).value_or(server::Event{}).endpoint, "node1");
  EXPECT_EQ(server.ask("CON 0003 POST t=03 /rd/" + location).substr(0, 8), "ACK 4.04");
}

TEST(Scr, CR_004_S_VersionOfTheEnabler) {
  Configuration configuration = c1();
  configuration.policy.strict = true;
  Site site(configuration);
  Server& server = site.server();
  registered(server, "0001", "?ep=node1 ?lt=300 ?lwm2m=1.0");
  EXPECT_EQ(server.device("node1").version, "1.0");
  EXPECT_EQ(refused(server, "0002", "?ep=node2 ?lt=300 ?lwm2m=1.1"), "ACK 4.12");
  EXPECT_EQ(refused(server, "0003", "?ep=node2 ?lt=300 ?lwm2m=2.0"), "ACK 4.12");
  EXPECT_EQ(refused(server, "0004", "?ep=node2 ?lt=300 ?lwm2m=new"), "ACK 4.00");
}

TEST(Scr, CR_005_S_BindingMode) {
  Configuration configuration = c1();
  configuration.policy.strict = true;
  Site site(configuration);
  Server& server = site.server();
  registered(server, "0001", "?ep=node1 ?lt=300 ?lwm2m=1.0");
  EXPECT_EQ(server.device("node1").binding, "U");
  const std::string location = registered(server, "0002", "?ep=node2 ?lt=300 ?lwm2m=1.0 ?b=UQ");
  EXPECT_EQ(server.device("node2").binding, "UQ");
  EXPECT_TRUE(server.device("node2").queue);
  EXPECT_EQ(server.ask("CON 0003 POST t=03 /rd/" + location + " ?b=U"), "ACK 2.04");
  EXPECT_EQ(server.device("node2").binding, "U");
  EXPECT_EQ(refused(server, "0004", "?ep=node3 ?lt=300 ?lwm2m=1.0 ?b=X"), "ACK 4.00");
}

TEST(Scr, CR_006_S_SmsNumber) {
  Site site(c1());
  Server& server = site.server();
  const std::string location = registered(server, "0001", "?ep=node1 ?lt=300 ?lwm2m=1.0 ?b=US ?sms=491701234567");
  EXPECT_EQ(server.device("node1").sms, "491701234567");
  EXPECT_EQ(server.ask("CON 0002 POST t=02 /rd/" + location + " ?sms=4915112345"), "ACK 2.04");
  EXPECT_EQ(server.device("node1").sms, "4915112345");
}

TEST(Scr, CR_007_S_ObjectsAndInstances) {
  Site site(c1());
  Server& server = site.server();
  // As Core §5.3.1 and the Transport document print them: an alternate path, a version, an object without instances.
  server.ask(
      "CON 0001 POST t=01 /rd ct=40 ?ep=node1 ?lt=300 ?lwm2m=1.0 "
      "'</lwm2m>;rt=\"oma.lwm2m\";ct=11543,</lwm2m/1/0>,</lwm2m/3/0>,</lwm2m/4>;ver=\"1.1\",</lwm2m/4/0>,</lwm2m/5>'");
  const auto event = server.event(EventKind::Registered);
  ASSERT_TRUE(event && event->device);
  const lwm2m::Announcement& heard = event->device->announcement;
  EXPECT_EQ(heard.root, "/lwm2m");
  EXPECT_EQ(heard.formats, std::vector<lwm2m::FormatNumber>{format::kJson});
  const std::vector<lwm2m::AnnouncedObject> expected = {
      {1, std::nullopt, {0}}, {3, std::nullopt, {0}}, {4, lwm2m::Version{1, 1}, {0}}, {5, std::nullopt, {}}};
  EXPECT_EQ(heard.objects, expected);
  EXPECT_EQ(server.ask("CON 0002 POST t=01 /rd ct=40 ?ep=node2 ?lt=300 ?lwm2m=1.0 'no link'").substr(0, 8), "ACK 4.00");
}

TEST(Scr, CR_008_S_Update) {
  Site site(c1());
  Server& server = site.server();
  const std::string location = registered(server, "0001", "?ep=node1 ?lt=300 ?lwm2m=1.0");
  EXPECT_EQ(server.ask("CON 0002 POST t=02 /rd/" + location + " ct=40 ?lt=900 '</1/0>,</3/0>,</6/0>'"), "ACK 2.04");
  const auto event = server.event(EventKind::Updated);
  ASSERT_TRUE(event && event->device);
  EXPECT_EQ(event->device->lifetime, 900U);
  EXPECT_EQ(event->device->announcement.objects.size(), 3U);
  site.pass(seconds(899));
  EXPECT_TRUE(server.has("node1"));
  EXPECT_EQ(server.ask("CON 0003 POST t=03 /rd/AAAAAAAAAAA ?lt=900").substr(0, 8), "ACK 4.04");
  EXPECT_EQ(server.ask("CON 0004 POST t=04 /rd/" + location + " ?lt=soon").substr(0, 8), "ACK 4.00");
}

TEST(Scr, CR_009_S_Deregister) {
  Site site(c1());
  site.start();
  ASSERT_TRUE(site.server().observe("/3/0/3").is(Status::Content));
  site.stop();
  EXPECT_EQ(site.last_line(), "ACK 2.02");
  EXPECT_EQ(site.server().event(EventKind::Deregistered).value_or(server::Event{}).endpoint, kEndpoint);
  const Exchange late = site.server().read("/3/0/0");
  ASSERT_TRUE(std::holds_alternative<NoAnswer>(late.outcome));
  EXPECT_EQ(std::get<NoAnswer>(late.outcome), NoAnswer::NotRegistered);
  EXPECT_EQ(late.request, "") << "nothing is sent to who has left";
}

TEST(Scr, SEC_005_S_NoSecClientsAreServed) {
  Site site(c1());
  site.start();
  EXPECT_EQ(site.server().address().to_string(), "192.0.2.1:5683") << "the port of coap://";
  EXPECT_TRUE(site.server().has(kEndpoint));
  EXPECT_EQ(site.server().read("/3/0/0").value(), Value(std::string(kManufacturer)));
}

TEST(Scr, MEC_002_S_UdpBindingWithRetransmission) {
  Site site(c1());
  site.start();
  site.forget_messages();
  site.cut(1, true);
  const Exchange lost = site.server().read("/3/0/0");
  EXPECT_EQ(std::get<NoAnswer>(lost.outcome), NoAnswer::Timeout);
  ASSERT_EQ(site.messages().size(), 5U) << "MAX_RETRANSMIT is 4";
  for (const Message& message : site.messages()) {
    EXPECT_EQ(message.type(), "CON");
    EXPECT_EQ(to_hex(message.bytes), to_hex(site.messages().front().bytes));
    EXPECT_EQ(message.bytes[0] >> 6, 1) << "the version of CoAP";
  }
  site.cut(1, false);
  // A response of its own is acknowledged.
  EXPECT_TRUE(site.server().read("/3/0/0").is(Status::Content));
}

}  // namespace
}  // namespace drover::conformance
