// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/operation_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace drover::cli {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return "";
  return found->is_string() ? printable(found->get<std::string>()) : found->dump();
}

std::int64_t integer_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string utc(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? time_text(found->get<std::int64_t>()) + " UTC" : "";
}

std::string behind_text(const Json& operation) {
  const std::int64_t ahead = integer_of(operation, "ahead");
  if (ahead == 0) return "";
  return fmt::format(" behind {} other{}", ahead, ahead == 1 ? "" : "s");
}

}  // namespace

std::string queued_text(const Json& operation) {
  std::string text = text_of(operation, "state") + " as " + text_of(operation, "id") + behind_text(operation);
  if (const std::string due = utc(operation, "expected_by"); !due.empty()) text += "; expected by " + due;
  if (operation.value("triggered", false)) text += "; asked by SMS to wake";
  const std::string endpoint = text_of(operation, "endpoint");
  return text + "; drover operation " + endpoint + " " + text_of(operation, "id") + " shows it\n";
}

std::string operations_text(const Json& operations, std::int64_t now, bool of_all) {
  std::vector<std::string> heading{"ID", "OPERATION", "PATH", "STATE", "VIA", "SENT", "ASKED", "DETAIL"};
  if (of_all) heading.insert(heading.begin() + 1, {"ENDPOINT", "ASKED BY"});
  Table table(std::move(heading));
  for (const Json& one : operations) {
    if (of_all) {
      table.add({text_of(one, "id"), text_of(one, "endpoint"), text_of(one, "asked_by"), text_of(one, "operation"),
                 text_of(one, "path"), text_of(one, "state"), text_of(one, "via"), text_of(one, "attempts"),
                 span_text(now - integer_of(one, "created_at")) + " ago", text_of(one, "detail")});
      continue;
    }
    table.add({text_of(one, "id"), text_of(one, "operation"), text_of(one, "path"), text_of(one, "state"),
               text_of(one, "via"), text_of(one, "attempts"), span_text(now - integer_of(one, "created_at")) + " ago",
               text_of(one, "detail")});
  }
  return table.to_string();
}

std::string operation_text(const Json& operation, std::int64_t now, const NameOf& name_of) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<14}{}\n", name, value);
  };
  const auto moment = [&](const char* name, const char* member) {
    const std::string time = utc(operation, member);
    if (time.empty()) return;
    const std::int64_t left = integer_of(operation, member) - now;
    line(name, time + (left > 0 ? ", in " + span_text(left) : ", " + span_text(-left) + " ago"));
  };
  line("operation", text_of(operation, "id") + ": " + text_of(operation, "operation") + " " +
                        text_of(operation, "path") + " of " + text_of(operation, "endpoint"));
  line("state", text_of(operation, "state") + behind_text(operation));
  line("detail", text_of(operation, "detail"));
  line("via", text_of(operation, "via"));
  line("asked by", text_of(operation, "asked_by"));
  if (const std::string priority = text_of(operation, "priority"); priority != "normal") line("priority", priority);
  line("sent", text_of(operation, "attempts") + (integer_of(operation, "attempts") == 1 ? " time" : " times"));
  moment("asked", "created_at");
  moment("last sent", "sent_at");
  moment("ended", "ended_at");
  moment("expected by", "expected_by");
  if (!operation.contains("ended_at") || operation["ended_at"].is_null()) moment("given up", "expires_at");
  if (const auto answer = operation.find("answer"); answer != operation.end()) {
    const std::string values = answer_text(*answer, name_of);
    if (!values.empty()) text += "\n" + values;
  }
  return text;
}

std::string operation_event_text(const Json& event) {
  std::string text = "  " + text_of(event, "operation_id") + "  " + text_of(event, "operation") + " " +
                     text_of(event, "path") + "  " + text_of(event, "state") + behind_text(event);
  if (const std::string way = text_of(event, "via"); way != "auto") text += "  by " + way;
  if (event.value("triggered", false)) text += "  asked by SMS to wake";
  return text;
}

}  // namespace drover::cli
