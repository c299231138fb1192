// SPDX-License-Identifier: Apache-2.0
#include "apps/device/state.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "apps/device/snapshot.hpp"
#include "client/access_control.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"
#include "storage/value_codec.hpp"

namespace drover::device {

using client::AccessControl;
using lwm2m::Path;

namespace {

client::Context own() {
  return {io::now(), std::nullopt};
}

bool is_account_object(lwm2m::ObjectId object) {
  return object == client::SecurityObject::kObject || object == client::ServerObject::kObject;
}

/// FNV-1a over what the state file would hold.
std::uint64_t hash_of(const lwm2m::ResourceNode& node) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&](std::uint64_t byte) { hash = (hash ^ (byte & 0xFF)) * 0x100000001b3; };
  for (const auto& entry : node.instances) {
    mix(entry.id), mix(entry.id >> 8), mix(entry.value.index());
    for (const std::uint8_t byte : storage::encode_value(entry.value)) mix(byte);
    mix(0xFF);
  }
  return hash;
}

storage::Baseline baseline_of(const client::ObjectTree& tree) {
  storage::Baseline baseline;
  for (const lwm2m::ObjectId object : tree.objects()) {
    for (const lwm2m::InstanceId instance : tree.instances(object)) {
      const Path path(object, instance);
      baseline[path] = 0;
      for (const auto& node : tree.values(own(), object, instance)) baseline[path.child(node.id)] = hash_of(node);
    }
  }
  return baseline;
}

void warn(const std::string& reason) {
  io::log::warn("state", {{"reason", reason}});
}

/// What an Access Control instance guards.
std::optional<AccessControl::Target> target_of(const std::vector<lwm2m::ResourceNode>& nodes) {
  std::array<std::optional<std::uint16_t>, 2> ids;
  for (const lwm2m::ResourceNode& node : nodes) {
    if (node.id > AccessControl::kInstanceId || node.instances.empty()) continue;
    const auto* id = std::get_if<std::int64_t>(&node.instances.front().value);
    if (id != nullptr) ids.at(node.id) = static_cast<std::uint16_t>(*id);
  }
  if (!ids[0] || !ids[1]) return std::nullopt;
  return AccessControl::Target{*ids[0], *ids[1]};
}

/// Access Control instances about an object that there isn't any more.
void remove_guards(client::ObjectTree& tree, const std::set<lwm2m::ObjectId>& gone) {
  for (const lwm2m::InstanceId id : tree.instances(AccessControl::kObject)) {
    const auto* guard = tree.access().guard(id);
    if (guard == nullptr || !gone.contains(guard->target.first)) continue;
    if (auto done = tree.remove(own(), AccessControl::kObject, id); !done) warn(done.error().reason);
  }
}

}  // namespace

void read_state(Section section, const std::string& folder, StateConfig& config) {
  if (const auto file = section.filled_text("file")) config.file = (std::filesystem::path(folder) / *file).string();
  section.finish();
}

Result<std::unique_ptr<DeviceState>> DeviceState::open(const std::string& file, std::vector<Path> elsewhere) {
  auto opened = storage::StateFile::open(file);
  if (!opened) return tl::unexpected(opened.error());
  if (!opened->notice.empty()) warn(opened->notice);
  return std::unique_ptr<DeviceState>(new DeviceState(std::move(*opened), std::move(elsewhere)));
}

DeviceState::DeviceState(storage::StateFile::Opened opened, std::vector<Path> elsewhere)
    : content_(std::move(opened.content)), keeper_(std::move(opened.file), std::move(elsewhere)) {}

DeviceState::~DeviceState() {
  if (runtime_ == nullptr) return;
  runtime_->before_transmit({});
  runtime_->loop().remove_waker(waker_);
}

// ---- the tree -------------------------------------------------------------------------------------------------------

bool DeviceState::is_new(const Path& path) const {
  if (path.object() == AccessControl::kObject && displaced_.contains(path.instance())) return false;
  const auto made = baseline_.find(path);
  if (made == baseline_.end()) return false;
  const auto before = content_.baseline.find(path);
  return before == content_.baseline.end() || before->second != made->second;
}

bool DeviceState::accounts_are_new() const {
  const auto of_security = [](const storage::Baseline& baseline) {
    return storage::Baseline(baseline.begin(), baseline.lower_bound(Path(client::ServerObject::kObject)));
  };
  return of_security(baseline_) != of_security(content_.baseline);
}

void DeviceState::displace_guards(client::ObjectTree& tree) {
  for (const lwm2m::InstanceId id : tree.instances(AccessControl::kObject)) {
    const Path path(AccessControl::kObject, id);
    if (!is_new(path) && !is_new(path.child(AccessControl::kObjectId)) &&
        !is_new(path.child(AccessControl::kInstanceId))) {
      continue;
    }
    displaced_[id] = tree.values(own(), path.object(), id);
    if (auto done = tree.remove(own(), path.object(), id); !done) warn(done.error().reason);
  }
}

bool DeviceState::is_displaced(const Path& path, const std::vector<lwm2m::ResourceNode>& nodes) const {
  for (const lwm2m::ResourceNode& node : nodes) {
    const auto made = content_.baseline.find(path.child(node.id));
    if (made == content_.baseline.end() || made->second != hash_of(node)) return false;
  }
  const auto target = target_of(nodes);
  return target && std::any_of(displaced_.begin(), displaced_.end(),
                               [&](const auto& guard) { return target_of(guard.second) == target; });
}

void DeviceState::put_displaced_guards(client::ObjectTree& tree) {
  for (const auto& [former, nodes] : displaced_) {
    const auto target = target_of(nodes);
    if (target && !tree.access().guards_of(*target).empty()) continue;
    lwm2m::InstanceId id = 0;
    while (tree.has(Path(AccessControl::kObject, id))) ++id;
    const Path path(AccessControl::kObject, id);
    if (auto added = tree.add(own(), path.object(), id); !added) warn(added.error().reason);
    for (const Error& lost : put_resources(tree, path, nodes, [](const Path&) { return false; })) warn(lost.reason);
  }
}

/// What the start made, as the last one did, and the file hasn't: a server deleted it.
void DeviceState::remove_deleted(client::ObjectTree& tree, bool accounts_too) {
  for (const lwm2m::ObjectId object : tree.objects()) {
    if (!keeper_.stores(Path(object)) || (is_account_object(object) && !accounts_too)) continue;
    for (const lwm2m::InstanceId id : tree.instances(object)) {
      const Path path(object, id);
      if (content_.instances.contains(path) || is_new(path)) continue;
      if (auto done = tree.remove(own(), object, id); !done) warn(done.error().reason);
    }
  }
}

bool DeviceState::is_another_server(const Path& instance, const std::vector<lwm2m::ResourceNode>& nodes) const {
  if (instance.object() != client::ServerObject::kObject) return false;
  const auto made = baseline_.find(instance.child(client::ServerObject::kShortServerId));
  return made != baseline_.end() && std::none_of(nodes.begin(), nodes.end(), [&](const auto& node) {
    return node.id == client::ServerObject::kShortServerId && hash_of(node) == made->second;
  });
}

void DeviceState::put_values(client::ObjectTree& tree, const Path& instance,
                             const std::vector<lwm2m::ResourceNode>& nodes) {
  std::vector<lwm2m::ResourceNode> wanted;
  std::vector<Path> untouched;
  const bool another = is_another_server(instance, nodes);
  for (const lwm2m::ResourceNode& made : tree.values(own(), instance.object(), instance.instance())) {
    const Path path = instance.child(made.id);
    if ((is_new(path) && !another) || !keeper_.stores(path)) untouched.push_back(path);
  }
  const auto is_untouched = [&](const Path& path) {
    return !keeper_.stores(path) || std::find(untouched.begin(), untouched.end(), path) != untouched.end();
  };
  for (const lwm2m::ResourceNode& node : nodes) {
    if (!is_untouched(instance.child(node.id))) wanted.push_back(node);
  }
  for (const Error& lost : put_resources(tree, instance, wanted, is_untouched)) warn(lost.reason);
}

void DeviceState::put_tree(client::Client& client, const Define& define) {
  client::ObjectTree& tree = client.tree();
  baseline_ = baseline_of(tree);
  if (content_.baseline.empty()) return;  // a new file
  const bool stored_accounts = !accounts_are_new();
  if (!stored_accounts) {  // what follows is of other accounts
    content_.client.bootstrap_purge.reset();
    content_.client.card.reset();
  }
  displace_guards(tree);
  remove_deleted(tree, stored_accounts);
  std::set<lwm2m::ObjectId> gone;
  for (const auto& [path, nodes] : content_.instances) {
    const lwm2m::ObjectId object = path.object();
    if (!keeper_.stores(path) || (is_account_object(object) && !stored_accounts)) continue;
    if (object == AccessControl::kObject && is_displaced(path, nodes)) continue;
    if (!define(object)) {
      gone.insert(object);
      continue;
    }
    if (!tree.has(path)) {
      if (auto added = tree.add(own(), object, path.instance()); !added) {
        warn(added.error().reason);
        continue;
      }
    }
    put_values(tree, path, nodes);
  }
  remove_guards(tree, gone);
  put_displaced_guards(tree);
  for (const lwm2m::ObjectId object : gone) {
    io::log::warn("state: instances of an object without a definition are removed", {{"object", object}});
  }
}

// ---- the client -----------------------------------------------------------------------------------------------------

client::SavedState through_reboot(client::SavedState state) {
  state.registrations.clear();
  state.observations.clear();
  return state;
}

void DeviceState::resume(sdk::Runtime& runtime) {
  const Instant now = io::now();
  runtime_ = &runtime;
  client::SavedState saved = std::exchange(content_.client, {});
  // Without security a registration is bound to the address.
  if (runtime.local().port != content_.port) {
    std::erase_if(saved.registrations, [](const auto& registration) { return !registration.secure; });
  }
  content_.instances.clear();
  runtime.client().restore(now, io::unix_now(), saved);
  follow(runtime);
  runtime.before_transmit([this](Instant at) {
    keeper_.set_port(runtime_->local().port);
    keeper_.before_transmit(at, io::unix_now());
  });
  waker_ = runtime.loop().add_waker([this] { return keeper_.deadline(); },
                                    [this](Instant at) {
                                      keeper_.handle_timeout(at, io::unix_now());
                                      tell_servers(at);
                                    });
}

void DeviceState::follow(sdk::Runtime& runtime) {
  keeper_.begin(io::now(), io::unix_now(), runtime.client(), runtime.local().port, baseline_);
}

void DeviceState::follow_afresh(sdk::Runtime& runtime) {
  baseline_ = baseline_of(runtime.client().tree());
  follow(runtime);
}

/// The disk is a part of the device: /3/0/11 shows that it fails.
void DeviceState::tell_servers(Instant now) {
  runtime_->client().device().report({now, std::nullopt}, client::DeviceObject::Trouble::PeripheralMalfunction,
                                     keeper_.failing());
  runtime_->flush();
}

void DeviceState::end_for_reset(bool factory) {
  if (factory) return keeper_.erase();
  keeper_.save(io::now(), io::unix_now());
  keeper_.forget_registrations();
}

void DeviceState::save() {
  if (runtime_ == nullptr) return;
  runtime_->client().release_associations(io::now());
  keeper_.save(io::now(), io::unix_now());
  runtime_->flush();  // goodbyes of the associations that can't be moved
}

}  // namespace drover::device
