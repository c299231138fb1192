// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/values.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace drover::cli {
namespace {

using Json = nlohmann::json;
using lwm2m::Path;

std::optional<ResourceType> server_object(lwm2m::ResourceId resource) {
  if (resource == 1) return ResourceType{"Integer", false};
  if (resource == 6) return ResourceType{"Boolean", false};
  if (resource == 7) return ResourceType{"String", false};
  if (resource == 11) return ResourceType{"Integer", true};
  return std::nullopt;
}

TEST(ParseValue, FollowsTheDefinitionsType) {
  EXPECT_EQ(parse_value("String", "+01:00"), Json("+01:00"));
  EXPECT_EQ(parse_value("String", "300"), Json("300"));
  EXPECT_EQ(parse_value("Integer", "-9223372036854775808"), Json(INT64_MIN));
  EXPECT_EQ(parse_value("Float", "2.5"), Json(2.5));
  EXPECT_EQ(parse_value("Float", "NaN"), Json("NaN"));
  EXPECT_EQ(parse_value("Boolean", "1"), Json(true));
  EXPECT_EQ(parse_value("Time", "1970-01-02T00:00:01Z"), Json(86401));
  EXPECT_EQ(parse_value("Opaque", "hex:00ff"), Json("AP8="));
  EXPECT_EQ(parse_value("Objlnk", "3:0"), Json("3:0"));
}

TEST(ParseValue, RefusesWhatDoesntFit) {
  EXPECT_FALSE(parse_value("Integer", "9223372036854775808"));
  EXPECT_FALSE(parse_value("Integer", "1.5"));
  EXPECT_FALSE(parse_value("Integer", ""));
  EXPECT_FALSE(parse_value("Float", "1,5"));
  EXPECT_FALSE(parse_value("Boolean", "yes"));
  EXPECT_FALSE(parse_value("Time", "2026-01-31"));
  EXPECT_FALSE(parse_value("Time", "2026-01-31T12:00:00Zx"));
  EXPECT_FALSE(parse_value("Opaque", "hex:0"));
  EXPECT_FALSE(parse_value("Opaque", "hex:0g"));
  EXPECT_FALSE(parse_value("Opaque", "@/does/not/exist"));
  EXPECT_FALSE(parse_value("Objlnk", "3"));
}

TEST(ParseValue, WithoutATypeItGoesByTheLook) {
  EXPECT_EQ(parse_value("", "7"), Json(7));
  EXPECT_EQ(parse_value("", "7.5"), Json(7.5));
  EXPECT_EQ(parse_value("", "true"), Json(true));
  EXPECT_EQ(parse_value("", "seven"), Json("seven"));
}

TEST(ParseAssignments, AnInstanceTakesResourcesByTheirIds) {
  EXPECT_EQ(parse_assignments(Path(1, 0), {"1=300", "6=true", "7=a=b", "11/0=5", "11/2=6"}, server_object),
            (Json{{"1", 300}, {"6", true}, {"7", "a=b"}, {"11", {{"0", 5}, {"2", 6}}}}));
}

TEST(ParseAssignments, AResourceTakesOneValueAndAMultipleOneItsInstances) {
  EXPECT_EQ(parse_assignments(Path(1, 0, 7), {"0=x"}, server_object), Json("0=x"));
  EXPECT_EQ(parse_assignments(Path(1, 0, 11), {"0=5", "1=6"}, server_object), (Json{{"0", 5}, {"1", 6}}));
  EXPECT_EQ(parse_assignments(Path(1, 0, 11, 3), {"5"}, server_object), Json(5));
}

TEST(ParseAssignments, SaysWhatIsWrong) {
  for (const auto& [path, values] : std::vector<std::pair<Path, std::vector<std::string>>>{
           {Path(1, 0), {"300"}},
           {Path(1, 0), {"70000=1"}},
           {Path(1, 0), {"11=5"}},
           {Path(1, 0), {"11/x=5"}},
           {Path(1, 0, 11), {"5"}},
           {Path(1, 0, 11), {"0/1=5"}},
           {Path(1, 0, 7), {"a", "b"}},
           {Path(1), {"1=2"}},
       }) {
    const auto value = parse_assignments(path, values, server_object);
    ASSERT_FALSE(value) << path.to_string();
    EXPECT_FALSE(value.error().reason.empty());
  }
}

}  // namespace
}  // namespace drover::cli
