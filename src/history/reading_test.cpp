// SPDX-License-Identifier: Apache-2.0
#include "history/reading.hpp"

#include <gtest/gtest.h>

#include "history/test_feed.hpp"

namespace drover::history {
namespace {

using testing::item;

constexpr UnixSeconds kArrived = 1'700'000'000;

Readings read(const std::string& json, const std::string& kind = "notification") {
  return readings_of(*item(1, kArrived, kind, "pump", json));
}

/// "PATH=VALUE@MILLISECONDS behind the arrival", one a line.
std::string text(const Readings& readings) {
  std::string all;
  for (const Reading& one : readings.values) {
    all += one.path.to_string() + "=" + to_text(one.value) + "@" + std::to_string(one.at - kArrived * kSecond) + "\n";
  }
  return all;
}

TEST(Readings, AResourceHasItsValueAndType) {
  const Readings readings = read(R"({"path":"/3303/0/5700","value":21.5,"type":"Float"})");
  EXPECT_EQ(text(readings), "/3303/0/5700=21.5@0\n");
  EXPECT_EQ(readings.values.front().type, "Float");
  EXPECT_EQ(readings.how, How::Notify);
  EXPECT_FALSE(readings.values.front().timed);
}

TEST(Readings, ObjectsAreTakenApartIntoResources) {
  EXPECT_EQ(text(read(R"({"path":"/3","value":{"0":{"0":"ACME","7":{"0":3300,"1":5000}},"1":{"16":true}}})")),
            "/3/0/0=ACME@0\n/3/0/7/0=3300@0\n/3/0/7/1=5000@0\n/3/1/16=true@0\n");
  EXPECT_EQ(text(read(R"({"path":"/3/0","value":{"9":77}})")), "/3/0/9=77@0\n");
  EXPECT_EQ(text(read(R"({"path":"/3/0/7","value":{"1":5}})")), "/3/0/7/1=5@0\n");
  EXPECT_EQ(text(read(R"({"path":"/3/0/7/1","value":5})")), "/3/0/7/1=5@0\n");
}

TEST(Readings, LinkedObjectsAreReadToo) {
  EXPECT_EQ(text(read(R"({"path":"/3/0/6","value":"4:0","linked":{"4":{"0":{"0":"x"}}}})")),
            "/3/0/6=4:0@0\n/4/0/0=x@0\n");
}

TEST(Readings, TypesAreOfTheResourceThatIsNamed) {
  const Readings readings = read(R"({"path":"/3/0","value":{"9":77},"type":"Integer"})");
  ASSERT_EQ(readings.values.size(), 1U);
  EXPECT_EQ(readings.values.front().type, "");
}

TEST(Readings, TheDevicesTimesGoBeforeTheArrival) {
  const Readings readings = read(R"({"path":"/3303/0/5700","value":9,"times":[
      {"path":"/3303/0/5700","value":3,"time":1699999999.25},{"path":"/3303/0/5700","value":2,"time":1699999990},
      {"path":"/3303/0/5700","value":4,"time":null}]})");
  EXPECT_EQ(text(readings), "/3303/0/5700=2@-10000\n/3303/0/5700=3@-750\n/3303/0/5700=4@0\n");
  EXPECT_TRUE(readings.values.front().timed);
  EXPECT_FALSE(readings.values.back().timed);
}

TEST(Readings, TimesWithoutAClockCountFromTheArrival) {
  EXPECT_EQ(text(read(R"({"path":"/1/0/1","times":[{"path":"/1/0/1","value":1,"time":-5.5},
      {"path":"/1/0/1","value":2,"time":0},{"path":"/1/0/1","value":3,"time":1000}]})")),
            "/1/0/1=1@-5500\n/1/0/1=2@0\n/1/0/1=3@0\n");
}

TEST(Readings, NoTimeIsAheadOfTheArrivalNorBeforeAllTime) {
  EXPECT_EQ(text(read(R"({"path":"/1/0/1","times":[{"path":"/1/0/1","value":1,"time":4102444800},
      {"path":"/1/0/1","value":2,"time":1e300},{"path":"/1/0/1","value":3,"time":-1e300}]})")),
            "/1/0/1=1@0\n/1/0/1=2@0\n/1/0/1=3@0\n");
}

TEST(Readings, WhatIsLearntSaysHow) {
  const auto how = [](const char* name) {
    return read(R"({"path":"/1/0/1","value":5,"how":")" + std::string(name) + "\"}", "learned").how;
  };
  EXPECT_EQ(how("read"), How::Read);
  EXPECT_EQ(how("write"), How::Write);
  EXPECT_EQ(how("create"), How::Create);
}

TEST(Readings, KeysAreNeverKept) {
  EXPECT_EQ(text(read(R"({"path":"/0/0","value":{"5":"c2VjcmV0"}})", "learned")), "");
  EXPECT_EQ(text(read(R"({"path":"/1/0/1","value":1,"linked":{"21":{"0":{"0":"c2VjcmV0"}}}})")), "/1/0/1=1@0\n");
}

TEST(Readings, OtherEventsAndPayloadsWithoutAValueSayNothing) {
  EXPECT_EQ(text(read(R"({"path":"/1/0/1","value":5})", "registered")), "");
  for (const char* json : {R"({"path":"/1/0/1","note":"can't be decoded"})", R"({"path":"x","value":1})", "[]", "{",
                           R"({"path":"/1/0/1","value":null})", R"({"path":"/1/0/1/0","value":{"1":1}})",
                           R"({"path":"/1/0","value":{"x":1,"65536":2}})", R"({"path":"/1/0/1","times":[7,{}]})"}) {
    EXPECT_EQ(text(read(json)), "") << json;
  }
}

TEST(Readings, WholeNumbersStayWhole) {
  const auto value = [](const char* number) {
    return read(R"({"path":"/1/0/1","value":)" + std::string(number) + "}").values.front().value;
  };
  EXPECT_EQ(value("9223372036854775807"), Scalar(std::int64_t{9223372036854775807}));
  EXPECT_EQ(value("-5"), Scalar(std::int64_t{-5}));
  EXPECT_EQ(value("5.0"), Scalar(5.0));
  EXPECT_EQ(value("18446744073709551615"), Scalar(18446744073709551615.0));
}

}  // namespace
}  // namespace drover::history
