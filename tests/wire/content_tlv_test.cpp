// SPDX-License-Identifier: Apache-2.0
// The TLV examples of Core §6.4.3 as bytes. Where the printed bytes are wrong (docs/errata.md), the corrected ones are
// decoded and encoded, and the printed ones are refused.
#include "tests/wire/content_support.hpp"

namespace drover::lwm2m::content {
namespace {

constexpr int kMalformed = 0x80;

struct Vector {
  const char* name;
  const char* path;
  const char* corrected;
  const char* printed;  ///< nullptr when it is right
  std::size_t size;     ///< the total the specification gives, corrected where it is wrong
  Tree tree;
  std::size_t whole_prefixes;  ///< proper prefixes that end where an entry of the outermost level ends
};

constexpr const char* kDevice =
    "C8 00 14 4F 70 65 6E 20 4D 6F 62 69 6C 65 20 41 6C 6C 69 61 6E 63 65"        // Manufacturer
    "C8 01 16 4C 69 67 68 74 77 65 69 67 68 74 20 4D 32 4D 20 43 6C 69 65 6E 74"  // Model Number: "weight", with its h
    "C8 02 09 33 34 35 30 30 30 31 32 33"                                         // Serial Number
    "C3 03 31 2E 30"                                                              // Firmware Version
    "86 06"                                                                       // Available Power Sources
    "  41 00 01"                                                                  //   internal battery
    "  41 01 05"                                                                  //   USB
    "88 07 08"                                                                    // Power Source Voltage: 8 bytes
    "  42 00 0E D8"                                                               //   3800
    "  42 01 13 88"                                                               //   5000
    "87 08"                                                                       // Power Source Current
    "  41 00 7D"                                                                  //   125
    "  42 01 03 84"                                                               //   900
    "C1 09 64"                                                                    // Battery Level
    "C1 0A 0F"                                                                    // Memory Free
    "83 0B"                                                                       // Error Code
    "  41 00 00"                                                                  //   no error
    "C4 0D 51 82 42 8F"                                                           // Current Time
    "C6 0E 2B 30 32 3A 30 30"                                                     // UTC Offset
    "C1 10 55";                                                                   // Supported Binding and Modes

constexpr const char* kDevicePrinted =
    "C8 00 14 4F 70 65 6E 20 4D 6F 62 69 6C 65 20 41 6C 6C 69 61 6E 63 65"
    "C8 01 16 4C 69 67 68 74 77 65 69 67 74 20 4D 32 4D 20 43 6C 69 65 6E 74"  // 21 bytes where 22 are announced
    "C8 02 09 33 34 35 30 30 30 31 32 33 C3 03 31 2E 30 86 06 41 00 01 41 01 05 88 07 08 42 00 0E D8 42 01 13 88"
    "87 08 41 00 7D 42 01 03 84 C1 09 64 C1 0A 0F 83 0B 41 00 00 C4 0D 51 82 42 8F C6 0E 2B 30 32 3A 30 30 C1 10 55";

std::vector<Vector> vectors() {
  static const std::string device_object = std::string("08 00 79") + kDevice;
  static const std::string device_object_printed = std::string("08 00 79") + kDevicePrinted;
  const auto access_control = [](std::int64_t object, std::vector<ResourceInstanceNode> acl) {
    return std::vector<ResourceNode>{one(0, integer(object)), one(1, integer(0)), many(2, std::move(acl)),
                                     one(3, integer(127))};
  };
  return {
      {"6.4.3.1", "/3/0", kDevice, kDevicePrinted, 121, object_tree(3, {{0, device_resources()}}), 13},
      {"6.4.3.2 A", "/3", device_object.c_str(), device_object_printed.c_str(), 124,
       object_tree(3, {{0, device_resources()}}), 1},
      {"6.4.3.2 B", "/2",
       "08 00 0E"                                           // instance 0: 14 bytes
       "  C1 00 01   C1 01 00   83 02 41 7F 07   C1 03 7F"  //   ACL[127]
       "08 02 12"                                           // instance 2: 18 bytes
       "  C1 00 03   C1 01 00"                              //
       "  87 02 41 7F 07 61 01 36 01"                       //   ACL[127], ACL[310]: 7 bytes
       "  C1 03 7F",
       "08 00 0E C1 00 01 C1 01 00 83 02 41 7F 07 C1 03 7F"
       "08 02 12 C1 00 03 C1 01 00 86 02 41 7F 07 61 01 36 01 C1 03 7F",  // 86 says 6 bytes
       38,
       object_tree(2, {{0, access_control(1, {{127, integer(7)}})},
                       {2, access_control(3, {{127, integer(7)}, {310, integer(1)}})}}),
       2},
      {"6.4.3.2 C", "/1",
       "08 00 0F"                                                // instance 0: 15 bytes
       "  C1 00 01"                                              //   Short Server ID
       "  C4 01 00 01 51 80"                                     //   Lifetime 86400
       "  C1 06 01"                                              //   Notification Storing
       "  C1 07 55",                                             //   Binding
       "08 00 0D C1 00 01 C4 01 00 01 51 80 C1 06 01 C1 07 55",  // 0D says 13 bytes
       18, object_tree(1, {{0, {one(0, integer(1)), one(1, integer(86400)), one(6, true), one(7, text("U"))}}}), 1},
      {"6.4.3.3 example 1", "/65/0",
       "88 00 0C"                                         // Res 0 lnk: 12 bytes
       "  44 00 00 42 00 00"                              //   66:0
       "  44 01 00 42 00 01"                              //   66:1
       "C8 01 0D 38 36 31 33 38 30 30 37 35 35 35 30 30"  // Res 1
       "C4 02 12 34 56 78",                               // Res 2
       nullptr, 37,
       object_tree(65, {{0,
                         {many(0, {{0, link(66, 0)}, {1, link(66, 1)}}), one(1, text("8613800755500")),
                          one(2, integer(0x12345678))}}}),
       3},
      {"6.4.3.3 example 2", "/66",
       "08 00 26"                                                 // instance 0: 38 bytes
       "  C8 00 0B 6D 79 53 65 72 76 69 63 65 20 31"              //   "myService 1"
       "  C8 01 0F 49 6E 74 65 72 6E 65 74 2E 31 35 2E 32 33 34"  // "Internet.15.234"
       "  C4 02 00 43 00 00"                                      //   67:0
       "08 01 26"                                                 // instance 1: 38 bytes
       "  C8 00 0B 6D 79 53 65 72 76 69 63 65 20 32"              //
       "  C8 01 0F 49 6E 74 65 72 6E 65 74 2E 31 35 2E 32 33 35"  //
       "  C4 02 FF FF FF FF",                                     //   the null link
       "08 00 23 C8 00 0B 6D 79 53 65 72 76 69 63 65 20 31 C8 01 0F 49 6E 74 65 72 6E 65 74 2E 31 35 2E 32 33 34"
       "C4 02 00 43 00 00"  // 23 says 35 bytes
       "08 01 23 C8 00 0B 6D 79 53 65 72 76 69 63 65 20 32 C8 01 0F 49 6E 74 65 72 6E 65 74 2E 31 35 2E 32 33 35"
       "C4 02 FF FF FF FF",
       82,
       object_tree(66, {{0, {one(0, text("myService 1")), one(1, text("Internet.15.234")), one(2, link(67, 0))}},
                        {1, {one(0, text("myService 2")), one(1, text("Internet.15.235")), one(2, ObjectLink{})}}}),
       2},
  };
}

TEST(Core6_4_3, EachExampleIsDecodedToItsValues) {
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    const Bytes bytes = hex(vector.corrected);
    EXPECT_EQ(bytes.size(), vector.size);
    const auto tree = decode(Format::Tlv, at(vector.path), bytes, examples());
    ASSERT_TRUE(tree) << tree.error().reason;
    EXPECT_EQ(*tree, vector.tree);
  }
}

TEST(Core6_4_3, EachExampleIsWhatItsValuesAreEncodedTo) {
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    const auto bytes = encode(Format::Tlv, at(vector.path), vector.tree);
    ASSERT_TRUE(bytes) << bytes.error().reason;
    EXPECT_EQ(to_hex(*bytes), to_hex(hex(vector.corrected)));
  }
}

TEST(Core6_4_3, WrongPrintedBytesAreRefused) {
  int wrong = 0;
  for (const Vector& vector : vectors()) {
    if (vector.printed == nullptr) continue;
    SCOPED_TRACE(vector.name);
    ++wrong;
    EXPECT_EQ(code_of(decode(Format::Tlv, at(vector.path), hex(vector.printed), examples())), kMalformed);
  }
  EXPECT_EQ(wrong, 5);
}

// An array of entries has no end mark: a prefix is whole exactly when it ends between two outermost entries.
TEST(Core6_4_3, TruncatedExamplesAreRefusedUnlessTheyEndBetweenEntries) {
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    const Bytes bytes = hex(vector.corrected);
    std::size_t whole = 0;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const ByteView prefix = ByteView(bytes).first(size);
      const auto tree = decode(Format::Tlv, at(vector.path), prefix, examples());
      if (!tree) {
        EXPECT_EQ(tree.error().code, kMalformed);
        continue;
      }
      ++whole;
      const auto again = encode(Format::Tlv, at(vector.path), *tree);
      ASSERT_TRUE(again);
      EXPECT_EQ(to_hex(*again), to_hex(prefix));
    }
    EXPECT_EQ(whole, vector.whole_prefixes);
  }
}

// Without definitions the same bytes carry their structure and opaque values.
TEST(Core6_4_3, UnknownResourcesAreDecodedAsOpaque) {
  class Nothing final : public Definitions {
    [[nodiscard]] const model::ObjectDefinition* find(ObjectId) const override { return nullptr; }
  };
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    const Bytes bytes = hex(vector.corrected);
    const auto tree = decode(Format::Tlv, at(vector.path), bytes, Nothing());
    ASSERT_TRUE(tree);
    EXPECT_EQ(type_of(tree->objects[0].instances[0].resources[0].instances[0].value), DataType::Opaque);
    EXPECT_EQ(encode(Format::Tlv, at(vector.path), *tree), bytes);
  }
}

}  // namespace
}  // namespace drover::lwm2m::content
