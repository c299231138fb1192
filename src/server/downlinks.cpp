// SPDX-License-Identifier: Apache-2.0
#include "server/downlinks.hpp"

#include <algorithm>
#include <cassert>

namespace drover::server {
namespace {

auto position(std::vector<Observation>& observations, const lwm2m::Path& path) {
  return std::find_if(observations.begin(), observations.end(),
                      [&](const Observation& observation) { return observation.what.path == path; });
}

}  // namespace

void Downlinks::wait(coap::ExchangeId exchange, Waiting waiting) {
  Device& device = devices_[waiting.slot];
  device.waiting.push_back(exchange);
  if (is_observe(waiting)) ++device.observes_waiting;
  waiting_.emplace(exchange, std::move(waiting));
}

const Waiting* Downlinks::waiting(coap::ExchangeId exchange) const {
  const auto found = waiting_.find(exchange);
  return found == waiting_.end() ? nullptr : &found->second;
}

std::vector<coap::ExchangeId> Downlinks::under_way(Slot slot) const {
  const auto device = devices_.find(slot);
  return device == devices_.end() ? std::vector<coap::ExchangeId>{} : device->second.waiting;
}

std::optional<Waiting> Downlinks::take(coap::ExchangeId exchange) {
  const auto found = waiting_.find(exchange);
  if (found == waiting_.end()) return std::nullopt;
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  const auto device = devices_.find(waiting.slot);
  assert(device != devices_.end());
  std::erase(device->second.waiting, exchange);
  if (is_observe(waiting)) --device->second.observes_waiting;
  tidy(device);
  return waiting;
}

void Downlinks::observe(Slot slot, Observation observation) {
  end(slot, observation.what.path);
  observed_.emplace(observation.exchange, slot);
  devices_[slot].observations.push_back(std::move(observation));
}

Observation* Downlinks::find(Slot slot, const lwm2m::Path& path) {
  const auto device = devices_.find(slot);
  if (device == devices_.end()) return nullptr;
  const auto found = position(device->second.observations, path);
  return found == device->second.observations.end() ? nullptr : &*found;
}

std::pair<Slot, Observation*> Downlinks::find(coap::ExchangeId exchange) {
  const auto slot = observed_.find(exchange);
  if (slot == observed_.end()) return {0, nullptr};
  for (Observation& observation : devices_.at(slot->second).observations) {
    if (observation.exchange == exchange) return {slot->second, &observation};
  }
  assert(false);
  return {0, nullptr};
}

void Downlinks::end(Slot slot, const lwm2m::Path& path) {
  const auto device = devices_.find(slot);
  if (device == devices_.end()) return;
  const auto found = position(device->second.observations, path);
  if (found == device->second.observations.end()) return;
  observed_.erase(found->exchange);
  device->second.observations.erase(found);
  tidy(device);
}

std::vector<Observation> Downlinks::observations(Slot slot) const {
  const auto device = devices_.find(slot);
  return device == devices_.end() ? std::vector<Observation>{} : device->second.observations;
}

std::vector<ObservedPath> Downlinks::restoring(Slot slot) const {
  std::vector<ObservedPath> paths;
  for (const coap::ExchangeId exchange : under_way(slot)) {
    const Waiting& one = waiting_.at(exchange);
    if (one.kind == Waiting::Kind::Restore || one.replaces) paths.push_back(one.what);
  }
  return paths;
}

std::optional<coap::ExchangeId> Downlinks::restoring(Slot slot, const lwm2m::Path& path) const {
  const auto device = devices_.find(slot);
  if (device == devices_.end()) return std::nullopt;
  for (const coap::ExchangeId exchange : device->second.waiting) {
    const Waiting& waiting = waiting_.at(exchange);
    if (waiting.kind == Waiting::Kind::Restore && waiting.what.path == path) return exchange;
  }
  return std::nullopt;
}

bool Downlinks::is_asked_for(Slot slot, const lwm2m::Path& path) const {
  const auto device = devices_.find(slot);
  if (device == devices_.end()) return false;
  const Device& found = device->second;
  return std::any_of(found.observations.begin(), found.observations.end(),
                     [&](const Observation& observation) { return observation.what.path == path; }) ||
         std::any_of(found.waiting.begin(), found.waiting.end(), [&](coap::ExchangeId exchange) {
           const Waiting& asked = waiting_.at(exchange);
           return is_observe(asked) && asked.what.path == path;
         });
}

std::size_t Downlinks::observations_expected(Slot slot) const {
  const auto device = devices_.find(slot);
  if (device == devices_.end()) return 0;
  return device->second.observations.size() + device->second.observes_waiting;
}

void Downlinks::mark_disabled(Slot slot) {
  // Without observations there is nothing that this would change.
  if (const auto device = devices_.find(slot); device != devices_.end()) device->second.disabled = true;
}

Downlinks::Dropped Downlinks::drop(Slot slot) {
  Dropped dropped;
  const auto device = devices_.find(slot);
  if (device == devices_.end()) return dropped;
  for (const coap::ExchangeId exchange : device->second.waiting) {
    const auto waiting = waiting_.find(exchange);
    assert(waiting != waiting_.end());
    dropped.waiting.emplace_back(exchange, std::move(waiting->second));
    waiting_.erase(waiting);
  }
  dropped.disabled = device->second.disabled;
  dropped.observations = std::move(device->second.observations);
  for (const Observation& observation : dropped.observations) observed_.erase(observation.exchange);
  devices_.erase(device);
  return dropped;
}

void Downlinks::tidy(std::unordered_map<Slot, Device>::iterator device) {
  if (device->second.waiting.empty() && device->second.observations.empty()) devices_.erase(device);
}

}  // namespace drover::server
