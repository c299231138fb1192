// SPDX-License-Identifier: Apache-2.0
// What a Bootstrap-Server does to a draft of the tree (Core §5.2.7, E.1.3), and how the draft becomes the tree.
#include <algorithm>

#include "client/object_tree.hpp"
#include "client/objects/device_object.hpp"
#include "client/objects/security_object.hpp"
#include "client/objects/server_object.hpp"
#include "client/payload.hpp"
#include "coap/message/code.hpp"
#include "lwm2m/mapping/bootstrap.hpp"

namespace drover::client {

using lwm2m::InstanceId;
using lwm2m::InstanceNode;
using lwm2m::ObjectId;
using lwm2m::Outcome;
using lwm2m::Path;
using lwm2m::ResourceNode;
using lwm2m::Status;
namespace code = coap::code;

namespace {

Outcome done(Status status) {
  return Outcome{status, std::nullopt, {}, {}, 0};
}

/// What only the device itself gives: values that servers read, and actions. A payload that doesn't name them leaves
/// them as they are.
bool is_own(const lwm2m::model::ResourceDefinition& definition) {
  return definition.operations.execute || (definition.operations.read && !definition.operations.write);
}

std::int64_t weight(Rights granted) {
  return ((granted & rights::kWrite) != 0 ? 1 : 0) + ((granted & rights::kDelete) != 0 ? 1 : 0);
}

}  // namespace

// ---- the draft as a value -------------------------------------------------------------------------------------------

std::vector<InstanceId> ObjectTree::Draft::instances(ObjectId object) const {
  std::vector<InstanceId> ids;
  const auto found = objects_.find(object);
  if (found == objects_.end()) return ids;
  for (const auto& [id, instance] : found->second) ids.push_back(id);
  return ids;
}

bool ObjectTree::Draft::has(ObjectId object, InstanceId instance) const {
  const auto found = objects_.find(object);
  return found != objects_.end() && found->second.contains(instance);
}

std::optional<lwm2m::Value> ObjectTree::Draft::get(const Path& path) const {
  const auto object = objects_.find(path.object());
  if (path.depth() < 3 || object == objects_.end()) return std::nullopt;
  const auto instance = object->second.find(path.instance());
  if (instance == object->second.end()) return std::nullopt;
  const auto resource = instance->second.find(path.resource());
  if (resource == instance->second.end()) return std::nullopt;
  for (const auto& entry : resource->second.values) {
    if (entry.id == path.resource_instance()) return entry.value;
  }
  return std::nullopt;
}

std::optional<std::int64_t> ObjectTree::Draft::integer(const Path& path) const {
  const auto value = get(path);
  const auto* number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  return number == nullptr ? std::nullopt : std::optional(*number);
}

std::optional<AccessControl::Guard> ObjectTree::Draft::guard(InstanceId instance) const {
  const auto object = objects_.find(AccessControl::kObject);
  if (object == objects_.end()) return std::nullopt;
  const auto found = object->second.find(instance);
  return found == object->second.end() ? std::nullopt : std::optional(guard_in(found->second));
}

void ObjectTree::Draft::remove(ObjectId object, InstanceId instance) {
  const auto found = objects_.find(object);
  if (found == objects_.end() || found->second.erase(instance) == 0) return;
  removed_.insert(Path(object, instance));
  touched_.insert(Path(object, instance));
  if (object == AccessControl::kObject) return;
  for (const InstanceId id : instances(AccessControl::kObject)) {
    if (guard(id)->target == AccessControl::Target{object, instance}) remove(AccessControl::kObject, id);
  }
}

std::vector<ServerId> ObjectTree::Draft::servers() const {
  std::vector<ServerId> ids;
  for (const InstanceId instance : instances(ServerObject::kObject)) {
    const auto id = integer(Path(ServerObject::kObject, instance, ServerObject::kShortServerId));
    if (id && *id >= 1 && *id < lwm2m::kReservedId) ids.push_back(static_cast<ServerId>(*id));
  }
  return ids;
}

// ---- unbootstrapping (Core E.1.3) -----------------------------------------------------------------------------------

void ObjectTree::Draft::unbootstrap(InstanceId security) {
  const Path path(SecurityObject::kObject, security);
  const auto id = integer(path.child(SecurityObject::kShortServerId));
  const bool bootstrap = get(path.child(SecurityObject::kBootstrap)) == lwm2m::Value(true);
  remove(SecurityObject::kObject, security);
  if (bootstrap || !id || *id < 1 || *id >= lwm2m::kReservedId) return;
  const auto server = static_cast<ServerId>(*id);
  for (const InstanceId instance : instances(ServerObject::kObject)) {
    if (integer(Path(ServerObject::kObject, instance, ServerObject::kShortServerId)) == server) {
      remove(ServerObject::kObject, instance);
    }
  }
  const std::vector<ServerId> others = servers();
  for (const InstanceId each : instances(AccessControl::kObject)) leave(each, server, others);
}

/// Steps 1 and 2 for one instance of object 2.
void ObjectTree::Draft::leave(InstanceId each, ServerId server, const std::vector<ServerId>& others) {
  const auto said = guard(each);
  if (!said) return;  // gone with what it guarded
  const bool owner = said->owner == server;
  const bool alone = std::all_of(said->acl.begin(), said->acl.end(), [&](const auto& entry) {
    return entry.first == server || entry.second == rights::kNone;
  });
  if (alone && (owner || said->acl.contains(server))) {
    const auto& [object, instance] = said->target;
    if (object != DeviceObject::kObject) remove(object, instance);
    return remove(AccessControl::kObject, each);
  }
  Instance& instance = objects_.at(AccessControl::kObject).at(each);
  if (const auto acl = instance.find(AccessControl::kAcl); acl != instance.end()) {
    std::erase_if(acl->second.values, [&](const auto& entry) { return entry.id == server; });
  }
  if (!owner) return;
  const auto rights_of = [&](ServerId other) {
    const auto own = said->acl.find(other);
    const auto rest = said->acl.find(AccessControl::kDefaultEntry);
    return own != said->acl.end() ? own->second : rest != said->acl.end() ? rest->second : rights::kNone;
  };
  ServerId heir = AccessControl::kNobody;
  std::int64_t best = -1;
  for (const ServerId other : others) {
    const std::int64_t sum = weight(rights_of(other));
    if (sum > best || (sum == best && other < heir)) {
      best = sum;
      heir = other;
    }
  }
  const auto held = instance.find(AccessControl::kOwner);
  if (held != instance.end()) held->second.values = {{0, std::int64_t{heir}}};
}

// ---- operations on it -----------------------------------------------------------------------------------------------

ObjectTree::Draft ObjectTree::draft() const {
  Draft draft;
  for (const auto& [id, object] : objects_) draft.objects_.emplace(id, object.instances);
  return draft;
}

Outcome ObjectTree::perform(const Context& context, Draft& draft, const lwm2m::BootstrapOperation& operation,
                            std::optional<InstanceId> bootstrap, std::string_view enabler) const {
  Result<Outcome> result = bad("not an operation on the tree");
  if (const auto* wanted = std::get_if<lwm2m::BootstrapDiscover>(&operation)) {
    result = discover(draft, wanted->path, enabler);
  } else if (const auto* write = std::get_if<lwm2m::BootstrapWrite>(&operation)) {
    result = this->write(context, draft, *write);
  } else if (const auto* erased = std::get_if<lwm2m::BootstrapDelete>(&operation)) {
    result = erase(draft, erased->path, bootstrap);
  }
  return result ? std::move(*result) : refused(result.error());
}

Outcome ObjectTree::discover(const Draft& draft, const Path& path, std::string_view enabler) const {
  if (path.is_object() && !objects_.contains(path.object())) {
    return refused(Error{Fault::Peer, code::kNotFound.value, "no such object"});
  }
  lwm2m::BootstrapListing listing{std::string(enabler), {}};
  for (const auto& [id, object] : objects_) {
    if (!path.contains(Path(id))) continue;
    const auto instances = draft.instances(id);
    const bool versioned = object.definition->version != lwm2m::Version{1, 0};
    if (versioned || instances.empty()) {
      lwm2m::BootstrapEntry entry{Path(id)};
      if (versioned) entry.version = object.definition->version;
      listing.entries.push_back(entry);
    }
    for (const InstanceId instance : instances) {
      lwm2m::BootstrapEntry entry{Path(id, instance)};
      const Path at(id, instance);
      std::optional<std::int64_t> server;
      if (id == ServerObject::kObject) server = draft.integer(at.child(ServerObject::kShortServerId));
      if (id == SecurityObject::kObject && draft.get(at.child(SecurityObject::kBootstrap)) != lwm2m::Value(true)) {
        server = draft.integer(at.child(SecurityObject::kShortServerId));
      }
      if (server && *server >= 1 && *server < lwm2m::kReservedId) {
        entry.short_server_id = static_cast<std::uint16_t>(*server);
      }
      listing.entries.push_back(entry);
    }
  }
  Outcome outcome = done(Status::Content);
  outcome.format = lwm2m::format::kLink;
  outcome.payload = to_bytes(lwm2m::mapping::format_listing(listing));
  return outcome;
}

Result<Outcome> ObjectTree::erase(Draft& draft, const Path& path, std::optional<InstanceId> bootstrap) const {
  if (!path.is_root() && !objects_.contains(path.object())) return bad("no such object");
  const auto stays = [&](ObjectId object, InstanceId instance) {
    return object == DeviceObject::kObject || (object == SecurityObject::kObject && bootstrap == instance);
  };
  if (path.is_instance() && stays(path.object(), path.instance())) {
    return bad("the Bootstrap-Server account and the Device instance stay (Core 5.2.7.5)");
  }
  // The Security object first: what its servers leave behind is theirs (E.1.3).
  for (const auto& [id, object] : objects_) {
    if (!path.is_root() && path.object() != id) continue;
    for (const InstanceId instance : draft.instances(id)) {
      if (!path.contains(Path(id, instance)) || stays(id, instance)) continue;
      if (id == SecurityObject::kObject) {
        draft.unbootstrap(instance);
      } else {
        draft.remove(id, instance);
      }
    }
  }
  // RFC 7252 §5.8.4: also where there was nothing.
  return done(Status::Deleted);
}

Result<Outcome> ObjectTree::write(const Context& context, Draft& draft, const lwm2m::BootstrapWrite& operation) const {
  const Path& path = operation.path;
  const auto found = objects_.find(path.object());
  if (found == objects_.end()) return bad("no such object");
  const Object& object = found->second;
  if (path.is_resource()) {
    const auto* definition = object.resource(path.resource());
    if (definition == nullptr) return bad("no such resource");
    if (definition->operations.execute) return bad(definition->name + " has no value");
  }
  const auto format = value_format(operation.format);
  if (!format) return tl::unexpected(format.error());
  auto decoded = lwm2m::content::decode(*format, path, operation.payload, *this);
  if (!decoded) return tl::unexpected(decoded.error());

  auto& instances = draft.objects_.at(path.object());
  std::map<InstanceId, Instance> planned;
  const auto plan = [&](const InstanceNode& node) -> Result<void> {
    if (path.depth() >= 2 && node.id && *node.id != path.instance()) return bad("values of another instance");
    if (path.is_object() && !node.id && object.definition->multiple) return bad("values without an instance");
    const InstanceId id = path.depth() >= 2 ? path.instance() : node.id.value_or(0);
    if (id == lwm2m::kReservedId) return bad("instance 65535 is reserved");
    if (!object.definition->multiple && id != 0) return bad("the object has a single instance, 0");
    const auto before = instances.find(id);
    Result<Instance> after;
    if (path.is_resource()) {
      if (node.resources.size() != 1 || node.resources.front().id != path.resource()) return bad("no value for the resource");
      after = before == instances.end() ? blank(object) : before->second;
      ResourceNode value = node.resources.front();
      const auto* definition = object.resource(path.resource());
      if (auto fits = fit(value, *definition); !fits) return fits;
      if (auto fits = check(context, object, id, value); !fits) return fits;
      (*after)[value.id] = Resource{definition, std::move(value.instances)};
    } else {
      after = bootstrapped(context, object, before == instances.end() ? nullptr : &before->second, id, node);
    }
    if (!after) return tl::unexpected(after.error());
    planned.insert_or_assign(id, std::move(*after));
    return {};
  };
  std::size_t nodes = 0;
  for (const auto& node : decoded->objects) {
    if (node.id != path.object()) return bad("values of another object");
    for (const auto& instance : node.instances) {
      ++nodes;
      if (auto fits = plan(instance); !fits) return tl::unexpected(fits.error());
    }
  }
  // An empty payload is an instance without anything in it.
  if (nodes == 0 && path.is_instance()) {
    if (auto fits = plan(InstanceNode{}); !fits) return tl::unexpected(fits.error());
  }
  if (planned.empty()) return bad("no values");
  if (instances.size() + planned.size() > kInstancesMax) {
    return tl::unexpected(Error{Fault::Us, code::kRequestEntityTooLarge.value, "too many instances"});
  }
  for (auto& [id, instance] : planned) {
    draft.touched_.insert(Path(path.object(), id));
    instances.insert_or_assign(id, std::move(instance));
  }
  return done(Status::Changed);
}

Result<void> ObjectTree::check(const Context& context, const Object& object, InstanceId instance,
                               const ResourceNode& node) {
  return object.behaviour == nullptr ? Result<void>{} : object.behaviour->check_write(context, instance, node);
}

/// §5.2.7.4: what isn't supported is ignored, what isn't named isn't instantiated. A mandatory resource that isn't
/// named has its neutral value; whether a configuration with it makes sense is asked at the end (§5.2.6).
Result<ObjectTree::Instance> ObjectTree::bootstrapped(const Context& context, const Object& object,
                                                      const Instance* before, InstanceId id,
                                                      const InstanceNode& node) const {
  Instance after = blank(object);
  if (before != nullptr) {
    for (const auto& [resource, held] : *before) {
      if (is_own(*held.definition)) after.insert_or_assign(resource, held);
    }
  }
  for (ResourceNode value : node.resources) {
    const auto* definition = object.resource(value.id);
    if (definition == nullptr || definition->operations.execute) continue;
    if (auto fits = fit(value, *definition); !fits) return tl::unexpected(fits.error());
    if (auto fits = check(context, object, id, value); !fits) return tl::unexpected(fits.error());
    after.insert_or_assign(value.id, Resource{definition, std::move(value.instances)});
  }
  return after;
}

// ---- the draft becomes the tree -------------------------------------------------------------------------------------

void ObjectTree::adopt(const Context& context, Draft&& draft) {
  for (auto& [id, object] : objects_) {
    auto& wanted = draft.objects_[id];
    for (const InstanceId instance : instances(id)) {
      if (wanted.contains(instance)) continue;
      const Path path(id, instance);
      object.instances.erase(instance);
      attributes_.erase_below(path);
      note(Change::Kind::Deleted, path, context);
      if (object.behaviour != nullptr) object.behaviour->deleted(context, instance);
    }
    for (auto& [instance, resources] : wanted) {
      const Path path(id, instance);
      const auto found = object.instances.find(instance);
      if (found == object.instances.end()) {
        object.instances.emplace(instance, std::move(resources));
        note(Change::Kind::Created, path, context);
        if (object.behaviour != nullptr) object.behaviour->created(context, instance);
        continue;
      }
      const Instance before = std::exchange(found->second, std::move(resources));
      if (object.behaviour != nullptr && draft.removed_.contains(path)) {
        object.behaviour->deleted(context, instance);
        object.behaviour->created(context, instance);
      }
      for (const auto& [resource, held] : before) {
        if (!found->second.contains(resource)) note(Change::Kind::Value, path.child(resource), context);
      }
      for (const auto& [resource, held] : found->second) {
        const auto old = before.find(resource);
        if (old != before.end() && old->second == held) continue;
        note(Change::Kind::Value, path.child(resource), context);
        if (object.behaviour != nullptr) object.behaviour->written(context, path.child(resource));
      }
    }
  }
}

}  // namespace drover::client
