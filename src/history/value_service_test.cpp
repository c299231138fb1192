// SPDX-License-Identifier: Apache-2.0
#include "history/value_service.hpp"

#include <gtest/gtest.h>

#include <future>

#include "history/test_feed.hpp"

namespace drover::history {
namespace {

using lwm2m::Path;
using testing::TestFeed;

constexpr UnixSeconds kNow = 1'700'000'000;
constexpr const char* kPath = "/3303/0/5700";
constexpr std::chrono::seconds kWait{20};

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Values::open("", {.max_age = 100});
    ASSERT_TRUE(opened);
    values_ = std::move(*opened);
  }
  void start() {
    service_.emplace(*values_, feed_, [this] { return now_.load(); });
  }
  template <class T, class Ask>
  T answer(Ask ask) {
    auto promise = std::make_shared<std::promise<T>>();
    auto future = promise->get_future();
    ask([promise](T value) { promise->set_value(std::move(value)); });
    EXPECT_EQ(future.wait_for(kWait), std::future_status::ready);
    return future.get();
  }
  Status status() {
    return answer<Status>([&](auto done) { service_->status(std::move(done)); });
  }
  /// Until the service has read all that was pushed.
  void settle() {
    const auto until = std::chrono::steady_clock::now() + kWait;
    while (status().behind > 0) ASSERT_LT(std::chrono::steady_clock::now(), until);
  }
  std::string last() {
    const auto page = answer<Result<LastPage>>(
        [&](auto done) { service_->last({"pump", *Path::parse(kPath)}, std::move(done)); });
    if (!page || page->values.empty()) return "none";
    return to_text(page->values.front().sample.value);
  }

  TestFeed feed_;
  std::atomic<UnixSeconds> now_{kNow};
  std::unique_ptr<Values> values_;
  std::optional<ValueService> service_;
};

TEST_F(ServiceTest, FollowsWhatWasThereAndWhatComes) {
  for (int i = 0; i < 2500; ++i) feed_.notify(kNow, "pump", kPath, std::to_string(i));
  start();
  settle();
  EXPECT_EQ(last(), "2499");
  for (int i = 0; i < 50; ++i) {
    feed_.notify(kNow, "pump", kPath, std::to_string(i));
    if (i % 10 == 0) settle();
  }
  settle();
  EXPECT_EQ(last(), "49");
  EXPECT_EQ(status().stored, 2550U);
}

TEST_F(ServiceTest, GoesOnBehindTheCursor) {
  for (int i = 0; i < 3; ++i) feed_.notify(kNow, "pump", kPath, std::to_string(i));
  start();
  settle();
  service_.reset();
  feed_.notify(kNow, "pump", kPath, "3");
  start();
  settle();
  EXPECT_EQ(status().stored, 4U);
}

TEST_F(ServiceTest, AFeedThatBeginsAnewIsFollowedFromWhereItIs) {
  ASSERT_TRUE(values_->set_cursor(1000));
  feed_.notify(kNow, "pump", kPath, "1");
  start();
  feed_.notify(kNow, "pump", kPath, "2");
  settle();
  EXPECT_EQ(last(), "2");
  EXPECT_EQ(status().cursor, 2U);
}

TEST_F(ServiceTest, ForgettingComesBehindWhatHasHappened) {
  start();
  for (int i = 0; i < 100; ++i) feed_.notify(kNow, "pump", kPath, std::to_string(i));
  const auto gone = answer<Result<std::uint64_t>>([&](auto done) { service_->forget("pump", std::move(done)); });
  EXPECT_EQ(gone, 1U);
  settle();
  EXPECT_EQ(last(), "none");
}

TEST_F(ServiceTest, ABatchThatIsShortIsNotTheEnd) {
  for (int i = 0; i < 1500; ++i) feed_.notify(kNow, "pump", kPath, std::to_string(i));
  feed_.split_at(7);
  start();
  const auto gone = answer<Result<std::uint64_t>>([&](auto done) { service_->forget("pump", std::move(done)); });
  EXPECT_EQ(gone, 1U);
  EXPECT_EQ(last(), "none");
  EXPECT_EQ(status().behind, 0U);
}

TEST_F(ServiceTest, EventsThatCantBeReadNowAreStoredLater) {
  feed_.set_unreadable(true);
  feed_.notify(kNow, "pump", kPath, "1");
  start();
  const auto gone = answer<Result<std::uint64_t>>([&](auto done) { service_->forget("pump", std::move(done)); });
  EXPECT_FALSE(gone) << "what comes later would bring it back";
  EXPECT_EQ(status().cursor, 0U);
  feed_.set_unreadable(false);
  settle();
  EXPECT_EQ(last(), "1");
}

TEST_F(ServiceTest, SweepsByItself) {
  for (int i = 0; i < 10; ++i) feed_.notify(kNow, "pump", kPath, std::to_string(i));
  start();
  settle();
  now_ = kNow + 1000;
  HistoryQuery query;
  query.endpoint = "pump";
  const auto until = std::chrono::steady_clock::now() + kWait;
  // Asked as of then, when they weren't too old yet.
  while (values_->history(query, kNow)->rows.size() > 1) ASSERT_LT(std::chrono::steady_clock::now(), until);
}

TEST_F(ServiceTest, AnswersHistoriesAndBuckets) {
  for (int i = 0; i < 10; ++i) feed_.notify(kNow - 10 + i, "pump", kPath, std::to_string(i));
  start();
  settle();
  HistoryQuery query;
  query.endpoint = "pump";
  const auto rows = answer<Result<HistoryPage>>([&](auto done) { service_->history(query, std::move(done)); });
  EXPECT_EQ(rows->rows.size(), 10U);
  const auto buckets = answer<Result<BucketPage>>([&](auto done) { service_->buckets(query, 5, std::move(done)); });
  ASSERT_EQ(buckets->rows.size(), 2U);
  EXPECT_EQ(buckets->rows[0].bucket.numbers->avg, 7);
}

TEST_F(ServiceTest, AnswersWhatWasAskedBeforeItsEnd) {
  start();
  std::atomic<int> answers = 0;
  for (int i = 0; i < 20; ++i) {
    service_->status([&](const Status&) { ++answers; });
    service_->forget("pump", [&](const Result<std::uint64_t>&) { ++answers; });
  }
  service_.reset();
  EXPECT_EQ(answers, 40);
}

}  // namespace
}  // namespace drover::history
