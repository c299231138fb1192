// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/history.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "apps/drover/exit_status.hpp"
#include "apps/drover/history_text.hpp"
#include "apps/drover/input.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kPageMax = 1000;      // of the API's JSON
constexpr std::size_t kExportMax = 10'000;  // of its CSV and JSON Lines
constexpr std::size_t kValuesDefault = 1000;
constexpr std::size_t kRowsDefault = 100;

bool is_pattern(const std::string& endpoint) {
  return endpoint.find_first_of("*?") != std::string::npos;
}

/// The pages' one list in the place of the last page's.
int finish_pages(const Session& session, Json page, const char* member, Json all, const std::string& text, bool more) {
  if (session.json) {
    page[member] = std::move(all);
    print_line(dump(page));
    return kOk;
  }
  print(text);
  if (more) print("more: --limit\n");
  return kOk;
}

/// The part of a URL behind the device, "" for all.
std::string below(const std::string& path) {
  const auto parsed = lwm2m::Path::parse(path);
  return !parsed || parsed->is_root() ? "" : parsed->to_string();
}

Query history_query(const HistoryArguments& arguments, const std::string& every) {
  const std::int64_t now = std::time(nullptr);
  Query query;
  if (is_pattern(arguments.endpoint)) {
    query.emplace_back("endpoint", arguments.endpoint);
    if (const std::string path = below(arguments.path); !path.empty()) query.emplace_back("path", path);
  }
  if (!arguments.from.empty()) query.emplace_back("from", moment_of(arguments.from, now));
  if (!arguments.to.empty()) query.emplace_back("to", moment_of(arguments.to, now));
  if (!every.empty()) query.emplace_back("every", every);
  if (arguments.oldest) query.emplace_back("order", "oldest");
  return query;
}

std::string history_url(const HistoryArguments& arguments) {
  if (is_pattern(arguments.endpoint)) return "/api/v1/history";
  return device_url(arguments.endpoint) + "/history" + below(arguments.path);
}

/// Rows in a text of them; a CSV's may have line ends inside their fields.
std::size_t rows_in(const std::string& text, bool csv) {
  std::size_t rows = 0;
  bool quoted = false;
  for (const char c : text) {
    if (csv && c == '"') quoted = !quoted;
    if (c == '\n' && !quoted) ++rows;
  }
  return rows;
}

/// Each page goes out as it comes.
int print_export(Session& session, const HistoryArguments& arguments, Query query) {
  query.emplace_back("format", arguments.csv ? "csv" : "jsonl");
  const auto page_limit = [](std::size_t left) { return std::to_string(std::min(left, kExportMax)); };
  std::size_t left = arguments.limit.value_or(SIZE_MAX);
  query.emplace_back("limit", page_limit(left));
  Reply reply = session.api.call("GET", history_url(arguments), query);
  for (bool first = true;; first = false) {
    if (!reply.is_success()) return fail(session, reply);
    print(reply.body);
    if (std::ferror(stdout) != 0) return kOutput;
    const std::size_t lines = rows_in(reply.body, arguments.csv);
    left -= std::min(left, lines - (first && arguments.csv && lines > 0 ? 1 : 0));
    if (left == 0 || reply.next.empty()) return kOk;
    std::string next = reply.next;
    if (left < kExportMax) {
      const std::string wanted = "limit=";
      const std::size_t at = next.find(wanted) + wanted.size();
      next.replace(at, next.find('&', at) - at, page_limit(left));
    }
    reply = session.api.call("GET", next);
  }
}

}  // namespace

int values(Session& session, const HistoryArguments& arguments) {
  const std::size_t limit = arguments.limit.value_or(kValuesDefault);
  Json all = Json::array();
  Json page;
  std::string after;
  do {
    Query query{{"limit", std::to_string(std::min(limit - all.size(), kPageMax))}};
    if (!after.empty()) query.emplace_back("after", after);
    const Reply reply =
        session.api.call("GET", device_url(arguments.endpoint) + "/values" + below(arguments.path), query);
    if (!reply.is_success()) return fail(session, reply);
    page = Json::parse(reply.body, nullptr, false);
    if (!page.is_object() || !page["values"].is_array()) return fail(session, {reply.status, ""});
    for (Json& value : page["values"]) all.push_back(std::move(value));
    after = page["next"].is_string() ? page["next"].get<std::string>() : "";
  } while (!after.empty() && all.size() < limit);
  std::string text;
  if (!session.json) {
    Definitions definitions(session.api);
    text = values_text(all, std::time(nullptr), [&](const lwm2m::Path& at) { return definitions.name(at); });
  }
  return finish_pages(session, std::move(page), "values", std::move(all), text, !after.empty());
}

int history(Session& session, const HistoryArguments& arguments) {
  std::string every;
  if (!arguments.every.empty()) {
    const auto seconds = every_of(arguments.every);
    if (!seconds) return usage_error("--every takes a time such as 90s, 30m or 12h, or a number of seconds");
    every = std::to_string(*seconds);
  }
  Query query = history_query(arguments, every);
  if (arguments.csv || arguments.jsonl) return print_export(session, arguments, std::move(query));
  const char* const member = every.empty() ? "values" : "buckets";
  const std::size_t limit = arguments.limit.value_or(kRowsDefault);
  query.emplace_back("limit", std::to_string(std::min(limit, kPageMax)));
  Json all = Json::array();
  Json page;
  Reply reply = session.api.call("GET", history_url(arguments), query);
  for (;;) {
    if (!reply.is_success()) return fail(session, reply);
    page = Json::parse(reply.body, nullptr, false);
    if (!page.is_object() || !page[member].is_array()) return fail(session, {reply.status, ""});
    for (Json& row : page[member]) {
      if (all.size() < limit) all.push_back(std::move(row));
    }
    if (reply.next.empty() || all.size() >= limit) break;
    reply = session.api.call("GET", reply.next);
  }
  const bool several = is_pattern(arguments.endpoint);
  const std::string text = session.json    ? ""
                           : every.empty() ? history_text(all, several)
                                           : buckets_text(all, several);
  return finish_pages(session, std::move(page), member, std::move(all), text, !reply.next.empty());
}

int forget_values(Session& session, const std::string& endpoint) {
  return finish(session, session.api.call("DELETE", device_url(endpoint) + "/values"), [](const Json& answer) {
    return "forgotten: the values of " + answer.value("forgotten", Json(0)).dump() + " resources of " +
           text_or(answer, "endpoint", "") + "\n";
  });
}

}  // namespace drover::cli
