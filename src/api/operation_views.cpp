// SPDX-License-Identifier: Apache-2.0
#include "api/operation_views.hpp"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "api/target.hpp"
#include "api/values.hpp"

namespace drover::api {

namespace {

using server::NoAnswer;
using server::OperationState;
using server::OperationStatus;

Json or_null(const std::optional<UnixSeconds>& time) {
  return time ? Json(*time) : Json(nullptr);
}

/// "2026-01-31T12:00:00Z" (RFC 3339).
std::string time_text(UnixSeconds unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm broken_down{};
  char text[32];
  if (gmtime_r(&seconds, &broken_down) == nullptr) return std::to_string(unix_seconds);
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &broken_down)};
}

/// "Cancel Observation" is one word here, as the others are.
std::string name_of(const OperationStatus& status) {
  std::string name = status.operation;
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string describe_queued(const OperationStatus& status) {
  std::string text = status.attempts > 0 ? "it met a sleeping device, and is sent again when the device wakes"
                                         : "it is sent when the device is awake";
  if (status.ahead > 0) {
    text += ", behind " + std::to_string(status.ahead) + (status.ahead == 1 ? " other" : " others");
  }
  if (status.triggered) text += "; the device has been asked by SMS to wake";
  if (status.expected_by) text += "; the device is due by " + time_text(*status.expected_by);
  return text + "; given up at " + time_text(status.expires_at);
}

/// What will happen, or has, in one sentence.
std::string describe(const OperationStatus& status) {
  switch (status.state) {
    case OperationState::Queued: return describe_queued(status);
    case OperationState::Sent:
      return status.way == server::Way::Sms ? "it is on its way by SMS" : "it has been sent, and waits for the answer";
    case OperationState::Done:
    case OperationState::Failed:
    case OperationState::Expired:
    case OperationState::Cancelled: break;
  }
  if (!status.result) return std::string("it is over: ") + server::to_string(status.state);
  if (const auto* why = std::get_if<NoAnswer>(&*status.result)) return no_answer_problem(*why, status.endpoint).detail;
  const auto& outcome = std::get<lwm2m::Outcome>(*status.result);
  return "the device answered " + code_of(outcome) + " " + status_of(outcome);
}

/// Cancellations that found nothing are answered by the server itself, with code 0.
bool found_no_observation(const lwm2m::Outcome& outcome) {
  return outcome.code == 0 && outcome.status == lwm2m::Status::NotFound;
}

}  // namespace

Json to_json(const OperationStatus& status) {
  const bool waits = status.state == OperationState::Queued;
  Json json = {{"id", std::to_string(status.id.value)},
               {"endpoint", status.endpoint},
               {"operation", name_of(status)},
               {"path", status.path.to_string()},
               {"state", server::to_string(status.state)},
               {"detail", describe(status)},
               {"via", status.way == server::Way::Automatic ? "auto" : server::to_string(status.way)},
               {"priority", server::to_string(status.priority)},
               {"asked_by", status.asked_by.empty() ? Json(nullptr) : Json(status.asked_by)},
               {"created_at", status.created_at},
               {"expires_at", status.expires_at},
               {"sent_at", or_null(status.sent_at)},
               {"ended_at", or_null(status.ended_at)},
               {"attempts", status.attempts},
               {"ahead", waits ? Json(status.ahead) : Json(nullptr)},
               {"expected_by", or_null(status.expected_by)},
               {"triggered", status.triggered},
               {"code", nullptr},
               {"status", nullptr},
               {"no_answer", nullptr}};
  if (!status.result) return json;
  if (const auto* why = std::get_if<NoAnswer>(&*status.result)) {
    json["no_answer"] = name_of(*why);
  } else {
    const auto& outcome = std::get<lwm2m::Outcome>(*status.result);
    json["code"] = code_of(outcome);
    json["status"] = status_of(outcome);
  }
  return json;
}

void add_event(Json& to, const OperationStatus& status) {
  to["operation_id"] = std::to_string(status.id.value);
  to["operation"] = name_of(status);
  to["path"] = status.path.to_string();
  to["state"] = server::to_string(status.state);
  to["via"] = status.way == server::Way::Automatic ? "auto" : server::to_string(status.way);
  to["attempts"] = status.attempts;
  to["triggered"] = status.triggered;
  to["created_at"] = status.created_at;
  to["expires_at"] = status.expires_at;
  to["ahead"] = status.state == OperationState::Queued ? Json(status.ahead) : Json(nullptr);
  to["expected_by"] = or_null(status.expected_by);
}

std::string location_of(const OperationStatus& status) {
  return "/api/v1/devices/" + percent_encode(status.endpoint) + "/operations/" + std::to_string(status.id.value);
}

tl::expected<Json, Problem> to_answer(const Asked& device, std::string_view operation, const lwm2m::Path& path,
                                      const lwm2m::Outcome& outcome, const lwm2m::model::Registry& registry) {
  if (found_no_observation(outcome)) {
    return tl::unexpected(
        Problem{.status = 404, .kind = "not-found", .detail = path.to_string() + " isn't observed"});
  }
  if (!lwm2m::is_success(outcome.status)) return tl::unexpected(device_problem(outcome));
  Json body = {{"endpoint", device.endpoint},
               {"operation", operation},
               {"path", path.to_string()},
               {"code", code_of(outcome)},
               {"status", status_of(outcome)}};
  const DeviceDefinitions definitions(registry, device.announcement);
  add_payload(body, path, outcome, definitions, device.announcement.root);
  if (outcome.status == lwm2m::Status::Created) {
    const auto created = path_below(device.announcement.root, outcome.location);
    if (created && created->is_instance()) body["location"] = created->to_string();
  }
  return body;
}

void add_result(Json& to, const Asked& device, const OperationStatus& status, const lwm2m::model::Registry& registry) {
  if (!status.result) return;
  if (const auto* why = std::get_if<NoAnswer>(&*status.result)) {
    to["problem"] = to_json(no_answer_problem(*why, status.endpoint));
    return;
  }
  auto answer =
      to_answer(device, name_of(status), status.path, std::get<lwm2m::Outcome>(*status.result), registry);
  if (answer) {
    to["answer"] = std::move(*answer);
  } else {
    to["problem"] = to_json(answer.error());
  }
}

}  // namespace drover::api
