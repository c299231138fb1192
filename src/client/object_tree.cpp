// SPDX-License-Identifier: Apache-2.0
#include "client/object_tree.hpp"

#include <algorithm>
#include <cassert>

#include "base/take_front.hpp"
#include "client/payload.hpp"
#include "coap/message/code.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {

using lwm2m::DataType;
using lwm2m::InstanceId;
using lwm2m::ObjectId;
using lwm2m::Outcome;
using lwm2m::Path;
using lwm2m::ResourceId;
using lwm2m::ResourceInstanceId;
using lwm2m::ResourceNode;
using lwm2m::Value;
namespace code = coap::code;

namespace {

constexpr ObjectId kSecurityObject = 0;
constexpr ObjectId kServerObject = 1;

tl::unexpected<Error> own_error(std::string reason) {
  return tl::unexpected(Error{Fault::Us, 0, std::move(reason)});
}

}  // namespace

Value neutral(DataType type) {
  switch (type) {
    case DataType::Integer: return std::int64_t{0};
    case DataType::Float: return 0.0;
    case DataType::Boolean: return false;
    case DataType::Opaque: return lwm2m::Opaque{};
    case DataType::Time: return lwm2m::Time{};
    case DataType::ObjectLink: return lwm2m::ObjectLink{};
    case DataType::String:
    case DataType::None: break;
  }
  return std::string{};
}

const lwm2m::model::ResourceDefinition* ObjectTree::Object::resource(ResourceId id) const {
  if (!supported.empty() && !std::binary_search(supported.begin(), supported.end(), id)) return nullptr;
  return definition->resource(id);
}

// ---- the device's own side ------------------------------------------------------------------------------------------

void ObjectTree::define(const lwm2m::model::ObjectDefinition& definition, ObjectBehaviour* behaviour,
                        std::vector<ResourceId> supported) {
  std::sort(supported.begin(), supported.end());
  Object& object = objects_[definition.id];
  object.definition = &definition;
  object.behaviour = behaviour;
  object.supported = std::move(supported);
}

void ObjectTree::set_behaviour(ObjectId object, ObjectBehaviour* behaviour) {
  const auto found = objects_.find(object);
  if (found != objects_.end()) found->second.behaviour = behaviour;
}

const lwm2m::model::ObjectDefinition* ObjectTree::find(ObjectId object) const {
  const auto found = objects_.find(object);
  return found == objects_.end() ? nullptr : found->second.definition;
}

std::vector<ObjectId> ObjectTree::objects() const {
  std::vector<ObjectId> ids;
  for (const auto& [id, object] : objects_) ids.push_back(id);
  return ids;
}

std::vector<InstanceId> ObjectTree::instances(ObjectId object) const {
  std::vector<InstanceId> ids;
  const auto found = objects_.find(object);
  if (found == objects_.end()) return ids;
  for (const auto& [id, instance] : found->second.instances) ids.push_back(id);
  return ids;
}

bool ObjectTree::has(const Path& path) const {
  const auto object = objects_.find(path.object());
  if (path.is_root() || object == objects_.end()) return path.is_root();
  if (path.is_object()) return true;
  const auto instance = object->second.instances.find(path.instance());
  if (instance == object->second.instances.end()) return false;
  if (path.is_instance()) return true;
  const auto resource = instance->second.find(path.resource());
  if (resource == instance->second.end()) return false;
  if (path.is_resource()) return true;
  const auto& values = resource->second.values;
  return std::any_of(values.begin(), values.end(), [&](const auto& v) { return v.id == path.resource_instance(); });
}

ObjectTree::Instance ObjectTree::blank(const Object& object) {
  Instance instance;
  for (const auto& definition : object.definition->resources) {
    if (object.resource(definition.id) == nullptr) continue;
    const bool executable = definition.operations.execute;
    // Without a list of what is supported, an optional action exists only where a behaviour can carry it out.
    const bool wanted = executable ? definition.mandatory || !object.supported.empty() || object.behaviour != nullptr
                                   : definition.mandatory;
    if (!wanted) continue;
    Resource resource{&definition, {}};
    if (!executable) resource.values.push_back({0, neutral(definition.type)});
    instance.emplace(definition.id, std::move(resource));
  }
  return instance;
}

Result<void> ObjectTree::add(const Context& context, ObjectId id, InstanceId instance) {
  const auto found = objects_.find(id);
  const std::string path = Path(id, instance).to_string();
  if (found == objects_.end())
    return own_error(path + ": no definition of object " + std::to_string(id) + " is loaded");
  Object& object = found->second;
  if (instance == lwm2m::kReservedId) return own_error(path + ": instance 65535 is reserved");
  if (!object.definition->multiple && instance != 0) {
    return own_error(path + ": the object has a single instance, 0 (" + object.definition->name + ")");
  }
  if (object.instances.contains(instance)) return own_error(path + ": exists already");
  object.instances.emplace(instance, blank(object));
  note(Change::Kind::Created, Path(id, instance), context);
  if (object.behaviour != nullptr) object.behaviour->created(context, instance);
  return {};
}

Result<void> ObjectTree::remove(const Context& context, ObjectId id, InstanceId instance) {
  const Path path(id, instance);
  const auto found = objects_.find(id);
  if (found == objects_.end() || found->second.instances.erase(instance) == 0) {
    return own_error(path.to_string() + ": doesn't exist");
  }
  attributes_.erase_below(path);
  note(Change::Kind::Deleted, path, context);
  if (found->second.behaviour != nullptr) found->second.behaviour->deleted(context, instance);
  for (const InstanceId guard : access_.guards_of({id, instance})) {
    if (auto gone = remove(context, AccessControl::kObject, guard); !gone) return gone;
  }
  return {};
}

void ObjectTree::note(Change::Kind kind, const Path& path, const Context& context) {
  changes_.push_back({kind, path, context.server});
  if (path.object() == kServerObject) access_.set_accounts(objects_.at(kServerObject).instances.size());
  if (path.object() != AccessControl::kObject) return;
  const Target target = locate(path.prefix(2));
  if (target.instance == nullptr) return access_.erase(path.instance());
  access_.put(path.instance(), guard_in(*target.instance));
}

AccessControl::Guard ObjectTree::guard_in(const Instance& instance) {
  const auto id = [&](ResourceId resource) {
    const auto found = instance.find(resource);
    if (found == instance.end() || found->second.values.empty()) return std::uint16_t{0};
    const auto* number = std::get_if<std::int64_t>(&found->second.values.front().value);
    return number == nullptr || *number < 0 || *number > lwm2m::kReservedId ? std::uint16_t{0}
                                                                            : static_cast<std::uint16_t>(*number);
  };
  AccessControl::Guard guard{
      {id(AccessControl::kObjectId), id(AccessControl::kInstanceId)}, id(AccessControl::kOwner), {}};
  if (const auto acl = instance.find(AccessControl::kAcl); acl != instance.end()) {
    for (const auto& [server, value] : acl->second.values) {
      const auto* number = std::get_if<std::int64_t>(&value);
      const bool fits = number != nullptr && *number >= 0 && *number <= rights::kAll;
      guard.acl.emplace(server, fits ? static_cast<Rights>(*number) : rights::kNone);
    }
  }
  return guard;
}

ObjectTree::Target ObjectTree::locate(const Path& path) {
  Target target;
  const auto object = objects_.find(path.object());
  if (path.depth() < 1 || object == objects_.end()) return target;
  target.object = &object->second;
  const auto instance = object->second.instances.find(path.instance());
  if (path.depth() < 2 || instance == object->second.instances.end()) return target;
  target.instance = &instance->second;
  if (path.depth() < 3) return target;
  target.definition = object->second.resource(path.resource());
  const auto resource = instance->second.find(path.resource());
  if (resource != instance->second.end()) target.resource = &resource->second;
  return target;
}

Result<void> ObjectTree::set(const Context& context, const Path& path, Value value) {
  const std::string where = path.to_string();
  if (path.depth() < 3) return own_error(where + ": a value belongs to a resource such as /3/0/0");
  Target target = locate(path);
  if (target.object == nullptr) {
    return own_error(where + ": no definition of object " + std::to_string(path.object()) + " is loaded");
  }
  if (target.instance == nullptr)
    return own_error(where + ": instance " + path.prefix(2).to_string() + " doesn't exist");
  if (target.definition == nullptr) {
    return own_error(where + ": " + target.object->definition->name + " has no such resource");
  }
  const auto& definition = *target.definition;
  if (definition.operations.execute)
    return own_error(where + ": " + definition.name + " is executable, it has no value");
  if (path.is_resource_instance() && !definition.multiple && path.resource_instance() != 0) {
    return own_error(where + ": " + definition.name + " is a single resource");
  }
  auto converted = lwm2m::content::convert(value, definition.type);
  if (!converted) return own_error(where + ": " + definition.name + ": " + converted.error().reason);

  const ResourceInstanceId id = path.is_resource_instance() ? path.resource_instance() : ResourceInstanceId{0};
  if (target.resource != nullptr) {
    const auto& held = target.resource->values;
    if (std::any_of(held.begin(), held.end(), [&](const auto& v) { return v.id == id && v.value == *converted; })) {
      return {};
    }
  }
  if (target.object->behaviour != nullptr) {
    const ResourceNode node{definition.id, definition.multiple, {{id, *converted}}};
    if (auto fits = target.object->behaviour->check_write(context, path.instance(), node); !fits) {
      return own_error(where + ": " + definition.name + ": " + fits.error().reason);
    }
  }
  Resource& resource = target.instance->try_emplace(path.resource(), Resource{&definition, {}}).first->second;
  auto place = std::lower_bound(resource.values.begin(), resource.values.end(), id,
                                [](const auto& entry, ResourceInstanceId wanted) { return entry.id < wanted; });
  if (place != resource.values.end() && place->id == id) {
    place->value = std::move(*converted);
  } else {
    resource.values.insert(place, {id, std::move(*converted)});
  }
  note(Change::Kind::Value, path.prefix(3), context);
  return {};
}

Result<void> ObjectTree::unset(const Context& context, const Path& path) {
  Target target = locate(path);
  if (target.resource == nullptr || path.depth() < 3) return own_error(path.to_string() + ": doesn't exist");
  if (path.is_resource_instance() && target.definition->multiple) {
    if (std::erase_if(target.resource->values, [&](const auto& v) { return v.id == path.resource_instance(); }) == 0) {
      return own_error(path.to_string() + ": doesn't exist");
    }
  } else {
    if (target.definition->mandatory) return own_error(path.to_string() + ": is a mandatory resource");
    target.instance->erase(path.resource());
  }
  note(Change::Kind::Value, path.prefix(3), context);
  return {};
}

std::optional<ResourceNode> ObjectTree::node(const Context& context, const Path& path) const {
  const auto object = objects_.find(path.object());
  if (path.depth() < 3 || object == objects_.end()) return std::nullopt;
  const auto instance = object->second.instances.find(path.instance());
  if (instance == object->second.instances.end()) return std::nullopt;
  const auto resource = instance->second.find(path.resource());
  if (resource == instance->second.end()) return std::nullopt;
  return current(context, object->second, path.prefix(3), resource->second);
}

std::optional<Value> ObjectTree::get(const Context& context, const Path& path) const {
  const auto found = node(context, path);
  if (!found) return std::nullopt;
  const ResourceInstanceId wanted = path.is_resource_instance() ? path.resource_instance() : ResourceInstanceId{0};
  for (const auto& entry : found->instances) {
    if (entry.id == wanted) return entry.value;
  }
  return std::nullopt;
}

std::vector<ResourceNode> ObjectTree::values(const Context& context, ObjectId id, InstanceId instance) const {
  std::vector<ResourceNode> nodes;
  const auto object = objects_.find(id);
  if (object == objects_.end()) return nodes;
  const auto found = object->second.instances.find(instance);
  if (found == object->second.instances.end()) return nodes;
  for (const auto& [resource_id, resource] : found->second) {
    nodes.push_back(current(context, object->second, Path(id, instance, resource_id), resource));
  }
  return nodes;
}

void ObjectTree::touch(const Context& context, const Path& path) {
  note(Change::Kind::Value, path.prefix(3), context);
}

lwm2m::Announcement ObjectTree::announcement() const {
  lwm2m::Announcement announcement;
  announcement.root = root_;
  for (const auto& [id, object] : objects_) {
    if (id == kSecurityObject) continue;
    lwm2m::AnnouncedObject announced{id, std::nullopt, instances(id)};
    if (object.definition->version != lwm2m::Version{1, 0}) announced.version = object.definition->version;
    announcement.objects.push_back(std::move(announced));
  }
  return announcement;
}

std::optional<Change> ObjectTree::poll_change() {
  return take_front(changes_);
}

// ---- the servers' side ----------------------------------------------------------------------------------------------

Result<ObjectTree::Target> ObjectTree::reach(const Context& context, const Path& path, Rights needed) {
  if (path.is_root()) return peer_error(code::kMethodNotAllowed.value, "the root isn't managed");
  if (path.object() == kSecurityObject) return peer_error(code::kUnauthorized.value, "the Security object is private");
  const Target target = locate(path);
  if (target.object == nullptr) return peer_error(code::kNotFound.value, "no such object");
  if (path.depth() >= 2 && target.instance == nullptr) return peer_error(code::kNotFound.value, "no such instance");
  assert(context.server.has_value());
  const ServerId server = *context.server;
  const bool creates = (needed & rights::kCreate) != 0;
  const bool allowed = path.is_object()
                           ? !creates || access_.may_create(server, path.object())
                           : (needed & ~access_.rights_of(server, path.object(), path.instance())) == 0 || creates;
  if (!allowed) return peer_error(code::kUnauthorized.value, "the server hasn't got the right (Core 7.1.2)");
  if (path.is_resource_instance()) {
    return peer_error(code::kMethodNotAllowed.value, "no operation targets a single resource instance");
  }
  return target;
}

Outcome ObjectTree::perform(const Context& context, const lwm2m::Downlink& operation) {
  struct Visitor {
    ObjectTree& tree;
    const Context& context;
    Result<Outcome> operator()(const lwm2m::Read& read) { return tree.read(context, read.path, read.accept); }
    Result<Outcome> operator()(const lwm2m::Observe& observe) {
      return tree.read(context, observe.path, observe.accept);
    }
    Result<Outcome> operator()(const lwm2m::CancelObservation& cancel) {
      return tree.read(context, cancel.path, cancel.accept);
    }
    Result<Outcome> operator()(const lwm2m::Discover& discover) { return tree.discover(context, discover.path); }
    Result<Outcome> operator()(const lwm2m::Write& write) { return tree.write(context, write); }
    Result<Outcome> operator()(const lwm2m::WriteAttributes& write) { return tree.write_attributes(context, write); }
    Result<Outcome> operator()(const lwm2m::Execute& execute) { return tree.execute(context, execute); }
    Result<Outcome> operator()(const lwm2m::Create& create) { return tree.create(context, create); }
    Result<Outcome> operator()(const lwm2m::Delete& erase) { return tree.erase(context, erase.path); }
  };
  Result<Outcome> result = std::visit(Visitor{*this, context}, operation);
  return result ? std::move(*result) : refused(result.error());
}

std::optional<Outcome> ObjectTree::refusal(const Context& context, const lwm2m::Downlink& operation) {
  Result<Target> target;
  if (const auto* write = std::get_if<lwm2m::Write>(&operation)) target = reach_write(context, write->path);
  if (const auto* create = std::get_if<lwm2m::Create>(&operation)) target = reach_create(context, create->path);
  if (target) return std::nullopt;
  return refused(target.error());
}

Result<Outcome> ObjectTree::execute(const Context& context, const lwm2m::Execute& operation) {
  const Path& path = operation.path;
  const auto target = reach(context, path, rights::kExecute);
  if (!target) return tl::unexpected(target.error());
  if (!path.is_resource()) return peer_error(code::kMethodNotAllowed.value, "only a resource can be executed");
  if (target->resource == nullptr) return peer_error(code::kNotFound.value, "no such resource");
  if (!target->definition->operations.execute) {
    return peer_error(code::kMethodNotAllowed.value, target->definition->name + " can't be executed");
  }
  const auto arguments = parse_arguments(operation.arguments);
  if (!arguments) return tl::unexpected(arguments.error());
  if (target->object->behaviour != nullptr) {
    if (auto result = target->object->behaviour->execute(context, path, *arguments); !result) {
      return tl::unexpected(result.error());
    }
  }
  return Outcome{lwm2m::Status::Changed, std::nullopt, {}, {}, 0};
}

bool ObjectTree::streams(const Path& path) const {
  const auto object = objects_.find(path.object());
  if (!path.is_resource() || object == objects_.end() || object->second.behaviour == nullptr) return false;
  const auto* definition = object->second.resource(path.resource());
  return definition != nullptr && definition->operations.write && definition->type == DataType::Opaque &&
         has(path.prefix(2)) && object->second.behaviour->streams(path.resource());
}

Outcome ObjectTree::write_block(const Context& context, const Path& path, std::size_t offset, ByteView bytes,
                                bool last) {
  assert(streams(path));
  if (const auto target = reach_write(context, path); !target) return refused(target.error());
  const auto result = objects_.at(path.object()).behaviour->write_block(context, path, offset, bytes, last);
  if (!result) return refused(result.error());
  if (last) note(Change::Kind::Value, path, context);
  return Outcome{lwm2m::Status::Changed, std::nullopt, {}, {}, 0};
}

}  // namespace drover::client
