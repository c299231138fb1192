// SPDX-License-Identifier: Apache-2.0
// A sink's thread with an outlet that does what the test says, and its cursor in a store.
#include "sinks/runner.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

#include "sinks/test_feed.hpp"
#include "storage/test_folder.hpp"
#include "store/store_file.hpp"

namespace drover::sinks {
namespace {

using namespace std::chrono_literals;

/// Remembers what it was given; answers at once, or not at all.
class Recorder final : public Outlet {
 public:
  struct Log {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::uint64_t> numbers{};
    bool answers = true;
    bool broken = false;

    /// False when they haven't all come in ten seconds.
    bool has(std::size_t count) {
      std::unique_lock lock(mutex);
      return changed.wait_for(lock, 10s, [&] { return numbers.size() >= count; });
    }
  };
  explicit Recorder(std::shared_ptr<Log> log) : log_(std::move(log)) {}

  void attach(io::EventLoop& /*loop*/, Reports& reports) override { reports_ = &reports; }
  [[nodiscard]] State state() const override { return state_; }
  void open() override {
    bool broken = false;
    {
      const std::lock_guard lock(log_->mutex);
      broken = log_->broken;
    }
    if (broken) return reports_->failed("no way", std::nullopt);
    state_ = State::Open;
    reports_->opened();
  }
  void send(const Message& message) override {
    const std::uint64_t key = message.key;
    bool answers = true;
    {
      const std::lock_guard lock(log_->mutex);
      for (const auto& item : message.items) log_->numbers.push_back(item->number);
      answers = log_->answers;
    }
    log_->changed.notify_all();
    if (answers) reports_->delivered(key);
  }
  void close() override { state_ = State::Closed; }

 private:
  std::shared_ptr<Log> log_;
  Reports* reports_ = nullptr;
  State state_ = State::Closed;
};

class RunnerTest : public ::testing::Test {
 protected:
  RunnerTest() {
    auto file = store::StoreFile::open(folder_.file("store.db"));
    EXPECT_TRUE(file) << (file ? "" : file.error().reason);
    cursors_ = std::make_shared<CursorTable>(*file);
  }
  std::unique_ptr<Runner> open(DeliverySettings delivery = {}) {
    const auto kept = cursors_->find("one");
    EXPECT_TRUE(kept);
    Runner::Settings settings{.name = "one", .kind = "test", .target = "x", .delivery = std::move(delivery)};
    settings.start = kept->value_or(Cursor{0, "0123456789abcdef"});
    auto runner = std::make_unique<Runner>(std::move(settings), feed_, cursors_, std::make_unique<Recorder>(log_));
    feed_.subscribe([weak = std::weak_ptr(alive_), runner = runner.get()] {
      if (weak.lock()) runner->wake();
    });
    runner->start();
    return runner;
  }

  storage::testing::Folder folder_;
  std::shared_ptr<CursorTable> cursors_;
  test::TestFeed feed_;
  std::shared_ptr<Recorder::Log> log_ = std::make_shared<Recorder::Log>();
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

TEST_F(RunnerTest, WhatIsDeliveredIsNotDeliveredAgainAfterAStop) {
  for (int i = 0; i < 5; ++i) feed_.add("a");
  auto runner = open();
  EXPECT_TRUE(log_->has(5));
  feed_.add("a");
  EXPECT_TRUE(log_->has(6)) << "new events wake it";
  alive_.reset();
  runner->stop();
  EXPECT_EQ((*cursors_->find("one"))->number, 6u);
  EXPECT_EQ((*cursors_->find("one"))->series, "0123456789abcdef");
  EXPECT_EQ(runner->view().delivered, 6u);
  EXPECT_EQ(runner->view().lag_events, 0u);
  runner.reset();
  feed_.add("a");
  runner = open();
  EXPECT_TRUE(log_->has(7));
  runner->stop();
  EXPECT_EQ(log_->numbers.back(), 7u);
  EXPECT_EQ(log_->numbers.size(), 7u);
}

TEST_F(RunnerTest, WhatIsInFlightAtTheEndComesAgain) {
  log_->answers = false;
  feed_.add("a", "updated", 1);
  auto runner = open();
  EXPECT_TRUE(log_->has(1));
  alive_.reset();
  EXPECT_EQ(runner->view().lag_events, 1u);
  runner->stop();
  EXPECT_GT(runner->view().lag_seconds, 1'000'000);
  EXPECT_FALSE(cursors_->find("one")->has_value()) << "nothing is settled";
  runner.reset();
  log_->answers = true;
  runner = open();
  EXPECT_TRUE(log_->has(2));
  runner->stop();
  EXPECT_EQ(log_->numbers, (std::vector<std::uint64_t>{1, 1}));
}

TEST_F(RunnerTest, ATestSaysHowItEnded) {
  log_->broken = true;
  auto runner = open({.retry_min = 1h, .retry_max = 1h});
  const auto test = [&] {
    auto answer = std::make_shared<std::promise<std::string>>();
    runner->test([answer](std::string result) { answer->set_value(std::move(result)); });
    return answer->get_future().get();
  };
  EXPECT_EQ(test(), "no way");
  EXPECT_EQ(runner->view().connected, false);
  EXPECT_TRUE(runner->view().retry_at);
  {
    const std::lock_guard lock(log_->mutex);
    log_->broken = false;
  }
  EXPECT_EQ(test(), "");
  runner->stop();
  EXPECT_EQ(runner->view().connected, true);
  EXPECT_EQ(runner->view().last_error, "no way");
}

TEST_F(RunnerTest, TheCursorIsKeptByName) {
  EXPECT_TRUE(cursors_->save("a", {1, "x"}, 5));
  EXPECT_TRUE(cursors_->save("b", {2, "y"}, 5));
  EXPECT_TRUE(cursors_->save("a", {3, "x"}, 6));
  EXPECT_EQ((*cursors_->find("a"))->number, 3u);
  EXPECT_EQ((*cursors_->find("b"))->series, "y");
  EXPECT_FALSE(cursors_->find("c")->has_value());
}

}  // namespace
}  // namespace drover::sinks
