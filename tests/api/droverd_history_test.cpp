// SPDX-License-Identifier: Apache-2.0
// Stored values in droverd, with a device that speaks in bytes: what it was read, and what it sent, is there after a
// kill, whether it is registered or not.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "program.hpp"

namespace drover::api::test {
namespace {

using Json = nlohmann::json;

constexpr int kDatagramWaitMs = 20'000;
constexpr std::chrono::seconds kWait{20};

class DroverdHistory : public ::testing::Test {
 protected:
  DroverdHistory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "drover-history-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    write_config("");
  }
  ~DroverdHistory() override {
    daemon_.reset();
    if (fd_ >= 0) ::close(fd_);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void write_config(const std::string& more) const {
    std::ofstream(folder_ + "/droverd.toml") << "listen = \"127.0.0.1:0\"\nshards = 1\n[secure]\nlisten = \"\"\n"
                                                "[api]\nlisten = [\"127.0.0.1:0\"]\n"
                                                "[store]\nfile = \"" << folder_ << "/store\"\n" << more;
  }
  void start() {
    daemon_.emplace(DROVERD_PROGRAM, std::vector<std::string>{"--config", folder_ + "/droverd.toml"});
    ASSERT_TRUE(daemon_->says("ready\n")) << daemon_->said();
  }
  /// Registers as "pump"; the next datagrams are of the server that runs now.
  void register_pump() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(daemon_->port_of("coap://")));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    send(std::string("\x40\x02\x12\x34\xB2rd\x11\x28\x37", 10) + "ep=pump" + "\x06" + "lt=300" + "\x09" + "lwm2m=1.0" +
         "\xFF</1/0>,</3/0>");
    ASSERT_EQ(hear().substr(1, 1), "\x41");
  }
  /// 2.05 as text/plain to the request that comes next.
  void answer_with(const std::string& text) const {
    const std::string asked = hear();
    ASSERT_GE(asked.size(), 4U);
    const auto token = static_cast<std::size_t>(asked[0] & 0x0F);
    send(std::string(1, static_cast<char>(0x60 | token)) + "\x45" + asked.substr(2, 2 + token) + "\xC0\xFF" + text);
  }
  void read_battery(const std::string& text) const {
    Program program = drover({"read", "pump", "/3/0/9"});
    answer_with(text);
    ASSERT_EQ(program.finish(), 0) << program.said();
  }
  [[nodiscard]] Program drover(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--api", "http://127.0.0.1:" + std::to_string(daemon_->port_of("http://"))});
    return Program(DROVER_PROGRAM, std::move(arguments), {{"DROVER_TOKEN", ""}, {"XDG_CONFIG_HOME", folder_}});
  }
  /// The values of the battery level's history, newest first.
  [[nodiscard]] std::string battery() const {
    Program program = drover({"--json", "history", "pump", "/3/0/9"});
    if (program.finish() != 0) return program.said();
    const Json page = Json::parse(program.said(), nullptr, false);
    std::string all;
    for (const Json& value : page["values"]) all += value["value"].dump() + " " + value["how"].get<std::string>() + " ";
    return all;
  }
  void expect_battery(const std::string& expected) const {
    const auto until = std::chrono::steady_clock::now() + kWait;
    while (battery() != expected && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_EQ(battery(), expected);
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

  std::string folder_;
  std::optional<Program> daemon_;
  int fd_ = -1;
};

TEST_F(DroverdHistory, WhatWasReadIsKnownAfterAKill) {
  start();
  register_pump();
  read_battery("77");
  expect_battery("77 read ");
  read_battery("76");
  expect_battery("76 read 77 read ");
  daemon_->signal(SIGKILL);
  EXPECT_EQ(daemon_->finish(), -1);
  start();
  expect_battery("76 read 77 read ");
  register_pump();
  read_battery("75");
  expect_battery("75 read 76 read 77 read ");
}

TEST_F(DroverdHistory, NotificationsAreStored) {
  start();
  register_pump();
  Program program = drover({"observe", "pump", "/3/0/9", "--background"});
  const std::string asked = hear();
  ASSERT_GE(asked.size(), 4U);
  const std::string token = asked.substr(4, static_cast<std::size_t>(asked[0] & 0x0F));
  const auto size = static_cast<char>(token.size());
  const auto notification = [&](char type, const std::string& id, char number, const std::string& text) {
    return std::string(1, static_cast<char>(type | size)) + "\x45" + id + token + "\x61" + number + "\x60\xFF" + text;
  };
  send(notification('\x60', asked.substr(2, 2), '\x05', "50"));
  ASSERT_EQ(program.finish(), 0) << program.said();
  send(notification('\x50', "\x77\x01", '\x06', "49"));
  send(notification('\x50', "\x77\x02", '\x07', "48"));
  const auto until = std::chrono::steady_clock::now() + kWait;
  while (!battery().starts_with("48 notify 49 notify ") && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(battery().starts_with("48 notify 49 notify ")) << battery();
}

TEST_F(DroverdHistory, AFileThatIsNotOursIsRefusedAndStays) {
  start();
  daemon_->signal(SIGTERM);
  EXPECT_EQ(daemon_->finish(), 0) << daemon_->said();
  std::filesystem::remove(folder_ + "/store.values-wal");
  std::ofstream(folder_ + "/store.values") << std::string(8192, 'x');
  daemon_.emplace(DROVERD_PROGRAM, std::vector<std::string>{"--config", folder_ + "/droverd.toml"});
  EXPECT_EQ(daemon_->finish(), 1);
  EXPECT_NE(daemon_->said().find("store.values: damaged"), std::string::npos) << daemon_->said();
  EXPECT_NE(daemon_->said().find("remove it with its -wal and -shm files"), std::string::npos) << daemon_->said();
  EXPECT_EQ(std::filesystem::file_size(folder_ + "/store.values"), 8192U);
}

TEST_F(DroverdHistory, WhoWantsNoValuesHasNoFile) {
  write_config("[history]\nenabled = false\n");
  start();
  Program program = drover({"values", "pump"});
  EXPECT_NE(program.finish(), 0);
  EXPECT_NE(program.said().find("history.enabled is false"), std::string::npos) << program.said();
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/store.values"));
}

}  // namespace
}  // namespace drover::api::test
