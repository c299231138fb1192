// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "lwm2m/mapping/mapping.hpp"

namespace drover::lwm2m::mapping {
namespace {

using coap::OptionNumber;

/// "POST /lwm2m/1/0 q=pmin=1 accept=40 observe=0 format=0 body=..."; only what is there.
std::string shown(const coap::Request& made) {
  std::string line = std::string(made.method.name()) + ' ' + made.options.uri_path();
  for (const std::string_view query : made.options.texts(OptionNumber::UriQuery)) line += " q=" + std::string(query);
  if (const auto accept = made.options.accept()) line += " accept=" + std::to_string(*accept);
  if (const auto observe = made.options.observe()) line += " observe=" + std::to_string(*observe);
  if (const auto format = made.options.content_format()) line += " format=" + std::to_string(*format);
  if (!made.payload.empty()) line += " body=" + std::string(as_text(made.payload));
  return line;
}

struct Row {
  Downlink operation;
  const char* request;
};

/// Transport, Tables 3 and 4, at every level the enabler allows.
std::vector<Row> rows() {
  const Path object(3);
  const Path instance(3, 0);
  const Path resource(3, 0, 9);
  const Bytes body = to_bytes("v");
  return {
      {Read{object, format::kTlv}, "GET /3 accept=11542"},
      {Read{instance, {}}, "GET /3/0"},
      {Read{resource, format::kText}, "GET /3/0/9 accept=0"},
      {Discover{object}, "GET /3 accept=40"},
      {Discover{instance}, "GET /3/0 accept=40"},
      {Discover{resource}, "GET /3/0/9 accept=40"},
      {Write{instance, Write::Mode::Replace, format::kTlv, body}, "PUT /3/0 format=11542 body=v"},
      {Write{resource, Write::Mode::Replace, format::kText, body}, "PUT /3/0/9 format=0 body=v"},
      {Write{resource, Write::Mode::Replace, format::kText, {}}, "PUT /3/0/9 format=0"},
      {Write{instance, Write::Mode::Update, format::kJson, body}, "POST /3/0 format=11543 body=v"},
      {Write{resource, Write::Mode::Update, format::kTlv, body}, "POST /3/0/9 format=11542 body=v"},
      {WriteAttributes{object, {"pmin=10"}}, "PUT /3 q=pmin=10"},
      {WriteAttributes{instance, {"pmax=60", "pmin"}}, "PUT /3/0 q=pmax=60 q=pmin"},
      {WriteAttributes{resource, {"lt=20", "gt=85", "st=10"}}, "PUT /3/0/9 q=lt=20 q=gt=85 q=st=10"},
      {Execute{resource, ""}, "POST /3/0/9"},
      {Execute{resource, "0='a',1"}, "POST /3/0/9 format=0 body=0='a',1"},
      {Create{object, format::kTlv, body}, "POST /3 format=11542 body=v"},
      {Create{object, {}, {}}, "POST /3"},
      {Delete{instance}, "DELETE /3/0"},
      {Observe{object, {}}, "GET /3 observe=0"},
      {Observe{instance, format::kJson}, "GET /3/0 accept=11543 observe=0"},
      {Observe{resource, {}}, "GET /3/0/9 observe=0"},
      {CancelObservation{object, {}}, "GET /3 observe=1"},
      {CancelObservation{instance, {}}, "GET /3/0 observe=1"},
      {CancelObservation{resource, format::kText}, "GET /3/0/9 accept=0 observe=1"},
  };
}

TEST(TransportTables3And4, EveryRowIsWritten) {
  for (const Row& row : rows()) EXPECT_EQ(shown(to_request(row.operation, "")), row.request);
}

TEST(TransportTables3And4, EveryRowIsReadBack) {
  for (const char* root : {"", "/lwm2m", "/a/b"}) {
    for (const Row& row : rows()) {
      const coap::Request made = to_request(row.operation, root);
      const auto read = to_downlink(made, root);
      ASSERT_TRUE(read) << row.request << ": " << read.error().reason;
      EXPECT_STREQ(name_of(*read), name_of(row.operation)) << row.request;
      EXPECT_EQ(path_of(*read), path_of(row.operation)) << row.request;
      EXPECT_EQ(shown(to_request(*read, root)), shown(made));
    }
  }
}

coap::Request request(coap::Code method, std::string_view path) {
  coap::Request made;
  made.method = method;
  made.options.add_uri_path(path);
  return made;
}

std::string result_of(const coap::Request& made, std::string_view root = "") {
  const auto operation = to_downlink(made, root);
  return operation ? name_of(*operation) : coap::Code(operation.error().code).to_string();
}

TEST(TransportAlternatePath, TheServerPrependsTheRoot) {
  EXPECT_EQ(shown(to_request(Read{Path(3, 0, 0), {}}, "/lwm2m")), "GET /lwm2m/3/0/0");
  EXPECT_EQ(result_of(request(coap::code::kGet, "/lwm2m/3/0/0"), "/lwm2m"), "Read");
  EXPECT_EQ(result_of(request(coap::code::kGet, "/3/0/0"), "/lwm2m"), "4.04");
  EXPECT_EQ(result_of(request(coap::code::kGet, "/lwm2m/3/0/0"), ""), "4.04");
  EXPECT_EQ(result_of(request(coap::code::kGet, "/lwm2m"), "/lwm2m/x"), "4.04");
}

TEST(Rfc7252Section6_4, ThePercentEncodedRootIsDecodedIntoItsOptions) {
  const coap::Request made = to_request(Read{Path(3), {}}, "/my%20things%2F%zz");
  const auto segments = made.options.texts(OptionNumber::UriPath);
  EXPECT_EQ(segments, (std::vector<std::string_view>{"my things/%zz", "3"}));
  EXPECT_EQ(result_of(made, "/my%20things%2F%zz"), "Read");
}

TEST(Downlink, PathsThatAreNotAnObjectInstanceOrResourceAre4_04) {
  for (const char* path :
       {"/bs", "/.well-known/core", "/3/x", "/3/0/", "/03", "/65536", "/3/0/9/0", "/3/0/9/0/1", "/-1"}) {
    EXPECT_EQ(result_of(request(coap::code::kGet, path)), "4.04") << path;
  }
  coap::Request joined;
  joined.method = coap::code::kGet;
  joined.options.add(OptionNumber::UriPath, std::string_view("3/0"));
  EXPECT_EQ(result_of(joined), "4.04");
}

TEST(Downlink, MethodsThatNoOperationHasAtALevelAre4_05) {
  using namespace coap::code;
  for (const coap::Code method : {kGet, kPut, kPost, kDelete}) {
    EXPECT_EQ(result_of(request(method, "/")), "4.05") << method.name();
  }
  for (const coap::Code method : {kFetch, kPatch, kIPatch}) {
    EXPECT_EQ(result_of(request(method, "/3/0/9")), "4.05") << method.name();
  }
}

TEST(CoreSection7_1_2, WhatNoLevelHasIsForTheTreeToRefuse) {
  EXPECT_EQ(result_of(request(coap::code::kDelete, "/3")), "Delete");
  EXPECT_EQ(result_of(request(coap::code::kDelete, "/3/0/9")), "Delete");
  EXPECT_EQ(result_of(request(coap::code::kPut, "/3")), "Write");
  EXPECT_EQ(result_of(request(coap::code::kPost, "/3/0")), "Execute");
}

TEST(Downlink, WhatContradictsItselfIs4_00) {
  coap::Request both = request(coap::code::kPut, "/3/0/9");
  both.options.add(OptionNumber::UriQuery, std::string_view("pmin=1"));
  both.payload = to_bytes("v");
  EXPECT_EQ(result_of(both), "4.00");
  for (const coap::Code method : {coap::code::kGet, coap::code::kPost, coap::code::kDelete}) {
    coap::Request query = request(method, "/3/0");
    query.options.add(OptionNumber::UriQuery, std::string_view("pmin=1"));
    EXPECT_EQ(result_of(query), "4.00") << method.name();
  }
}

TEST(Downlink, APostOnAResourceIsExecuteUnlessItsFormatSaysValues) {
  const auto post = [](std::optional<FormatNumber> format) {
    coap::Request made = request(coap::code::kPost, "/3/0/4");
    if (format) made.options.set_content_format(*format);
    made.payload = to_bytes("1");
    return result_of(made);
  };
  EXPECT_EQ(post({}), "Execute");
  EXPECT_EQ(post(format::kText), "Execute");
  EXPECT_EQ(post(format::kDraftText), "Execute");
  EXPECT_EQ(post(format::kTlv), "Write");
  EXPECT_EQ(post(format::kDraftJson), "Write");
}

TEST(Rfc7641Section4_1, ObserveIsIgnoredWhereNothingCanBeObserved) {
  coap::Request discover = request(coap::code::kGet, "/3");
  discover.options.set_accept(format::kLink);
  discover.options.set_observe(0);
  EXPECT_EQ(result_of(discover), "Discover");
  coap::Request strange = request(coap::code::kGet, "/3");
  strange.options.set_observe(2);
  EXPECT_EQ(result_of(strange), "Read");
  coap::Request post = request(coap::code::kPost, "/3/0/4");
  post.options.set_observe(0);
  EXPECT_EQ(result_of(post), "Execute");
}

TEST(TransportResponseCodes, EveryCodeBothWays) {
  for (int status = 0; status < static_cast<int>(Status::Other); ++status) {
    const coap::Code code = to_code(static_cast<Status>(status));
    EXPECT_EQ(to_status(code), static_cast<Status>(status));
    EXPECT_STREQ(to_string(static_cast<Status>(status)), code.name());
  }
  EXPECT_EQ(to_status(coap::code::kContinue), Status::Other);
  EXPECT_EQ(to_status(coap::Code::of(4, 29)), Status::Other);
  EXPECT_EQ(to_code(Status::Other), coap::code::kInternalServerError);
}

TEST(Response, AnOutcomeIsReadBackAsWritten) {
  Outcome content;
  content.status = Status::Content;
  content.format = format::kTlv;
  content.payload = {0xC1, 0x09, 0x64};
  const coap::Response response = to_response(content);
  EXPECT_EQ(response.code, coap::code::kContent);
  EXPECT_EQ(response.options.content_format(), format::kTlv);
  const Outcome again = to_outcome(response);
  EXPECT_EQ(again.status, Status::Content);
  EXPECT_EQ(again.format, format::kTlv);
  EXPECT_EQ(again.payload, content.payload);
  EXPECT_EQ(again.location, "");
  EXPECT_EQ(again.code, 0x45);
}

TEST(Response, CreatedCarriesTheLocation) {
  Outcome created;
  created.status = Status::Created;
  created.location = "rd/5a3f";
  const coap::Response response = to_response(created);
  EXPECT_EQ(response.options.texts(OptionNumber::LocationPath), (std::vector<std::string_view>{"rd", "5a3f"}));
  EXPECT_EQ(to_outcome(response).location, "rd/5a3f");
}

TEST(Rfc7252Section5_5_2, AnErrorCarriesItsReasonWithoutAFormat) {
  const coap::Response response = to_response(Error{Fault::Peer, 0x84, "no such instance"});
  EXPECT_EQ(response.code, coap::code::kNotFound);
  EXPECT_FALSE(response.options.content_format());
  EXPECT_EQ(as_text(response.payload), "no such instance");
  EXPECT_EQ(to_response(Error{Fault::Us, 0, "x"}).code, coap::code::kInternalServerError);

  Outcome refused;
  refused.status = Status::Forbidden;
  refused.format = format::kText;
  refused.payload = to_bytes("not you");
  EXPECT_FALSE(to_response(refused).options.content_format());
  EXPECT_EQ(to_outcome(to_response(refused)).payload, to_bytes("not you"));
}

TEST(Outcome, KeepsTheCodeThatTheEnablerDoesNotList) {
  coap::Response response;
  response.code = coap::Code::of(4, 29);
  EXPECT_EQ(to_outcome(response).status, Status::Other);
  EXPECT_EQ(to_outcome(response).code, 0x9D);
}

}  // namespace
}  // namespace drover::lwm2m::mapping
