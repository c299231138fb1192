// SPDX-License-Identifier: Apache-2.0
#include "client/objects/security_object.hpp"

#include "client/uri.hpp"
#include "coap/message/code.hpp"

namespace drover::client {

Result<void> check_short_server_id(const lwm2m::ResourceNode& node) {
  for (const auto& entry : node.instances) {
    const auto* id = std::get_if<std::int64_t>(&entry.value);
    if (id != nullptr && *id >= 1 && *id < lwm2m::kReservedId) continue;
    return peer_error(coap::code::kBadRequest.value, "a Short Server ID is 1 to 65534");
  }
  return {};
}

Result<void> SecurityObject::check_write(const Context&, lwm2m::InstanceId, const lwm2m::ResourceNode& node) {
  if (node.id == SecurityObject::kShortServerId) return check_short_server_id(node);
  if (node.id != SecurityObject::kUri || node.instances.empty()) return {};
  const auto* text = std::get_if<std::string>(&node.instances.front().value);
  if (text == nullptr || text->empty()) return {};
  if (auto uri = parse_server_uri(*text); !uri) return peer_error(coap::code::kBadRequest.value, uri.error().reason);
  return {};
}

}  // namespace drover::client
