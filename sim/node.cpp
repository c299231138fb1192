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

client::ClientSettings settings_of(const DeviceNode::Setup& setup) {
  client::ClientSettings settings;
  settings.endpoint = setup.endpoint;
  return settings;
}

}  // namespace

DeviceNode::DeviceNode(const lwm2m::model::Registry& definitions, const Setup& setup, DeviceLog& log)
    : rng_(setup.seed), setup_(setup), log_(log), client_(settings_of(setup), rng_) {
  for (const lwm2m::ObjectId object : std::initializer_list<lwm2m::ObjectId>{0, 1, 3})
    client_.define(*definitions.find(object));
  client_.define(*definitions.find(kTemperature), this);
}

void DeviceNode::start(Instant now) {
  const client::Context own{now, std::nullopt};
  [[maybe_unused]] const bool made =
      client_.tree().add(own, 3, 0).has_value() && client_.tree().add(own, kTemperature, 0).has_value() &&
      client_.add_account(now, kServer, "coap://" + setup_.server.to_string(), setup_.lifetime).has_value();
  assert(made);
  client_.start(now);
}

void DeviceNode::set_temperature(Instant now, double value) {
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
  return !accounts.empty() && (accounts.front().state == client::RegistrationState::Registered ||
                               accounts.front().state == client::RegistrationState::Updating);
}

std::optional<Instant> DeviceNode::deadline() const {
  const auto deadline = client_.deadline();
  if (!deadline) return std::nullopt;
  return deadline->at;
}

void DeviceNode::after(Instant now) {
  while (const auto event = client_.poll_event()) {
    if (const auto* wanted = std::get_if<client::ResolveWanted>(&*event)) {
      client_.resolved(now, wanted->server, {setup_.server});
    }
  }
}

Result<void> DeviceNode::execute(const client::Context&, const lwm2m::Path&, const client::Arguments& arguments) {
  if (!arguments.empty() && arguments.front().value) ++log_.executed[*arguments.front().value];
  return {};
}

ServerNode::ServerNode(std::size_t shards, std::uint64_t seed) : rng_(seed) {
  for (std::size_t index = 0; index < shards; ++index) {
    server::ShardConfig config;
    config.index = index;
    config.count = shards;
    shards_.push_back(std::make_unique<server::Shard>(config, rng_));
  }
}

void ServerNode::operate(Instant now, server::Ticket ticket, const std::string& endpoint,
                         const lwm2m::Downlink& operation) {
  const auto owner =
      std::find_if(shards_.begin(), shards_.end(), [&](const auto& shard) { return shard->has(endpoint); });
  (owner == shards_.end() ? shards_.front() : *owner)->operate(now, ticket, endpoint, operation);
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
  shards_[datagram.from.hash() % shards_.size()]->handle_datagram(now, datagram);
}

void ServerNode::handle_timeout(Instant now) {
  for (const auto& shard : shards_) shard->handle_timeout(now);
}

std::optional<Transmit> ServerNode::poll_transmit() {
  for (const auto& shard : shards_) {
    if (auto transmit = shard->poll_transmit()) return transmit;
  }
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
      while (const auto done = shard->poll_done()) {
        if (on_done) on_done(now, *done);
        busy = true;
      }
    }
  }
}

}  // namespace drover::sim
