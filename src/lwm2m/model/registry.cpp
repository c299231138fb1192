// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/model/registry.hpp"

#include <algorithm>

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

Result<void> Registry::add(ObjectDefinition definition) {
  const auto key = std::make_pair(definition.id, definition.version);
  if (definitions_.contains(key)) return peer_error(0, described(definition) + " is defined twice");
  for (const ResourceDefinition& resource : definition.resources) {
    const auto host = reusable_.find(resource.id);
    // Another version of the same object may differ: that is what a major version is for (Core §6.2.1).
    if (host == reusable_.end() || host->second->id == definition.id) continue;
    if (auto conflict = reusable_conflict(definition, *host->second)) return peer_error(0, std::move(*conflict));
  }
  const auto added = definitions_.emplace(key, std::make_unique<const ObjectDefinition>(std::move(definition))).first;
  for (const ResourceDefinition& resource : added->second->resources) {
    if (is_reusable(resource.id)) reusable_.emplace(resource.id, added->second.get());
  }
  return {};
}

const ObjectDefinition* Registry::find(ObjectId object, Version version) const {
  const auto exact = definitions_.find({object, version});
  if (exact != definitions_.end()) return exact->second.get();
  const auto behind = definitions_.lower_bound({object, Version{static_cast<std::uint8_t>(version.major + 1), 0}});
  if (behind == definitions_.begin()) return nullptr;
  const auto& [key, newest] = *std::prev(behind);
  return key.first == object && key.second.major == version.major ? newest.get() : nullptr;
}

std::vector<const ObjectDefinition*> Registry::all() const {
  std::vector<const ObjectDefinition*> result;
  result.reserve(definitions_.size());
  for (const auto& [key, definition] : definitions_) result.push_back(definition.get());
  return result;
}

}  // namespace drover::lwm2m::model
