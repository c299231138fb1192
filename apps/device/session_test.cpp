// SPDX-License-Identifier: Apache-2.0
// A device driven by the commands of the prompt, of a pipe and of the control socket, with a server of a few lines on
// the same loop.
#include <gtest/gtest.h>

#include <string>

#include "apps/device/commands.hpp"
#include "apps/device/device.hpp"
#include "coap/message/code.hpp"
#include "io/clock.hpp"
#include "io/udp_socket.hpp"
#include "stack/endpoint.hpp"

namespace drover::device {
namespace {

using std::chrono::seconds;

class Session {
 public:
  Session() {
    auto opened = io::UdpSocket::open(*transport::PeerAddress::parse("127.0.0.1:0"), {});
    EXPECT_TRUE(opened);
    socket_.emplace(std::move(*opened));
    Config config;
    config.bind = "127.0.0.1:0";
    config.machine.objects.clear();  // the announcements below are the same on every machine
    config.servers.push_back({"coap://127.0.0.1:" + std::to_string(socket_->local().port), 0, std::nullopt, 0, std::nullopt});
    config.values.push_back({lwm2m::Path(3, 0, 1), "configured", 0});
    config.values.push_back({lwm2m::Path(3, 0, 6, 2), "5", 0});
    auto made = Device::make(std::move(config));
    EXPECT_TRUE(made) << (made ? "" : made.error().reason);
    device = std::move(*made);
    commands_.emplace(*device, [] {});
    io::EventLoop& loop = device->runtime().loop();
    loop.watch(socket_->fd(), io::EventLoop::Interest::Read, [this] { receive(); });
    waker_ = loop.add_waker([this] { return give_up_; }, [this](Instant) { device->runtime().loop().stop(); });
    device->runtime().on_event([this](const client::ClientEvent& event) {
      const std::string line = describe(event);
      if (line != awaited_) return;
      awaited_.clear();
      device->runtime().loop().stop();
    });
    EXPECT_TRUE(device->start());
  }
  ~Session() {
    device->runtime().loop().remove_waker(waker_);
    device->runtime().loop().unwatch(socket_->fd());
  }

  /// Output lines joined by '|', or the error.
  std::string say(std::string_view line) {
    const auto result = commands_->run(line, session_);
    if (!result) return "error: " + result.error().reason;
    std::string text;
    for (const std::string& output : *result) text += (text.empty() ? "" : "|") + output;
    return text;
  }
  /// Runs until the event comes; five seconds are far more than loopback takes.
  bool await(std::string event) {
    awaited_ = std::move(event);
    give_up_ = io::now() + seconds(5);
    device->runtime().loop().run();
    give_up_.reset();
    return awaited_.empty();
  }
  void execute(const std::string& path) {
    coap::Request request{coap::code::kPost, {}, {}};
    request.options.add_uri_path(path);
    endpoint_.request(io::now(), *peer_, std::move(request));
    drain();
  }
  /// What the server was asked since the last look: "POST /rd </1/0>,..." and so on.
  std::string asked() { return std::exchange(asked_, {}); }

  std::unique_ptr<Device> device;

 private:
  void receive() {
    socket_->receive([&](const transport::Datagram& datagram) {
      endpoint_.handle_datagram(io::now(), datagram);
      drain();
    });
  }
  void drain() {
    while (auto event = endpoint_.poll_event()) {
      if (auto* request = std::get_if<coap::RequestArrived>(&*event)) serve(*request);
    }
    std::vector<transport::Transmit> batch;
    while (auto transmit = endpoint_.poll_transmit()) batch.push_back(std::move(*transmit));
    if (!batch.empty()) socket_->send(batch);
  }
  void serve(const coap::RequestArrived& arrived) {
    peer_ = arrived.peer;
    const std::string path = arrived.request.options.uri_path();
    const bool leaves = arrived.request.method == coap::code::kDelete;
    asked_ += (asked_.empty() ? "" : "; ") + std::string(leaves ? "DELETE " : "POST ") + path;
    if (!arrived.request.payload.empty()) asked_ += " " + std::string(as_text(arrived.request.payload));
    coap::Response response{leaves ? coap::code::kDeleted : coap::code::kChanged, {}, {}};
    if (path == "/rd") {
      response.code = coap::code::kCreated;
      response.options.add_location_path("rd/1");
    }
    endpoint_.respond(io::now(), arrived.responder, std::move(response));
  }

  io::SystemRng rng_;
  stack::Endpoint endpoint_{{}, rng_};
  std::optional<io::UdpSocket> socket_;
  std::optional<Commands> commands_;
  Commands::Session session_;
  std::optional<transport::PeerAddress> peer_;
  std::optional<Instant> give_up_;
  std::string awaited_;
  std::string asked_;
  int waker_ = 0;
};

const std::string kRoot = "</>;rt=\"oma.lwm2m\";ct=11543,";

TEST(DeviceSession, ADeviceIsDrivenByCommands) {
  Session session;
  ASSERT_TRUE(session.await("registered server=1"));
  EXPECT_EQ(session.asked(), "POST /rd " + kRoot + "</1/0>,</3/0>");

  EXPECT_EQ(session.say("add /3303/1"), "");
  ASSERT_TRUE(session.await("updated server=1"));
  EXPECT_EQ(session.asked(), "POST /rd/1 " + kRoot + "</1/0>,</3/0>,</3303/1>");
  EXPECT_EQ(session.say("set /3303/1/5700 21.5"), "");
  EXPECT_EQ(session.say("get /3303/1/5700"), "21.5");
  const std::string shown = session.say("show /3303");
  EXPECT_NE(shown.find("/3303/1/5700"), std::string::npos) << shown;
  EXPECT_NE(shown.find("21.5"), std::string::npos) << shown;
  EXPECT_EQ(session.say("remove /3303/1"), "");
  ASSERT_TRUE(session.await("updated server=1"));
  EXPECT_EQ(session.asked(), "POST /rd/1 " + kRoot + "</1/0>,</3/0>,</3303>");
  EXPECT_EQ(session.say("get /3303/1/5700"), "error: /3303/1/5700: has no value");

  EXPECT_EQ(session.say("update"), "");
  ASSERT_TRUE(session.await("updated server=1"));
  EXPECT_EQ(session.asked(), "POST /rd/1");

  EXPECT_EQ(session.say("deregister"), "");
  EXPECT_EQ(session.say("update"), "error: not registered with any server; register does it");
  ASSERT_TRUE(session.await("deregistered server=1"));
  EXPECT_EQ(session.asked(), "DELETE /rd/1");
  EXPECT_NE(session.say("status").find("  off"), std::string::npos);
  EXPECT_EQ(session.say("update"), "error: not registered with any server; register does it");

  EXPECT_EQ(session.say("register"), "");
  ASSERT_TRUE(session.await("registered server=1"));
  (void)session.asked();
  // One right behind the other: the last word counts.
  EXPECT_EQ(session.say("deregister"), "");
  EXPECT_EQ(session.say("register"), "");
  ASSERT_TRUE(session.await("registered server=1"));
  EXPECT_TRUE(session.asked().starts_with("DELETE /rd/1; POST /rd "));
}

TEST(CoreAppendixE4, ARebootKeepsCurrentValuesAndRegistersWithoutLeaving) {
  Session session;
  ASSERT_TRUE(session.await("registered server=1"));
  EXPECT_EQ(session.say("set /3/0/1 renamed"), "");
  EXPECT_EQ(session.say("set /1/0/1 77"), "");
  EXPECT_EQ(session.say("set /3303/4/5700 3.5"), "");
  (void)session.asked();
  const auto port = session.device->runtime().local().port;

  session.execute("/3/0/4");
  ASSERT_TRUE(session.await("reboot"));
  ASSERT_TRUE(session.device->reboot());
  EXPECT_NE(session.device->runtime().local().port, port);
  ASSERT_TRUE(session.await("registered server=1"));
  EXPECT_EQ(session.asked(), "POST /rd " + kRoot + "</1/0>,</3/0>,</3303/4>") << "no DELETE";
  EXPECT_EQ(session.say("get /3/0/1"), "renamed");
  EXPECT_EQ(session.say("get /1/0/1"), "77");
  EXPECT_EQ(session.say("get /3303/4/5700"), "3.5");
  EXPECT_EQ(session.say("get /3/0/6/2"), "5");
}

TEST(CoreAppendixE4, AFactoryResetGoesBackToTheConfiguration) {
  Session session;
  ASSERT_TRUE(session.await("registered server=1"));
  EXPECT_EQ(session.say("set /3/0/1 renamed"), "");
  EXPECT_EQ(session.say("set /1/0/1 77"), "");
  EXPECT_EQ(session.say("set /3303/4/5700 3.5"), "");
  (void)session.asked();

  session.execute("/3/0/5");
  ASSERT_TRUE(session.await("factory-reset"));
  ASSERT_TRUE(session.device->factory_reset());
  ASSERT_TRUE(session.await("registered server=1"));
  EXPECT_EQ(session.asked(), "POST /rd " + kRoot + "</1/0>,</3/0>");
  EXPECT_EQ(session.say("get /3/0/1"), "configured");
  EXPECT_EQ(session.say("get /1/0/1"), "86400");
  EXPECT_EQ(session.say("get /3303/4/5700"), "error: /3303/4/5700: has no value");
  EXPECT_EQ(session.say("get /3/0/6/2"), "5");
}

}  // namespace
}  // namespace drover::device
