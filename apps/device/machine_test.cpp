// SPDX-License-Identifier: Apache-2.0
// The machine in the device: its table of the configuration, and who wins.
#include "apps/device/machine.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/device/device.hpp"
#include "io/clock.hpp"

namespace drover::device {
namespace {

using lwm2m::Path;
using std::chrono::milliseconds;
using std::chrono::seconds;

Config parsed(std::string_view text) {
  Config config;
  const auto done = parse_config(text, "device.toml", config);
  EXPECT_TRUE(done) << (done ? "" : done.error().reason);
  return config;
}

std::string mistake(std::string_view text) {
  Config config;
  const auto done = parse_config(text, "device.toml", config);
  return done ? "" : done.error().reason;
}

std::unique_ptr<Device> made(std::string_view text) {
  auto device = Device::make(parsed("server = \"coap://127.0.0.1:9\"\nbind = \"127.0.0.1:0\"\n" + std::string(text)));
  EXPECT_TRUE(device) << (device ? "" : device.error().reason);
  return std::move(*device);
}

std::optional<lwm2m::Value> value(Device& device, std::string_view path) {
  return device.runtime().client().tree().get({io::now(), std::nullopt}, Path::parse(path).value());
}

TEST(MachineConfig, ReadsEverything) {
  const Config config = parsed(R"(
[machine]
objects = [3, 7]
refresh = "5s"
storage = "/usr"
cellular = 7
gpsd = "127.0.0.1:2947"
)");
  EXPECT_EQ(config.machine.objects, (std::set<lwm2m::ObjectId>{3, 7}));
  EXPECT_EQ(config.machine.refresh, seconds(5));
  EXPECT_EQ(config.machine.storage, "/usr");
  EXPECT_EQ(config.machine.cellular, 7);
  ASSERT_TRUE(config.machine.gpsd);
  EXPECT_EQ(config.machine.gpsd->to_string(), "127.0.0.1:2947");
}

TEST(MachineConfig, TheDefaultIsTheMachineWithoutGpsd) {
  const Config config = parsed("");
  EXPECT_EQ(config.machine.objects, (std::set<lwm2m::ObjectId>{3, 4, 7}));
  EXPECT_EQ(config.machine.refresh, seconds(30));
  EXPECT_FALSE(config.machine.gpsd);
}

TEST(MachineConfig, MistakesSayWhatToWrite) {
  EXPECT_EQ(mistake("[machine]\nobjects = [5]"),
            "device.toml:2: objects takes a list of 3 (Device), 4 (Connectivity Monitoring) and 7 (Connectivity "
            "Statistics)");
  EXPECT_EQ(mistake("[machine]\nrefresh = \"500ms\""), "device.toml:2: refresh takes \"1s\" or more");
  EXPECT_EQ(mistake("[machine]\nstorage = \"/no/such/folder\""),
            "device.toml:2: \"/no/such/folder\" isn't a folder to be read");
  EXPECT_EQ(mistake("[machine]\ngpsd = \"localhost\""),
            "device.toml:2: gpsd \"localhost\": write ADDRESS:PORT, such as 127.0.0.1:2947 or [::1]:2947");
  EXPECT_NE(mistake("[machine]\ncellular = 21"), "");
  EXPECT_NE(mistake("[machine]\nrefesh = \"5s\""), "");
}

TEST(MachineInTheDevice, ShowsTheMachine) {
  const auto device = made("");
  EXPECT_EQ(device->runtime().client().tree().instances(4), std::vector<lwm2m::InstanceId>{0});
  EXPECT_EQ(device->runtime().client().tree().instances(7), std::vector<lwm2m::InstanceId>{0});
  EXPECT_TRUE(device->runtime().client().tree().instances(6).empty());
  const auto storage = machine::read_storage("/");
  ASSERT_TRUE(storage);
  EXPECT_EQ(value(*device, "/3/0/21"), lwm2m::Value(storage->total));
  EXPECT_NE(value(*device, "/4/0/4/0"), lwm2m::Value(std::string("0.0.0.0")));
}

TEST(MachineInTheDevice, WhatTheFileOrTheUserSaysWins) {
  const auto device = made("[values]\n\"/3/0/21\" = 77\n\"/3/0/14\" = \"+09:00\"\n\"/4/0/7\" = [\"internet\"]\n");
  EXPECT_EQ(value(*device, "/3/0/21"), lwm2m::Value(std::int64_t{77}));
  EXPECT_EQ(value(*device, "/3/0/14"), lwm2m::Value(std::string("+09:00")));
  EXPECT_EQ(value(*device, "/4/0/7"), lwm2m::Value(std::string("internet")));
  ASSERT_TRUE(device->set(Path(3, 0, 10), "5"));
  ASSERT_TRUE(device->start());
  ASSERT_TRUE(device->reboot());
  EXPECT_EQ(value(*device, "/3/0/10"), lwm2m::Value(std::int64_t{5}));
  EXPECT_EQ(value(*device, "/3/0/21"), lwm2m::Value(std::int64_t{77}));
}

TEST(MachineInTheDevice, NoneOfItWhenNothingIsChosen) {
  const auto device = made("[machine]\nobjects = []\n");
  EXPECT_EQ(device->runtime().client().tree().find(4), nullptr);
  EXPECT_FALSE(value(*device, "/3/0/21"));
  EXPECT_FALSE(value(*device, "/3/0/15"));
}

/// A gpsd that tells each client one position.
class FakeGpsd {
 public:
  explicit FakeGpsd(io::EventLoop& loop) : loop_(loop) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
    loop_.watch(listener_, io::EventLoop::Interest::Read, [this] {
      peer_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      constexpr std::string_view kLine =
          "{\"class\":\"TPV\",\"mode\":3,\"lat\":51.5,\"lon\":-0.25,\"speed\":5,\"time\":\"2026-01-31T12:00:00.000Z\"}"
          "\n";
      EXPECT_EQ(::send(peer_, kLine.data(), kLine.size(), MSG_NOSIGNAL), static_cast<ssize_t>(kLine.size()));
    });
  }
  ~FakeGpsd() {
    loop_.unwatch(listener_);
    ::close(listener_);
    if (peer_ >= 0) ::close(peer_);
  }
  FakeGpsd(const FakeGpsd&) = delete;
  FakeGpsd& operator=(const FakeGpsd&) = delete;

  [[nodiscard]] std::uint16_t port() const {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&own), &size), 0);
    return ntohs(own.sin_port);
  }

 private:
  io::EventLoop& loop_;
  int listener_ = -1;
  int peer_ = -1;
};

TEST(MachineInTheDevice, TheFirstPositionOfGpsdMakesTheLocation) {
  const auto device = made("");
  EXPECT_TRUE(device->runtime().client().tree().instances(6).empty()) << "no position, no instance";
  sdk::Runtime& runtime = device->runtime();
  FakeGpsd gpsd(runtime.loop());
  MachineConfig config;
  config.gpsd = transport::PeerAddress::v4(INADDR_LOOPBACK, gpsd.port());
  Machine machine(config, runtime,
                  [&](lwm2m::ObjectId object, lwm2m::InstanceId instance) { return device->add(object, instance); });
  machine.attach(true);
  machine.start();
  const Instant give_up = io::now() + seconds(10);
  Instant look = io::now();
  const int waker = runtime.loop().add_waker([&] { return std::optional(look); },
                                             [&](Instant at) {
                                               look = at + milliseconds(5);
                                               const bool there = runtime.client().tree().has(Path(6, 0));
                                               if (there || at >= give_up) runtime.loop().stop();
                                             });
  runtime.loop().run();
  runtime.loop().remove_waker(waker);
  EXPECT_EQ(value(*device, "/6/0/0"), lwm2m::Value(51.5));
  EXPECT_EQ(value(*device, "/6/0/1"), lwm2m::Value(-0.25));
  EXPECT_EQ(value(*device, "/6/0/5"), lwm2m::Value(lwm2m::Time{1769860800}));
  EXPECT_FALSE(value(*device, "/6/0/4")) << "without a bearing there is no velocity";
}

}  // namespace
}  // namespace drover::device
