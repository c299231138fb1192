// SPDX-License-Identifier: Apache-2.0
#include "api/history_body.hpp"
#include "api/parameters.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

namespace drover::api {

namespace {

using history::Order;
using history::Position;
using history::UnixMilliseconds;

constexpr std::string_view kBehindPage = "next of the page before";
constexpr double kMomentMost = 253'402'300'800;  // the year 10000

/// Takes exactly `digits` of them off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  const auto number = whole_number(text.substr(0, digits), 0, 9999);
  text.remove_prefix(digits);
  if (!number) return std::nullopt;
  return static_cast<int>(*number);
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

/// RFC 3339 §5.6 in UTC.
std::optional<UnixMilliseconds> parse_date(std::string_view text) {
  using namespace std::chrono;
  std::array<int, 6> parts{};
  constexpr std::string_view kBehind = "--T::";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = take_digits(text, i == 0 ? 4 : 2);
    if (!number || (i < kBehind.size() && !take(text, kBehind[i]))) return std::nullopt;
    parts.at(i) = *number;
  }
  double fraction = 0;
  if (!text.empty() && text.front() == '.') {
    const std::string digits = "0" + std::string(text.substr(0, text.size() - 1));
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), fraction,
                                              std::chars_format::fixed);
    if (error != std::errc{} || end != digits.data() + digits.size() || digits.size() < 3) return std::nullopt;
    text.remove_prefix(text.size() - 1);
  }
  const year_month_day day{year(parts[0]), month(static_cast<unsigned>(parts[1])), std::chrono::day(static_cast<unsigned>(parts[2]))};
  if (text != "Z" || !day.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 60) return std::nullopt;
  const auto whole = sys_days(day).time_since_epoch() + hours(parts[3]) + minutes(parts[4]) + seconds(parts[5]);
  return duration_cast<milliseconds>(whole).count() + std::llround(fraction * history::kSecond);
}

// ---- rows -----------------------------------------------------------------------------------------------------------

// Texts come from devices: what isn't UTF-8 is replaced.
std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_json_text(const history::Scalar& value) {
  return std::visit(
      [](const auto& one) { return Json(one).dump(-1, ' ', false, Json::error_handler_t::replace); }, value);
}

/// Seconds with as many decimals as there are.
std::string seconds_text(UnixMilliseconds at) {
  std::string text = std::to_string(at / history::kSecond);
  const auto rest = std::abs(at % history::kSecond);
  if (at < 0 && at > -history::kSecond) text = "-0";
  if (rest == 0) return text == "-0" ? "0" : text;
  const std::string digits = std::to_string(1000 + rest).substr(1);
  return text + "." + digits.substr(0, digits.find_last_not_of('0') + 1);
}

/// "2026-01-31T12:00:00.125Z"; the milliseconds are always there, so that the texts sort.
std::string date_text(UnixMilliseconds at) {
  using namespace std::chrono;
  const sys_time<milliseconds> moment{milliseconds(at)};
  const auto midnight = floor<days>(moment);
  const year_month_day day(midnight);
  const hh_mm_ss time(moment - midnight);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text.data();
}

/// As the event said, else by the definition of the object.
std::string type_of(const history::Series& series, const lwm2m::model::Registry& registry) {
  if (!series.type.empty()) return series.type;
  const auto* const object = registry.find(series.path.object());
  const auto* const resource = object == nullptr ? nullptr : object->resource(series.path.resource());
  return resource == nullptr ? "" : lwm2m::to_string(resource->type);
}

/// What all rows of a series begin with: its members, or its first fields.
std::string head_of(const history::Series& series, Shape shape) {
  if (shape == Shape::Csv) return csv_field(series.endpoint) + "," + series.path.to_string() + ",";
  return R"({"endpoint":)" + quoted(series.endpoint) + R"(,"path":")" + series.path.to_string() + "\",";
}

void add_sample(std::string& to, const history::Sample& sample, const std::string& type, Shape shape) {
  if (shape == Shape::Csv) {
    to += date_text(sample.at) + "," + csv_field(history::to_text(sample.value)) + "," + type + "," +
          to_string(sample.how) + "," + date_text(sample.arrived * history::kSecond);
    return;
  }
  to += R"("time":)" + seconds_text(sample.at) + R"(,"value":)" + to_json_text(sample.value) + R"(,"type":)" +
        (type.empty() ? "null" : "\"" + type + "\"") + R"(,"how":")" + to_string(sample.how) + R"(","arrived_at":)" +
        std::to_string(sample.arrived) + "}";
}

void add_bucket(std::string& to, const history::Bucket& bucket, Shape shape) {
  const auto& numbers = bucket.numbers;
  if (shape == Shape::Csv) {
    to += date_text(bucket.at) + "," + std::to_string(bucket.count) + ",";
    to += numbers ? history::to_text(numbers->min) + "," + history::to_text(numbers->max) + "," +
                        history::to_text(numbers->avg) + ","
                  : ",,,";
    to += csv_field(history::to_text(bucket.first)) + "," + csv_field(history::to_text(bucket.last));
    return;
  }
  to += R"("time":)" + seconds_text(bucket.at) + R"(,"count":)" + std::to_string(bucket.count);
  if (numbers) {
    to += R"(,"min":)" + to_json_text(numbers->min) + R"(,"max":)" + to_json_text(numbers->max) + R"(,"avg":)" +
          to_json_text(numbers->avg);
  }
  to += R"(,"first":)" + to_json_text(bucket.first) + R"(,"last":)" + to_json_text(bucket.last) + "}";
}

// ---- pages ----------------------------------------------------------------------------------------------------------

std::string next_url(const Target& target, const std::string& after) {
  std::string url;
  for (const std::string& segment : target.segments) url += "/" + percent_encode(segment);
  url += "?";
  for (const auto& [name, value] : target.parameters) {
    if (name != "after") url += name + "=" + percent_encode(value) + "&";
  }
  return url + "after=" + percent_encode(after);
}

/// `add` appends row i without what stands behind it.
template <class Page, class Add>
http::Response page_response(const HistoryAsked& asked, const Page& page, const Target& target, const char* member,
                             const char* heading, Add add) {
  http::Response response;
  std::string& body = response.body;
  const bool first = !asked.query.after.has_value();
  const std::string json_begin = std::string("{\"") + member + "\":[";
  switch (asked.shape) {
    case Shape::Page: body = json_begin; break;
    case Shape::JsonLines: response.content_type = "application/jsonl"; break;
    case Shape::Csv:
      // The next pages have none, so that one behind the other they are one table.
      response.content_type = first ? "text/csv; charset=utf-8; header=present" : "text/csv; charset=utf-8; header=absent";
      if (first) body = std::string(heading) + "\r\n";
      break;
  }
  for (std::size_t i = 0; i < page.rows.size(); ++i) {
    if (asked.shape == Shape::Page && i > 0) body += ",";
    add(body, page.rows[i]);
    if (asked.shape != Shape::Page) body += asked.shape == Shape::Csv ? "\r\n" : "\n";
  }
  const std::string next = page.next ? page.next->to_string() : "";
  if (asked.shape == Shape::Page) body += "],\"next\":" + (page.next ? quoted(next) : "null") + "}";
  if (page.next) response.headers.emplace_back("Link", "<" + next_url(target, next) + ">; rel=\"next\"");
  return response;
}

template <class Page>
std::vector<std::string> heads_of(const Page& page, Shape shape) {
  std::vector<std::string> heads;
  for (const history::Series& series : page.series) heads.push_back(head_of(series, shape));
  return heads;
}

}  // namespace

std::optional<UnixMilliseconds> parse_moment(std::string_view text) {
  if (text.ends_with('Z')) return parse_date(text);
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds, std::chars_format::fixed);
  const bool read = error == std::errc{} && end == text.data() + text.size();
  if (!read || !(std::abs(seconds) < kMomentMost)) return std::nullopt;
  return std::llround(seconds * history::kSecond);
}

tl::expected<HistoryAsked, Problem> history_asked(const Target& target) {
  constexpr std::string_view kMoment = "Unix seconds such as 1700000000.5, or a time such as 2026-01-31T12:00:00Z";
  Parameters given(target);
  HistoryAsked asked;
  auto& query = asked.query;
  query.from = given.parsed("from", parse_moment, kMoment).value_or(query.from);
  query.to = given.parsed("to", parse_moment, kMoment).value_or(query.to);
  if (query.from >= query.to) given.note("from", "before to");
  query.order = given.choice<Order>("order", {{"newest", Order::NewestFirst}, {"oldest", Order::OldestFirst}}).value_or(query.order);
  asked.shape = given.choice<Shape>("format", {{"json", Shape::Page}, {"jsonl", Shape::JsonLines}, {"csv", Shape::Csv}})
                    .value_or(asked.shape);
  const bool page = asked.shape == Shape::Page;
  query.limit = given.number("limit", 1, page ? kPageMost : kExportMax).value_or(page ? query.limit : kExportMax);
  if (const auto every = given.number("every", 1, kEveryMax)) asked.every = static_cast<std::int64_t>(*every);
  query.after = given.parsed("after", Position::parse, kBehindPage);
  if (given.problem()) return tl::unexpected(*given.problem());
  return asked;
}

tl::expected<history::LastQuery, Problem> last_asked(const Target& target) {
  Parameters given(target);
  history::LastQuery query;
  query.limit = given.limit();
  query.after = given.parsed(
      "after",
      [](std::string_view text) {
        const auto path = lwm2m::Path::parse(text);
        return path && path->depth() >= 3 ? path : std::nullopt;
      },
      kBehindPage);
  if (given.problem()) return tl::unexpected(*given.problem());
  return query;
}

std::string to_json(const std::string& endpoint, const history::LastPage& page, const lwm2m::model::Registry& registry) {
  std::string body = R"({"endpoint":)" + quoted(endpoint) + R"(,"values":[)";
  for (const history::LastValue& value : page.values) {
    if (&value != page.values.data()) body += ",";
    body += head_of(value.series, Shape::Page);
    add_sample(body, value.sample, type_of(value.series, registry), Shape::Page);
  }
  return body + R"(],"next":)" + (page.more ? "\"" + page.values.back().series.path.to_string() + "\"" : "null") + "}";
}

http::Response to_response(const HistoryAsked& asked, const history::HistoryPage& page, const Target& target,
                           const lwm2m::model::Registry& registry) {
  const auto heads = heads_of(page, asked.shape);
  std::vector<std::string> types;
  for (const history::Series& series : page.series) types.push_back(type_of(series, registry));
  return page_response(asked, page, target, "values", "endpoint,path,time,value,type,how,arrived_at",
                       [&](std::string& body, const history::HistoryRow& row) {
                         body += heads[row.series];
                         add_sample(body, row.sample, types[row.series], asked.shape);
                       });
}

http::Response to_response(const HistoryAsked& asked, const history::BucketPage& page, const Target& target,
                           const lwm2m::model::Registry& /*registry*/) {
  const auto heads = heads_of(page, asked.shape);
  return page_response(asked, page, target, "buckets", "endpoint,path,time,count,min,max,avg,first,last",
                       [&](std::string& body, const history::BucketRow& row) {
                         body += heads[row.series];
                         add_bucket(body, row.bucket, asked.shape);
                       });
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string field = "\"";
  for (const char c : text) {
    if (c == '"') field += '"';
    field += c;
  }
  return field + "\"";
}

Json to_json(const history::Status& status) {
  return {{"devices", status.devices},
          {"series", status.series},
          {"stored", status.stored},
          {"late", status.late},
          {"refused_device", status.refused_device},
          {"refused_total", status.refused_total},
          {"refused_size", status.refused_size},
          {"lost", status.lost},
          {"behind", status.behind},
          {"bytes", status.bytes},
          {"durable", status.durable},
          {"trouble", status.trouble.empty() ? Json(nullptr) : Json(status.trouble)}};
}

}  // namespace drover::api
