// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "lwm2m/content/content_test_support.hpp"

namespace drover::lwm2m::content {
namespace {

Result<Tree> decoded(std::string_view path, const Bytes& bytes) {
  return decode(Format::Tlv, at(path), bytes, every_type());
}

std::string encoded(std::string_view path, std::vector<ResourceNode> resources) {
  const auto bytes = encode(Format::Tlv, at(path), tree_at(0, std::move(resources)));
  return bytes ? to_hex(*bytes) : bytes.error().reason;
}

TEST(Core6_4_3, IntegersTakeTheShortestOfFourWidths) {
  const auto integer = [](std::int64_t value) { return encoded("/1000/0/2", {ResourceNode::single(2, value)}); };
  EXPECT_EQ(integer(0), "c10200");
  EXPECT_EQ(integer(127), "c1027f");
  EXPECT_EQ(integer(-128), "c10280");
  EXPECT_EQ(integer(128), "c2020080");
  EXPECT_EQ(integer(-129), "c202ff7f");
  EXPECT_EQ(integer(32768), "c40200008000");
  EXPECT_EQ(integer(-2147483648LL), "c40280000000");
  EXPECT_EQ(integer(2147483648LL), "c802080000000080000000");
  EXPECT_EQ(integer(std::numeric_limits<std::int64_t>::min()), "c802088000000000000000");
  EXPECT_EQ(integer(std::numeric_limits<std::int64_t>::max()), "c802087fffffffffffffff");
  EXPECT_EQ(encoded("/1000/0/6", {ResourceNode::single(6, Time{-1})}), "c106ff");
}

TEST(Core6_4_3, AWiderIntegerThanNeededIsUnderstood) {
  const auto tree = decoded("/1000/0/2", {0xC4, 0x02, 0xFF, 0xFF, 0xFF, 0xFE});
  ASSERT_TRUE(tree);
  EXPECT_EQ(*tree, tree_at(0, {ResourceNode::single(2, std::int64_t{-2})}));
}

TEST(Core6_4_3, FloatsTakeFourBytesWhereThatIsExact) {
  EXPECT_EQ(encoded("/1000/0/3", {ResourceNode::single(3, 1.5)}), "c4033fc00000");
  EXPECT_EQ(encoded("/1000/0/3", {ResourceNode::single(3, 22.4)}), "c803084036666666666666");
  EXPECT_EQ(encoded("/1000/0/3", {ResourceNode::single(3, 1e300)}).size(), 22U);
  EXPECT_EQ(encoded("/1000/0/3", {ResourceNode::single(3, -INFINITY)}), "c403ff800000");
  const auto tree = decoded("/1000/0/3", {0xC4, 0x03, 0x7F, 0xC0, 0x00, 0x00});
  ASSERT_TRUE(tree);
  EXPECT_TRUE(std::isnan(std::get<double>(tree->find(1000, 0, 3)->instances[0].value)));
}

TEST(Core6_4_3, LengthsAndIdsTakeTheirShortestForm) {
  const auto opaque = [](ResourceId id, std::size_t size) {
    return encoded("/9/0", {}).substr(0, 0) +
           to_hex(*encode(Format::Tlv, Path(EveryType::kObject, 0),
                          tree_at(0, {ResourceNode::single(id, Opaque{Bytes(size, 0)})})))
               .substr(0, 12);
  };
  EXPECT_EQ(opaque(5, 0), "c005");
  EXPECT_EQ(opaque(5, 7), "c70500000000");
  EXPECT_EQ(opaque(5, 8), "c80508000000");
  EXPECT_EQ(opaque(5, 255), "c805ff000000");
  EXPECT_EQ(opaque(5, 256), "d00501000000");
  EXPECT_EQ(opaque(5, 65535), "d005ffff0000");
  EXPECT_EQ(opaque(5, 65536), "d80501000000");
  EXPECT_EQ(opaque(255, 1), "c1ff00");
  EXPECT_EQ(opaque(256, 1), "e1010000");
}

TEST(Core6_4_3, LengthBitsBesideALengthFieldAreIgnored) {
  // 0xCF: an 8-bit length field, and bits 2-0 set.
  EXPECT_EQ(decoded("/1000/0/2", {0xCF, 0x02, 0x01, 0x2A}), tree_at(0, {ResourceNode::single(2, std::int64_t{42})}));
}

TEST(Core6_4_3, LongerFormsThanNeededAreUnderstood) {
  // A 16-bit identifier and a 24-bit length.
  EXPECT_EQ(decoded("/1000/0/2", {0xF8, 0x00, 0x02, 0x00, 0x00, 0x01, 0x2A}),
            tree_at(0, {ResourceNode::single(2, std::int64_t{42})}));
}

TEST(Core6_4_3, OrderIsFreeAndComesOutAscending) {
  const Tree expected =
      tree_at(0, {ResourceNode::single(2, std::int64_t{1}), {12, true, {{0, std::int64_t{3}}, {1, std::int64_t{2}}}}});
  EXPECT_EQ(decoded("/1000/0", {0x86, 0x0C, 0x41, 0x01, 0x02, 0x41, 0x00, 0x03, 0xC1, 0x02, 0x01}), expected);
}

TEST(Core6_4_3, WhatContradictsItselfOrThePathIsMalformed) {
  struct Row {
    const char* why;
    const char* path;
    Bytes bytes;
  };
  const Row rows[] = {
      {"resource twice", "/1000/0", {0xC1, 0x02, 0x01, 0xC1, 0x02, 0x02}},
      {"resource instance twice", "/1000/0", {0x86, 0x0C, 0x41, 0x00, 0x01, 0x41, 0x00, 0x02}},
      {"object instance twice", "/1000", {0x00, 0x00, 0x00, 0x00}},
      {"resource instance outside of a multiple resource", "/1000/0", {0x41, 0x00, 0x01}},
      {"resource instance at an object", "/1000", {0x41, 0x00, 0x01}},
      {"resource in a multiple resource", "/1000/0", {0x83, 0x0C, 0xC1, 0x00, 0x01}},
      {"object instance in an object instance", "/1000", {0x02, 0x00, 0x00, 0x00}},
      {"object instance beside a resource", "/1000", {0x00, 0x00, 0xC1, 0x02, 0x01}},
      {"resource beside an object instance", "/1000", {0xC1, 0x02, 0x01, 0x00, 0x00}},
      {"single resource as multiple", "/1000/0", {0x83, 0x02, 0x41, 0x00, 0x01}},
      {"multiple resource as single", "/1000/0", {0xC1, 0x0C, 0x01}},
      {"another object instance", "/1000/0", {0x03, 0x01, 0xC1, 0x02, 0x01}},
      {"two object instances for one", "/1000/0", {0x00, 0x00, 0x00, 0x01}},
      {"another resource", "/1000/0/2", {0xC1, 0x06, 0x01}},
      {"two resources for one", "/1000/0/2", {0xC1, 0x02, 0x01, 0xC1, 0x06, 0x01}},
      {"nothing for a resource", "/1000/0/2", {}},
      {"another resource instance", "/1000/0/12/1", {0x41, 0x02, 0x01}},
      {"another resource instance, wrapped", "/1000/0/12/1", {0x83, 0x0C, 0x41, 0x02, 0x01}},
      {"resource for a resource instance", "/1000/0/12/1", {0xC1, 0x0C, 0x01}},
      {"reserved object instance", "/1000", {0x20, 0xFF, 0xFF}},
      {"reserved resource", "/1000/0", {0xE1, 0xFF, 0xFF, 0x01}},
      {"integer of 3 bytes", "/1000/0", {0xC3, 0x02, 0x01, 0x02, 0x03}},
      {"integer of 0 bytes", "/1000/0", {0xC0, 0x02}},
      {"time of 5 bytes", "/1000/0", {0xC5, 0x06, 1, 2, 3, 4, 5}},
      {"float of 2 bytes", "/1000/0", {0xC2, 0x03, 0x01, 0x02}},
      {"boolean of 2 bytes", "/1000/0", {0xC2, 0x04, 0x00, 0x01}},
      {"boolean 2", "/1000/0", {0xC1, 0x04, 0x02}},
      {"object link of 3 bytes", "/1000/0", {0xC3, 0x07, 0x00, 0x01, 0x00}},
      {"string that isn't UTF-8", "/1000/0", {0xC1, 0x01, 0xFF}},
      {"header cut off", "/1000/0", {0xC8, 0x01}},
      {"identifier cut off", "/1000/0", {0xE1, 0x01}},
      {"value cut off", "/1000/0", {0xC8, 0x01, 0x02, 0x41}},
      {"length of 16 MB", "/1000/0", {0xD8, 0x05, 0xFF, 0xFF, 0xFF, 0x00}},
  };
  for (const Row& row : rows) EXPECT_EQ(code_of(decoded(row.path, row.bytes)), 0x80) << row.why;
}

TEST(Core5_4_6, ResourcesWithoutObjectInstanceLeaveTheIdToTheClient) {
  const Bytes bytes = {0xC1, 0x02, 0x01};
  const auto tree = decoded("/1000", bytes);
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->objects[0].instances.size(), 1U);
  EXPECT_EQ(tree->objects[0].instances[0].id, std::nullopt);
  EXPECT_EQ(encode(Format::Tlv, at("/1000"), *tree), bytes);
}

TEST(Core6_4_3, AnInstancePathAcceptsItsOwnInstanceWrapped) {
  EXPECT_EQ(decoded("/1000/7", {0x03, 0x07, 0xC1, 0x02, 0x01}), tree_at(7, {ResourceNode::single(2, std::int64_t{1})}));
}

TEST(Core6_4_3, AResourceInstancePathAcceptsItWithAndWithoutItsResource) {
  const Tree expected = tree_at(0, {{12, true, {{1, std::int64_t{5}}}}});
  EXPECT_EQ(decoded("/1000/0/12/1", {0x41, 0x01, 0x05}), expected);
  EXPECT_EQ(decoded("/1000/0/12/1", {0x83, 0x0C, 0x41, 0x01, 0x05}), expected);
  EXPECT_EQ(encode(Format::Tlv, at("/1000/0/12/1"), expected), (Bytes{0x41, 0x01, 0x05}));
}

TEST(Core6_4_3, EmptyLevelsAreKept) {
  Tree empty;
  empty.objects.push_back({EveryType::kObject, {}});
  EXPECT_EQ(decoded("/1000", {}), empty);
  EXPECT_EQ(decoded("/1000/3", {}), tree_at(3, {}));
  EXPECT_EQ(decoded("/1000/0/12", {0x80, 0x0C}), tree_at(0, {{12, true, {}}}));
  EXPECT_EQ(encoded("/1000/0/12", {{12, true, {}}}), "800c");
}

TEST(Core6_4_3, AnExecutableResourceIsLeftToTheCaller) {
  const auto tree = decoded("/1000/0", {0xC1, 0x14, 0x01});
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->find(1000, 0, 20)->instances[0].value, Value(Opaque{{0x01}}));
}

TEST(Core6_4_3, MoreValuesThanTheLimitAreRefused) {
  Bytes bytes;
  for (std::size_t i = 0; i <= kNodesMax; ++i)
    bytes.insert(bytes.end(), {0xE0, static_cast<std::uint8_t>(i >> 8 & 0xFF), static_cast<std::uint8_t>(i & 0xFF)});
  EXPECT_EQ(code_of(decoded("/9/0", bytes)), 0x80) << "id 65535 comes first";
  Bytes nested;
  for (std::size_t i = 0; i < 3 * kNodesMax / 2; ++i) nested.insert(nested.end(), {0x40, 0x00});
  Bytes outer = {0x98, 0x01, static_cast<std::uint8_t>(nested.size() >> 16),
                 static_cast<std::uint8_t>(nested.size() >> 8 & 0xFF), static_cast<std::uint8_t>(nested.size() & 0xFF)};
  outer.insert(outer.end(), nested.begin(), nested.end());
  EXPECT_EQ(code_of(decoded("/9/0", outer)), 0x8D);
}

TEST(Core6_4_3, TheRootHasNoTlv) {
  EXPECT_EQ(code_of(decoded("/", {})), 0x8F);
  EXPECT_EQ(code_of(encode(Format::Tlv, Path(), {})), 0x86);
}

TEST(Core6_4_3, ValuesThatLieElsewhereAreOurFault) {
  const Tree tree = tree_at(0, {ResourceNode::single(2, std::int64_t{1}), ResourceNode::single(4, true)});
  for (const char* path : {"/9", "/1000/1", "/1000/0/2", "/1000/0/2/0", "/9/0"}) {
    const auto bytes = encode(Format::Tlv, at(path), tree);
    ASSERT_FALSE(bytes) << path;
    EXPECT_EQ(bytes.error().fault, Fault::Us);
  }
  EXPECT_FALSE(encode(Format::Tlv, at("/1000/0"), tree_at(0, {{2, false, {}}}))) << "a single resource has a value";
}

}  // namespace
}  // namespace drover::lwm2m::content
