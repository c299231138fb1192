// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/sms.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/drover/exit_status.hpp"
#include "apps/drover/input.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kSms = "/api/v1/sms";
constexpr const char* kNumbers = "/api/v1/sms/numbers";
constexpr std::size_t kPageMax = 1000;  // of the API

std::string url_of(std::uint64_t id) {
  return std::string(kNumbers) + "/" + std::to_string(id);
}

std::string state_of(const Json& number) {
  return number.value("enabled", true) ? "enabled" : "disabled";
}

std::string numbers_text(const Json& list) {
  Table table({"ID", "NUMBER", "ENDPOINT", "PROTECTION", "STATE", "LABEL"});
  for (const Json& number : list) {
    table.add({std::to_string(number.value("id", std::uint64_t{0})), text_or(number, "number", ""),
               text_or(number, "endpoint", ""), text_or(number, "protection", ""), state_of(number),
               text_or(number, "label", "")});
  }
  return table.to_string();
}

std::string number_text(const Json& number) {
  std::string text = "number " + std::to_string(number.value("id", std::uint64_t{0})) + ": " +
                     text_or(number, "number", "") + "\n  endpoint    " + text_or(number, "endpoint", "") +
                     "\n  protection  " + text_or(number, "protection", "") + "\n  state       " + state_of(number) +
                     "\n  created     " + time_text(number.value("created_at", std::int64_t{0})) + " UTC\n";
  const std::string parameters = text_or(number, "parameters", "");
  if (!parameters.empty()) text += "  parameters  " + parameters + "\n";
  const auto counters = number.find("counters");
  if (counters != number.end() && counters->is_object()) {
    text += "  counters    sent up to " + std::to_string(counters->value("reserved", std::uint64_t{0})) +
            " at most, received " + std::to_string(counters->value("received", std::uint64_t{0})) + "\n";
  }
  const std::string label = text_or(number, "label", "");
  if (!label.empty()) text += "  label       " + label + "\n";
  return text;
}

}  // namespace

int sms_status(Session& session) {
  return finish(session, session.api.call("GET", kSms), status_text);
}

int list_numbers(Session& session, const SmsArguments& arguments) {
  Json all = Json::array();
  Json page;
  std::string after;
  do {
    Query query{{"limit", std::to_string(std::min(arguments.limit - all.size(), kPageMax))}};
    if (!arguments.endpoint.empty()) query.emplace_back("endpoint", arguments.endpoint);
    if (!after.empty()) query.emplace_back("after", after);
    const Reply reply = session.api.call("GET", kNumbers, query);
    if (!reply.is_success()) return fail(session, reply);
    page = Json::parse(reply.body, nullptr, false);
    if (!page.is_object() || !page["numbers"].is_array()) return fail(session, {reply.status, ""});
    for (Json& number : page["numbers"]) all.push_back(std::move(number));
    after = page["next"].is_number_integer() ? page["next"].dump() : "";
  } while (!after.empty() && all.size() < arguments.limit);
  if (session.json) {
    page["numbers"] = std::move(all);
    print_line(dump(page));
    return kOk;
  }
  print(numbers_text(all));
  const auto total = page.value("total", std::size_t{0});
  if (total > all.size()) print(std::to_string(total - all.size()) + " more: --limit, --endpoint\n");
  return kOk;
}

int show_number(Session& session, std::uint64_t id) {
  return finish(session, session.api.call("GET", url_of(id)), number_text);
}

int add_number(Session& session, const SmsArguments& arguments) {
  Json body = {{"number", arguments.number},
               {"endpoint", arguments.endpoint},
               {"protection", arguments.protection},
               {"enabled", !arguments.disabled}};
  if (!arguments.parameters.empty()) body["parameters"] = arguments.parameters;
  if (arguments.generate) body["generate"] = true;
  if (arguments.label) body["label"] = *arguments.label;
  if (!arguments.keys_file.empty()) {
    const auto keys = read_line(arguments.keys_file);
    if (!keys) return usage_error(keys.error());
    body["keys"] = *keys;
  }
  const Reply reply = session.api.call("POST", kNumbers, {}, dump(body));
  const int status = finish(session, reply, [](const Json& answer) {
    const std::string keys = text_or(answer, "keys", "");
    return number_text(answer) + (keys.empty() ? "" : "  keys        " + keys + "\n");
  });
  if (status == kOk && arguments.generate && !session.json) {
    std::fputs("drover: keep the keys well: they are shown this once\n", stderr);
  }
  return status;
}

int enable_number(Session& session, std::uint64_t id, bool enabled) {
  return finish(session, session.api.call("PATCH", url_of(id), {}, dump(Json{{"enabled", enabled}})), number_text);
}

int remove_number(Session& session, std::uint64_t id) {
  return finish(session, session.api.call("DELETE", url_of(id)),
                [](const Json& answer) { return "removed " + number_text(answer); });
}

}  // namespace drover::cli
