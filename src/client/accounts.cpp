// SPDX-License-Identifier: Apache-2.0
// Server accounts: pairs of a Security and a Server instance (Core §5.2.2, E.1, E.2), followed as the tree changes.
#include <algorithm>
#include <initializer_list>
#include <limits>

#include "client/client.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {

using lwm2m::InstanceId;
using lwm2m::Path;

namespace {

tl::unexpected<Error> refused_account(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

InstanceId free_id(const ObjectTree& tree, lwm2m::ObjectId object) {
  InstanceId id = 0;
  for (const InstanceId used : tree.instances(object)) {
    if (used == id) ++id;
  }
  return id;
}

Result<void> set_all(ObjectTree& tree, const Context& context,
                     std::initializer_list<std::pair<Path, lwm2m::Value>> values) {
  for (const auto& [path, value] : values) {
    if (auto result = tree.set(context, path, value); !result) return result;
  }
  return {};
}

}  // namespace

/// A Security instance with what all accounts have.
Result<Path> Client::add_security(Instant now, const std::string& uri, const SecurityValues& security,
                                  const AccountWishes& wishes) {
  if (auto fits = check_settings(settings_); !fits) return tl::unexpected(fits.error());
  if (auto fits = check_way(uri, security, wishes); !fits) return tl::unexpected(fits.error());
  const Context context{now, std::nullopt};
  const Path account(SecurityObject::kObject, free_id(tree_, SecurityObject::kObject));
  if (auto added = tree_.add(context, account.object(), account.instance()); !added) return tl::unexpected(added.error());
  if (auto done = set_all(tree_, context, {{account.child(SecurityObject::kUri), uri},
                                           {account.child(SecurityObject::kMode), security.mode}});
      !done) {
    return tl::unexpected(done.error());
  }
  const std::pair<lwm2m::ResourceId, const Bytes&> keys[] = {{SecurityObject::kIdentity, security.identity},
                                                             {SecurityObject::kServerKey, security.server_key},
                                                             {SecurityObject::kSecretKey, security.key.reveal()},
                                                             {SecurityObject::kSmsKeyParameters, wishes.sms.key_parameters},
                                                             {SecurityObject::kSmsSecretKeys, wishes.sms.keys.reveal()}};
  for (const auto& [id, bytes] : keys) {
    if (bytes.empty()) continue;  // the instance was made with empty ones
    if (auto result = tree_.set(context, account.child(id), lwm2m::Opaque{bytes}); !result) {
      return tl::unexpected(result.error());
    }
  }
  if (wishes.sms.mode) {
    if (auto done = tree_.set(context, account.child(SecurityObject::kSmsMode), *wishes.sms.mode); !done) {
      return tl::unexpected(done.error());
    }
  }
  if (wishes.sms.number.empty()) return account;
  auto done = tree_.set(context, account.child(SecurityObject::kServerNumber), wishes.sms.number);
  return done ? Result<Path>(account) : tl::unexpected(done.error());
}

/// Over UDP, or by SMS alone with the binding that says so.
Result<void> Client::check_way(const std::string& uri, const SecurityValues& security, const AccountWishes& wishes) const {
  const auto binding = parse_binding(wishes.binding);
  if (!binding) return refused_account("the binding isn't one of " + possible_bindings({true, true, true}));
  if (!is_possible(*binding, {transports().sms, true, transports().trigger})) {
    return refused_account("binding " + wishes.binding + " needs SMS, or for UQT version 1.1 of the enabler");
  }
  if (binding->sms) {
    SmsValues sms = wishes.sms;
    if (sms.number.empty()) sms.number = tel_digits(uri).value_or("");
    const auto made = protect_sms(sms, security, settings_.sms.mode1, settings_.sms.on_card);
    if (!made) return tl::unexpected(made.error());
    if (!is_possible(*binding, transports_with(*made))) {
      return refused_account("binding " + wishes.binding + " needs SMS Security Mode 1 or 2");
    }
  }
  if (binding->is_sms_alone() && tel_digits(uri)) return {};
  const auto parsed = parse_server_uri(uri);
  if (!parsed) return tl::unexpected(parsed.error());
  return binding->is_sms_alone() ? Result<void>{} : check_security(*parsed, security);
}

Result<void> Client::add_account(Instant now, ServerId server, const std::string& uri, std::uint32_t lifetime,
                                 const SecurityValues& security, const AccountWishes& wishes) {
  if (server == 0 || server == lwm2m::kReservedId) return refused_account("a Short Server ID is 1 to 65534");
  for (const InstanceId used : tree_.instances(SecurityObject::kObject)) {
    if (integer(now, Path(SecurityObject::kObject, used, SecurityObject::kShortServerId)) != server) continue;
    return refused_account("another server has the id " + std::to_string(server) + "; give each its own");
  }
  const auto account = add_security(now, uri, security, wishes);
  if (!account) return tl::unexpected(account.error());
  const Context context{now, std::nullopt};
  const Path path(ServerObject::kObject, free_id(tree_, ServerObject::kObject));
  if (auto added = tree_.add(context, path.object(), path.instance()); !added) return added;
  return set_all(tree_, context, {{account->child(SecurityObject::kBootstrap), false},
                                  {account->child(SecurityObject::kShortServerId), std::int64_t{server}},
                                  {path.child(ServerObject::kShortServerId), std::int64_t{server}},
                                  {path.child(ServerObject::kLifetime), std::int64_t{lifetime}},
                                  {path.child(ServerObject::kNotificationStoring), true},
                                  {path.child(ServerObject::kBinding), wishes.binding}});
}

Result<void> Client::add_bootstrap_account(Instant now, const std::string& uri, const SecurityValues& security,
                                           std::uint32_t hold_off, std::uint32_t timeout) {
  const Context context{now, std::nullopt};
  for (const InstanceId used : tree_.instances(SecurityObject::kObject)) {
    if (tree_.get(context, Path(SecurityObject::kObject, used, SecurityObject::kBootstrap)) != lwm2m::Value(true)) continue;
    return refused_account("there is a bootstrap server already; a client has one");
  }
  const auto account = add_security(now, uri, security, {});
  if (!account) return tl::unexpected(account.error());
  if (auto done = set_all(tree_, context, {{account->child(SecurityObject::kBootstrap), true},
                                           {account->child(SecurityObject::kHoldOff), std::int64_t{hold_off}}});
      !done) {
    return done;
  }
  if (timeout == 0) return {};
  return tree_.set(context, account->child(SecurityObject::kAccountTimeout), std::int64_t{timeout});
}

std::optional<std::int64_t> Client::integer(Instant now, const Path& path) const {
  const auto value = tree_.get({now, std::nullopt}, path);
  const auto* number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  if (number == nullptr) return std::nullopt;
  return *number;
}

std::string Client::binding(Instant now, InstanceId server_instance) const {
  const auto value = tree_.get({now, std::nullopt}, Path(ServerObject::kObject, server_instance, ServerObject::kBinding));
  const auto* text = value ? std::get_if<std::string>(&*value) : nullptr;
  return text == nullptr ? std::string() : *text;
}

RegistrationParameters Client::parameters(Instant now, InstanceId server_instance, const Transports& transports) const {
  const Path server(ServerObject::kObject, server_instance);
  RegistrationParameters parameters;
  parameters.endpoint = settings_.endpoint;
  parameters.version = settings_.version;
  parameters.sms = settings_.sms.msisdn;
  const std::int64_t lifetime = integer(now, server.child(ServerObject::kLifetime)).value_or(0);
  constexpr std::int64_t kLifetimeMax = std::numeric_limits<std::uint32_t>::max();
  parameters.lifetime = static_cast<std::uint32_t>(std::clamp<std::int64_t>(lifetime, 1, kLifetimeMax));
  parameters.binding = current_binding(binding(now, server_instance), transports);
  parameters.announcement = tree_.announcement();
  if (settings_.announce_json) parameters.announcement.formats = {lwm2m::format::kJson};
  return parameters;
}

SecurityValues Client::security_values(Instant now, InstanceId security) const {
  return read_security_values(security, [&](const Path& path) { return tree_.get({now, std::nullopt}, path); });
}

/// The server's URI when this build can talk to it, and then the channel to it is configured; else the reason is
/// reported, once.
std::optional<ServerUri> Client::usable_uri(Instant now, InstanceId security, ServerId server) {
  const auto value = tree_.get({now, std::nullopt}, Path(SecurityObject::kObject, security, SecurityObject::kUri));
  const auto* text = value ? std::get_if<std::string>(&*value) : nullptr;
  auto uri = parse_server_uri(text == nullptr ? std::string_view() : *text);
  Result<void> fits = check_settings(settings_);
  if (fits && !uri) fits = tl::unexpected(uri.error());
  if (fits) fits = configure_channel(now, server, *uri, security_values(now, security));
  if (report_refusal(server, fits)) return std::nullopt;
  return *uri;
}

bool Client::report_refusal(ServerId server, const Result<void>& fits) {
  if (fits) {
    refused_.erase(server);
    return false;
  }
  const std::string& reason = fits.error().reason;
  if (refused_[server] != reason) {
    refused_[server] = reason;
    events_.push_back(RegistrationChanged{server, {RegistrationReport::Kind::Failed, reason, {}}});
  }
  return true;
}

void Client::sync_account(Instant now, InstanceId security, ServerId server, InstanceId server_instance) {
  auto sms = sms_of(now, security);
  const Transports transports = transports_with(sms);
  const auto wanted = parse_binding(current_binding(binding(now, server_instance), transports)).value_or(Binding{});
  std::optional<ServerUri> uri;
  if (wanted.is_sms_alone()) {
    if (report_refusal(server, check_settings(settings_))) return;
    uri = ServerUri::by_sms(sms->address);
  } else {
    uri = usable_uri(now, security, server);
  }
  if (!uri) return;
  const Path path(ServerObject::kObject, server_instance);
  DefaultPeriods periods;
  periods.pmin = static_cast<std::uint32_t>(integer(now, path.child(ServerObject::kDefaultPMin)).value_or(0));
  if (const auto pmax = integer(now, path.child(ServerObject::kDefaultPMax))) {
    periods.pmax = static_cast<std::uint32_t>(*pmax);
  }
  notifier_.set_defaults(now, server, periods);

  configure_account(now, server, *uri, server_instance, transports);
  configure_sms(now, server, accounts_.at(server), std::move(sms));
}

void Client::configure_account(Instant now, ServerId server, const ServerUri& uri, InstanceId server_instance,
                               const Transports& transports) {
  auto found = accounts_.find(server);
  if (found != accounts_.end() && found->second.registration.uri() != uri) {
    Registration& registration = found->second.registration;
    if (registration.is_registered() && registration.uri().is_sms() != uri.is_sms()) {
      registration.move_to(uri, limits_of(uri));
    } else {
      abandon_uplink(found->second);
      accounts_.erase(found);
      found = accounts_.end();
    }
  } else if (found != accounts_.end()) {
    found->second.registration.move_to(uri, limits_of(uri));  // back again
  }
  RegistrationParameters current = parameters(now, server_instance, transports);
  if (found == accounts_.end()) {
    found = accounts_.try_emplace(server, server_instance, uri, std::move(current), limits_of(uri), rng_).first;
    if (may_register()) found->second.registration.start(now);
  } else {
    found->second.registration.set_parameters(now, std::move(current));
    // It may have been on its way out, its instances gone and back again.
    if (may_register() && found->second.leaving) found->second.registration.start(now);
  }
  found->second.server_instance = server_instance;
  found->second.leaving = false;
}

/// Of the Bootstrap-Server there is one; it has no Short Server ID, and 0 is nobody's.
void Client::sync_bootstrap(Instant now, std::optional<InstanceId> security) {
  if (bootstrap_instance_ != security) purge_at_.reset();
  bootstrap_instance_ = security;
  // What the old account's association carries is led to its end: the answer to the Finish, too.
  if (bootstrap_.is_open() || bootstrap_.state() == BootstrapState::Lingering) return;
  std::optional<ServerUri> uri;
  if (security) uri = usable_uri(now, *security, kBootstrapServer);
  if (!uri) channels_.remove(now, kBootstrapServer);
  Duration hold_off{};
  if (security) {
    const Path path(SecurityObject::kObject, *security, SecurityObject::kHoldOff);
    constexpr std::int64_t kHoldOffMax = std::numeric_limits<std::uint32_t>::max();
    hold_off = std::chrono::seconds(std::clamp<std::int64_t>(integer(now, path).value_or(0), 0, kHoldOffMax));
  }
  server_object_.set_bootstrap(uri.has_value());
  bootstrap_.configure(std::move(uri), hold_off);
}

void Client::sync_accounts(Instant now) {
  std::optional<InstanceId> bootstrap_instance;
  std::map<InstanceId, Transports> transports;
  for (auto& [id, account] : accounts_) account.leaving = true;
  for (const InstanceId security : tree_.instances(SecurityObject::kObject)) {
    const Path path(SecurityObject::kObject, security);
    const auto bootstrap = tree_.get({now, std::nullopt}, path.child(SecurityObject::kBootstrap));
    if (bootstrap == lwm2m::Value(true)) {
      if (!bootstrap_instance) bootstrap_instance = security;
      continue;
    }
    const auto id = integer(now, path.child(SecurityObject::kShortServerId));
    if (!id || *id < 1 || *id >= lwm2m::kReservedId) continue;
    for (const InstanceId server : tree_.instances(ServerObject::kObject)) {
      if (integer(now, Path(ServerObject::kObject, server, ServerObject::kShortServerId)) != id) continue;
      sync_account(now, security, static_cast<ServerId>(*id), server);
      transports[server] = transports_with(sms_of(now, security));
      break;
    }
  }
  server_object_.set_transports(std::move(transports));
  sync_bootstrap(now, bootstrap_instance);
  for (auto& [id, account] : accounts_) {
    if (!account.leaving) continue;
    account.registration.deregister(now);
    forget_observations(id);
    tree_.attributes().erase_server(id);
    note_unsaved_attributes();
  }
}

bool Client::drain_registration(Instant now, ServerId server, Account& account) {
  bool busy = false;
  while (auto action = account.registration.poll()) {
    busy = true;
    if (auto* resolve = std::get_if<ResolveName>(&*action)) {
      events_.push_back(ResolveWanted{server, std::move(resolve->host), resolve->port});
    } else if (auto* send = std::get_if<SendUplink>(&*action)) {
      send_uplink(now, server, account, send->uplink);
    } else if (std::holds_alternative<AbandonUplink>(*action)) {
      abandon_uplink(account);
    } else if (std::holds_alternative<Reconnect>(*action)) {
      channels_of(account.registration.uri()).drop(server);
    } else if (std::holds_alternative<DropObservations>(*action)) {
      suspend_observations(now, server);
    } else if (auto* report = std::get_if<RegistrationReport>(&*action)) {
      if (report->kind == RegistrationReport::Kind::Deregistered) {
        channels_.close(now, server);
        sms_channels_.close(now, server);
      }
      report_registration(now, server, account, *report);
      events_.push_back(RegistrationChanged{server, std::move(*report)});
    }
  }
  return busy;
}

void Client::remove_left_accounts(Instant now) {
  std::erase_if(accounts_, [&](const auto& entry) {
    const auto& [id, account] = entry;
    if (!account.leaving || account.registration.state() != RegistrationState::Off) return false;
    channels_.remove(now, id);
    sms_channels_.remove(now, id);
    return true;
  });
}

}  // namespace drover::client
