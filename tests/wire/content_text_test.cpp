// SPDX-License-Identifier: Apache-2.0
// The plain text and opaque examples of Core §6.4.1, §6.4.2 and Appendix C.
#include "tests/wire/content_support.hpp"

namespace drover::lwm2m::content {
namespace {

TEST(Core6_4_1, TheManufacturerIsPlainText) {
  const Bytes payload = to_bytes("Open Mobile Alliance");
  const auto tree = decode(Format::Text, Path(3, 0, 0), payload, examples());
  ASSERT_TRUE(tree) << tree.error().reason;
  EXPECT_EQ(*tree, object_tree(3, {{0, {one(0, text("Open Mobile Alliance"))}}}));
  EXPECT_EQ(encode(Format::Text, Path(3, 0, 0), *tree), payload);
}

TEST(Core6_4_2, AFirmwareImageIsOpaque) {
  const Bytes image = hex("7F 45 4C 46 00 FF");
  const auto tree = decode(Format::Opaque, Path(5, 0, 0), image, examples());
  ASSERT_TRUE(tree) << tree.error().reason;
  EXPECT_EQ(*tree, object_tree(5, {{0, {one(0, Opaque{image})}}}));
  EXPECT_EQ(encode(Format::Opaque, Path(5, 0, 0), *tree), image);
}

TEST(CoreAppendixC, EachTypeHasItsTextForm) {
  const std::vector<std::pair<Value, std::string>> rows = {
      {integer(-750), "-750"},
      {6.667e-11, "0.00000000006667"},
      {true, "1"},
      {false, "0"},
      {Opaque{hex("01 02 03 04 05")}, "AQIDBAU="},
      {Time{1476186613}, "1476186613"},
      {ObjectLink{}, "65535:65535"},
      {link(66, 1), "66:1"},
      {text("grüße"), "grüße"},
  };
  for (const auto& [value, form] : rows) {
    EXPECT_EQ(to_text(value), form);
    EXPECT_EQ(from_text(type_of(value), form), value) << form;
  }
}

}  // namespace
}  // namespace drover::lwm2m::content
