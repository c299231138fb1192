// SPDX-License-Identifier: Apache-2.0
#include "client/objects/access_control_object.hpp"

#include <algorithm>

#include "client/object_tree.hpp"
#include "client/objects/server_object.hpp"
#include "coap/message/code.hpp"

namespace drover::client {

using lwm2m::InstanceId;
using lwm2m::Path;
namespace code = coap::code;

namespace {

tl::unexpected<Error> bad(std::string reason) {
  return peer_error(code::kBadRequest.value, std::move(reason));
}

}  // namespace

bool AccessControlObject::is_account(const Context& context, std::int64_t server) const {
  const auto instances = tree_.instances(ServerObject::kObject);
  return std::any_of(instances.begin(), instances.end(), [&](InstanceId instance) {
    return tree_.get(context, Path(ServerObject::kObject, instance, ServerObject::kShortServerId)) ==
           lwm2m::Value(server);
  });
}

Result<void> AccessControlObject::check_write(const Context& context, InstanceId instance,
                                              const lwm2m::ResourceNode& node) {
  const AccessControl::Guard* guard = tree_.access().guard(instance);
  const bool whole_object = guard != nullptr && guard->target.second == AccessControl::kWholeObject;
  for (const auto& entry : node.instances) {
    const auto* number = std::get_if<std::int64_t>(&entry.value);
    const std::int64_t value = number == nullptr ? -1 : *number;
    if (node.id == AccessControl::kAcl) {
      if (entry.id == lwm2m::kReservedId) return bad("an ACL entry is a Short Server ID, or 0 for the default");
      if (value < 0 || value > rights::kAll) return bad("an ACL value has bits 0 to 4 only");
      if (whole_object && value != rights::kNone && value != rights::kCreate) {
        return bad("an object as a whole has the right Create (16) only");
      }
    } else if (value < 0 || value > lwm2m::kReservedId) {
      return bad("an id is 0 to 65535");
    } else if (node.id == AccessControl::kOwner) {
      if (value == 0) return bad("an owner is a Short Server ID, or 65535 for nobody");
      if (context.server && value != AccessControl::kNobody && !is_account(context, value)) {
        return bad("no account has the Short Server ID " + std::to_string(value));
      }
    }
  }
  return {};
}

Result<void> AccessControlObject::check_create(const Context&, const lwm2m::InstanceNode&) {
  return peer_error(code::kMethodNotAllowed.value, "Access Control instances come with what they guard");
}

Result<void> AccessControlObject::check_delete(const Context&, InstanceId instance) {
  const AccessControl::Guard* guard = tree_.access().guard(instance);
  if (guard == nullptr || !tree_.has(Path(guard->target.first, guard->target.second))) return {};
  return peer_error(code::kMethodNotAllowed.value, "the instance it guards exists");
}

}  // namespace drover::client
