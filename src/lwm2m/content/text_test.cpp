// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lwm2m/content/base64.hpp"
#include "lwm2m/content/content_test_support.hpp"

namespace drover::lwm2m::content {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

TEST(Format, KnowsRegisteredAndProvisionalNumbers) {
  EXPECT_EQ(format_of(0), Format::Text);
  EXPECT_EQ(format_of(40), Format::Link);
  EXPECT_EQ(format_of(42), Format::Opaque);
  EXPECT_EQ(format_of(11542), Format::Tlv);
  EXPECT_EQ(format_of(11543), Format::Json);
  EXPECT_EQ(format_of(1541), Format::Text);
  EXPECT_EQ(format_of(1542), Format::Tlv);
  EXPECT_EQ(format_of(1543), Format::Json);
  EXPECT_EQ(format_of(1544), Format::Opaque);
  EXPECT_EQ(format_of(110), std::nullopt);
}

TEST(Format, IsReadByNameOrNumber) {
  for (const Format format : {Format::Text, Format::Link, Format::Opaque, Format::Tlv, Format::Json}) {
    EXPECT_EQ(format_of(parse_format(to_string(format)).value()), format);
  }
  EXPECT_EQ(parse_format("tlv"), format::kTlv);
  EXPECT_EQ(parse_format("1542"), 1542);
  EXPECT_EQ(parse_format("112"), 112) << "an open table: any number may be asked for";
  for (const char* text : {"", "TLV", "65536", "-1", "1 ", "0x10"}) EXPECT_EQ(parse_format(text), std::nullopt) << text;
}

// RFC 4648 §10.
TEST(Rfc4648Section10, TestVectors) {
  const std::pair<const char*, const char*> rows[] = {{"", ""},
                                                      {"f", "Zg=="},
                                                      {"fo", "Zm8="},
                                                      {"foo", "Zm9v"},
                                                      {"foob", "Zm9vYg=="},
                                                      {"fooba", "Zm9vYmE="},
                                                      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : rows) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    EXPECT_EQ(from_base64(coded), to_bytes(plain));
  }
  EXPECT_EQ(to_base64(Bytes{0xFB, 0xFF}), "+/8=");
}

TEST(Rfc4648Section3, OnlyTheCanonicalFormIsAccepted) {
  for (const char* text :
       {"Zg", "Zg=", "Zg===", "Z", "====", "=Zg=", "Zg==Zg==", "Zh==", "Zm9=", "Zm9v\n", "Zm 9", "Zm-_"}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

TEST(FromText, IntegersStayWithin64Bits) {
  EXPECT_EQ(from_text(DataType::Integer, "9223372036854775807"), Value(kMax));
  EXPECT_EQ(from_text(DataType::Integer, "-9223372036854775808"), Value(kMin));
  EXPECT_EQ(from_text(DataType::Time, "-1"), Value(Time{-1}));
  for (const char* text :
       {"", "9223372036854775808", "-9223372036854775809", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "--1"}) {
    EXPECT_EQ(code_of(from_text(DataType::Integer, text)), 0x80) << text;
    EXPECT_EQ(code_of(from_text(DataType::Time, text)), 0x80) << text;
  }
}

TEST(FromText, FloatsTakeAnExponentButNoInfinity) {
  EXPECT_EQ(from_text(DataType::Float, "6.667e-11"), Value(6.667e-11));
  EXPECT_EQ(from_text(DataType::Float, "-5"), Value(-5.0));
  for (const char* text : {"", "inf", "nan", "-inf", "1e999", "1,5", "1.5 ", "+1", "e5", "."}) {
    EXPECT_EQ(code_of(from_text(DataType::Float, text)), 0x80) << text;
  }
}

TEST(FromText, OtherTypesAreStrict) {
  EXPECT_EQ(code_of(from_text(DataType::Boolean, "true")), 0x80);
  EXPECT_EQ(code_of(from_text(DataType::Boolean, "2")), 0x80);
  EXPECT_EQ(code_of(from_text(DataType::Boolean, "")), 0x80);
  EXPECT_EQ(code_of(from_text(DataType::String, "\xc3\x28")), 0x80);
  EXPECT_EQ(code_of(from_text(DataType::Opaque, "AQIDBAU")), 0x80);
  EXPECT_EQ(code_of(from_text(DataType::None, "")), 0x80);
  EXPECT_EQ(from_text(DataType::ObjectLink, "65535:65535"), Value(ObjectLink{}));
  for (const char* text : {"", ":", "1:", ":1", "1:2:3", "65536:0", "-1:0", "1 :2", "1"}) {
    EXPECT_EQ(code_of(from_text(DataType::ObjectLink, text)), 0x80) << text;
  }
}

TEST(ToText, FloatsAreShortestDecimalsThatGiveTheSameNumber) {
  EXPECT_EQ(to_text(22.4), "22.4");
  EXPECT_EQ(to_text(-0.5), "-0.5");
  EXPECT_EQ(to_text(3.0), "3");
  EXPECT_EQ(to_text(1e21), "1000000000000000000000");
  for (const double value : {std::numeric_limits<double>::max(), std::numeric_limits<double>::min(),
                             std::numeric_limits<double>::denorm_min(), 0.1, -1.0 / 3, 1e-300}) {
    const std::string text = to_text(value);
    EXPECT_EQ(text.find('e'), std::string::npos) << text;
    EXPECT_EQ(from_text(DataType::Float, text), Value(value));
  }
}

TEST(Convert, WorksOnlyWhereNothingIsLost) {
  EXPECT_EQ(convert(std::int64_t{1}, DataType::Boolean), Value(true));
  EXPECT_EQ(convert(std::int64_t{0}, DataType::Boolean), Value(false));
  EXPECT_EQ(convert(true, DataType::Integer), Value(std::int64_t{1}));
  EXPECT_EQ(convert(kMax, DataType::Time), Value(Time{kMax}));
  EXPECT_EQ(convert(Time{kMin}, DataType::Integer), Value(kMin));
  EXPECT_EQ(convert(std::int64_t{9007199254740992}, DataType::Float), Value(9007199254740992.0));
  EXPECT_EQ(convert(-9007199254740992.0, DataType::Integer), Value(std::int64_t{-9007199254740992}));
  EXPECT_EQ(convert(std::string("x"), DataType::String), Value(std::string("x")));

  EXPECT_EQ(code_of(convert(std::int64_t{2}, DataType::Boolean)), 0x80);
  EXPECT_EQ(code_of(convert(std::int64_t{9007199254740993}, DataType::Float)), 0x80);
  EXPECT_EQ(code_of(convert(kMin, DataType::Float)), 0x80);
  EXPECT_EQ(code_of(convert(1.5, DataType::Integer)), 0x80);
  EXPECT_EQ(code_of(convert(1e18, DataType::Integer)), 0x80);
  EXPECT_EQ(code_of(convert(std::nan(""), DataType::Integer)), 0x80);
  EXPECT_EQ(code_of(convert(INFINITY, DataType::Time)), 0x80);
  EXPECT_EQ(code_of(convert(std::string("1"), DataType::Integer)), 0x80);
  EXPECT_EQ(code_of(convert(std::int64_t{1}, DataType::String)), 0x80);
  EXPECT_EQ(code_of(convert(Opaque{}, DataType::String)), 0x80);
  EXPECT_EQ(code_of(convert(ObjectLink{}, DataType::Integer)), 0x80);
  EXPECT_EQ(code_of(convert(true, DataType::None)), 0x80);
}

TEST(Core6_4_1, TextAndOpaqueCarryASingleResource) {
  for (const Format format : {Format::Text, Format::Opaque}) {
    EXPECT_EQ(code_of(decode(format, at("/1000/0"), {}, every_type())), 0x8F);
    EXPECT_EQ(code_of(decode(format, at("/1000/0/15"), {}, every_type())), 0x8F) << "a multiple resource";
    EXPECT_EQ(code_of(decode(format, at("/1000/0/1/0"), {}, every_type())), 0x80) << "a single one has no instance";
    EXPECT_EQ(code_of(encode(format, at("/1000/0"), tree_at(0, {ResourceNode::single(5, Opaque{})}))), 0x86);
    EXPECT_EQ(code_of(encode(format, at("/1000/0/15"), tree_at(0, {{15, true, {{0, Opaque{}}}}}))), 0x86);
  }
  EXPECT_EQ(code_of(decode(Format::Opaque, at("/1000/0/2"), {}, every_type())), 0x8F);
  EXPECT_EQ(code_of(encode(Format::Opaque, at("/1000/0/2"), tree_at(0, {ResourceNode::single(2, std::int64_t{1})}))),
            0x86);
  EXPECT_EQ(code_of(encode(Format::Text, at("/1000/0/3"), tree_at(0, {ResourceNode::single(3, std::nan(""))}))), 0x86);
}

TEST(Core6_4_1, TextReachesAResourceInstance) {
  const Tree tree = tree_at(0, {{12, true, {{7, std::int64_t{-1}}}}});
  EXPECT_EQ(decode(Format::Text, at("/1000/0/12/7"), as_bytes("-1"), every_type()), tree);
  EXPECT_EQ(encode(Format::Text, at("/1000/0/12/7"), tree), to_bytes("-1"));
}

TEST(Content, TextWithoutDefinitionIsAString) {
  const auto tree = decode(Format::Text, at("/9/0/1"), as_bytes("1"), every_type());
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->find(9, 0, 1)->instances[0].value, Value(std::string("1")));
}

TEST(Content, LinkFormatCarriesNoValues) {
  EXPECT_EQ(code_of(decode(Format::Link, at("/3"), {}, every_type())), 0x8F);
  EXPECT_EQ(code_of(encode(Format::Link, at("/3"), {})), 0x86);
}

TEST(Content, AnOversizedPayloadIsRefusedUnread) {
  const Bytes payload(kPayloadMax + 1, '1');
  for (const Format format : {Format::Text, Format::Opaque, Format::Tlv, Format::Json}) {
    EXPECT_EQ(code_of(decode(format, at("/9/0/1"), payload, every_type())), 0x8D);
  }
  EXPECT_EQ(code_of(decode_timed_json(at("/9/0/1"), payload, every_type())), 0x8D);
}

}  // namespace
}  // namespace drover::lwm2m::content
