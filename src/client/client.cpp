// SPDX-License-Identifier: Apache-2.0
#include "client/client.hpp"

#include <algorithm>
#include <limits>

#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {

using lwm2m::InstanceId;
using lwm2m::Path;
using std::chrono::seconds;

namespace {

coap::Parameters streaming(coap::Parameters parameters) {
  parameters.stream_requests = true;
  return parameters;
}

Deadline earlier(const std::optional<Deadline>& a, const Deadline& b) {
  return a && a->at <= b.at ? *a : b;
}

}  // namespace

Client::Client(ClientSettings settings, Rng& rng)
    : settings_(std::move(settings)),
      rng_(rng),
      tree_(settings_.root),
      device_object_(tree_),
      notifier_(tree_, settings_.notification),
      endpoint_(streaming(settings_.coap), rng) {}

void Client::define(const lwm2m::model::ObjectDefinition& definition, ObjectBehaviour* behaviour,
                    std::vector<lwm2m::ResourceId> supported) {
  if (behaviour == nullptr && definition.id == security::kObject) behaviour = &security_object_;
  if (behaviour == nullptr && definition.id == ServerObject::kObject) behaviour = &server_object_;
  if (behaviour == nullptr && definition.id == DeviceObject::kObject) behaviour = &device_object_;
  tree_.define(definition, behaviour, std::move(supported));
}

Result<void> Client::add_account(Instant now, ServerId server, const std::string& uri, std::uint32_t lifetime) {
  if (auto fits = check_settings(settings_); !fits) return fits;
  if (auto parsed = parse_server_uri(uri); !parsed) return tl::unexpected(parsed.error());
  const auto refused = [](std::string reason) {
    return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
  };
  if (server == 0 || server == lwm2m::kReservedId) return refused("a Short Server ID is 1 to 65534");
  const Context context{now, std::nullopt};
  for (const InstanceId used : tree_.instances(security::kObject)) {
    if (integer(now, Path(security::kObject, used, security::kShortServerId)) != server) continue;
    return refused("another server has the id " + std::to_string(server) + "; give each its own");
  }
  const auto free_id = [&](lwm2m::ObjectId object) {
    InstanceId id = 0;
    for (const InstanceId used : tree_.instances(object)) {
      if (used == id) ++id;
    }
    return id;
  };
  const Path account(security::kObject, free_id(security::kObject));
  const Path server_path(ServerObject::kObject, free_id(ServerObject::kObject));
  if (auto added = tree_.add(context, account.object(), account.instance()); !added) return added;
  if (auto added = tree_.add(context, server_path.object(), server_path.instance()); !added) return added;
  const std::pair<Path, lwm2m::Value> values[] = {
      {account.child(security::kUri), uri},
      {account.child(security::kBootstrap), false},
      {account.child(security::kMode), security::kNoSec},
      {account.child(security::kShortServerId), std::int64_t{server}},
      {server_path.child(ServerObject::kShortServerId), std::int64_t{server}},
      {server_path.child(ServerObject::kLifetime), std::int64_t{lifetime}},
      {server_path.child(ServerObject::kNotificationStoring), true},
      {server_path.child(ServerObject::kBinding), std::string("U")},
  };
  for (const auto& [path, value] : values) {
    if (auto result = tree_.set(context, path, value); !result) return result;
  }
  return {};
}

// ---- commands -------------------------------------------------------------------------------------------------------

void Client::start(Instant now) {
  settle(now);  // what Register says is the tree of this moment
  started_ = true;
  for (auto& [id, account] : accounts_) account.registration.start(now);
  settle(now);
}

void Client::stop(Instant now) {
  started_ = false;
  for (auto& [id, account] : accounts_) account.registration.deregister(now);
  settle(now);
}

void Client::update(Instant now) {
  for (auto& [id, account] : accounts_) account.registration.update(now);
  settle(now);
}

void Client::address_changed(Instant now) {
  for (auto& [id, account] : accounts_) account.registration.address_changed(now);
  settle(now);
}

void Client::address_changed(Instant now, ServerId server) {
  const auto account = accounts_.find(server);
  if (account != accounts_.end()) account->second.registration.address_changed(now);
  settle(now);
}

void Client::resolved(Instant now, ServerId server, std::vector<transport::PeerAddress> addresses) {
  const auto account = accounts_.find(server);
  if (account != accounts_.end()) account->second.registration.resolved(now, std::move(addresses));
  settle(now);
}

void Client::handle_datagram(Instant now, const transport::Datagram& datagram) {
  if (is_welcome(datagram)) {
    endpoint_.handle_datagram(now, datagram);
  } else {
    ++counters_.ignored;
    endpoint_.note_drop(datagram.from,
                        server_at(datagram.from) ? "request before the registration stands" : "stranger");
  }
  settle(now);
}

void Client::handle_timeout(Instant now) {
  endpoint_.handle_timeout(now);
  for (auto& [id, account] : accounts_) account.registration.handle_timeout(now);
  forget_stale_bodies(now);
  settle(now);
}

void Client::settle(Instant now) {
  // Each round hands on what the last one caused; an answer precedes the notification and the Update it causes.
  bool busy = true;
  while (busy) {
    busy = drain_endpoint(now);
    busy |= drain_changes(now);
    busy |= drain_behaviours(now);
    if (accounts_changed_) {
      accounts_changed_ = false;
      sync_accounts(now);
      busy = true;
    }
    for (auto& [id, account] : accounts_) busy |= drain_registration(now, id, account);
    std::erase_if(accounts_, [](const auto& entry) {
      return entry.second.leaving && entry.second.registration.state() == RegistrationState::Off;
    });
    busy |= send_notifications(now);
  }
}

std::optional<transport::Transmit> Client::poll_transmit() {
  return endpoint_.poll_transmit();
}

std::optional<ClientEvent> Client::poll_event() {
  if (events_.empty()) return std::nullopt;
  ClientEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Deadline> Client::deadline() const {
  std::optional<Deadline> next = endpoint_.deadline();
  if (const auto due = notifier_.deadline()) next = earlier(next, *due);
  for (const auto& [id, account] : accounts_) {
    if (const auto due = account.registration.deadline()) next = earlier(next, *due);
  }
  return next;
}

std::vector<AccountView> Client::accounts() const {
  std::vector<AccountView> views;
  for (const auto& [id, account] : accounts_) {
    const ServerUri& uri = account.registration.uri();
    const bool v6 = uri.host.find(':') != std::string::npos;
    views.push_back({id, "coap://" + (v6 ? "[" + uri.host + "]" : uri.host) + ":" + std::to_string(uri.port),
                     account.registration.state(), account.registration.location(), account.registration.peer()});
  }
  return views;
}

bool Client::is_off() const {
  return std::all_of(accounts_.begin(), accounts_.end(),
                     [](const auto& entry) { return entry.second.registration.state() == RegistrationState::Off; });
}

// ---- accounts -------------------------------------------------------------------------------------------------------

std::optional<std::int64_t> Client::integer(Instant now, const Path& path) const {
  const auto value = tree_.get({now, std::nullopt}, path);
  const auto* number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  if (number == nullptr) return std::nullopt;
  return *number;
}

RegistrationParameters Client::parameters(Instant now, InstanceId server_instance) const {
  const Path server(ServerObject::kObject, server_instance);
  RegistrationParameters parameters;
  parameters.endpoint = settings_.endpoint;
  parameters.version = settings_.version;
  parameters.sms = settings_.sms;
  const std::int64_t lifetime = integer(now, server.child(ServerObject::kLifetime)).value_or(0);
  constexpr std::int64_t kLifetimeMax = std::numeric_limits<std::uint32_t>::max();
  parameters.lifetime = static_cast<std::uint32_t>(std::clamp<std::int64_t>(lifetime, 1, kLifetimeMax));
  const auto binding = tree_.get({now, std::nullopt}, server.child(ServerObject::kBinding));
  if (const auto* text = binding ? std::get_if<std::string>(&*binding) : nullptr; text != nullptr && !text->empty()) {
    parameters.binding = *text;
  }
  parameters.announcement = tree_.announcement();
  if (settings_.announce_json) parameters.announcement.formats = {lwm2m::format::kJson};
  return parameters;
}

/// The server's URI when this build can talk to it; else the reason is reported, once.
std::optional<ServerUri> Client::usable_uri(Instant now, InstanceId security, ServerId server) {
  const auto value = tree_.get({now, std::nullopt}, Path(security::kObject, security, security::kUri));
  const auto* text = value ? std::get_if<std::string>(&*value) : nullptr;
  auto uri = parse_server_uri(text == nullptr ? std::string_view() : *text);
  std::string reason;
  if (const auto fits = check_settings(settings_); !fits) {
    reason = fits.error().reason;
  } else if (!uri) {
    reason = uri.error().reason;
  } else if (uri->secure) {
    reason = "\"" + *text + "\": coaps isn't available yet; use coap://";
  } else if (integer(now, Path(security::kObject, security, security::kMode)) != security::kNoSec) {
    reason = "security modes other than 3 (NoSec) aren't available yet; set /0/" + std::to_string(security) + "/2 to 3";
  } else {
    refused_.erase(server);
    return *uri;
  }
  if (refused_[server] != reason) {
    refused_[server] = reason;
    events_.push_back(RegistrationChanged{server, {RegistrationReport::Kind::Failed, reason, {}}});
  }
  return std::nullopt;
}

void Client::sync_account(Instant now, InstanceId security, ServerId server, InstanceId server_instance) {
  const auto uri = usable_uri(now, security, server);
  if (!uri) return;
  const Path path(ServerObject::kObject, server_instance);
  DefaultPeriods periods;
  periods.pmin = static_cast<std::uint32_t>(integer(now, path.child(ServerObject::kDefaultPMin)).value_or(0));
  if (const auto pmax = integer(now, path.child(ServerObject::kDefaultPMax))) {
    periods.pmax = static_cast<std::uint32_t>(*pmax);
  }
  notifier_.set_defaults(server, periods);

  auto found = accounts_.find(server);
  if (found != accounts_.end() &&
      (found->second.registration.uri().host != uri->host || found->second.registration.uri().port != uri->port)) {
    if (found->second.exchange) endpoint_.forget(*found->second.exchange);
    accounts_.erase(found);
    found = accounts_.end();
  }
  if (found == accounts_.end()) {
    found =
        accounts_
            .try_emplace(server, server_instance, *uri, parameters(now, server_instance), settings_.registration, rng_)
            .first;
    if (started_) found->second.registration.start(now);
  } else {
    found->second.registration.set_parameters(now, parameters(now, server_instance));
    // It may have been on its way out, its instances gone and back again.
    if (started_ && found->second.leaving) found->second.registration.start(now);
  }
  found->second.server_instance = server_instance;
  found->second.leaving = false;
}

void Client::sync_accounts(Instant now) {
  for (auto& [id, account] : accounts_) account.leaving = true;
  for (const InstanceId security : tree_.instances(security::kObject)) {
    const auto bootstrap = tree_.get({now, std::nullopt}, Path(security::kObject, security, security::kBootstrap));
    if (bootstrap == lwm2m::Value(true)) continue;
    const auto id = integer(now, Path(security::kObject, security, security::kShortServerId));
    if (!id || *id < 1 || *id >= lwm2m::kReservedId) continue;
    for (const InstanceId server : tree_.instances(ServerObject::kObject)) {
      if (integer(now, Path(ServerObject::kObject, server, ServerObject::kShortServerId)) != id) continue;
      sync_account(now, security, static_cast<ServerId>(*id), server);
      break;
    }
  }
  for (auto& [id, account] : accounts_) {
    if (!account.leaving) continue;
    account.registration.deregister(now);
    notifier_.drop_server(id);
    tree_.attributes().erase_server(id);
  }
}

bool Client::drain_registration(Instant now, ServerId server, Account& account) {
  bool busy = false;
  while (auto action = account.registration.poll()) {
    busy = true;
    if (auto* resolve = std::get_if<ResolveName>(&*action)) {
      events_.push_back(ResolveWanted{server, std::move(resolve->host), resolve->port});
    } else if (auto* send = std::get_if<SendUplink>(&*action)) {
      const auto peer = account.registration.peer();
      if (!peer) continue;
      account.exchange = endpoint_.request(now, *peer, lwm2m::mapping::to_request(send->uplink));
    } else if (std::holds_alternative<AbandonUplink>(*action)) {
      if (account.exchange) endpoint_.forget(*account.exchange);
      account.exchange.reset();
    } else if (std::holds_alternative<DropObservations>(*action)) {
      for (const Observation& observation : notifier_.observations()) {
        if (observation.server == server) endpoint_.end_observation(observation.id);
      }
      notifier_.drop_server(server);
    } else if (auto* report = std::get_if<RegistrationReport>(&*action)) {
      events_.push_back(RegistrationChanged{server, std::move(*report)});
    }
  }
  return busy;
}

// ---- what follows from changes --------------------------------------------------------------------------------------

bool Client::drain_changes(Instant now) {
  bool busy = false;
  while (auto change = tree_.poll_change()) {
    busy = true;
    if (change->kind == Change::Kind::Deleted) {
      for (const Observation& gone : notifier_.take_below(change->path)) {
        endpoint_.notify(now, gone.id, coap::Response{coap::code::kNotFound, {}, {}}, true);
      }
    }
    const bool value = change->kind == Change::Kind::Value;
    if (!value || change->path.object() <= ServerObject::kObject) accounts_changed_ = true;
    notifier_.changed(now, *change);
    if (change->server) events_.push_back(ServerChanged{std::move(*change)});
  }
  return busy;
}

bool Client::drain_behaviours(Instant now) {
  bool busy = false;
  while (const auto action = server_object_.poll()) {
    busy = true;
    for (auto& [id, account] : accounts_) {
      if (account.server_instance != action->instance) continue;
      if (action->kind == ServerObject::Action::Kind::Update) {
        account.registration.update(now);
        continue;
      }
      const Path timeout(ServerObject::kObject, action->instance, ServerObject::kDisableTimeout);
      account.registration.disable(now, seconds(integer(now, timeout).value_or(ServerObject::kDisableTimeoutDefault)));
    }
  }
  const DeviceObject::Wish wish = device_object_.poll();
  if (wish.reboot) events_.emplace_back(RebootWanted{});
  if (wish.factory_reset) events_.emplace_back(FactoryResetWanted{});
  return busy || wish.reboot || wish.factory_reset;
}

bool Client::send_notifications(Instant now) {
  bool busy = false;
  while (const auto due = notifier_.poll_due(now)) {
    busy = true;
    const auto& [id, server, path, accept] = due->observation;
    const lwm2m::Outcome outcome = tree_.perform({now, server}, lwm2m::Read{path, accept});
    endpoint_.notify(now, id, lwm2m::mapping::to_response(outcome), due->confirmable);
    if (!lwm2m::is_success(outcome.status)) notifier_.cancel(id);  // an error code ends it (RFC 7641 §4.2)
    ++counters_.notifications;
  }
  return busy;
}

}  // namespace drover::client
