// SPDX-License-Identifier: Apache-2.0
// Write, Write-Attributes, Create and Delete (Core §5.4.3, §5.4.4, §5.4.6, §5.4.7): all of an operation or nothing.
#include <algorithm>
#include <cassert>

#include "client/object_tree.hpp"
#include "client/payload.hpp"
#include "coap/message/code.hpp"

namespace drover::client {

using lwm2m::DataType;
using lwm2m::Format;
using lwm2m::FormatNumber;
using lwm2m::InstanceId;
using lwm2m::InstanceNode;
using lwm2m::Outcome;
using lwm2m::Path;
using lwm2m::ResourceNode;
using lwm2m::Status;
namespace code = coap::code;

namespace {

constexpr lwm2m::ObjectId kDeviceObject = 3;

Outcome done(Status status) {
  return Outcome{status, std::nullopt, {}, {}, 0};
}

void merge(std::vector<lwm2m::ResourceInstanceNode>& into, std::vector<lwm2m::ResourceInstanceNode> from) {
  for (auto& entry : from) {
    auto place = std::lower_bound(into.begin(), into.end(), entry.id,
                                  [](const auto& at, lwm2m::ResourceInstanceId id) { return at.id < id; });
    if (place != into.end() && place->id == entry.id) {
      place->value = std::move(entry.value);
    } else {
      into.insert(place, std::move(entry));
    }
  }
}

}  // namespace

ObjectTree::Values ObjectTree::decode_writes(const Object& object, const Path& path, FormatNumber number,
                                             ByteView payload) const {
  const auto format = value_format(number);
  if (!format) return tl::unexpected(format.error());
  auto tree = lwm2m::content::decode(*format, path, payload, *this);
  if (!tree) return tl::unexpected(tree.error());
  std::vector<ResourceNode> nodes;
  for (auto& node : tree->objects) {
    if (node.id != path.object()) return bad("values of another object");
    for (auto& instance : node.instances) {
      if (instance.id && *instance.id != path.instance()) return bad("values of another instance");
      for (auto& resource : instance.resources) nodes.push_back(std::move(resource));
    }
  }
  for (ResourceNode& node : nodes) {
    if (path.is_resource() && node.id != path.resource()) return bad("values of another resource");
    const auto* definition = object.resource(node.id);
    if (definition == nullptr) {
      return peer_error(code::kNotFound.value, "no resource " + path.prefix(2).child(node.id).to_string());
    }
    if (!definition->operations.write) {
      return peer_error(code::kMethodNotAllowed.value, definition->name + " can't be written");
    }
    if (auto result = fit(node, *definition); !result) return tl::unexpected(result.error());
  }
  if (path.is_resource() && nodes.size() != 1) return bad("no value for the resource");
  return nodes;
}

Result<void> ObjectTree::check_complete(const Object& object, const Instance& instance) {
  for (const auto& definition : object.definition->resources) {
    if (!definition.mandatory || !definition.operations.write || object.resource(definition.id) == nullptr) continue;
    const auto found = instance.find(definition.id);
    if (found == instance.end() || found->second.values.empty()) {
      return bad("the mandatory " + definition.name + " is missing");
    }
  }
  return {};
}

Result<ObjectTree::Instance> ObjectTree::merged(const Object& object, const Instance& before,
                                                const lwm2m::Write& operation, std::vector<ResourceNode> writes) const {
  Instance after = before;
  const bool replace = operation.mode == lwm2m::Write::Mode::Replace;
  if (replace && operation.path.is_instance()) {
    std::erase_if(after, [](const auto& entry) { return entry.second.definition->operations.write; });
  }
  for (ResourceNode& node : writes) {
    Resource& resource = after.try_emplace(node.id, Resource{object.resource(node.id), {}}).first->second;
    if (replace || !resource.definition->multiple) resource.values.clear();
    merge(resource.values, std::move(node.instances));
    if (resource.values.size() > kResourceInstancesMax) {
      return peer_error(code::kRequestEntityTooLarge.value, resource.definition->name + " has too many instances");
    }
  }
  if (auto complete = check_complete(object, after); !complete) return tl::unexpected(complete.error());
  return after;
}

Result<ObjectTree::Target> ObjectTree::reach_write(const Context& context, const Path& path) {
  auto target = reach(context, path, rights::kWrite);
  if (!target) return target;
  if (path.is_object()) return peer_error(code::kMethodNotAllowed.value, "a whole object can't be written");
  if (!path.is_resource()) return target;
  if (target->definition == nullptr) return peer_error(code::kNotFound.value, "no such resource");
  if (!target->definition->operations.write) {
    return peer_error(code::kMethodNotAllowed.value, target->definition->name + " can't be written");
  }
  return target;
}

Result<Outcome> ObjectTree::write(const Context& context, const lwm2m::Write& operation) {
  const Path& path = operation.path;
  const auto target = reach_write(context, path);
  if (!target) return tl::unexpected(target.error());
  if (auto format = value_format(operation.format); !format) return tl::unexpected(format.error());
  auto writes = decode_writes(*target->object, path, *operation.format, operation.payload);
  if (!writes) return tl::unexpected(writes.error());
  ObjectBehaviour* behaviour = target->object->behaviour;
  for (const ResourceNode& node : *writes) {
    if (behaviour == nullptr) break;
    if (auto result = behaviour->check_write(context, path.instance(), node); !result) {
      return tl::unexpected(result.error());
    }
  }
  std::vector<lwm2m::ResourceId> ids;
  for (const ResourceNode& node : *writes) ids.push_back(node.id);
  auto after = merged(*target->object, *target->instance, operation, std::move(*writes));
  if (!after) return tl::unexpected(after.error());

  std::swap(*target->instance, *after);
  const Instance& before = *after;
  for (const auto& [id, resource] : before) {
    if (!target->instance->contains(id)) note(Change::Kind::Value, path.prefix(2).child(id), context);
  }
  for (const lwm2m::ResourceId id : ids) {
    const Path resource = path.prefix(2).child(id);
    const auto old = before.find(id);
    if (old == before.end() || old->second.values != target->instance->at(id).values) {
      note(Change::Kind::Value, resource, context);
    }
  }
  for (const lwm2m::ResourceId id : ids) {
    if (behaviour != nullptr) behaviour->written(context, path.prefix(2).child(id));
  }
  return done(Status::Changed);
}

Result<Outcome> ObjectTree::write_attributes(const Context& context, const lwm2m::WriteAttributes& operation) {
  const Path& path = operation.path;
  const auto target = reach(context, path, rights::kRead);
  if (!target) return tl::unexpected(target.error());
  if (path.is_resource() && target->resource == nullptr) {
    return peer_error(code::kNotFound.value, "no such resource");
  }
  if (path.is_resource() && !target->definition->operations.read) {
    return peer_error(code::kMethodNotAllowed.value,
                      target->definition->name + " can't be read, so it has no attributes");
  }
  const auto changes = parse_attributes(operation.attributes);
  if (!changes) return tl::unexpected(changes.error());
  const bool numeric =
      path.is_resource() && (target->definition->type == DataType::Integer ||
                             target->definition->type == DataType::Float || target->definition->type == DataType::Time);
  for (const AttributeChange& change : *changes) {
    // Table 4: gt, lt and st are assigned at resource level, to numbers.
    if (change.name != "pmin" && change.name != "pmax" && change.number && !numeric) {
      return bad(change.name + " belongs to a numerical resource");
    }
  }
  if (auto result = attributes_.apply(context.server.value_or(0), path, *changes); !result) {
    return tl::unexpected(result.error());
  }
  return done(Status::Changed);
}

Result<InstanceId> ObjectTree::choose_id(const Object& object, const std::map<InstanceId, Instance>& planned,
                                         std::optional<InstanceId> wanted) const {
  const auto taken = [&](InstanceId id) { return object.instances.contains(id) || planned.contains(id); };
  if (!object.definition->multiple) {
    if (wanted.value_or(0) != 0) return bad("the object has a single instance, 0");
    wanted = 0;
  }
  if (object.instances.size() + planned.size() >= kInstancesMax) {
    return tl::unexpected(Error{Fault::Us, code::kInternalServerError.value, "too many instances"});
  }
  if (wanted) {
    if (*wanted == lwm2m::kReservedId) return bad("instance 65535 is reserved");
    if (taken(*wanted)) return bad("the instance exists already");
    return *wanted;
  }
  InstanceId id = 0;
  while (taken(id)) ++id;  // ends: kInstancesMax is far below the number of ids
  return id;
}

Result<ObjectTree::Instance> ObjectTree::instance_from(const Context& context, const Object& object, InstanceId id,
                                                       const InstanceNode& node) const {
  Instance instance = blank(object);
  std::erase_if(instance, [](const auto& entry) { return entry.second.definition->operations.write; });
  for (const ResourceNode& written : node.resources) {
    const auto* definition = object.resource(written.id);
    // Core §5.4.6 and §7.1.2.4: what isn't supported and what is read-only is ignored.
    if (definition == nullptr || !definition->operations.write) continue;
    ResourceNode fitted = written;
    if (auto result = fit(fitted, *definition); !result) return tl::unexpected(result.error());
    if (object.behaviour != nullptr) {
      if (auto result = object.behaviour->check_write(context, id, fitted); !result) {
        return tl::unexpected(result.error());
      }
    }
    instance[written.id] = Resource{definition, std::move(fitted.instances)};
  }
  if (auto complete = check_complete(object, instance); !complete) return tl::unexpected(complete.error());
  return instance;
}

Result<ObjectTree::Target> ObjectTree::reach_create(const Context& context, const Path& path) {
  auto target = reach(context, path, rights::kCreate);
  if (!target) return target;
  if (!path.is_object()) return peer_error(code::kMethodNotAllowed.value, "an instance is created in an object");
  if (path.object() == kDeviceObject) return peer_error(code::kMethodNotAllowed.value, "there is one Device instance");
  return target;
}

void ObjectTree::guard(const Context& context, const Path& instance) {
  // One that is left over would give the new instance to somebody else.
  for (const InstanceId stale : access_.guards_of({instance.object(), instance.instance()})) {
    const bool removed = remove(context, AccessControl::kObject, stale).has_value();
    assert(removed);
  }
  Object& object = objects_.at(AccessControl::kObject);
  Instance guard = blank(object);
  const auto put = [&](lwm2m::ResourceId id, std::uint16_t entry, std::int64_t value) {
    const auto* definition = object.resource(id);
    if (definition != nullptr) guard[id] = Resource{definition, {{entry, value}}};
  };
  put(AccessControl::kObjectId, 0, instance.object());
  put(AccessControl::kInstanceId, 0, instance.instance());
  put(AccessControl::kAcl, *context.server, rights::kFull);
  put(AccessControl::kOwner, 0, *context.server);
  InstanceId id = 0;
  while (object.instances.contains(id)) ++id;
  object.instances.emplace(id, std::move(guard));
  note(Change::Kind::Created, Path(AccessControl::kObject, id), context);
  if (object.behaviour != nullptr) object.behaviour->created(context, id);
}

Result<Outcome> ObjectTree::create(const Context& context, const lwm2m::Create& operation) {
  const Path& path = operation.path;
  const auto target = reach_create(context, path);
  if (!target) return tl::unexpected(target.error());
  Object& object = *target->object;
  const auto format = value_format(operation.format);
  if (!format) return tl::unexpected(format.error());
  if (*format != Format::Tlv && *format != Format::Json) {
    return peer_error(code::kUnsupportedContentFormat.value, "a Create carries TLV or JSON");
  }
  lwm2m::Tree tree;
  if (!operation.payload.empty()) {
    auto decoded = lwm2m::content::decode(*format, path, operation.payload, *this);
    if (!decoded) return tl::unexpected(decoded.error());
    tree = std::move(*decoded);
  }
  std::vector<InstanceNode> nodes;
  for (auto& node : tree.objects) {
    if (node.id != path.object()) return bad("values of another object");
    for (auto& instance : node.instances) nodes.push_back(std::move(instance));
  }
  if (nodes.empty()) nodes.emplace_back();

  std::map<InstanceId, Instance> planned;
  for (const InstanceNode& node : nodes) {
    if (object.behaviour != nullptr) {
      if (auto result = object.behaviour->check_create(context, node); !result) return tl::unexpected(result.error());
    }
    const auto id = choose_id(object, planned, node.id);
    if (!id) return tl::unexpected(id.error());
    auto instance = instance_from(context, object, *id, node);
    if (!instance) return tl::unexpected(instance.error());
    planned.emplace(*id, std::move(*instance));
  }
  const bool guarded = path.object() != AccessControl::kObject && access_.has_several_servers();
  if (guarded && instances(AccessControl::kObject).size() + planned.size() > kInstancesMax) {
    return tl::unexpected(Error{Fault::Us, code::kInternalServerError.value, "too many Access Control instances"});
  }
  Outcome outcome = done(Status::Created);
  if (planned.size() == 1) outcome.location = root_ + path.child(planned.begin()->first).to_string();
  for (auto& [id, instance] : planned) {
    object.instances.emplace(id, std::move(instance));
    note(Change::Kind::Created, path.child(id), context);
    if (guarded) guard(context, path.child(id));
  }
  for (const auto& [id, moved] : planned) {
    if (object.behaviour != nullptr) object.behaviour->created(context, id);
  }
  return outcome;
}

Result<Outcome> ObjectTree::erase(const Context& context, const Path& path) {
  const auto target = reach(context, path, rights::kDelete);
  if (!target) return tl::unexpected(target.error());
  if (!path.is_instance()) return peer_error(code::kMethodNotAllowed.value, "only an object instance can be deleted");
  if (path.object() == kDeviceObject) return peer_error(code::kMethodNotAllowed.value, "the Device instance stays");
  if (target->object->behaviour != nullptr) {
    if (auto result = target->object->behaviour->check_delete(context, path.instance()); !result) {
      return tl::unexpected(result.error());
    }
  }
  if (auto result = remove(context, path.object(), path.instance()); !result) return tl::unexpected(result.error());
  return done(Status::Deleted);
}

}  // namespace drover::client
