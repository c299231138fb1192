// SPDX-License-Identifier: Apache-2.0
// The gpsd client against a gpsd of a few lines on the same loop.
#include "machine/gpsd.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "io/clock.hpp"

namespace drover::machine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kTpv = "{\"class\":\"TPV\",\"mode\":3,\"lat\":1.5,\"lon\":2.5}\n";

class Scene {
 public:
  Scene() { listen(0); }
  ~Scene() {
    hang_up();
    stop_listening();
  }

  void listen(std::uint16_t port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    EXPECT_EQ(::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_port = htons(port);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
    socklen_t size = sizeof own;
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&own), &size), 0);
    address = transport::PeerAddress::v4(INADDR_LOOPBACK, ntohs(own.sin_port));
    loop.watch(listener_, io::EventLoop::Interest::Read, [this] { accept(); });
  }
  void stop_listening() {
    if (listener_ < 0) return;
    loop.unwatch(listener_);
    ::close(std::exchange(listener_, -1));
  }
  void hang_up() {
    if (peer_ < 0) return;
    loop.unwatch(peer_);
    ::close(std::exchange(peer_, -1));
  }
  void say(std::string_view text) const {
    EXPECT_EQ(::send(peer_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  /// Runs until it holds; ten seconds are far more than loopback and the first waits take.
  template <class Condition>
  bool await(Condition condition) {
    const Instant give_up = io::now() + seconds(10);
    Instant look = io::now();
    const int waker = loop.add_waker([&] { return std::optional(look); },
                                     [&](Instant at) {
                                       look = at + milliseconds(5);
                                       if (condition() || at >= give_up) loop.stop();
                                     });
    loop.run();
    loop.remove_waker(waker);
    return condition();
  }
  Gpsd::Listener listener() {
    return {[this](const client::Fix& fix) { fixes.push_back(fix); }, [this](bool works) { states.push_back(works); }};
  }

  io::EventLoop loop;
  transport::PeerAddress address;
  std::vector<client::Fix> fixes;
  std::vector<bool> states;
  std::string heard;
  int accepted = 0;

 private:
  void accept() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    hang_up();
    peer_ = fd;
    ++accepted;
    loop.watch(peer_, io::EventLoop::Interest::Read, [this] {
      char buffer[256];
      const ssize_t size = ::recv(peer_, buffer, sizeof buffer, 0);
      if (size > 0) return void(heard.append(buffer, static_cast<std::size_t>(size)));
      if (size == 0) hang_up();
    });
  }

  int listener_ = -1;
  int peer_ = -1;
};

TEST(GpsdClient, AsksForReportsAndPassesFixesOn) {
  Scene scene;
  const Gpsd gpsd(scene.loop, scene.address, scene.listener());
  ASSERT_TRUE(scene.await([&] { return scene.heard.ends_with(";\n"); }));
  EXPECT_EQ(scene.heard, "?WATCH={\"enable\":true,\"json\":true};\n");
  EXPECT_TRUE(gpsd.is_connected());
  scene.say(
      "{\"class\":\"VERSION\",\"release\":\"3.25\"}\r\n{\"class\":\"DEVICES\",\"devices\":[{\"path\":\"/dev/"
      "ttyS0\"}]}\r\n");
  scene.say(kTpv);
  ASSERT_TRUE(scene.await([&] { return !scene.fixes.empty(); }));
  EXPECT_EQ(scene.fixes.front().latitude, 1.5);
  EXPECT_EQ(scene.states, std::vector<bool>{true});
  EXPECT_EQ(gpsd.counters().reports, 3U);
}

TEST(GpsdClient, MalformedLinesAreCountedAndIgnored) {
  Scene scene;
  const Gpsd gpsd(scene.loop, scene.address, scene.listener());
  ASSERT_TRUE(scene.await([&] { return scene.accepted == 1 && gpsd.is_connected(); }));
  scene.say("nonsense\n{\"class\":\n");
  scene.say(std::string(LineBuffer::kLineMax + 10, 'x') + "\n");
  scene.say(kTpv);
  ASSERT_TRUE(scene.await([&] { return !scene.fixes.empty(); }));
  EXPECT_EQ(gpsd.counters().malformed, 3U);
}

TEST(GpsdClient, NoReceiverIsNoPositioning) {
  Scene scene;
  const Gpsd gpsd(scene.loop, scene.address, scene.listener());
  ASSERT_TRUE(scene.await([&] { return scene.accepted == 1 && gpsd.is_connected(); }));
  scene.say("{\"class\":\"DEVICES\",\"devices\":[]}\n");
  ASSERT_TRUE(scene.await([&] { return !scene.states.empty(); }));
  EXPECT_EQ(scene.states, std::vector<bool>{false});
}

TEST(GpsdClient, ComesBackAfterALostConnection) {
  Scene scene;
  const Gpsd gpsd(scene.loop, scene.address, scene.listener());
  ASSERT_TRUE(scene.await([&] { return scene.accepted == 1 && gpsd.is_connected(); }));
  scene.say("{\"class\":\"TPV\",\"mo");
  scene.say("de\":0}\n");
  scene.say(kTpv.substr(0, 10));
  ASSERT_TRUE(scene.await([&] { return gpsd.counters().reports == 1; }));
  scene.hang_up();
  ASSERT_TRUE(scene.await([&] { return scene.states.size() == 1; }));
  EXPECT_FALSE(scene.states.back());
  ASSERT_TRUE(scene.await([&] { return scene.accepted == 2 && gpsd.is_connected(); }));
  scene.say(kTpv);
  ASSERT_TRUE(scene.await([&] { return scene.fixes.size() == 1; }));
  EXPECT_EQ(gpsd.counters().malformed, 0U) << "the half line of the old connection is gone";
  EXPECT_TRUE(scene.states.back());
}

TEST(GpsdClient, WaitsForAGpsdThatStartsLater) {
  Scene scene;
  const std::uint16_t port = scene.address.port;
  scene.stop_listening();
  const Gpsd gpsd(scene.loop, scene.address, scene.listener());
  ASSERT_TRUE(scene.await([&] { return scene.states == std::vector<bool>{false}; }));
  scene.listen(port);
  ASSERT_TRUE(scene.await([&] { return gpsd.counters().connections == 1; }));
}

TEST(GpsdClient, MayEndAtAnyTime) {
  Scene scene;
  std::optional<Gpsd> gpsd;
  gpsd.emplace(scene.loop, scene.address, scene.listener());
  gpsd.reset();
  gpsd.emplace(scene.loop, scene.address, scene.listener());
  ASSERT_TRUE(scene.await([&] { return gpsd->is_connected(); }));
  gpsd.reset();
  EXPECT_TRUE(scene.await([&] { return scene.accepted >= 1; }));
}

}  // namespace
}  // namespace drover::machine
