// SPDX-License-Identifier: Apache-2.0
// The device's objects, instances and resources, and the answer to every operation of a server on them.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "client/access_control.hpp"
#include "client/attributes.hpp"
#include "client/behaviour.hpp"
#include "lwm2m/content/content.hpp"
#include "lwm2m/data/node.hpp"
#include "lwm2m/model/definition.hpp"
#include "lwm2m/operation/bootstrap.hpp"
#include "lwm2m/operation/operation.hpp"

namespace drover::client {

/// Something in the tree is other than it was.
struct Change {
  enum class Kind : std::uint8_t { Value, Created, Deleted };
  Kind kind = Kind::Value;
  lwm2m::Path path;                ///< a resource for Value, an instance otherwise
  std::optional<ServerId> server;  ///< who did it; nothing for the device itself
};

/// Holds values by definition and carries out Downlink operations (Core §5.4) on them; observations are the Notifier's.
/// Definitions and behaviours are borrowed and outlive the tree. One thread at a time. Never throws on peer input.
class ObjectTree final : public lwm2m::content::Definitions {
 public:
  static constexpr std::size_t kInstancesMax = 1024;          ///< of one object that servers can create
  static constexpr std::size_t kResourceInstancesMax = 1024;  ///< of one resource

  /// `root` is the alternate path ("" or "/lwm2m"): Discover's links and a Create's location begin with it.
  explicit ObjectTree(std::string root = {}) : root_(std::move(root)) {}
  ObjectTree(const ObjectTree&) = delete;
  ObjectTree& operator=(const ObjectTree&) = delete;

  // ---- the device's own side ----------------------------------------------------------------------------------------

  /// Makes an object known. Only `supported` resources can exist then; empty: all of the definition.
  void define(const lwm2m::model::ObjectDefinition& definition, ObjectBehaviour* behaviour = nullptr,
              std::vector<lwm2m::ResourceId> supported = {});
  void set_behaviour(lwm2m::ObjectId object, ObjectBehaviour* behaviour);
  [[nodiscard]] const lwm2m::model::ObjectDefinition* find(lwm2m::ObjectId object) const override;
  [[nodiscard]] std::vector<lwm2m::ObjectId> objects() const;
  /// Ascending; empty for an unknown object.
  [[nodiscard]] std::vector<lwm2m::InstanceId> instances(lwm2m::ObjectId object) const;
  [[nodiscard]] bool has(const lwm2m::Path& path) const;

  /// Adds an instance with the executable and the mandatory resources (0, "" or false until set). An error (reason
  /// only) for an unknown object, an id in use or above 65534, an id other than 0 of an object with a single instance.
  Result<void> add(const Context& context, lwm2m::ObjectId object, lwm2m::InstanceId instance);
  /// Also removes what was attached to the instance: attributes, and the Access Control instance that guards it.
  Result<void> remove(const Context& context, lwm2m::ObjectId object, lwm2m::InstanceId instance);

  /// Sets a resource (its instance 0 when it is multiple) or resource instance, whatever its operations; instantiates
  /// it. The value is converted where nothing is lost; an error says what doesn't fit.
  Result<void> set(const Context& context, const lwm2m::Path& path, lwm2m::Value value);
  /// Removes an optional resource, or one resource instance.
  Result<void> unset(const Context& context, const lwm2m::Path& path);
  /// The value that a Read would give, also where servers may not read.
  [[nodiscard]] std::optional<lwm2m::Value> get(const Context& context, const lwm2m::Path& path) const;
  /// One resource with the values that a Read would give, also where servers may not read.
  [[nodiscard]] std::optional<lwm2m::ResourceNode> node(const Context& context, const lwm2m::Path& resource) const;
  /// All resources of an instance with their current values, also those that servers may not read; none for
  /// executables.
  [[nodiscard]] std::vector<lwm2m::ResourceNode> values(const Context& context, lwm2m::ObjectId object,
                                                        lwm2m::InstanceId instance) const;
  /// A computed value has changed: observers are told.
  void touch(const Context& context, const lwm2m::Path& path);

  /// Objects and instances as Register announces them: never the Security object (Core §5.3.1).
  [[nodiscard]] lwm2m::Announcement announcement() const;
  [[nodiscard]] const AttributeStore& attributes() const { return attributes_; }
  AttributeStore& attributes() { return attributes_; }
  /// Who may do what: what objects 1 and 2 say at this moment.
  [[nodiscard]] const AccessControl& access() const { return access_; }
  [[nodiscard]] const std::string& root() const { return root_; }

  // ---- the servers' side --------------------------------------------------------------------------------------------

  /// Carries out an operation of `context.server`. Observe and CancelObservation answer as Read does. What refuses it
  /// is looked for in this order (Core §7.1.2): the Security object (4.01), an object or instance that isn't there
  /// (4.04), the server's right (4.01), the resource (4.04) and what it supports (4.05), the payload (4.00, 4.15, ...).
  lwm2m::Outcome perform(const Context& context, const lwm2m::Downlink& operation);
  /// The refusal of a Write or Create whatever its payload may be, for a payload that is still to come; else nothing.
  std::optional<lwm2m::Outcome> refusal(const Context& context, const lwm2m::Downlink& operation);
  /// True when an opaque Write to that resource goes to ObjectBehaviour::write_block().
  [[nodiscard]] bool streams(const lwm2m::Path& path) const;
  /// One piece of such a Write. Changed when it was taken.
  lwm2m::Outcome write_block(const Context& context, const lwm2m::Path& path, std::size_t offset, ByteView bytes,
                             bool last);

  // ---- a Bootstrap-Server's side
  // -------------------------------------------------------------------------------------

  class Draft;
  /// All instances as they are now.
  [[nodiscard]] Draft draft() const;
  /// Carries out all but a Finish on `draft`, whatever access rights say (Core §5.2.7). `bootstrap` is the account that
  /// no Delete affects, `enabler` the version that a Discover tells. What an error leaves is what was there before.
  lwm2m::Outcome perform(const Context& context, Draft& draft, const lwm2m::BootstrapOperation& operation,
                         std::optional<lwm2m::InstanceId> bootstrap, std::string_view enabler) const;
  /// Makes the tree what the draft says; what is other than before is a change of the device itself. An instance that
  /// went and came stays observed; its behaviour hears of both.
  void adopt(const Context& context, Draft&& draft);

  /// What has changed since the last poll, in order.
  std::optional<Change> poll_change();

 private:
  struct Resource {
    const lwm2m::model::ResourceDefinition* definition;
    std::vector<lwm2m::ResourceInstanceNode> values;  ///< ascending; empty for executables
    friend bool operator==(const Resource&, const Resource&) = default;
  };
  using Instance = std::map<lwm2m::ResourceId, Resource>;
  struct Object {
    const lwm2m::model::ObjectDefinition* definition = nullptr;
    ObjectBehaviour* behaviour = nullptr;
    std::vector<lwm2m::ResourceId> supported;
    std::map<lwm2m::InstanceId, Instance> instances;

    /// The definition of a resource that this device supports.
    [[nodiscard]] const lwm2m::model::ResourceDefinition* resource(lwm2m::ResourceId id) const;
  };
  /// Where a path leads; what isn't there is nullptr.
  struct Target {
    Object* object = nullptr;
    Instance* instance = nullptr;
    Resource* resource = nullptr;
    const lwm2m::model::ResourceDefinition* definition = nullptr;  ///< of a supported resource, instantiated or not
  };
  using Values = Result<std::vector<lwm2m::ResourceNode>>;

  Target locate(const lwm2m::Path& path);
  /// As locate(), with the error of Core §7.1.2 up to the server's right. The right to create is one on an object, the
  /// others are on an instance: no other is needed for an object.
  Result<Target> reach(const Context& context, const lwm2m::Path& path, Rights needed);
  Result<Target> reach_write(const Context& context, const lwm2m::Path& path);
  Result<Target> reach_create(const Context& context, const lwm2m::Path& path);

  Result<lwm2m::Outcome> read(const Context& context, const lwm2m::Path& path,
                              std::optional<lwm2m::FormatNumber> accept);
  Result<lwm2m::Outcome> discover(const Context& context, const lwm2m::Path& path);
  Result<lwm2m::Outcome> write(const Context& context, const lwm2m::Write& operation);
  Result<lwm2m::Outcome> write_attributes(const Context& context, const lwm2m::WriteAttributes& operation);
  Result<lwm2m::Outcome> execute(const Context& context, const lwm2m::Execute& operation);
  Result<lwm2m::Outcome> create(const Context& context, const lwm2m::Create& operation);
  Result<lwm2m::Outcome> erase(const Context& context, const lwm2m::Path& path);

  Result<lwm2m::Outcome> write(const Context& context, Draft& draft, const lwm2m::BootstrapWrite& operation) const;
  static Result<void> check(const Context& context, const Object& object, lwm2m::InstanceId instance,
                            const lwm2m::ResourceNode& node);
  [[nodiscard]] Result<Instance> bootstrapped(const Context& context, const Object& object, const Instance* before,
                                lwm2m::InstanceId id, const lwm2m::InstanceNode& node) const;
  Result<lwm2m::Outcome> erase(Draft& draft, const lwm2m::Path& path, std::optional<lwm2m::InstanceId> bootstrap) const;
  lwm2m::Outcome discover(const Draft& draft, const lwm2m::Path& path, std::string_view enabler) const;

  lwm2m::ResourceNode current(const Context& context, const Object& object, const lwm2m::Path& path,
                              const Resource& resource) const;
  std::vector<lwm2m::ResourceNode> readable(const Context& context, const Object& object, const lwm2m::Path& path,
                                            const Instance& instance) const;
  /// The instances of a Read of `path` that the server may read.
  [[nodiscard]] std::vector<lwm2m::InstanceId> readable_instances(const Context& context,
                                                                  const lwm2m::Path& path) const;
  /// The payload's resources, each of which `path`'s instance has and servers may write: else 4.00, 4.04, 4.05.
  Values decode_writes(const Object& object, const lwm2m::Path& path, lwm2m::FormatNumber format,
                       ByteView payload) const;
  Result<Instance> merged(const Object& object, const Instance& before, const lwm2m::Write& operation,
                          std::vector<lwm2m::ResourceNode> writes) const;
  Result<lwm2m::InstanceId> choose_id(const Object& object, const std::map<lwm2m::InstanceId, Instance>& planned,
                                      std::optional<lwm2m::InstanceId> wanted) const;
  Result<Instance> instance_from(const Context& context, const Object& object, lwm2m::InstanceId id,
                                 const lwm2m::InstanceNode& node) const;
  /// 4.00 where a mandatory resource that servers write is missing.
  static Result<void> check_complete(const Object& object, const Instance& instance);
  /// Executables and mandatory resources.
  static Instance blank(const Object& object);
  /// Gives a new instance to its server alone (Core §5.4.6).
  void guard(const Context& context, const lwm2m::Path& instance);
  /// What an instance of object 2 says.
  static AccessControl::Guard guard_in(const Instance& instance);
  /// Every change of what is in the tree passes here, after it was made.
  void note(Change::Kind kind, const lwm2m::Path& path, const Context& context);

  std::string root_;
  std::map<lwm2m::ObjectId, Object> objects_;
  AttributeStore attributes_;
  AccessControl access_;
  std::deque<Change> changes_;
};

/// A configuration that isn't the device's yet: what a Bootstrap-Server has written so far (Core §5.2.6). A value; the
/// definitions that it refers to are the tree's.
class ObjectTree::Draft {
 public:
  /// Ascending; empty for an unknown object.
  [[nodiscard]] std::vector<lwm2m::InstanceId> instances(lwm2m::ObjectId object) const;
  [[nodiscard]] bool has(lwm2m::ObjectId object, lwm2m::InstanceId instance) const;
  /// As it is stored; nothing where there is none. A resource stands for its instance 0.
  [[nodiscard]] std::optional<lwm2m::Value> get(const lwm2m::Path& path) const;
  [[nodiscard]] std::optional<std::int64_t> integer(const lwm2m::Path& path) const;
  /// What an instance of object 2 says; nothing when there is none.
  [[nodiscard]] std::optional<AccessControl::Guard> guard(lwm2m::InstanceId instance) const;

  void remove(lwm2m::ObjectId object, lwm2m::InstanceId instance);
  /// Unbootstrapping (Core E.1.3): the Security instance with its Server instance, and what object 2 says of that
  /// server. What only that server could use goes, too.
  void unbootstrap(lwm2m::InstanceId security);
  /// Instances that were written or removed.
  [[nodiscard]] const std::set<lwm2m::Path>& touched() const { return touched_; }

 private:
  friend class ObjectTree;
  void leave(lwm2m::InstanceId guard, ServerId server, const std::vector<ServerId>& others);
  [[nodiscard]] std::vector<ServerId> servers() const;

  std::map<lwm2m::ObjectId, std::map<lwm2m::InstanceId, Instance>> objects_;
  std::set<lwm2m::Path> touched_;
  std::set<lwm2m::Path> removed_;  ///< instances that went; what is there again has begun anew
};

/// The neutral value of a type: "", 0, false, no bytes, the null link.
lwm2m::Value neutral(lwm2m::DataType type);

}  // namespace drover::client
