// SPDX-License-Identifier: Apache-2.0
#include "machine/values.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "io/log.hpp"

namespace drover::machine {

using client::ConnectivityObject;
using client::DeviceObject;
using lwm2m::Path;
using lwm2m::ResourceId;
using lwm2m::Value;

namespace {

const Path kDevice(DeviceObject::kObject, 0);
const Path kNetwork(ConnectivityObject::kObject, 0);
const Path kPlace(client::location::kObject, 0);

constexpr std::array<ResourceId, 5> kPower = {DeviceObject::kPowerSources, DeviceObject::kVoltage,
                                              DeviceObject::kCurrent, DeviceObject::kBatteryLevel,
                                              DeviceObject::kBatteryStatus};

template <class T>
std::optional<Value> known(std::optional<T> value) {
  std::optional<Value> converted;
  if (value) converted.emplace(std::move(*value));
  return converted;
}

std::vector<std::pair<lwm2m::ResourceInstanceId, Value>> numbered(const auto& list) {
  std::vector<std::pair<lwm2m::ResourceInstanceId, Value>> entries;
  for (const auto& element : list) {
    entries.emplace_back(static_cast<lwm2m::ResourceInstanceId>(entries.size()), element);
  }
  return entries;
}

}  // namespace

Values::Values(Choice choice, Sources sources)
    : choice_(std::move(choice)), sources_(std::move(sources)), identity_(read_identity(sources_.root)) {}

void Values::attach(client::Client& client, Instant now, bool anew) {
  client_ = &client;
  if (anew) put_.clear();
  if (choice_.objects.contains(DeviceObject::kObject)) client.device().mirror(this);
  if (choice_.objects.contains(ConnectivityObject::kObject)) client.connectivity().mirror(this);
  look_again(now);
}

void Values::keep(const Path& path) {
  const Path resource = path.prefix(3);
  kept_.insert(resource);
  const bool power = std::find(kPower.begin(), kPower.end(), resource.resource()) != kPower.end();
  if (resource.prefix(2) != kDevice || !power) return;
  for (const ResourceId id : kPower) kept_.insert(kDevice.child(id));
}

// ---- when -----------------------------------------------------------------------------------------------------------

bool Values::is_observed() const {
  if (client_ == nullptr) return false;
  const client::Notifier& notifier = client_->notifier();
  for (const Path& instance : {kDevice, kNetwork}) {
    if (!choice_.objects.contains(instance.object())) continue;
    if (notifier.observes(instance.prefix(1)) || notifier.observes(instance)) return true;
    const auto* definition = client_->tree().find(instance.object());
    if (definition == nullptr) continue;
    for (const auto& resource : definition->resources) {
      if (notifier.observes(instance.child(resource.id))) return true;
    }
  }
  return false;
}

std::optional<Instant> Values::deadline() const {
  if (!looked_ || !is_observed()) return std::nullopt;
  return *looked_ + choice_.refresh;
}

void Values::look(Instant now) {
  // What is read for a notification must not be newer than the change that it tells, or it would be a change itself
  // and each notification would cause the next.
  const Duration old_enough = is_observed() ? choice_.refresh : kFresh;
  if (looked_ && now - *looked_ < old_enough) return;
  look_again(now);
}

void Values::look_again(Instant now) {
  looked_ = now;
  if (client_ == nullptr) return;
  if (choice_.objects.contains(DeviceObject::kObject) && client_->tree().has(kDevice)) look_at_device(now);
  if (choice_.objects.contains(ConnectivityObject::kObject) && client_->tree().has(kNetwork)) look_at_network(now);
}

// ---- what -----------------------------------------------------------------------------------------------------------

void Values::look_at_device(Instant now) {
  const auto storage = sources_.storage();
  const auto memory = read_memory(sources_.root);
  std::optional<std::int64_t> free;
  std::optional<std::int64_t> total;
  if (storage) {
    free = storage->free;
    total = storage->total;
  }
  set(now, kDevice.child(DeviceObject::kMemoryFree), known(free));
  set(now, kDevice.child(DeviceObject::kMemoryTotal), known(total));
  report(now, DeviceObject::Trouble::OutOfMemory, (storage && is_used_up(*storage)) || (memory && is_used_up(*memory)));
  set(now, kDevice.child(DeviceObject::kDeviceType), known(identity_.device_type));
  set(now, kDevice.child(DeviceObject::kHardwareVersion), known(identity_.hardware_version));
  set(now, kDevice.child(DeviceObject::kSoftwareVersion), known(identity_.software_version));
  look_at_power(now);
  look_at_zone(now);
}

void Values::look_at_power(Instant now) {
  if (!may_set(kDevice.child(DeviceObject::kPowerSources))) return;
  const Power power = read_power(sources_.root);
  std::vector<Entry> kinds;
  std::vector<Entry> voltages;
  std::vector<Entry> currents;
  for (const PowerSource& source : power.sources) {
    kinds.emplace_back(source.id, static_cast<std::int64_t>(source.kind));
    if (source.millivolts) voltages.emplace_back(source.id, *source.millivolts);
    if (source.milliamperes) currents.emplace_back(source.id, *source.milliamperes);
  }
  set_all(now, kDevice.child(DeviceObject::kPowerSources), kinds);
  set_all(now, kDevice.child(DeviceObject::kVoltage), voltages);
  set_all(now, kDevice.child(DeviceObject::kCurrent), currents);
  set(now, kDevice.child(DeviceObject::kBatteryLevel), known(power.battery_level));
  std::optional<std::int64_t> status;
  if (power.battery_status) status = static_cast<std::int64_t>(*power.battery_status);
  set(now, kDevice.child(DeviceObject::kBatteryStatus), known(status));
  report(now, DeviceObject::Trouble::LowBattery, power.battery_low);
  report(now, DeviceObject::Trouble::ExternalPowerOff, power.external_off);
}

void Values::look_at_zone(Instant now) {
  const std::pair<ResourceId, std::optional<std::string>> wanted[] = {
      {DeviceObject::kUtcOffset, format_utc_offset(sources_.utc_offset())},
      {DeviceObject::kTimezone, read_timezone(sources_.root, sources_.tz)}};
  for (const auto& [id, text] : wanted) {
    const Path path = kDevice.child(id);
    const auto before = put_.find(path);
    if (!text || (before != put_.end() && client_->tree().get({now, std::nullopt}, path) != before->second)) continue;
    set(now, path, *text);
    put_[path] = *text;
  }
}

void Values::look_at_network(Instant now) {
  const Connectivity network = describe(sources_.root, sources_.interfaces(), sources_.own_address(), choice_.cellular);
  set(now, kNetwork.child(ConnectivityObject::kBearer), network.bearer);
  set_all(now, kNetwork.child(ConnectivityObject::kAvailableBearers), numbered(network.available));
  set(now, kNetwork.child(ConnectivityObject::kSignalStrength), network.radio ? network.radio->level : 0);
  std::optional<std::int64_t> quality;
  if (network.radio) quality = network.radio->quality;
  set(now, kNetwork.child(ConnectivityObject::kLinkQuality), known(quality));
  if (!network.addresses.empty()) {
    set_all(now, kNetwork.child(ConnectivityObject::kAddresses), numbered(network.addresses));
  }
  set_all(now, kNetwork.child(ConnectivityObject::kRouters), numbered(network.routers));
  const auto load = link_.look(now, network.interface, read_traffic(sources_.root, network.interface));
  set(now, kNetwork.child(ConnectivityObject::kLinkUtilization), known(load));
  report(now, DeviceObject::Trouble::WeakSignal, network.radio && network.radio->level < kWeakSignal);
}

void Values::put(Instant now, const client::Fix& fix) {
  if (client_ == nullptr || !client_->tree().has(kPlace)) return;
  for (auto& [id, value] : client::resources_of(fix)) set(now, kPlace.child(id), std::move(value));
}

void Values::positioning_works(Instant now, bool works) {
  if (choice_.objects.contains(DeviceObject::kObject)) report(now, DeviceObject::Trouble::GpsFailure, !works);
}

// ---- into the tree --------------------------------------------------------------------------------------------------

void Values::report(Instant now, DeviceObject::Trouble trouble, bool present) {
  if (client_ == nullptr || !may_set(kDevice.child(DeviceObject::kErrorCode))) return;
  client_->device().report({now, std::nullopt}, trouble, present);
}

bool Values::may_set(const Path& path) const {
  return !kept_.contains(path);
}

void Values::set(Instant now, const Path& path, std::optional<Value> value) {
  if (!may_set(path)) return;
  client::ObjectTree& tree = client_->tree();
  Result<void> done;
  if (value) {
    done = tree.set({now, std::nullopt}, path, std::move(*value));
  } else if (tree.has(path)) {
    done = tree.unset({now, std::nullopt}, path);
  }
  if (!done) io::log::debug("machine", {{"reason", done.error().reason}});
}

void Values::set_all(Instant now, const Path& path, const std::vector<Entry>& entries) {
  if (!may_set(path)) return;
  client::ObjectTree& tree = client_->tree();
  if (entries.empty()) return set(now, path, std::nullopt);
  for (const auto& node : tree.values({now, std::nullopt}, path.object(), path.instance())) {
    if (node.id != path.resource()) continue;
    for (const auto& held : node.instances) {
      const bool wanted =
          std::any_of(entries.begin(), entries.end(), [&](const Entry& e) { return e.first == held.id; });
      if (!wanted) (void)tree.unset({now, std::nullopt}, path.child(held.id));
    }
  }
  for (const auto& [id, value] : entries) {
    const auto done = tree.set({now, std::nullopt}, path.child(id), value);
    if (!done) io::log::debug("machine", {{"reason", done.error().reason}});
  }
}

}  // namespace drover::machine
