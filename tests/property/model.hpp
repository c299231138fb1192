// SPDX-License-Identifier: Apache-2.0
// What the enabler says of a device, once more and as plainly as possible: a flat map of values, searched each time.
// Shares the data formats' codecs with the client (they have their own tests) and nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "client/object_tree.hpp"
#include "lwm2m/content/content.hpp"
#include "lwm2m/model/definition.hpp"
#include "lwm2m/operation/operation.hpp"

namespace drover::property {

using client::ServerId;
using lwm2m::Path;
using lwm2m::Status;

/// The answer to an operation: one of these codes; with the body where it is a success that has one.
struct Expected {
  std::set<Status> statuses;
  Bytes body;
  std::string location = {};  ///< of a Create of one instance
  [[nodiscard]] bool success() const { return statuses.size() == 1 && lwm2m::is_success(*statuses.begin()); }
};

class Model final : public lwm2m::content::Definitions {
 public:
  /// Takes over what is there: definitions, instances and values.
  explicit Model(const client::ObjectTree& tree);
  [[nodiscard]] const lwm2m::model::ObjectDefinition* find(lwm2m::ObjectId object) const override;

  /// Carries out what a server asks.
  Expected perform(ServerId server, const lwm2m::Downlink& operation);
  /// What the device does by itself. Nothing happens where an instance is there, or isn't.
  void add(const Path& instance);
  void remove(const Path& instance);
  void set(const Path& resource_instance, const lwm2m::Value& value);
  [[nodiscard]] const lwm2m::model::ResourceDefinition* definition(const Path& resource) const;
  [[nodiscard]] std::vector<Path> instances_of(lwm2m::ObjectId object) const;
  [[nodiscard]] std::vector<Path> resources_of(const Path& instance) const;

  /// Instances, resources and values, one a line; the same form as of a real tree.
  [[nodiscard]] std::set<std::string> lines() const;

 private:
  static constexpr unsigned kRead = 1, kWrite = 2, kExecute = 4, kDelete = 8, kCreate = 16, kFull = 15;
  using ResourceDefinition = lwm2m::model::ResourceDefinition;

  [[nodiscard]] std::vector<Path> values_of(const Path& resource) const;
  [[nodiscard]] std::int64_t number(const Path& resource_instance) const;
  [[nodiscard]] bool several_accounts() const { return instances_of(1).size() > 1; }
  /// The instance of object 2 that guards it; the root when there is none.
  [[nodiscard]] Path guard_of(lwm2m::ObjectId object, std::uint16_t instance) const;
  [[nodiscard]] unsigned rights(ServerId server, const Path& instance) const;
  [[nodiscard]] bool may_create(ServerId server, lwm2m::ObjectId object) const;

  /// The errors before the payload is looked at; empty when there is none.
  [[nodiscard]] std::set<Status> obstacles(ServerId server, const lwm2m::Downlink& operation) const;
  Expected read(ServerId server, const Path& path, std::optional<lwm2m::FormatNumber> accept) const;
  Expected discover(ServerId server, const Path& path) const;
  Expected write(const lwm2m::Write& operation);
  Expected attribute(ServerId server, const lwm2m::WriteAttributes& operation);
  Expected create(ServerId server, const lwm2m::Create& operation);
  Expected erase(const Path& path);

  [[nodiscard]] lwm2m::ResourceNode node_of(const Path& resource) const;
  /// Everything that is wrong with a value for `resource`; converts it to its type.
  void check(const Path& resource, lwm2m::ResourceNode& node, std::set<Status>& wrong) const;
  void check_access_value(const Path& resource, const lwm2m::ResourceNode& node, std::set<Status>& wrong) const;
  void put(const Path& resource, const lwm2m::ResourceNode& node, bool merge);
  [[nodiscard]] bool lacks_mandatory(const Path& instance) const;
  [[nodiscard]] std::string attributes_of(ServerId server, const std::vector<Path>& levels) const;

  std::map<lwm2m::ObjectId, lwm2m::model::ObjectDefinition> definitions_;
  std::set<Path> instances_;
  std::set<Path> resources_;             ///< that are instantiated, executables too
  std::map<Path, lwm2m::Value> values_;  ///< by resource instance; 0 of a single resource
  std::map<std::tuple<ServerId, Path, std::string>, std::string> attributes_;
};

/// The same lines of the real tree.
std::set<std::string> lines_of(const client::ObjectTree& tree);

}  // namespace drover::property
