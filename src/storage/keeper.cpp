// SPDX-License-Identifier: Apache-2.0
#include "storage/keeper.hpp"

#include <algorithm>

#include "io/log.hpp"

namespace drover::storage {

using lwm2m::Path;

bool Keeper::stores(const Path& path) const {
  return std::none_of(elsewhere_.begin(), elsewhere_.end(), [&](const Path& other) { return other.contains(path); });
}

void Keeper::collect_tree(Instant now, const std::set<Path>& paths, Changes& changes) const {
  const client::ObjectTree& tree = client_->tree();
  const client::Context own{now, std::nullopt};
  Path at;     // the instance at hand
  Path whole;  // the last one that was taken as a whole; its resources come behind it
  const auto add = [&](const lwm2m::ResourceNode& node) {
    const auto* definition = tree.find(at.object())->resource(node.id);
    if (definition->operations.execute || !stores(at.child(node.id))) return;
    changes.resources.push_back({at, node});
  };
  for (const Path& path : paths) {
    if (!stores(path)) continue;
    if (path.is_instance()) {
      whole = at = path;
      // Also one that is there: it may have gone and come since the last time.
      changes.gone.push_back(at);
      if (tree.has(at)) changes.instances.push_back(at);
      for (const auto& node : tree.values(own, at.object(), at.instance())) add(node);
    }
    at = path.prefix(2);
    if (whole == at || !tree.has(at)) continue;
    const auto node = tree.node(own, path);
    if (node) add(*node);
    if (!node) changes.gone.push_back(path);
  }
}

Changes Keeper::collect(Instant now, UnixSeconds unix_now, const client::Unsaved& unsaved) const {
  Changes changes;
  collect_tree(now, unsaved.paths, changes);
  client::SavedState state = client_->saved_state(now, unix_now);
  if (unsaved.registrations) {
    changes.registrations = std::move(state.registrations);
    changes.disabled = std::move(state.disabled);
    changes.bootstrap_purge = state.bootstrap_purge;
  }
  if (unsaved.sms_counters) changes.sms_counters = std::move(state.sms_counters);
  if (unsaved.channels) changes.channels = std::move(state.channels);
  if (unsaved.observations) changes.observations = std::move(state.observations);
  if (unsaved.notifications) changes.notifications = std::move(state.notifications);
  if (unsaved.attributes) changes.attributes = std::move(state.attributes);
  if (unsaved.card) changes.card = std::move(state.card);
  if (unsaved.clock) changes.clock_offset = state.clock_offset;
  changes.observe_number = state.observe_number;
  changes.port = port_;
  return changes;
}

bool Keeper::commit(const Changes& changes) {
  const auto done = file_.commit(changes);
  if (!done && !failing_) io::log::error("state isn't saved", {{"reason", done.error().reason}});
  if (done && failing_) io::log::info("state is saved again", {{"file", file_.name()}});
  failing_ = !done;
  return !failing_;
}

void Keeper::begin(Instant now, UnixSeconds unix_now, client::Client& client, std::uint16_t port,
                   const Baseline& baseline) {
  client_ = &client;
  port_ = port;
  client.track_unsaved();
  client::Unsaved all = client.take_unsaved();
  for (const lwm2m::ObjectId object : client.tree().objects()) {
    for (const lwm2m::InstanceId instance : client.tree().instances(object)) all.paths.insert(Path(object, instance));
  }
  all.registrations = all.channels = all.observations = all.attributes = all.notifications = all.clock =
      all.sms_counters = all.card = true;
  Changes changes = collect(now, unix_now, all);
  changes.replace = true;
  changes.baseline = baseline;
  pending_ = commit(changes) ? client::Unsaved{} : std::move(all);
  due_.reset();
  if (failing_) due_ = now + kLazy;
}

void Keeper::before_transmit(Instant now, UnixSeconds unix_now) {
  if (client_ == nullptr) return;
  const client::Unsaved& unsaved = client_->unsaved();
  if (unsaved.at_once) return save(now, unix_now);
  if (!due_ && !unsaved.empty()) due_ = now + kLazy;
}

void Keeper::handle_timeout(Instant now, UnixSeconds unix_now) {
  if (due_ && *due_ <= now) save(now, unix_now);
}

void Keeper::save(Instant now, UnixSeconds unix_now) {
  if (client_ == nullptr) return;
  due_.reset();
  pending_.merge(client_->take_unsaved());
  if (pending_.empty()) return;
  if (commit(collect(now, unix_now, pending_))) {
    pending_ = {};
  } else {
    due_ = now + kLazy;
  }
}

void Keeper::forget_registrations() {
  Changes changes;
  changes.registrations.emplace();
  changes.observations.emplace();
  commit(changes);
  client_ = nullptr;
}

void Keeper::erase() {
  Changes changes;
  changes.replace = true;
  commit(changes);
  client_ = nullptr;
}

}  // namespace drover::storage
