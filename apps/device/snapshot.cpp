// SPDX-License-Identifier: Apache-2.0
#include "apps/device/snapshot.hpp"

#include <algorithm>

#include "io/clock.hpp"

namespace drover::device {

using lwm2m::Path;

namespace {

const Path kClock(client::DeviceObject::kObject, 0, client::DeviceObject::kCurrentTime);

client::Context own() {
  return {io::now(), std::nullopt};
}

/// A new instance has values for its mandatory resources, some of which the old one may not have had.
void trim(client::ObjectTree& tree, const Path& instance, const std::vector<lwm2m::ResourceNode>& wanted) {
  for (const lwm2m::ResourceNode& fresh : tree.values(own(), instance.object(), instance.instance())) {
    const auto same = std::find_if(wanted.begin(), wanted.end(), [&](const auto& node) { return node.id == fresh.id; });
    for (const auto& entry : fresh.instances) {
      const bool kept = same != wanted.end() && std::any_of(same->instances.begin(), same->instances.end(),
                                                            [&](const auto& value) { return value.id == entry.id; });
      const Path resource = instance.child(fresh.id);
      if (!kept) (void)tree.unset(own(), fresh.multiple ? resource.child(entry.id) : resource);
    }
  }
}

}  // namespace

Snapshot take_snapshot(const client::ObjectTree& tree) {
  Snapshot snapshot;
  for (const lwm2m::ObjectId object : tree.objects()) {
    auto& instances = snapshot[object];
    for (const lwm2m::InstanceId id : tree.instances(object)) {
      lwm2m::InstanceNode node;
      node.id = id;
      node.resources = tree.values(own(), object, id);
      instances.push_back(std::move(node));
    }
  }
  return snapshot;
}

std::vector<Error> put_snapshot(const Snapshot& snapshot, client::Client& client) {
  std::vector<Error> lost;
  client::ObjectTree& tree = client.tree();
  const auto note = [&](const Result<void>& done) {
    if (!done) lost.push_back(done.error());
  };
  for (const auto& [object, instances] : snapshot) {
    for (const lwm2m::InstanceNode& node : instances) {
      const Path instance(object, node.id.value());
      note(tree.add(own(), object, instance.instance()));
      trim(tree, instance, node.resources);
      for (const lwm2m::ResourceNode& resource : node.resources) {
        const Path path = instance.child(resource.id);
        for (const auto& entry : resource.instances) {
          // What a server has set the clock to lasts, too; the stored value alone would be overruled by the system's.
          if (const auto* time = std::get_if<lwm2m::Time>(&entry.value); time != nullptr && path == kClock) {
            client.device().set_clock(io::now(), time->seconds);
          }
          note(tree.set(own(), resource.multiple ? path.child(entry.id) : path, entry.value));
        }
      }
    }
  }
  return lost;
}

}  // namespace drover::device
