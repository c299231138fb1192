// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/model/range.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>

#include "lwm2m/model/ddf.hpp"

namespace drover::lwm2m::model {
namespace {

Range bounds(double least, double most, bool of_the_length = false) {
  return {least, most, {}, of_the_length};
}

TEST(CoreAppendixD1, PlainNumericalRanges) {
  EXPECT_EQ(parse_range("0-100", DataType::Integer), bounds(0, 100));
  EXPECT_EQ(parse_range("0..3600", DataType::Integer), bounds(0, 3600));
  EXPECT_EQ(parse_range(" 0 - 7 ", DataType::Integer), bounds(0, 7));
  EXPECT_EQ(parse_range("0 to 6", DataType::Integer), bounds(0, 6));
  EXPECT_EQ(parse_range("[0-2]", DataType::Integer), bounds(0, 2));
  EXPECT_EQ(parse_range("-40-85", DataType::Float), bounds(-40, 85));
  EXPECT_EQ(parse_range("-90--10", DataType::Integer), bounds(-90, -10));
  EXPECT_EQ(parse_range("0.5..1.5", DataType::Float), bounds(0.5, 1.5));
  EXPECT_EQ(parse_range("1-65534", DataType::Time), bounds(1, 65534));
}

TEST(CoreAppendixD1, ListsAndLengths) {
  EXPECT_EQ(parse_range("0,1,2", DataType::Integer), (Range{0, 0, {0, 1, 2}, false}));
  EXPECT_EQ(parse_range("0, 1", DataType::Integer), (Range{0, 0, {0, 1}, false}));
  EXPECT_EQ(parse_range("0-255 bytes", DataType::String), bounds(0, 255, true));
  EXPECT_EQ(parse_range("0-255 bytes", DataType::Opaque), bounds(0, 255, true));
  EXPECT_EQ(parse_range("6 bytes", DataType::Opaque), (Range{0, 0, {6}, true}));
  EXPECT_EQ(parse_range("16-32-48 bytes", DataType::Opaque), (Range{0, 0, {16, 32, 48}, true}));
}

TEST(CoreAppendixD1, WhatIsntPlainSaysNothing) {
  for (const char* text : {"", "-", "16-bit", "100-0", "0-100 %", "5", "0..", "..5", "1-2-3", "0-100,200", "[0-2", "x",
                           "see description", "0x00-0xFF", "0:On, 1:Off", "--1", "0-255 bytes or so", "1,", ",1"}) {
    EXPECT_FALSE(parse_range(text, DataType::Integer)) << text;
  }
  EXPECT_FALSE(parse_range("0-255 bytes", DataType::Integer));
  EXPECT_FALSE(parse_range("0-255", DataType::String)) << "characters, values, anything";
  EXPECT_FALSE(parse_range("0-1", DataType::Boolean));
  EXPECT_FALSE(parse_range("32 bytes", DataType::String)) << "a length or the largest one";
  EXPECT_FALSE(parse_range(std::string(10000, '1'), DataType::Integer));
}

TEST(CoreAppendixD1, ValuesAreHeldAgainstTheRange) {
  ResourceDefinition resource;
  resource.name = "Level";
  const auto fits = [&](const char* range, DataType type, const Value& value) {
    resource.range = range;
    resource.type = type;
    return check_range(resource, value).has_value();
  };
  EXPECT_TRUE(fits("0-100", DataType::Integer, std::int64_t{0}));
  EXPECT_TRUE(fits("0-100", DataType::Integer, std::int64_t{100}));
  EXPECT_FALSE(fits("0-100", DataType::Integer, std::int64_t{101}));
  EXPECT_FALSE(fits("0-100", DataType::Integer, std::int64_t{-1}));
  EXPECT_FALSE(fits("0-1", DataType::Float, std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(fits("0,2,4", DataType::Integer, std::int64_t{3}));
  EXPECT_TRUE(fits("0,2,4", DataType::Integer, std::int64_t{4}));
  EXPECT_TRUE(fits("0-3 bytes", DataType::String, std::string("abc")));
  EXPECT_FALSE(fits("0-3 bytes", DataType::String, std::string("abcd")));
  EXPECT_FALSE(fits("6 bytes", DataType::Opaque, Opaque{Bytes(5)}));
  EXPECT_TRUE(fits("16-bit", DataType::Integer, std::int64_t{1} << 40));
}

/// Every range text of the shipped definitions, and whether it is understood as its author meant it.
TEST(ShippedDefinitions, EachRangeIsUnderstoodOrKnownNotToBe) {
  const std::map<std::string, std::optional<Range>> known = {
      {"0-100", bounds(0, 100)},
      {"0-255", bounds(0, 255)},
      {"0-255 bytes", bounds(0, 255, true)},
      {"0-3", bounds(0, 3)},
      {"0-4", bounds(0, 4)},
      {"0-6", bounds(0, 6)},
      {"0-7", bounds(0, 7)},
      {"0-8", bounds(0, 8)},
      {"0-9", bounds(0, 9)},
      {"0-65535", bounds(0, 65535)},
      {"1-65534", bounds(1, 65534)},
      {"1-65535", bounds(1, 65535)},
      {"16-32-48 bytes", Range{0, 0, {16, 32, 48}, true}},
      {"6 bytes", Range{0, 0, {6}, true}},
      {"16-bit", std::nullopt},  // the bits of an ACL have meanings of their own
      {"-", std::nullopt},
  };
  std::size_t seen = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(DROVER_SOURCE_DIR "/objects")) {
    if (file.path().extension() != ".xml") continue;
    std::ifstream stream(file.path());
    std::ostringstream text;
    text << stream.rdbuf();
    const auto objects = parse_ddf(text.str(), file.path().string());
    ASSERT_TRUE(objects) << objects.error().reason;
    for (const ObjectDefinition& object : *objects) {
      for (const ResourceDefinition& resource : object.resources) {
        if (resource.range.empty()) continue;
        const auto expected = known.find(resource.range);
        ASSERT_NE(expected, known.end()) << file.path() << ": " << resource.name << ": \"" << resource.range << '"';
        EXPECT_EQ(parse_range(resource.range, resource.type), expected->second)
            << file.path() << ": " << resource.name << ": \"" << resource.range << '"';
        ++seen;
      }
    }
  }
  EXPECT_GT(seen, 30U);
}

}  // namespace
}  // namespace drover::lwm2m::model
