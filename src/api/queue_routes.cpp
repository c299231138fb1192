// SPDX-License-Identifier: Apache-2.0
// Routes for operations that have been asked for: seen, and taken back.
#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "api/call.hpp"
#include "api/operation_views.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

using server::OperationState;
using server::OperationStatus;

constexpr std::size_t kListMax = 1000;
constexpr std::size_t kListDefault = 100;

constexpr OperationState kStates[] = {OperationState::Queued, OperationState::Sent,    OperationState::Done,
                                      OperationState::Failed, OperationState::Expired, OperationState::Cancelled};

/// Those of `state`, all of them without it; nothing, and the call is refused, when one isn't known.
std::optional<std::vector<OperationState>> states_of(const Call& call) {
  std::vector<OperationState> states;
  std::string_view names = call.target.parameter("state").value_or("");
  while (!names.empty()) {
    const std::size_t comma = names.find(',');
    const auto* const state = std::find_if(std::begin(kStates), std::end(kStates), [&](OperationState one) {
      return server::to_string(one) == names.substr(0, comma);
    });
    if (state == std::end(kStates)) {
      std::string known;
      for (const OperationState one : kStates) known += (known.empty() ? "" : ", ") + std::string(to_string(one));
      call.refuse({.kind = "bad-parameter",
                   .detail = "state must be of " + known + ", separated by commas",
                   .parameter = "state"});
      return std::nullopt;
    }
    states.push_back(*state);
    names = comma == std::string_view::npos ? std::string_view{} : names.substr(comma + 1);
  }
  if (states.empty()) states.assign(std::begin(kStates), std::end(kStates));
  return states;
}

std::optional<std::size_t> limit_of(const Call& call) {
  const auto text = call.target.parameter("limit");
  if (!text) return kListDefault;
  std::size_t limit = 0;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (error == std::errc{} && stop == text->data() + text->size() && limit >= 1 && limit <= kListMax) return limit;
  call.refuse({.kind = "bad-parameter",
               .detail = "limit must be 1 to " + std::to_string(kListMax),
               .parameter = "limit"});
  return std::nullopt;
}

void refuse_unknown(const Call& call) {
  call.refuse({.status = 404,
               .kind = "not-found",
               .detail = "device \"" + call.endpoint + "\" has no operation of that id, or not any more"});
}

/// Nothing, and the call is refused, for what is no id.
std::optional<server::OperationId> id_of(const Call& call) {
  std::uint64_t id = 0;
  const auto [stop, error] = std::from_chars(call.rest.data(), call.rest.data() + call.rest.size(), id);
  if (error == std::errc{} && stop == call.rest.data() + call.rest.size()) return server::OperationId{id};
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
  const auto states = states_of(*call);
  if (!states) return;
  const auto limit = limit_of(*call);
  if (!limit) return;
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.operations(
      call->endpoint, [call, states = *states, limit = *limit](std::vector<OperationStatus> operations) {
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
  const auto states = states_of(*call);
  if (!states) return;
  query.states = *states;
  const auto limit = limit_of(*call);
  if (!limit) return;
  query.limit = *limit;
  query.endpoint = call->target.parameter("endpoint").value_or("");
  query.asked_by = call->target.parameter("asked_by").value_or("");
  if (const auto text = call->target.parameter("after")) {
    const auto id = whole_number(*text, 0, std::numeric_limits<std::uint64_t>::max());
    if (!id) {
      return call->refuse({.kind = "bad-parameter", .detail = "after must be an operation's id", .parameter = "after"});
    }
    query.after.value = *id;
  }
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
