// SPDX-License-Identifier: Apache-2.0
// droverd and drover with a device in queue mode, which speaks in bytes: queued, Update, done.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "program.hpp"
#include "sse_stream.hpp"

namespace drover::api::test {
namespace {

using Json = nlohmann::json;

constexpr int kUsage = 2, kNoAnswer = 4, kQueued = 8;  // exit status: drover --help
constexpr int kDatagramWaitMs = 20'000;

/// One that registers as "sleeper" with binding UQ. Messages are RFC 7252 §3 by hand.
class SleepyDevice {
 public:
  explicit SleepyDevice(int port) : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~SleepyDevice() { ::close(fd_); }
  SleepyDevice(const SleepyDevice&) = delete;
  SleepyDevice& operator=(const SleepyDevice&) = delete;

  void register_it() {
    // POST; Uri-Path rd, Content-Format 40, Uri-Query each; the answer has Location-Path rd, ID behind its four bytes.
    send(head(0x02) + "\xB2rd\x11\x28\x3A" + "ep=sleeper" + "\x06" + "lt=300" + "\x09" + "lwm2m=1.0" + "\x04" + "b=UQ" +
         "\xFF</1/0>,</3/0>");
    const std::string created = hear();
    ASSERT_GT(created.size(), 8u);
    EXPECT_EQ(created[1], '\x41');
    ASSERT_EQ(created.substr(4, 3), "\x82rd");
    location_ = created.substr(8, static_cast<std::size_t>(created[7]));
  }
  void update() {
    send(head(0x02) + "\xB2rd" + static_cast<char>(location_.size()) + location_);
    EXPECT_EQ(hear().substr(1, 1), "\x44");
  }
  /// The next request, and 2.05 as text/plain for it.
  std::string answer_with(const std::string& text, const std::string& options = "\xC0") {
    const std::string asked = hear();
    if (asked.size() < 4) return asked;
    const auto token = static_cast<std::size_t>(asked[0] & 0x0F);
    send(std::string(1, static_cast<char>(0x60 | token)) + "\x45" + asked.substr(2, 2 + token) + options + "\xFF" +
         text);
    return asked.substr(4 + token);
  }
  [[nodiscard]] bool has_heard_anything() const {
    char byte = 0;
    return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

 private:
  std::string head(char code) {
    const std::string id{static_cast<char>(++id_ >> 8), static_cast<char>(id_ & 0xFF)};
    return std::string("\x40") + code + id;
  }
  void send(const std::string& bytes) const {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  [[nodiscard]] std::string hear() const {
    pollfd wanted{fd_, POLLIN, 0};
    if (::poll(&wanted, 1, kDatagramWaitMs) <= 0) {
      ADD_FAILURE() << "nothing came";
      return {};
    }
    char bytes[2048];
    const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
    return got < 0 ? std::string() : std::string(bytes, static_cast<std::size_t>(got));
  }

  int fd_;
  std::uint16_t id_ = 0x1233;
  std::string location_;
};

class DroverdQueue : public ::testing::Test {
 protected:
  DroverdQueue() {
    std::string pattern = (std::filesystem::temp_directory_path() / "drover-queue-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(folder_ + "/droverd.toml") << "listen = \"127.0.0.1:0\"\nshards = 2\n"
                                                "[api]\nlisten = [\"127.0.0.1:0\"]\n"
                                                "[queue]\nawake = [{ endpoints = \"sleeper\", seconds = 1 }]\n";
    daemon_.emplace(DROVERD_PROGRAM, std::vector<std::string>{"--config", folder_ + "/droverd.toml"});
    EXPECT_TRUE(daemon_->says("ready\n")) << daemon_->said();
    device_.emplace(daemon_->port_of("coap://"));
  }
  ~DroverdQueue() override {
    daemon_->signal(SIGTERM);
    EXPECT_EQ(daemon_->finish(), 0) << daemon_->said();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  [[nodiscard]] Program start(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--api", "http://127.0.0.1:" + std::to_string(daemon_->port_of("http://"))});
    return Program(DROVER_PROGRAM, std::move(arguments), {{"DROVER_TOKEN", ""}, {"XDG_CONFIG_HOME", folder_}});
  }
  std::string drover(std::vector<std::string> arguments, int code = 0) const {
    Program program = start(std::move(arguments));
    EXPECT_EQ(program.finish(), code) << program.said();
    return program.said();
  }
  [[nodiscard]] Json json(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "--json");
    Program program = start(std::move(arguments));
    program.finish();
    return Json::parse(program.said(), nullptr, false);
  }
  /// Asks until it is so, for half a minute.
  static void until(const char* what, const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!is_so()) ASSERT_LT(std::chrono::steady_clock::now(), deadline) << what;
  }
  void fall_asleep() {
    until("it sleeps", [&] { return !json({"show", "sleeper"}).value("awake", true); });
  }

  std::string folder_;
  std::optional<Program> daemon_;
  std::optional<SleepyDevice> device_;
};

void expect_in(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " isn't in:\n" << text;
}

TEST_F(DroverdQueue, WhatIsAskedOfASleepingDeviceIsDoneWhenItWakes) {
  device_->register_it();
  fall_asleep();
  Stream events(daemon_->port_of("http://"), "?kind=operation");
  const std::string read = drover({"read", "sleeper", "/3/0/9"}, kQueued);
  expect_in(read, {"queued as ", "; expected by ", " UTC; drover operation sleeper "});
  const std::string write = drover({"write", "sleeper", "/3/0/14", "+01:00", "--expires", "12h"}, kQueued);
  expect_in(write, {" behind 1 other; "});
  EXPECT_FALSE(device_->has_heard_anything());

  const Json waiting = json({"operations", "sleeper", "--state", "queued"});
  ASSERT_EQ(waiting["total"], 2) << waiting;
  EXPECT_EQ(waiting["operations"][1]["operation"], "Write");
  const Json& last = waiting["operations"][1];
  EXPECT_EQ(last["expires_at"].get<int>() - last["created_at"].get<int>(), 43'200);
  const std::string first = waiting["operations"][0]["id"], second = last["id"];
  expect_in(drover({"operations", "sleeper"}), {"Read", "/3/0/9", "queued", "it is sent when the device is awake"});
  expect_in(drover({"devices"}), {"STATE", "QUEUED", "asleep", "2\n"});
  expect_in(drover({"show", "sleeper"}), {"asleep since ", "queue mode"});
  expect_in(drover({"operation", "sleeper", first}, kQueued), {"state         queued\n"});
  expect_in(drover({"cancel-operation", "sleeper", second}), {"cancelled ", "Write /3/0/14\n"});
  expect_in(drover({"cancel-operation", "sleeper", second}, kUsage), {"that operation is over already: cancelled"});
  drover({"operation", "sleeper", second}, kNoAnswer);
  for (const char* option : {"--via=pigeon", "--expires=12", "--redeliver=often"}) {
    expect_in(drover({"read", "sleeper", "/3/0/9", option}, kUsage), {"drover: ", "(see drover read --help)"});
  }

  device_->update();
  // Uri-Path 3, 0, 9 (delta 11, then 0); Accept is whatever the server asks for.
  EXPECT_EQ(device_->answer_with("80").substr(0, 6), "\xB1" "3\x01" "0\x01" "9");
  std::string shown;
  until("it is done", [&] {
    Program program = start({"operation", "sleeper", first});
    const int code = program.finish();
    shown = program.said();
    return code == 0;
  });
  expect_in(shown, {"state         done\n", "the device answered 2.05 Content", "/3/0/9", "80"});
  EXPECT_FALSE(device_->has_heard_anything()) << "what was cancelled isn't sent";

  std::string went;
  for (int i = 0; i < 5; ++i) {
    const Json event = events.next().data;
    went += event.value("operation", "") + " " + event.value("state", "") + "; ";
  }
  EXPECT_EQ(went, "Read queued; Write queued; Write cancelled; Read sent; Read done; ");
}

TEST_F(DroverdQueue, WhoWaitsGetsTheAnswerItself) {
  device_->register_it();
  fall_asleep();
  Program reading = start({"read", "sleeper", "/3/0/9", "--wait", "--timeout", "60"});
  until("it is queued", [&] { return json({"operations", "sleeper", "--state", "queued"}).value("total", 0) == 1; });
  device_->update();
  device_->answer_with("80");
  EXPECT_EQ(reading.finish(), 0) << reading.said();
  expect_in(reading.said(), {"/3/0/9", "80"});
  fall_asleep();
  expect_in(drover({"exec", "sleeper", "/3/0/4", "--wait", "--timeout", "1"}, kQueued), {"queued as "});
  expect_in(drover({"read", "sleeper", "/3/0/9", "--via", "sms"}, kNoAnswer), {"can't be reached that way"});
}

TEST_F(DroverdQueue, ACancellationOfAnObservationWaitsWithItsSettings) {
  device_->register_it();
  fall_asleep();
  drover({"observe", "sleeper", "/3/0/9", "--background"}, kQueued);
  device_->update();
  device_->answer_with("80", "\x61\x01\x60");  // Observe 1, Content-Format 0
  until("it is observed", [&] { return !json({"observations", "sleeper"})["observations"].empty(); });
  fall_asleep();
  drover({"cancel", "sleeper", "/3/0/9", "--expires", "2h"}, kQueued);
  const Json waiting = json({"operations", "sleeper", "--state", "queued"})["operations"];
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0]["operation"], "Cancel-Observation");
  EXPECT_EQ(waiting[0]["expires_at"].get<int>() - waiting[0]["created_at"].get<int>(), 7'200);
  device_->update();
  device_->answer_with("80");
  until("it is cancelled", [&] { return json({"observations", "sleeper"})["observations"].empty(); });
}

}  // namespace
}  // namespace drover::api::test
