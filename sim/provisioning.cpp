// SPDX-License-Identifier: Apache-2.0
#include "sim/provisioning.hpp"

#include <cassert>
#include <utility>

namespace drover::sim {

using store::Purpose;

namespace {

const PeerAddress kAddress = PeerAddress::v4(0x0A0000C8, 5684);
constexpr std::uint8_t kSealKey = 1;
/// Longer than a session is under way: what was removed earlier isn't what it gives.
constexpr Duration kSessionMax = std::chrono::minutes(15);
/// Devices whose name ends so.
constexpr const char* kPattern = "[\"urn:dev:os:world-*1\",\"urn:dev:os:world-*4\"]";

}  // namespace

Provisioning::Provisioning(const lwm2m::model::Registry& definitions, Network& network, Complaints& complaints,
                           const Setup& setup)
    : configuration_is_whole(complaints), secrets_stay_secret(complaints), network_(network), setup_(setup) {
  store::Credentials::Settings settings;
  settings.unix_now = [this] {
    return std::chrono::floor<std::chrono::seconds>(network_.now().time_since_epoch()).count();
  };
  auto opened = store::Credentials::open(std::make_unique<store::MemoryCredentialTable>(disk_),
                                         store::Sealer(Secret<Bytes>(Bytes(store::Sealer::kKeySize, kSealKey))),
                                         std::move(settings));
  assert(opened);
  store_ = std::move(*opened);
  keys_open_their_own_ = std::make_unique<KeysOpenTheirOwn>(complaints, *store_);
  BootstrapServerNode::Setup node;
  node.seed = setup.seed;
  node.credentials = store_.get();
  node.definitions = &definitions;
  node.dtls.watcher = setup.watcher;
  node.dtls.ticket_secret = Secret<Bytes>(Bytes(32, 0xB5));
  node.nosec = setup.nosec;
  node_ = std::make_unique<BootstrapServerNode>(node);
  node_->on_event = [this](Instant now, const bootstrap::Event& event) { on_event(now, event); };
  node_->on_keys = [this](Instant, const bootstrap::KeysWanted& wanted, const auto& keys) { on_keys(wanted, keys); };
  node_->put_plan("all", plan("all", "", false));
  host_ = network_.attach(kAddress, node_.get(), link::kLan);
  network_.on_sent = [this](Instant now, const Transmit& transmit) { secrets_stay_secret.sent(now, transmit.bytes); };
}

std::string Provisioning::plan(const std::string& name, const std::string& endpoints, bool rotate) const {
  std::string servers;
  for (std::size_t index = 0; index < setup_.servers.size(); ++index) {
    servers += (servers.empty() ? "" : ",") + std::string(R"({"id":)") + std::to_string(index + 1) +
               R"(,"uri":"coaps://)" + setup_.servers[index].to_string() + R"(","lifetime":)" +
               std::to_string(rotate ? 600 : 1800) + R"(,"security":{"mode":"psk","key_bytes":)" +
               std::to_string(rotate ? 32 : 16) + "}}";
  }
  // Accounts are written over where they are: a Delete takes what only that server may use with it (Core E.1.3).
  const std::string several = setup_.servers.size() > 1 ? R"(,"delete":[],"write":)" + access() : "";
  const std::string whose = endpoints.empty() ? "" : R"(,"endpoints":)" + endpoints;
  return R"({"name":")" + name + R"(")" + whose + R"(,"keys":")" + (rotate ? "rotate" : "keep") + R"(","format":")" +
         (rotate ? "json" : "tlv") + R"(","servers":[)" + servers + "]" + several + "}";
}

/// As DeviceNode has it of itself: what is the first server's, the others may read.
std::string Provisioning::access() const {
  std::string entries;
  const auto give = [&](std::size_t instance, const std::string& target, const std::string& acl, std::size_t owner) {
    entries += (entries.empty() ? "" : ",") + std::string(R"({"path":"/2/)") + std::to_string(instance) + R"(","value":{)" +
               target + "," + acl + R"("3":)" + std::to_string(owner) + "}}";
  };
  give(DeviceNode::kDeviceAccess, R"("0":3,"1":0)", R"("2":{"0":1},)", 1);
  give(DeviceNode::kTemperatureAccess, R"("0":3303,"1":0)", R"("2":{"0":1},)", 1);
  for (std::size_t index = 0; index < setup_.servers.size(); ++index) {
    give(DeviceNode::kTemperatureAccess + 1 + index, R"("0":1,"1":)" + std::to_string(index), "", index + 1);
  }
  return "[" + entries + "]";
}

void Provisioning::change_plan(bool rotate) {
  switch (network_.rng().below(3)) {
    case 0: return node_->put_plan("all", plan("all", "", rotate));
    case 1: return node_->put_plan("some", plan("some", kPattern, rotate));
    default: return node_->remove_plan("some");
  }
}

void Provisioning::restart(Instant now, Duration jump) {
  ++restarts;
  node_->restart(now, jump);
  network_.flush(host_);
}

// ---- credentials ----------------------------------------------------------------------------------------------------

security::PskCredential Provisioning::enrol(Purpose purpose, const std::string& endpoint) {
  store::NewCredential credential;
  credential.purpose = purpose;
  credential.identity = endpoint;
  credential.key = Secret<Bytes>(
      to_bytes(std::string(to_string(purpose)) + " key " + std::to_string(++enrolled_) + " of " + endpoint));
  credential.endpoint = endpoint;
  secrets_stay_secret.learn(credential.key.reveal());
  security::PskCredential own{credential.identity, credential.key};
  [[maybe_unused]] const auto added = store_->add(std::move(credential));
  assert(added);
  return own;
}

void Provisioning::revoke(Instant now, const std::string& endpoint) {
  revoked_[endpoint] = now;
  for (const store::Credential& entry : store_->of_endpoint(Purpose::Server, endpoint)) (void)store_->remove(entry.id);
}

void Provisioning::admit(const std::string& endpoint, bool admitted) {
  store::CredentialChange change;
  change.enabled = admitted;
  for (const store::Credential& entry : store_->of_endpoint(Purpose::Bootstrap, endpoint)) {
    (void)store_->change(entry.id, change);
  }
}

// ---- what happens ---------------------------------------------------------------------------------------------------

void Provisioning::on_event(Instant now, const bootstrap::Event& event) {
  secrets_stay_secret.said(now, event);
  if (std::holds_alternative<bootstrap::SessionStarted>(event)) ++sessions;
  const auto* ended = std::get_if<bootstrap::SessionEnded>(&event);
  if (ended == nullptr) return;
  ++(ended->state == bootstrap::SessionState::Finished ? finished_sessions : failed_sessions);
  unknown_sessions += ended->applied == bootstrap::Applied::Unknown ? 1 : 0;
  if (const auto view = node_->server().session(ended->session)) secrets_stay_secret.said(now, *view);
}

void Provisioning::on_keys(const bootstrap::KeysWanted& wanted, const std::vector<security::ClientCredential>& keys) {
  std::vector<OfferedAccount> accounts;
  for (std::size_t index = 0; index < keys.size(); ++index) {
    const auto& psk = std::get<security::PskCredential>(keys[index].own);
    secrets_stay_secret.learn(psk.key.reveal());
    const bootstrap::KeyRequest& request = wanted.requests[index];
    accounts.push_back({*request.short_server_id, request.uri, psk.identity, psk.key.reveal()});
  }
  configuration_is_whole.offered(wanted.endpoint, std::move(accounts));
}

void Provisioning::finished(Instant now, const std::string& endpoint, const client::Client& client) {
  configuration_is_whole.finished(now, endpoint, client);
  const auto revoked = revoked_.find(endpoint);
  if (revoked != revoked_.end() && now - revoked->second < kSessionMax) return;
  keys_open_their_own_->opens(now, endpoint, configuration_of(client, now));
}

void Provisioning::look(Instant now, const std::vector<std::string>& endpoints) {
  keys_open_their_own_->bound(now, endpoints);
}

void Provisioning::at_end(Instant now, const std::string& endpoint, const client::Client& client) {
  keys_open_their_own_->opens(now, endpoint, configuration_of(client, now));
}

}  // namespace drover::sim
