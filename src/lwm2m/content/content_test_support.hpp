// SPDX-License-Identifier: Apache-2.0
// An object with one single and one multiple resource of every type, for the codecs' tests.
#pragma once

#include <string>
#include <string_view>

#include "lwm2m/content/content.hpp"

namespace drover::lwm2m::content {

/// Object 1000: resource t is single and 10 + t multiple, of the data type with the number t; 20 is executable.
class EveryType final : public Definitions {
 public:
  static constexpr ObjectId kObject = 1000;
  static constexpr ResourceId kMultiple = 10;
  static constexpr ResourceId kExecutable = 20;

  EveryType() {
    object_.id = kObject;
    for (const ResourceId base : {ResourceId{0}, kMultiple}) {
      for (ResourceId type = 1; type <= 7; ++type) {
        model::ResourceDefinition resource;
        resource.id = static_cast<ResourceId>(base + type);
        resource.type = static_cast<DataType>(type);
        resource.multiple = base == kMultiple;
        resource.operations = {true, true, false};
        object_.resources.push_back(resource);
      }
    }
    model::ResourceDefinition executable;
    executable.id = kExecutable;
    executable.operations = {false, false, true};
    object_.resources.push_back(executable);
  }

  [[nodiscard]] const model::ObjectDefinition* find(ObjectId object) const override {
    return object == kObject ? &object_ : nullptr;
  }

 private:
  model::ObjectDefinition object_;
};

inline const Definitions& every_type() {
  static const EveryType definitions;
  return definitions;
}

inline Path at(std::string_view text) {
  return Path::parse(text).value();
}

inline Tree tree_at(InstanceId instance, std::vector<ResourceNode> resources) {
  Tree tree;
  tree.objects.push_back({EveryType::kObject, {}});
  tree.objects[0].instances.push_back({instance, std::move(resources)});
  return tree;
}

/// The code of what must be refused; 0 when it wasn't.
template <class T>
int code_of(const Result<T>& result) {
  return result ? 0 : result.error().code;
}

}  // namespace drover::lwm2m::content
