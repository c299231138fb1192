// SPDX-License-Identifier: Apache-2.0
// The web console's files, as a browser gets them.
#include <gtest/gtest.h>

#include <string>

#include "api/console.hpp"
#include "api_fixture.hpp"

namespace drover::api {
namespace {

constexpr ConsoleFile kPage{"/", "text/html; charset=utf-8", "<!doctype html>", "packed", "\"abc\""};
constexpr ConsoleFile kScript{"/assets/a-1.js", "text/javascript; charset=utf-8", "let a", "packed", "\"def\""};

std::string field(const http::Response& response, const std::string& name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

http::Request accepting(const std::string& codings) {
  http::Request request;
  request.accept_encoding = codings;
  return request;
}

TEST(Console, RunsItsOwnScriptsAlone) {
  const auto response = console_response({}, kPage);
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.held, "<!doctype html>");
  const std::string policy = field(response, "Content-Security-Policy");
  for (const char* part : {"default-src 'none'", "script-src 'self';", "connect-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"}) {
    EXPECT_NE(policy.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
}

TEST(Console, IsPackedForWhoTakesIt) {
  for (const char* codings : {"gzip", "br, gzip;q=0.8", "deflate,gzip ; q=1"}) {
    const auto response = console_response(accepting(codings), kPage);
    EXPECT_EQ(response.held, "packed") << codings;
    EXPECT_EQ(field(response, "Content-Encoding"), "gzip") << codings;
    EXPECT_EQ(field(response, "Vary"), "Accept-Encoding");
  }
  for (const char* codings : {"", "br", "gzip;q=0", "gzip;q=0.000", "xgzip", ",,"}) {
    const auto response = console_response(accepting(codings), kPage);
    EXPECT_EQ(response.held, "<!doctype html>") << codings;
    EXPECT_EQ(field(response, "Content-Encoding"), "") << codings;
  }
}

TEST(Console, WhatIsNamedByItsContentIsKeptForGood) {
  EXPECT_NE(field(console_response({}, kScript), "Cache-Control").find("immutable"), std::string::npos);
  EXPECT_EQ(field(console_response({}, kPage), "Cache-Control"), "no-cache");
  http::Request known;
  known.if_none_match = "\"abc\"";
  const auto response = console_response(known, kPage);
  EXPECT_EQ(response.status, 304U);
  EXPECT_TRUE(response.held.empty());
  EXPECT_EQ(console_response(known, kScript).status, 200U);
}

TEST(Console, TheProgramHasItsFiles) {
  bool page = false;
  for (const ConsoleFile& file : console_files()) {
    page |= file.path == "/";
    EXPECT_FALSE(file.content.empty()) << file.path;
    EXPECT_EQ(file.gzip.substr(0, 2), "\x1f\x8b") << file.path;
    EXPECT_TRUE(file.path == "/" || file.path == "/favicon.svg" || file.path.starts_with("/assets/")) << file.path << " has no route";
  }
  EXPECT_TRUE(page);
}

class ConsoleRoutes : public test::ApiTest {};

TEST_F(ConsoleRoutes, ServeWhatThereIs) {
  start();
  const auto page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("<!doctype html>"), std::string::npos);
  EXPECT_EQ(get("/assets/nothing.js").status, 404);
  EXPECT_EQ(get("/assets/../secret").status, 404);
  EXPECT_EQ(request("POST", "/").status, 405);
}

}  // namespace
}  // namespace drover::api
