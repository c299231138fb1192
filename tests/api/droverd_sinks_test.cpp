// SPDX-License-Identifier: Apache-2.0
// droverd and drover with a webhook whose receiver is in this process.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "program.hpp"

namespace drover::api::test {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr const char* kSecret = "5ec7e7-whsec";

/// Keeps the events of all requests.
class Receiver {
 public:
  Receiver() {
    server_.set_keep_alive_timeout(1);
    server_.Post("/hook", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      response.status = status_;
      if (status_ != 200) return;
      signed_ = signed_ && request.has_header("X-Drover-Signature");
      const Json body = Json::parse(request.body, nullptr, false);
      for (const Json& event : body["events"]) events_.push_back(event);
      changed_.notify_all();
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~Receiver() {
    while (!server_.is_running()) std::this_thread::yield();
    server_.stop();
    thread_.join();
  }
  void answer(int status) {
    const std::lock_guard lock(mutex_);
    status_ = status;
  }
  bool gets(const std::string& kind, const std::string& endpoint) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] {
      return std::any_of(events_.begin(), events_.end(), [&](const Json& event) {
        return event["kind"] == kind && event["endpoint"] == endpoint;
      });
    });
  }
  [[nodiscard]] bool has_kind(const std::string& kind) {
    const std::lock_guard lock(mutex_);
    return std::any_of(events_.begin(), events_.end(), [&](const Json& event) { return event["kind"] == kind; });
  }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] bool all_signed() {
    const std::lock_guard lock(mutex_);
    return signed_;
  }

 private:
  httplib::Server server_;
  int port_ = 0;
  int status_ = 200;
  bool signed_ = true;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Json> events_;
  std::thread thread_;
};

/// One Register (Core §5.3.1), as a device sends it.
void register_device(int port, const std::string& endpoint, std::uint8_t message) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  ASSERT_LT(endpoint.size(), 10u);
  std::string text{'\x40', '\x02', '\x00', static_cast<char>(message)};
  text += "\xB2rd\x11\x28";
  text += static_cast<char>(0x33 + endpoint.size());
  text += "ep=" + endpoint + "\x06lt=600\xFF</3/0>";
  const auto sent = ::sendto(socket, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  EXPECT_EQ(sent, static_cast<ssize_t>(text.size()));
  std::array<char, 128> answer{};
  const timeval wait{10, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  ASSERT_GT(::recv(socket, answer.data(), answer.size(), 0), 4);
  EXPECT_EQ(static_cast<unsigned char>(answer[1]), 0x41) << "2.01 Created";
  ::close(socket);
}

class DroverdSinks : public ::testing::Test {
 protected:
  DroverdSinks() {
    std::string pattern = (std::filesystem::temp_directory_path() / "drover-sinks-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(file("secret")) << kSecret << '\n';
    ::chmod(file("secret").c_str(), 0600);
  }
  ~DroverdSinks() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] std::string config(const std::string& sinks) const {
    std::ofstream(file("droverd.toml")) << "listen = \"127.0.0.1:0\"\nshards = 1\n[api]\nlisten = [\"127.0.0.1:0\"]\n"
                                           "[log]\nlevel = \"debug\"\n[store]\nfile = \"" + file("store.db") + "\"\n" + sinks;
    return file("droverd.toml");
  }
  [[nodiscard]] std::string hook(const std::string& more = "") const {
    return config("[[sink]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:" +
                  std::to_string(receiver_.port()) + "/hook?key=path-secret\"\nsecret_file = \"" + file("secret") +
                  "\"\nretry_max = 1\n" + more);
  }
  std::string drover(const Program& daemon, std::vector<std::string> arguments, int code = 0) const {
    arguments.insert(arguments.begin(), {"--api", "http://127.0.0.1:" + std::to_string(daemon.port_of("droverd: http://"))});
    Program program(DROVER_PROGRAM, std::move(arguments), {{"DROVER_TOKEN", ""}, {"XDG_CONFIG_HOME", folder_}});
    EXPECT_EQ(program.finish(), code) << program.said();
    return program.said();
  }
  static void expect_in(const std::string& text, std::initializer_list<const char*> parts) {
    for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " isn't in:\n" << text;
  }

  std::string folder_;
  Receiver receiver_;
};

TEST_F(DroverdSinks, EventsArriveAndTheCommandLineSaysHow) {
  Program daemon(DROVERD_PROGRAM, {"--config", hook("kinds = [\"registered\"]\n")});
  ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
  register_device(daemon.port_of("coap://"), "pump", 1);
  EXPECT_TRUE(receiver_.gets("registered", "pump"));
  EXPECT_TRUE(receiver_.all_signed());
  drover(daemon, {"sinks", "test", "hook"});
  EXPECT_TRUE(receiver_.gets("test", ""));
  const std::string list = drover(daemon, {"sinks"});
  expect_in(list, {"NAME", "hook", "webhook", "http://127.0.0.1", "fine"});
  expect_in(drover(daemon, {"sinks", "show", "hook"}), {"sink hook: webhook", "delivered   1 events"});
  drover(daemon, {"sinks", "show", "nothing"}, 2);
  receiver_.answer(403);
  expect_in(drover(daemon, {"sinks", "test", "hook"}, 5), {"the receiver answers 403"});
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.finish(), 0);
  for (const std::string& secret : {std::string(kSecret), std::string("path-secret")}) {
    EXPECT_EQ(daemon.said().find(secret), std::string::npos) << daemon.said();
    EXPECT_EQ(list.find(secret), std::string::npos);
  }
}

TEST_F(DroverdSinks, AReceiverThatWasAwayGetsWhatHappenedMeanwhile) {
  receiver_.answer(503);
  Program daemon(DROVERD_PROGRAM, {"--config", hook()});
  ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
  register_device(daemon.port_of("coap://"), "pump", 1);
  register_device(daemon.port_of("coap://"), "valve", 2);
  ASSERT_TRUE(daemon.says("sink fails, and tries again")) << daemon.said();
  expect_in(drover(daemon, {"sinks"}), {"failing", "the receiver answers 503"});
  receiver_.answer(200);
  EXPECT_TRUE(receiver_.gets("registered", "pump"));
  EXPECT_TRUE(receiver_.gets("registered", "valve"));
  // Killed with something to deliver: the next process goes on from where the sink was.
  receiver_.answer(503);
  register_device(daemon.port_of("coap://"), "mixer", 3);
  daemon.signal(SIGKILL);
  daemon.finish();
  receiver_.answer(200);
  Program next(DROVERD_PROGRAM, {"--config", hook()});
  ASSERT_TRUE(next.says("droverd: ready")) << next.said();
  register_device(next.port_of("coap://"), "lamp", 1);
  EXPECT_TRUE(receiver_.gets("registered", "lamp"));
  EXPECT_TRUE(receiver_.gets("registered", "mixer"));
  EXPECT_FALSE(receiver_.has_kind("gap"));
}

TEST_F(DroverdSinks, OneThatIsChangedGoesOnWhereItWasAlsoWithoutAStore) {
  const std::string start = "listen = \"127.0.0.1:0\"\nshards = 1\n[api]\nlisten = [\"127.0.0.1:0\"]\n[[sink]]\nname = \"hook\"\n"
                            "kind = \"webhook\"\nurl = \"http://127.0.0.1:" + std::to_string(receiver_.port()) + "/hook\"\n";
  std::ofstream(file("droverd.toml")) << start;
  receiver_.answer(503);
  Program daemon(DROVERD_PROGRAM, {"--config", file("droverd.toml")});
  ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
  register_device(daemon.port_of("coap://"), "pump", 1);
  ASSERT_TRUE(daemon.says("sink fails, and tries again")) << daemon.said();
  std::ofstream(file("droverd.toml")) << start << "retry_max = 1\n";
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.says("configuration read again")) << daemon.said();
  receiver_.answer(200);
  EXPECT_TRUE(receiver_.gets("registered", "pump"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.finish(), 0);
}

TEST_F(DroverdSinks, WrongSectionsNameFileAndLine) {
  const std::string start = "[[sink]]\nname = \"a\"\n";
  const std::string webhook = start + "kind = \"webhook\"\nurl = \"http://x/\"\n";
  const std::string mqtt = start + "kind = \"mqtt\"\nurl = \"mqtt://x\"\n";
  const std::pair<std::string, std::string> kCases[] = {
      {"[sink]\nname = \"a\"\n", "sink must be a list of tables: [[sink]]"},
      {"[[sink]]\nkind = \"webhook\"\n", "sink needs a name"},
      {"[[sink]]\nname = \"a b\"\n", "sink.name: must be 1 to 64 letters, digits, - and _"},
      {start, "sink \"a\" needs a kind"},
      {start + "kind = \"kafka\"\n", "sink.kind must be one of"},
      {start + "kind = \"webhook\"\n", "sink \"a\" needs a url"},
      {start + "kind = \"webhook\"\nurl = \"mqtt://x\"\n", "needs a url with http:// or https://"},
      {start + "kind = \"webhook\"\nurl = \"http://u:p@x\"\n", "sink \"a\" needs a url: "},
      {webhook + "topic = \"a\"\n", "topic is for \"mqtt\""},
      {webhook + "ca_file = \"a\"\n", "has a ca_file and no https://"},
      {webhook + "kinds = [\"sneezed\"]\n", "\"sneezed\" is no kind of event; there are learned, "},
      {webhook + "retry_min = 400\n", "has a retry_min above its retry_max"},
      {webhook + "batch = 0\n", "sink.batch must be a number from 1 to 1000"},
      {webhook + "color = \"red\"\n", "unknown key sink.color"},
      {webhook + "[[sink]]\nname = \"a\"\nkind = \"webhook\"\nurl = \"http://y/\"\n", "two sinks are called \"a\""},
      {webhook + "secret_file = \"/nothing/here\"\n", "sink \"a\": /nothing/here: can't be read"},
      {mqtt + "batch = 3\n", "batch is for \"webhook\""},
      {mqtt + "topic = \"a/{name}\"\n", "sink.topic: knows {endpoint} and {kind}, not {name}"},
      {mqtt + "password_file = \"x\"\n", "has a password_file and no username"},
  };
  for (const auto& [sinks, reason] : kCases) {
    Program check(DROVERD_PROGRAM, {"--config", config(sinks), "--check-config"});
    EXPECT_NE(check.finish(), 0) << sinks;
    const bool without = check.said().find("was built without MQTT") != std::string::npos;
    EXPECT_TRUE(without || check.said().find(reason) != std::string::npos) << sinks << check.said();
  }
  Program fine(DROVERD_PROGRAM, {"--config", hook(), "--check-config"});
  EXPECT_EQ(fine.finish(), 0) << fine.said();
}

}  // namespace
}  // namespace drover::api::test
