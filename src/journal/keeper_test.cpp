// SPDX-License-Identifier: Apache-2.0
#include "journal/keeper.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <future>
#include <thread>

#include "journal/kept_trail.hpp"
#include "storage/test_folder.hpp"

namespace drover::journal {
namespace {

using storage::testing::Folder;
using std::chrono::seconds;

Result<Bytes> plain(std::uint64_t, ByteView value) {
  return Bytes(value.begin(), value.end());
}

events::Draft draft(const std::string& endpoint) {
  events::Draft made;
  made.kind = "updated";
  made.endpoint = endpoint;
  made.packed = {1};
  made.render = [endpoint](std::uint64_t number) { return endpoint + std::to_string(number); };
  return made;
}

Batch batch(std::uint64_t key, std::uint8_t value, std::function<void()> kept) {
  Batch made;
  made.values.push_back({key, Secret<Bytes>(Bytes{value})});
  made.events.push_back(draft("node"));
  made.kept = std::move(kept);
  return made;
}

class KeeperTest : public ::testing::Test {
 protected:
  void open() {
    keeper_.reset();
    journal_.reset();
    journal_ = *Journal::open(folder_.file("store.fleet"), {});
    EXPECT_TRUE(journal_->load([this](std::uint64_t key, Bytes value) { loaded_[key] = value.at(0); }));
    hub_ = std::make_unique<events::Hub>(events::Hub::Limits{}, 7);
    hub_->begin(journal_->newest_event(), {});
    keeper_ = std::make_unique<Keeper>(journal_.get(), *hub_, plain);
  }
  bool await(std::future<void> done) { return done.wait_for(seconds(20)) == std::future_status::ready; }

  const Folder folder_;
  std::map<std::uint64_t, int> loaded_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<events::Hub> hub_;
  std::unique_ptr<Keeper> keeper_;
};

TEST_F(KeeperTest, WhatIsToldIsOnDiskAndInOrder) {
  open();
  keeper_->start();
  std::vector<int> order;
  std::promise<void> last;
  for (int i = 0; i < 500; ++i) {
    keeper_->submit(batch(static_cast<std::uint64_t>(i % 10), static_cast<std::uint8_t>(i % 251), [&, i] {
      order.push_back(i);
      EXPECT_GE(hub_->newest(), static_cast<std::uint64_t>(i) + 1) << "its event is shown";
      if (i < 499) return;
      EXPECT_EQ(keeper_->figures().waiting_bytes, 0U) << "who is told sees that nothing waits";
      last.set_value();
    }));
  }
  ASSERT_TRUE(await(last.get_future()));
  EXPECT_EQ(order.size(), 500U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_LT(keeper_->figures().commits, 500U) << "what waits together is written together";
  EXPECT_EQ(hub_->after(499, 10)->items.at(0)->text(), "node500");
  EXPECT_TRUE(keeper_->stop());
  open();
  EXPECT_EQ(loaded_.size(), 10U);
  EXPECT_EQ(loaded_.at(9), 499 % 251);
  EXPECT_EQ(hub_->newest(), 500U) << "numbers go on";
}

/// The largest file that this process may write, while it lives.
class FileLimit {
 public:
  explicit FileLimit(rlim_t size) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{size, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
};

TEST_F(KeeperTest, AFullDiskIsToldAndNothingElseUntilItTakesAgain) {
  open();
  std::promise<std::string> failed, mended;
  keeper_->on_failing([&](const std::string& why) { (why.empty() ? mended : failed).set_value(why); });
  std::promise<void> kept;
  {
    const FileLimit full(1);
    keeper_->start();
    keeper_->submit(batch(1, 1, [&] { kept.set_value(); }));
    auto why = failed.get_future();
    ASSERT_EQ(why.wait_for(seconds(20)), std::future_status::ready);
    EXPECT_NE(why.get().find("store.fleet"), std::string::npos);
    EXPECT_FALSE(keeper_->failing().empty());
    EXPECT_EQ(hub_->newest(), 0U) << "nobody hears of what isn't on disk";
  }
  ASSERT_TRUE(await(kept.get_future()));
  EXPECT_EQ(mended.get_future().wait_for(seconds(20)), std::future_status::ready);
  EXPECT_TRUE(keeper_->stop());
  open();
  EXPECT_EQ(loaded_, (std::map<std::uint64_t, int>{{1, 1}}));
}

TEST_F(KeeperTest, StoppedOnAFullDiskItSaysThatSomethingIsLost) {
  open();
  const FileLimit full(1);
  keeper_->start();
  keeper_->submit(batch(1, 1, [] { ADD_FAILURE() << "it isn't on disk"; }));
  EXPECT_FALSE(keeper_->stop());
}

TEST_F(KeeperTest, AnAuditRecordIsToldOfOnceItIsOnDisk) {
  open();
  auto trail = std::make_unique<KeptTrail>(*journal_, *keeper_);
  std::promise<void> kept;
  audit::Record record;
  record.who = "token 1 (anna)";
  record.target = "/a";
  {
    const FileLimit full(1);
    keeper_->start();
    trail->note(record, [&] { kept.set_value(); });
    const auto end = std::chrono::steady_clock::now() + seconds(20);
    while (keeper_->figures().failures == 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    EXPECT_GT(keeper_->figures().failures, 0U);
    for (std::size_t i = 1; i < audit::Trail::kWaitingMax; ++i) trail->note(record, {});
    EXPECT_TRUE(trail->is_full());
  }
  ASSERT_TRUE(await(kept.get_future()));
  EXPECT_TRUE(keeper_->stop());
  EXPECT_FALSE(trail->is_full());
  trail.reset();
  open();
  EXPECT_EQ(journal_->audits({.who = "anna", .path = "/a", .limit = 10'000})->records.size(), audit::Trail::kWaitingMax);
}

TEST_F(KeeperTest, FiguresTellWhatCommitsTake) {
  open();
  std::promise<void> kept;
  for (int i = 0; i < 3; ++i) keeper_->submit(batch(1, 1, [&, i] { if (i == 2) kept.set_value(); }));
  EXPECT_GT(keeper_->figures().waiting_bytes, 0U);
  keeper_->start();
  ASSERT_TRUE(await(kept.get_future()));
  EXPECT_TRUE(keeper_->stop());
  const Keeper::Figures figures = keeper_->figures();
  EXPECT_EQ(figures.commits, 1U);
  EXPECT_EQ(figures.batches, 3U);
  EXPECT_EQ(figures.last_batches, 3U);
  EXPECT_GT(figures.last_commit, Duration::zero());
  EXPECT_EQ(figures.all_commits, figures.last_commit);
  EXPECT_EQ(figures.longest_commit, figures.last_commit);
  EXPECT_EQ(figures.waiting_bytes, 0U);
}

TEST(Keeper, WithoutAJournalAllIsToldAtOnce) {
  events::Hub hub({}, 7);
  Keeper keeper(nullptr, hub, plain);
  bool kept = false;
  keeper.submit(batch(1, 1, [&] { kept = true; }));
  EXPECT_TRUE(kept);
  EXPECT_EQ(hub.newest(), 1U);
}

}  // namespace
}  // namespace drover::journal
