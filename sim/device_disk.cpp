// SPDX-License-Identifier: Apache-2.0
#include "sim/device_disk.hpp"

#include <algorithm>
#include <utility>

namespace drover::sim {

using lwm2m::Path;

namespace {

/// What a device measures or keeps elsewhere isn't stored, as object 3.
bool is_stored(const Path& path) {
  constexpr lwm2m::ObjectId kDevice = 3;
  return path.object() != kDevice;
}

}  // namespace

std::optional<DeviceDisk::Content> DeviceDisk::read() {
  due_.reset();
  auto content = content_;
  if (content_) {
    for (auto& channel : content_->client.channels) channel.released = {};
  }
  return content;
}

void DeviceDisk::begin(Instant now, UnixSeconds unix_now, client::Client& client) {
  client.track_unsaved();
  (void)client.take_unsaved();
  content_.emplace();
  std::set<Path> all;
  for (const lwm2m::ObjectId object : client.tree().objects()) {
    for (const lwm2m::InstanceId instance : client.tree().instances(object)) all.insert(Path(object, instance));
  }
  put_paths(now, all, client.tree());
  content_->client = client.saved_state(now, unix_now);
  due_.reset();
}

void DeviceDisk::save(Instant now, UnixSeconds unix_now, client::Client& client) {
  due_.reset();
  const client::Unsaved unsaved = client.take_unsaved();
  put_paths(now, unsaved.paths, client.tree());
  put_state(unsaved, client.saved_state(now, unix_now));
}

void DeviceDisk::look(Instant now, const client::Client& client) {
  if (!due_ && !client.unsaved().empty()) due_ = now + kLazy;
}

void DeviceDisk::handle_timeout(Instant now, UnixSeconds unix_now, client::Client& client) {
  if (due_ && *due_ <= now) save(now, unix_now, client);
}

void DeviceDisk::put_paths(Instant now, const std::set<Path>& paths, const client::ObjectTree& tree) {
  const client::Context own{now, std::nullopt};
  for (const Path& path : paths) {
    if (!is_stored(path)) continue;
    const Path instance = path.prefix(2);
    if (path.is_instance()) {
      content_->instances.erase(instance);
      if (tree.has(instance)) {
        content_->instances[instance] = tree.values(own, instance.object(), instance.instance());
      }
      continue;
    }
    const auto held = content_->instances.find(instance);
    if (held == content_->instances.end()) continue;
    std::erase_if(held->second, [&](const auto& node) { return node.id == path.resource(); });
    if (auto node = tree.node(own, path.prefix(3))) held->second.push_back(std::move(*node));
  }
}

void DeviceDisk::put_state(const client::Unsaved& unsaved, client::SavedState&& state) {
  client::SavedState& kept = content_->client;
  if (unsaved.registrations) {
    kept.registrations = std::move(state.registrations);
    kept.disabled = std::move(state.disabled);
    kept.bootstrap_purge = state.bootstrap_purge;
  }
  if (unsaved.channels) kept.channels = std::move(state.channels);
  if (unsaved.observations) kept.observations = std::move(state.observations);
  if (unsaved.notifications) kept.notifications = std::move(state.notifications);
  if (unsaved.attributes) kept.attributes = std::move(state.attributes);
  if (unsaved.clock) kept.clock_offset = state.clock_offset;
  kept.observe_number = state.observe_number;
}

}  // namespace drover::sim
