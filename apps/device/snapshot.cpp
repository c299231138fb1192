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

std::vector<Error> put_resources(client::ObjectTree& tree, const Path& instance,
                                 const std::vector<lwm2m::ResourceNode>& wanted,
                                 const std::function<bool(const Path&)>& untouched) {
  std::vector<Error> lost;
  const auto note = [&](const Result<void>& done) {
    if (!done) lost.push_back(done.error());
  };
  for (const lwm2m::ResourceNode& resource : wanted) {
    const Path path = instance.child(resource.id);
    for (const auto& entry : resource.instances) {
      note(tree.set(own(), resource.multiple ? path.child(entry.id) : path, entry.value));
    }
  }
  // Whatever else there is, such as the mandatory resources of a new instance that the old one may not have had.
  for (const lwm2m::ResourceNode& made : tree.values(own(), instance.object(), instance.instance())) {
    const Path path = instance.child(made.id);
    if (untouched(path)) continue;
    const auto same = std::find_if(wanted.begin(), wanted.end(), [&](const auto& node) { return node.id == made.id; });
    for (const auto& entry : made.instances) {
      const bool kept = same != wanted.end() && std::any_of(same->instances.begin(), same->instances.end(),
                                                            [&](const auto& value) { return value.id == entry.id; });
      if (!kept) (void)tree.unset(own(), made.multiple ? path.child(entry.id) : path);
    }
  }
  return lost;
}

std::vector<Error> put_snapshot(const Snapshot& snapshot, client::Client& client) {
  std::vector<Error> lost;
  client::ObjectTree& tree = client.tree();
  for (const auto& [object, instances] : snapshot) {
    for (const lwm2m::InstanceNode& node : instances) {
      const Path instance(object, node.id.value());
      if (auto added = tree.add(own(), object, instance.instance()); !added) lost.push_back(added.error());
      for (const lwm2m::ResourceNode& resource : node.resources) {
        if (instance.child(resource.id) != kClock || resource.instances.empty()) continue;
        // What a server has set the clock to lasts, too; the stored value alone would be overruled by the system's.
        const auto* time = std::get_if<lwm2m::Time>(&resource.instances.front().value);
        if (time != nullptr) client.device().set_clock(io::now(), time->seconds);
      }
      auto failed = put_resources(tree, instance, node.resources, [](const Path&) { return false; });
      lost.insert(lost.end(), failed.begin(), failed.end());
    }
  }
  return lost;
}

}  // namespace drover::device
