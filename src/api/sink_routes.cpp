// SPDX-License-Identifier: Apache-2.0
// Routes for where events go: how sinks are doing, and a test event for one.
#include <nlohmann/json.hpp>

#include "api/call.hpp"
#include "api/views.hpp"
#include "io/log.hpp"
#include "sinks/sink_list.hpp"

namespace drover::api {

namespace {

/// Longer than a receiver usually takes, and than a sink's timeout unless it is set.
constexpr std::chrono::seconds kTestWait{60};

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json to_json(const sinks::SinkView& view) {
  return {{"name", view.name},
          {"kind", view.kind},
          {"target", view.target},
          {"connected", or_null(view.connected)},
          {"delivered", view.delivered},
          {"failed", view.failed},
          {"refused", view.refused},
          {"retries", view.retries},
          {"lost", view.lost},
          {"in_flight", view.in_flight},
          {"cursor", view.cursor},
          {"lag_events", view.lag_events},
          {"lag_seconds", view.lag_seconds},
          {"last_error", view.last_error.empty() ? Json(nullptr) : Json(view.last_error)},
          {"last_error_at", or_null(view.last_error_at)},
          {"last_delivered_at", or_null(view.last_delivered_at)},
          {"retry_at", or_null(view.retry_at)}};
}

Problem no_such_sink() {
  return {.status = 404, .kind = "not-found", .detail = "there is no sink of that name"};
}

}  // namespace

void list_sinks(const std::shared_ptr<Call>& call) {
  Json sinks = Json::array();
  if (call->state->sinks != nullptr) {
    for (const auto& view : call->state->sinks->all()) sinks.push_back(to_json(view));
  }
  call->answer({{"sinks", std::move(sinks)}});
}

void get_sink(const std::shared_ptr<Call>& call) {
  const auto view = call->state->sinks == nullptr ? std::nullopt : call->state->sinks->find(call->rest);
  if (!view) return call->refuse(no_such_sink());
  call->answer(to_json(*view));
}

void test_sink(const std::shared_ptr<Call>& call) {
  call->responder.answer_within(kTestWait, to_response(Problem{.status = 504,
                                                               .kind = "sink-failed",
                                                               .detail = "the sink's receiver hasn't answered yet"}));
  const bool asked = call->state->sinks != nullptr && call->state->sinks->test(call->rest, [call](std::string why) {
    call->responder.then([call, why = std::move(why)] {
      if (why.empty()) return call->answer({{"delivered", true}});
      call->refuse({.status = 502, .kind = "sink-failed", .detail = "the test event isn't delivered: " + why});
    });
  });
  if (!asked) return call->refuse(no_such_sink());
  io::log::info("sink tested", {{"sink", call->rest}, {"by", call->request.caller.token}});
}

}  // namespace drover::api
