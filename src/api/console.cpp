// SPDX-License-Identifier: Apache-2.0
#include "api/console.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>

#include "api/call.hpp"

namespace drover::api {

namespace {

constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// RFC 9110 §12.5.3. Who weighs codings gets them as if all weights were alike, but for "gzip;q=0".
bool takes_gzip(std::string_view accepted) {
  while (!accepted.empty()) {
    const std::size_t comma = std::min(accepted.find(','), accepted.size());
    std::string coding;
    std::ranges::copy_if(accepted.substr(0, comma), std::back_inserter(coding), [](char c) { return c != ' ' && c != '\t'; });
    if (coding == "gzip" || (coding.starts_with("gzip;q=") && coding.find_first_of("123456789") != std::string::npos)) return true;
    accepted.remove_prefix(std::min(comma + 1, accepted.size()));
  }
  return false;
}

}  // namespace

http::Response console_response(const http::Request& request, const ConsoleFile& file) {
  http::Response response;
  response.content_type = file.content_type;
  response.headers = {{"Content-Security-Policy", kContentSecurityPolicy},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cross-Origin-Opener-Policy", "same-origin"},
                      {"Cache-Control", file.path.starts_with("/assets/") ? "public, max-age=31536000, immutable" : "no-cache"},
                      {"ETag", std::string(file.etag)},
                      {"Vary", "Accept-Encoding"}};
  if (request.if_none_match == "*" || request.if_none_match.find(file.etag) != std::string::npos) {
    response.status = 304;
    return response;
  }
  const bool gzip = takes_gzip(request.accept_encoding);
  if (gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  response.holder = std::shared_ptr<const void>(std::shared_ptr<const void>(), &file);  // it lies in the program
  response.held = gzip ? file.gzip : file.content;
  return response;
}

void get_console(const std::shared_ptr<Call>& call) {
  const std::string_view path = std::string_view(call->request.target).substr(0, call->request.target.find('?'));
  const auto& files = console_files();
  const auto file = std::ranges::find(files, path, &ConsoleFile::path);
  if (file != files.end()) return call->responder.answer(console_response(call->request, *file));
  call->refuse({.status = 404, .kind = "unknown-resource", .detail = "see /openapi.json for what there is"});
}

}  // namespace drover::api
