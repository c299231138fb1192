// SPDX-License-Identifier: Apache-2.0
// Who may do what: the Access Control object (Core §7, Appendix E.3) as an index that answers without a search.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "client/attributes.hpp"
#include "client/behaviour.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::client {

class ObjectTree;

/// Bits of an ACL value, from the lowest (Core E.3). The others are reserved.
using Rights = std::uint16_t;
namespace rights {
inline constexpr Rights kNone = 0;
inline constexpr Rights kRead = 1U << 0;  ///< Read, Observe, Write-Attributes
inline constexpr Rights kWrite = 1U << 1;
inline constexpr Rights kExecute = 1U << 2;
inline constexpr Rights kDelete = 1U << 3;
inline constexpr Rights kCreate = 1U << 4;
/// All that there are on an object instance.
inline constexpr Rights kFull = kRead | kWrite | kExecute | kDelete;
inline constexpr Rights kAll = kFull | kCreate;

/// "RWED" in any order, each letter once, "" for none; nothing for anything else.
std::optional<Rights> parse(std::string_view letters);
}  // namespace rights

/// What the instances of object 2 say, by the object instance that they guard. Where several guard the same one, the
/// lowest id counts. Costs O(log n) a question. Kept current by ObjectTree; one thread at a time.
class AccessControl {
 public:
  static constexpr lwm2m::ObjectId kObject = 2;
  static constexpr lwm2m::ResourceId kObjectId = 0;
  static constexpr lwm2m::ResourceId kInstanceId = 1;
  static constexpr lwm2m::ResourceId kAcl = 2;
  static constexpr lwm2m::ResourceId kOwner = 3;
  /// The ACL entry that holds for servers without their own.
  static constexpr ServerId kDefaultEntry = 0;
  /// In kInstanceId: the object itself is guarded, who may create instances of it (Core §7.1.1.2.1).
  static constexpr lwm2m::InstanceId kWholeObject = lwm2m::kReservedId;
  /// In kOwner: only a bootstrap manages it.
  static constexpr ServerId kNobody = lwm2m::kReservedId;

  using Target = std::pair<lwm2m::ObjectId, lwm2m::InstanceId>;

  /// One instance of object 2.
  struct Guard {
    Target target;
    ServerId owner = 0;
    std::map<ServerId, Rights> acl;
  };

  /// Server accounts there are: with one, what isn't guarded is open to it.
  void set_accounts(std::size_t count) { accounts_ = count; }
  [[nodiscard]] bool has_several_servers() const { return accounts_ > 1; }
  void put(lwm2m::InstanceId id, Guard guard);
  void erase(lwm2m::InstanceId id);

  /// Of a server on an instance, by the sequence of Core §7.1.2.1. An instance of object 2 is open to its owner alone
  /// (§7.1.1.2.2), and one that guards a whole object can't be changed by any server (§7.1.1.2.1).
  [[nodiscard]] Rights rights_of(ServerId server, lwm2m::ObjectId object, lwm2m::InstanceId instance) const;
  /// The default entry doesn't count here: §7.1.2.1 asks for the one that is the server's.
  [[nodiscard]] bool may_create(ServerId server, lwm2m::ObjectId object) const;

  /// Instances of object 2 that guard it, ascending; {object, kWholeObject} for an object.
  [[nodiscard]] std::set<lwm2m::InstanceId> guards_of(const Target& target) const;
  /// What an instance of object 2 says; nullptr when there is none.
  [[nodiscard]] const Guard* guard(lwm2m::InstanceId id) const;

 private:
  [[nodiscard]] const Guard* first_guard_of(const Target& target) const;

  std::size_t accounts_ = 0;
  std::map<lwm2m::InstanceId, Guard> guards_;
  std::map<Target, std::set<lwm2m::InstanceId>> by_target_;
};

/// What provision() gives to instances that nobody guards yet.
struct Provision {
  ServerId owner = 0;
  Rights others = rights::kRead;  ///< default entry; kNone: no entry
  bool create = true;             ///< the owner may create instances of each object
};

/// What a factory does for a device with several servers: every object instance without an Access Control instance
/// gets one, and every object too where `create` is set. A Server instance (/1/x) belongs to the server it is about,
/// alone. The Security object and object 2 itself have none, and objects 1 and 3, whose instances no server makes, none
/// for the whole object. Nothing happens without object 2, or with one server. An error as ObjectTree::set().
Result<void> provision(ObjectTree& tree, const Context& context, const Provision& wish);

}  // namespace drover::client
