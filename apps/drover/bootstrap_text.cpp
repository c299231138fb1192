// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/bootstrap_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/drover/print.hpp"
#include "lwm2m/content/format.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kSecond = 1000;  // milliseconds

std::string text_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return "";
  return found->is_string() ? printable(found->get<std::string>()) : found->dump();
}

std::int64_t integer_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

const Json& list_of(const Json& json, const char* name) {
  static const Json kNone = Json::array();
  const auto found = json.find(name);
  return found != json.end() && found->is_array() ? *found : kNone;
}

std::string joined(const Json& list, const char* between) {
  std::string text;
  for (const Json& one : list) {
    text += (text.empty() ? "" : between) + (one.is_string() ? printable(one.get<std::string>()) : one.dump());
  }
  return text;
}

std::string seconds_text(std::int64_t milliseconds) {
  return fmt::format("{}.{:03} s", milliseconds / kSecond, milliseconds % kSecond);
}

std::string format_text(const Json& message, const char* name) {
  const std::string number = text_of(message, name);
  const auto known = lwm2m::parse_format(number);
  const auto format = known ? lwm2m::format_of(*known) : std::nullopt;
  return format ? lwm2m::to_string(*format) : number;
}

std::string servers_text(const Json& plan) {
  std::string text = joined(list_of(plan, "servers"), " ");
  if (plan.value("bootstrap", false)) text += text.empty() ? "bootstrap" : " bootstrap";
  return text;
}

std::string warnings_text(const Json& warnings) {
  std::string text;
  for (const Json& one : warnings) text += "warning: " + printable(one.is_string() ? one.get<std::string>() : "") + "\n";
  return text;
}

std::string state_text(const Json& session) {
  std::string text = text_of(session, "state");
  if (text == "running") text += " " + text_of(session, "step") + "/" + text_of(session, "steps");
  return text;
}

/// "server 101: psk "a.00000001" at coaps://..."
std::string account_text(const Json& account) {
  const std::string id = text_of(account, "short_server_id");
  std::string text = (id.empty() ? "bootstrap server" : "server " + id) + ": " + text_of(account, "mode");
  const std::string identity = text_of(account, "identity");
  if (!identity.empty()) text += " \"" + identity + "\"";
  text += " at " + text_of(account, "uri");
  return account.value("generated", false) ? text + " (generated)" : text;
}

/// Operation and path; Bootstrap-Request and -Finish have none.
std::string what_text(const Json& message) {
  const std::string operation = text_of(message, "operation");
  const std::string path = text_of(message, "path");
  const bool plain = operation == "Bootstrap-Request" || operation == "Bootstrap-Finish";
  return plain || path.empty() ? operation : operation + " " + path;
}

}  // namespace

std::string plans_text(const Json& plans) {
  Table table({"PLAN", "ENDPOINTS", "SERVERS", "STEPS", "KEYS", "CHANGED", "WARNINGS"});
  for (const Json& plan : plans) {
    const Json& endpoints = list_of(plan, "endpoints");
    constexpr std::size_t kShown = 3;
    std::string names = joined(endpoints.size() > kShown ? Json(std::vector<Json>(endpoints.begin(), endpoints.begin() + kShown))
                                                         : endpoints, " ");
    if (endpoints.empty()) names = "(default)";
    if (endpoints.size() > kShown) names += " and " + std::to_string(endpoints.size() - kShown) + " more";
    table.add({text_of(plan, "name"), names, servers_text(plan), text_of(plan, "steps"), text_of(plan, "keys"),
               time_text(integer_of(plan, "changed_at")), std::to_string(list_of(plan, "warnings").size())});
  }
  return table.to_string();
}

std::string plan_text(const Json& plan) {
  const Json& endpoints = list_of(plan, "endpoints");
  std::string text = "plan " + text_of(plan, "name") + "\n  endpoints  " +
                     (endpoints.empty() ? "all that have no other plan" : joined(endpoints, ", ")) + "\n  servers    " +
                     servers_text(plan) + "\n  keys       " + text_of(plan, "keys") + "\n  changed    " +
                     time_text(integer_of(plan, "changed_at")) + " UTC\n";
  const Json whole = plan.value("plan", Json::object());
  std::size_t number = 0;
  for (const Json& step : list_of(whole, "order")) {
    text += fmt::format("  {:>3}  {}\n", ++number, step.is_string() ? printable(step.get<std::string>()) : "");
  }
  return text + warnings_text(list_of(plan, "warnings"));
}

std::string dry_run_text(const Json& answer) {
  std::string text = "plan " + text_of(answer, "plan") + " for " + text_of(answer, "endpoint") + "\n";
  std::size_t number = 0;
  for (const Json& message : list_of(answer, "messages")) {
    text += fmt::format("{:>3}  {} ({} {})", ++number, what_text(message), text_of(message, "method"), text_of(message, "path"));
    const std::string payload = text_of(message, "payload_hex");
    const std::string format = format_text(message, "format");
    if (!format.empty()) text += fmt::format("  {}, {} bytes", format, payload.size() / 2);
    const std::string accept = format_text(message, "accept");
    if (!accept.empty()) text += "  accept " + accept;
    if (message.value("optional", false)) text += "  (optional)";
    text += "\n";
    if (!payload.empty()) text += "       " + payload + "\n";
    // A line for each value; values come from the plan and may hold what a terminal takes as its own.
    const auto values = message.find("text");
    std::string lines = values != message.end() && values->is_string() ? values->get<std::string>() : "";
    while (!lines.empty()) {
      const std::size_t end = lines.find('\n');
      text += "       " + printable(lines.substr(0, end)) + "\n";
      lines = end == std::string::npos ? "" : lines.substr(end + 1);
    }
  }
  return text;
}

std::string sessions_text(const Json& sessions) {
  Table table({"ID", "ENDPOINT", "PLAN", "STATE", "APPLIED", "BEGAN", "TOOK", "ADDRESS", "REASON"});
  for (const Json& session : sessions) {
    const std::int64_t began = integer_of(session, "began_at_ms");
    const bool ended = session.contains("ended_at_ms") && session["ended_at_ms"].is_number_integer();
    table.add({text_of(session, "id"), text_of(session, "endpoint"), text_of(session, "plan"), state_text(session),
               text_of(session, "applied"), time_text(began / kSecond),
               ended ? seconds_text(integer_of(session, "ended_at_ms") - began) : "", text_of(session, "address"),
               text_of(session, "reason")});
  }
  return table.to_string();
}

std::string session_text(const Json& session) {
  const std::int64_t began = integer_of(session, "began_at_ms");
  std::string text = "session " + text_of(session, "id") + ": " + text_of(session, "endpoint") + ", plan " +
                     text_of(session, "plan") + ", " + state_text(session) + "\n";
  const std::string reason = text_of(session, "reason");
  if (!reason.empty()) text += "  reason    " + reason + "\n";
  text += "  began     " + time_text(began / kSecond) + " UTC, " +
          (session.value("server_initiated", false) ? "by the server" : "by the device") + "\n";
  text += "  device    " + text_of(session, "address") + ", " + text_of(session, "identity") + "\n";
  text += "  applied   " + text_of(session, "applied") + "\n";
  for (const Json& account : list_of(session, "provisioned")) text += "  wrote     " + account_text(account) + "\n";
  text += "\n";
  for (const Json& message : list_of(session, "timeline")) text += rung_text(message, began);
  if (integer_of(session, "omitted") > 0) text += "  and " + text_of(session, "omitted") + " more messages\n";
  return text;
}

std::string rung_text(const Json& message, std::int64_t began_ms) {
  const bool from_device = message.value("from_device", false);
  const std::string code = text_of(message, "code");
  const std::string said = text_of(message, "text");
  const std::string operation = text_of(message, "operation");
  const std::string since = "+" + seconds_text(std::max<std::int64_t>(integer_of(message, "at_ms") - began_ms, 0));
  std::string text = fmt::format("  {:>11}  device {} ", since, from_device ? "->" : "<-");
  // What comes from the device without a code is its request, or that nothing came.
  const bool is_request = code.empty() && (!from_device || operation == "Bootstrap-Request");
  if (is_request) {
    text += what_text(message);
    const std::string format = format_text(message, "format");
    const std::int64_t bytes = integer_of(message, "payload_bytes");
    if (bytes > 0) text += fmt::format("  {}{} bytes", format.empty() ? "" : format + ", ", bytes);
  } else {
    text += code.empty() ? "(no answer)" : code + " " + text_of(message, "status");
  }
  return text + (said.empty() ? "" : "  " + said) + "\n";
}

std::string bootstrap_event_text(const Json& event) {
  std::string text;
  const auto add = [&](const std::string& part) { text += part.empty() ? "" : "  " + part; };
  if (event.contains("session")) add("session " + text_of(event, "session"));
  if (event.contains("plan")) add("plan " + text_of(event, "plan"));
  if (event.contains("operation")) {
    add(text_of(event, "step") + "/" + text_of(event, "steps"));
    add(what_text(event));
    const std::string code = text_of(event, "code");
    if (!code.empty()) add(code + " " + text_of(event, "status"));
    add(text_of(event, "text"));
  }
  add(text_of(event, "address"));
  if (event.contains("state")) add(text_of(event, "state") + ", applied: " + text_of(event, "applied"));
  add(text_of(event, "reason"));
  for (const Json& account : list_of(event, "provisioned")) add(account_text(account));
  return text;
}

}  // namespace drover::cli
