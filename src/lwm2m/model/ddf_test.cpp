// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/model/ddf.hpp"

#include <gtest/gtest.h>

namespace drover::lwm2m::model {
namespace {

/// A file that is right; the tests spoil one thing of it. <LWM2M> is line 2, <Object> 3, the first <Item> 12.
std::string good() {
  return R"(<?xml version="1.0" encoding="UTF-8"?>
<LWM2M>
  <Object ObjectType="MODefinition">
    <Name>MyDevice</Name>
    <Description1><![CDATA[This is <my> device]]></Description1>
    <ObjectID>44</ObjectID>
    <ObjectURN>urn:oma:lwm2m:oma:44:2.4</ObjectURN>
    <LWM2MVersion>1.1</LWM2MVersion>
    <ObjectVersion>2.4</ObjectVersion>
    <MultipleInstances>Single</MultipleInstances><Mandatory>Mandatory</Mandatory>
    <Resources>
      <Item ID="5">
        <Name>Go</Name><Operations>E</Operations>
        <MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory>
        <Type></Type><RangeEnumeration></RangeEnumeration><Units></Units><Description></Description>
      </Item>
      <Item ID="4">
        <Name>Level</Name><Operations>RW</Operations>
        <MultipleInstances>Multiple</MultipleInstances><Mandatory>Mandatory</Mandatory>
        <Type>Integer</Type><RangeEnumeration>0-100</RangeEnumeration><Units>%</Units><Description>How full.</Description>
      </Item>
    </Resources>
    <Description2/>
  </Object>
</LWM2M>
)";
}

std::string with(std::string text, std::string_view what, std::string_view by) {
  const std::size_t found = text.find(what);
  EXPECT_NE(found, std::string::npos) << what;
  return text.replace(found, what.size(), by);
}

std::string reason_of(const std::string& text) {
  const auto objects = parse_ddf(text, "my.xml");
  return objects ? "accepted" : objects.error().reason;
}

TEST(CoreAppendixJ, ADefinitionIsReadWithItsVersions) {
  const auto objects = parse_ddf(good(), "my.xml");
  ASSERT_TRUE(objects) << objects.error().reason;
  ASSERT_EQ(objects->size(), 1U);
  const ObjectDefinition& object = objects->front();
  EXPECT_EQ(object.id, 44);
  EXPECT_EQ(object.name, "MyDevice");
  EXPECT_EQ(object.description, "This is <my> device");
  EXPECT_EQ(object.version, (Version{2, 4}));
  EXPECT_EQ(object.lwm2m_version, (Version{1, 1}));
  EXPECT_FALSE(object.multiple);
  EXPECT_TRUE(object.mandatory);
  EXPECT_EQ(object.line, 3U);
  ASSERT_EQ(object.resources.size(), 2U);
  EXPECT_EQ(object.resources[0].id, 4) << "ascending, whatever the file's order";
  const ResourceDefinition& level = *object.resource(4);
  EXPECT_EQ(level.operations, (Operations{true, true, false}));
  EXPECT_TRUE(level.multiple);
  EXPECT_TRUE(level.mandatory);
  EXPECT_EQ(level.type, DataType::Integer);
  EXPECT_EQ(level.range, "0-100");
  EXPECT_EQ(level.units, "%");
  EXPECT_EQ(level.description, "How full.");
  EXPECT_TRUE(object.resource(5)->operations.execute);
  EXPECT_EQ(object.resource(6), nullptr);
}

TEST(CoreAppendixJ, TheInitialVersionMayBeLeftOut) {
  std::string text = with(good(), "<ObjectVersion>2.4</ObjectVersion>", "");
  text = with(text, "<LWM2MVersion>1.1</LWM2MVersion>", "");
  text = with(text, "oma:44:2.4", "oma:44");
  const auto objects = parse_ddf(text, "my.xml");
  ASSERT_TRUE(objects) << objects.error().reason;
  EXPECT_EQ(objects->front().version, (Version{1, 0}));
  EXPECT_EQ(objects->front().lwm2m_version, (Version{1, 0}));
}

TEST(CoreAppendixJ, WithoutObjectVersionTheUrnGivesIt) {
  const auto objects = parse_ddf(with(good(), "<ObjectVersion>2.4</ObjectVersion>", ""), "my.xml");
  ASSERT_TRUE(objects) << objects.error().reason;
  EXPECT_EQ(objects->front().version, (Version{2, 4}));
}

TEST(CoreAppendixK, AFileMayHoldSeveralObjects) {
  const std::string text = good();
  const std::size_t first = text.find("  <Object ");
  const std::string object = text.substr(first, text.find("</LWM2M>") - first);
  const std::string other = with(with(object, ">44<", ">45<"), "oma:44", "oma:45");
  const auto objects = parse_ddf(with(text, "</LWM2M>", other + "</LWM2M>"), "my.xml");
  ASSERT_TRUE(objects) << objects.error().reason;
  ASSERT_EQ(objects->size(), 2U);
  EXPECT_EQ((*objects)[1].id, 45);
  EXPECT_EQ((*objects)[1].line, 25U);
}

TEST(PublicRegistry, TypesOfLaterEnablersAreThoseTheirValuesTravelAs) {
  const auto number = parse_ddf(with(good(), "<Type>Integer<", "<Type>Unsigned Integer<"), "my.xml");
  ASSERT_TRUE(number) << number.error().reason;
  EXPECT_EQ(number->front().resource(4)->type, DataType::Integer);
  const auto link = parse_ddf(with(good(), "<Type>Integer<", "<Type>Corelnk<"), "my.xml");
  ASSERT_TRUE(link) << link.error().reason;
  EXPECT_EQ(link->front().resource(4)->type, DataType::String);
}

TEST(PublicRegistry, AnEmptyRangeMayBeLeftOut) {
  const auto objects = parse_ddf(with(good(), "<RangeEnumeration></RangeEnumeration>", ""), "my.xml");
  ASSERT_TRUE(objects) << objects.error().reason;
  EXPECT_EQ(objects->front().resource(5)->range, "");
}

TEST(CoreAppendixK, WhatTheSchemaRefusesIsRefusedWithFileLineAndReason) {
  struct Row {
    const char* what;
    const char* by;
    const char* reason;
  };
  const Row rows[] = {
      {"<Name>MyDevice</Name>", "", "my.xml:3: <Object> needs an element <Name>"},
      {"<Name>MyDevice</Name>", "<Name> </Name>", "my.xml:3: <Object> has no name"},
      {"<Name>MyDevice</Name>", "<Name>a</Name><Name>b</Name>", "my.xml:4: <Name> stands twice in <Object>"},
      {" ObjectType=\"MODefinition\"", "", "my.xml:3: <Object> needs the attribute ObjectType=\"MODefinition\""},
      {">44<", ">x<", "my.xml:6: <ObjectID> is 'x', not 0 to 65534"},
      {">44<", ">65536<", "my.xml:6: <ObjectID> is '65536', not 0 to 65534"},
      {">44<", ">65535<", "my.xml:6: object id 65535 is reserved"},
      {"<ObjectVersion>2.4", "<ObjectVersion>2.40", "my.xml:9: <ObjectVersion> is '2.40', not two digits such as 1.0"},
      {"<LWM2MVersion>1.1", "<LWM2MVersion>1", "my.xml:8: <LWM2MVersion> is '1', not two digits such as 1.0"},
      {">Single<", ">single<", "my.xml:10: <MultipleInstances> is 'single', not Multiple or Single"},
      {">Mandatory<", ">yes<", "my.xml:10: <Mandatory> is 'yes', not Mandatory or Optional"},
      {"<Item ID=\"5\">", "<Item>", "my.xml:12: <Item> needs an attribute ID from 0 to 65534"},
      {"<Item ID=\"5\">", "<Item ID=\"65535\">", "my.xml:12: resource id 65535 is reserved"},
      {"<Item ID=\"5\">", "<Item ID=\"4\">", "my.xml:17: resource 4 is defined twice"},
      {"<Operations>E<", "<Operations>RE<", "my.xml:13: <Operations> 'RE' mixes E with R or W, which excludes it"},
      {"<Operations>E<", "<Operations>WR<", "my.xml:13: <Operations> is 'WR', not R, W, RW, E or empty"},
      {"<Type></Type>", "<Type>String</Type>", "my.xml:12: resource 5 (Go) is executable and so has no type"},
      {"<Type></Type>", "<Type>none</Type>", "my.xml:15: <Type> 'none' is no data type"},
      {"<Type>Integer<", "<Type><", "my.xml:17: resource 4 (Level) isn't executable and so needs a type"},
      {"<Units>%</Units>", "", "my.xml:17: <Item> needs an element <Units>"},
      {"</Resources>", "<Thing/></Resources>", "my.xml:22: <Resources> holds <Thing>, not <Item>"},
      {"</Object>", "</Objekt>", "my.xml:24: not well-formed XML: Start-end tags mismatch"},
      {"<LWM2M>\n", "<LWM2M><Thing/>\n", "my.xml:2: <LWM2M> holds something else than <Object>"},
  };
  for (const Row& row : rows) EXPECT_EQ(reason_of(with(good(), row.what, row.by)), row.reason);
  EXPECT_EQ(
      reason_of(with(
          with(good(), ">Optional<", ">Mandatory<"),
          "<MultipleInstances>Single</MultipleInstances><Mandatory>Mandatory</Mandatory>\n        <Type></Type>",
          "<MultipleInstances>Multiple</MultipleInstances><Mandatory>Optional</Mandatory>\n        <Type></Type>")),
      "my.xml:12: resource 5 (Go) is executable and so is Single");
}

TEST(CoreAppendixK, AFileThatIsNoDefinitionAtAllIsRefused) {
  EXPECT_EQ(reason_of(""), "my.xml:1: not well-formed XML: No document element found");
  EXPECT_EQ(reason_of("<LWM2M/>"), "my.xml:1: <LWM2M> holds no <Object>");
  EXPECT_EQ(reason_of("<html/>"), "my.xml:1: the root isn't <LWM2M>");
  EXPECT_EQ(reason_of("<LWM2M>\xff</LWM2M>"), "my.xml:1: not UTF-8");
  EXPECT_EQ(reason_of(std::string(kDdfBytesMax + 1, ' ')), "my.xml:1: longer than 4194304 bytes");
}

TEST(CoreD_1, TheUrnAgreesWithTheObject) {
  const auto urn = [](std::string_view text) { return reason_of(with(good(), "urn:oma:lwm2m:oma:44:2.4", text)); };
  EXPECT_EQ(urn("urn:oma:lwm2m:ext:44:2.4"), "accepted");
  EXPECT_EQ(urn("urn:oma:lwm2m:x:44:2.4"), "accepted");
  const std::string start = "my.xml:7: <ObjectURN> ";
  EXPECT_EQ(urn("urn:foo:44:2.4"), start + "'urn:foo:44:2.4' doesn't start with urn:oma:lwm2m:");
  EXPECT_EQ(urn("urn:oma:lwm2m:y:44:2.4"), start + "'urn:oma:lwm2m:y:44:2.4' has the class 'y', not oma, ext or x");
  EXPECT_EQ(urn("urn:oma:lwm2m:oma"), start + "'urn:oma:lwm2m:oma' lacks the object id");
  EXPECT_EQ(urn("urn:oma:lwm2m:oma:45:2.4"),
            start + "'urn:oma:lwm2m:oma:45:2.4' names another object than <ObjectID> 44");
  EXPECT_EQ(urn("urn:oma:lwm2m:oma:44"), start + "'urn:oma:lwm2m:oma:44' lacks the version 2.4");
  EXPECT_EQ(urn("urn:oma:lwm2m:oma:44:2"), start + "'urn:oma:lwm2m:oma:44:2' has no version of two digits at its end");
  EXPECT_EQ(urn("urn:oma:lwm2m:oma:44:1.0"),
            start + "'urn:oma:lwm2m:oma:44:1.0' names another version than <ObjectVersion> 2.4");
}

TEST(Core6_3, TheRangeOfAShortServerIdExcludesTheReservedOnes) {
  std::string text = with(good(), "<Type></Type><RangeEnumeration></RangeEnumeration>",
                          "<Type>Integer</Type><RangeEnumeration>1-65534</RangeEnumeration>");
  text = with(text, "<Operations>E<", "<Operations>R<");
  text = with(with(text, ">44<", ">1<"), "oma:44", "oma:1");
  text = with(text, "ID=\"5\"", "ID=\"0\"");
  EXPECT_EQ(reason_of(text), "accepted");
  EXPECT_EQ(reason_of(with(text, "1-65534", "0-65534")),
            "my.xml:12: the range '0-65534' of a short server id must lie within 1-65534");
  EXPECT_EQ(reason_of(with(text, "1-65534", "1..65535")),
            "my.xml:12: the range '1..65535' of a short server id must lie within 1-65534");
  EXPECT_EQ(reason_of(with(text, "1-65534", "1..65534")), "accepted");
}

TEST(Core6_3_2, AReusableResourceIsTheSameInAllObjectsOfAFile) {
  const std::string text = with(good(), "ID=\"4\"", "ID=\"5700\"");
  const std::size_t first = text.find("  <Object ");
  const std::string object = text.substr(first, text.find("</LWM2M>") - first);
  const std::string other = with(with(with(object, ">44<", ">45<"), "oma:44", "oma:45"), "MyDevice", "Other");
  const auto together = [&](const std::string& second) {
    return reason_of(with(text, "</LWM2M>", second + "</LWM2M>"));
  };
  EXPECT_EQ(together(other), "accepted");
  EXPECT_EQ(
      together(with(other, "<Operations>RW", "<Operations>R")),
      "my.xml:25: reusable resource 5700 is Integer R in object 45 (Other) version 2.4 but Integer RW in object 44 "
      "(MyDevice) version 2.4");
  EXPECT_EQ(
      together(with(other, "<Type>Integer", "<Type>Float")),
      "my.xml:25: reusable resource 5700 is Float RW in object 45 (Other) version 2.4 but Integer RW in object 44 "
      "(MyDevice) version 2.4");
}

TEST(DdfSecurity, ExternalEntitiesAreNeverResolved) {
  const std::string text =
      with(with(good(), "<LWM2M>", "<!DOCTYPE LWM2M [<!ENTITY e SYSTEM \"file:///etc/hostname\">]><LWM2M>"),
           "How full.", "&e;");
  const auto objects = parse_ddf(text, "my.xml");
  ASSERT_TRUE(objects) << objects.error().reason;
  EXPECT_EQ(objects->front().resource(4)->description, "&e;");
}

TEST(DdfSecurity, DeepNestingIsHarmless) {
  std::string text = "<LWM2M>";
  for (int i = 0; i < 100'000; ++i) text += "<a>";
  EXPECT_NE(reason_of(text), "accepted");
}

}  // namespace
}  // namespace drover::lwm2m::model
