// SPDX-License-Identifier: Apache-2.0
// A process with a sink is killed again and again: with its cursor in a store the next one goes on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <condition_variable>
#include <cstdlib>
#include <set>

#include "base/random.hpp"
#include "sinks/runner.hpp"
#include "sinks/test_feed.hpp"
#include "sinks/webhook.hpp"
#include "storage/test_folder.hpp"
#include "store/store_file.hpp"

namespace drover::sinks {
namespace {

using namespace std::chrono_literals;

constexpr const char* kUrl = "DROVER_SINK_TEST_URL";
constexpr const char* kStore = "DROVER_SINK_TEST_STORE";
constexpr std::uint64_t kEvents = 2000;

/// The process that is killed; not by itself a test. Its feed is as a durable one: the same events each time.
TEST(DISABLED_SinkProcess, Delivers) {
  const char* const url = std::getenv(kUrl);
  ASSERT_NE(url, nullptr);
  test::TestFeed feed;
  for (std::uint64_t i = 0; i < kEvents; ++i) feed.add("d" + std::to_string(i % 3));
  const auto file = store::StoreFile::open(std::getenv(kStore));
  ASSERT_TRUE(file) << file.error().reason;
  const auto cursors = std::make_shared<CursorTable>(*file);
  const auto kept = cursors->find("one");
  ASSERT_TRUE(kept);
  auto outlet = make_webhook({.name = "one", .series = "s", .url = url});
  ASSERT_TRUE(outlet);
  Runner::Settings settings{.name = "one", .kind = "webhook"};
  settings.start = kept->value_or(Cursor{0, "s"});
  settings.delivery = {.batch = 5, .retry_min = 1ms, .retry_max = 5ms};
  Runner runner(std::move(settings), feed, cursors, std::move(*outlet));
  runner.start();
  while (runner.view().cursor < kEvents) ::poll(nullptr, 0, 5);
  runner.stop();
}

TEST(SinkKill, NothingIsLostAndTheOrderIsKept) {
  storage::testing::Folder folder;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::uint64_t> order;
  std::set<std::uint64_t> seen;
  std::size_t requests = 0;
  httplib::Server server;
  server.set_keep_alive_timeout(1);
  server.Post("/", [&](const httplib::Request& request, httplib::Response&) {
    const std::lock_guard lock(mutex);
    for (std::size_t at = request.body.find("\"number\":"); at != std::string::npos;
         at = request.body.find("\"number\":", at + 1)) {
      const auto number = std::stoull(request.body.substr(at + 9));
      if (seen.insert(number).second) order.push_back(number);
    }
    ++requests;
    changed.notify_all();
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  const std::string url = std::string(kUrl) + "=http://127.0.0.1:" + std::to_string(port) + "/";
  const std::string store = std::string(kStore) + "=" + folder.file("store.db");
  SplitMix dice(11);
  int killed = 0;
  for (bool over = false; !over;) {
    std::vector<std::string> texts{"/proc/self/exe", "--gtest_also_run_disabled_tests",
                                   "--gtest_filter=DISABLED_SinkProcess.*", "--gtest_brief=1"};
    std::vector<char*> arguments, environment;
    for (std::string& text : texts) arguments.push_back(text.data());
    arguments.push_back(nullptr);
    std::vector<std::string> variables{url, store};
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    pid_t pid = -1;
    ASSERT_EQ(::posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, arguments.data(), environment.data()), 0);
    {
      std::unique_lock lock(mutex);
      const std::size_t until = requests + 40 + dice.below(60);
      EXPECT_TRUE(changed.wait_for(lock, 30s, [&] { return requests >= until || seen.size() == kEvents; }));
      over = seen.size() == kEvents;
    }
    if (!over && ++killed > 0) ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_TRUE(!over || status == 0) << status;
    ASSERT_LT(killed, 100);
  }
  server.stop();
  thread.join();
  EXPECT_GT(killed, 2);
  EXPECT_EQ(order.size(), kEvents);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end())) << "in the order of first delivery";
}

}  // namespace
}  // namespace drover::sinks
