// SPDX-License-Identifier: Apache-2.0
#include "coap/message/link_format.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace drover::coap {
namespace {

/// Parsed and written again; "error: ..." when refused.
std::string rewritten(std::string_view text) {
  const auto links = parse_link_format(text);
  return links ? format_links(*links) : "error: " + links.error().reason;
}

TEST(Rfc6690Section5, EveryExampleBothWays) {
  const char* examples[] = {
      "</sensors>;ct=40",
      "</sensors/temp>;if=\"sensor\",</sensors/light>;if=\"sensor\"",
      "</sensors>;ct=40;title=\"Sensor Index\",</sensors/temp>;rt=\"temperature-c\";if=\"sensor\","
      "</sensors/light>;rt=\"light-lux\";if=\"sensor\",<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\""
      ";rel=\"describedby\",</t>;anchor=\"/sensors/temp\";rel=\"alternate\"",
      "</firmware/v2.1>;rt=\"firmware\";sz=262144",
      "</sensors/light>;rt=\"light-lux\";if=\"sensor\"",
  };
  for (const char* example : examples) EXPECT_EQ(rewritten(example), example);
}

TEST(Rfc6690Section5, TheIndexExampleInParts) {
  const auto links = parse_link_format(
      "</sensors>;ct=40;title=\"Sensor Index\",<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\";obs");
  ASSERT_TRUE(links);
  ASSERT_EQ(links->size(), 2U);
  EXPECT_EQ((*links)[0].target, "/sensors");
  EXPECT_EQ((*links)[0].parameter("ct"), "40");
  EXPECT_EQ((*links)[0].parameter("title"), "Sensor Index");
  EXPECT_FALSE((*links)[0].parameter("obs"));
  EXPECT_EQ((*links)[1].target, "http://www.example.com/sensors/t123");
  EXPECT_EQ((*links)[1].parameter("obs"), "");
  EXPECT_FALSE((*links)[1].parameters[1].value);
}

TEST(LinkFormat, TextMayHoldSeparatorsAndEscapes) {
  const char* text = "</a>;title=\"1,2;<3> \\\"q\\\" \\\\ \xC3\xA9\",</b>";
  const auto links = parse_link_format(text);
  ASSERT_TRUE(links);
  ASSERT_EQ(links->size(), 2U);
  EXPECT_EQ((*links)[0].parameter("title"), "1,2;<3> \"q\" \\ \xC3\xA9");
  EXPECT_EQ(format_links(*links), text);
}

TEST(LinkFormat, UnquotedValuesTakeEveryTokenCharacter) {
  const char* text = "</a>;x=!#$%&'()*+-./:<=>?@[]^_`{|}~;title*=UTF-8'en'%c2%a3";
  EXPECT_EQ(rewritten(text), text);
}

TEST(LinkFormat, EmptyTextGivesNoLinks) {
  EXPECT_TRUE(parse_link_format("")->empty());
  EXPECT_TRUE(parse_link_format(" \r\n")->empty());
}

TEST(LinkFormat, BlanksThatTheSpecificationPrintsAreAccepted) {
  EXPECT_EQ(rewritten("</1>, </2>, </3>, </4>, </5>"), "</1>,</2>,</3>,</4>,</5>");
  EXPECT_EQ(rewritten("</>;ct=11543, </1/0>,</1/1>"), "</>;ct=11543,</1/0>,</1/1>");
  EXPECT_EQ(rewritten("</44>;ver= \"2.2\",</44/0>"), "</44>;ver=\"2.2\",</44/0>");
  EXPECT_EQ(rewritten(" </a> ; x = 1 ; y ,\r\n\t</b> "), "</a>;x=1;y,</b>");
}

TEST(LinkFormat, ErrorsNameTheOffset) {
  struct Case {
    const char* text;
    const char* what;
    int at;
  };
  const Case cases[] = {
      {"/1", "expected '<'", 0},
      {"</1>,", "expected '<'", 5},
      {"</1>,,</2>", "expected '<'", 5},
      {"</1", "target without '>'", 1},
      {"</1,</2>", "target without '>'", 1},
      {"</1></2>", "expected ',' or ';'", 4},
      {"</1>x", "expected ',' or ';'", 4},
      {"</1>;", "expected a parameter's name", 5},
      {"</1>;;x", "expected a parameter's name", 5},
      {"</1>;=1", "expected a parameter's name", 5},
      {"</1>;x=", "expected a parameter's value", 7},
      {"</1>;x=,</2>", "expected a parameter's value", 7},
      {"</1>;ct=110 112", "expected ',' or ';'", 12},
      {"</1>;x=\"a", "text without closing '\"'", 8},
      {"</1>;x=\"a\\", "text without closing '\"'", 10},
      {"</1>;x=\"a\"b", "expected ',' or ';'", 10},
      {"</44>;ver=\xE2\x80\x9C"
       "2.2\xE2\x80\x9D",
       "expected a parameter's value", 10},
  };
  for (const Case& one : cases) {
    const auto links = parse_link_format(one.text);
    ASSERT_FALSE(links) << one.text;
    EXPECT_EQ(links.error().code, 0x80) << one.text;
    EXPECT_EQ(links.error().reason, std::string("link format: ") + one.what + " at byte " + std::to_string(one.at))
        << one.text;
  }
}

TEST(LinkFormat, WhatIsNotUtf8IsRefused) {
  EXPECT_FALSE(parse_link_format("</a>;title=\"\xFF\""));
  EXPECT_FALSE(parse_link_format("</\xC3>"));
}

TEST(LinkFormat, EveryPrefixIsRefusedOrShorter) {
  const std::string text = "</lwm2m>;rt=\"oma.lwm2m\";ct=\"110 112\",</lwm2m/1/0>,</lwm2m/44>;ver=2.2";
  const auto whole = parse_link_format(text);
  ASSERT_TRUE(whole);
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto links = parse_link_format(text.substr(0, size));
    if (links) {
      EXPECT_NE(*links, *whole) << size;
    }
  }
}

TEST(LinkFormat, LimitsHold) {
  LinkFormatLimits limits;
  limits.links_max = 2;
  limits.parameters_max = 1;
  EXPECT_TRUE(parse_link_format("</1>,</2>", limits));
  EXPECT_FALSE(parse_link_format("</1>,</2>,</3>", limits));
  EXPECT_TRUE(parse_link_format("</1>;a", limits));
  EXPECT_FALSE(parse_link_format("</1>;a;b", limits));
}

}  // namespace
}  // namespace drover::coap
