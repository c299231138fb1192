// SPDX-License-Identifier: Apache-2.0
#include "base/uri.hpp"

#include <gtest/gtest.h>

namespace drover {
namespace {

TEST(Rfc3986, PartsOfAUri) {
  const auto uri = parse_uri("CoAP://Example.ORG:5690/fw%20a/b?x=1&y#part");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->scheme, "coap");
  EXPECT_EQ(uri->host, "example.org");
  EXPECT_EQ(uri->port, 5690);
  EXPECT_EQ(uri->path, "/fw%20a/b");
  EXPECT_EQ(uri->query, "x=1&y");
  EXPECT_EQ(uri->to_string(), "coap://example.org:5690/fw%20a/b?x=1&y");
}

TEST(Rfc3986, AddressesInBrackets) {
  const auto uri = parse_uri("http://[2001:DB8::1]");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->host, "2001:db8::1");
  EXPECT_FALSE(uri->port);
  EXPECT_EQ(uri->target(), "/");
  EXPECT_EQ(uri->authority(), "[2001:db8::1]");
}

TEST(Rfc3986, WhatIsNoUriToFetchFrom) {
  for (const char* text : {"",
                           "firmware",
                           "/firmware",
                           "1http://host/",
                           "http:",
                           "http:/host",
                           "http://",
                           "http:///x",
                           "http://host:0/",
                           "http://host:65536/",
                           "http://host:1a/",
                           "http://ho st/",
                           "http://host/a b",
                           "http://host/%4",
                           "http://host/%zz",
                           "http://host/?a b",
                           "http://host/#a b",
                           "http://[::1",
                           "http://[]/",
                           "http://[::1]8/",
                           "http://a:b@host/",
                           "http://host/\"",
                           "http://host/\x80"}) {
    EXPECT_FALSE(parse_uri(text)) << text;
  }
}

TEST(Rfc3986, SchemeAlone) {
  EXPECT_EQ(scheme_of("COAPS://h"), "coaps");
  EXPECT_EQ(scheme_of("urn:dev:os:1"), "urn");
  EXPECT_EQ(scheme_of("coap+tcp://h"), "coap+tcp");
  EXPECT_FALSE(scheme_of("no scheme"));
  EXPECT_FALSE(scheme_of(":x"));
  EXPECT_FALSE(scheme_of("a b:x"));
}

TEST(Rfc3986, PercentDecoding) {
  EXPECT_EQ(percent_decode("a%2Fb%00"), std::string("a/b\0", 4));
  EXPECT_FALSE(percent_decode("%"));
  EXPECT_FALSE(percent_decode("%2"));
  EXPECT_FALSE(percent_decode("%2g"));
}

TEST(Rfc3986, EncodingMakesOneWordThatDecodingGivesBack) {
  const std::string text = "a %b\n\xC3\xA9\"W/";
  EXPECT_EQ(percent_encode(text), "a%20%25b%0A%C3%A9\"W/");
  EXPECT_EQ(percent_decode(percent_encode(text)), text);
}

}  // namespace
}  // namespace drover
