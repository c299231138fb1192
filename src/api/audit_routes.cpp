// SPDX-License-Identifier: Apache-2.0
// The route for who changed what.
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "api/call.hpp"
#include "api/history_body.hpp"
#include "api/parameters.hpp"

namespace drover::api {

namespace {

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json to_json(const audit::Record& record) {
  return {{"number", record.number},
          {"at", record.at},
          {"who", record.who},
          {"role", text_or_null(record.role)},
          {"address", text_or_null(record.address)},
          {"action", record.action},
          {"target", record.target},
          {"status", record.status ? Json(*record.status) : Json(nullptr)},
          {"location", text_or_null(record.location)},
          {"refused", record.refused},
          {"unrecorded", record.unrecorded}};
}

/// Seconds, upwards: a record has no part of one.
std::optional<UnixSeconds> seconds_of(std::string_view text) {
  const auto moment = parse_moment(text);
  if (!moment) return std::nullopt;
  return static_cast<UnixSeconds>(std::ceil(static_cast<double>(*moment) / history::kSecond));
}

}  // namespace

void list_audit(const std::shared_ptr<Call>& call) {
  constexpr std::string_view kMoment = "Unix seconds such as 1700000000, or a time such as 2026-01-31T12:00:00Z";
  Parameters given(call->target);
  audit::Query query;
  query.who = given.text("who");
  query.path = given.text("path");
  query.from = given.parsed("from", seconds_of, kMoment);
  query.to = given.parsed("to", seconds_of, kMoment);
  query.newest_first = given.choice<bool>("order", {{"newest", true}, {"oldest", false}}).value_or(true);
  query.after = given.number("after", 0, kIdMax);
  query.limit = given.limit();
  if (given.problem()) return call->refuse(*given.problem());
  const auto page = call->state->audit->read(query);
  if (!page) {
    // Why names files: it is in the log of the store.
    return call->refuse({.status = 503, .kind = "unavailable", .detail = "the audit log can't be read"});
  }
  Json records = Json::array();
  for (const audit::Record& record : page->records) records.push_back(to_json(record));
  call->answer({{"records", std::move(records)}, {"next", page->next ? Json(std::to_string(*page->next)) : Json(nullptr)}});
}

}  // namespace drover::api
