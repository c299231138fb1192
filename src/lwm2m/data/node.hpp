// SPDX-License-Identifier: Apache-2.0
// A piece of an object tree as a plain value: what a payload says, what a Read gathers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lwm2m/data/path.hpp"
#include "lwm2m/data/value.hpp"

namespace drover::lwm2m {

struct ResourceInstanceNode {
  ResourceInstanceId id = 0;
  Value value;
  friend bool operator==(const ResourceInstanceNode&, const ResourceInstanceNode&) = default;
};

/// A single resource has exactly one entry with id 0; a multiple one any number, ascending (Core §6.4.3).
struct ResourceNode {
  ResourceId id = 0;
  bool multiple = false;
  std::vector<ResourceInstanceNode> instances;
  friend bool operator==(const ResourceNode&, const ResourceNode&) = default;

  static ResourceNode single(ResourceId id, Value value) { return {id, false, {{0, std::move(value)}}}; }
};

struct InstanceNode {
  /// Nothing where a Create leaves the choice to the client (Core §5.4.6).
  std::optional<InstanceId> id;
  std::vector<ResourceNode> resources;
  friend bool operator==(const InstanceNode&, const InstanceNode&) = default;
};

struct ObjectNode {
  ObjectId id = 0;
  std::vector<InstanceNode> instances;
  friend bool operator==(const ObjectNode&, const ObjectNode&) = default;
};

/// Values below a path. One object, except for a JSON link tree (Core §6.4.4), which may bring the linked ones too.
struct Tree {
  std::vector<ObjectNode> objects;
  friend bool operator==(const Tree&, const Tree&) = default;

  [[nodiscard]] const ResourceNode* find(ObjectId object, InstanceId instance, ResourceId resource) const;
};

/// One value with the time it had it (JSON `bt` + `t`), newest as given; only in notifications (Core §6.4.4).
struct TimedValue {
  Path path;
  Value value;
  /// Unix seconds when the sum is positive, else seconds relative to the receiver's now. Nothing when neither bt nor t
  /// is given.
  std::optional<double> time;
  friend bool operator==(const TimedValue&, const TimedValue&) = default;
};

}  // namespace drover::lwm2m
