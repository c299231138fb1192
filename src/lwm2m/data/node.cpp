// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/data/node.hpp"

namespace drover::lwm2m {

const ResourceNode* Tree::find(ObjectId object, InstanceId instance, ResourceId resource) const {
  for (const ObjectNode& object_node : objects) {
    if (object_node.id != object) continue;
    for (const InstanceNode& instance_node : object_node.instances) {
      if (instance_node.id != instance) continue;
      for (const ResourceNode& resource_node : instance_node.resources) {
        if (resource_node.id == resource) return &resource_node;
      }
    }
  }
  return nullptr;
}

}  // namespace drover::lwm2m
