// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "lwm2m/mapping/mapping.hpp"

namespace drover::lwm2m::mapping {
namespace {

using coap::OptionNumber;

coap::Request request(coap::Code method, std::string_view path, const std::vector<std::string>& queries = {},
                      std::string_view body = {}, std::optional<FormatNumber> format = {}) {
  coap::Request made;
  made.method = method;
  made.options.add_uri_path(path);
  for (const std::string& query : queries) made.options.add(OptionNumber::UriQuery, query);
  if (format) made.options.set_content_format(*format);
  made.payload = to_bytes(body);
  return made;
}

/// "POST /rd?ep=x&lt=60 [40] body"
std::string shown(const coap::Request& made) {
  std::string line = std::string(made.method.name()) + ' ' + made.options.uri_path();
  char separator = '?';
  for (const std::string_view query : made.options.texts(OptionNumber::UriQuery)) {
    line += separator;
    line += query;
    separator = '&';
  }
  if (const auto format = made.options.content_format()) line += " [" + std::to_string(*format) + ']';
  if (!made.payload.empty()) line += ' ' + std::string(as_text(made.payload));
  return line;
}

std::string code_of(const Result<Uplink>& result) {
  return result ? "accepted" : coap::Code(result.error().code).to_string();
}

std::string register_code(const std::vector<std::string>& queries) {
  return code_of(to_uplink(request(coap::code::kPost, "/rd", queries, "</1/0>", 40)));
}

TEST(TransportTable2, RegisterIsRead) {
  const auto uplink = to_uplink(request(coap::code::kPost, "/rd",
                                        {"ep=urn:dev:os:a=b", "lt=6000", "sms=491701234567", "lwm2m=1.0", "b=UQS"},
                                        "</1/0>,</3/0>", format::kLink));
  ASSERT_TRUE(uplink) << uplink.error().reason;
  const auto& operation = std::get<Register>(*uplink);
  EXPECT_EQ(operation.endpoint, "urn:dev:os:a=b");
  EXPECT_EQ(operation.lifetime, 6000U);
  EXPECT_EQ(operation.sms, "491701234567");
  EXPECT_EQ(operation.version, "1.0");
  EXPECT_EQ(operation.binding, "UQS");
  EXPECT_TRUE(operation.queue);
  EXPECT_TRUE(operation.unknown.empty());
  EXPECT_EQ(format_announcement(operation.announcement), "</1/0>,</3/0>");
}

TEST(TransportTable2, RegisterIsWritten) {
  Register operation;
  operation.endpoint = "node";
  operation.lifetime = 86400;
  operation.sms = "49170";
  operation.version = "1.0";
  operation.binding = "UQ";
  operation.queue = true;
  operation.announcement.objects = {{1, {}, {0}}, {3, {}, {0}}};
  EXPECT_EQ(shown(to_request(operation)), "POST /rd?ep=node&lt=86400&sms=49170&lwm2m=1.0&b=UQ [40] </1/0>,</3/0>");
}

TEST(TransportTable2, UpdateIsRead) {
  const auto empty = to_uplink(request(coap::code::kPost, "/rd/5a3f"));
  ASSERT_TRUE(empty);
  EXPECT_EQ(std::get<Update>(*empty).location, "5a3f");
  EXPECT_FALSE(std::get<Update>(*empty).lifetime);
  EXPECT_FALSE(std::get<Update>(*empty).announcement);
  EXPECT_FALSE(std::get<Update>(*empty).queue);

  const auto full =
      to_uplink(request(coap::code::kPost, "/rd/5a3f", {"lt=6000", "b=U", "sms=1"}, "</12/0>,</12/1>", format::kLink));
  ASSERT_TRUE(full);
  const auto& operation = std::get<Update>(*full);
  EXPECT_EQ(operation.lifetime, 6000U);
  EXPECT_EQ(operation.binding, "U");
  EXPECT_EQ(operation.sms, "1");
  EXPECT_EQ(operation.queue, false);
  ASSERT_TRUE(operation.announcement);
  EXPECT_EQ(format_announcement(*operation.announcement), "</12/0>,</12/1>");
}

TEST(TransportTable2, UpdateIsWritten) {
  Update operation;
  operation.location = "5a3f";
  EXPECT_EQ(shown(to_request(operation)), "POST /rd/5a3f");
  operation.lifetime = 6000;
  operation.binding = "U";
  operation.announcement = Announcement{"", {}, {{12, {}, {0, 2}}}};
  EXPECT_EQ(shown(to_request(operation)), "POST /rd/5a3f?lt=6000&b=U [40] </12/0>,</12/2>");
}

TEST(TransportTable2, DeregisterBothWays) {
  const auto uplink = to_uplink(request(coap::code::kDelete, "/rd/5a3f"));
  ASSERT_TRUE(uplink);
  EXPECT_EQ(std::get<Deregister>(*uplink).location, "5a3f");
  EXPECT_EQ(shown(to_request(Deregister{"5a3f"})), "DELETE /rd/5a3f");
}

TEST(Uplink, EveryOperationIsReadBackAsWritten) {
  Register operation;
  operation.endpoint = "n";
  operation.binding = "U";
  operation.queue = true;  // the flag of 1.1, as the binding doesn't say it
  operation.unknown = {"x=1", "y"};
  operation.announcement = {"/lwm2m", {110, 11543}, {{1, Version{1, 1}, {0}}}};
  const coap::Request made = to_request(operation);
  EXPECT_EQ(made.options.texts(OptionNumber::UriQuery),
            (std::vector<std::string_view>{"ep=n", "b=U", "Q", "x=1", "y"}));
  const auto again = to_uplink(made);
  ASSERT_TRUE(again);
  EXPECT_EQ(shown(to_request(*again)), shown(made));
  EXPECT_TRUE(std::get<Register>(*again).queue);

  Update update;
  update.location = "a";
  update.queue = true;
  const auto updated = to_uplink(to_request(update));
  ASSERT_TRUE(updated);
  EXPECT_EQ(std::get<Update>(*updated).queue, true);
}

TEST(ForeignPrograms, QueriesOfWakaamaAndAnjay) {
  const auto wakaama = to_uplink(request(coap::code::kPost, "/rd", {"lwm2m=1.1", "ep=testlwm2mclient", "b=U", "lt=300"},
                                         "</>;rt=\"oma.lwm2m\";ct=110,</1>;ver=1.1,</1/0>,</3/0>", 40));
  ASSERT_TRUE(wakaama);
  EXPECT_EQ(std::get<Register>(*wakaama).version, "1.1");
  EXPECT_EQ(std::get<Register>(*wakaama).lifetime, 300U);
  EXPECT_FALSE(std::get<Register>(*wakaama).queue);

  const auto anjay = to_uplink(
      request(coap::code::kPost, "/rd", {"lwm2m=1.2", "ep=urn:dev:os:0023C7-000001", "lt=86400", "Q"}, "</1/1>", 40));
  ASSERT_TRUE(anjay);
  EXPECT_TRUE(std::get<Register>(*anjay).queue);
  EXPECT_FALSE(std::get<Register>(*anjay).binding);
}

TEST(Register, WhatIsMissingIsLeftToTheServersPolicy) {
  const auto uplink = to_uplink(request(coap::code::kPost, "/rd"));
  ASSERT_TRUE(uplink);
  const auto& operation = std::get<Register>(*uplink);
  EXPECT_EQ(operation.endpoint, "");
  EXPECT_FALSE(operation.lifetime);
  EXPECT_FALSE(operation.version);
  EXPECT_FALSE(operation.binding);
  EXPECT_TRUE(operation.announcement.objects.empty());
}

TEST(Register, UnknownParametersAreKept) {
  const auto uplink = to_uplink(request(coap::code::kPost, "/rd", {"ep=a", "d=domain", "flag", "Q=1", "x=1", "x=1"}));
  ASSERT_TRUE(uplink);
  EXPECT_EQ(std::get<Register>(*uplink).unknown, (std::vector<std::string>{"d=domain", "flag", "Q=1", "x=1", "x=1"}));
  const auto update = to_uplink(request(coap::code::kPost, "/rd/1", {"ep=a", "lwm2m=1.0"}));
  ASSERT_TRUE(update);
  EXPECT_EQ(std::get<Update>(*update).unknown, (std::vector<std::string>{"ep=a", "lwm2m=1.0"}));
}

TEST(Register, LifetimeIsADecimalFrom1To4294967295) {
  EXPECT_EQ(register_code({"lt=1"}), "accepted");
  EXPECT_EQ(register_code({"lt=4294967295"}), "accepted");
  for (const char* query : {"lt", "lt=", "lt=0", "lt=-1", "lt=+1", "lt= 1", "lt=1.5", "lt=60s", "lt=0x10",
                            "lt=4294967296", "lt=99999999999999999999"}) {
    EXPECT_EQ(register_code({query}), "4.00") << query;
  }
}

TEST(Register, DoubledParametersAre4_00) {
  for (const char* query : {"ep=a", "lt=60", "sms=1", "lwm2m=1.0", "b=U", "Q"}) {
    EXPECT_EQ(register_code({query}), "accepted") << query;
    EXPECT_EQ(register_code({query, query}), "4.00") << query;
  }
}

TEST(Register, TheBodyIsLinkFormat) {
  const auto with = [](std::string_view body, std::optional<FormatNumber> format) {
    return code_of(to_uplink(request(coap::code::kPost, "/rd", {"ep=a"}, body, format)));
  };
  EXPECT_EQ(with("</1/0>", format::kLink), "accepted");
  EXPECT_EQ(with("</1/0>", {}), "accepted");
  EXPECT_EQ(with("</1/0>", format::kText), "4.15");
  EXPECT_EQ(with("</1/0>", format::kJson), "4.15");
  EXPECT_EQ(with("", format::kText), "accepted");
  EXPECT_EQ(with("</1/0", format::kLink), "4.00");
  EXPECT_EQ(code_of(to_uplink(request(coap::code::kPost, "/rd/1", {}, "</1/0>", format::kTlv))), "4.15");
  EXPECT_EQ(code_of(to_uplink(request(coap::code::kPost, "/rd/1", {}, "<", format::kLink))), "4.00");
}

TEST(Uplink, OtherMethodsOnTheRegistrationPathsAre4_05) {
  using namespace coap::code;
  for (const coap::Code method : {kGet, kPut, kDelete, kFetch, kPatch, kIPatch}) {
    EXPECT_EQ(code_of(to_uplink(request(method, "/rd"))), "4.05") << method.name();
  }
  for (const coap::Code method : {kGet, kPut, kFetch, kPatch, kIPatch}) {
    EXPECT_EQ(code_of(to_uplink(request(method, "/rd/1"))), "4.05") << method.name();
  }
}

TEST(Uplink, OtherPathsAre4_04) {
  for (const char* path : {"/", "/bs", "/dp", "/RD", "/rd/", "/rd/1/2", "/3/0", "/.well-known/core"}) {
    EXPECT_EQ(code_of(to_uplink(request(coap::code::kPost, path))), "4.04") << path;
  }
  coap::Request one_segment;
  one_segment.method = coap::code::kPost;
  one_segment.options.add(OptionNumber::UriPath, std::string_view("rd/1"));
  EXPECT_EQ(code_of(to_uplink(one_segment)), "4.04");
}

}  // namespace
}  // namespace drover::lwm2m::mapping
