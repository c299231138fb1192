// SPDX-License-Identifier: Apache-2.0
#include "history/values.hpp"

#include <gtest/gtest.h>

#include <string>

#include "history/test_feed.hpp"

namespace drover::history {
namespace {

using lwm2m::Path;
using testing::TestFeed;

constexpr UnixSeconds kNow = 1'700'000'000;
constexpr const char* kPath = "/3303/0/5700";
const Path kTemperature(3303, 0, 5700);

/// Values in memory that follow a feed.
class ValuesTest : public ::testing::Test {
 protected:
  void SetUp() override { begin({}); }
  void begin(const Limits& limits) {
    auto opened = Values::open("", limits);
    ASSERT_TRUE(opened) << opened.error().reason;
    values_ = std::move(*opened);
  }
  void follow() {
    const auto done = values_->project(feed_.after(values_->cursor(), 1000).value());
    ASSERT_TRUE(done) << done.error().reason;
  }
  void notify(UnixSeconds at, const std::string& value, const std::string& path = kPath,
              const std::string& endpoint = "pump") {
    feed_.notify(at, endpoint, path, value);
    follow();
  }
  void notify_late(UnixSeconds arrival, double time, const std::string& value) {
    feed_.push(arrival, "notification", "pump",
               R"({"path":"/3303/0/5700","times":[{"path":"/3303/0/5700","value":)" + value + R"(,"time":)" +
                   std::to_string(time) + "}]}");
    follow();
  }
  std::string last(const std::string& path = kPath, const std::string& endpoint = "pump") {
    const auto page = values_->last({endpoint, *Path::parse(path)});
    EXPECT_TRUE(page);
    std::string all;
    for (const LastValue& value : page->values) {
      all += value.series.path.to_string() + "=" + to_text(value.sample.value) + " ";
    }
    return all;
  }
  HistoryQuery query(Order order = Order::OldestFirst) {
    HistoryQuery asked;
    asked.endpoint = "pump";
    asked.path = kTemperature;
    asked.order = order;
    return asked;
  }
  std::string history(const HistoryQuery& asked, UnixSeconds now = kNow) {
    const auto page = values_->history(asked, now);
    EXPECT_TRUE(page);
    std::string all;
    for (const HistoryRow& row : page->rows) all += to_text(row.sample.value) + " ";
    return all;
  }
  /// Until there is nothing to do at once, and once around.
  void sweep(UnixSeconds now) {
    for (int i = 0; i < 3; ++i) {
      for (bool more = true; more;) {
        const auto swept = values_->sweep(now);
        ASSERT_TRUE(swept) << swept.error().reason;
        more = *swept;
      }
    }
  }

  TestFeed feed_;
  std::unique_ptr<Values> values_;
};

TEST_F(ValuesTest, TheLastValueIsKnownWithItsTimeAndHow) {
  notify(kNow, "21.5");
  feed_.push(kNow + 7, std::string(events::kLearned), "pump",
             R"({"path":"/3303/0/5700","value":22.5,"type":"Float","how":"read"})");
  follow();
  const auto page = values_->last({"pump", kTemperature});
  ASSERT_EQ(page->values.size(), 1U);
  const LastValue& value = page->values.front();
  EXPECT_EQ(value.sample.value, Scalar(22.5));
  EXPECT_EQ(value.sample.at, (kNow + 7) * kSecond);
  EXPECT_EQ(value.sample.arrived, kNow + 7);
  EXPECT_EQ(value.sample.how, How::Read);
  EXPECT_EQ(value.series.type, "Float");
}

TEST_F(ValuesTest, EveryKindOfScalarComesBackAsItWas) {
  notify(kNow, R"({"0":"x","1":true,"2":false,"3":7,"4":7.0,"5":"","6":-0.25,"7":9223372036854775807,"8":"Grün"})",
         "/9/0");
  const auto page = values_->last({"pump", Path(9)});
  std::vector<Scalar> values;
  for (const auto& one : page->values) values.push_back(one.sample.value);
  const std::vector<Scalar> expected{std::string("x"), true,  false, std::int64_t{7}, 7.0, std::string(),
                                     -0.25, std::int64_t{9223372036854775807}, std::string("Grün")};
  EXPECT_EQ(values, expected);
}

TEST_F(ValuesTest, ValuesBelowAPathComeInItsOrderAndInPages) {
  notify(kNow, R"({"0":{"1":1,"10":3,"2":{"0":21,"3":22}},"1":{"0":4}})", "/9");
  notify(kNow, "5", "/10/0/0");
  EXPECT_EQ(last("/"), "/9/0/1=1 /9/0/2/0=21 /9/0/2/3=22 /9/0/10=3 /9/1/0=4 /10/0/0=5 ");
  EXPECT_EQ(last("/9"), "/9/0/1=1 /9/0/2/0=21 /9/0/2/3=22 /9/0/10=3 /9/1/0=4 ");
  EXPECT_EQ(last("/9/0"), "/9/0/1=1 /9/0/2/0=21 /9/0/2/3=22 /9/0/10=3 ");
  EXPECT_EQ(last("/9/0/2"), "/9/0/2/0=21 /9/0/2/3=22 ");
  EXPECT_EQ(last("/9/0/2/3"), "/9/0/2/3=22 ");
  EXPECT_EQ(last("/9/0/3"), "");
  EXPECT_EQ(last("/", "valve"), "");
  LastQuery asked{"pump", {}, {}, 2};
  std::string paged;
  for (bool more = true; more;) {
    const auto page = values_->last(asked);
    for (const auto& one : page->values) paged += one.series.path.to_string() + " ";
    more = page->more;
    paged += "| ";
    asked.after = page->values.back().series.path;
  }
  EXPECT_EQ(paged, "/9/0/1 /9/0/2/0 | /9/0/2/3 /9/0/10 | /9/1/0 /10/0/0 | ");
}

TEST_F(ValuesTest, ALateValueGoesToItsPlaceAndDoesNotReplaceTheLast) {
  notify(kNow - 100, "1");
  notify(kNow, "3");
  notify_late(kNow + 5, kNow - 50.5, "2");
  EXPECT_EQ(last(), "/3303/0/5700=3 ");
  EXPECT_EQ(history(query()), "1 2 3 ");
  EXPECT_EQ(values_->status().late, 1U);
  const auto page = values_->history(query(), kNow);
  EXPECT_EQ(page->rows[1].sample.at, kNow * kSecond - 50'500);
  EXPECT_EQ(page->rows[1].sample.arrived, kNow + 5);
}

TEST_F(ValuesTest, ARepeatedMomentOfTheDeviceIsStoredOnce) {
  notify_late(kNow, kNow - 50, "2");
  notify_late(kNow + 1, kNow - 50, "2");
  notify_late(kNow + 1, kNow - 20, "4");
  notify_late(kNow + 2, kNow - 50, "2");
  notify_late(kNow + 2, kNow - 50, "3");
  EXPECT_EQ(history(query(), kNow + 2), "2 3 4 ");
}

TEST_F(ValuesTest, ValuesOfTheSameSecondKeepTheOrderTheyCameIn) {
  for (const char* value : {"5", "6", "5", "7", "5"}) notify(kNow, value);
  EXPECT_EQ(last(), "/3303/0/5700=5 ");
  EXPECT_EQ(history(query()), "5 6 5 7 5 ");
  EXPECT_EQ(history(query(Order::NewestFirst)), "5 7 5 6 5 ");
}

TEST_F(ValuesTest, WhereTheServersClockIsSetBackWhatComesIsStillTheLast) {
  notify(kNow, "1");
  notify(kNow - 3600, "2");
  notify(kNow - 3599, "3");
  EXPECT_EQ(last(), "/3303/0/5700=3 ");
  EXPECT_EQ(history(query()), "1 2 3 ");
  EXPECT_EQ(values_->status().late, 0U);
  EXPECT_EQ(values_->last({"pump", kTemperature})->values.front().sample.arrived, kNow - 3599);
}

TEST_F(ValuesTest, ARangeHasItsBeginAndNotItsEnd) {
  for (int i = 0; i < 5; ++i) notify(kNow - 50 + i * 10, std::to_string(i));
  HistoryQuery asked = query();
  asked.from = (kNow - 40) * kSecond;
  asked.to = (kNow - 20) * kSecond;
  EXPECT_EQ(history(asked), "1 2 ");
  asked.order = Order::NewestFirst;
  EXPECT_EQ(history(asked), "2 1 ");
}

TEST_F(ValuesTest, PagesGoOnWhereTheyEndedInBothOrders) {
  for (int i = 0; i < 7; ++i) notify(kNow - 10 + i / 2, std::to_string(i));
  for (const Order order : {Order::OldestFirst, Order::NewestFirst}) {
    HistoryQuery asked = query(order);
    const std::string whole = history(asked);
    asked.limit = 2;
    std::string paged;
    int pages = 0;
    for (bool more = true; more; ++pages) {
      const auto page = values_->history(asked, kNow);
      for (const auto& row : page->rows) paged += to_text(row.sample.value) + " ";
      more = page->next.has_value();
      if (more) asked.after = Position::parse(page->next->to_string());
      ASSERT_TRUE(!more || asked.after);
    }
    EXPECT_EQ(paged, whole);
    EXPECT_EQ(pages, 4);
  }
}

TEST_F(ValuesTest, ManyDevicesFollowEachOtherByNameAndPattern) {
  for (const char* endpoint : {"pump-2", "pump-1", "valve", "pump-[x]"}) {
    notify(kNow - 1, "1", kPath, endpoint);
    notify(kNow, "2", kPath, endpoint);
    notify(kNow, "7", "/3/0/9", endpoint);
  }
  HistoryQuery asked;
  asked.path = Path(3303);
  asked.order = Order::OldestFirst;
  const auto list = [&](std::size_t limit) {
    asked.limit = limit;
    asked.after.reset();
    std::string all;
    for (bool more = true; more;) {
      const auto page = values_->history(asked, kNow);
      for (const auto& row : page->rows) all += page->series[row.series].endpoint + "=" + to_text(row.sample.value) + " ";
      asked.after = page->next;
      more = page->next.has_value();
    }
    return all;
  };
  const std::string every = "pump-1=1 pump-1=2 pump-2=1 pump-2=2 pump-[x]=1 pump-[x]=2 valve=1 valve=2 ";
  for (const std::size_t limit : {1U, 2U, 3U, 100U}) EXPECT_EQ(list(limit), every) << limit;
  asked.pattern = "pump-?";
  EXPECT_EQ(list(100), "pump-1=1 pump-1=2 pump-2=1 pump-2=2 ");
  asked.pattern = "*-[x]";
  EXPECT_EQ(list(100), "pump-[x]=1 pump-[x]=2 ");
  asked.pattern = "nobody*";
  EXPECT_EQ(list(100), "");
}

TEST_F(ValuesTest, TheNewestMaxCountAreKept) {
  begin({.max_count = 16});
  for (int i = 0; i < 200; ++i) notify(kNow - 200 + i, std::to_string(i));
  const auto page = values_->history(query(Order::NewestFirst), kNow);
  EXPECT_GE(page->rows.size(), 16U);
  EXPECT_LE(page->rows.size(), 18U) << "an eighth more";
  for (std::size_t i = 0; i < page->rows.size(); ++i) {
    EXPECT_EQ(number_of(page->rows[i].sample.value), 199.0 - static_cast<double>(i));
  }
}

TEST_F(ValuesTest, LateValuesDoNotLiftTheBoundOnTheCount) {
  begin({.max_count = 4});
  notify(kNow, "9");
  for (int i = 0; i < 50; ++i) notify_late(kNow, kNow - 100 + i, std::to_string(i));
  EXPECT_EQ(history(query()), "47 48 49 9 ");
}

TEST_F(ValuesTest, WhatIsTooOldIsNotShownAndGoesBySweeps) {
  begin({.max_age = 100});
  for (int i = 0; i < 5; ++i) notify(kNow + i * 50, std::to_string(i));
  EXPECT_EQ(history(query(), kNow + 200), "2 3 4 ");
  sweep(kNow + 200);
  EXPECT_EQ(history(query(), kNow + 100), "2 3 4 ") << "gone for good";
  sweep(kNow + 100'000);
  EXPECT_EQ(history(query(), kNow + 100'000), "");
  EXPECT_EQ(last(), "/3303/0/5700=4 ") << "the last one stays";
}

TEST_F(ValuesTest, OneSweepRemovesABoundedNumber) {
  begin({.max_count = 100'000, .max_age = 10});
  std::string times;
  for (int i = 0; i < 9'000; ++i) {
    times += std::string(i == 0 ? "" : ",") + R"({"path":"/3303/0/5700","value":1,"time":)" +
             std::to_string(kNow - 9'000 + i) + "}";
  }
  feed_.push(kNow, "notification", "pump", R"({"path":"/3303/0/5700","times":[)" + times + "]}");
  follow();
  EXPECT_EQ(values_->sweep(kNow + 100), true);
  HistoryQuery asked = query();
  asked.limit = 100'000;
  EXPECT_EQ(values_->history(asked, kNow - 10'000)->rows.size(), 5'000U);
  sweep(kNow + 100);
  EXPECT_EQ(values_->history(asked, kNow - 10'000)->rows.size(), 1U);
}

TEST_F(ValuesTest, ALimitOfSeriesRefusesAndCounts) {
  begin({.series_max = 3, .series_max_per_device = 2});
  notify(kNow, R"({"1":1,"2":2,"3":3})", "/9/0");
  EXPECT_EQ(last("/"), "/9/0/1=1 /9/0/2=2 ");
  notify(kNow, "1", kPath, "b");
  notify(kNow, "1", kPath, "c");
  EXPECT_EQ(last("/", "b"), "/3303/0/5700=1 ");
  EXPECT_EQ(last("/", "c"), "");
  notify(kNow, "8", "/9/0/1");
  EXPECT_EQ(last("/9/0/1"), "/9/0/1=8 ") << "what is known goes on";
  const Status status = values_->status();
  EXPECT_EQ(status.refused_device, 1U);
  EXPECT_EQ(status.refused_total, 1U);
  EXPECT_EQ(status.series, 3U);
  EXPECT_EQ(status.devices, 2U);
}

TEST_F(ValuesTest, WhenThereIsNoRoomTheDeadMakeRoom) {
  begin({.max_age = 100, .series_max = 2});
  notify(kNow, "1", kPath, "dead");
  notify(kNow + 200, "1", kPath, "alive");
  sweep(kNow + 210);
  EXPECT_EQ(last("/", "dead"), "");
  EXPECT_EQ(values_->status().devices, 1U);
  notify(kNow + 220, "1", kPath, "new");
  EXPECT_EQ(last("/", "new"), "/3303/0/5700=1 ");
}

TEST_F(ValuesTest, ATextThatIsTooLongIsRefused) {
  notify(kNow, "\"" + std::string(kValueMax, 'x') + "\"", "/9/0/0");
  EXPECT_EQ(last("/9").size(), std::string("/9/0/0= ").size() + kValueMax);
  notify(kNow, "\"" + std::string(kValueMax + 1, 'y') + "\"", "/9/0/1");
  EXPECT_EQ(last("/9/0/1"), "");
  EXPECT_EQ(values_->status().refused_size, 1U);
}

TEST_F(ValuesTest, APageIsBoundedInItsBytes) {
  begin({.max_count = 1000});
  for (int i = 0; i < 100; ++i) notify(kNow, "\"" + std::string(kValueMax, 'x') + "\"");
  const auto page = values_->history(query(), kNow);
  EXPECT_LT(page->rows.size(), 70U);
  EXPECT_TRUE(page->next);
}

TEST_F(ValuesTest, AForgottenDeviceIsGoneAtOnceAndItsPointsLater) {
  for (int i = 0; i < 10; ++i) notify(kNow, std::to_string(i));
  notify(kNow, "1", kPath, "other");
  EXPECT_EQ(values_->forget("pump"), 1U);
  EXPECT_EQ(last("/"), "");
  EXPECT_EQ(history(query()), "");
  EXPECT_EQ(values_->status().series, 1U);
  notify(kNow, "77");
  sweep(kNow);
  EXPECT_EQ(history(query()), "77 ") << "the same resource again has no old points, and keeps its new one";
  EXPECT_EQ(last("/", "other"), "/3303/0/5700=1 ");
  EXPECT_EQ(values_->forget("nobody"), 0U);
}

TEST_F(ValuesTest, EventsThatWereLostAreCounted) {
  notify(kNow, "1");
  for (int i = 0; i < 5; ++i) feed_.notify(kNow, "pump", kPath, "2");
  feed_.lose_through(4);
  follow();
  EXPECT_EQ(values_->status().lost, 3U);
  EXPECT_EQ(values_->cursor(), 6U);
}

TEST_F(ValuesTest, AnEventIsTakenOnce) {
  notify(kNow, "1");
  const auto again = feed_.after(0, 10).value();
  ASSERT_TRUE(values_->project(again));
  EXPECT_EQ(history(query()), "1 ");
}

TEST_F(ValuesTest, SelectionsAskForTexts) {
  notify(kNow, R"({"0":"ACME","9":77,"16":true,"13":2.5,"7":{"0":1}})", "/3/0");
  jobs::KnownValues& known = *values_;
  EXPECT_EQ(known.text("pump", Path(3, 0, 0)), "ACME");
  EXPECT_EQ(known.text("pump", Path(3, 0, 9)), "77");
  EXPECT_EQ(known.text("pump", Path(3, 0, 16)), "true");
  EXPECT_EQ(known.text("pump", Path(3, 0, 13)), "2.5");
  EXPECT_EQ(known.text("pump", Path(3, 0, 7)), std::nullopt) << "several, not one";
  EXPECT_EQ(known.text("pump", Path(3, 0, 1)), std::nullopt);
  EXPECT_EQ(known.text("nobody", Path(3, 0, 0)), std::nullopt);
}

TEST_F(ValuesTest, InMemoryTheOlderHalfGoesWhenItIsFull) {
  begin({.max_count = 1'000'000});
  const std::string text = "\"" + std::string(kValueMax - 16, 'x');
  const std::uint64_t some = kMemoryMax / kValueMax + 2'000;
  for (std::uint64_t i = 0; i < some; ++i) {
    feed_.notify(kNow, "pump", kPath, text + std::to_string(i) + "\"", "String");
    if (i % 500 == 0) {
      follow();
      feed_.lose_through(values_->cursor());
    }
  }
  follow();
  EXPECT_LE(values_->status().bytes, kMemoryMax);
  EXPECT_EQ(values_->status().lost, 0U);
  EXPECT_TRUE(values_->text("pump", kTemperature)->ends_with("x" + std::to_string(some - 1)));
}

TEST(PositionText, IsReadBack) {
  const Position position{"urn:dev~os:1", Path(3, 0, 7, 1), -5, 4};
  EXPECT_EQ(position.to_string(), "-5.4~3/0/7/1~urn:dev~os:1");
  const auto read = Position::parse(position.to_string());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->endpoint, position.endpoint);
  EXPECT_EQ(read->path, position.path);
  EXPECT_EQ(read->at, -5);
  EXPECT_EQ(read->n, 4);
  for (const char* wrong : {"", "5", "5.", "5.4", "5.4~", "5.4~3/0/7", "5.4~3/0~x", "x.4~3/0/7~x", "5.x~3/0/7~x",
                            "99999999999999999999.4~3/0/7~x"}) {
    EXPECT_FALSE(Position::parse(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace drover::history
