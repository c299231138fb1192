// SPDX-License-Identifier: Apache-2.0
// Server accounts: pairs of a Security and a Server instance (Core §5.2.2, E.1, E.2), followed as the tree changes.
#include <limits>

#include "client/client.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {

using lwm2m::InstanceId;
using lwm2m::Path;

Result<void> Client::add_account(Instant now, ServerId server, const std::string& uri, std::uint32_t lifetime,
                                 const SecurityValues& security) {
  if (auto fits = check_settings(settings_); !fits) return fits;
  const auto parsed = parse_server_uri(uri);
  if (!parsed) return tl::unexpected(parsed.error());
  if (auto usable = check_security(*parsed, security); !usable) return usable;
  const auto refused = [](std::string reason) {
    return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
  };
  if (server == 0 || server == lwm2m::kReservedId) return refused("a Short Server ID is 1 to 65534");
  const Context context{now, std::nullopt};
  for (const InstanceId used : tree_.instances(SecurityObject::kObject)) {
    if (integer(now, Path(SecurityObject::kObject, used, SecurityObject::kShortServerId)) != server) continue;
    return refused("another server has the id " + std::to_string(server) + "; give each its own");
  }
  const auto free_id = [&](lwm2m::ObjectId object) {
    InstanceId id = 0;
    for (const InstanceId used : tree_.instances(object)) {
      if (used == id) ++id;
    }
    return id;
  };
  const Path account(SecurityObject::kObject, free_id(SecurityObject::kObject));
  const Path server_path(ServerObject::kObject, free_id(ServerObject::kObject));
  if (auto added = tree_.add(context, account.object(), account.instance()); !added) return added;
  if (auto added = tree_.add(context, server_path.object(), server_path.instance()); !added) return added;
  const std::pair<Path, lwm2m::Value> values[] = {
      {account.child(SecurityObject::kUri), uri},
      {account.child(SecurityObject::kBootstrap), false},
      {account.child(SecurityObject::kMode), security.mode},
      {account.child(SecurityObject::kShortServerId), std::int64_t{server}},
      {server_path.child(ServerObject::kShortServerId), std::int64_t{server}},
      {server_path.child(ServerObject::kLifetime), std::int64_t{lifetime}},
      {server_path.child(ServerObject::kNotificationStoring), true},
      {server_path.child(ServerObject::kBinding), std::string("U")},
  };
  for (const auto& [path, value] : values) {
    if (auto result = tree_.set(context, path, value); !result) return result;
  }
  const std::pair<lwm2m::ResourceId, const Bytes&> keys[] = {{SecurityObject::kIdentity, security.identity},
                                                             {SecurityObject::kServerKey, security.server_key},
                                                             {SecurityObject::kSecretKey, security.key.reveal()}};
  for (const auto& [id, bytes] : keys) {
    if (bytes.empty()) continue;  // the instance was made with empty ones
    if (auto result = tree_.set(context, account.child(id), lwm2m::Opaque{bytes}); !result) return result;
  }
  return {};
}

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

SecurityValues Client::security_values(Instant now, InstanceId security) const {
  const Path path(SecurityObject::kObject, security);
  const auto bytes = [&](lwm2m::ResourceId id) {
    const auto value = tree_.get({now, std::nullopt}, path.child(id));
    const auto* opaque = value ? std::get_if<lwm2m::Opaque>(&*value) : nullptr;
    return opaque == nullptr ? Bytes() : opaque->bytes;
  };
  SecurityValues values;
  values.mode = integer(now, path.child(SecurityObject::kMode)).value_or(SecurityObject::kNoSec);
  values.identity = bytes(SecurityObject::kIdentity);
  values.server_key = bytes(SecurityObject::kServerKey);
  values.key = Secret<Bytes>(bytes(SecurityObject::kSecretKey));
  return values;
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
  if (fits) {
    refused_.erase(server);
    return *uri;
  }
  const std::string& reason = fits.error().reason;
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
  notifier_.set_defaults(now, server, periods);

  auto found = accounts_.find(server);
  if (found != accounts_.end() && found->second.registration.uri() != *uri) {
    abandon_uplink(found->second);
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

/// The bootstrap server, of which there is one, may call; it has no Short Server ID, and 0 is nobody's.
void Client::sync_bootstrap(Instant now, InstanceId security) {
  if (!settings_.accept_handshakes) return;
  (void)usable_uri(now, security, kBootstrapServer);
  bootstrap_seen_ = true;
}

void Client::sync_accounts(Instant now) {
  bootstrap_seen_ = false;
  for (auto& [id, account] : accounts_) account.leaving = true;
  for (const InstanceId security : tree_.instances(SecurityObject::kObject)) {
    const Path path(SecurityObject::kObject, security);
    const auto bootstrap = tree_.get({now, std::nullopt}, path.child(SecurityObject::kBootstrap));
    if (bootstrap == lwm2m::Value(true)) {
      sync_bootstrap(now, security);
      continue;
    }
    const auto id = integer(now, path.child(SecurityObject::kShortServerId));
    if (!id || *id < 1 || *id >= lwm2m::kReservedId) continue;
    for (const InstanceId server : tree_.instances(ServerObject::kObject)) {
      if (integer(now, Path(ServerObject::kObject, server, ServerObject::kShortServerId)) != id) continue;
      sync_account(now, security, static_cast<ServerId>(*id), server);
      break;
    }
  }
  if (!bootstrap_seen_) channels_.remove(now, kBootstrapServer);
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
      channels_.drop(server);
    } else if (std::holds_alternative<DropObservations>(*action)) {
      suspend_observations(now, server);
    } else if (auto* report = std::get_if<RegistrationReport>(&*action)) {
      if (report->kind == RegistrationReport::Kind::Deregistered) channels_.close(now, server);
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
    return true;
  });
}

}  // namespace drover::client
