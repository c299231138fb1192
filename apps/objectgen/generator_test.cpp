// SPDX-License-Identifier: Apache-2.0
#include "apps/objectgen/generator.hpp"

#include <gtest/gtest.h>

#include "lwm2m/model/ddf.hpp"

namespace drover::objectgen {
namespace {

lwm2m::model::ObjectDefinition object_of(const std::string& items, const std::string& name = "Small Thing") {
  const auto parsed = lwm2m::model::parse_ddf(
      "<LWM2M><Object ObjectType=\"MODefinition\"><Name>" + name +
          "</Name><Description1>Says \"hello\" \\</Description1><ObjectID>33000</ObjectID>"
          "<ObjectURN>urn:oma:lwm2m:x:33000</ObjectURN><MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory><Resources>" +
          items + "</Resources></Object></LWM2M>",
      "test.xml");
  EXPECT_TRUE(parsed) << parsed.error().reason;
  return parsed->front();
}
std::string item(int id, const std::string& name, const std::string& operations, const std::string& type, bool mandatory, bool multiple = false) {
  return "<Item ID=\"" + std::to_string(id) + "\"><Name>" + name + "</Name><Operations>" + operations + "</Operations><MultipleInstances>" +
         (multiple ? "Multiple" : "Single") + "</MultipleInstances><Mandatory>" + (mandatory ? "Mandatory" : "Optional") + "</Mandatory><Type>" + type +
         "</Type><RangeEnumeration></RangeEnumeration><Units></Units><Description></Description></Item>";
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ObjectGen, MakesIdentifiersOfNames) {
  EXPECT_EQ(identifier_of("Reset Min and Max Measured Values"), "reset_min_and_max_measured_values");
  EXPECT_EQ(identifier_of("R&S (dB)"), "r_s_db");
  EXPECT_EQ(identifier_of("2G/3G"), "n2g_3g");
  EXPECT_EQ(identifier_of("Switch"), "switch_") << "a keyword";
  EXPECT_EQ(identifier_of("Value"), "value_") << "a member of the base";
  EXPECT_EQ(identifier_of("\xC3\x9C"), "n");
}

TEST(ObjectGen, MandatoryResourcesAreMembersAndTheOthersTypes) {
  const auto object = object_of(item(1, "Level", "R", "Float", true) + item(2, "Name", "RW", "String", false) + item(3, "Ports", "RW", "Integer", true, true) +
                                item(4, "Go", "E", "", true));
  const auto text = generate(object, {});
  ASSERT_TRUE(text);
  EXPECT_TRUE(has(*text, "struct small_thing : drover::object<33000> {"));
  EXPECT_TRUE(has(*text, "  value<1> level;\n"));
  EXPECT_TRUE(has(*text, "  using name_type = setting<2>;\n"));
  EXPECT_TRUE(has(*text, "  settings<3> ports;\n"));
  EXPECT_TRUE(has(*text, "  using go_action = drover::resource<4>;\n"));
  EXPECT_TRUE(has(*text, "{1, \"Level\", data_type::floating, true, false, false, false, true, \"\", \"\"},"));
  EXPECT_FALSE(has(*text, "\\\n")) << "a comment's last backslash would take the next line";
}

TEST(ObjectGen, OptionalResourcesBecomeMembersWhenAskedFor) {
  const auto object = object_of(item(2, "Name", "RW", "String", false));
  const auto text = generate(object, {.name_space = "acme::things", .with = {2}, .source = "thing.xml"});
  ASSERT_TRUE(text);
  EXPECT_TRUE(has(*text, "  setting<2> name;\n"));
  EXPECT_TRUE(has(*text, "namespace acme::things {"));
  EXPECT_TRUE(has(*text, "from thing.xml"));
  EXPECT_EQ(generate(object, {.with = {9}}).error().reason, "object 33000 has no resource 9");
  for (const char* name : {"", "a b", "::a", "a::", "1a", "a;b"}) EXPECT_FALSE(generate(object, {.name_space = name})) << name;
}

TEST(ObjectGen, EqualNamesStayApart) {
  const auto text = generate(object_of(item(1, "Level", "R", "Float", true) + item(2, "LEVEL", "R", "Float", true)), {});
  ASSERT_TRUE(text);
  EXPECT_TRUE(has(*text, "  value<1> level;\n"));
  EXPECT_TRUE(has(*text, "  value<2> level_2;\n"));
}

TEST(ObjectGen, AnObjectWithoutResourcesIsOne) {
  lwm2m::model::ObjectDefinition object;
  object.id = 33000;
  object.name = "Empty";
  const auto text = generate(object, {});
  ASSERT_TRUE(text) << text.error().reason;
  EXPECT_TRUE(has(*text, "nullptr, 0};"));
}

}  // namespace
}  // namespace drover::objectgen
