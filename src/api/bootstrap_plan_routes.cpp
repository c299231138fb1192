// SPDX-License-Identifier: Apache-2.0
// Routes for the Bootstrap-Server's plans. Keys come in and never go out again.
#include <nlohmann/json.hpp>

#include "api/bootstrap_body.hpp"
#include "api/bootstrap_calls.hpp"
#include "api/bootstrap_views.hpp"
#include "bootstrap/plan_json.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

using bootstrap::DeskRefusal;
using bootstrap::PlanView;
using bootstrap::SharedPlan;

Problem no_plan(const std::string& name) {
  return {.status = 404, .kind = "not-found", .detail = "there is no plan \"" + name + "\""};
}

void log(const char* what, const Call& call, const PlanView& view) {
  io::log::info(what, {{"plan", view.plan->name}, {"by", call.request.caller.token}});
}

/// On the HTTP thread.
void answer_dry_run(const Call& call, const SharedPlan& plan, const std::string& endpoint,
                    std::optional<lwm2m::FormatNumber> format) {
  const auto messages = bootstrap::dry_run(plan, endpoint, call.state->registry, format);
  if (!messages) {
    return call.refuse({.status = 409,
                        .kind = "conflict",
                        .detail = "such a session would end: " + messages.error().reason});
  }
  Json list = Json::array();
  for (const auto& message : *messages) list.push_back(to_json(message));
  call.answer({{"endpoint", endpoint}, {"plan", plan->name}, {"messages", std::move(list)}});
}

}  // namespace

bootstrap::Desk* desk_of(const Call& call) {
  bootstrap::Desk* const desk = call.state->bootstrap;
  if (desk == nullptr) {
    call.refuse({.status = 501,
                 .kind = "no-bootstrap",
                 .detail = "this server has no bootstrap server: give droverd a port for one (bootstrap.secure_listen)"});
  }
  return desk;
}

bootstrap::Desk* quick_desk_of(const Call& call) {
  bootstrap::Desk* const desk = desk_of(call);
  if (desk == nullptr) return nullptr;
  call.responder.answer_within(
      kServerWait, to_response(Problem{.status = 503, .kind = "unavailable", .detail = "the server is too busy to answer"}));
  return desk;
}

Problem to_problem(const DeskRefusal& refusal) {
  using Why = DeskRefusal::Why;
  switch (refusal.why) {
    case Why::Invalid: return plan_problem(refusal.reason);
    case Why::Conflict:
    case Why::Full: return {.status = 409, .kind = "conflict", .detail = refusal.reason};
    case Why::NotFound: return {.status = 404, .kind = "not-found", .detail = refusal.reason};
    case Why::Unavailable: return {.status = 503, .kind = "unavailable", .detail = refusal.reason};
    case Why::Disk: break;
  }
  io::log::error("bootstrap plans can't be stored", {{"why", refusal.reason}});
  return {.status = 503, .kind = "unavailable", .detail = "the server can't store its plans; its log says why"};
}

void list_plans(const std::shared_ptr<Call>& call) {
  auto* const desk = quick_desk_of(*call);
  if (desk == nullptr) return;
  desk->plans([call](std::vector<PlanView> plans) {
    call->responder.then([call, plans = std::move(plans)] {
      Json list = Json::array();
      for (const PlanView& view : plans) list.push_back(to_json(view, false));
      call->answer({{"plans", std::move(list)}});
    });
  });
}

void get_plan(const std::shared_ptr<Call>& call) {
  auto* const desk = quick_desk_of(*call);
  if (desk == nullptr) return;
  desk->plan(call->rest, [call](std::optional<PlanView> view) {
    call->responder.then([call, view = std::move(view)] {
      if (!view) return call->refuse(no_plan(call->rest));
      call->answer(to_json(*view, true));
    });
  });
}

void put_plan(const std::shared_ptr<Call>& call) {
  auto* const desk = quick_desk_of(*call);
  if (desk == nullptr) return;
  auto text = plan_body(*call, call->rest);
  if (!text) return call->refuse(text.error());
  // Asked before, so that the answer can tell a new plan from a changed one.
  desk->plan(call->rest, [call, desk, text = std::move(*text)](const std::optional<PlanView>& older) {
    desk->put_plan(call->rest, text, [call, is_new = !older](bootstrap::DeskAnswer<PlanView> stored) {
      if (!stored) return call->refuse(to_problem(stored.error()));
      log("bootstrap plan stored", *call, *stored);
      call->responder.then([call, is_new, view = std::move(*stored)] {
        http::Response response;
        response.status = is_new ? 201 : 200;
        if (is_new) response.headers.emplace_back("Location", "/api/v1/bootstrap/plans/" + percent_encode(view.plan->name));
        response.body = to_json(view, true).dump(-1, ' ', false, Json::error_handler_t::replace);
        call->responder.answer(std::move(response));
      });
    });
  });
}

void remove_plan(const std::shared_ptr<Call>& call) {
  auto* const desk = quick_desk_of(*call);
  if (desk == nullptr) return;
  desk->remove_plan(call->rest, [call](bootstrap::DeskAnswer<PlanView> removed) {
    if (!removed) return call->refuse(to_problem(removed.error()));
    log("bootstrap plan removed", *call, *removed);
    call->responder.then([call, view = std::move(*removed)] { call->answer(to_json(view, true)); });
  });
}

void validate_plan(const std::shared_ptr<Call>& call) {
  if (desk_of(*call) == nullptr) return;
  const auto text = plan_body(*call);
  if (!text) return call->refuse(text.error());
  const auto plan = bootstrap::parse_plan(text->reveal(), call->state->registry);
  if (!plan) return call->refuse(plan_problem(plan.error().reason));
  call->answer({{"valid", true},
                {"warnings", (*plan)->warnings},
                {"plan", Json::parse((*plan)->description, nullptr, false)}});
}

void dry_run_plan(const std::shared_ptr<Call>& call) {
  auto* const desk = quick_desk_of(*call);
  if (desk == nullptr) return;
  const auto asked = dry_run_body(*call);
  if (!asked) return call->refuse(asked.error());
  if (!asked->plan.empty()) {
    const auto plan = bootstrap::parse_plan(asked->plan.reveal(), call->state->registry);
    if (!plan) return call->refuse(plan_problem(plan.error().reason, "/plan"));
    return answer_dry_run(*call, *plan, asked->endpoint, asked->format);
  }
  const auto show = [call, endpoint = asked->endpoint, name = asked->plan_name,
                     format = asked->format](std::optional<PlanView> view) {
    call->responder.then([call, endpoint, name, format, view = std::move(view)] {
      if (view) return answer_dry_run(*call, view->plan, endpoint, format);
      if (!name.empty()) return call->refuse(no_plan(name));
      call->refuse({.status = 404, .kind = "not-found", .detail = "no plan is for the endpoint \"" + endpoint + "\""});
    });
  };
  if (asked->plan_name.empty()) return desk->choose(asked->endpoint, show);
  desk->plan(asked->plan_name, show);
}

}  // namespace drover::api
