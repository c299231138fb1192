// SPDX-License-Identifier: Apache-2.0
// What is asked of stored values, and the answers as JSON, JSON Lines and CSV: see docs/openapi.json. For api/ alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/call.hpp"
#include "history/archive.hpp"

namespace drover::api {

/// Rows of a page that programs keep as a file; a page of JSON has 1000 at most.
inline constexpr std::size_t kExportMax = 10'000;
inline constexpr std::int64_t kEveryMax = 366 * 86'400;  ///< seconds of a bucket

enum class Shape : std::uint8_t { Page, JsonLines, Csv };

struct HistoryAsked {
  history::HistoryQuery query;
  std::optional<std::int64_t> every{};  ///< seconds: buckets instead of values
  Shape shape = Shape::Page;
};

/// Unix seconds with or without a fraction, or 2026-01-31T12:00:00.5Z (RFC 3339 in UTC).
std::optional<history::UnixMilliseconds> parse_moment(std::string_view text);

/// The parameters of a history; endpoint and path are the caller's.
tl::expected<HistoryAsked, Problem> history_asked(const Target& target);
/// `after` and `limit` of last values.
tl::expected<history::LastQuery, Problem> last_asked(const Target& target);

/// `StoredValues`.
std::string to_json(const std::string& endpoint, const history::LastPage& page, const lwm2m::model::Registry& registry);

/// A page as it was asked for, with a Link to the next one (RFC 8288); `target` is the request's.
http::Response to_response(const HistoryAsked& asked, const history::HistoryPage& page, const Target& target,
                           const lwm2m::model::Registry& registry);
http::Response to_response(const HistoryAsked& asked, const history::BucketPage& page, const Target& target,
                           const lwm2m::model::Registry& registry);

/// A field of RFC 4180 §2, in quotes where it needs them.
std::string csv_field(std::string_view text);

/// `history` of `Status`.
Json to_json(const history::Status& status);

}  // namespace drover::api
