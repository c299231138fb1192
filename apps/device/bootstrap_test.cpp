// SPDX-License-Identifier: Apache-2.0
// The program knows a bootstrap server and nothing else: it gets its server from there, keeps it, and does without what
// the bootstrap server takes away.
#include <gtest/gtest.h>
#include <poll.h>

#include "apps/device/test_process.hpp"
#include "coap/message/code.hpp"
#include "io/clock.hpp"
#include "io/udp_socket.hpp"
#include "lwm2m/mapping/bootstrap.hpp"
#include "lwm2m/mapping/mapping.hpp"
#include "stack/endpoint.hpp"
#include "storage/test_folder.hpp"

namespace drover::device {
namespace {

using lwm2m::BootstrapDelete;
using lwm2m::BootstrapFinish;
using lwm2m::BootstrapWrite;
using lwm2m::Path;
using std::chrono::seconds;
using Plan = std::vector<lwm2m::BootstrapOperation>;

/// A server's socket, and what devices and it say to each other.
class Peer {
 public:
  Peer() {
    auto opened = io::UdpSocket::open(*transport::PeerAddress::parse("127.0.0.1:0"), {});
    EXPECT_TRUE(opened);
    socket_.emplace(std::move(*opened));
  }
  virtual ~Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  [[nodiscard]] std::string uri() const { return "coap://127.0.0.1:" + std::to_string(socket_->local().port); }
  [[nodiscard]] int fd() const { return socket_->fd(); }
  void step() {
    socket_->receive([&](const transport::Datagram& datagram) { endpoint_.handle_datagram(io::now(), datagram); });
    endpoint_.handle_timeout(io::now());
    drain();
  }
  void ask(coap::Request request) {
    endpoint_.request(io::now(), *device_, std::move(request));
    drain();
  }
  /// The device is gone with all that was on its way to it.
  virtual void device_is_gone() {
    if (device_) endpoint_.forget_peer(*device_);
  }

 protected:
  virtual coap::Response serve(const coap::Request& request) = 0;
  virtual void answered(coap::Response response) = 0;

 private:
  void drain() {
    while (auto event = endpoint_.poll_event()) {
      if (auto* arrived = std::get_if<coap::RequestArrived>(&*event)) {
        device_ = arrived->peer;
        endpoint_.respond(io::now(), arrived->responder, serve(arrived->request));
      } else if (auto* response = std::get_if<coap::ResponseArrived>(&*event)) {
        answered(std::move(response->response));
      }
    }
    std::vector<transport::Transmit> batch;
    while (auto transmit = endpoint_.poll_transmit()) batch.push_back(std::move(*transmit));
    if (!batch.empty()) socket_->send(batch);
  }

  io::SystemRng rng_;
  stack::Endpoint endpoint_{{}, rng_};
  std::optional<io::UdpSocket> socket_;
  std::optional<transport::PeerAddress> device_;
};

/// Says `plan` to whoever asks, one behind the other, as far as `steps`.
class BootstrapServer final : public Peer {
 public:
  Plan plan;
  std::size_t steps = 100;
  int asked = 0;         ///< Bootstrap-Requests
  std::size_t done = 0;  ///< steps that the device has answered
  bool finished = false;

  void device_is_gone() override {
    Peer::device_is_gone();
    done = 0;
    finished = false;
  }

 private:
  coap::Response serve(const coap::Request& request) override {
    const auto asking = lwm2m::mapping::to_bootstrap_request(request);
    EXPECT_TRUE(asking);
    EXPECT_EQ(asking->endpoint, "bootstrapped-1");
    ++asked;
    done = 0;
    finished = false;
    next_ = true;
    return {coap::code::kChanged, {}, {}};
  }
  void answered(coap::Response response) override {
    const auto wanted = std::holds_alternative<BootstrapDelete>(plan[done]) ? coap::code::kDeleted : coap::code::kChanged;
    EXPECT_EQ(response.code, wanted) << as_text(response.payload);
    finished |= std::holds_alternative<BootstrapFinish>(plan[done]);
    ++done;
    next_ = true;
  }

 public:
  void go_on() {
    step();
    if (!std::exchange(next_, false) || done >= std::min(steps, plan.size())) return;
    ask(lwm2m::mapping::to_request(plan[done]));
  }

 private:
  bool next_ = false;
};

class ManagementServer final : public Peer {
 public:
  int registers = 0;
  int updates = 0;
  std::string links;  ///< of the last Register
  std::optional<coap::Response> response;

 private:
  coap::Response serve(const coap::Request& request) override {
    if (request.options.uri_path() != "/rd") {
      ++updates;
      return {coap::code::kChanged, {}, {}};
    }
    ++registers;
    links = as_text(request.payload);
    coap::Response created{coap::code::kCreated, {}, {}};
    created.options.add_location_path("rd/1");
    return created;
  }
  void answered(coap::Response arrived) override { response = std::move(arrived); }
};

class BootstrappedDevice : public ::testing::Test {
 protected:
  BootstrappedDevice() { bootstrap.plan = accounts(); }

  /// All there was goes, and the one server comes.
  [[nodiscard]] Plan accounts() const {
    return {BootstrapDelete{Path()},
            write("/0/1", R"({"n":"0","sv":")" + server.uri() + R"("},{"n":"1","bv":false},{"n":"2","v":3},{"n":"10","v":101})"),
            write("/1/0", R"({"n":"0","v":101},{"n":"1","v":300},{"n":"6","bv":true},{"n":"7","sv":"U"})"),
            BootstrapFinish{}};
  }
  static BootstrapWrite write(const std::string& path, const std::string& elements) {
    const std::string json = R"({"bn":")" + path + R"(/","e":[)" + elements + "]}";
    return {Path::parse(path).value(), lwm2m::format::kJson, to_bytes(json)};
  }
  void start(std::vector<std::string> options = {}) {
    const std::vector<std::string> own = {"--endpoint", "bootstrapped-1", "--bootstrap", bootstrap.uri(),
                                          "--bind",     "127.0.0.1:0",    "--state",     folder.file()};
    options.insert(options.begin(), own.begin(), own.end());
    device.emplace(std::move(options), folder.file("printed"));
  }
  void kill() {
    device->kill();
    bootstrap.device_is_gone();
    server.device_is_gone();
  }
  template <class Done>
  bool until(Done done, Duration limit = seconds(20)) {  // of a start, on a busy machine under a sanitizer
    const Instant end = io::now() + limit;
    while (!done()) {
      if (io::now() > end || device->ended()) return false;
      pollfd wait[] = {{bootstrap.fd(), POLLIN, 0}, {server.fd(), POLLIN, 0}};
      ::poll(wait, 2, 5);
      bootstrap.go_on();
      server.step();
    }
    return true;
  }
  bool until_printed(const std::string& text) {
    return until([&] { return device->has_printed(text); });
  }
  /// "2.05 text", or the code alone.
  std::string read(const std::string& path) {
    server.response.reset();
    server.ask(lwm2m::mapping::to_request(lwm2m::Read{Path::parse(path).value(), lwm2m::format::kText}, ""));
    if (!until([&] { return server.response.has_value(); })) return "nothing";
    const std::string code = server.response->code.to_string();
    return code == "2.05" ? code + " " + std::string(as_text(server.response->payload)) : code;
  }

  const storage::testing::Folder folder;
  BootstrapServer bootstrap;
  ManagementServer server;
  std::optional<testing::Process> device;
};

TEST_F(BootstrappedDevice, KnowsItsBootstrapServerAloneAndRegistersWhereThatSays) {
  start();
  ASSERT_TRUE(until([&] { return server.registers == 1; })) << device->printed();
  EXPECT_EQ(bootstrap.asked, 1);
  EXPECT_NE(server.links.find("</1/0>,</2>,</3/0>"), std::string::npos) << server.links;
  ASSERT_TRUE(until_printed("registered server=101"));
  for (const char* line : {"bootstrap-began cause=\"there is no server account\"",
                           "served server=bootstrap operation=Bootstrap-Write path=/0/1 result=\"Changed\"",
                           "served server=bootstrap operation=Bootstrap-Finish", "bootstrap-finished"}) {
    EXPECT_TRUE(device->has_printed(line)) << line << "\n" << device->printed();
  }
  device->say("status");
  ASSERT_TRUE(until_printed("bootstrap server  " + bootstrap.uri() + "  finished"));
  EXPECT_TRUE(device->has_printed("server 101  " + server.uri() + "  registered"));

  device->say("bootstrap");
  ASSERT_TRUE(until([&] { return server.registers == 2; })) << device->printed();
  EXPECT_EQ(bootstrap.asked, 2);
  EXPECT_TRUE(until_printed("bootstrap-began cause=\"triggered\""));
}

TEST_F(BootstrappedDevice, TakesASecondServerWithTheRightsOfBoth) {
  const Plan second = {write("/0/2", R"({"n":"0","sv":"coap://127.0.0.1:9"},{"n":"2","v":3},{"n":"10","v":102})"),
                       write("/1/1", R"({"n":"0","v":102},{"n":"1","v":300},{"n":"7","sv":"U"})"),
                       write("/2/0", R"({"n":"0","v":3},{"n":"1","v":0},{"n":"2/101","v":2},{"n":"3","v":101})")};
  bootstrap.plan.insert(bootstrap.plan.end() - 1, second.begin(), second.end());
  start();
  ASSERT_TRUE(until([&] { return server.registers == 1; })) << device->printed();
  EXPECT_NE(server.links.find("</1/0>,</1/1>,</2/0>,</3/0>"), std::string::npos) << server.links;
  EXPECT_EQ(read("/3/0/0"), "4.01") << "written, not read";
  EXPECT_EQ(read("/2/0/3"), "2.05 101");
}

TEST_F(BootstrappedDevice, SaysWhyABootstrapFailedAndWhenItIsTriedAgain) {
  bootstrap.plan = {BootstrapDelete{Path()}};
  const std::string file = folder.file("device.toml");
  std::ofstream(file) << "[bootstrap]\nuri = \"" << bootstrap.uri() << "\"\nsilence = \"1s\"\nretry_first = \"2s\"\n";
  start({"--config", file});
  ASSERT_TRUE(until_printed("bootstrap-failed reason=\"the bootstrap server fell silent\" retry_in=1s"))
      << device->printed();
  bootstrap.plan = accounts();
  EXPECT_TRUE(until([&] { return server.registers == 1; })) << device->printed();
}

TEST_F(BootstrappedDevice, SilenceStandsForAFinishWhereTheServerSaysNone) {
  bootstrap.plan.pop_back();
  const std::string file = folder.file("device.toml");
  std::ofstream(file) << "[bootstrap]\nuri = \"" << bootstrap.uri() << "\"\nfinish_after = \"1s\"\n";
  start({"--config", file});
  EXPECT_TRUE(until([&] { return server.registers == 1; })) << device->printed();
}

TEST_F(BootstrappedDevice, KilledBeforeTheFinishIsAsItWasAndBehindItHasAll) {
  constexpr int kRounds = 4;
  for (int round = 0; round < kRounds; ++round) {
    const int registers = server.registers;
    bootstrap.steps = bootstrap.plan.size() - 1;
    start();
    ASSERT_TRUE(until([&] { return bootstrap.done == bootstrap.steps; })) << device->printed();
    kill();
    EXPECT_EQ(server.registers, registers);

    // It asks again, and is killed as soon as the answer to the Finish is here.
    bootstrap.steps = bootstrap.plan.size();
    const int asked = bootstrap.asked;
    start();
    ASSERT_TRUE(until([&] { return bootstrap.finished; })) << device->printed();
    kill();
    EXPECT_EQ(bootstrap.asked, asked + 1);

    const int heard = server.registers + server.updates;
    start();
    ASSERT_TRUE(until([&] { return server.registers + server.updates > heard; })) << device->printed();
    EXPECT_EQ(bootstrap.asked, asked + 1) << "the accounts are there";

    // Also when another bootstrap is cut off.
    bootstrap.steps = bootstrap.plan.size() - 1;
    device->say("bootstrap");
    ASSERT_TRUE(until([&] { return bootstrap.asked == asked + 2 && bootstrap.done == bootstrap.steps; }));
    kill();
    const int heard_again = server.registers + server.updates;
    start();
    ASSERT_TRUE(until([&] { return server.registers + server.updates > heard_again; })) << device->printed();
    EXPECT_EQ(bootstrap.asked, asked + 2);
    kill();
    std::filesystem::remove(folder.file());
  }
}

TEST_F(BootstrappedDevice, DoesWithoutWhatIsDeletedAndTakesItBack) {
  const std::string file = folder.file("device.toml");
  std::ofstream(file) << R"([firmware]
folder = "firmware"
[values]
"/6/0/0" = 52.5
"/3303/0/5701" = "Cel"
[[script]]
path = "/3303/0/5700"
every = "20ms"
values = [1, 2]
[[script]]
path = "/3303/1/5700"
every = "20ms"
values = [1, 2]
)";
  start({"--config", file});
  ASSERT_TRUE(until([&] { return server.registers == 1; })) << device->printed();
  EXPECT_TRUE(server.links.ends_with("</1/0>,</2>,</3/0>,</4>,</5>,</6>,</7>,</3303>")) << server.links;
  for (const char* path : {"/4/0/0", "/5/0/3", "/6/0/0", "/7/0/2", "/3303/0/5700"}) EXPECT_EQ(read(path), "4.04");
  EXPECT_EQ(read("/3/0/0"), "2.05 Drover") << "Core 5.2.7.5";

  kill();
  const int heard = server.registers + server.updates;
  start({"--config", file});
  ASSERT_TRUE(until([&] { return server.registers + server.updates > heard; })) << device->printed();
  for (const char* path : {"/4/0/0", "/5/0/3", "/6/0/0", "/7/0/2", "/3303/0/5700"}) {
    EXPECT_EQ(read(path), "4.04") << path << ": what was deleted stays so";
  }
  EXPECT_EQ(device->printed().find("script"), std::string::npos) << device->printed();

  bootstrap.plan = {write("/3303/0", R"({"n":"5700","v":7})"), write("/4/0", ""), write("/5/0", ""),
                    write("/6/0", R"({"n":"0","v":1.5})"), write("/7/0", ""), BootstrapFinish{}};
  const int registers = server.registers;
  device->say("bootstrap");
  ASSERT_TRUE(until([&] { return server.registers > registers; })) << device->printed();
  EXPECT_TRUE(server.links.ends_with("</1/0>,</2>,</3/0>,</4/0>,</5/0>,</6/0>,</7/0>,</3303/0>")) << server.links;
  EXPECT_EQ(read("/6/0/0"), "2.05 1.5");
  EXPECT_EQ(read("/5/0/3"), "2.05 0");
  EXPECT_TRUE(read("/4/0/0").starts_with("2.05 "));
  EXPECT_TRUE(read("/7/0/2").starts_with("2.05 "));
  const std::string first = read("/3303/0/5700");
  EXPECT_TRUE(until([&] { return read("/3303/0/5700") != first; })) << "its script goes on";
  EXPECT_EQ(read("/3303/1/5700"), "4.04");
}

}  // namespace
}  // namespace drover::device
