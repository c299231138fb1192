// SPDX-License-Identifier: Apache-2.0
#include "sim/bootstrap_checkers.hpp"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <map>

#include "lwm2m/content/base64.hpp"

namespace drover::sim {

using client::SecurityObject;
using client::ServerObject;
using lwm2m::Path;

// ---- configurations -------------------------------------------------------------------------------------------------

Configuration configuration_of(const client::Client& client, Instant now) {
  Configuration found;
  const client::Context own{now, std::nullopt};
  for (const lwm2m::ObjectId object : {SecurityObject::kObject, ServerObject::kObject}) {
    for (const lwm2m::InstanceId instance : client.tree().instances(object)) {
      for (auto& node : client.tree().values(own, object, instance)) {
        found.emplace_back(Path(object, instance, node.id), std::move(node));
      }
    }
  }
  return found;
}

namespace {

template <class T>
std::optional<T> value_at(const Configuration& configuration, const Path& path) {
  for (const auto& [at, node] : configuration) {
    if (at != path || node.instances.empty()) continue;
    if (const auto* value = std::get_if<T>(&node.instances.front().value)) return *value;
  }
  return std::nullopt;
}

std::vector<Path> instances_in(const Configuration& configuration, lwm2m::ObjectId object) {
  std::vector<Path> found;
  for (const auto& [path, node] : configuration) {
    const Path instance = path.prefix(2);
    if (path.object() == object && (found.empty() || found.back() != instance)) found.push_back(instance);
  }
  return found;
}

bool is_bootstrap(const Configuration& configuration, const Path& security) {
  return value_at<bool>(configuration, security.child(SecurityObject::kBootstrap)).value_or(false);
}

/// The Bootstrap-Server's account, which a bootstrap without a new one leaves alone.
Configuration bootstrap_part(const Configuration& configuration) {
  Configuration part;
  for (const auto& entry : configuration) {
    if (entry.first.object() == SecurityObject::kObject && is_bootstrap(configuration, entry.first.prefix(2))) {
      part.push_back(entry);
    }
  }
  return part;
}

/// Each server with a Security instance has one Server instance, and there is no other.
bool is_paired(const Configuration& configuration) {
  std::vector<std::int64_t> security, servers;
  for (const Path& instance : instances_in(configuration, SecurityObject::kObject)) {
    if (is_bootstrap(configuration, instance)) continue;
    const Path id = instance.child(SecurityObject::kShortServerId);
    security.push_back(value_at<std::int64_t>(configuration, id).value_or(0));
  }
  for (const Path& instance : instances_in(configuration, ServerObject::kObject)) {
    const Path id = instance.child(ServerObject::kShortServerId);
    servers.push_back(value_at<std::int64_t>(configuration, id).value_or(0));
  }
  std::sort(security.begin(), security.end());
  std::sort(servers.begin(), servers.end());
  return security == servers && std::adjacent_find(servers.begin(), servers.end()) == servers.end();
}

}  // namespace

std::vector<OfferedAccount> accounts_in(const Configuration& configuration) {
  std::vector<OfferedAccount> accounts;
  for (const Path& instance : instances_in(configuration, SecurityObject::kObject)) {
    if (is_bootstrap(configuration, instance)) continue;
    const auto id = value_at<std::int64_t>(configuration, instance.child(SecurityObject::kShortServerId)).value_or(0);
    const auto identity = value_at<lwm2m::Opaque>(configuration, instance.child(SecurityObject::kIdentity));
    const auto key = value_at<lwm2m::Opaque>(configuration, instance.child(SecurityObject::kSecretKey));
    accounts.push_back({static_cast<client::ServerId>(id),
                        value_at<std::string>(configuration, instance.child(SecurityObject::kUri)).value_or(""),
                        identity ? std::string(as_text(identity->bytes)) : "", key ? key->bytes : Bytes{}});
  }
  std::sort(accounts.begin(), accounts.end(), [](const auto& a, const auto& b) { return a.server < b.server; });
  return accounts;
}

void ConfigurationIsWhole::offered(const std::string& endpoint, std::vector<OfferedAccount> accounts) {
  std::sort(accounts.begin(), accounts.end(), [](const auto& a, const auto& b) { return a.server < b.server; });
  devices_[endpoint].offers.push_back(std::move(accounts));
}

void ConfigurationIsWhole::started(Instant at, const std::string& endpoint, const client::Client& client,
                                   bool before_saving) {
  Device& device = devices_[endpoint];
  Configuration found = configuration_of(client, at);
  if (device.now.empty()) {
    device.now = device.before = std::move(found);
  } else if (before_saving && found == device.before) {
    device.now = device.before;
  } else if (found != device.now) {
    complaints_.add(at, endpoint + " came back with another configuration than it had");
    device.now = std::move(found);
  }
}

void ConfigurationIsWhole::finished(Instant at, const std::string& endpoint, const client::Client& client) {
  Device& device = devices_[endpoint];
  Configuration found = configuration_of(client, at);
  const auto accounts = accounts_in(found);
  if (std::find(device.offers.begin(), device.offers.end(), accounts) == device.offers.end()) {
    complaints_.add(at, endpoint + " has finished a bootstrap with accounts that no session gave it");
  }
  if (!is_paired(found)) complaints_.add(at, endpoint + " has finished a bootstrap without pairs of objects 0 and 1");
  if (bootstrap_part(found) != bootstrap_part(device.now)) {
    complaints_.add(at, endpoint + " has finished a bootstrap with another Bootstrap-Server account");
  }
  device.before = std::exchange(device.now, std::move(found));
}

void ConfigurationIsWhole::look(Instant at, const std::string& endpoint, const client::Client& client) {
  Device& device = devices_[endpoint];
  ++looks_;
  Configuration found = configuration_of(client, at);
  if (found == device.now) return;
  complaints_.add(at, endpoint + " has another configuration without having finished a bootstrap");
  device.now = std::move(found);
}

// ---- secrets --------------------------------------------------------------------------------------------------------

namespace {

std::uint64_t first_bytes(std::string_view text) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, text.data(), sizeof bytes);
  return bytes;
}

}  // namespace

void SecretsStaySecret::add(std::string form) {
  auto& forms = forms_[first_bytes(form)];
  if (std::find(forms.begin(), forms.end(), form) == forms.end()) forms.push_back(std::move(form));
}

void SecretsStaySecret::learn(ByteView key) {
  ++secrets_;
  add(std::string(as_text(key)));
  std::string digits = to_hex(key);
  add(digits);
  std::transform(digits.begin(), digits.end(), digits.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  add(std::move(digits));
  // Wherever it stands in what was encoded; the groups at its ends have bits of others.
  constexpr std::size_t kGroup = 3;
  for (std::size_t skip = 0; skip < kGroup; ++skip) {
    const std::size_t whole = (key.size() - skip) / kGroup * kGroup;
    add(lwm2m::content::to_base64(key.subspan(skip, whole)));
  }
}

bool SecretsStaySecret::is_told(std::string_view text) const {
  for (std::size_t at = 0; at + kPrefix <= text.size(); ++at) {
    const auto found = forms_.find(first_bytes(text.substr(at)));
    if (found == forms_.end()) continue;
    for (const std::string& form : found->second) {
      if (text.substr(at).starts_with(form)) return true;
    }
  }
  return false;
}

void SecretsStaySecret::sent(Instant at, ByteView datagram) {
  if (is_told(as_text(datagram))) complaints_.add(at, "a datagram has a key in it");
}

void SecretsStaySecret::said(Instant at, const char* where, std::string_view text) {
  ++texts_;
  if (is_told(text)) complaints_.add(at, std::string("a key is told in ") + where);
}

void SecretsStaySecret::said(Instant at, const bootstrap::Event& event) {
  const char* where = "an event of the Bootstrap-Server";
  const auto all = [&](std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) said(at, where, text);
  };
  const auto entry = [&](const bootstrap::TimelineEntry& one) { all({one.operation, one.path.to_string(), one.text}); };
  const auto provisioned = [&](const std::vector<bootstrap::Provisioned>& accounts) {
    for (const auto& account : accounts) all({account.uri, as_text(account.public_identity)});
  };
  if (const auto* wanted = std::get_if<bootstrap::KeysWanted>(&event)) {
    all({wanted->endpoint, wanted->identity.to_string()});
    for (const auto& request : wanted->requests) all({request.uri, request.identity});
  } else if (const auto* started = std::get_if<bootstrap::SessionStarted>(&event)) {
    all({started->endpoint, started->plan});
  } else if (const auto* progress = std::get_if<bootstrap::SessionProgress>(&event)) {
    all({progress->endpoint});
    entry(progress->entry);
  } else if (const auto* ended = std::get_if<bootstrap::SessionEnded>(&event)) {
    all({ended->endpoint, ended->reason});
    provisioned(ended->provisioned);
  } else if (const auto* refused = std::get_if<bootstrap::Refused>(&event)) {
    all({refused->endpoint, refused->reason});
  }
}

void SecretsStaySecret::said(Instant at, const bootstrap::SessionView& view) {
  const char* where = "the view of a session";
  for (const std::string_view text : std::initializer_list<std::string_view>{view.endpoint, view.plan, view.reason}) {
    said(at, where, text);
  }
  said(at, where, view.identity.to_string());
  for (const auto& account : view.provisioned) {
    said(at, where, account.uri);
    said(at, where, as_text(account.public_identity));
  }
  for (const auto& entry : view.timeline) said(at, where, entry.text);
}

void SecretsStaySecret::said(Instant at, const server::Event& event) {
  const char* where = "an event of the LwM2M Server";
  said(at, where, event.endpoint);
  said(at, where, event.reason);
  if (event.outcome) said(at, where, as_text(event.outcome->payload));
}

// ---- whose keys they are --------------------------------------------------------------------------------------------

void KeysOpenTheirOwn::bound(Instant at, const std::vector<std::string>& endpoints) {
  std::map<Bytes, std::string> owners;
  for (const auto purpose : {store::Purpose::Server, store::Purpose::Bootstrap}) {
    const auto& source = store_.source(purpose);
    for (const std::string& endpoint : endpoints) {
      for (const store::Credential& entry : store_.of_endpoint(purpose, endpoint)) {
        const auto key = store_.key(entry.id);
        const auto owner = owners.try_emplace(key ? key->reveal() : Bytes{}, endpoint).first;
        if (owner->second != endpoint) complaints_.add(at, endpoint + " has the same key as " + owner->second);
        const security::Identity identity{.kind = security::IdentityKind::Psk, .name = entry.identity, .names = {}};
        for (const std::string& other : endpoints) {
          if (other == endpoint || !source.may_be(entry.id, identity, other)) continue;
          complaints_.add(at, "a credential of " + endpoint + " opens " + other);
        }
      }
    }
  }
}

void KeysOpenTheirOwn::opens(Instant at, const std::string& endpoint, const Configuration& configuration) {
  const auto& source = store_.source(store::Purpose::Server);
  const auto accounts = accounts_in(configuration);
  if (accounts.empty()) complaints_.add(at, endpoint + " has no server account");
  for (const OfferedAccount& account : accounts) {
    const security::Identity identity{.kind = security::IdentityKind::Psk, .name = account.identity, .names = {}};
    const auto known = source.find_psk(account.identity);
    if (known && known->key.reveal() == account.key && source.may_be(known->credential, identity, endpoint)) continue;
    complaints_.add(at, endpoint + " has a key for server " + std::to_string(account.server) +
                            " that the store doesn't hold");
  }
}

void ThiefIsRefused::bootstrap_changed(Instant now, const std::string& endpoint, const client::BootstrapReport& report,
                                       const client::Client&) {
  if (report.kind == client::BootstrapReport::Kind::Failed) return;
  complaints_.add(now, "a thief is bootstrapped as " + endpoint);
}

void ThiefIsRefused::settled(Instant now, const std::string& endpoint, const client::Client& client) {
  for (const client::AccountView& account : client.accounts()) {
    if (account.location.empty()) continue;
    complaints_.add(now, "a thief is registered as " + endpoint);
  }
}

}  // namespace drover::sim
