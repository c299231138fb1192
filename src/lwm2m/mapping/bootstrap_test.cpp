// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/mapping/bootstrap.hpp"

#include <gtest/gtest.h>

#include "coap/message/code.hpp"
#include "coap/message/message.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::lwm2m::mapping {
namespace {

using coap::OptionNumber;

coap::Request request(coap::Code method, std::initializer_list<std::string_view> path,
                      std::initializer_list<std::string_view> query = {}) {
  coap::Request request;
  request.method = method;
  for (const auto segment : path) request.options.add(OptionNumber::UriPath, segment);
  for (const auto text : query) request.options.add(OptionNumber::UriQuery, text);
  return request;
}

template <class Value>
std::uint8_t refusal(const Result<Value>& result) {
  return result ? std::uint8_t{0} : static_cast<std::uint8_t>(result.error().code);
}

// Transport Table 1: POST /bs?ep={Endpoint Client Name}
TEST(BootstrapMapping, RequestIsPostBsWithTheEndpoint_TransportTable1) {
  const coap::Request sent = to_request(BootstrapRequest{"urn:imei:1", std::nullopt, {}});
  EXPECT_EQ(sent.method, coap::code::kPost);
  EXPECT_EQ(sent.options.texts(OptionNumber::UriPath), std::vector<std::string_view>{"bs"});
  EXPECT_EQ(sent.options.texts(OptionNumber::UriQuery), std::vector<std::string_view>{"ep=urn:imei:1"});
  EXPECT_TRUE(sent.payload.empty());

  const auto read = to_bootstrap_request(request(coap::code::kPost, {"bs"}, {"ep=example-client", "pct=110", "x=1"}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->endpoint, "example-client");
  EXPECT_EQ(read->format, 110);
  EXPECT_EQ(read->unknown, std::vector<std::string>{"x=1"});
}

TEST(BootstrapMapping, RequestIsRefusedWithItsReason) {
  EXPECT_EQ(refusal(to_bootstrap_request(request(coap::code::kPost, {"rd"}, {"ep=a"}))), coap::code::kNotFound.value);
  EXPECT_EQ(refusal(to_bootstrap_request(request(coap::code::kPost, {"bs", "1"}))), coap::code::kNotFound.value);
  EXPECT_EQ(refusal(to_bootstrap_request(request(coap::code::kGet, {"bs"}))), coap::code::kMethodNotAllowed.value);
  EXPECT_EQ(refusal(to_bootstrap_request(request(coap::code::kPost, {"bs"}, {"ep=a", "ep=b"}))),
            coap::code::kBadRequest.value);
  EXPECT_EQ(refusal(to_bootstrap_request(request(coap::code::kPost, {"bs"}, {"pct=x"}))), coap::code::kBadRequest.value);
}

TEST(BootstrapMapping, OperationsAreThoseOfTransportTable1) {
  const coap::Request discover = to_request(BootstrapOperation(BootstrapDiscover{Path(0)}));
  EXPECT_EQ(discover.method, coap::code::kGet);
  EXPECT_EQ(discover.options.accept(), format::kLink);
  EXPECT_EQ(discover.options.texts(OptionNumber::UriPath), std::vector<std::string_view>{"0"});
  const coap::Request root = to_request(BootstrapOperation(BootstrapDelete{}));
  EXPECT_EQ(root.method, coap::code::kDelete);
  EXPECT_FALSE(root.options.has(OptionNumber::UriPath));
  const coap::Request write = to_request(BootstrapOperation(BootstrapWrite{Path(0, 1), format::kTlv, {1, 2}}));
  EXPECT_EQ(write.method, coap::code::kPut);
  EXPECT_EQ(write.options.content_format(), format::kTlv);
  EXPECT_EQ(write.payload, (Bytes{1, 2}));
  const coap::Request finish = to_request(BootstrapOperation(BootstrapFinish{}));
  EXPECT_EQ(finish.method, coap::code::kPost);
  EXPECT_EQ(finish.options.texts(OptionNumber::UriPath), std::vector<std::string_view>{"bs"});
  EXPECT_FALSE(finish.options.has(OptionNumber::UriQuery));

  for (const coap::Request& each : {discover, root, write, finish}) {
    const auto read = to_bootstrap_operation(each);
    ASSERT_TRUE(read);
    EXPECT_EQ(to_request(*read).method, each.method);
    EXPECT_EQ(to_request(*read).options.texts(OptionNumber::UriPath), each.options.texts(OptionNumber::UriPath));
  }
}

TEST(BootstrapMapping, WhatTheInterfaceDoesntHaveIsRefused) {
  const auto code = [](const coap::Request& each) { return refusal(to_bootstrap_operation(each)); };
  EXPECT_EQ(code(request(coap::code::kGet, {"0", "1"})), coap::code::kBadRequest.value);
  EXPECT_EQ(code(request(coap::code::kPut, {})), coap::code::kBadRequest.value);
  EXPECT_EQ(code(request(coap::code::kPut, {"1", "0", "7", "0"})), coap::code::kBadRequest.value);
  EXPECT_EQ(code(request(coap::code::kPut, {"1", "0"}, {"pmin=1"})), coap::code::kBadRequest.value);
  EXPECT_EQ(code(request(coap::code::kDelete, {"1", "0", "7"})), coap::code::kBadRequest.value);
  EXPECT_EQ(code(request(coap::code::kDelete, {"x"})), coap::code::kBadRequest.value);
  EXPECT_EQ(code(request(coap::code::kPost, {"1", "0"})), coap::code::kMethodNotAllowed.value);
  EXPECT_EQ(code(request(coap::code::kDelete, {"bs"})), coap::code::kMethodNotAllowed.value);
  coap::Request read = request(coap::code::kGet, {"3"});
  read.options.set_accept(format::kTlv);
  EXPECT_EQ(code(read), coap::code::kMethodNotAllowed.value);
}

// The examples of Core §5.2.7.3, blanks and trailing slashes included.
TEST(BootstrapMapping, ListingsOfCore5273AreRead) {
  const auto security = parse_listing("lwm2m=\"1.0\",</0/0>;ssid=101, </0/1/>, </0/2>;ssid=102");
  ASSERT_TRUE(security);
  EXPECT_EQ(*security, (BootstrapListing{"1.0", {{Path(0, 0), 101}, {Path(0, 1)}, {Path(0, 2), 102}}}));
  const auto versions = parse_listing("lwm2m=\"2.0\",</0/0>,</0/1>;ssid=101, </1/0/>;ssid=101, </3/0>,</5>,</4>,"
                                      "</55>;ver=1.9, </55/0>");
  ASSERT_TRUE(versions);
  EXPECT_EQ(versions->enabler, "2.0");
  ASSERT_EQ(versions->entries.size(), 8U);
  EXPECT_EQ(versions->entries[6], (BootstrapEntry{Path(55), std::nullopt, Version{1, 9}}));
}

TEST(BootstrapMapping, ListingsOfOtherVersionsAreRead) {
  const auto later = parse_listing("</>;lwm2m=1.1,</0/0>;ssid=1;uri=\"coaps://a\",</1/0>;ssid=1,</strange>");
  ASSERT_TRUE(later);
  EXPECT_EQ(*later, (BootstrapListing{"1.1", {{Path(0, 0), 1}, {Path(1, 0), 1}}}));
  const auto bare = parse_listing("</0/0>");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->enabler, std::nullopt);
  EXPECT_EQ(refusal(parse_listing("lwm2m=\"1.0\",</0")), coap::code::kBadRequest.value);
  EXPECT_TRUE(parse_listing("lwm2m=\"1.0\""));
}

TEST(BootstrapMapping, AListingIsWrittenAsCore5273Prints) {
  const BootstrapListing listing{"1.0",
                                 {{Path(0, 0), 101}, {Path(0, 1)}, {Path(55), std::nullopt, Version{1, 9}}, {Path(55, 0)}}};
  const std::string text = format_listing(listing);
  EXPECT_EQ(text, "lwm2m=\"1.0\",</0/0>;ssid=101,</0/1>,</55>;ver=1.9,</55/0>");
  EXPECT_EQ(*parse_listing(text), listing);
}

}  // namespace
}  // namespace drover::lwm2m::mapping
