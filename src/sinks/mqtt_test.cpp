// SPDX-License-Identifier: Apache-2.0
// MQTT against a real broker (mosquitto), with mosquitto_sub as the one that gets the events. Skipped with a line that
// says why where they aren't installed; with DROVER_INTEROP=required in the environment, a failure.
#include "sinks/mqtt.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "sinks/runner.hpp"
#include "sinks/test_feed.hpp"
#include "storage/test_folder.hpp"
#include "store/store_file.hpp"

// libmosquitto takes the locks of one client in different orders. A sink's client is used by one thread alone, so they
// can't wait for each other; the thread sanitizer looks at the order of locks whoever takes them.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "deadlock:libmosquitto.so\n";
}

namespace drover::sinks {
namespace {

using namespace std::chrono_literals;

constexpr auto kWait = 20s;

bool eventually(const std::function<bool()>& what) {
  const auto until = std::chrono::steady_clock::now() + kWait;
  while (!what()) {
    if (std::chrono::steady_clock::now() > until) return false;
    ::poll(nullptr, 0, 10);
  }
  return true;
}

/// Of this machine, and free a moment ago.
int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(socket, plain, size), 0);
  EXPECT_EQ(::getsockname(socket, plain, &size), 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

/// A program whose output goes to a file; killed at its end.
class Child {
 public:
  Child(std::vector<std::string> arguments, const std::string& output) {
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    EXPECT_EQ(::posix_spawnp(&pid_, pointers[0], &actions, nullptr, pointers.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Child() { end(SIGKILL); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// The exit status.
  int end(int signal) {
    if (pid_ <= 0) return -1;
    if (signal != 0) ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
};

bool is_installed(const std::string& program) {
  for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/"}) {
    if (::access((folder + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

class MqttTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string missing = has_mqtt() ? "" : "a build with libmosquitto";
    for (const char* program : {"mosquitto", "mosquitto_sub", "openssl"}) {
      if (!is_installed(program)) missing = program;
    }
    if (missing.empty()) return;
    const char* const interop = std::getenv("DROVER_INTEROP");
    if (interop != nullptr && std::string(interop) == "required") FAIL() << missing << " is missing";
    GTEST_SKIP() << missing << " is missing";
  }
  void write(const std::string& name, const std::string& content) const { std::ofstream(folder_.file(name)) << content; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream stream(folder_.file(name));
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
  }
  /// A broker that keeps its sessions in a file, so that it may be killed and go on.
  void start_broker(const std::string& more = "") {
    if (port_ == 0) port_ = free_port();
    write("broker.conf", "listener " + std::to_string(port_) + " 127.0.0.1\npersistence true\npersistence_location " +
                             folder_.file("") + "\nautosave_interval 0\nmax_queued_messages 0\nlog_type all\nuser root\n" +
                             (more.empty() ? "allow_anonymous true\n" : more));
    broker_ = std::make_unique<Child>(std::vector<std::string>{mosquitto(), "-c", folder_.file("broker.conf")},
                                      folder_.file("broker.log"));
    EXPECT_TRUE(eventually([&] { return listens(); })) << read("broker.log");
  }
  [[nodiscard]] bool listens() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    const bool there = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    return there;
  }
  static std::string mosquitto() { return ::access("/usr/sbin/mosquitto", X_OK) == 0 ? "/usr/sbin/mosquitto" : "mosquitto"; }
  /// A reader with a session of its own at the broker; "TOPIC PAYLOAD" a line.
  void start_reader(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"mosquitto_sub", "-p", std::to_string(port_), "-i", "reader", "-c", "-q", "1",
                                       "-t", "#", "-F", "%t %p", "-k", "5"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    reader_ = std::make_unique<Child>(std::move(arguments), folder_.file("read"));
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::istringstream text(read("read"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
  [[nodiscard]] bool has_read(const std::string& line) const {
    const auto all = lines();
    return std::find(all.begin(), all.end(), line) != all.end();
  }
  void open(MqttSettings settings = {}, std::size_t in_flight = 20) {
    if (settings.url.empty()) settings.url = "mqtt://127.0.0.1:" + std::to_string(port_);
    if (settings.client_id.empty()) settings.client_id = "drover-one";
    if (settings.topic.empty()) settings.topic = "drover/{endpoint}/{kind}";
    settings.in_flight = in_flight;
    auto outlet = make_mqtt(std::move(settings));
    ASSERT_TRUE(outlet) << outlet.error().reason;
    Runner::Settings runner{.name = "one", .kind = "mqtt", .target = "t"};
    runner.delivery = {.batch = 1, .in_flight = in_flight, .retry_min = 50ms, .retry_max = 200ms};
    runner_ = std::make_unique<Runner>(std::move(runner), feed_, nullptr, std::move(*outlet));
    runner_->start();
  }
  std::uint64_t add(const std::string& endpoint, const std::string& kind = "updated") {
    const auto number = feed_.add(endpoint, kind);
    runner_->wake();
    return number;
  }
  [[nodiscard]] bool connected() const { return runner_->view().connected == true; }

  storage::testing::Folder folder_;
  test::TestFeed feed_;
  int port_ = 0;
  std::unique_ptr<Child> broker_, reader_;
  std::unique_ptr<Runner> runner_;
};

TEST_F(MqttTest, EventsComeUnderTheirTopics) {
  start_broker();
  open({.status_topic = "drover-status"});
  ASSERT_TRUE(eventually([&] { return connected(); })) << runner_->view().last_error;
  start_reader();
  ASSERT_TRUE(eventually([&] { return has_read("drover-status online"); })) << read("read");
  add("urn:dev:os:1", "registered");
  add("a/b+#\xC3\xA4");
  add("");
  ASSERT_TRUE(eventually([&] { return runner_->view().delivered == 3; }));
  ASSERT_TRUE(eventually([&] { return lines().size() >= 4; }));
  EXPECT_EQ(lines()[1], R"(drover/urn:dev:os:1/registered {"number":1,"kind":"registered","endpoint":"urn:dev:os:1"})");
  EXPECT_TRUE(lines()[2].starts_with("drover/a%2Fb%2B%23%C3%A4/updated {")) << lines()[2];
  EXPECT_TRUE(lines()[3].starts_with("drover/%/updated {")) << lines()[3];
  runner_->stop();
  EXPECT_TRUE(eventually([&] { return has_read("drover-status offline"); })) << "a farewell, too";
}

TEST_F(MqttTest, ABrokerThatIsKilledInTheMiddleLosesNothingAndKeepsTheOrder) {
  start_broker();
  start_reader();
  open();
  ASSERT_TRUE(eventually([&] { return connected() && read("broker.log").find("Sending SUBACK to reader") != std::string::npos; }));
  constexpr int kDevices = 5, kEach = 200;
  const auto burst = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      for (int device = 0; device < kDevices; ++device) add("d" + std::to_string(device));
    }
  };
  burst(0, kEach / 4);
  broker_->end(SIGTERM);  // it keeps its sessions
  burst(kEach / 4, kEach / 2);
  ASSERT_TRUE(eventually([&] { return runner_->view().connected == false; }));
  start_broker();
  burst(kEach / 2, kEach * 3 / 4);
  broker_->end(SIGTERM);
  start_broker();
  burst(kEach * 3 / 4, kEach);
  ASSERT_TRUE(eventually([&] { return runner_->view().delivered == kDevices * kEach; })) << runner_->view().last_error;
  std::map<std::string, std::vector<std::uint64_t>> first_seen;
  ASSERT_TRUE(eventually([&] {
    first_seen.clear();
    std::set<std::uint64_t> seen;
    for (const std::string& line : lines()) {
      const std::size_t at = line.find("{\"number\":");
      if (at == std::string::npos) continue;
      const auto number = std::stoull(line.substr(at + 10));
      if (seen.insert(number).second) first_seen[line.substr(0, at)].push_back(number);
    }
    return seen.size() == kDevices * kEach;
  })) << lines().size();
  EXPECT_EQ(first_seen.size(), static_cast<std::size_t>(kDevices));
  for (const auto& [topic, numbers] : first_seen) EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end())) << topic;
  EXPECT_EQ(runner_->view().cursor, static_cast<std::uint64_t>(kDevices * kEach));
}

TEST_F(MqttTest, ABrokerThatStopsReadingIsNoticedAndNothingIsLost) {
  start_broker();
  open({}, 3);
  ASSERT_TRUE(eventually([&] { return connected(); }));
  broker_->end(SIGKILL);
  for (int i = 0; i < 10; ++i) add("a");
  ASSERT_TRUE(eventually([&] { return runner_->view().connected == false; }));
  EXPECT_EQ(runner_->view().delivered, 0u);
  EXPECT_EQ(runner_->view().lag_events, 10u);
  start_broker();
  ASSERT_TRUE(eventually([&] { return runner_->view().delivered == 10; })) << runner_->view().last_error;
}

constexpr const char* kUrl = "DROVER_MQTT_TEST_URL";

/// The process that is killed; not by itself a test.
TEST(DISABLED_MqttProcess, StaysConnected) {
  const char* const url = std::getenv(kUrl);
  ASSERT_NE(url, nullptr);
  auto outlet = make_mqtt({.url = url, .client_id = "x", .topic = "t", .status_topic = "status"});
  ASSERT_TRUE(outlet);
  test::TestFeed feed;
  Runner runner({.name = "x"}, feed, nullptr, std::move(*outlet));
  runner.start();
  ::pause();
}

TEST_F(MqttTest, TheWillSpeaksForAProcessThatIsGone) {
  start_broker();
  start_reader();
  ::setenv(kUrl, ("mqtt://127.0.0.1:" + std::to_string(port_)).c_str(), 1);
  Child process({"/proc/self/exe", "--gtest_also_run_disabled_tests", "--gtest_filter=DISABLED_MqttProcess.*"},
                folder_.file("process"));
  ASSERT_TRUE(eventually([&] { return has_read("status online"); })) << read("process");
  process.end(SIGKILL);
  EXPECT_TRUE(eventually([&] { return has_read("status offline"); })) << read("read");
}

TEST_F(MqttTest, APasswordIsGivenAndAWrongOneIsSaidSo) {
  ASSERT_EQ(std::system(("mosquitto_passwd -c -b " + folder_.file("users") + " anna s3cret").c_str()), 0);
  start_broker("allow_anonymous false\npassword_file " + folder_.file("users") + "\n");
  open({.username = "anna", .password = Secret<std::string>("wrong")});
  ASSERT_TRUE(eventually([&] { return runner_->view().last_error.starts_with("the broker refuses us"); }))
      << runner_->view().last_error;
  runner_->stop();
  open({.username = "anna", .password = Secret<std::string>("s3cret")});
  add("a");
  EXPECT_TRUE(eventually([&] { return runner_->view().delivered == 1; })) << runner_->view().last_error;
}

TEST_F(MqttTest, TlsChecksWhoseBrokerItIs) {
  const auto run = [&](const std::string& command) {
    ASSERT_EQ(std::system(("cd " + folder_.file("") + " && " + command + " 2>/dev/null").c_str()), 0) << command;
  };
  const std::string ec = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 ";
  run(ec + "-keyout key.pem -out cert.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost");
  run(ec + "-keyout other.key -out other.pem -subj /CN=localhost");
  start_broker("allow_anonymous true\ncertfile " + folder_.file("cert.pem") + "\nkeyfile " + folder_.file("key.pem") + "\n");
  const std::string port = std::to_string(port_);
  open({.url = "mqtts://localhost:" + port, .ca_file = folder_.file("cert.pem")});
  add("a");
  EXPECT_TRUE(eventually([&] { return runner_->view().delivered == 1; })) << runner_->view().last_error;
  runner_->stop();
  broker_->end(SIGKILL);
  open({.url = "mqtts://localhost:" + port, .ca_file = folder_.file("cert.pem"), .timeout = 300s});
  EXPECT_TRUE(eventually([&] { return runner_->view().connected == false; })) << "said at once, not at the timeout";
  runner_->stop();
  start_broker("allow_anonymous true\ncertfile " + folder_.file("cert.pem") + "\nkeyfile " + folder_.file("key.pem") + "\n");
  for (const auto& [host, ca] : {std::pair("localhost", "other.pem"), std::pair("127.0.0.1", "cert.pem")}) {
    open({.url = std::string("mqtts://") + host + ":" + port, .ca_file = folder_.file(ca)});
    EXPECT_TRUE(eventually([&] { return !runner_->view().last_error.empty(); })) << host;
    EXPECT_NE(runner_->view().connected, true) << host;
    EXPECT_EQ(runner_->view().delivered, 0u) << host;
    runner_->stop();
  }
}

TEST(MqttSettings, AreChecked) {
  if (!has_mqtt()) {
    EXPECT_EQ(make_mqtt({}).error().reason, "this program was built without MQTT (libmosquitto)");
    return;
  }
  for (const char* wrong : {"", "http://x", "mqtt://user:pass@x", "mqtt://x/path", "mqtt://x?a=b"}) {
    EXPECT_FALSE(make_mqtt({.url = wrong, .client_id = "x", .topic = "t"})) << wrong;
  }
  EXPECT_FALSE(make_mqtt({.url = "mqtt://x", .client_id = "x", .topic = "a/#"}));
}

}  // namespace
}  // namespace drover::sinks
