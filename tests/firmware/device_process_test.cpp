// SPDX-License-Identifier: Apache-2.0
// drover-device as a process: pushed to, pulled with, killed in the middle.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "coap/message/code.hpp"
#include "firmware/child_process.hpp"
#include "firmware/saved_update.hpp"
#include "firmware/test_folder.hpp"
#include "io/clock.hpp"
#include "io/driver.hpp"
#include "io/udp_socket.hpp"
#include "lwm2m/content/format.hpp"
#include "stack/endpoint.hpp"
#include "tests/firmware/coaps_files.hpp"
#include "tests/firmware/file_servers.hpp"

namespace drover::testing {
namespace {

using firmware::ChildProcess;
using firmware::testing::run_until;
using firmware::testing::TestFolder;
using std::chrono::milliseconds;
namespace code = coap::code;

/// As much of a LwM2M Server as it takes to register with and to be asked by.
class Server {
 public:
  explicit Server(io::EventLoop& loop)
      : loop_(loop), socket_(*io::UdpSocket::open(*transport::PeerAddress::parse("127.0.0.1:0"), {})) {
    driver_.emplace(loop_, socket_, endpoint_, [this](Instant) { drain(); });
  }
  [[nodiscard]] std::string uri() const { return "coap://127.0.0.1:" + std::to_string(socket_.local().port); }
  /// Waits for a Register that came since the last await.
  bool await_device() {
    const bool came = run_until(loop_, [this] { return registered_; });
    registered_ = false;
    return came;
  }
  std::optional<coap::Response> ask(coap::Code method, const std::string& path, Bytes payload = {},
                                    std::optional<coap::ContentFormat> format = {}) {
    coap::Request request{method, {}, std::move(payload)};
    request.options.add_uri_path(path);
    if (format) request.options.set_content_format(*format);
    answer_.reset();
    failed_ = false;
    asked_ = endpoint_.request(io::now(), *device_, std::move(request));
    driver_->flush(io::now());
    run_until(loop_, [this] { return answer_ || failed_; });
    return answer_;
  }
  std::string text(const std::string& path) {
    const auto answer = ask(code::kGet, path);
    if (!answer) return "silence";
    return answer->code == code::kContent ? std::string(as_text(answer->payload)) : answer->code.to_string();
  }
  coap::Code put(const std::string& path, const Bytes& bytes, coap::ContentFormat format) {
    const auto answer = ask(code::kPut, path, bytes, format);
    return answer ? answer->code : coap::Code();
  }
  /// "state/result"
  bool reaches(const std::string& wanted) {
    const Instant end = io::now() + std::chrono::seconds(20);
    std::string state;
    while (state != wanted && io::now() < end) state = text("/5/0/3") + "/" + text("/5/0/5");
    EXPECT_EQ(state, wanted);
    return state == wanted;
  }

 private:
  void drain() {
    while (auto event = endpoint_.poll_event()) {
      if (auto* answer = std::get_if<coap::ResponseArrived>(&*event)) {
        if (answer->exchange == asked_) answer_ = std::move(answer->response);
      }
      if (const auto* failure = std::get_if<coap::RequestFailed>(&*event)) failed_ |= failure->exchange == asked_;
      if (const auto* request = std::get_if<coap::RequestArrived>(&*event)) {
        coap::Response response{code::kChanged, {}, {}};
        if (request->request.options.uri_path() == "/rd") {
          response.code = code::kCreated;
          response.options.add_location_path("rd/1");
          device_ = request->peer;
          registered_ = true;
        }
        endpoint_.respond(io::now(), request->responder, std::move(response));
      }
    }
  }

  io::EventLoop& loop_;
  io::UdpSocket socket_;
  io::SystemRng rng_;
  stack::Endpoint endpoint_{{}, rng_};
  std::optional<io::Driver<stack::Endpoint>> driver_;
  std::optional<transport::PeerAddress> device_;
  coap::ExchangeId asked_{};
  std::optional<coap::Response> answer_;
  bool failed_ = false;
  bool registered_ = false;
};

struct DeviceProcess : ::testing::Test {
  io::EventLoop loop;
  TestFolder folder;
  Server server{loop};
  std::unique_ptr<ChildProcess> device;
  bool ended = false;
  std::string output;

  void start(const std::string& more = {}) {
    folder.write("device.toml", "endpoint = \"urn:dev:os:firmware\"\nserver = \"" + server.uri() +
                                    "\"\nbind = \"127.0.0.1:0\"\n[firmware]\nfolder = \"fw\"\n" + more);
    ended = false;
    ChildProcess::Command command;
    command.arguments = {DROVER_DEVICE, "--config", folder.file("device.toml")};
    auto started = ChildProcess::start(loop, std::move(command),
                                       {[this](std::string_view line) { output += std::string(line) + "\n"; },
                                        [this](const firmware::Exit&) { ended = true; }});
    ASSERT_TRUE(started) << started.error().reason;
    device = std::move(*started);
    ASSERT_TRUE(server.await_device()) << output;
  }
  [[nodiscard]] std::uint64_t offset() const {
    const auto saved = firmware::load_saved_update(folder.file("fw/update.state"));
    return saved && *saved ? (*saved)->offset : 0;
  }
  /// Processes that have this test's folder in their command line, the device excepted.
  [[nodiscard]] int fetching() const {
    int count = 0;
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", code)) {
      std::ifstream stream(entry.path() / "cmdline", std::ios::binary);
      std::string line((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
      if (line.find("drover-fetch") != std::string::npos && line.find(folder.path) != std::string::npos) ++count;
    }
    return count;
  }
};

TEST_F(DeviceProcess, Ets770UpdateByPush) {
  start("check = \"echo name=app; echo version=7.1\"\ninstall = \"cp \\\"$DROVER_FIRMWARE_FILE\\\" installed\"\n");
  const Bytes image = test_image(200'000);
  EXPECT_EQ(server.put("/5/0/0", {0}, lwm2m::format::kOpaque), code::kChanged);
  EXPECT_EQ(server.text("/5/0/3") + server.text("/5/0/5"), "00");
  EXPECT_EQ(server.put("/5/0/0", image, lwm2m::format::kOpaque), code::kChanged);
  ASSERT_TRUE(server.reaches("2/0"));
  EXPECT_EQ(server.text("/5/0/7"), "7.1");
  EXPECT_EQ(server.ask(code::kPost, "/5/0/2")->code, code::kChanged);
  ASSERT_TRUE(server.reaches("0/1"));
  EXPECT_EQ(server.text("/3/0/3"), "7.1");
  EXPECT_EQ(folder.read("installed"), as_text(image));
  EXPECT_EQ(server.ask(code::kPost, "/5/0/2")->code, code::kMethodNotAllowed);
}

TEST_F(DeviceProcess, Ets755WithoutACheckTheStateIsDownloadedAtOnce) {
  start();
  EXPECT_EQ(server.put("/5/0/0", test_image(5000), lwm2m::format::kOpaque), code::kChanged);
  EXPECT_EQ(server.text("/5/0/3"), "2");
}

TEST_F(DeviceProcess, Ets773APushThatIsTooLarge) {
  start("max_size = 100000\n");
  EXPECT_EQ(server.put("/5/0/0", test_image(200'000), lwm2m::format::kOpaque), code::kRequestEntityTooLarge);
  ASSERT_TRUE(server.reaches("0/2"));
}

TEST_F(DeviceProcess, KilledInMidTransferItEndsDownloaded) {
  CoapFiles files(loop);
  files.image = test_image(100'000);
  files.pace = milliseconds(30);
  start();
  EXPECT_EQ(server.put("/5/0/1", to_bytes(files.uri()), lwm2m::format::kText), code::kChanged);
  ASSERT_TRUE(run_until(loop, [&] { return offset() > 0; }));
  EXPECT_EQ(server.text("/5/0/3"), "1");
  EXPECT_EQ(fetching(), 1);
  ::kill(device->pid(), SIGKILL);
  ASSERT_TRUE(run_until(loop, [&] { return ended && fetching() == 0; }));
  const std::uint64_t reached = offset();
  files.asked.clear();
  files.pace = {};
  start();
  ASSERT_TRUE(server.reaches("2/0"));
  EXPECT_EQ(folder.read("fw/image"), as_text(files.image));
  ASSERT_FALSE(files.asked.empty());
  EXPECT_GE(files.asked.front(), reached / 1024);
  EXPECT_EQ(server.text("/5/0/1"), files.uri());
}

TEST_F(DeviceProcess, PulledOverCoapsWithTheKeysOfTheAccountAtThatHost) {  // Transport "Bootstrapping"
  CoapsFiles files(loop);
  // "sensor-1" and "0123456789abcdef" of a bootstrap server at 127.0.0.1.
  start("[values]\n\"/0/5/0\" = \"coaps://127.0.0.1\"\n\"/0/5/1\" = true\n\"/0/5/2\" = 0\n"
        "\"/0/5/3\" = \"c2Vuc29yLTE=\"\n\"/0/5/5\" = \"MDEyMzQ1Njc4OWFiY2RlZg==\"\n");
  EXPECT_EQ(server.put("/5/0/1", to_bytes(files.uri()), lwm2m::format::kText), code::kChanged);
  ASSERT_TRUE(server.reaches("2/0")) << output;
  EXPECT_EQ(folder.read("fw/image"), as_text(files.image));
}

TEST_F(DeviceProcess, KilledWhileUpdatingTheConfirmCommandDecides) {
  const std::string commands =
      "check = \"echo version=8\"\ninstall = \"touch begun; while :; do sleep 1; test -e go && exit 0; done\"\n"
      "confirm = \"true\"\n";
  start(commands);
  EXPECT_EQ(server.put("/5/0/0", test_image(5000), lwm2m::format::kOpaque), code::kChanged);
  ASSERT_TRUE(server.reaches("2/0"));
  EXPECT_EQ(server.ask(code::kPost, "/5/0/2")->code, code::kChanged);
  ASSERT_TRUE(run_until(loop, [&] { return folder.has("begun"); }));
  EXPECT_EQ(server.text("/5/0/3"), "3");
  ::kill(device->pid(), SIGKILL);
  ASSERT_TRUE(run_until(loop, [&] { return ended; }));
  folder.write("go", "");
  start(commands);
  ASSERT_TRUE(server.reaches("0/1"));
  EXPECT_EQ(server.text("/3/0/3"), "8");
}

TEST_F(DeviceProcess, ARebootInPlaceKeepsTheDownload) {
  CoapFiles files(loop);
  files.image = test_image(60'000);
  files.pace = milliseconds(30);
  start();
  EXPECT_EQ(server.put("/5/0/1", to_bytes(files.uri()), lwm2m::format::kText), code::kChanged);
  ASSERT_TRUE(run_until(loop, [&] { return files.asked.size() > 3; }));
  EXPECT_EQ(server.ask(code::kPost, "/3/0/4")->code, code::kChanged);
  ASSERT_TRUE(server.await_device());
  EXPECT_EQ(server.text("/5/0/3"), "1");
  files.pace = {};
  ASSERT_TRUE(server.reaches("2/0"));
}

}  // namespace
}  // namespace drover::testing
