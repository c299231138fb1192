// SPDX-License-Identifier: Apache-2.0
#include "server/endpoint_name.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/glob.hpp"

namespace drover::server {
namespace {

TEST(CoreSection6_3_1, EachRecommendedFormatIsRecognised) {
  EXPECT_STREQ(endpoint_scheme("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), "uuid");
  EXPECT_STREQ(endpoint_scheme("urn:dev:ops:0023C7-Router-000001"), "ops");
  EXPECT_STREQ(endpoint_scheme("urn:dev:os:0023C7-000001"), "os");
  EXPECT_STREQ(endpoint_scheme("urn:imei:490154203237518"), "imei");
  EXPECT_STREQ(endpoint_scheme("urn:esn:82af0e1c"), "esn");
  EXPECT_STREQ(endpoint_scheme("urn:meid:A0000000123456"), "meid");
  EXPECT_STREQ(endpoint_scheme("urn:imei-msisdn:490154203237518-447700900123456"), "imei-msisdn");
}

TEST(CoreSection6_3_1, WhatLacksItsFormatIsOther) {
  for (const char* name : {"",
                           "node1",
                           "urn:",
                           "urn:uuid:",
                           "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf",
                           "urn:uuid:f81d4fae7dec11d0a76500a0c91e6bf6",
                           "urn:uuid:g81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                           "urn:dev:ops:0023C7-Router",
                           "urn:dev:ops:0023C7--1",
                           "urn:dev:os:0023C7",
                           "urn:dev:os:-1",
                           "urn:dev:os:0023C7-",
                           "urn:imei:49015420323751",
                           "urn:imei:4901542032375181",
                           "urn:imei:49015420323751x",
                           "urn:esn:82af0e1",
                           "urn:meid:A000000012345",
                           "urn:imei-msisdn:490154203237518",
                           "urn:imei-msisdn: 490154203237518-447700900123456",
                           "urn:mac:001122"}) {
    EXPECT_STREQ(endpoint_scheme(name), "other") << name;
  }
}

TEST(CoreSection6_3_1, UrnAndSchemeIgnoreCase) {
  EXPECT_STREQ(endpoint_scheme("URN:IMEI:490154203237518"), "imei");
}

TEST(EndpointText, IsPrintableUtf8) {
  EXPECT_TRUE(is_endpoint_text("käse 7"));
  EXPECT_FALSE(is_endpoint_text(""));
  EXPECT_FALSE(is_endpoint_text("a\nb"));
  EXPECT_FALSE(is_endpoint_text("\xFF\xFE"));
  EXPECT_FALSE(is_endpoint_text(std::string_view("a\0b", 3)));
}

TEST(Search, IgnoresCaseOfAsciiLetters) {
  EXPECT_TRUE(contains_ignoring_case("urn:dev:os:Lab-7", "lAB"));
  EXPECT_TRUE(contains_ignoring_case("x", ""));
  EXPECT_FALSE(contains_ignoring_case("lab", "labs"));
}

}  // namespace
}  // namespace drover::server
