// SPDX-License-Identifier: Apache-2.0
// The JSON examples of Core §6.4.4. Where the printed text is wrong (docs/errata.md), the corrected text is the test
// and the printed one is refused.
#include "tests/wire/content_support.hpp"

namespace drover::lwm2m::content {
namespace {

constexpr int kMalformed = 0x80;

// As printed, but for the quotes around the base name.
constexpr std::string_view kDevice = R"({"bn":"/3/0/",
"e":[
{"n":"0","sv":"Open Mobile Alliance"},
{"n":"1","sv":"Lightweight M2M Client"},
{"n":"2","sv":"345000123"},
{"n":"3","sv":"1.0"},
{"n":"6/0","v":1},
{"n":"6/1","v":5},
{"n":"7/0","v":3800},
{"n":"7/1","v":5000},
{"n":"8/0","v":125},
{"n":"8/1","v":900},
{"n":"9","v":100},
{"n":"10","v":15},
{"n":"11/0","v":0},
{"n":"13","v":1367491215},
{"n":"14","sv":"+02:00"},
{"n":"16","sv":"U"}]
}
)";

constexpr std::string_view kHistory = R"({"bn":"/72/",
"e":[
{"n":"1/2","v":22.4,"t":-5},
{"n":"1/2","v":22.9,"t":-30},
{"n":"1/2","v":24.1,"t":-50}],
"bt":25462634
}
)";

// As printed, but for the null link.
constexpr std::string_view kLinks = R"({ "bn":"/",
"e":[
{"n":"65/0/0/0","ov":"66:0"},
{"n":"65/0/0/1","ov":"66:1"},
{"n":"65/0/1","sv":"8613800755500"},
{"n":"65/0/2","v":1},
{"n":"66/0/0","sv":"myService1"},
{"n":"66/0/1","sv":"Internet.15.234"},
{"n":"66/0/2","ov":"67:0"},
{"n":"66/1/0","sv":"myService2"},
{"n":"66/1/1","sv":"Internet.15.235"},
{"n":"66/1/2","ov":"65535:65535"},
{"n":"67/0/0","sv":"85.76.76.84"},
{"n":"67/0/1","sv":"85.76.255.255"}]
}
)";

constexpr std::string_view kManufacturer = R"({"bn":"/3/0/0",
"e":[
{"sv":"Open Mobile Alliance"}]
}
)";

Tree link_tree() {
  Tree tree;
  tree.objects.push_back(
      {65, {{0, {many(0, {{0, link(66, 0)}, {1, link(66, 1)}}), one(1, text("8613800755500")), one(2, integer(1))}}}});
  tree.objects.push_back({66,
                          {{0, {one(0, text("myService1")), one(1, text("Internet.15.234")), one(2, link(67, 0))}},
                           {1, {one(0, text("myService2")), one(1, text("Internet.15.235")), one(2, ObjectLink{})}}}});
  tree.objects.push_back({67, {{0, {one(0, text("85.76.76.84")), one(1, text("85.76.255.255"))}}}});
  return tree;
}

std::vector<TimedValue> history() {
  const Path path(72, 1, 2);
  return {{path, 22.4, 25462629}, {path, 22.9, 25462604}, {path, 24.1, 25462584}};
}

struct Vector {
  const char* name;
  const char* path;
  std::string_view text;
  Tree tree;
};

std::vector<Vector> vectors() {
  return {
      {"Device", "/3/0", kDevice, object_tree(3, {{0, device_resources()}})},
      {"link tree", "/65/0", kLinks, link_tree()},
      {"one resource", "/3/0/0", kManufacturer, object_tree(3, {{0, {one(0, text("Open Mobile Alliance"))}}})},
  };
}

/// The example without the blanks between its tokens; none of its strings' blanks stands beside a bracket or comma.
std::string compact(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\n' && !(c == ' ' && out == "{")) out += c;
  }
  return out;
}

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string out(text);
  const std::size_t found = out.find(what);
  EXPECT_NE(found, std::string::npos);
  return out.replace(found, what.size(), by);
}

TEST(Core6_4_4, EachExampleIsDecodedToItsValues) {
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    const auto tree = decode(Format::Json, at(vector.path), as_bytes(vector.text), examples());
    ASSERT_TRUE(tree) << tree.error().reason;
    EXPECT_EQ(*tree, vector.tree);
  }
}

TEST(Core6_4_4, EachExampleIsWhatItsValuesAreEncodedTo) {
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    const auto bytes = encode(Format::Json, at(vector.path), vector.tree);
    ASSERT_TRUE(bytes) << bytes.error().reason;
    EXPECT_EQ(as_text(*bytes), compact(vector.text));
  }
}

TEST(Core6_4_4, HistoricalValuesComeWithTheirTimes) {
  const auto values = decode_timed_json(Path(72, 1, 2), as_bytes(kHistory), examples());
  ASSERT_TRUE(values) << values.error().reason;
  EXPECT_EQ(*values, history());
}

TEST(Core6_4_4, HistoricalValuesAreEncodedAgainstABaseTime) {
  const auto bytes = encode_timed_json(Path(72, 1, 2), history());
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes),
            R"({"bn":"/72/1/2","e":[{"v":22.4},{"v":22.9,"t":-25},{"v":24.1,"t":-45}],"bt":25462629})");
  EXPECT_EQ(decode_timed_json(Path(72, 1, 2), *bytes, examples()), history());
}

TEST(Core6_4_4, TruncatedExamplesAreRefused) {
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    const std::size_t last_brace = vector.text.rfind('}');
    for (std::size_t size = 0; size <= last_brace; ++size) {
      EXPECT_EQ(code_of(decode(Format::Json, at(vector.path), as_bytes(vector.text.substr(0, size)), examples())),
                kMalformed);
    }
  }
  for (std::size_t size = 0; size <= kHistory.rfind('}'); ++size) {
    EXPECT_EQ(code_of(decode_timed_json(Path(72, 1, 2), as_bytes(kHistory.substr(0, size)), examples())), kMalformed);
  }
}

TEST(Core6_4_4, TypographicQuotesAsPrintedAreRefused) {
  const std::string device = replaced(kDevice, R"("bn":"/3/0/",
"e")",
                                      "“bn”:“/3/0/”,\n“e”");
  EXPECT_EQ(code_of(decode(Format::Json, at("/3/0"), as_bytes(device), examples())), kMalformed);

  const std::string past = replaced(kHistory, R"("bn":"/72/",
"e")",
                                    "“bn”:“/72/“,\n“e”");
  EXPECT_EQ(code_of(decode_timed_json(Path(72, 1, 2), as_bytes(past), examples())), kMalformed);
}

TEST(Core6_4_4, AMissingQuoteAsPrintedIsRefused) {
  const std::string typographic = "{“bn”:“/3/0/0”,\n“e”:[\n{“sv\":\"Open Mobile Alliance}]\n}\n";
  EXPECT_EQ(code_of(decode(Format::Json, at("/3/0/0"), as_bytes(typographic), examples())), kMalformed);
  // The missing quote alone, behind the typographic ones.
  const std::string missing = replaced(kManufacturer, "Alliance\"", "Alliance");
  EXPECT_EQ(code_of(decode(Format::Json, at("/3/0/0"), as_bytes(missing), examples())), kMalformed);
}

TEST(Core6_4_4, AHexadecimalNullLinkAsPrintedIsRefused) {
  const std::string printed = replaced(kLinks, "65535:65535", "FFFF:FFFF");
  EXPECT_EQ(code_of(decode(Format::Json, at("/65/0"), as_bytes(printed), examples())), kMalformed);
}

}  // namespace
}  // namespace drover::lwm2m::content
