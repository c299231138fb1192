// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/model/registry.hpp"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

namespace drover::lwm2m::model {
namespace {

std::string described(const ObjectDefinition& definition) {
  return "object " + std::to_string(definition.id) + " (" + definition.name + ") version " +
         definition.version.to_string();
}

std::string described(const ResourceDefinition& resource) {
  const std::string type = resource.type == DataType::None ? "no type" : to_string(resource.type);
  const Operations& operations = resource.operations;
  return type + " " + (operations.read ? "R" : "") + (operations.write ? "W" : "") + (operations.execute ? "E" : "");
}

}  // namespace

const ResourceDefinition* ObjectDefinition::resource(ResourceId wanted) const {
  const auto at = std::lower_bound(
      resources.begin(), resources.end(), wanted,
      [](const ResourceDefinition& definition, ResourceId id_wanted) { return definition.id < id_wanted; });
  return at != resources.end() && at->id == wanted ? &*at : nullptr;
}

std::optional<std::string> reusable_conflict(const ObjectDefinition& one, const ObjectDefinition& other) {
  for (const ResourceDefinition& resource : one.resources) {
    if (!is_reusable(resource.id)) continue;
    const ResourceDefinition* twin = other.resource(resource.id);
    if (twin == nullptr || (twin->type == resource.type && twin->operations == resource.operations)) continue;
    return "reusable resource " + std::to_string(resource.id) + " is " + described(resource) + " in " + described(one) +
           " but " + described(*twin) + " in " + described(other);
  }
  return std::nullopt;
}

std::optional<std::string> Registry::conflict(const ObjectDefinition& definition, const Hosts& reusable) {
  for (const ResourceDefinition& resource : definition.resources) {
    const auto host = reusable.find(resource.id);
    // Another version of the same object may differ: that is what a major version is for (Core §6.2.1).
    if (host == reusable.end() || host->second->id == definition.id) continue;
    if (auto found = reusable_conflict(definition, *host->second)) return found;
  }
  return std::nullopt;
}

void Registry::add_hosted(const ObjectDefinition& definition, Hosts& reusable) {
  for (const ResourceDefinition& resource : definition.resources) {
    if (is_reusable(resource.id)) reusable.emplace(resource.id, &definition);
  }
}

void Registry::find_hosts() {
  reusable_.clear();
  for (const auto& [key, entry] : definitions_) add_hosted(*entry.in_use(), reusable_);
}

void Registry::retire(Owned definition) {
  if (definition) retired_.push_back(std::move(definition));
}

Result<void> Registry::add(ObjectDefinition definition) {
  const std::unique_lock lock(mutex_);
  const auto key = std::make_pair(definition.id, definition.version);
  if (definitions_.contains(key)) return peer_error(0, described(definition) + " is defined twice");
  if (auto found = conflict(definition, reusable_)) return peer_error(0, std::move(*found));
  auto& entry = definitions_[key];
  entry.own = std::make_unique<const ObjectDefinition>(std::move(definition));
  add_hosted(*entry.own, reusable_);
  return {};
}

Result<void> Registry::may_retire(std::size_t count) const {
  if (retired_.size() + count <= kRetiredMax) return {};
  return tl::unexpected(Error{Fault::Environment, 0, "definitions were replaced too often; a restart frees them"});
}

Result<void> Registry::renew(Registry fresh) {
  const std::unique_lock lock(mutex_);
  if (auto room = may_retire(definitions_.size()); !room) return room;
  for (auto& [key, entry] : definitions_) {
    const auto found = fresh.definitions_.find(key);
    const ObjectDefinition* const other = found == fresh.definitions_.end() ? nullptr : found->second.own.get();
    if (entry.own && other != nullptr && *entry.own == *other) continue;
    retire(std::move(entry.own));
  }
  for (auto& [key, entry] : fresh.definitions_) {
    if (auto& own = definitions_[key].own; !own) own = std::move(entry.own);
  }
  std::erase_if(definitions_, [](const auto& each) { return each.second.in_use() == nullptr; });
  find_hosts();
  return {};
}

/// How many of those that were brought these replace.
Result<std::size_t> Registry::replaced_by(const std::vector<ObjectDefinition>& definitions) const {
  std::set<std::pair<ObjectId, Version>> keys;
  std::size_t replaced = 0;
  for (const ObjectDefinition& definition : definitions) {
    const auto key = std::make_pair(definition.id, definition.version);
    if (!keys.insert(key).second) return peer_error(0, described(definition) + " is defined twice");
    const auto known = definitions_.find(key);
    replaced += static_cast<std::size_t>(known != definitions_.end() && known->second.brought);
  }
  if (auto room = may_retire(replaced); !room) return tl::unexpected(room.error());
  // Those that they replace don't count against them.
  Hosts hosts;
  for (const auto& [key, entry] : definitions_) {
    if (!keys.contains(key)) add_hosted(*entry.in_use(), hosts);
  }
  for (const ObjectDefinition& definition : definitions) {
    if (auto found = conflict(definition, hosts)) return peer_error(0, std::move(*found));
    add_hosted(definition, hosts);
  }
  return replaced;
}

Result<void> Registry::may_bring(const std::vector<ObjectDefinition>& definitions) const {
  const std::shared_lock lock(mutex_);
  if (auto replaced = replaced_by(definitions); !replaced) return tl::unexpected(replaced.error());
  return {};
}

Result<bool> Registry::bring(std::vector<ObjectDefinition> definitions) {
  const std::unique_lock lock(mutex_);
  const auto replaced = replaced_by(definitions);
  if (!replaced) return tl::unexpected(replaced.error());
  for (ObjectDefinition& definition : definitions) {
    auto& entry = definitions_[std::make_pair(definition.id, definition.version)];
    retire(std::exchange(entry.brought, std::make_unique<const ObjectDefinition>(std::move(definition))));
  }
  find_hosts();
  return *replaced == 0;
}

Result<bool> Registry::take_out(ObjectId object, Version version) {
  const std::unique_lock lock(mutex_);
  const auto found = definitions_.find({object, version});
  if (found == definitions_.end() || !found->second.brought) return false;
  if (auto room = may_retire(1); !room) return tl::unexpected(room.error());
  retire(std::move(found->second.brought));
  if (!found->second.own) definitions_.erase(found);
  find_hosts();
  return true;
}

const ObjectDefinition* Registry::find(ObjectId object, Version version) const {
  const std::shared_lock lock(mutex_);
  const auto exact = definitions_.find({object, version});
  if (exact != definitions_.end()) return exact->second.in_use();
  const auto behind = definitions_.lower_bound({object, Version{static_cast<std::uint8_t>(version.major + 1), 0}});
  if (behind == definitions_.begin()) return nullptr;
  const auto& [key, newest] = *std::prev(behind);
  return key.first == object && key.second.major == version.major ? newest.in_use() : nullptr;
}

std::vector<const ObjectDefinition*> Registry::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<const ObjectDefinition*> result;
  result.reserve(definitions_.size());
  for (const auto& [key, entry] : definitions_) result.push_back(entry.in_use());
  return result;
}

std::vector<ObjectDefinition> Registry::brought() const {
  const std::shared_lock lock(mutex_);
  std::vector<ObjectDefinition> result;
  for (const auto& [key, entry] : definitions_) {
    if (entry.brought) result.push_back(*entry.brought);
  }
  return result;
}

bool Registry::was_brought(const ObjectDefinition& definition) const {
  const std::shared_lock lock(mutex_);
  const auto found = definitions_.find({definition.id, definition.version});
  return found != definitions_.end() && found->second.brought.get() == &definition;
}

}  // namespace drover::lwm2m::model
