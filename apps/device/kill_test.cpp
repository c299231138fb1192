// SPDX-License-Identifier: Apache-2.0
// The device's process is killed again and again while a server writes: what was acknowledged is there at the next
// start, and an operation is there whole or not at all.
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <charconv>

#include "apps/device/test_process.hpp"
#include "coap/message/code.hpp"
#include "io/clock.hpp"
#include "io/udp_socket.hpp"
#include "lwm2m/content/content.hpp"
#include "lwm2m/mapping/mapping.hpp"
#include "stack/endpoint.hpp"
#include "storage/test_folder.hpp"

namespace drover::device {
namespace {

using lwm2m::Path;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A server that writes two resources in one operation, one write behind the other.
class WritingServer {
 public:
  WritingServer() {
    auto opened = io::UdpSocket::open(*transport::PeerAddress::parse("127.0.0.1:0"), {});
    EXPECT_TRUE(opened);
    socket_.emplace(std::move(*opened));
  }
  [[nodiscard]] std::string uri() const { return "coap://127.0.0.1:" + std::to_string(socket_->local().port); }

  /// Takes what arrives until `until`, or until `done`.
  template <class Done>
  bool serve(Instant until, Done done) {
    while (!done()) {
      const Instant now = io::now();
      if (now >= until) return false;
      pollfd wait{socket_->fd(), POLLIN, 0};
      const auto left = std::chrono::ceil<milliseconds>(until - now);
      ::poll(&wait, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 10)));
      socket_->receive([&](const transport::Datagram& datagram) { endpoint_.handle_datagram(io::now(), datagram); });
      endpoint_.handle_timeout(io::now());
      drain();
    }
    return true;
  }
  void write_next() {
    ++written_;
    lwm2m::Tree tree;
    tree.objects.push_back(
        {1,
         {{lwm2m::InstanceId{0},
           {lwm2m::ResourceNode::single(2, written_), lwm2m::ResourceNode::single(3, written_ + kApart)}}}});
    auto payload = lwm2m::content::encode(lwm2m::Format::Tlv, Path(1, 0), tree);
    ASSERT_TRUE(payload);
    ask(lwm2m::Write{Path(1, 0), lwm2m::Write::Mode::Update, lwm2m::format::kTlv, std::move(*payload)});
  }
  /// The number that both resources stand for; nothing when they don't agree.
  std::optional<std::int64_t> read() {
    std::array<std::int64_t, 2> values{};
    for (std::uint16_t i = 0; i < 2; ++i) {
      response_.reset();
      ask(lwm2m::Read{Path(1, 0, static_cast<std::uint16_t>(2 + i)), lwm2m::format::kText});
      if (!serve(io::now() + seconds(5), [&] { return response_.has_value(); })) return std::nullopt;
      if (response_->code == coap::code::kNotFound) continue;  // not written yet
      const auto text = as_text(response_->payload);
      std::from_chars(text.data(), text.data() + text.size(), values[i]);
    }
    if (values == std::array<std::int64_t, 2>{}) return 0;
    if (values[1] != values[0] + kApart) return std::nullopt;
    return values[0];
  }
  /// Forgets what was on its way to a device that is gone.
  void device_is_gone() {
    if (peer_) endpoint_.forget_peer(*peer_);
    heard_ = false;
    writing_ = false;
  }

  bool writing_ = false;
  bool heard_ = false;  ///< a Register or Update since the last kill
  int registers = 0;
  int updates = 0;
  std::int64_t written_ = 0;       ///< the last one sent
  std::int64_t acknowledged_ = 0;  ///< the last one whose answer arrived

 private:
  static constexpr std::int64_t kApart = 1'000'000;

  void ask(const lwm2m::Downlink& operation) {
    endpoint_.request(io::now(), *peer_, lwm2m::mapping::to_request(operation, ""));
    drain();
  }
  void drain() {
    while (auto event = endpoint_.poll_event()) {
      if (auto* arrived = std::get_if<coap::RequestArrived>(&*event)) {
        peer_ = arrived->peer;
        const bool anew = arrived->request.options.uri_path() == "/rd";
        ++(anew ? registers : updates);
        coap::Response response{anew ? coap::code::kCreated : coap::code::kChanged, {}, {}};
        if (anew) response.options.add_location_path("rd/1");
        endpoint_.respond(io::now(), arrived->responder, std::move(response));
        heard_ = true;
      } else if (auto* response = std::get_if<coap::ResponseArrived>(&*event)) {
        if (!writing_) {
          response_ = std::move(response->response);
          continue;
        }
        EXPECT_EQ(response->response.code, coap::code::kChanged);
        acknowledged_ = written_;
        write_next();
      }
    }
    std::vector<transport::Transmit> batch;
    while (auto transmit = endpoint_.poll_transmit()) batch.push_back(std::move(*transmit));
    if (!batch.empty()) socket_->send(batch);
  }

  io::SystemRng rng_;
  stack::Endpoint endpoint_{{}, rng_};
  std::optional<io::UdpSocket> socket_;
  std::optional<transport::PeerAddress> peer_;
  std::optional<coap::Response> response_;
};

TEST(AKilledDevice, HasEveryAcknowledgedWriteWholeAtTheNextStart) {
  constexpr int kKills = 50;
  constexpr Duration kStartMax = seconds(10);  // of the program, on a busy machine under a sanitizer
  constexpr std::uint32_t kWriteMsMax = 40;    // a few writes
  constexpr std::uint32_t kEarlyMsMax = 60;    // about a start
  const storage::testing::Folder folder;
  WritingServer server;
  SplitMix moments(20240117);
  const Instant end = io::now() + seconds(90);
  for (int kill = 0; kill < kKills && io::now() < end; ++kill) {
    testing::Process device(
        {"--server", server.uri(), "--bind", "127.0.0.1:0", "--state", folder.file(), "--quiet"});
    if (kill % 5 == 4) {
      // In the middle of its start: while it reads the file, binds, writes the file anew.
      server.serve(io::now() + milliseconds(moments.below(kEarlyMsMax)), [] { return false; });
      device.kill();
      server.device_is_gone();
      continue;
    }
    ASSERT_TRUE(server.serve(io::now() + kStartMax, [&] { return server.heard_ || device.ended(); }));
    ASSERT_FALSE(device.ended());
    const auto held = server.read();
    ASSERT_TRUE(held) << "half of a write, after kill " << kill;
    ASSERT_GE(*held, server.acknowledged_) << "an acknowledged write is lost, after kill " << kill;
    ASSERT_LE(*held, server.written_);
    server.writing_ = true;
    server.write_next();
    server.serve(io::now() + milliseconds(moments.below(kWriteMsMax)), [] { return false; });
    device.kill();
    server.device_is_gone();
  }
  EXPECT_GT(server.acknowledged_, kKills) << "there was something to lose";
  EXPECT_LE(server.registers, 2) << "the registration lasted, unless it was killed before it could be noted";
  EXPECT_GE(server.updates, kKills * 3 / 5);
  RecordProperty("acknowledged", static_cast<int>(server.acknowledged_));
}

}  // namespace
}  // namespace drover::device
