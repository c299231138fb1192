// SPDX-License-Identifier: Apache-2.0
#include "client/access_control.hpp"

#include "client/object_tree.hpp"

namespace drover::client {

using lwm2m::InstanceId;
using lwm2m::ObjectId;
using lwm2m::Path;

std::optional<Rights> rights::parse(std::string_view letters) {
  Rights rights = kNone;
  for (const char letter : letters) {
    const Rights bit = letter == 'R'   ? kRead
                       : letter == 'W' ? kWrite
                       : letter == 'E' ? kExecute
                       : letter == 'D' ? kDelete
                                       : kNone;
    if (bit == kNone || (rights & bit) != 0) return std::nullopt;
    rights = static_cast<Rights>(rights | bit);
  }
  return rights;
}

void AccessControl::put(InstanceId id, Guard guard) {
  erase(id);
  by_target_[guard.target].insert(id);
  guards_.insert_or_assign(id, std::move(guard));
}

void AccessControl::erase(InstanceId id) {
  const auto found = guards_.find(id);
  if (found == guards_.end()) return;
  const auto target = by_target_.find(found->second.target);
  target->second.erase(id);
  if (target->second.empty()) by_target_.erase(target);
  guards_.erase(found);
}

const AccessControl::Guard* AccessControl::guard(InstanceId id) const {
  const auto found = guards_.find(id);
  return found == guards_.end() ? nullptr : &found->second;
}

std::set<InstanceId> AccessControl::guards_of(const Target& target) const {
  const auto found = by_target_.find(target);
  return found == by_target_.end() ? std::set<InstanceId>{} : found->second;
}

const AccessControl::Guard* AccessControl::first_guard_of(const Target& target) const {
  const auto found = by_target_.find(target);
  return found == by_target_.end() ? nullptr : guard(*found->second.begin());
}

Rights AccessControl::rights_of(ServerId server, ObjectId object, InstanceId instance) const {
  if (object == kObject) {
    const Guard* managed = guard(instance);
    if (managed == nullptr || managed->owner != server) return rights::kNone;
    return managed->target.second == kWholeObject ? rights::kRead : rights::kFull;
  }
  const Guard* guard = first_guard_of({object, instance});
  if (guard == nullptr) return has_several_servers() ? rights::kNone : rights::kFull;
  if (const auto own = guard->acl.find(server); own != guard->acl.end()) return own->second;
  if (guard->owner == server) return rights::kFull;
  const auto others = guard->acl.find(kDefaultEntry);
  return others == guard->acl.end() ? rights::kNone : others->second;
}

bool AccessControl::may_create(ServerId server, ObjectId object) const {
  const Guard* guard = first_guard_of({object, kWholeObject});
  if (guard == nullptr) return !has_several_servers();
  const auto own = guard->acl.find(server);
  return own != guard->acl.end() && (own->second & rights::kCreate) != 0;
}

namespace {

constexpr ObjectId kSecurityObject = 0;
constexpr ObjectId kServerObject = 1;
constexpr ObjectId kDeviceObject = 3;
constexpr lwm2m::ResourceId kShortServerId = 0;

/// Adds an instance of object 2 with the lowest id that is free.
Result<void> add_guard(ObjectTree& tree, const Context& context, const AccessControl::Guard& guard) {
  InstanceId id = 0;
  while (tree.has(Path(AccessControl::kObject, id))) ++id;
  if (auto added = tree.add(context, AccessControl::kObject, id); !added) return added;
  const auto set = [&](const Path& path, std::int64_t value) { return tree.set(context, path, value); };
  const Path path(AccessControl::kObject, id);
  if (auto done = set(path.child(AccessControl::kObjectId), guard.target.first); !done) return done;
  if (auto done = set(path.child(AccessControl::kInstanceId), guard.target.second); !done) return done;
  for (const auto& [server, granted] : guard.acl) {
    if (auto done = set(path.child(AccessControl::kAcl).child(server), granted); !done) return done;
  }
  return set(path.child(AccessControl::kOwner), guard.owner);
}

/// The server that a Server instance is about; nothing where its id isn't one.
std::optional<ServerId> server_of(const ObjectTree& tree, const Context& context, InstanceId instance) {
  const auto value = tree.get(context, Path(kServerObject, instance, kShortServerId));
  const auto* id = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  if (id == nullptr || *id < 1 || *id >= lwm2m::kReservedId) return std::nullopt;
  return static_cast<ServerId>(*id);
}

}  // namespace

Result<void> provision(ObjectTree& tree, const Context& context, const Provision& wish) {
  if (tree.find(AccessControl::kObject) == nullptr || !tree.access().has_several_servers()) return {};
  for (const ObjectId object : tree.objects()) {
    if (object == kSecurityObject || object == AccessControl::kObject) continue;
    for (const InstanceId instance : tree.instances(object)) {
      if (!tree.access().guards_of({object, instance}).empty()) continue;
      AccessControl::Guard guard{{object, instance}, wish.owner, {}};
      if (object == kServerObject) {
        guard.owner = server_of(tree, context, instance).value_or(AccessControl::kNobody);
      } else if (wish.others != rights::kNone) {
        guard.acl.emplace(AccessControl::kDefaultEntry, wish.others);
      }
      if (auto added = add_guard(tree, context, guard); !added) return added;
    }
    if (!wish.create || object == kServerObject || object == kDeviceObject) continue;
    if (!tree.access().guards_of({object, AccessControl::kWholeObject}).empty()) continue;
    const AccessControl::Guard whole{
        {object, AccessControl::kWholeObject}, AccessControl::kNobody, {{wish.owner, rights::kCreate}}};
    if (auto added = add_guard(tree, context, whole); !added) return added;
  }
  return {};
}

}  // namespace drover::client
