// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/audit.hpp"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/drover/exit_status.hpp"
#include "apps/drover/history_text.hpp"
#include "apps/drover/input.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kPageMax = 1000;

std::string status_text_of(const Json& record) {
  if (!record.contains("status") || !record["status"].is_number_integer()) return "";
  const auto unrecorded = record.value("unrecorded", std::uint64_t{0});
  return record["status"].dump() + (unrecorded > 0 ? " (and " + std::to_string(unrecorded) + " more)" : "");
}

}  // namespace

std::string audit_text(const Json& records) {
  Table table({"TIME", "WHO", "ROLE", "FROM", "ACTION", "TARGET", "STATUS", "MADE"});
  for (const Json& record : records) {
    table.add({time_text(record.value("at", std::int64_t{0})), text_or(record, "who", ""), text_or(record, "role", ""),
               text_or(record, "address", ""), text_or(record, "action", ""), text_or(record, "target", ""),
               status_text_of(record), text_or(record, "location", "")});
  }
  return table.to_string();
}

int audit(Session& session, const AuditArguments& arguments) {
  const std::int64_t now = std::time(nullptr);
  Query query;
  if (!arguments.who.empty()) query.emplace_back("who", arguments.who);
  if (!arguments.path.empty()) query.emplace_back("path", arguments.path);
  if (!arguments.from.empty()) query.emplace_back("from", moment_of(arguments.from, now));
  if (!arguments.to.empty()) query.emplace_back("to", moment_of(arguments.to, now));
  if (arguments.oldest) query.emplace_back("order", "oldest");
  Json all = Json::array(), next = nullptr;
  do {
    Query asked = query;
    asked.emplace_back("limit", std::to_string(std::min(arguments.limit - all.size(), kPageMax)));
    if (next.is_string()) asked.emplace_back("after", next.get<std::string>());
    const Reply reply = session.api.call("GET", "/api/v1/audit", asked);
    if (!reply.is_success()) return fail(session, reply);
    Json page = Json::parse(reply.body, nullptr, false);
    if (!page.is_object() || !page["records"].is_array()) return fail(session, {reply.status, ""});
    for (Json& one : page["records"]) all.push_back(std::move(one));
    next = page["next"];
  } while (next.is_string() && all.size() < arguments.limit);
  if (session.json) {
    print_line(Json{{"records", std::move(all)}, {"next", next}}.dump(-1, ' ', false, Json::error_handler_t::replace));
    return kOk;
  }
  print(audit_text(all));
  if (next.is_string()) print("more: --limit\n");
  return kOk;
}

}  // namespace drover::cli
