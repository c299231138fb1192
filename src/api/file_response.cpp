// SPDX-License-Identifier: Apache-2.0
#include "api/file_response.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "api/problem.hpp"
#include "api/target.hpp"

namespace drover::api {

namespace {

struct Part {
  std::uint64_t first = 0;
  std::uint64_t size = 0;
};

/// Of "bytes=FIRST-LAST", "bytes=FIRST-" or "bytes=-LAST"; nothing for any other form, which is ignored (RFC 9110
/// §14.2). An empty part isn't satisfiable.
std::optional<Part> part_of(std::string_view range, std::uint64_t total) {
  constexpr std::string_view kUnit = "bytes=";
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  if (!range.starts_with(kUnit)) return std::nullopt;
  range.remove_prefix(kUnit.size());
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = whole_number(range.substr(0, dash), 0, kMost);
  const auto last = whole_number(range.substr(dash + 1), 0, kMost);
  if (dash == 0) {
    if (!last) return std::nullopt;
    const std::uint64_t size = std::min(*last, total);
    return Part{total - size, size};
  }
  if (!first || (dash + 1 < range.size() && !last) || (last && *last < *first)) return std::nullopt;
  if (*first >= total) return Part{};
  return Part{*first, std::min(last.value_or(total - 1), total - 1) - *first + 1};
}

}  // namespace

http::Response file_response(const http::Request& request, const std::shared_ptr<const server::File>& file) {
  const std::string tag = "\"" + to_hex(file->etag()) + "\"";
  const std::string_view content = as_text(file->bytes());
  http::Response response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Accept-Ranges", "bytes");
  const std::string& known = request.if_none_match;
  if (known == "*" || known.find(tag) != std::string::npos) {
    response.status = 304;
    return response;
  }
  response.holder = file;
  response.held = content;
  const bool same = request.if_range.empty() || request.if_range == tag;
  const auto part = same ? part_of(request.range, content.size()) : std::nullopt;
  if (!part) return response;
  const std::string total = std::to_string(content.size());
  if (part->size == 0) {
    auto refused = to_response(Problem{.status = 416, .kind = "bad-range", .detail = "it has " + total + " bytes"});
    refused.headers.emplace_back("Content-Range", "bytes */" + total);
    return refused;
  }
  response.status = 206;
  response.held = content.substr(part->first, part->size);
  response.headers.emplace_back("Content-Range", "bytes " + std::to_string(part->first) + "-" +
                                                     std::to_string(part->first + part->size - 1) + "/" + total);
  return response;
}

Result<http::Server> open_file_server(const std::vector<std::string>& addresses, const server::Files& files) {
  http::Limits limits;
  limits.header_max = 4 << 10;
  limits.body_max = 0;
  const auto handler = [&files](const http::Request& request, const http::Responder& responder) {
    const auto target = parse_target(request.target);
    std::string path;
    for (std::size_t i = 0; target && i < target->segments.size(); ++i) path += (i == 0 ? "" : "/") + target->segments[i];
    const auto file = request.method == "GET" ? files.find_file(path) : nullptr;
    if (file) return responder.answer(file_response(request, file));
    responder.answer(to_response(Problem{.status = 404, .kind = "not-found", .detail = "there is no such file"}));
  };
  return http::Server::open(addresses, limits, {.gate = {}, .handler = handler, .tls = nullptr});
}

}  // namespace drover::api
