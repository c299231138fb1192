// SPDX-License-Identifier: Apache-2.0
// Devices and operations on them, made from a tape: mostly sensible, now and then wrong in every way there is.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "client/object_tree.hpp"
#include "lwm2m/operation/operation.hpp"
#include "tests/property/choices.hpp"
#include "tests/property/model.hpp"

namespace drover::property {

/// Objects with any mix of resources, some of them with instances, values and Access Control instances.
class Scenario {
 public:
  static constexpr lwm2m::ObjectId kFirst = 20;  ///< of the generated objects
  static constexpr lwm2m::ObjectId kCount = 3;

  explicit Scenario(Choices choices);

  [[nodiscard]] const std::vector<ServerId>& servers() const { return servers_; }
  /// Defines the generated objects and fills them. Object 2 must be defined and as many accounts there as servers().
  void populate(client::ObjectTree& tree);

 private:
  lwm2m::model::ResourceDefinition resource(lwm2m::ResourceId id);
  void guard(client::ObjectTree& tree, lwm2m::ObjectId object, std::uint16_t instance);

  Choices choices_;
  std::vector<ServerId> servers_;
  std::deque<lwm2m::model::ObjectDefinition> definitions_;  ///< the tree borrows them
};

/// The device's own program.
struct OwnAdd {
  Path instance;
};
struct OwnRemove {
  Path instance;
};
struct OwnSet {
  Path resource_instance;
  lwm2m::Value value;
};
struct ServerAsks {
  ServerId server = 0;
  lwm2m::Downlink operation;
};
using Step = std::variant<ServerAsks, OwnAdd, OwnRemove, OwnSet>;

/// What happens next. `objects`: where operations go, the more often the more often they are named.
Step next_step(Choices choices, const std::vector<ServerId>& servers, const std::vector<lwm2m::ObjectId>& objects,
               const Model& model);
std::string describe(const Step& step);

}  // namespace drover::property
