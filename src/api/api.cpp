// SPDX-License-Identifier: Apache-2.0
#include "api/api.hpp"

#include <algorithm>
#include <initializer_list>
#include <span>
#include <string_view>

#include "api/call.hpp"

namespace drover::api {

namespace {

struct Route {
  std::string_view method;
  std::string_view path;
  std::vector<std::string_view> parameters;
  void (*handle)(const std::shared_ptr<Call>&);
};

const std::vector<Route>& route_table() {
  static const std::vector<Route> kRoutes = {
      {"GET", "/healthz", {}, get_health},
      {"GET", "/openapi.json", {}, get_openapi},
      {"GET", "/api/v1/status", {}, get_status},
      {"GET", "/api/v1/objects", {}, list_objects},
      {"GET", "/api/v1/objects/{id}", {"version"}, get_object},
      {"GET", "/api/v1/devices", {"search", "after", "limit"}, list_devices},
      {"GET", "/api/v1/devices/{endpoint}", {}, get_device},
      {"GET", "/api/v1/devices/{endpoint}/resources/{path}", {"accept", "timeout"}, read},
      {"PUT", "/api/v1/devices/{endpoint}/resources/{path}", {"format", "timeout"}, write_replace},
      {"PATCH", "/api/v1/devices/{endpoint}/resources/{path}", {"format", "timeout"}, write_update},
      {"POST", "/api/v1/devices/{endpoint}/resources/{path}", {"format", "timeout"}, create},
      {"DELETE", "/api/v1/devices/{endpoint}/resources/{path}", {"timeout"}, remove},
      {"POST", "/api/v1/devices/{endpoint}/execute/{path}", {"timeout"}, execute},
      {"GET", "/api/v1/devices/{endpoint}/discover/{path}", {"timeout"}, discover},
      {"PUT",
       "/api/v1/devices/{endpoint}/attributes/{path}",
       {"timeout", "pmin", "pmax", "gt", "lt", "st", "epmin", "epmax", "edge", "con"},
       write_attributes},
      {"GET", "/api/v1/devices/{endpoint}/observations", {}, list_observations},
      {"PUT", "/api/v1/devices/{endpoint}/observations/{path}", {"accept", "timeout"}, observe},
      {"DELETE", "/api/v1/devices/{endpoint}/observations/{path}", {"mode", "timeout"}, cancel_observation},
      {"GET", "/api/v1/events", {"last_event_id", "endpoint", "kind"}, open_events},
  };
  return kRoutes;
}

/// Fills `call` from the segments when they fit the pattern; {path} takes all that follow.
bool match(std::string_view pattern, Call& call) {
  const auto& segments = call.target.segments;
  std::size_t at = 0;
  pattern.remove_prefix(1);
  while (true) {
    const std::size_t slash = pattern.find('/');
    const std::string_view part = pattern.substr(0, slash);
    if (at == segments.size()) return false;
    if (part == "{path}") {
      call.rest.clear();
      for (; at < segments.size(); ++at) call.rest += (call.rest.empty() ? "" : "/") + segments[at];
      return true;
    }
    if (part == "{endpoint}") {
      if (segments[at].empty()) return false;
      call.endpoint = segments[at];
    } else if (part == "{id}") {
      call.rest = segments[at];
    } else if (part != segments[at]) {
      return false;
    }
    ++at;
    if (slash == std::string_view::npos) return at == segments.size();
    pattern.remove_prefix(slash + 1);
  }
}

void handle(const std::shared_ptr<State>& state, http::Request request, http::Responder responder) {
  auto target = parse_target(request.target);
  if (!target) {
    return responder.answer(
        to_response(Problem{.status = 400, .kind = "bad-request", .detail = std::move(target.error().reason)}));
  }
  const auto call =
      std::make_shared<Call>(Call{state, std::move(request), std::move(responder), std::move(*target), {}, {}});
  std::string allowed;
  for (const Route& route : route_table()) {
    if (!match(route.path, *call)) continue;
    if (route.method != call->request.method) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
      continue;
    }
    for (const auto& [name, value] : call->target.parameters) {
      if (std::find(route.parameters.begin(), route.parameters.end(), name) != route.parameters.end()) continue;
      return call->refuse({.kind = "bad-parameter", .detail = "unknown query parameter", .parameter = name});
    }
    return route.handle(call);
  }
  if (allowed.empty()) {
    return call->refuse({.status = 404, .kind = "unknown-resource", .detail = "see /openapi.json for what there is"});
  }
  auto response =
      to_response(Problem{.status = 405, .kind = "method-not-allowed", .detail = "allowed here: " + allowed});
  response.headers.emplace_back("Allow", allowed);
  call->responder.answer(std::move(response));
}

}  // namespace

struct Api::Parts {
  std::shared_ptr<State> state;
  std::shared_ptr<http::Server> server;
};

Api::Api(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Api::Api(Api&&) noexcept = default;
Api::~Api() {
  if (parts_) stop();
}

Result<Api> Api::open(const Settings& settings, server::Fleet& fleet, const lwm2m::model::Registry& registry) {
  auto state = std::make_shared<State>(State{fleet, registry,
                                             std::make_shared<EventHub>(settings.events, registry, settings.started_at),
                                             settings.version, settings.started_at, nullptr});
  auto server =
      http::Server::open(settings.listen, settings.http, [state](http::Request request, http::Responder responder) {
        handle(state, std::move(request), std::move(responder));
      });
  if (!server) return tl::unexpected(server.error());
  auto parts = std::make_unique<Parts>();
  parts->state = state;
  parts->server = std::make_shared<http::Server>(std::move(*server));
  const std::weak_ptr<http::Server> weak = parts->server;
  state->streams = [weak] {
    const auto open = weak.lock();
    return open ? open->streams() : 0;
  };
  fleet.on_event([events = state->events, weak](const server::Event& event) {
    events->push(event);
    if (const auto open = weak.lock()) open->wake_streams();
  });
  return Api(std::move(parts));
}

std::vector<std::string> Api::addresses() const {
  return parts_->server->addresses();
}
void Api::start() {
  parts_->server->start();
}
void Api::stop() {
  parts_->server->stop();
}

std::vector<RouteView> Api::routes() {
  std::vector<RouteView> views;
  for (const Route& route : route_table()) {
    RouteView view{std::string(route.method), std::string(route.path), {}};
    for (const auto& parameter : route.parameters) view.parameters.emplace_back(parameter);
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace drover::api
