// SPDX-License-Identifier: Apache-2.0
// The SDK against a scripted server in the same process, over loopback.
#include "drover/client.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

#include "coap/message/code.hpp"
#include "sdk/test_server.hpp"

namespace drover {
namespace {

struct Thermometer : object<3303> {
  value<5700, double> sensor_value{20.0};
  setting<5750, std::string> name{"kitchen"};
  value<5601, std::int64_t> count{0};
  void execute(resource<5605>) { count = count + 1; }
};

struct Switch : object<3306> {
  setting<5850, bool> on{false};
  std::string log;
  using executes = resources<5823, 5824>;
  void execute(resource<5823>) { log += "a"; }
  void execute(resource<5824>, const arguments& given) { log += std::to_string(given.size()); }
};

struct Silent : object<3300> {
  value<5700, float> sensor_value{1.5F};
};

TEST(Sdk, ADeviceOfADozenLinesIsManaged) {
  Server server;
  std::atomic<int> registrations = 0;
  std::atomic<int> reboots = 0;
  {
    Client device{{.endpoint = "urn:dev:os:sdk-1",
                   .server = server.uri(),
                   .on_registered = [&] { ++registrations; },
                   .on_reboot = [&] { ++reboots; }}};
    auto& thermometer = device.add<Thermometer>(0);
    std::promise<std::string> renamed;
    thermometer.name.on_write = [&](const std::string& text) { renamed.set_value(text); };
    device.start();
    ASSERT_TRUE(server.until([&] { return device.registered(); }));
    EXPECT_EQ(registrations, 1);
    EXPECT_NE(server.registered.find("</3303/0>"), std::string::npos) << server.registered;

    using Answer = std::pair<std::string, std::string>;
    EXPECT_EQ(server.ask(coap::code::kGet, "/3303/0/5700"), (Answer{"2.05", "20"}));
    EXPECT_EQ(server.ask(coap::code::kPut, "/3303/0/5700", "1").first, "4.05") << "a value isn't written by servers";
    EXPECT_EQ(server.ask(coap::code::kPut, "/3303/0/5750", "cellar").first, "2.04");
    EXPECT_EQ(renamed.get_future().get(), "cellar");
    EXPECT_EQ(thermometer.name.get(), "cellar");
    EXPECT_EQ(server.ask(coap::code::kDelete, "/3303/0").first, "4.05");

    EXPECT_EQ(server.ask(coap::code::kGet, "/3303/0/5700", {}, true).first, "2.05");
    thermometer.sensor_value = 21.5;
    EXPECT_TRUE(server.until([&] { return !server.notifications.empty(); }));
    EXPECT_EQ(server.notifications.back(), "21.5");

    EXPECT_EQ(server.ask(coap::code::kPost, "/3303/0/5605").first, "2.04");
    EXPECT_TRUE(server.until([&] { return thermometer.count == 1; }));
    EXPECT_EQ(server.ask(coap::code::kPost, "/3/0/4").first, "2.04");
    EXPECT_TRUE(server.until([&] { return reboots == 1; }));

    // Objects come and go while it runs.
    auto& light = device.add<Switch>(3);
    EXPECT_TRUE(server.until([&] { return server.updates == 1; }));
    EXPECT_EQ(server.ask(coap::code::kPost, "/3306/3/5824", "0,1='x'").first, "2.04");
    EXPECT_EQ(server.ask(coap::code::kPost, "/3306/3/5823").first, "2.04");
    EXPECT_EQ(light.log, "2a");
    device.remove(light);
    EXPECT_EQ(server.ask(coap::code::kGet, "/3306/3").first, "4.04");
    device.add<Silent>(0);
    EXPECT_EQ(server.ask(coap::code::kGet, "/3300/0/5700"), (Answer{"2.05", "1.5"}));
    auto acknowledged = device.update();
    EXPECT_TRUE(server.until([&] { return acknowledged.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
    EXPECT_TRUE(acknowledged.get());

    // The destructor de-registers; the server has to be there to hear it.
    std::thread stopping([&] { device.stop(); });
    EXPECT_TRUE(server.until([&] { return server.left; }));
    stopping.join();
    EXPECT_FALSE(device.registered());
  }
}

TEST(Sdk, ABootstrapServerTellsTheServerAndCantTakeTheProgramsObjects) {
  Server bootstrap;
  Server server;
  std::atomic<int> bootstraps = 0;
  Client device{{.endpoint = "urn:dev:os:sdk-2",
                 .bootstrap = {.server = bootstrap.uri()},
                 .on_bootstrapped = [&] { ++bootstraps; }}};
  auto& thermometer = device.add<Thermometer>(0);
  auto& light = device.add<Switch>(3);
  EXPECT_FALSE(device.bootstrap()) << "not started";
  device.start();
  ASSERT_TRUE(bootstrap.until([&] { return bootstrap.asked == 1; }));
  const auto say = [&](coap::Code method, const std::string& path, const std::string& text = {}) {
    return bootstrap.ask(method, path, text).first;
  };
  EXPECT_EQ(say(coap::code::kDelete, ""), "2.02");
  EXPECT_EQ(say(coap::code::kPut, "/0/1",
                R"({"bn":"/0/1/","e":[{"n":"0","sv":")" + server.uri() + R"("},{"n":"2","v":3},{"n":"10","v":101}]})"),
            "2.04");
  EXPECT_EQ(say(coap::code::kPut, "/1/0", R"({"bn":"/1/0/","e":[{"n":"0","v":101},{"n":"1","v":60},{"n":"7","sv":"U"}]})"),
            "2.04");
  EXPECT_EQ(say(coap::code::kPut, "/3303/0", R"({"bn":"/3303/0/","e":[{"n":"5700","v":3},{"n":"5750","sv":"attic"}]})"),
            "2.04");
  EXPECT_EQ(say(coap::code::kPut, "/3303/7", R"({"bn":"/3303/7/","e":[{"n":"5750","sv":"nowhere"}]})"), "2.04");
  EXPECT_EQ(say(coap::code::kPost, "/bs"), "2.04");
  ASSERT_TRUE(server.until([&] { return device.registered() && server.updates > 0; }));
  EXPECT_EQ(bootstraps, 1);

  using Answer = std::pair<std::string, std::string>;
  EXPECT_EQ(thermometer.name.get(), "attic");
  EXPECT_EQ(server.ask(coap::code::kGet, "/3303/0/5750"), (Answer{"2.05", "attic"}));
  EXPECT_EQ(server.ask(coap::code::kGet, "/3303/0/5700"), (Answer{"2.05", "20"})) << "the program's value";
  thermometer.sensor_value = 21.5;
  EXPECT_TRUE(server.until([&] { return server.ask(coap::code::kGet, "/3303/0/5700").second == "21.5"; }));
  EXPECT_EQ(server.ask(coap::code::kGet, "/3303/7").first, "4.04") << "the program has none";
  EXPECT_EQ(server.ask(coap::code::kPut, "/3306/3/5850", "1").first, "2.04") << "shown again";
  EXPECT_TRUE(light.on);
  EXPECT_TRUE(device.bootstrap());
  EXPECT_TRUE(bootstrap.until([&] { return bootstrap.asked == 2; }));
  std::thread stopping([&] { device.stop(); });
  EXPECT_TRUE(server.until([&] { return server.left; }));
  stopping.join();
}

TEST(Sdk, SaysWhatCantBe) {
  EXPECT_THROW(Client({.endpoint = "x", .server = "fleet.example"}), std::invalid_argument);
  EXPECT_THROW(Client({.endpoint = "", .server = "coap://x"}), std::invalid_argument);
  EXPECT_THROW(Client({.endpoint = "x", .server = "coap://x", .bind = "here"}), std::invalid_argument);
  EXPECT_THROW(Client({.endpoint = "x"}), std::invalid_argument);
  EXPECT_THROW(Client({.endpoint = "x", .bootstrap = {.server = "fleet.example"}}), std::invalid_argument);
  EXPECT_THROW(Client({.endpoint = "x", .bootstrap = {.server = "coaps://x"}}), std::invalid_argument) << "no keys";
  const Keys keys = Keys::pre_shared("x", {1, 2, 3});
  EXPECT_THROW(Client({.endpoint = "x",
                       .server = "coaps://x",
                       .keys = keys,
                       .bootstrap = {.server = "coaps://y", .keys = keys}}),
               std::invalid_argument)
      << "one key for both";
  EXPECT_THROW(Client({.endpoint = std::string(253, 'x'), .server = "coap://x"}), std::invalid_argument);
  EXPECT_THROW(Client({.endpoint = "x", .server = "coap://" + std::string(300, 'x')}), std::invalid_argument);
  EXPECT_THROW(Client({.endpoint = "x", .server = "coap://x", .short_server_id = 65535}), std::invalid_argument);
  EXPECT_THROW(Client({.endpoint = "x", .server = "coap://x", .alternate_path = "/1/2"}), std::invalid_argument);
  Client device({.endpoint = "x", .server = "coap://x"});
  device.add<Silent>(0);
  EXPECT_THROW(device.add<Silent>(0), std::invalid_argument);
}

TEST(Sdk, ValuesOfPlainObjectsWorkWithoutADevice) {
  Thermometer thermometer;
  thermometer.sensor_value = 3.0;
  EXPECT_EQ(thermometer.sensor_value, 3.0);
  EXPECT_TRUE(thermometer.object_values().empty());
}

}  // namespace
}  // namespace drover
