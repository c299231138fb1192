// SPDX-License-Identifier: Apache-2.0
#include "client/objects/server_object.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>

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

Result<void> ServerObject::check_write(const Context&, lwm2m::InstanceId, const lwm2m::ResourceNode& node) {
  if (node.instances.empty()) return {};
  switch (node.id) {
    case kShortServerId: return check_short_server_id(node);
    case kLifetime: return check_seconds(node, 1);
    case kDefaultPMin:
    case kDefaultPMax:
    case kDisableTimeout: return check_seconds(node, 0);
    case kBinding: {
      const auto* binding = std::get_if<std::string>(&node.instances.front().value);
      if (binding != nullptr && (*binding == "U" || *binding == "UQ")) return {};
      constexpr std::string_view kOthers[] = {"S", "SQ", "US", "UQS"};
      const bool known =
          binding != nullptr && std::find(std::begin(kOthers), std::end(kOthers), *binding) != std::end(kOthers);
      return peer_error(code::kBadRequest.value, known ? "this client has no SMS: its bindings are U and UQ"
                                                       : "a binding is one of U, UQ, S, SQ, US, UQS (Core 5.3.1.1)");
    }
    default: return {};
  }
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
