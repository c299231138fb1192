// SPDX-License-Identifier: Apache-2.0
// Core Appendix B.1.6 to B.1.8 and B.2.8 as far as they are there: security, access control, the UDP binding, and the
// objects with their behaviour. The server supports an object when its application gets the object's values by their
// types.
#include <algorithm>

#include "tests/conformance/configurations.hpp"
#include "tests/conformance/firmware_host.hpp"

namespace drover::conformance {
namespace {

using client::RegistrationState;

std::string code(const Exchange& exchange) {
  return exchange.response.substr(0, 8);
}

// ---- security and transport -----------------------------------------------------------------------------------------

TEST(Scr, SEC_005_C_NoSecAccountsRegisterInPlainCoap) {
  Site site(c1());
  EXPECT_EQ(site.get("/0/0/2"), Value(std::int64_t{3}));
  site.start();
  ASSERT_FALSE(site.messages().empty());
  EXPECT_EQ(to_hex(site.messages().front().bytes).substr(0, 4), "4802") << "CoAP 1, CON, a token of 8 bytes, POST";
  EXPECT_EQ(site.account_view().peer, site.server().address());
  // An account with keys never talks in plain text.
  Site secret(with(c1(), [](Site& device) { device.set("/0/0/2", std::int64_t{0}); }));
  secret.start();
  secret.pass(seconds(100));
  EXPECT_TRUE(secret.messages().empty());
}

TEST(Scr, SEC_008_C_AccessControl) {
  Site site(c14());
  site.start();
  Server& first = site.server(1);
  Server& second = site.server(2);
  // Device: the ACL names server 2 alone, and nobody owns it.
  EXPECT_EQ(code(first.read("/3/0")), "ACK 4.01");
  EXPECT_EQ(code(first.observe("/3/0")), "ACK 4.01");
  EXPECT_EQ(code(first.execute("/3/0/4")), "ACK 4.01");
  EXPECT_EQ(code(second.read("/3/0")), "ACK 2.05");
  // Each has its own Server instance.
  EXPECT_EQ(first.write("/1/0/2", "3").response, "ACK 2.04");
  EXPECT_EQ(code(first.write("/1/1/2", "3")), "ACK 4.01");
  EXPECT_EQ(second.write("/1/1/2", "4").response, "ACK 2.04");
  EXPECT_EQ(site.get("/1/0/2"), Value(std::int64_t{3}));
  EXPECT_EQ(site.get("/1/1/2"), Value(std::int64_t{4}));
  // What is read of a whole object is what may be read.
  const Exchange object = first.read("/1", format::kTlv);
  EXPECT_EQ(object.instances(), std::vector<lwm2m::InstanceId>{0});
  // The owner grants; the other then reads and may not write.
  EXPECT_EQ(code(second.read("/1/0")), "ACK 4.01");
  EXPECT_EQ(first.update("/2/0", format::kTlv, hex("86 02 41 01 0F 41 02 01")).response, "ACK 2.04");
  EXPECT_EQ(code(second.read("/1/0")), "ACK 2.05");
  EXPECT_EQ(code(second.write("/1/0/2", "9")), "ACK 4.01");
  EXPECT_EQ(code(second.update("/2/0", format::kTlv, hex("83 02 41 02 0F"))), "ACK 4.01");
}

TEST(Scr, MEC_002_C_UdpBindingWithRetransmissionAndDeduplication) {
  Site site(c1());
  site.cut(1, true);
  site.start();
  site.pass(seconds(50));
  ASSERT_GE(site.messages().size(), 4U);
  for (const Message& message : site.messages()) {
    EXPECT_EQ(to_hex(message.bytes), to_hex(site.messages().front().bytes)) << "a repetition has the same id and token";
  }
  site.cut(1, false);
  site.pass(seconds(700));
  EXPECT_EQ(site.account_view().state, RegistrationState::Registered);
  // A request that comes twice is carried out once and answered twice.
  const Message* request = nullptr;
  ASSERT_TRUE(site.server().execute("/1/0/8").is(Status::Changed));
  for (const Message& message : site.messages()) {
    if (message.line == "CON POST /1/0/8") request = &message;
  }
  ASSERT_NE(request, nullptr);
  const Bytes again = request->bytes;
  site.forget_messages();
  site.client().handle_datagram(site.now(), {site.server().address(), again});
  site.deliver();
  EXPECT_EQ(site.sent_by_client(), std::vector<std::string>{}) << "no second Update";
  ASSERT_EQ(site.messages().size(), 1U);
  EXPECT_EQ(site.messages()[0].line, "ACK 2.04");
}

// ---- the client's objects -------------------------------------------------------------------------------------------

TEST(Scr, OBJ_001_C_SecurityIsForNoServer) {
  Configuration configuration = c1();
  configuration.servers = {1, 2};  // the device knows of the first alone
  Site site(configuration);
  site.start();
  Server& server = site.server();
  EXPECT_EQ(code(server.read("/0")), "ACK 4.01");
  EXPECT_EQ(code(server.read("/0/0")), "ACK 4.01");
  EXPECT_EQ(code(server.read("/0/0/0")), "ACK 4.01");
  EXPECT_EQ(code(server.discover("/0")), "ACK 4.01");
  EXPECT_EQ(code(server.write("/0/0/10", "2")), "ACK 4.01");
  EXPECT_EQ(code(server.observe("/0/0")), "ACK 4.01");
  EXPECT_EQ(code(server.erase("/0/0")), "ACK 4.01");
  EXPECT_EQ(code(server.create("/0", format::kTlv, hex("C10A02"))), "ACK 4.01");
  // What it says is in force: with another URI the device registers there.
  EXPECT_FALSE(site.server(2).has(kEndpoint));
  site.set("/0/0/0", site.server(2).uri());
  EXPECT_TRUE(site.server(2).has(kEndpoint));
}

TEST(Scr, OBJ_002_C_ServerObjectSteersTheRegistration) {
  Site site(c3());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.read("/1/0/0").value(), Value(std::int64_t{1}));
  EXPECT_EQ(code(server.write("/1/0/0", "2")), "ACK 4.05") << "the Short Server ID is read-only";
  // The trigger.
  site.forget_messages();
  EXPECT_EQ(server.execute("/1/0/8").response, "ACK 2.04");
  EXPECT_EQ(site.sent_by_client(), std::vector<std::string>{"CON POST " + site.location()});
  // The default periods hold for what has no attributes of its own: pmax is 10 here.
  server.observe("/3/0/3", format::kText);
  site.forget_messages();
  site.pass(seconds(25));
  EXPECT_EQ(site.notifications().size(), 2U);
  // Disable with its timeout.
  EXPECT_EQ(server.write("/1/0/5", "60").response, "ACK 2.04");
  EXPECT_EQ(server.execute("/1/0/4").response, "ACK 2.04");
  EXPECT_EQ(site.account_view().state, RegistrationState::Disabled);
  EXPECT_FALSE(server.has(kEndpoint));
  site.pass(seconds(59));
  EXPECT_FALSE(server.has(kEndpoint));
  site.pass(seconds(2));
  EXPECT_TRUE(server.has(kEndpoint));
}

TEST(Scr, OBJ_002_C_NotificationsAreKeptWhileTheServerIsDisabledWhenItWantsThem) {
  for (const bool stored : {true, false}) {
    Site site(with(with_thermometer(), [&](Site& device) {
      device.set("/1/0/5", std::int64_t{60});
      device.set("/1/0/6", stored);
    }));
    site.start();
    site.server().observe("/3303/0/5700", format::kText);
    EXPECT_EQ(site.server().execute("/1/0/4").response, "ACK 2.04");
    site.forget_messages();
    site.set("/3303/0/5700", 21.0);
    site.set("/3303/0/5700", 22.0);
    EXPECT_TRUE(site.notifications().empty()) << "while it is disabled";
    site.server().forget_events();
    site.pass(seconds(70));
    ASSERT_TRUE(site.server().has(kEndpoint));
    // The server observes again upon the Register, and hears first what was kept, in order.
    std::vector<std::string> heard;
    for (std::string text = site.server().notified("/3303/0/5700"); text != "none";
         text = site.server().notified("/3303/0/5700")) {
      heard.push_back(text);
    }
    const std::vector<std::string> kept = {"21", "22"};
    const bool has_kept = std::search(heard.begin(), heard.end(), kept.begin(), kept.end()) != heard.end();
    EXPECT_EQ(has_kept, stored) << "/1/0/6 is " << stored;
  }
}

TEST(Scr, OBJ_003_C_AccessControlObject) {
  Site site(c14());
  site.start();
  // The owner reads who may do what, and nobody else does.
  const Exchange read = site.server(1).read("/2/0");
  EXPECT_EQ(read.value("/2/0/0"), Value(std::int64_t{1}));
  EXPECT_EQ(read.value("/2/0/1"), Value(std::int64_t{0}));
  EXPECT_EQ(read.value("/2/0/3"), Value(std::int64_t{1}));
  const lwm2m::Tree tree = read.values();
  ASSERT_NE(tree.find(2, 0, 2), nullptr);
  EXPECT_EQ(*tree.find(2, 0, 2), (lwm2m::ResourceNode{2, true, {{1, std::int64_t{15}}}}));
  EXPECT_EQ(code(site.server(2).read("/2/0")), "ACK 4.01");
  // A created instance gets one for its creator, and it goes with the instance.
  Site creating(with(c14(), [](Site& device) {
    device.define(16);
    device.add(2, 3);
    device.set("/2/3/0", std::int64_t{16});
    device.set("/2/3/1", std::int64_t{65535});
    device.set("/2/3/2/2", std::int64_t{16});  // server 2 may create
    device.set("/2/3/3", std::int64_t{65535});
  }));
  creating.start();
  const std::size_t before = creating.client().tree().instances(2).size();
  EXPECT_EQ(code(creating.server(1).create("/16", format::kTlv, hex("83 00 41 00 61"))), "ACK 4.01");
  EXPECT_EQ(code(creating.server(2).create("/16", format::kTlv, hex("83 00 41 00 61"))), "ACK 2.01");
  ASSERT_EQ(creating.client().tree().instances(2).size(), before + 1);
  const std::string made = "/2/" + std::to_string(creating.client().tree().instances(2).back());
  EXPECT_EQ(creating.get(made + "/3"), Value(std::int64_t{2}));
  EXPECT_EQ(code(creating.server(1).read("/16/0")), "ACK 4.01");
  EXPECT_EQ(code(creating.server(2).erase("/16/0")), "ACK 2.02");
  EXPECT_EQ(creating.client().tree().instances(2).size(), before);
}

TEST(Scr, OBJ_004_C_Device) {
  Site site(c6());
  site.start();
  Server& server = site.server();
  // Reboot and factory reset are answered, then carried out by the program around the client.
  site.forget_messages();
  EXPECT_EQ(server.execute("/3/0/4").response, "ACK 2.04");
  EXPECT_TRUE(site.client_event<client::RebootWanted>());
  EXPECT_EQ(server.execute("/3/0/5").response, "ACK 2.04");
  EXPECT_TRUE(site.client_event<client::FactoryResetWanted>());
  // The error codes are reset.
  site.set("/3/0/11/0", std::int64_t{1});
  site.set("/3/0/11/1", std::int64_t{2});
  EXPECT_EQ(server.execute("/3/0/12").response, "ACK 2.04");
  EXPECT_EQ(server.read("/3/0/11", format::kTlv).response, "ACK 2.05 ct=11542 #830b410000");
  // The clock runs on from what the server sets it to.
  site.client().device().set_clock(site.now(), 1367491215);
  EXPECT_EQ(server.write("/3/0/13", "1400000000").response, "ACK 2.04");
  site.pass(seconds(75));
  EXPECT_EQ(server.read("/3/0/13").value(), Value(lwm2m::Time{1400000075}));
  EXPECT_EQ(code(server.write("/3/0/14", "soon")), "ACK 4.00");
  EXPECT_EQ(server.write("/3/0/15", "Europe/Rome").response, "ACK 2.04");
}

TEST(Scr, OBJ_005_C_ConnectivityMonitoring) {
  Site site(c5());
  site.start();
  Server& server = site.server();
  const Exchange read = server.read("/4/0");
  const lwm2m::Tree tree = read.values();
  EXPECT_EQ(read.value("/4/0/0"), Value(std::int64_t{21}));
  ASSERT_NE(tree.find(4, 0, 4), nullptr);
  EXPECT_EQ(tree.find(4, 0, 4)->instances.size(), 2U);
  EXPECT_EQ(code(server.write("/4/0/0", "41")), "ACK 4.05");
  // A device that knows nothing of its link says nothing untrue: the mandatory resources are there.
  Site bare(with(c3(), [](Site& device) {
    device.define(4);
    device.add(4, 0);
  }));
  bare.start();
  const lwm2m::Tree least = bare.server().read("/4/0").values();
  for (const lwm2m::ResourceId mandatory : std::initializer_list<lwm2m::ResourceId>{0, 1, 2, 4}) {
    const auto* node = least.find(4, 0, mandatory);
    ASSERT_NE(node, nullptr) << mandatory;
    EXPECT_FALSE(node->instances.empty() && mandatory == 1) << "the bearer in use is available";
  }
}

TEST(Scr, OBJ_006_C_FirmwareUpdate) {
  FirmwareHost host;
  Site site(host.configuration());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.read("/5/0/9").value(), Value(std::int64_t{1})) << "push alone";
  EXPECT_EQ(code(server.execute("/5/0/2")), "ACK 4.05") << "nothing to install yet";
  EXPECT_EQ(code(server.read("/5/0/0")), "ACK 4.05") << "the package can't be read";
  host.hold(true);
  EXPECT_EQ(server.write("/5/0/0", format::kOpaque, to_bytes("image")).response, "ACK 2.04");
  EXPECT_EQ(server.read("/5/0/3").value(), Value(std::int64_t{1})) << "its check is to come";
  host.hold(false);
  site.deliver();
  EXPECT_EQ(server.read("/5/0/3").value(), Value(std::int64_t{2}));
  EXPECT_EQ(server.read("/5/0/7").value(), Value(std::string(FirmwareHost::kNewVersion)));
  EXPECT_EQ(code(server.write("/5/0/0", format::kOpaque, to_bytes("other"))), "ACK 4.05") << "reset it first";
  EXPECT_EQ(server.execute("/5/0/2").response, "ACK 2.04");
  EXPECT_EQ(host.installs(), 1);
  EXPECT_EQ(server.read("/5/0/3").value(), Value(std::int64_t{0}));
  EXPECT_EQ(server.read("/5/0/5").value(), Value(std::int64_t{1}));
}

TEST(Scr, OBJ_006_C_AFailedInstallationIsTold) {
  FirmwareHost::Fate fate;
  fate.installs = false;
  FirmwareHost host(fate);
  Site site(host.configuration());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.write("/5/0/0", format::kOpaque, to_bytes("image")).response, "ACK 2.04");
  EXPECT_EQ(server.execute("/5/0/2").response, "ACK 2.04");
  EXPECT_EQ(server.read("/5/0/3").value(), Value(std::int64_t{2})) << "E.6: the state returns at Downloaded";
  EXPECT_EQ(server.read("/5/0/5").value(), Value(std::int64_t{8}));
  EXPECT_EQ(server.read("/3/0/3").value(), Value(std::string(kFirmware)));
}

TEST(Scr, DF_002_C_OpaqueReadAndWritten) {
  Site site(c7());
  site.start();
  EXPECT_EQ(site.server().read("/6/0/4", format::kOpaque).response, "ACK 2.05 ct=42 #010203");
  EXPECT_EQ(site.server().read_bare("/6/0/4").response, "ACK 2.05 ct=42 #010203");
  EXPECT_EQ(code(site.server().read("/6/0/0", format::kOpaque)), "ACK 4.06");
  FirmwareHost host;
  Site updated(host.configuration());
  updated.start();
  EXPECT_EQ(updated.server().write("/5/0/0", format::kOpaque, {0x00, 0xFF, 0x0A}).response, "ACK 2.04");
  EXPECT_EQ(to_hex(host.image()), "00ff0a");
}

TEST(Scr, OBJ_007_C_Location) {
  Site site(c7());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.read("/6/0/0", format::kText).response, "ACK 2.05 ct=0 '43.5723'");
  EXPECT_EQ(server.read("/6/0/1").value(), Value(153.21760));
  EXPECT_EQ(code(server.write("/6/0/0", "1")), "ACK 4.05");
  server.observe("/6/0/0", format::kText);
  site.set("/6/0/0", 43.5724);
  site.pass(seconds(1));
  EXPECT_EQ(server.notified("/6/0/0"), "43.5724");
}

TEST(Scr, OBJ_008_C_ConnectivityStatisticsCount) {
  Site site(with(c9(), [](Site& device) { device.set("/3/0/0", std::string(1000, 'z')); }));
  site.start();
  Server& server = site.server();
  const auto kilobytes = [&](const char* path) { return std::get<std::int64_t>(*server.read(path).value()); };
  EXPECT_EQ(server.execute("/7/0/6").response, "ACK 2.04");
  for (int i = 0; i < 5; ++i) server.read("/3/0/0");
  const std::int64_t sent = kilobytes("/7/0/2");
  EXPECT_GE(sent, 5);
  EXPECT_LT(kilobytes("/7/0/3"), sent) << "the requests are small";
  EXPECT_GT(kilobytes("/7/0/4"), 1000) << "the longest message, in bytes";
  EXPECT_EQ(server.execute("/7/0/7").response, "ACK 2.04");
  const std::int64_t at_stop = kilobytes("/7/0/2");
  for (int i = 0; i < 5; ++i) server.read("/3/0/0");
  EXPECT_EQ(kilobytes("/7/0/2"), at_stop) << "nothing is counted between Stop and Start";
}

// ---- the server and the objects -------------------------------------------------------------------------------------

/// The type of each resource that the application gets from a Read of the instance in both formats: "0:i 4:s2", the
/// number for multiple ones; s String, i Integer, f Float, b Boolean, o Opaque, t Time, l link.
std::string types(Server& server, std::string_view instance) {
  std::string in_format[2];
  for (const bool json : {false, true}) {
    const Exchange read = server.read(instance, json ? format::kJson : format::kTlv);
    EXPECT_TRUE(read.is(Status::Content)) << read.response;
    for (const auto& node : read.resources()) {
      if (!in_format[json].empty()) in_format[json] += ' ';
      in_format[json] += std::to_string(node.id) + ':';
      if (!node.instances.empty()) {
        in_format[json] += " sifbotl"[static_cast<int>(lwm2m::type_of(node.instances[0].value))];
      }
      if (node.multiple) in_format[json] += std::to_string(node.instances.size());
    }
  }
  EXPECT_EQ(in_format[0], in_format[1]);
  return in_format[0];
}

TEST(Scr, OBJ_002_S_Server) {
  Site site(c3());
  site.start();
  EXPECT_EQ(types(site.server(), "/1/0"), "0:i 1:i 2:i 3:i 5:i 6:b 7:s");
  EXPECT_EQ(site.server().execute("/1/0/4").request, "CON POST /1/0/4");
}

TEST(Scr, OBJ_003_S_AccessControl) {
  Site site(c14());
  site.start();
  EXPECT_EQ(types(site.server(1), "/2/0"), "0:i 1:i 2:i1 3:i");
}

TEST(Scr, OBJ_004_S_Device) {
  Site site(c6());
  site.start();
  EXPECT_EQ(types(site.server(), "/3/0"),
            "0:s 1:s 2:s 3:s 6:i2 7:i2 8:i2 9:i 10:i 11:i1 13:t 14:s 15:s 16:s 17:s 18:s 19:s 20:i 21:i 22:l1");
  EXPECT_EQ(site.server().execute("/3/0/4").request, "CON POST /3/0/4");
}

TEST(Scr, OBJ_005_S_ConnectivityMonitoring) {
  Site site(c5());
  site.start();
  EXPECT_EQ(types(site.server(), "/4/0"), "0:i 1:i2 2:i 3:i 4:s2 5:s2 6:i 7:s2 8:i 9:i 10:i");
}

TEST(Scr, OBJ_006_S_FirmwareUpdate) {
  FirmwareHost host;
  Site site(host.configuration());
  site.start();
  EXPECT_EQ(types(site.server(), "/5/0"), "1:s 3:i 5:i 6:s 7:s 9:i");
  // An image of many blocks arrives as it was sent.
  Bytes image(20'000);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  EXPECT_TRUE(site.server().write("/5/0/0", format::kOpaque, image).is(Status::Changed));
  EXPECT_EQ(host.image(), image);
}

TEST(Scr, OBJ_007_S_Location) {
  Site site(c7());
  site.start();
  EXPECT_EQ(types(site.server(), "/6/0"), "0:f 1:f 2:f 3:f 4:o 5:t 6:f");
}

TEST(Scr, OBJ_008_S_ConnectivityStatistics) {
  Site site(c9());
  site.start();
  EXPECT_EQ(types(site.server(), "/7/0"), "0:i 1:i 2:i 3:i 4:i 5:i 8:i");
  EXPECT_EQ(site.server().execute("/7/0/6").request, "CON POST /7/0/6");
}

}  // namespace
}  // namespace drover::conformance
