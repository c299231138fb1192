// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "lwm2m/model/definition.hpp"

namespace drover::lwm2m::model {

/// All known object definitions, by id and version. Filled once at start, then shared read-only by all threads.
class Registry {
 public:
  /// Refuses a second definition of the same id and version, and one that hosts a reusable resource with another type
  /// or other operations than an object that is already there (Core §6.3.2). The reason names both objects.
  Result<void> add(ObjectDefinition definition);

  /// The definition for a version: exactly that one; else the newest with the same major version, since minor versions
  /// are compatible (Core §6.2.1). Nothing when there is none.
  [[nodiscard]] const ObjectDefinition* find(ObjectId object, Version version = {1, 0}) const;
  [[nodiscard]] std::vector<const ObjectDefinition*> all() const;

 private:
  std::map<std::pair<ObjectId, Version>, std::unique_ptr<const ObjectDefinition>> definitions_;
  /// The first object that hosts a reusable resource.
  std::map<ResourceId, const ObjectDefinition*> reusable_;
};

}  // namespace drover::lwm2m::model
