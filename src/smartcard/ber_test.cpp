// SPDX-License-Identifier: Apache-2.0
#include "smartcard/ber.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace drover::smartcard::ber {
namespace {

Bytes hex(const std::string& digits) { return *from_hex(digits); }

/// "62[0]:8202[2]:4121" and so on: tag, octet where it begins, value.
std::string listing(const Bytes& octets) {
  Reader reader(octets);
  std::string text;
  while (true) {
    const auto element = reader.next();
    if (!element) return text + "! " + element.error().reason;
    if (!*element) return text + "end " + std::to_string(reader.at());
    Bytes tag;
    for (const int shift : {16, 8, 0}) tag.push_back(static_cast<std::uint8_t>((*element)->tag >> shift));
    text += to_hex(tag) + "@" + std::to_string((*element)->at) + "=" + to_hex((*element)->value) + " ";
  }
}

// The FCP that Nordic's test for cards has (sdk-nrf, tests of uicc_lwm2m).
TEST(Ber, FileControlParameters) {
  const Bytes fcp = hex("621682024121830250318a01058b036f0602800200888800");
  const auto outer = find(fcp, 0x62);
  ASSERT_TRUE(outer && *outer);
  EXPECT_EQ((*outer)->value.size(), 22u);
  EXPECT_EQ(to_hex((*find(**outer, 0x83))->value), "5031");
  const auto size = find(**outer, 0x80);
  ASSERT_TRUE(size && *size);
  EXPECT_EQ((*size)->at, 18u);
  EXPECT_EQ((*size)->value_at, 20u);
  EXPECT_EQ(number((*size)->value, false), 0x88u);
  EXPECT_TRUE((*find(**outer, 0x88))->value.empty());
  EXPECT_FALSE(*find(**outer, 0x81));
}

TEST(Ber, PaddingEndsAFile) {
  EXPECT_EQ(listing(hex("a706300404024407a506300404024404ffffff")),
            "0000a7@0=300404024407 0000a5@8=300404024404 end 16");
  EXPECT_EQ(listing(hex("0401aa000401bb")), "000004@0=aa end 3");
  EXPECT_EQ(listing(hex("ffff")), "end 0");
  EXPECT_EQ(listing({}), "end 0");
}

TEST(Ber, TagsAndLengthsOfSeveralOctets) {
  EXPECT_EQ(listing(hex("9f2601aa7f816501bb8200")), "009f26@0=aa 7f8165@4=bb 000082@9= end 11");
  EXPECT_EQ(listing(hex("048101aa04820001bb0483000001cc")), "000004@0=aa 000004@4=bb 000004@9=cc end 15");
}

TEST(Ber, WhatCannotBeIsRefusedAndEndsReading) {
  EXPECT_EQ(listing(hex("0401aa7f818101")), "000004@0=aa ! octet 3: a tag of too many octets");
  EXPECT_EQ(listing(hex("048004010000")), "! octet 0: a length that isn't definite");
  EXPECT_EQ(listing(hex("048400000001aa")), "! octet 0: a length of too many octets");
  EXPECT_EQ(listing(hex("0402aa")), "! octet 0: a value that is cut off");
  const Bytes cut_off = hex("0402aa");
  Reader reader(cut_off);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(*reader.next());
  // Of an element inside of another the octet is that of the file.
  const Bytes file = hex("3004040200013003040300");
  Reader outer(file);
  ASSERT_TRUE(outer.next());
  const auto second = outer.next();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ(Reader(**second).next().error().reason, "octet 8: a value that is cut off");
}

TEST(Ber, EveryTruncatedPrefixIsRefused) {
  for (const char* digits : {"7f816583000002aabb", "9f2602aabb", "0402aabb"}) {
    const Bytes whole = hex(digits);
    for (std::size_t size = 1; size < whole.size(); ++size) {
      EXPECT_FALSE(Reader(ByteView(whole).first(size)).next()) << digits << ": " << size;
    }
    EXPECT_TRUE(Reader(whole).next());
  }
}

TEST(Ber, NumbersAreUnsignedAndOfThirtyTwoBits) {
  EXPECT_EQ(number(hex("00ff"), true), 255u);
  EXPECT_EQ(number(hex("ff"), false), 255u);
  EXPECT_FALSE(number(hex("ff"), true));
  EXPECT_EQ(number(hex("00ffffffff"), true), 0xFFFFFFFFu);
  EXPECT_FALSE(number(hex("0100000000"), true));
  EXPECT_FALSE(number({}, false));
  for (const auto& [value, digits] :
       {std::pair<std::uint32_t, const char*>{0, "00"}, {127, "7f"}, {128, "0080"}, {32768, "008000"},
        {0xFFFFFFFF, "00ffffffff"}}) {
    EXPECT_EQ(to_hex(integer(value)), digits);
    EXPECT_EQ(number(integer(value), true), value);
  }
}

TEST(Ber, WhatIsWrittenIsAsShortAsCanBe) {
  EXPECT_EQ(to_hex(element(0x30, {hex("0402"), hex("6432")})), "300404026432");
  EXPECT_EQ(to_hex(element(0x9F26, {})), "9f2600");
  EXPECT_EQ(to_hex(element(0x7F8165, {})), "7f816500");
  for (const auto& [size, head] : {std::pair<std::size_t, const char*>{127, "047f"},
                                   {128, "048180"}, {255, "0481ff"}, {256, "04820100"}, {65536, "0483010000"}}) {
    const Bytes value(size, 7);
    const Bytes whole = element(0x04, {value});
    const Bytes beginning(whole.begin(), whole.end() - static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(to_hex(beginning), head);
    EXPECT_EQ((*find(whole, 0x04))->value.size(), size);
  }
}

}  // namespace
}  // namespace drover::smartcard::ber
