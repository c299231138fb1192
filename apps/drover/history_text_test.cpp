// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/history_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace drover::cli {
namespace {

using Json = nlohmann::json;

TEST(HistoryText, MomentsMayBeAgo) {
  EXPECT_EQ(moment_of("2h", 1'700'007'200), "1700000000");
  EXPECT_EQ(moment_of("1700000000.5", 7), "1700000000.5");
  EXPECT_EQ(moment_of("2026-01-31T12:00:00Z", 7), "2026-01-31T12:00:00Z");
}

TEST(HistoryText, SpansAreTimesOrSeconds) {
  EXPECT_EQ(every_of("5m"), 300);
  EXPECT_EQ(every_of("90"), 90);
  for (const char* wrong : {"", "0", "-5", "5x", "m"}) EXPECT_EQ(every_of(wrong), std::nullopt) << wrong;
}

TEST(HistoryText, TimesHaveTheirMilliseconds) {
  EXPECT_EQ(exact_time_text(1'700'000'000), "2023-11-14 22:13:20");
  EXPECT_EQ(exact_time_text(1'700'000'000.125), "2023-11-14 22:13:20.125");
  EXPECT_EQ(exact_time_text(-0.25), "1969-12-31 23:59:59.750");
}

TEST(HistoryText, ValuesHaveNamesAndAges) {
  const Json values = Json::parse(R"([{"path":"/3303/0/5700","value":21.5,"time":1700000000.5,"how":"notify"},
                                      {"path":"/3/0/0","value":"a\u001bb","time":1699999000,"how":"read"}])");
  EXPECT_EQ(values_text(values, 1'700'000'012, [](const lwm2m::Path& path) { return path.object() == 3 ? "Name" : ""; }),
            "PATH          NAME  VALUE   AGE     HOW\n"
            "/3303/0/5700        21.5    12 s    notify\n"
            "/3/0/0        Name  a\\x1bb  16 min  read\n");
}

TEST(HistoryText, HistoriesOfSeveralDevicesNameThem) {
  const Json values = Json::parse(R"([{"endpoint":"a","path":"/1/0/1","value":5,"time":1700000000,"how":"notify"}])");
  EXPECT_EQ(history_text(values, false), "TIME (UTC)           PATH    VALUE  HOW\n2023-11-14 22:13:20  /1/0/1  5      notify\n");
  EXPECT_NE(history_text(values, true).find("ENDPOINT  PATH"), std::string::npos);
  const Json buckets = Json::parse(R"([{"endpoint":"a","path":"/1/0/1","time":1700000000,"count":3,"min":1,"max":3,
      "avg":1.6666666666666667,"first":1,"last":3},{"endpoint":"a","path":"/1/0/2","time":1700000000,"count":1,
      "first":"x","last":"x"}])");
  EXPECT_EQ(buckets_text(buckets, false),
            "FROM (UTC)           PATH    COUNT  MIN  MAX  AVG      FIRST  LAST\n"
            "2023-11-14 22:13:20  /1/0/1  3      1    3    1.66667  1      3\n"
            "2023-11-14 22:13:20  /1/0/2  1                         x      x\n");
}

}  // namespace
}  // namespace drover::cli
