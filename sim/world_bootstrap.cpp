// SPDX-License-Identifier: Apache-2.0
// A world whose devices get their keys from a Bootstrap-Server.
#include <algorithm>
#include <cassert>

#include "sim/world.hpp"

namespace drover::sim {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Failure = DeviceNode::Failure;

namespace {

/// One of so many sessions is interrupted.
constexpr std::uint32_t kOneInterruptedIn = 4;
/// A session over a slow radio takes about so long.
constexpr Duration kSession = seconds(20);
constexpr Duration kAwayMax = minutes(40);
constexpr Duration kOffMax = minutes(20);
constexpr std::uint32_t kOneWithServerIn = 4;

constexpr Failure kFailures[] = {Failure::BeforeSaving, Failure::BeforeSavingAdopted, Failure::BehindSavingAdopted};

}  // namespace

Duration World::some_time(Duration max) {
  const auto bound = static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(max).count());
  return milliseconds(network_.rng().below(bound));
}

World::Device& World::device_of(const std::string& endpoint) {
  const auto found =
      std::find_if(devices_.begin(), devices_.end(), [&](const Device& one) { return one.endpoint == endpoint; });
  assert(found != devices_.end());
  return *found;
}

void World::make_provisioning() {
  Provisioning::Setup setup;
  setup.seed = settings_.seed ^ 0xB005;
  for (std::size_t index = 0; index < settings_.servers; ++index) setup.servers.push_back(address_of_server(index));
  setup.watcher = &nonces_;
  setup.nosec = settings_.flaw == Flaw::OpenBootstrap;
  provisioning_ = std::make_unique<Provisioning>(definitions_, network_, complaints_, setup);
  thief_.host = network_.attach(fresh_address(), nullptr, link::kLan);
}

void World::equip(Device& device) {
  DeviceNode::Setup::Bootstrap bootstrap;
  bootstrap.server = network_.address(provisioning_->host());
  bootstrap.credential = provisioning_->enrol(store::Purpose::Bootstrap, device.endpoint);
  if (settings_.flaw == Flaw::OpenBootstrap) bootstrap.credential.reset();
  bootstrap.hold_off = static_cast<std::uint32_t>(network_.rng().below(30));
  device.setup.bootstrap = std::move(bootstrap);
  if (network_.rng().below(kOneWithServerIn) == 0) {
    device.setup.credential = provisioning_->enrol(store::Purpose::Server, device.endpoint);
  }
  device.setup.dtls.watcher = &nonces_;
  // So that fallbacks happen within the hours of a world.
  device.setup.registration_limits.refused_first = minutes(4);
  device.setup.registration_limits.refused_max = minutes(30);
  device.setup.bootstrap_limits.failures_max = 2;
  device.setup.bootstrap_limits.retry_max = minutes(15);
  device.setup.bootstrap_limits.refused_first = minutes(4);
  device.setup.bootstrap_limits.refused_max = minutes(30);
  device.disk = std::make_unique<DeviceDisk>();
  device.disk->is_late = settings_.flaw == Flaw::LateDisk;
  device.setup.disk = device.disk.get();
}

// ---- troubles -------------------------------------------------------------------------------------------------------

void World::send_away(Instant now, Network::Host host, Duration away) {
  network_.set_link(host, link::kDown);
  network_.at(now + away, [this, host](Instant) { network_.set_link(host, link::kLan); });
}

void World::trouble(Instant now) {
  ++report_.faults;
  Device& device = some_device();
  switch (network_.rng().below(8)) {
    case 0: {
      const auto server = static_cast<std::size_t>(network_.rng().below(static_cast<std::uint32_t>(servers_.size())));
      return send_away(now, servers_[server].host, some_time(kAwayMax));
    }
    case 1: return send_away(now, provisioning_->host(), some_time(kAwayMax) / 2);
    case 2: {
      provisioning_->revoke(now, device.endpoint);
      for (const Server& server : servers_) network_.flush(server.host);
      return;
    }
    case 3:
      provisioning_->admit(device.endpoint, false);
      network_.at(now + some_time(kAwayMax),
                  [this, endpoint = device.endpoint](Instant) { provisioning_->admit(endpoint, true); });
      return;
    case 4: return provisioning_->restart(now, some_time(minutes(30)) - minutes(15));
    case 5: return provisioning_->change_plan(network_.rng().below(2) == 0);
    case 6:
      if (device.node) device.node->fail_at(kFailures[network_.rng().below(std::size(kFailures))]);
      [[fallthrough]];
    default:
      if (!device.node) return;
      device.node->bootstrap(now);
      network_.flush(device.host);
  }
}

/// In the middle of a session of that device.
void World::interrupt(Instant now, Device& device) {
  if (!device.node) return;
  ++report_.interruptions;
  switch (network_.rng().below(8)) {
    case 0: return switch_off(device, now, some_time(kOffMax));
    case 1: return send_away(now, device.host, some_time(kOffMax));
    case 2: return network_.move(device.host, fresh_address());
    case 3: return provisioning_->restart(now, Duration{});
    case 4: return provisioning_->change_plan(network_.rng().below(2) == 0);
    default: return device.node->fail_at(kFailures[network_.rng().below(std::size(kFailures))]);
  }
}

void World::bootstrap_changed(Instant now, const std::string& endpoint, const client::BootstrapReport& report,
                              const client::Client& client) {
  using Kind = client::BootstrapReport::Kind;
  if (report.kind == Kind::Finished) {
    ++report_.bootstraps;
    report_.fallbacks += report.cause == client::BootstrapCause::NoRegistration ? 1 : 0;
    provisioning_->finished(now, endpoint, client);
  }
  if (report.kind != Kind::Began || healed_ || network_.rng().below(kOneInterruptedIn) != 0) return;
  network_.at(now + some_time(kSession), [this, endpoint](Instant at) {
    if (!healed_) interrupt(at, device_of(endpoint));
  });
}

void World::settled(Instant now, const std::string& endpoint, const client::Client& client) {
  if (provisioning_) provisioning_->configuration_is_whole.look(now, endpoint, client);
}

void World::explained(Instant now, const std::string& reason) {
  if (provisioning_) provisioning_->secrets_stay_secret.said(now, "what a device says", reason);
}

void World::power_failed(Instant now, const std::string& endpoint) {
  Device& device = device_of(endpoint);
  device.adoption_lost = device.node->is_adopted_unsaved();
  if (device.adoption_lost) ++report_.lost_adoptions;
  if (device.node->failure() == Failure::BehindSavingAdopted) ++report_.kept_adoptions;
  network_.at(now, [this, endpoint](Instant at) { switch_off(device_of(endpoint), at, some_time(kOffMax)); });
}

// ---- thieves --------------------------------------------------------------------------------------------------------

void World::end_thefts() {
  if (!thief_.node) return;
  network_.replace(thief_.host, nullptr);
  thief_.node.reset();
}

/// Somebody with the keys of one device calls itself another, at one of the two servers.
void World::theft(Instant now) {
  end_thefts();
  const Device& victim = some_device();
  const Device& owner = settings_.flaw == Flaw::StolenKeys ? victim : some_device();
  if (!owner.node || (owner.endpoint == victim.endpoint && settings_.flaw != Flaw::StolenKeys)) return;
  DeviceNode::Setup setup;
  setup.endpoint = victim.endpoint;
  setup.seed = network_.rng().next();
  setup.servers = victim.setup.servers;
  setup.dtls.watcher = &nonces_;
  const auto accounts = accounts_in(configuration_of(owner.node->client(), now));
  if (network_.rng().below(2) == 0 && !accounts.empty()) {
    setup.credential = security::PskCredential{accounts.front().identity, Secret<Bytes>(accounts.front().key)};
  } else {
    setup.bootstrap = owner.setup.bootstrap;
  }
  ++report_.thefts;
  network_.move(thief_.host, fresh_address());
  thief_.node = std::make_unique<DeviceNode>(definitions_, setup, thief_log_, &thief_is_refused_);
  network_.replace(thief_.host, thief_.node.get());
  thief_.node->start(now);
  network_.flush(thief_.host);
}

// ---- the end --------------------------------------------------------------------------------------------------------

void World::look_at_keys(Instant now) {
  std::vector<std::string> endpoints;
  for (const Device& device : devices_) endpoints.push_back(device.endpoint);
  provisioning_->look(now, endpoints);
}

void World::report_provisioning(Instant now) {
  look_at_keys(now);
  for (const Device& device : devices_) {
    provisioning_->at_end(now, device.endpoint, device.node->client());
    const auto kept = provisioning_->store().of_endpoint(store::Purpose::Server, device.endpoint).size();
    report_.keys_kept_max = std::max<std::uint64_t>(report_.keys_kept_max, kept);
  }
  report_.sessions = provisioning_->sessions;
  report_.failed_sessions = provisioning_->failed_sessions;
  report_.unknown_sessions = provisioning_->unknown_sessions;
  report_.bootstrap_restarts = provisioning_->restarts;
  report_.looks = provisioning_->configuration_is_whole.looks();
  report_.secrets = provisioning_->secrets_stay_secret.secrets();
  report_.texts = provisioning_->secrets_stay_secret.texts();
  report_.refused_thefts = thief_is_refused_.refusals();
}

}  // namespace drover::sim
