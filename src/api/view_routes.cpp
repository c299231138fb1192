// SPDX-License-Identifier: Apache-2.0
// Routes that show what the server knows, without asking a device.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "api/call.hpp"
#include "api/event_items.hpp"
#include "api/history_body.hpp"
#include "api/job_views.hpp"
#include "api/openapi.hpp"
#include "api/parameters.hpp"
#include "io/clock.hpp"
#include "jobs/selection_text.hpp"

namespace drover::api {

namespace {

Problem not_registered(const std::string& endpoint) {
  return {.status = 404,
          .kind = "not-registered",
          .detail = "device \"" + endpoint + "\" is not registered",
          .no_answer = "not-registered"};
}

/// What the Bootstrap-Server counts, when there is one.
void add_bootstrap(Json& status, const std::optional<bootstrap::ServerCounters>& counters) {
  if (!counters) return;
  status["bootstrap"] = {{"requests", counters->requests},
                         {"refused", counters->refused},
                         {"sessions", counters->sessions},
                         {"finished", counters->finished},
                         {"failed", counters->failed},
                         {"kept", counters->kept},
                         {"associations", counters->associations},
                         {"handshakes", counters->handshakes},
                         {"resumptions", counters->resumptions}};
}

void answer_status(const std::shared_ptr<Call>& call, const server::ServerCounters& counters,
                   const std::optional<bootstrap::ServerCounters>& bootstrap,
                   const std::optional<history::Status>& history) {
  const std::uint64_t newest = call->state->events->newest();
  Json status = {{"version", call->state->version},
                 {"started_at", call->state->started_at},
                 {"devices", counters.devices},
                 {"registers", counters.registers},
                 {"updates", counters.updates},
                 {"deregisters", counters.deregisters},
                 {"expiries", counters.expiries},
                 {"rejected", counters.rejected},
                 {"refused", counters.refused},
                 {"associations", counters.associations},
                 {"handshakes", counters.handshakes},
                 {"resumptions", counters.resumptions},
                 {"operations", counters.operations},
                 {"operations_queued", counters.queued},
                 {"operations_requeued", counters.requeued},
                 {"operations_expired", counters.expired},
                 {"triggers", counters.triggers},
                 {"triggers_failed", counters.triggers_failed},
                 {"sms_fallbacks", counters.fallbacks},
                 {"notifications", counters.notifications},
                 {"coap", to_json(counters.coap)}};
  add_bootstrap(status, bootstrap);
  if (history) status["history"] = to_json(*history);
  status["events"] = {{"newest", newest == 0 ? Json(nullptr) : Json(call->state->events->id_of(newest))},
                      {"retained", call->state->events->retained()},
                      {"clients", call->state->streams()}};
  call->answer(status);
}

void add_history(const std::shared_ptr<Call>& call, const server::ServerCounters& counters,
                 const std::optional<bootstrap::ServerCounters>& bootstrap) {
  history::Archive* const archive = call->state->history;
  if (archive == nullptr) {
    return call->responder.then(
        [call, counters, bootstrap] { answer_status(call, counters, bootstrap, std::nullopt); });
  }
  archive->status([call, counters, bootstrap](const history::Status& history) {
    call->responder.then([call, counters, bootstrap, history] { answer_status(call, counters, bootstrap, history); });
  });
}

Json view_of(const State& state, const server::DeviceView& device) {
  Json json = to_json(device, state.registry, io::unix_now());
  add_tags(json, state, device.endpoint);
  return json;
}

constexpr std::string_view kSelectionParameters[] = {"name",    "tag",    "manufacturer", "model",
                                                     "version", "object", "seen_after",   "seen_before"};

/// Whether devices are to be looked through one by one.
bool is_selection(const Target& target) {
  return std::ranges::any_of(kSelectionParameters, [&](std::string_view name) { return target.parameter(name).has_value(); });
}

/// As the JSON of a selection, which is checked as that is.
store::Answer<jobs::Selection> selection_of(const Target& target) {
  Json json = Json::object();
  for (const std::string_view name : kSelectionParameters) {
    const auto text = target.parameter(name);
    if (!text) continue;
    const std::string member(name);
    const auto number = whole_number(*text, 0, std::numeric_limits<std::int64_t>::max());
    if (name == "tag") {
      json["tags"] = comma_separated(*text);
    } else if ((name == "object" || name.starts_with("seen_")) && number) {
      json[member] = *number;
    } else {
      json[member] = std::string(*text);
    }
  }
  return jobs::parse_selection(json);
}

void list_selected(const std::shared_ptr<Call>& call) {
  if (call->target.parameter("search")) {
    return call->refuse({.kind = "bad-parameter",
                         .detail = "search goes with no filter: name=*PART* says the same",
                         .parameter = "search"});
  }
  auto selection = selection_of(call->target);
  if (!selection) {
    const std::string& field = selection.error().field;
    return call->refuse({.kind = "bad-parameter",
                         .detail = selection.error().reason,
                         .parameter = field == "tags" ? "tag" : field});
  }
  Parameters given(call->target);
  const auto page = page_parameters(given);
  if (given.problem()) return call->refuse(*given.problem());
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  desk->devices(std::move(*selection), page.after, page.limit, [call](jobs::FleetSelector::Page found) {
    call->responder.then([call, found = std::move(found)] {
      Json devices = Json::array();
      for (const auto& device : found.devices) devices.push_back(view_of(*call->state, device));
      call->answer({{"devices", std::move(devices)}, {"total", nullptr}, {"next", or_null(found.next)}});
    });
  });
}

}  // namespace

http::Response slow_server() {
  return to_response(Problem{.status = 503, .kind = "unavailable", .detail = "the server is too busy to answer"});
}

void Call::answer(const Json& body, unsigned status) const {
  http::Response response;
  response.status = status;
  // Texts come from devices: what isn't UTF-8 is replaced, the raw payload is there in Base64.
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  responder.answer(std::move(response));
}

void list_devices(const std::shared_ptr<Call>& call) {
  if (is_selection(call->target)) return list_selected(call);
  Parameters given(call->target);
  server::DeviceQuery query;
  query.search = given.text("search", kOptionTextMax);
  query.after = given.text("after", kOptionTextMax);
  query.limit = given.limit();
  if (given.problem()) return call->refuse(*given.problem());
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.devices(std::move(query), [call](server::DevicePage page) {
    call->responder.then([call, page = std::move(page)] {
      Json devices = Json::array();
      for (const auto& device : page.devices) devices.push_back(view_of(*call->state, device));
      call->answer({{"devices", std::move(devices)},
                    {"total", page.total},
                    {"next", page.next.empty() ? Json(nullptr) : Json(page.next)}});
    });
  });
}

void get_device(const std::shared_ptr<Call>& call) {
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.device(call->endpoint, [call](std::optional<server::DeviceView> device) {
    call->responder.then([call, device = std::move(device)] {
      if (!device) return call->refuse(not_registered(call->endpoint));
      call->answer(view_of(*call->state, *device));
    });
  });
}

void list_observations(const std::shared_ptr<Call>& call) {
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.observations(call->endpoint,
                                  [call](std::optional<std::vector<server::ObservationView>> observations) {
                                    call->responder.then([call, observations = std::move(observations)] {
                                      if (!observations) return call->refuse(not_registered(call->endpoint));
                                      Json list = Json::array();
                                      for (const auto& observation : *observations)
                                        list.push_back(to_json(observation));
                                      call->answer({{"observations", std::move(list)}});
                                    });
                                  });
}

void get_status(const std::shared_ptr<Call>& call) {
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.counters([call](server::ServerCounters counters) {
    bootstrap::Desk* const desk = call->state->bootstrap;
    if (desk == nullptr) {
      return add_history(call, counters, std::nullopt);
    }
    desk->counters([call, counters](bootstrap::ServerCounters bootstrap) { add_history(call, counters, bootstrap); });
  });
}

void get_openapi(const std::shared_ptr<Call>& call) {
  http::Response response;
  response.body = openapi_json();
  call->responder.answer(std::move(response));
}

void open_events(const std::shared_ptr<Call>& call) {
  EventFilter filter;
  filter.endpoint = call->target.parameter("endpoint").value_or("");
  for (std::string& kind : comma_separated(call->target.parameter("kind").value_or(""))) {
    const auto& known = event_kinds();
    if (std::ranges::find(known, kind) == known.end()) {
      std::string names;
      for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
      return call->refuse(bad_parameter("kind", "of " + names + ", separated by commas"));
    }
    filter.kinds.push_back(std::move(kind));
  }
  std::optional<std::string_view> from = call->target.parameter("last_event_id");
  // The field is what a browser sends when it reconnects to a URL that may still hold the first parameter.
  if (!call->request.last_event_id.empty()) from = call->request.last_event_id;
  auto stream = open_stream(call->state->events, std::move(filter), from);
  call->responder.stream(call->state->authority->guard(call->request.caller, std::move(stream)));
}

}  // namespace drover::api
