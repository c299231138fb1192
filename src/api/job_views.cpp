// SPDX-License-Identifier: Apache-2.0
#include "api/job_views.hpp"

#include <nlohmann/json.hpp>

#include "jobs/rule_text.hpp"
#include "jobs/selection_text.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

using Why = store::Refusal::Why;

Json counts_of(const jobs::BulkCounts& counts) {
  Json json = Json::object();
  json["total"] = counts.total();
  for (std::size_t i = 0; i < jobs::kBulkDeviceStates; ++i) {
    const auto state = static_cast<jobs::BulkDeviceState>(i);
    json[jobs::to_string(state)] = counts[state];
  }
  return json;
}

Json operation_of(server::OperationId id) {
  return id.value == 0 ? Json(nullptr) : Json(std::to_string(id.value));
}

}  // namespace

jobs::Desk* jobs_of(const Call& call) {
  jobs::Desk* const desk = call.state->jobs;
  if (desk == nullptr) {
    call.refuse({.status = 501,
                 .kind = "no-automation",
                 .detail = "this server has no bulk operations, rules and tags"});
  } else {
    call.responder.answer_within(kServerWait, slow_server());
  }
  return desk;
}

Problem to_problem(const store::Refusal& refusal, const std::string& place) {
  switch (refusal.why) {
    case Why::Invalid:
      return {.kind = "bad-value",
              .detail = refusal.reason,
              .pointer = refusal.field.empty() ? place : place + "/" + refusal.field};
    case Why::NotFound: return {.status = 404, .kind = "not-found", .detail = refusal.reason};
    case Why::Conflict:
    case Why::Full: return {.status = 409, .kind = "conflict", .detail = refusal.reason};
    case Why::Disk: break;
  }
  io::log::error("the store can't be written", {{"why", refusal.reason}});
  return {.status = 503, .kind = "unavailable", .detail = "the server can't store it; its log says why"};
}

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json to_json(const jobs::BulkView& bulk, const jobs::Forms& forms) {
  const jobs::BulkOrder& order = bulk.order;
  // Not what is written: who may read sees no payload of others' operations.
  const auto summary = forms.check(order.operation);
  return {{"id", std::to_string(bulk.id.value)},
          {"asked_by", order.asked_by},
          {"operation", summary ? Json(summary->operation) : Json(nullptr)},
          {"path", summary ? Json(summary->path.to_string()) : Json(nullptr)},
          {"selection", jobs::to_json(order.selection)},
          {"parallel", order.parallel},
          {"priority", server::to_string(order.priority)},
          {"stop_at_failures", order.stop_at == 0 ? Json(nullptr) : Json(order.stop_at)},
          {"state", jobs::to_string(bulk.state)},
          {"reason", or_null(bulk.reason)},
          {"created_at", order.created_at},
          {"deadline", bulk.deadline},
          {"ended_at", bulk.ended_at ? Json(*bulk.ended_at) : Json(nullptr)},
          {"devices", counts_of(bulk.counts)}};
}

Json to_json(const jobs::BulkDevice& device) {
  return {{"endpoint", device.endpoint},
          {"state", jobs::to_string(device.state)},
          {"code", or_null(device.code)},
          {"detail", or_null(device.detail)},
          {"operation_id", operation_of(device.operation)},
          {"changed_at", device.changed_at}};
}

Json to_json(const jobs::RuleView& rule) {
  Json json = {{"name", rule.rule.name}};
  json.update(jobs::to_json(rule.rule));
  json["configured"] = rule.configured;
  json["changed_at"] = rule.changed_at;
  Json devices = Json::object();
  for (std::size_t i = 0; i < jobs::kRuleDeviceStates; ++i) {
    devices[jobs::to_string(static_cast<jobs::RuleDeviceState>(i))] = rule.devices[i];
  }
  json["devices"] = std::move(devices);
  return json;
}

Json to_json(const jobs::RuleDevice& device) {
  return {{"endpoint", device.endpoint},
          {"state", jobs::to_string(device.state)},
          {"steps_over", device.step},
          {"steps_failed", device.failed},
          {"detail", or_null(device.detail)},
          {"operation_id", operation_of(device.operation)},
          {"changed_at", device.changed_at}};
}

PageParameters page_parameters(Parameters& given) {
  PageParameters page;
  page.after = given.text("after", kOptionTextMax);
  page.limit = given.limit();
  return page;
}

void add_tags(Json& device, const State& state, const std::string& endpoint) {
  if (state.jobs != nullptr) device["tags"] = state.jobs->tags().of(endpoint);
}

}  // namespace drover::api
