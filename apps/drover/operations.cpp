// SPDX-License-Identifier: Apache-2.0
// drover operations, operation, cancel-operation: what waits for devices, and what came of it.
#include <ctime>
#include <nlohmann/json.hpp>

#include "apps/drover/commands.hpp"
#include "apps/drover/exit_status.hpp"
#include "apps/drover/operation_text.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;
using lwm2m::Path;

/// What the operation's own command would have given, had it waited until now.
int exit_status_of_operation(const Json& operation) {
  if (const auto problem = operation.find("problem"); problem != operation.end()) {
    return exit_status_of(*problem, problem->value("status", 0));
  }
  return operation.contains("answer") ? kOk : kQueued;
}

}  // namespace

int operations(Session& session, const OperationListArguments& arguments) {
  Query query{{"limit", std::to_string(arguments.limit)}};
  if (!arguments.states.empty()) query.emplace_back("state", arguments.states);
  const bool one_device = !arguments.endpoint.empty() && arguments.asked_by.empty();
  if (!one_device && !arguments.endpoint.empty()) query.emplace_back("endpoint", arguments.endpoint);
  if (!arguments.asked_by.empty()) query.emplace_back("asked_by", arguments.asked_by);
  const std::string url = one_device ? device_url(arguments.endpoint) + "/operations" : "/api/v1/operations";
  return finish(session, session.api.call("GET", url, query), [&](const Json& list) {
    const Json& listed = list.at("operations");
    std::string text = operations_text(listed, std::time(nullptr), !one_device);
    const auto total = list.value("total", std::size_t{0});
    if (total > listed.size()) text += std::to_string(total - listed.size()) + " more: --limit, --state\n";
    if (list.contains("next") && list["next"].is_string()) text += "more: --limit, --state\n";
    return text;
  });
}

int operation(Session& session, const std::string& endpoint, std::uint64_t id) {
  const Reply reply = session.api.call("GET", operation_url(endpoint, std::to_string(id)));
  Definitions definitions(session.api);
  const auto text = [&](const Json& one) {
    return operation_text(one, std::time(nullptr), [&](const Path& at) { return definitions.name(at); });
  };
  const int shown = finish(session, reply, text);
  return shown == kOk ? exit_status_of_operation(Json::parse(reply.body, nullptr, false)) : shown;
}

int cancel_operation(Session& session, const std::string& endpoint, std::uint64_t id) {
  return finish(session, session.api.call("DELETE", operation_url(endpoint, std::to_string(id))), [](const Json& one) {
    return "cancelled " + std::string(printable(one.value("id", ""))) + ": " + printable(one.value("operation", "")) +
           " " + printable(one.value("path", "")) +
           (one.value("attempts", 0) > 0 ? "; it had been sent, and may have been carried out\n" : "\n");
  });
}

}  // namespace drover::cli
