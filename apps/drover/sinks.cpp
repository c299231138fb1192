// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/sinks.hpp"

#include <nlohmann/json.hpp>

#include "apps/drover/input.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kSinks = "/api/v1/sinks";

std::string url_of(const std::string& name) {
  return std::string(kSinks) + "/" + percent_encode(name);
}

std::string count(const Json& sink, const char* key) {
  return std::to_string(sink.value(key, std::uint64_t{0}));
}

std::string state_of(const Json& sink) {
  const auto connected = sink.find("connected");
  if (connected == sink.end() || connected->is_null()) return "idle";
  return connected->get<bool>() ? "fine" : "failing";
}

std::string time_of(const Json& sink, const char* key) {
  const auto found = sink.find(key);
  if (found == sink.end() || !found->is_number_integer()) return "never";
  return time_text(found->get<std::int64_t>()) + " UTC";
}

std::string list_text(const Json& answer) {
  Table table({"NAME", "KIND", "TARGET", "STATE", "DELIVERED", "LAG", "LAST ERROR"});
  for (const Json& sink : answer.value("sinks", Json::array())) {
    table.add({text_or(sink, "name", ""), text_or(sink, "kind", ""), text_or(sink, "target", ""), state_of(sink),
               count(sink, "delivered"), count(sink, "lag_events"), text_or(sink, "last_error", "")});
  }
  return table.to_string();
}

std::string sink_text(const Json& sink) {
  std::string text = "sink " + text_or(sink, "name", "") + ": " + text_or(sink, "kind", "") + " " +
                     text_or(sink, "target", "") + "\n  state       " + state_of(sink) + "\n  delivered   " +
                     count(sink, "delivered") + " events, the last " + time_of(sink, "last_delivered_at") +
                     "\n  behind      " + count(sink, "lag_events") + " events, " +
                     span_text(sink.value("lag_seconds", std::int64_t{0})) + "; at event " + count(sink, "cursor") +
                     "\n  in flight   " + count(sink, "in_flight") + " messages\n  sent again  " +
                     count(sink, "retries") + " messages\n  refused     " + count(sink, "refused") +
                     " messages; events skipped: " + count(sink, "failed") + ", lost: " + count(sink, "lost") + "\n";
  const std::string error = text_or(sink, "last_error", "");
  if (!error.empty()) text += "  last error  " + printable(error) + ", " + time_of(sink, "last_error_at") + "\n";
  if (sink.contains("retry_at") && !sink["retry_at"].is_null()) text += "  next try    " + time_of(sink, "retry_at") + "\n";
  return text;
}

}  // namespace

int list_sinks(Session& session) {
  return finish(session, session.api.call("GET", kSinks), list_text);
}

int show_sink(Session& session, const std::string& name) {
  return finish(session, session.api.call("GET", url_of(name)), sink_text);
}

int test_sink(Session& session, const std::string& name) {
  return finish(session, session.api.call("POST", url_of(name) + "/test"),
                [&](const Json&) { return "the test event has arrived at " + printable(name) + "\n"; });
}

}  // namespace drover::cli
