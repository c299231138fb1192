// SPDX-License-Identifier: Apache-2.0
// Objects of the SDK: by their definitions, with instances of resources, made by servers, and known at run time alone.
#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include "coap/message/code.hpp"
#include "drover/client.hpp"
#include "drover/objects/device.hpp"
#include "drover/objects/temperature.hpp"
#include "sdk/test_server.hpp"

namespace drover {
namespace {

using Answer = std::pair<std::string, std::string>;
namespace code = coap::code;

struct Probe : objects::temperature {
  sensor_units_type units{"Cel"};
  max_measured_value_type max{20.0};
  void execute(reset_min_and_max_measured_values_action) { max = sensor_value; }
};

struct Ports : object<33001> {
  settings<1, std::int64_t> open{{{0, 80}, {3, 443}}};
  values<2, std::string> names;
};

struct Entry : object<33002> {
  setting<1, std::string> name;
  value<2, std::int64_t> calls{7};
};

constexpr const char* kLamp = R"(<LWM2M><Object ObjectType="MODefinition"><Name>Lamp</Name><Description1></Description1><ObjectID>33003</ObjectID>
<ObjectURN>urn:oma:lwm2m:x:33003</ObjectURN><MultipleInstances>Multiple</MultipleInstances><Mandatory>Optional</Mandatory><Resources>
<Item ID="1"><Name>On</Name><Operations>RW</Operations><MultipleInstances>Single</MultipleInstances><Mandatory>Mandatory</Mandatory><Type>Boolean</Type><RangeEnumeration></RangeEnumeration><Units></Units><Description></Description></Item>
<Item ID="2"><Name>Level</Name><Operations>R</Operations><MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory><Type>Float</Type><RangeEnumeration></RangeEnumeration><Units></Units><Description></Description></Item>
<Item ID="3"><Name>Blink</Name><Operations>E</Operations><MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory><Type></Type><RangeEnumeration></RangeEnumeration><Units></Units><Description></Description></Item>
<Item ID="4"><Name>Groups</Name><Operations>R</Operations><MultipleInstances>Multiple</MultipleInstances><Mandatory>Optional</Mandatory><Type>String</Type><RangeEnumeration></RangeEnumeration><Units></Units><Description></Description></Item>
</Resources></Object></LWM2M>)";

/// A registered device; ended by the destructor while its server listens.
class SdkObjects : public ::testing::Test {
 protected:
  void start() {
    device.start();
    ASSERT_TRUE(server.until([&] { return device.registered(); }));
  }
  void TearDown() override {
    std::thread stopping([&] { device.stop(); });
    server.until([&] { return server.left; });
    stopping.join();
  }
  std::string get(const std::string& path) {
    const Answer answer = server.ask(code::kGet, path);
    return answer.first == "2.05" ? answer.second : answer.first;
  }
  std::string json(const std::string& path) {
    const Answer answer = server.ask(code::kGet, path, {}, false, true);
    return answer.first == "2.05" ? answer.second : answer.first;
  }

  Server server;
  Client device{{.endpoint = "urn:dev:os:objects", .server = server.uri()}};
};

TEST_F(SdkObjects, ADefinedObjectNeedsNoTypes) {
  static_assert(std::is_same_v<decltype(Probe::sensor_value), value<5700, double>>);
  static_assert(std::is_same_v<Probe::sensor_units_type, value<5701, std::string>>);
  static_assert(std::is_same_v<objects::device::power_source_voltage_type, values<7, std::int64_t>>);
  auto& probe = device.add<Probe>(0);
  start();
  EXPECT_EQ(get("/3303/0/5701"), "Cel");
  EXPECT_EQ(get("/3303/0/5601"), "4.04") << "an optional resource that the program leaves out";
  probe.sensor_value = 23.5;
  EXPECT_EQ(server.ask(code::kPost, "/3303/0/5605").first, "2.04");
  EXPECT_TRUE(server.until([&] { return probe.max == 23.5; }));
}

TEST_F(SdkObjects, WhatTheDefinitionDoesntHaveIsRefusedWhenItIsAdded) {
  struct Unread : object<3303> {};
  struct Wrong : object<3303> {
    drover::value<5700, std::string> sensor_value;  // past the check of the compiler
  };
  struct Unknown : objects::temperature {
    drover::value<1, std::int64_t> other;
  };
  const auto refusal = [&](const std::function<void()>& add) -> std::string {
    try {
      add();
      return "none";
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
  };
  EXPECT_EQ(refusal([&] { device.add<Unread>(0); }), "object 3303 (Temperature): resource 5700 (Sensor Value) is mandatory");
  EXPECT_EQ(refusal([&] { device.add<Wrong>(0); }), "object 3303 (Temperature): resource 5700 (Sensor Value) has another type");
  EXPECT_EQ(refusal([&] { device.add<Unknown>(0); }), "object 3303 (Temperature): resource 1 is none that has a value");
}

TEST_F(SdkObjects, AResourceHasInstances) {
  auto& ports = device.add<Ports>(0);
  std::map<std::uint16_t, std::int64_t> told;
  ports.open.on_write = [&](const std::map<std::uint16_t, std::int64_t>& now) { told = now; };
  start();
  EXPECT_EQ(json("/33001/0/1"), R"({"bn":"/33001/0/1/","e":[{"n":"0","v":80},{"n":"3","v":443}]})");
  const std::string begin = R"({"bn":"/33001/0/2/","e":[)";
  ports.names.set(2, "attic");
  EXPECT_TRUE(server.until([&] { return json("/33001/0/2") == begin + R"({"n":"2","sv":"attic"}]})"; }));
  ports.names.set({{5, "cellar"}});
  EXPECT_TRUE(server.until([&] { return json("/33001/0/2") == begin + R"({"n":"5","sv":"cellar"}]})"; }));
  ports.names.erase(5);
  EXPECT_TRUE(server.until([&] { return json("/33001/0/2") == "4.04"; })) << "without any it isn't there";
  EXPECT_EQ(server.ask(code::kPut, "/33001/0/1", R"({"bn":"/33001/0/1/","e":[{"n":"7","v":22}]})").first, "2.04");
  const std::map<std::uint16_t, std::int64_t> wanted{{7, 22}};
  EXPECT_TRUE(server.until([&] { return ports.open.get() == wanted; }));
  EXPECT_EQ(told, wanted);
}

TEST_F(SdkObjects, ServersCreateAndDeleteWhereTheProgramSaysSo) {
  std::map<std::uint16_t, std::string> created;
  std::uint16_t deleted = 65535;
  device.allow_create<Entry>([&](Entry& entry, std::uint16_t instance) { created[instance] = entry.name; },
                             [&](std::uint16_t instance) { deleted = instance; });
  device.add<Entry>(0);
  start();
  EXPECT_EQ(server.ask(code::kPost, "/33002", R"({"bn":"/33002/","e":[{"n":"4/1","sv":"anna"}]})").first, "2.01");
  const std::map<std::uint16_t, std::string> wanted{{4, "anna"}};
  EXPECT_EQ(created, wanted);
  EXPECT_EQ(get("/33002/4/2"), "7");
  EXPECT_EQ(server.ask(code::kPut, "/33002/4/1", "berta").first, "2.04");
  EXPECT_EQ(server.ask(code::kDelete, "/33002/0").first, "4.05") << "the program's own";
  EXPECT_EQ(server.ask(code::kDelete, "/33002/4").first, "2.02");
  EXPECT_EQ(deleted, 4);
  EXPECT_EQ(get("/33002/4"), "4.04");
}

TEST_F(SdkObjects, AnObjectMayBeKnownByItsDdfAlone) {
  device.define(kLamp);
  auto& lamp = device.add_dynamic(33003, 2);
  std::uint16_t written = 0;
  std::string executed;
  lamp.on_write = [&](std::uint16_t resource) { written = resource; };
  lamp.on_execute = [&](std::uint16_t resource, const arguments& given) { executed = std::to_string(resource) + "/" + std::to_string(given.size()); };
  start();
  EXPECT_EQ(get("/33003/2/1"), "0");
  EXPECT_EQ(get("/33003/2/2"), "4.04") << "optional, and not set yet";
  EXPECT_EQ(lamp.get<double>(2), std::nullopt);
  lamp.set(2, 50);
  EXPECT_TRUE(server.until([&] { return get("/33003/2/2") == "50"; }));
  lamp.set(4, 1, std::string("hall"));
  EXPECT_TRUE(server.until([&] { return json("/33003/2/4") == R"({"bn":"/33003/2/4/","e":[{"n":"1","sv":"hall"}]})"; }));
  EXPECT_EQ(server.ask(code::kPut, "/33003/2/1", "1").first, "2.04");
  EXPECT_EQ(written, 1);
  EXPECT_EQ(lamp.get<bool>(1), true);
  EXPECT_EQ(server.ask(code::kPost, "/33003/2/3", "0,1").first, "2.04");
  EXPECT_EQ(executed, "3/2");
  lamp.erase(2);
  EXPECT_TRUE(server.until([&] { return get("/33003/2/2") == "4.04"; }));

  EXPECT_THROW(lamp.set(1, 5), std::invalid_argument) << "another type";
  EXPECT_THROW(lamp.set(9, 5), std::invalid_argument);
  EXPECT_THROW(lamp.set(3, 5), std::invalid_argument) << "executed";
  EXPECT_THROW(lamp.set(2, 1, 5.0), std::invalid_argument) << "not multiple";
  EXPECT_THROW(lamp.erase(1), std::invalid_argument) << "mandatory";
  EXPECT_THROW((void)lamp.get<std::string>(1), std::invalid_argument);
  EXPECT_THROW(device.add_dynamic(33004, 0), std::invalid_argument);
  EXPECT_THROW(device.add_dynamic(33003, 2), std::invalid_argument) << "exists";
  EXPECT_THROW(device.define("<LWM2M><Object>"), std::invalid_argument);
  EXPECT_THROW(device.define(kLamp), std::invalid_argument) << "defined already";
}

}  // namespace
}  // namespace drover
