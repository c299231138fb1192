// SPDX-License-Identifier: Apache-2.0
// The SDK against a scripted server in the same process, over loopback.
#include "drover/client.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <future>
#include <stdexcept>

#include "coap/message/code.hpp"
#include "io/clock.hpp"
#include "io/udp_socket.hpp"
#include "lwm2m/content/format.hpp"
#include "stack/endpoint.hpp"

namespace drover {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

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

/// A LwM2M Server of a few lines.
class Server {
 public:
  Server() : endpoint_({}, rng_) {
    auto opened = io::UdpSocket::open(*transport::PeerAddress::parse("127.0.0.1:0"), {});
    if (!opened) throw std::runtime_error(opened.error().reason);
    socket_.emplace(std::move(*opened));
  }
  [[nodiscard]] std::string uri() const { return "coap://127.0.0.1:" + std::to_string(socket_->local().port); }

  /// Steps until `done` or for five seconds; what it waits for comes within milliseconds.
  bool until(const std::function<bool()>& done) {
    const Instant end = io::now() + seconds(5);
    while (!done()) {
      if (io::now() > end) return false;
      pollfd wait{socket_->fd(), POLLIN, 0};
      ::poll(&wait, 1, 10);
      socket_->receive([&](const transport::Datagram& datagram) {
        endpoint_.handle_datagram(io::now(), datagram);
        drain();
      });
      endpoint_.handle_timeout(io::now());
      drain();
    }
    return true;
  }
  /// The code and text of the answer to a request of ours.
  std::pair<std::string, std::string> ask(coap::Code method, const std::string& path, const std::string& text = {},
                                          bool observe = false) {
    coap::Request request{method, {}, to_bytes(text)};
    request.options.add_uri_path(path);
    if (!text.empty()) request.options.set_content_format(text.front() == '{' ? lwm2m::format::kJson : 0);
    if (observe) request.options.set_observe(0);
    answer_.reset();
    endpoint_.request(io::now(), *device, std::move(request));
    drain();
    if (!until([&] { return answer_.has_value(); })) return {"nothing", ""};
    return {answer_->code.to_string(), std::string(as_text(answer_->payload))};
  }

  std::optional<transport::PeerAddress> device;
  std::string registered;  ///< the links of the last Register
  int updates = 0;
  int asked = 0;  ///< for a bootstrap
  bool left = false;
  std::vector<std::string> notifications;

 private:
  void drain() {
    while (auto event = endpoint_.poll_event()) {
      if (auto* request = std::get_if<coap::RequestArrived>(&*event)) serve(*request);
      if (auto* response = std::get_if<coap::ResponseArrived>(&*event)) answer_ = response->response;
      if (auto* notified = std::get_if<coap::NotificationArrived>(&*event)) {
        notifications.emplace_back(as_text(notified->response.payload));
      }
    }
    std::vector<transport::Transmit> batch;
    while (auto transmit = endpoint_.poll_transmit()) batch.push_back(std::move(*transmit));
    if (!batch.empty()) socket_->send(batch);
  }
  void serve(const coap::RequestArrived& arrived) {
    coap::Response response{coap::code::kChanged, {}, {}};
    const std::string path = arrived.request.options.uri_path();
    if (path == "/rd") {
      device = arrived.peer;
      registered = as_text(arrived.request.payload);
      response.code = coap::code::kCreated;
      response.options.add_location_path("rd/1");
    } else if (path == "/bs") {
      device = arrived.peer;
      ++asked;
    } else if (arrived.request.method == coap::code::kDelete) {
      response.code = coap::code::kDeleted;
      left = true;
    } else {
      ++updates;
    }
    endpoint_.respond(io::now(), arrived.responder, std::move(response));
  }

  io::SystemRng rng_;
  stack::Endpoint endpoint_;
  std::optional<io::UdpSocket> socket_;
  std::optional<coap::Response> answer_;
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
