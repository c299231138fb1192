// SPDX-License-Identifier: Apache-2.0
// Routes for operations that have been asked for: seen, and taken back.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "api/call.hpp"
#include "api/operation_views.hpp"
#include "api/parameters.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

using server::OperationState;
using server::OperationStatus;

constexpr OperationState kStates[] = {OperationState::Queued, OperationState::Sent,    OperationState::Done,
                                      OperationState::Failed, OperationState::Expired, OperationState::Cancelled};

/// Those of `state`, all of them without it.
std::vector<OperationState> states_of(Parameters& query) {
  std::vector<OperationState> states;
  for (const std::string& name : comma_separated(query.text("state"))) {
    const auto* const state = std::ranges::find_if(kStates, [&](OperationState one) { return to_string(one) == name; });
    if (state == std::end(kStates)) {
      std::string known;
      for (const OperationState one : kStates) known += (known.empty() ? "" : ", ") + std::string(to_string(one));
      query.note("state", "of " + known + ", separated by commas");
      return {};
    }
    states.push_back(*state);
  }
  if (states.empty()) states.assign(std::begin(kStates), std::end(kStates));
  return states;
}

void refuse_unknown(const Call& call) {
  call.refuse({.status = 404,
               .kind = "not-found",
               .detail = "device \"" + call.endpoint + "\" has no operation of that id, or not any more"});
}

/// Nothing, and the call is refused, for what is no id.
std::optional<server::OperationId> id_of(const Call& call) {
  if (const auto id = whole_number(call.rest, 0, std::numeric_limits<std::uint64_t>::max())) return server::OperationId{*id};
  refuse_unknown(call);
  return std::nullopt;
}

/// As JSON with its result, for which the device's object versions are asked for.
void answer_with(const std::shared_ptr<Call>& call, const OperationStatus& status) {
  if (!status.result) return call->answer(to_json(status));
  call->state->fleet.device(call->endpoint, [call, status](std::optional<server::DeviceView> device) {
    call->responder.then([call, status, device = std::move(device)] {
      Asked asked{call->endpoint, {}};
      if (device) asked.announcement = device->announcement;
      Json json = to_json(status);
      add_result(json, asked, status, call->state->registry);
      call->answer(json);
    });
  });
}

void answer_list(const std::shared_ptr<Call>& call, const std::vector<OperationStatus>& operations,
                 const std::vector<OperationState>& states, std::size_t limit) {
  Json list = Json::array();
  std::size_t total = 0;
  for (const OperationStatus& one : operations) {
    if (std::find(states.begin(), states.end(), one.state) == states.end()) continue;
    if (++total <= limit) list.push_back(to_json(one));
  }
  call->answer({{"operations", std::move(list)}, {"total", total}});
}

}  // namespace

void list_operations(const std::shared_ptr<Call>& call) {
  Parameters query(call->target);
  const auto states = states_of(query);
  const auto limit = query.limit();
  if (query.problem()) return call->refuse(*query.problem());
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.operations(
      call->endpoint, [call, states, limit](std::vector<OperationStatus> operations) {
        call->responder.then([call, states, limit, operations = std::move(operations)] {
          if (!operations.empty()) return answer_list(call, operations, states, limit);
          call->state->fleet.device(call->endpoint, [call, states](const std::optional<server::DeviceView>& device) {
            if (!device) return call->refuse(no_answer_problem(server::NoAnswer::NotRegistered, call->endpoint));
            call->responder.then([call, states] { answer_list(call, {}, states, 0); });
          });
        });
      });
}

void list_all_operations(const std::shared_ptr<Call>& call) {
  server::OperationQuery query;
  Parameters given(call->target);
  query.states = states_of(given);
  query.limit = given.limit();
  query.endpoint = given.text("endpoint");
  query.asked_by = given.text("asked_by");
  query.after.value = given.number("after", 0, std::numeric_limits<std::uint64_t>::max()).value_or(0);
  if (given.problem()) return call->refuse(*given.problem());
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.all_operations(std::move(query), [call](server::OperationPage page) {
    call->responder.then([call, page = std::move(page)] {
      Json list = Json::array();
      for (const OperationStatus& one : page.operations) list.push_back(to_json(one));
      const bool more = page.more && !page.operations.empty();
      call->answer({{"operations", std::move(list)},
                    {"next", more ? Json(std::to_string(page.operations.back().id.value)) : Json(nullptr)}});
    });
  });
}

void get_operation(const std::shared_ptr<Call>& call) {
  const auto id = id_of(*call);
  if (!id) return;
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.operation(call->endpoint, *id, [call](std::optional<OperationStatus> status) {
    call->responder.then([call, status = std::move(status)] {
      if (!status) return refuse_unknown(*call);
      answer_with(call, *status);
    });
  });
}

void cancel_operation(const std::shared_ptr<Call>& call) {
  const auto id = id_of(*call);
  if (!id) return;
  call->responder.answer_within(kServerWait, slow_server());
  const auto refuse_over = [call](const OperationStatus& status) {
    call->refuse({.status = 409,
                  .kind = "conflict",
                  .detail = std::string("that operation is over already: ") + to_string(status.state)});
  };
  call->state->fleet.operation(
      call->endpoint, *id, [call, id = *id, refuse_over](const std::optional<OperationStatus>& before) {
        if (!before) return refuse_unknown(*call);
        if (server::is_over(before->state)) return refuse_over(*before);
        call->state->fleet.cancel_operation(
            call->endpoint, id, [call, refuse_over](std::optional<OperationStatus> after) {
              // The fleet's copy is of the moment before.
              if (after && !after->ended_at) after->ended_at = io::unix_now();
              call->responder.then([call, refuse_over, after = std::move(after)] {
                if (!after) return refuse_unknown(*call);
                if (after->state != OperationState::Cancelled) return refuse_over(*after);
                io::log::info("operation cancelled", {{"endpoint", call->endpoint},
                                                      {"operation", after->id.value},
                                                      {"by", call->request.caller.token}});
                answer_with(call, *after);
              });
            });
      });
}

}  // namespace drover::api
