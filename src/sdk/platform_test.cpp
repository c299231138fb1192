// SPDX-License-Identifier: Apache-2.0
// A device on a platform of the program's own, in virtual time; and one in the program's loop.
#include "drover/platform.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <deque>
#include <string>
#include <utility>

#include "base/random.hpp"
#include "coap/message/code.hpp"
#include "drover/client.hpp"
#include "drover/objects/temperature.hpp"
#include "sdk/test_server.hpp"
#include "stack/endpoint.hpp"

namespace drover {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr seconds sdk_goodbye{3};  // what stop() waits for at most

/// A machine of which the test is the clock and the network.
class Machine final : public Platform {
 public:
  microseconds monotonic() override { return time; }
  seconds wall_clock() override { return seconds(1'800'000'000) + std::chrono::duration_cast<seconds>(time); }
  void random(std::uint8_t* to, std::size_t size) override {
    for (std::size_t at = 0; at < size; ++at) to[at] = static_cast<std::uint8_t>(rng.next());
  }
  void send(const std::string& to, const std::uint8_t* bytes, std::size_t size) override { sent.emplace_back(to, Bytes(bytes, bytes + size)); }
  std::vector<std::string> resolve(const std::string& host, std::uint16_t port) override {
    asked += host + " ";
    return known ? std::vector<std::string>{"192.0.2.7:" + std::to_string(port)} : std::vector<std::string>{};
  }
  void wake() override { ++woken; }

  microseconds time{5'000'000};
  SplitMix rng{7};
  std::deque<std::pair<std::string, Bytes>> sent;
  std::string asked;
  bool known = true;
  int woken = 0;
};

struct Virtual {
  Machine machine;
  Client device{{.endpoint = "urn:dev:os:bare", .server = "coap://fleet.example", .lifetime = 60}, machine};
  SplitMix rng{8};
  stack::Endpoint server{{}, rng};
  int registers = 0, updates = 0;

  [[nodiscard]] Instant now() const { return Instant(machine.time); }
  /// Carries datagrams both ways until nobody says anything.
  void exchange() {
    while (!machine.sent.empty()) {
      const auto [to, bytes] = std::exchange(machine.sent, {}).front();
      EXPECT_EQ(to, "192.0.2.7:5683");
      server.handle_datagram(now(), {*transport::PeerAddress::parse("198.51.100.1:1000"), bytes});
      while (auto event = server.poll_event()) {
        const auto* request = std::get_if<coap::RequestArrived>(&*event);
        if (request == nullptr) continue;
        coap::Response response{coap::code::kChanged, {}, {}};
        if (request->request.options.uri_path() == "/rd") {
          ++registers;
          response.code = coap::code::kCreated;
          response.options.add_location_path("rd/1");
        } else if (request->request.method == coap::code::kPost) {
          ++updates;
        } else {
          response.code = coap::code::kDeleted;
        }
        server.respond(now(), request->responder, std::move(response));
      }
      while (auto transmit = server.poll_transmit()) device.receive(to, transmit->bytes.data(), transmit->bytes.size());
    }
  }
  /// To the device's next deadline.
  void pass() {
    ASSERT_LT(device.wait(), std::chrono::hours(1));
    machine.time += device.wait();
    device.process();
  }
};

TEST(SdkPlatform, ADeviceLivesOnAPlatformOfItsOwn) {
  Virtual world;
  auto& thermometer = world.device.add<objects::temperature>(0);
  EXPECT_THROW(world.device.start(), std::logic_error) << "there is no thread";
  EXPECT_EQ(world.device.descriptor(), -1);
  world.device.begin();
  world.exchange();
  EXPECT_TRUE(world.device.registered());
  EXPECT_EQ(world.machine.asked, "fleet.example ");
  EXPECT_EQ(world.registers, 1);

  // Values wake the loop, once until it takes them.
  const int before = world.machine.woken;
  thermometer.sensor_value = 1.0;
  thermometer.sensor_value = 2.0;
  EXPECT_EQ(world.machine.woken, before + 1);
  EXPECT_EQ(world.device.wait(), microseconds{});
  world.device.process();
  EXPECT_GT(world.device.wait(), microseconds{});

  const auto due = world.machine.time + seconds(60);
  while (world.updates == 0 && world.machine.time < due) {
    world.pass();
    world.exchange();
  }
  EXPECT_EQ(world.updates, 1) << "within its lifetime";
  auto acknowledged = world.device.update();
  world.exchange();
  EXPECT_TRUE(acknowledged.get());
  world.device.stop();
  world.exchange();
  EXPECT_FALSE(world.device.registered());
}

TEST(SdkPlatform, ANameThatNobodyKnowsIsAskedAgain) {
  Virtual world;
  world.machine.known = false;
  world.device.begin();
  EXPECT_TRUE(world.machine.sent.empty());
  world.machine.known = true;
  while (world.machine.sent.empty()) world.pass();
  EXPECT_EQ(world.machine.asked, "fleet.example fleet.example ");
  EXPECT_THROW(world.device.receive("nowhere", nullptr, 0), std::invalid_argument);
  EXPECT_THROW(world.device.receive("sms:4917012345", nullptr, 0), std::invalid_argument);
}

TEST(SdkPlatform, ADeviceLivesInTheProgramsLoop) {
  Server server;
  Client device{{.endpoint = "urn:dev:os:loop", .server = server.uri()}};
  auto& thermometer = device.add<objects::temperature>(0);
  EXPECT_THROW(device.receive("192.0.2.1:1", nullptr, 0), std::logic_error) << "it has a socket";
  device.begin();
  const auto turn = [&] {
    pollfd descriptor{device.descriptor(), POLLIN, 0};
    ::poll(&descriptor, 1, 0);
    device.process();
    return device.registered();
  };
  ASSERT_TRUE(server.until(turn));
  thermometer.sensor_value = 4.5;
  device.process();
  const auto leave = [&] {
    server.left = false;
    std::thread answering([&] { server.until([&] { return server.left; }); });
    device.stop();
    answering.join();
    EXPECT_TRUE(server.left);
  };
  leave();

  device.begin();
  ASSERT_TRUE(server.until(turn)) << "again";
  device.process();
  EXPECT_GT(device.wait(), sdk_goodbye) << "the end before would stop it now";
  leave();
}

}  // namespace
}  // namespace drover
