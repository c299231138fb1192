// SPDX-License-Identifier: Apache-2.0
// Routes for bootstraps under way and ended: seen, begun, and ended by people.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "api/bootstrap_body.hpp"
#include "api/bootstrap_calls.hpp"
#include "api/bootstrap_views.hpp"
#include "api/operation_call.hpp"
#include "api/parameters.hpp"
#include "coap/message/code.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

using bootstrap::SessionId;
using bootstrap::SessionView;
using server::NoAnswer;

constexpr lwm2m::ObjectId kServerObject = 1;
constexpr lwm2m::ResourceId kBootstrapTrigger = 9;  ///< Bootstrap-Request Trigger (Core E.2)

void refuse_unknown(const Call& call) {
  call.refuse({.status = 404, .kind = "not-found", .detail = "there is no bootstrap session of that id"});
}

/// Nothing, and the answer is given, for what is no id.
std::optional<SessionId> id_of(const Call& call) {
  const auto id = whole_number(call.rest, 1, std::numeric_limits<std::uint64_t>::max());
  if (!id) refuse_unknown(call);
  return id ? std::optional(SessionId{*id}) : std::nullopt;
}

// ---- POST: the Bootstrap-Server calls the device

void call_device(const std::shared_ptr<Call>& call, bootstrap::Desk& desk, const StartBody& asked) {
  desk.start(asked.endpoint, asked.uri, [call, asked](const bootstrap::DeskAnswer<SessionId>& started) {
    if (!started) {
      Problem problem = to_problem(started.error());
      if (started.error().why == bootstrap::DeskRefusal::Why::Invalid) problem.pointer = "/uri";
      return call->refuse(problem);
    }
    io::log::info("bootstrap begun", {{"endpoint", asked.endpoint}, {"uri", asked.uri}, {"by", call->request.caller.token}});
    http::Response response;
    response.status = 201;
    response.headers.emplace_back("Location", "/api/v1/bootstrap/sessions/" + std::to_string(started->value));
    const Json body = {{"endpoint", asked.endpoint},
                       {"session", started->value},
                       {"path", nullptr},
                       {"operation", nullptr},
                       {"code", nullptr},
                       {"status", nullptr}};
    response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    call->responder.answer(std::move(response));
  });
}

// ---- POST: the registered device is asked to come

/// The Server instance whose trigger is to be executed. All of them lead to the one Bootstrap-Server, but a device may
/// guard them (Core §7).
tl::expected<lwm2m::InstanceId, Problem> server_instance(const server::DeviceView& device, const StartBody& asked) {
  if (asked.server_instance) return *asked.server_instance;
  std::vector<lwm2m::InstanceId> instances;
  for (const auto& object : device.announcement.objects) {
    if (object.id == kServerObject) instances = object.instances;
  }
  if (instances.size() == 1) return instances.front();
  Problem problem{.kind = "bad-value", .detail = {}, .pointer = "/server_instance"};
  if (instances.empty()) {
    problem.detail = "the device announces no instance of object 1: give server_instance";
  } else {
    problem.detail = "the device has several servers: give server_instance, one of";
    for (const auto instance : instances) problem.detail += " " + std::to_string(instance);
  }
  return tl::unexpected(std::move(problem));
}

void answer_trigger(const Call& call, const std::string& endpoint, const lwm2m::Path& path,
                    const lwm2m::Outcome& outcome) {
  if (!lwm2m::is_success(outcome.status)) {
    const bool lacks_it =
        outcome.status == lwm2m::Status::MethodNotAllowed || outcome.status == lwm2m::Status::NotFound;
    const std::string hint = "it doesn't take a Bootstrap-Request Trigger at " + path.to_string() +
                             ", which is optional (Core E.2): give its uri, or restart it";
    return call.refuse(device_problem(outcome, lacks_it ? hint : ""));
  }
  io::log::info("bootstrap asked for",
                {{"endpoint", endpoint}, {"path", path.to_string()}, {"by", call.request.caller.token}});
  call.answer({{"endpoint", endpoint},
               {"session", nullptr},
               {"path", path.to_string()},
               {"operation", nullptr},
               {"code", code_of(outcome)},
               {"status", status_of(outcome)}},
              202);
}

/// The device sleeps: it is asked when it wakes.
http::Response trigger_queued(const server::OperationStatus& status) {
  http::Response response = accepted(status);
  const Json body = {{"endpoint", status.endpoint},
                     {"session", nullptr},
                     {"path", status.path.to_string()},
                     {"operation", std::to_string(status.id.value)},
                     {"code", nullptr},
                     {"status", nullptr}};
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

void ask_device(const std::shared_ptr<Call>& call, const StartBody& asked, std::chrono::seconds timeout) {
  const auto path = std::make_shared<lwm2m::Path>();
  auto progress = follow_operation(
      call, {.settings = {}, .timeout = timeout},
      [call, path, endpoint = asked.endpoint](const server::OperationResult& result) {
        if (const auto* why = std::get_if<NoAnswer>(&result)) return call->refuse(no_answer_problem(*why, endpoint));
        answer_trigger(*call, endpoint, *path, std::get<lwm2m::Outcome>(result));
      },
      trigger_queued);
  call->state->fleet.device(
      asked.endpoint, [call, asked, path, progress = std::move(progress)](std::optional<server::DeviceView> found) {
        call->responder.then([call, asked, path, progress, found = std::move(found)] {
          if (!found) return call->refuse(no_answer_problem(NoAnswer::NotRegistered, asked.endpoint));
          const auto instance = server_instance(*found, asked);
          if (!instance) return call->refuse(instance.error());
          *path = lwm2m::Path(kServerObject, *instance, kBootstrapTrigger);
          call->state->fleet.operate(asked.endpoint, lwm2m::Execute{*path, {}}, server::OperationSettings{}, progress);
        });
      });
}

}  // namespace

void list_sessions(const std::shared_ptr<Call>& call) {
  bootstrap::SessionQuery query;
  Parameters given(call->target);
  query.endpoint = given.text("endpoint");
  if (const auto before = given.number("before", 1, kIdMax)) query.before = SessionId{*before};
  query.limit = given.limit();
  if (given.problem()) return call->refuse(*given.problem());
  auto* const desk = quick_desk_of(*call);
  if (desk == nullptr) return;
  desk->sessions(std::move(query), [call](bootstrap::SessionPage page) {
    call->responder.then([call, page = std::move(page)] {
      Json sessions = Json::array();
      for (const SessionView& view : page.sessions) sessions.push_back(to_json(view, false));
      call->answer({{"sessions", std::move(sessions)}, {"next", page.next ? Json(page.next->value) : Json(nullptr)}});
    });
  });
}

void get_session(const std::shared_ptr<Call>& call) {
  auto* const desk = quick_desk_of(*call);
  if (desk == nullptr) return;
  const auto id = id_of(*call);
  if (!id) return;
  desk->session(*id, [call](std::optional<SessionView> view) {
    call->responder.then([call, view = std::move(view)] {
      if (!view) return refuse_unknown(*call);
      call->answer(to_json(*view, true));
    });
  });
}

void end_session(const std::shared_ptr<Call>& call) {
  auto* const desk = quick_desk_of(*call);
  if (desk == nullptr) return;
  const auto id = id_of(*call);
  if (!id) return;
  desk->end(*id, [call, desk, id = *id](bool ended) {
    desk->session(id, [call, ended](std::optional<SessionView> view) {
      call->responder.then([call, ended, view = std::move(view)] {
        if (!view) return refuse_unknown(*call);
        if (!ended) {
          return call->refuse({.status = 409, .kind = "conflict", .detail = "that bootstrap session has ended already"});
        }
        io::log::info("bootstrap ended", {{"session", view->id.value},
                                          {"endpoint", view->endpoint},
                                          {"by", call->request.caller.token}});
        call->answer(to_json(*view, true));
      });
    });
  });
}

void start_session(const std::shared_ptr<Call>& call) {
  auto* const desk = desk_of(*call);
  if (desk == nullptr) return;
  const auto asked = start_body(*call);
  if (!asked) return call->refuse(asked.error());
  const auto timeout = timeout_of(*call);
  if (!timeout) return;
  if (asked->uri.empty()) return ask_device(call, *asked, *timeout);
  call->responder.answer_within(*timeout, waited_too_long(*timeout));
  call_device(call, *desk, *asked);
}

}  // namespace drover::api
