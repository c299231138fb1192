// SPDX-License-Identifier: Apache-2.0
// Core Appendix B.1.5 and B.2.5: data formats, with the bytes of the specification's own examples.
#include "tests/conformance/configurations.hpp"

namespace drover::conformance {
namespace {

/// Core §6.4.3.1, with the letter that is missing in the printed model number.
constexpr const char* kDeviceTlv =
    "C8 00 14 4F70656E204D6F62696C6520416C6C69616E6365"      // Manufacturer
    "C8 01 16 4C69676874776569676874204D324D20436C69656E74"  // Model Number
    "C8 02 09 333435303030313233"                            // Serial Number
    "C3 03 312E30"                                           // Firmware Version
    "86 06 410001 410105"                                    // Available Power Sources
    "88 07 08 42000ED8 42011388"                             // Power Source Voltage
    "87 08 41007D 42010384"                                  // Power Source Current
    "C1 09 64"                                               // Battery Level
    "C1 0A 0F"                                               // Memory Free
    "83 0B 410000"                                           // Error Code
    "C4 0D 5182428F"                                         // Current Time
    "C6 0E 2B30323A3030"                                     // UTC Offset
    "C1 10 55";                                              // Supported Binding and Modes

/// Core §6.4.4, Device, without the line breaks.
constexpr const char* kDeviceJson =
    R"({"bn":"/3/0/","e":[{"n":"0","sv":"Open Mobile Alliance"},{"n":"1","sv":"Lightweight M2M Client"},)"
    R"({"n":"2","sv":"345000123"},{"n":"3","sv":"1.0"},{"n":"6/0","v":1},{"n":"6/1","v":5},{"n":"7/0","v":3800},)"
    R"({"n":"7/1","v":5000},{"n":"8/0","v":125},{"n":"8/1","v":900},{"n":"9","v":100},{"n":"10","v":15},)"
    R"({"n":"11/0","v":0},{"n":"13","v":1367491215},{"n":"14","sv":"+02:00"},{"n":"16","sv":"U"}]})";

TEST(Scr, DF_001_C_PlainText) {
  Site site(with(c6(), [](Site& device) {
    device.define(6);
    device.add(6, 0);
    device.set("/6/0/0", -43.5723);
    device.set("/6/0/4", lwm2m::Opaque{{1, 2, 3}});
  }));
  site.start();
  Server& server = site.server();
  const auto text = [&](const char* path) {
    const Exchange exchange = server.read(path, format::kText);
    EXPECT_EQ(exchange.response.substr(0, 13), "ACK 2.05 ct=0") << path;
    return std::string(as_text(exchange.payload));
  };
  EXPECT_EQ(text("/3/0/0"), "Open Mobile Alliance");
  EXPECT_EQ(text("/3/0/9"), "100");
  EXPECT_EQ(text("/3/0/13"), "1367491215");
  EXPECT_EQ(text("/1/0/6"), "0");
  EXPECT_EQ(text("/6/0/0"), "-43.5723");
  EXPECT_EQ(text("/6/0/4"), "AQID") << "Opaque is Base64 (Appendix C)";
  EXPECT_EQ(server.write("/1/0/6", "1").response, "ACK 2.04");
  EXPECT_EQ(site.get("/1/0/6"), Value(true));
  EXPECT_EQ(server.write("/3/0/13", "1400000000").response, "ACK 2.04");
  EXPECT_EQ(server.read("/3/0", format::kText).response.substr(0, 8), "ACK 4.06") << "one value alone";
}

TEST(Scr, DF_003_C_TlvOfTheSpecificationsDevice) {
  Site site(specification_device());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(to_hex(server.read("/3/0", format::kTlv).payload), to_hex(hex(kDeviceTlv)));
  const std::string object = "08 00 79" + std::string(kDeviceTlv);  // §6.4.3.2: the instance around it
  EXPECT_EQ(to_hex(server.read("/3", format::kTlv).payload), to_hex(hex(object)));
  EXPECT_EQ(server.write("/3/0/14", format::kTlv, hex("C6 0E 2B30333A3030")).response, "ACK 2.04");
  EXPECT_EQ(site.get("/3/0/14"), Value(std::string("+03:00")));
  EXPECT_EQ(server.write("/3/0/14", format::kTlv, hex("C7 0E 2B30333A3030")).response.substr(0, 8), "ACK 4.00");
}

TEST(Scr, DF_004_C_JsonOfTheSpecificationsDevice) {
  Site site(specification_device());
  site.start();
  Server& server = site.server();
  const Exchange exchange = server.read("/3/0", format::kJson);
  EXPECT_EQ(exchange.answer().format, format::kJson);
  EXPECT_EQ(as_text(exchange.payload), kDeviceJson);
  EXPECT_EQ(server
                .update("/3/0", format::kJson,
                        to_bytes(R"({"bn":"/3/0/","e":[{"n":"14","sv":"+03:00"},{"n":"15","sv":"Europe/Riga"}]})"))
                .response,
            "ACK 2.04");
  EXPECT_EQ(site.get("/3/0/15"), Value(std::string("Europe/Riga")));
  EXPECT_EQ(server.update("/3/0", format::kJson, to_bytes("{\"e\":[")).response.substr(0, 8), "ACK 4.00");
}

TEST(Scr, DF_001_S_PlainText) {
  Site site(specification_device());
  site.start();
  const Exchange read = site.server().read("/3/0/13", format::kText);
  EXPECT_EQ(read.request, "CON GET /3/0/13 accept=0");
  EXPECT_EQ(read.value(), Value(lwm2m::Time{1367491215}));
  EXPECT_EQ(site.server().write("/3/0/14", "+01:00").request, "CON PUT /3/0/14 ct=0 '+01:00'");
}

TEST(Scr, DF_002_S_Opaque) {
  Site site(c7());
  site.start();
  const Exchange read = site.server().read("/6/0/4", format::kOpaque);
  EXPECT_EQ(read.request, "CON GET /6/0/4 accept=42");
  EXPECT_EQ(read.value(), Value(lwm2m::Opaque{{1, 2, 3}}));
  EXPECT_EQ(site.server().write("/6/0/4", format::kOpaque, {0, 255}).request, "CON PUT /6/0/4 ct=42 #00ff");
}

TEST(Scr, DF_003_S_TlvOfTheSpecificationsDevice) {
  Site site(specification_device());
  site.start();
  const Exchange read = site.server().read("/3/0", format::kTlv);
  EXPECT_EQ(read.request, "CON GET /3/0 accept=11542");
  EXPECT_EQ(read.value("/3/0/1"), Value(std::string(kModel)));
  EXPECT_EQ(read.value("/3/0/13"), Value(lwm2m::Time{0x5182428F}));
  const lwm2m::Tree tree = read.values();
  ASSERT_NE(tree.find(3, 0, 7), nullptr);
  EXPECT_EQ(*tree.find(3, 0, 7), (lwm2m::ResourceNode{7, true, {{0, std::int64_t{3800}}, {1, std::int64_t{5000}}}}));
}

TEST(Scr, DF_004_S_JsonOfTheSpecificationsDevice) {
  Site site(specification_device());
  site.start();
  const Exchange read = site.server().read("/3/0", format::kJson);
  EXPECT_EQ(read.request, "CON GET /3/0 accept=11543");
  EXPECT_EQ(read.value("/3/0/14"), Value(std::string("+02:00")));
  const lwm2m::Tree tree = read.values();
  ASSERT_NE(tree.find(3, 0, 8), nullptr);
  EXPECT_EQ(*tree.find(3, 0, 8), (lwm2m::ResourceNode{8, true, {{0, std::int64_t{125}}, {1, std::int64_t{900}}}}));
}

}  // namespace
}  // namespace drover::conformance
