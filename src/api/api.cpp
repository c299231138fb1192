// SPDX-License-Identifier: Apache-2.0
#include "api/api.hpp"

#include <algorithm>

#include "api/audit_recorder.hpp"
#include "api/call.hpp"
#include "api/campaign_calls.hpp"
#include "api/event_items.hpp"
#include "api/gate.hpp"
#include "api/listen_address.hpp"
#include "api/routes.hpp"
#include "audit/memory_trail.hpp"

namespace drover::api {

namespace {

void handle(const std::shared_ptr<State>& state, http::Request request, http::Responder responder) {
  auto target = parse_target(request.target);
  if (!target) {
    return responder.answer(
        to_response(Problem{.status = 400, .kind = "bad-request", .detail = std::move(target.error().reason)}));
  }
  auto found = find_route(request.method, *target);
  const auto call = std::make_shared<Call>(Call{state, std::move(request), std::move(responder), std::move(*target),
                                                std::move(found.parts.endpoint), std::move(found.parts.rest)});
  if (found.route != nullptr) {
    const auto& known = found.route->parameters;
    for (const auto& [name, value] : call->target.parameters) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      return call->refuse({.kind = "bad-parameter", .detail = "unknown query parameter", .parameter = name});
    }
    return found.route->handle(call);
  }
  if (found.allowed.empty()) {
    return call->refuse({.status = 404, .kind = "unknown-resource", .detail = "see /openapi.json for what there is"});
  }
  auto response =
      to_response(Problem{.status = 405, .kind = "method-not-allowed", .detail = "allowed here: " + found.allowed});
  response.headers.emplace_back("Allow", found.allowed);
  call->responder.answer(std::move(response));
}

/// Everything that is wrong with the settings, before anything is opened.
Result<std::shared_ptr<const http::TlsContext>> load_certificate(const Api::Settings& settings) {
  if (settings.certificate.empty()) return nullptr;
  return http::TlsContext::load(settings.certificate, settings.private_key);
}

}  // namespace

namespace {

/// Without a host that writes events down they are numbered as they come.
void follow(const Api::Settings& settings, server::Fleet& fleet, const lwm2m::model::Registry& registry,
            const std::shared_ptr<events::Hub>& hub) {
  const auto items = std::make_shared<EventItems>(registry, *hub);
  const auto publish = [items, hub](events::Draft draft) {
    // The text is made by `items`, which has to be there as long.
    draft.render = [items, render = std::move(draft.render)](std::uint64_t number) { return render(number); };
    std::vector<events::Draft> drafts;
    drafts.push_back(std::move(draft));
    hub->publish(std::move(drafts));
  };
  fleet.on_event([items, publish](const server::Event& event) {
    if (auto draft = items->draft(event, false)) publish(std::move(*draft));
  });
  if (settings.bootstrap == nullptr) return;
  settings.bootstrap->on_event([items, publish](const bootstrap::DeskEvent& event) {
    // What the host is asked for is between it and the Bootstrap-Server.
    if (!std::holds_alternative<bootstrap::KeysWanted>(event.event)) publish(items->draft(event));
  });
}

}  // namespace

struct Api::Parts {
  Settings settings;
  std::unique_ptr<audit::Trail> own_audit;  ///< or null
  std::shared_ptr<State> state;
  std::shared_ptr<Gate> gate;
  std::shared_ptr<http::Server> server;
};

Api::Api(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Api::Api(Api&&) noexcept = default;
Api::~Api() {
  if (parts_) stop();
}

Result<Api> Api::open(const Settings& settings, server::Fleet& fleet, const lwm2m::model::Registry& registry) {
  auto tls = load_certificate(settings);
  if (!tls) return tl::unexpected(tls.error());
  auto authority = settings.authority;
  if (!authority) {
    auto open_to_all = Authority::open({}, std::make_shared<store::MemoryTokenTable>());
    if (!open_to_all) return tl::unexpected(open_to_all.error());
    authority = std::move(*open_to_all);
  }
  for (const std::string& text : settings.listen) {
    const auto address = parse_listen_address(text);
    if (!address) return tl::unexpected(address.error());
    const auto fine = check_listen_address(text, *address, *tls != nullptr, authority->has_token());
    if (!fine) return tl::unexpected(fine.error());
  }
  const auto hub = settings.hub ? settings.hub : std::make_shared<events::Hub>(settings.events, settings.started_at);
  auto state = std::make_shared<State>(State{fleet, registry, authority,
                                             hub,
                                             settings.version, settings.started_at, nullptr, nullptr,
                                             settings.credentials, settings.bootstrap,
                                             settings.sms_accounts, settings.sms});
  state->history = settings.history;
  state->jobs = settings.jobs;
  state->models = settings.models;
  state->backups = settings.backups;
  state->campaigns = settings.campaigns;
  state->sinks = settings.sinks;
  state->health = settings.health;
  state->store = settings.store;
  auto parts = std::make_unique<Parts>();
  if (settings.audit == nullptr) parts->own_audit = std::make_unique<audit::MemoryTrail>(audit::Limits{});
  state->audit = settings.audit == nullptr ? parts->own_audit.get() : settings.audit;
  const auto recorder = std::make_shared<AuditRecorder>(*state->audit, authority);
  const auto gate =
      std::make_shared<Gate>(authority, Gate::Rate{settings.rate, settings.burst}, settings.metrics_open);
  auto server = http::Server::open(
      settings.listen, settings.http,
      {.gate =
           [gate, state, recorder](http::Request& request) {
             auto refused = gate->check(request);
             if (!refused) refused = recorder->check(request);
             return refused ? std::move(refused) : open_upload(*state, request);
           },
       .handler = [state](http::Request request,
                          http::Responder responder) { handle(state, std::move(request), std::move(responder)); },
       .witness = [recorder](const http::Request& request) { return recorder->witness(request); },
       .answered = [state](const AnsweredRequest& request) { state->requests.note(request); },
       .tls = std::move(*tls)});
  if (!server) return tl::unexpected(server.error());
  parts->settings = settings;
  parts->state = state;
  parts->gate = gate;
  parts->server = std::make_shared<http::Server>(std::move(*server));
  const std::weak_ptr<http::Server> weak = parts->server;
  state->streams = [weak] {
    const auto open = weak.lock();
    return open ? open->streams() : 0;
  };
  state->http = [weak] {
    const auto open = weak.lock();
    return open ? open->figures() : http::ServerFigures{};
  };
  state->wake_streams = [weak] {
    if (const auto open = weak.lock()) open->wake_streams();
  };
  hub->subscribe([wake = state->wake_streams] { wake(); });
  if (!settings.hub) follow(settings, fleet, registry, hub);
  return Api(std::move(parts));
}

Result<UnixSeconds> Api::reload_certificate() {
  auto tls = load_certificate(parts_->settings);
  if (!tls) return tl::unexpected(tls.error());
  const UnixSeconds until = *tls ? (*tls)->valid_until() : 0;
  if (*tls) parts_->server->use_certificate(std::move(*tls));
  return until;
}

void Api::set_rate(std::uint32_t rate, std::uint32_t burst) {
  parts_->gate->set_rate({rate, burst});
}

std::vector<std::string> Api::urls() const {
  return parts_->server->urls();
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
    RouteView view{std::string(route.method), std::string(route.path), route.role, {}};
    for (const auto& parameter : route.parameters) view.parameters.emplace_back(parameter);
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace drover::api
