// SPDX-License-Identifier: Apache-2.0
#include "sim/node.hpp"

#include <algorithm>
#include <cassert>
#include <initializer_list>
#include <limits>

namespace drover::sim {

namespace {

constexpr lwm2m::ObjectId kTemperature = 3303;
constexpr lwm2m::ResourceId kSensorValue = 5700;
constexpr lwm2m::ObjectId kAccessControl = 2;

client::ClientSettings settings_of(const DeviceNode::Setup& setup, security::Provider& provider) {
  client::ClientSettings settings;
  settings.endpoint = setup.endpoint;
  settings.registration = setup.registration_limits;
  settings.bootstrap = setup.bootstrap_limits;
  if (setup.credential || setup.bootstrap) settings.security = &provider;
  return settings;
}

}  // namespace

DeviceNode::DeviceNode(const lwm2m::model::Registry& definitions, const Setup& setup, DeviceLog& log,
                       DeviceWatcher* watcher)
    : rng_(setup.seed),
      setup_(setup),
      provider_(setup.dtls, rng_),
      log_(log),
      watcher_(watcher),
      client_(settings_of(setup, provider_), rng_) {
  for (const lwm2m::ObjectId object : std::initializer_list<lwm2m::ObjectId>{0, 1, 3})
    client_.define(*definitions.find(object));
  if (setup_.servers.size() > 1) client_.define(*definitions.find(kAccessControl));
  client_.define(*definitions.find(kTemperature), this);
}

void DeviceNode::start(Instant now) {
  now_ = now;
  const client::Context own{now, std::nullopt};
  [[maybe_unused]] const bool made =
      client_.tree().add(own, 3, 0).has_value() && client_.tree().add(own, kTemperature, 0).has_value();
  assert(made);
  const auto content = setup_.disk != nullptr ? setup_.disk->read() : std::nullopt;
  if (content) {
    resume(now, *content);
  } else {
    make_accounts(now);
    if (setup_.servers.size() > 1 && (!setup_.bootstrap || setup_.credential)) provision_access(now);
  }
  if (setup_.disk != nullptr) setup_.disk->begin(now, unix_now(), client_);
  client_.start(now);
}

void DeviceNode::make_accounts(Instant now) {
  const auto values = [](const std::optional<security::PskCredential>& credential) {
    client::SecurityValues security;
    if (!credential) return security;
    security.mode = client::SecurityObject::kPreSharedKey;
    security.identity = to_bytes(credential->identity);
    security.key = credential->key;
    return security;
  };
  const auto uri = [](const PeerAddress& server, bool secure) {
    return (secure ? "coaps://" : "coap://") + server.to_string();
  };
  [[maybe_unused]] bool made = true;
  if (const auto& bootstrap = setup_.bootstrap) {
    made = client_.add_bootstrap_account(now, uri(bootstrap->server, bootstrap->credential.has_value()),
                                         values(bootstrap->credential), bootstrap->hold_off)
               .has_value();
  }
  client::ServerId id = 0;
  for (const PeerAddress& server : setup_.servers) {
    if (setup_.bootstrap && !setup_.credential) break;
    made = made && client_
                       .add_account(now, ++id, uri(server, setup_.credential.has_value()), setup_.lifetime,
                                    values(setup_.credential))
                       .has_value();
  }
  assert(made);
}

/// As a device's program does it: the tree first.
void DeviceNode::resume(Instant now, const DeviceDisk::Content& content) {
  const client::Context own{now, std::nullopt};
  for (const auto& [path, nodes] : content.instances) {
    if (!client_.tree().has(path)) {
      [[maybe_unused]] const auto added = client_.tree().add(own, path.object(), path.instance());
      assert(added);
    }
    for (const lwm2m::ResourceNode& node : nodes) {
      const lwm2m::Path resource = path.child(node.id);
      for (const auto& entry : node.instances) {
        set(now, node.multiple ? resource.child(entry.id) : resource, entry.value);
      }
    }
  }
  client_.restore(now, unix_now(), content.client);
}

UnixSeconds DeviceNode::unix_now() const {
  return std::chrono::floor<std::chrono::seconds>(now_.time_since_epoch() + setup_.wall_offset).count();
}

void DeviceNode::release(Instant now) {
  now_ = now;
  client_.release_associations(now);
  if (setup_.disk != nullptr) setup_.disk->save(now, unix_now(), client_);
  adopted_unsaved_ = false;
}

void DeviceNode::bootstrap(Instant now) {
  now_ = now;
  (void)client_.bootstrap(now);
}

/// What mustn't wait is written before anything is sent, unless the power fails in that moment.
void DeviceNode::save() {
  if (setup_.disk == nullptr) return;
  if (!setup_.disk->is_due(client_)) return setup_.disk->look(now_, client_);
  const bool adopted = adopted_unsaved_;
  dead_ = failure_ == Failure::BeforeSaving || (failure_ == Failure::BeforeSavingAdopted && adopted);
  if (!dead_) {
    setup_.disk->save(now_, unix_now(), client_);
    adopted_unsaved_ = false;
    dead_ = failure_ == Failure::BehindSavingAdopted && adopted;
  }
  if (dead_ && watcher_ != nullptr) watcher_->power_failed(now_, setup_.endpoint);
}

void DeviceNode::set(Instant now, const lwm2m::Path& path, lwm2m::Value value) {
  [[maybe_unused]] const auto set = client_.tree().set({now, std::nullopt}, path, std::move(value));
  assert(set);
}

void DeviceNode::provision_access(Instant now) {
  const auto give = [&](lwm2m::InstanceId instance, lwm2m::ObjectId object, lwm2m::InstanceId of, std::int64_t owner,
                        std::optional<std::int64_t> others) {
    [[maybe_unused]] const auto added = client_.tree().add({now, std::nullopt}, kAccessControl, instance);
    assert(added);
    const lwm2m::Path access(kAccessControl, instance);
    set(now, access.child(0), std::int64_t{object});
    set(now, access.child(1), std::int64_t{of});
    set(now, access.child(3), owner);
    if (others) set(now, access.child(2).child(0), *others);
  };
  constexpr std::int64_t kRead = 1;
  give(kDeviceAccess, 3, 0, 1, kRead);
  give(kTemperatureAccess, kTemperature, 0, 1, kRead);
  for (std::size_t index = 0; index < setup_.servers.size(); ++index) {
    const auto account = static_cast<lwm2m::InstanceId>(index);
    give(static_cast<lwm2m::InstanceId>(kTemperatureAccess + 1 + index), 1, account, std::int64_t{account} + 1,
         std::nullopt);
  }
}

void DeviceNode::open_access(Instant now) {
  now_ = now;
  if (setup_.servers.size() < 2) return;
  const lwm2m::Path rights(kAccessControl, kTemperatureAccess, 2);
  for (std::size_t index = 1; index <= setup_.servers.size(); ++index) {
    set(now, rights.child(static_cast<std::uint16_t>(index)), std::int64_t{7});
  }
  client_.settle(now);
}

std::optional<client::ServerId> DeviceNode::server_at(const PeerAddress& address) const {
  const auto found = std::find(setup_.servers.begin(), setup_.servers.end(), address);
  if (found == setup_.servers.end()) return std::nullopt;
  return static_cast<client::ServerId>(found - setup_.servers.begin() + 1);
}

void DeviceNode::handle_datagram(Instant now, const Datagram& datagram) {
  if (dead_) return;
  now_ = now;
  const auto server = server_at(datagram.from);
  if (const auto message = coap::decode(datagram.bytes); watcher_ != nullptr && server && message) {
    watcher_->heard(now, setup_.endpoint, *server, *message);
  }
  client_.handle_datagram(now, datagram);
}

void DeviceNode::handle_timeout(Instant now) {
  if (dead_) return;
  now_ = now;
  client_.handle_timeout(now);
  if (setup_.disk != nullptr) setup_.disk->handle_timeout(now, unix_now(), client_);
}

std::optional<Transmit> DeviceNode::poll_transmit() {
  if (!dead_) save();
  if (dead_) return std::nullopt;
  auto transmit = client_.poll_transmit();
  if (!transmit || watcher_ == nullptr) return transmit;
  const auto server = server_at(transmit->to);
  const auto message = coap::decode(transmit->bytes);
  if (server && message && message->options.observe()) {
    const auto [known, fresh] = reports_.try_emplace({*server, message->id.value}, now_);
    const bool repeated = !fresh && now_ - known->second < coap::Parameters{}.exchange_lifetime();
    known->second = now_;
    if (!repeated) watcher_->reported(now_, setup_.endpoint, *server, *message, client_);
  }
  return transmit;
}

void DeviceNode::set_temperature(Instant now, double value) {
  now_ = now;
  [[maybe_unused]] const auto set =
      client_.tree().set({now, std::nullopt}, lwm2m::Path(kTemperature, 0, kSensorValue), value);
  assert(set);
  client_.settle(now);
}

double DeviceNode::temperature(Instant now) const {
  const auto value = client_.tree().get({now, std::nullopt}, lwm2m::Path(kTemperature, 0, kSensorValue));
  return value ? std::get<double>(*value) : std::numeric_limits<double>::quiet_NaN();
}

bool DeviceNode::is_registered() const {
  const auto accounts = client_.accounts();
  return accounts.size() == setup_.servers.size() &&
         std::all_of(accounts.begin(), accounts.end(), [](const client::AccountView& account) {
           return account.state == client::RegistrationState::Registered ||
                  account.state == client::RegistrationState::Updating;
         });
}

std::optional<Instant> DeviceNode::deadline() const {
  if (dead_) return std::nullopt;
  std::optional<Instant> earliest = setup_.disk != nullptr ? setup_.disk->deadline() : std::nullopt;
  const auto deadline = client_.deadline();
  if (deadline && (!earliest || deadline->at < *earliest)) earliest = deadline->at;
  return earliest;
}

void DeviceNode::after(Instant now) {
  if (dead_) return;
  now_ = now;
  while (const auto event = client_.poll_event()) {
    if (const auto* wanted = std::get_if<client::ResolveWanted>(&*event)) {
      client_.resolved(now, wanted->server, {setup_.servers.at(std::size_t{wanted->server} - 1)});
    } else if (const auto* bootstrap = std::get_if<client::BootstrapChanged>(&*event)) {
      adopted_unsaved_ |= setup_.disk != nullptr && bootstrap->report.kind == client::BootstrapReport::Kind::Finished;
      if (watcher_ == nullptr) continue;
      watcher_->explained(now, bootstrap->report.reason);
      watcher_->bootstrap_changed(now, setup_.endpoint, bootstrap->report, client_);
    } else if (watcher_ == nullptr) {
      continue;
    } else if (const auto* changed = std::get_if<client::RegistrationChanged>(&*event)) {
      watcher_->explained(now, changed->report.reason);
      watcher_->registration_changed(now, setup_.endpoint, changed->server);
    } else if (const auto* served = std::get_if<client::Served>(&*event)) {
      constexpr client::ServerId kBootstrapServer = 0;
      if (served->server != kBootstrapServer) watcher_->served(now, setup_.endpoint, *served, client_);
    }
  }
  if (watcher_ != nullptr) watcher_->settled(now, setup_.endpoint, client_);
}

Result<void> DeviceNode::execute(const client::Context&, const lwm2m::Path&, const client::Arguments& arguments) {
  if (!arguments.empty() && arguments.front().value) ++log_.executed[*arguments.front().value];
  return {};
}

ServerNode::ServerNode(const Setup& setup) : setup_(setup), rng_(setup.seed) {
  make_shards();
}

void ServerNode::make_shards() {
  shards_.clear();
  acceptors_.clear();
  for (std::size_t index = 0; index < setup_.shards; ++index) {
    server::ShardConfig config;
    config.index = index;
    config.count = setup_.shards;
    config.kept = true;
    if (setup_.credentials != nullptr) {
      security::dtls::DtlsProvider provider(setup_.dtls, rng_);
      auto acceptor = provider.acceptor({}, *setup_.credentials);
      assert(acceptor);
      acceptors_.push_back(std::move(*acceptor));
      config.acceptor = acceptors_.back().get();
      config.credentials = setup_.credentials;
    }
    shards_.push_back(std::make_unique<server::Shard>(std::move(config), rng_));
    shards_.back()->set_wall_clock(wall_offset_);
  }
}

void ServerNode::restart(Instant now, bool graceful, Duration jump) {
  for (const auto& shard : shards_) {
    if (!graceful) break;
    shard->say_goodbye(now);
    disk_.take(*shard);
  }
  wall_offset_ += jump;
  make_shards();
  auto kept = disk_.recover(shards_.size());
  assert(disk_.unreadable() == 0);
  for (std::size_t index = 0; index < shards_.size(); ++index) {
    shards_[index]->take_over(now, std::move(kept[index]));
  }
}

void ServerNode::operate(Instant now, server::Ticket ticket, const std::string& endpoint,
                         const lwm2m::Downlink& operation, const server::OperationSettings& settings) {
  const auto owner =
      std::find_if(shards_.begin(), shards_.end(), [&](const auto& shard) { return shard->has(endpoint); });
  (owner == shards_.end() ? shards_.front() : *owner)->operate(now, ticket, endpoint, operation, settings);
}

std::vector<server::DeviceView> ServerNode::devices() const {
  std::vector<server::DeviceView> all;
  for (const auto& shard : shards_) {
    server::DeviceQuery query;
    query.limit = 1000;
    for (auto& device : shard->list(query).devices) all.push_back(std::move(device));
  }
  return all;
}

void ServerNode::handle_datagram(Instant now, const Datagram& datagram) {
  const auto kind = setup_.credentials != nullptr ? transport::Kind::Dtls : transport::Kind::Udp;
  shards_[datagram.from.hash() % shards_.size()]->handle_datagram(now, {datagram.from.as(kind), datagram.bytes});
}

void ServerNode::handle_timeout(Instant now) {
  for (const auto& shard : shards_) shard->handle_timeout(now);
}

std::optional<Transmit> ServerNode::poll_transmit() {
  for (const auto& shard : shards_) {
    if (auto transmit = shard->poll_transmit()) return Transmit{transmit->to.as(transport::Kind::Udp), transmit->bytes};
  }
  for (const auto& shard : shards_) disk_.take(*shard);
  return std::nullopt;
}

std::optional<Instant> ServerNode::deadline() const {
  std::optional<Instant> earliest;
  for (const auto& shard : shards_) {
    const auto deadline = shard->deadline();
    if (deadline && (!earliest || deadline->at < *earliest)) earliest = deadline->at;
  }
  return earliest;
}

void ServerNode::after(Instant now) {
  for (bool busy = true; busy;) {
    busy = false;
    for (const auto& shard : shards_) {
      while (const auto mail = shard->poll_mail()) {
        shards_[mail->to]->handle_mail(now, *mail);
        busy = true;
      }
      while (const auto event = shard->poll_event()) {
        if (on_event) on_event(now, *event);
        busy = true;
      }
      while (const auto status = shard->poll_progress()) {
        if (on_progress) on_progress(now, *status);
        busy = true;
      }
      while (const auto done = shard->poll_done()) {
        if (on_done) on_done(now, *done);
        busy = true;
      }
    }
  }
}

}  // namespace drover::sim
