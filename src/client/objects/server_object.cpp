// SPDX-License-Identifier: Apache-2.0
#include "client/objects/server_object.hpp"

#include <limits>

#include "base/take_front.hpp"
#include "coap/message/code.hpp"

namespace drover::client {

namespace code = coap::code;

namespace {

Result<void> check_seconds(const lwm2m::ResourceNode& node, std::int64_t least) {
  const auto* number = std::get_if<std::int64_t>(&node.instances.front().value);
  if (number != nullptr && *number >= least && *number <= std::numeric_limits<std::uint32_t>::max()) return {};
  return peer_error(code::kBadRequest.value, "seconds are " + std::to_string(least) + " to 4294967295");
}

}  // namespace

std::optional<ServerObject::Action> ServerObject::poll() {
  return take_front(actions_);
}

Result<void> ServerObject::check_write(const Context& context, lwm2m::InstanceId instance,
                                       const lwm2m::ResourceNode& node) {
  if (node.instances.empty()) return {};
  switch (node.id) {
    case kShortServerId: return check_short_server_id(node);
    case kLifetime: return check_seconds(node, 1);
    case kDefaultPMin:
    case kDefaultPMax:
    case kDisableTimeout: return check_seconds(node, 0);
    case kBinding: {
      const auto* binding = std::get_if<std::string>(&node.instances.front().value);
      return check_binding(context, instance, binding == nullptr ? std::string() : *binding);
    }
    default: return {};
  }
}

Result<void> ServerObject::check_binding(const Context& context, lwm2m::InstanceId instance,
                                         const std::string& binding) const {
  const auto known = parse_binding(binding);
  if (!known) {
    return peer_error(code::kBadRequest.value, "a binding is one of " + possible_bindings({true, true, transports_.trigger}) +
                                                   " (Core 5.3.1.1)");
  }
  if (!is_possible(*known, transports_)) {
    const char* missing = known->sms && !transports_.sms ? "this client has no SMS" : "UQT comes with version 1.1";
    return peer_error(code::kBadRequest.value, std::string(missing) + ": its bindings are " + possible_bindings(transports_));
  }
  const auto here = of_instances_.find(instance);
  if (!context.server || here == of_instances_.end() || is_possible(*known, here->second)) return {};
  return peer_error(code::kBadRequest.value, here->second.sms
                                                 ? "short messages without protection aren't enough for " + binding
                                                 : "the device has no number and keys of yours for SMS (/0/x/6 to 9)");
}

Result<void> ServerObject::execute(const Context&, const lwm2m::Path& path, const Arguments&) {
  if (path.resource() == kUpdateTrigger) {
    actions_.push_back({Action::Kind::Update, path.instance()});
    return {};
  }
  if (path.resource() == kDisable) {
    actions_.push_back({Action::Kind::Disable, path.instance()});
    return {};
  }
  if (path.resource() == kBootstrapTrigger && bootstrap_) {
    actions_.push_back({Action::Kind::Bootstrap, path.instance()});
    return {};
  }
  return peer_error(code::kMethodNotAllowed.value, "this client has no Bootstrap-Server account");
}

Result<void> ServerObject::check_create(const Context&, const lwm2m::InstanceNode&) {
  return peer_error(code::kMethodNotAllowed.value, "server accounts come from a Bootstrap-Server");
}

}  // namespace drover::client
