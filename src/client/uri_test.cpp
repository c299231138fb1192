// SPDX-License-Identifier: Apache-2.0
#include "client/uri.hpp"

#include <gtest/gtest.h>

namespace drover::client {
namespace {

TEST(ServerUri, DefaultPortsAndForms) {  // RFC 7252 §6.1, §6.2
  struct Row {
    const char* text;
    bool secure;
    const char* host;
    int port;
  };
  const Row rows[] = {
      {"coap://fleet.example", false, "fleet.example", 5683},
      {"coaps://fleet.example", true, "fleet.example", 5684},
      {"coap://192.0.2.1:61616", false, "192.0.2.1", 61616},
      {"coap://[2001:db8::1]", false, "2001:db8::1", 5683},
      {"coap://[2001:db8::1]:5000/", false, "2001:db8::1", 5000},
      {"COAP://Host_1/", false, "Host_1", 5683},
  };
  for (const Row& row : rows) {
    const auto uri = parse_server_uri(row.text);
    ASSERT_TRUE(uri) << row.text;
    EXPECT_EQ(uri->secure, row.secure) << row.text;
    EXPECT_EQ(uri->host, row.host);
    EXPECT_EQ(uri->port, row.port);
  }
}

TEST(ServerUri, SaysWhatToWriteInstead) {
  for (const char* bad : {"", "fleet.example", "http://x", "coap://", "coap:///", "coap://x:0", "coap://x:65536",
                          "coap://x:", "coap://x:1a", "coap://::1", "coap://[::1", "coap://[::1]x", "coap://[host]",
                          "coap://a b", "coap://x/rd", "coap://x?y"}) {
    const auto uri = parse_server_uri(bad);
    ASSERT_FALSE(uri) << bad;
    EXPECT_NE(uri.error().reason.find("write coaps://HOST"), std::string::npos);
  }
  EXPECT_FALSE(parse_server_uri("coap://" + std::string(300, 'a')));
}

TEST(ServerUri, LiteralsNeedNoNameService) {
  EXPECT_EQ(parse_server_uri("coap://192.0.2.1")->literal(), transport::PeerAddress::v4(0xC0000201, 5683));
  EXPECT_TRUE(parse_server_uri("coap://[2001:db8::1]:7")->literal());
  EXPECT_FALSE(parse_server_uri("coap://fleet.example")->literal());
}

}  // namespace
}  // namespace drover::client
