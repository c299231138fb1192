// SPDX-License-Identifier: Apache-2.0
#include "machine/gpsd_report.hpp"

#include <gtest/gtest.h>

namespace drover::machine {
namespace {

constexpr UnixSeconds kNow = 1'700'000'000;

// The example of gpsd_json(5).
constexpr std::string_view kTpv =
    R"({"class":"TPV","device":"/dev/pts/1","time":"2005-06-08T10:34:48.283Z","ept":0.005,"lat":46.498293369,)"
    R"("lon":7.567411672,"alt":1343.127,"eph":36.000,"epv":32.321,"track":10.3797,"speed":0.091,"climb":-0.085,"mode":3})";

TEST(Gpsd, ATpvIsAFix) {
  const auto report = parse_gpsd(kTpv, kNow);
  ASSERT_TRUE(report && report->fix);
  client::Fix expected;
  expected.latitude = 46.498293369;
  expected.longitude = 7.567411672;
  expected.altitude = 1343.127;
  expected.radius = 36;
  expected.speed = 0.091;
  expected.bearing = 10.3797;
  expected.time = 1118226888;
  EXPECT_EQ(*report->fix, expected);
}

TEST(Gpsd, TheHeightAboveTheSeaIsPreferred) {
  const auto altitude = [](std::string_view keys) {
    return parse_gpsd(R"({"class":"TPV","mode":3,"lat":1,"lon":2,)" + std::string(keys) + "}", kNow)->fix->altitude;
  };
  EXPECT_EQ(altitude(R"("altHAE":60,"alt":50,"altMSL":10)"), 10);
  EXPECT_EQ(altitude(R"("altHAE":60,"alt":50)"), 50);
  EXPECT_EQ(altitude(R"("altHAE":60)"), 60);
}

TEST(Gpsd, WhatIsNotToldStaysOpenAndTheTimeIsNow) {
  const auto report = parse_gpsd(R"({"class":"TPV","mode":2,"lat":-90,"lon":180,"time":"yesterday"})", kNow);
  ASSERT_TRUE(report && report->fix);
  client::Fix expected;
  expected.latitude = -90;
  expected.longitude = 180;
  expected.time = kNow;
  EXPECT_EQ(*report->fix, expected);
  const auto errors = parse_gpsd(R"({"class":"TPV","mode":2,"lat":0,"lon":0,"epx":3,"epy":4})", kNow);
  EXPECT_EQ(errors->fix->radius, 5);
}

TEST(Gpsd, WithoutAFixThereIsNoPosition) {
  for (const char* line :
       {R"({"class":"TPV","mode":1})", R"({"class":"TPV","mode":0,"lat":1,"lon":1})", R"({"class":"TPV"})",
        R"({"class":"SKY","satellites":[]})", R"({"class":"VERSION","release":"3.25"})"}) {
    const auto report = parse_gpsd(line, kNow);
    ASSERT_TRUE(report) << line;
    EXPECT_FALSE(report->fix) << line;
  }
}

TEST(Gpsd, DevicesSayWhetherThereIsAReceiver) {
  EXPECT_EQ(parse_gpsd(R"({"class":"DEVICES","devices":[{"path":"/dev/ttyS0"}]})", kNow)->has_receiver, true);
  EXPECT_EQ(parse_gpsd(R"({"class":"DEVICES","devices":[]})", kNow)->has_receiver, false);
  EXPECT_EQ(parse_gpsd(R"({"class":"DEVICES"})", kNow)->has_receiver, false);
}

TEST(Gpsd, MalformedLinesAreNothing) {
  for (const std::string& line :
       {std::string(), std::string("{"), std::string("[]"), std::string("7"), std::string("GET / HTTP/1.1"),
        std::string(R"({"class":7})"), std::string(R"({"class":"TPV","mode":3,"lat":91,"lon":0})"),
        std::string(R"({"class":"TPV","mode":3,"lat":"1","lon":0})"),
        std::string(R"({"class":"TPV","mode":3,"lon":0})"),
        std::string(R"({"class":"TPV","mode":3,"lat":1e999,"lon":0})"), std::string(5000, '['),
        std::string("{\"class\":\"TPV\",\"mode\":3,\"lat\":1,\"lon\":1,\"x\":\"\xFF\"}")}) {
    EXPECT_FALSE(parse_gpsd(line, kNow)) << line.substr(0, 60);
  }
}

TEST(Gpsd, TimesAreChecked) {
  const auto time = [](const std::string& text) {
    return parse_gpsd(R"({"class":"TPV","mode":2,"lat":0,"lon":0,"time":")" + text + "\"}", kNow)->fix->time;
  };
  EXPECT_EQ(time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(time("2024-02-29T23:59:59.999Z"), 1709251199);
  for (const char* wrong : {"2023-02-29T00:00:00Z", "1969-12-31T23:59:59Z", "2024-13-01T00:00:00Z",
                            "2024-01-01T24:00:00Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00", "2024"}) {
    EXPECT_EQ(time(wrong), kNow) << wrong;
  }
}

TEST(GpsdLines, AreCutWhereverTheBytesWere) {
  LineBuffer lines;
  lines.append("on");
  EXPECT_FALSE(lines.next());
  lines.append("e\r\ntwo\n\nth");
  EXPECT_EQ(lines.next(), "one");
  EXPECT_EQ(lines.next(), "two");
  EXPECT_EQ(lines.next(), "");
  EXPECT_FALSE(lines.next());
  lines.append("ree\n");
  EXPECT_EQ(lines.next(), "three");
}

TEST(GpsdLines, OneThatIsTooLongIsDroppedAndTheNextIsRead) {
  LineBuffer lines;
  lines.append("before\n");
  for (std::size_t i = 0; i < 100; ++i) lines.append(std::string(1000, 'x'));
  lines.append("\nbehind\n");
  EXPECT_EQ(lines.next(), "before");
  EXPECT_EQ(lines.next(), "behind");
  EXPECT_EQ(lines.dropped(), 1U);
  lines.append(std::string(LineBuffer::kLineMax, 'y') + "\n");
  EXPECT_EQ(lines.next()->size(), LineBuffer::kLineMax) << "the longest that is taken";
  lines.append(std::string(LineBuffer::kLineMax + 5, 'z'));
  lines.restart();
  lines.append("fresh\n");
  EXPECT_EQ(lines.next(), "fresh") << "a new stream isn't the rest of the old line";
}

}  // namespace
}  // namespace drover::machine
