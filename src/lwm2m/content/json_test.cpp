// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lwm2m/content/content_test_support.hpp"

namespace drover::lwm2m::content {
namespace {

Result<Tree> decoded(std::string_view path, std::string_view text) {
  return decode(Format::Json, at(path), as_bytes(text), every_type());
}

/// The value of a single resource, or the reason why there is none.
std::string value_of(ResourceId resource, const std::string& member) {
  const Path path(EveryType::kObject, 0, resource);
  const auto tree = decode(Format::Json, path, as_bytes("{\"e\":[{" + member + "}]}"), every_type());
  if (!tree) return tree.error().code == 0x80 ? "refused" : tree.error().reason;
  const Value& value = tree->find(EveryType::kObject, 0, resource)->instances[0].value;
  EXPECT_EQ(type_of(value), static_cast<DataType>(resource));
  return to_text(value);
}

TEST(Core6_4_4, EachTypeHasItsMember) {
  EXPECT_EQ(value_of(1, R"("sv":"a\u00fc\"")"), "aü\"");
  EXPECT_EQ(value_of(2, R"("v":-750)"), "-750");
  EXPECT_EQ(value_of(3, R"("v":22.4)"), "22.4");
  EXPECT_EQ(value_of(4, R"("bv":true)"), "1");
  EXPECT_EQ(value_of(5, R"("sv":"AQIDBAU=")"), "AQIDBAU=");
  EXPECT_EQ(value_of(6, R"("v":1367491215)"), "1367491215");
  EXPECT_EQ(value_of(7, R"("ov":"66:0")"), "66:0");
}

TEST(Core6_4_4, AnotherMemberThanTheTypesIsRefused) {
  EXPECT_EQ(value_of(1, R"("v":1)"), "refused");
  EXPECT_EQ(value_of(1, R"("ov":"1:2")"), "refused");
  EXPECT_EQ(value_of(2, R"("sv":"1")"), "refused");
  EXPECT_EQ(value_of(3, R"("sv":"1.5")"), "refused");
  EXPECT_EQ(value_of(4, R"("v":2)"), "refused");
  EXPECT_EQ(value_of(4, R"("sv":"true")"), "refused");
  EXPECT_EQ(value_of(5, R"("sv":"AQIDBAU")"), "refused");
  EXPECT_EQ(value_of(7, R"("sv":"66:0")"), "refused");
  EXPECT_EQ(value_of(7, R"("ov":"66")"), "refused");
}

TEST(Core6_4_4, IntegersAreExactTo64Bits) {
  EXPECT_EQ(value_of(2, R"("v":9223372036854775807)"), "9223372036854775807");
  EXPECT_EQ(value_of(2, R"("v":-9223372036854775808)"), "-9223372036854775808");
  EXPECT_EQ(value_of(2, R"("v":9007199254740993)"), "9007199254740993");
  EXPECT_EQ(value_of(2, R"("v":9223372036854775808)"), "refused");
  EXPECT_EQ(value_of(2, R"("v":-9223372036854775809)"), "refused");
  EXPECT_EQ(value_of(2, R"("v":15.0)"), "15") << "v is a float by Table 22; a whole one is an integer";
  EXPECT_EQ(value_of(2, R"("v":1e3)"), "1000");
  EXPECT_EQ(value_of(2, R"("v":15.5)"), "refused");
  EXPECT_EQ(value_of(6, R"("v":15.5)"), "refused");
  EXPECT_EQ(value_of(3, R"("v":18446744073709551615)"), "18446744073709551616") << "rounded as any float is";
  EXPECT_EQ(value_of(3, R"("v":9007199254740993)"), "9007199254740992");
  EXPECT_EQ(value_of(3, R"("v":1e999)"), "refused");
}

TEST(Core6_4_4, AnEntryHasExactlyOneValue) {
  EXPECT_EQ(value_of(2, R"("n":"")"), "refused");
  EXPECT_EQ(value_of(2, R"("v":1,"bv":true)"), "refused");
  EXPECT_EQ(value_of(2, R"("v":1,"v":1)"), "refused");
  EXPECT_EQ(value_of(2, R"("v":1,"sv":"x")"), "refused");
}

TEST(Core6_4_4, UnknownMembersAreSkippedWhateverTheyHold) {
  EXPECT_EQ(decoded("/1000/0/2", R"({"x":{"e":[{"v":7}],"bn":1},"e":[{"u":[1,{"v":2}],"v":5,"s":null}],"ver":5.5})"),
            tree_at(0, {ResourceNode::single(2, std::int64_t{5})}));
}

TEST(Core6_4_4, TheNameIsPrependedByTheBaseName) {
  const Tree expected = tree_at(0, {ResourceNode::single(2, std::int64_t{5})});
  for (const char* text : {R"({"bn":"/1000/0/","e":[{"n":"2","v":5}]})", R"({"e":[{"n":"2","v":5}],"bn":"/1000/0/"})",
                           R"({"bn":"/1000/","e":[{"n":"0/2","v":5}]})", R"({"bn":"/","e":[{"n":"1000/0/2","v":5}]})",
                           R"({"e":[{"n":"/1000/0/2","v":5}]})", R"({"e":[{"n":"1000/0/2","v":5}]})",
                           R"({"bn":"/1000/0/2","e":[{"v":5}]})", R"({"bn":"/1000/0","e":[{"n":"/2","v":5}]})"}) {
    EXPECT_EQ(decoded("/1000/0", text), expected) << text;
  }
}

TEST(Core6_4_4, NamesThatDontFitAreMalformed) {
  for (const char* text : {
           R"({"bn":"/1000/0","e":[{"n":"2","v":5}]})",                       // "/1000/02"
           R"({"bn":"/1000/0/","e":[{"v":5}]})",                              // no name
           R"({"e":[{"v":5}]})",                                              // no name at an instance
           R"({"bn":"/1000/1/","e":[{"n":"2","v":5}]})",                      // another instance
           R"({"bn":"/1001/0/","e":[{"n":"2","v":5}]})",                      // another object
           R"({"bn":"/1000/0/","e":[{"n":"2","v":5},{"n":"2","v":5}]})",      // twice
           R"({"bn":"/1000/0/","e":[{"n":"12","v":5}]})",                     // Multiple without instance
           R"({"bn":"/1000/0/","e":[{"n":"2/0","v":5}]})",                    // Single with one
           R"({"bn":"/1000/0/","e":[{"n":"99","v":5},{"n":"99/0","v":5}]})",  // both
           R"({"bn":"/1000/0/","e":[{"n":"65535","v":5}]})",                  // reserved
           R"({"bn":"/1000/0/","e":[{"n":"2/0/0","v":5}]})",                  // too deep
           R"({"bn":"coap://x/1000/0/","e":[{"n":"2","v":5}]})",              // not a path
       }) {
    EXPECT_EQ(code_of(decoded("/1000/0", text)), 0x80) << text;
  }
  EXPECT_EQ(code_of(decoded("/1000", R"({"bn":"/1000/65535/","e":[{"n":"2","v":5}]})")), 0x80);
}

TEST(Core6_4_4, WhatIsNotTheFormatIsMalformed) {
  for (const char* text : {"",
                           "[]",
                           "null",
                           "5",
                           "\"x\"",
                           "{}",
                           R"({"e":{}})",
                           R"({"e":5})",
                           R"({"e":[5]})",
                           R"({"e":[[]]})",
                           R"({"e":[{"v":5},"x"]})",
                           R"({"e":[{"v":5,"n":"/1000/0/2"},"x"]})",
                           R"({"e":[{"v":"5"}]})",
                           R"({"e":[{"v":null}]})",
                           R"({"e":[{"v":[5]}]})",
                           R"({"e":[{"bv":1}]})",
                           R"({"e":[{"sv":1}]})",
                           R"({"e":[{"v":5,"n":1}]})",
                           R"({"bn":5,"e":[{"v":5}]})",
                           R"({"bt":"1","e":[{"v":5}]})",
                           R"({"e":[{"v":5}],"e":[]})",
                           R"({"bn":"/","bn":"/","e":[{"v":5}]})",
                           R"({"e":[{"v":5}]} x)",
                           R"({"e":[{"v":5},]})",
                           R"({"e":[{"v":05}]})",
                           R"({'e':[{'v':5}]})",
                           R"({"e":[{"v":NaN}]})",
                           R"(/*c*/{"e":[{"v":5}]})"}) {
    EXPECT_EQ(code_of(decoded("/1000/0/2", text)), 0x80) << text;
  }
  EXPECT_EQ(code_of(decoded("/1000/0/1", "{\"e\":[{\"sv\":\"\xff\"}]}")), 0x80) << "not UTF-8";
  EXPECT_EQ(code_of(decoded("/1000/0/1", R"({"e":[{"sv":"\ud800"}]})")), 0x80) << "half a surrogate pair";
}

TEST(Core6_4_4, DeepNestingIsRefused) {
  const auto nested = [](int depth) {
    return "{\"x\":" + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + ",\"e\":[{\"v\":5}]}";
  };
  EXPECT_TRUE(decoded("/1000/0/2", nested(15)));
  EXPECT_EQ(code_of(decoded("/1000/0/2", nested(16))), 0x80);
  EXPECT_EQ(code_of(decoded("/1000/0/2", nested(100'000))), 0x80);
}

TEST(Core6_4_4, ALinkTreeBringsOnlyWhatItsLinksLeadTo) {
  const auto reached = decoded(
      "/1000/0", R"({"bn":"/","e":[{"n":"1000/0/7","ov":"9:0"},{"n":"9/0/1","ov":"8:3"},{"n":"8/3/1","v":1}]})");
  ASSERT_TRUE(reached) << reached.error().reason;
  EXPECT_EQ(reached->objects.size(), 3U);
  EXPECT_EQ(code_of(decoded("/1000/0", R"({"bn":"/","e":[{"n":"1000/0/7","ov":"9:0"},{"n":"9/1/1","v":1}]})")), 0x80);
  EXPECT_EQ(code_of(decoded("/1000/0", R"({"bn":"/","e":[{"n":"9/0/1","ov":"9:0"}]})")), 0x80) << "a link to itself";
  EXPECT_EQ(code_of(decoded("/1000/0", R"({"e":[{"n":"/1000/0/7","ov":"9:0"},{"n":"/9/0/1","v":1}]})")), 0x80)
      << "without the base name it is no link tree";
}

TEST(Core5_4_6, NamesWithoutObjectInstanceLeaveTheIdToTheClient) {
  constexpr std::string_view kText = R"({"e":[{"n":"2","v":5},{"n":"12/1","v":6}]})";
  const auto tree = decoded("/1000", kText);
  ASSERT_TRUE(tree) << tree.error().reason;
  ASSERT_EQ(tree->objects[0].instances.size(), 1U);
  EXPECT_EQ(tree->objects[0].instances[0].id, std::nullopt);
  EXPECT_EQ(tree->objects[0].instances[0].resources.size(), 2U);
  EXPECT_EQ(encode(Format::Json, at("/1000"), *tree), to_bytes(kText));
  EXPECT_EQ(code_of(decoded("/1000", R"({"e":[{"n":"2","v":5},{"n":"1000/0/2","v":6}]})")), 0x80);
}

TEST(Core6_4_4, EmptyLevelsAreKept) {
  Tree empty;
  empty.objects.push_back({EveryType::kObject, {}});
  EXPECT_EQ(decoded("/1000", R"({"e":[]})"), empty);
  EXPECT_EQ(decoded("/1000/3", R"({"e":[]})"), tree_at(3, {}));
  EXPECT_EQ(decoded("/1000/0/12", R"({"e":[]})"), tree_at(0, {{12, true, {}}}));
  EXPECT_EQ(code_of(decoded("/1000/0/2", R"({"e":[]})")), 0x80);
  EXPECT_EQ(encode(Format::Json, at("/1000"), empty), to_bytes(R"({"bn":"/1000/","e":[]})"));
}

TEST(Core6_4_4, ControlCharactersAreEscaped) {
  const Tree tree = tree_at(0, {ResourceNode::single(1, std::string("a\"\\\n\x01\x7fü"))});
  const auto bytes = encode(Format::Json, at("/1000/0/1"), tree);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), "{\"bn\":\"/1000/0/1\",\"e\":[{\"sv\":\"a\\\"\\\\\\u000a\\u0001\x7fü\"}]}");
  EXPECT_EQ(decoded("/1000/0/1", as_text(*bytes)), tree);
}

TEST(Core6_4_4, ANumberThatIsNotFiniteIsNotAcceptable) {
  for (const double value : {std::nan(""), double{INFINITY}, -double{INFINITY}}) {
    EXPECT_EQ(code_of(encode(Format::Json, at("/1000/0/3"), tree_at(0, {ResourceNode::single(3, value)}))), 0x86);
  }
}

TEST(Core6_4_4, TimesAreSumsOfBaseTimeAndTime) {
  const auto times = [](std::string_view text) {
    std::vector<std::optional<double>> result;
    const auto values = decode_timed_json(Path(1000, 0, 2), as_bytes(text), every_type());
    EXPECT_TRUE(values) << values.error().reason;
    if (!values) return result;
    for (const TimedValue& value : *values) result.push_back(value.time);
    return result;
  };
  using Times = std::vector<std::optional<double>>;
  EXPECT_EQ(times(R"({"e":[{"v":1},{"v":2,"t":-5}]})"), (Times{std::nullopt, -5.0}));
  EXPECT_EQ(times(R"({"bt":100.5,"e":[{"v":1},{"v":2,"t":-5}]})"), (Times{100.5, 95.5}));
  EXPECT_EQ(times(R"({"e":[{"v":1,"t":0}]})"), (Times{0.0}));
}

TEST(Core6_4_4, TimesSurviveEncoding) {
  const Path path(1000, 0, 2);
  const std::vector<std::vector<TimedValue>> histories = {
      {},
      {{path, std::int64_t{1}, std::nullopt}},
      {{path, std::int64_t{1}, 0.0}, {path, std::int64_t{2}, -10.0}},
      {{path, std::int64_t{1}, 1700000000.25}, {path, std::int64_t{2}, 1699999999.0}},
      {{path, std::int64_t{1}, std::nullopt}, {path, std::int64_t{2}, -10.0}},
      {{path, std::int64_t{1}, 1e16}, {path, std::int64_t{2}, 0.1}},  // the difference isn't exact
      {{Path(1000, 0, 12, 3), std::int64_t{1}, 5.0}, {Path(1000, 0, 4), true, 5.0}},
  };
  for (const auto& history : histories) {
    const auto bytes = encode_timed_json(Path(1000, 0), history);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(decode_timed_json(Path(1000, 0), *bytes, every_type()), history) << as_text(*bytes);
  }
}

TEST(Core6_4_4, TheSameMomentTwiceIsMalformed) {
  const auto code = [](std::string_view text) {
    return code_of(decode_timed_json(Path(1000, 0, 2), as_bytes(text), every_type()));
  };
  EXPECT_EQ(code(R"({"e":[{"v":1,"t":1},{"v":2,"t":1}]})"), 0x80);
  EXPECT_EQ(code(R"({"e":[{"v":1},{"v":2}]})"), 0x80);
  EXPECT_EQ(code(R"({"bt":1e308,"e":[{"v":1,"t":1e308}]})"), 0x80);
  EXPECT_EQ(code_of(decoded("/1000/0/2", R"({"e":[{"v":1,"t":1},{"v":2,"t":2}]})")), 0x80)
      << "a history isn't one value";
}

}  // namespace
}  // namespace drover::lwm2m::content
