// SPDX-License-Identifier: Apache-2.0
#include "client/objects/security_object.hpp"

#include "client/sms_values.hpp"
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

namespace {

Result<void> check_sms_mode(const lwm2m::ResourceNode& node) {
  const auto* mode = std::get_if<std::int64_t>(&node.instances.front().value);
  const bool known = mode != nullptr && *mode >= SecurityObject::kSmsOnDevice && *mode <= SecurityObject::kSmsNoSec;
  if (known) return {};
  return peer_error(coap::code::kBadRequest.value, "this client's SMS Security Modes are 1, 2 and 3");
}

Result<void> check_number(const lwm2m::ResourceNode& node) {
  const auto* text = std::get_if<std::string>(&node.instances.front().value);
  if (text == nullptr || text->empty() || msisdn_digits(*text)) return {};
  return peer_error(coap::code::kBadRequest.value, "a server's SMS number is digits with the country code");
}

}  // namespace

Result<void> SecurityObject::check_write(const Context&, lwm2m::InstanceId, const lwm2m::ResourceNode& node) {
  if (node.id == SecurityObject::kShortServerId) return check_short_server_id(node);
  if (node.instances.empty()) return {};
  if (node.id == SecurityObject::kSmsMode) return check_sms_mode(node);
  if (node.id == SecurityObject::kServerNumber) return check_number(node);
  if (node.id != SecurityObject::kUri) return {};
  const auto* text = std::get_if<std::string>(&node.instances.front().value);
  if (text == nullptr || text->empty() || tel_digits(*text)) return {};
  if (auto uri = parse_server_uri(*text); !uri) return peer_error(coap::code::kBadRequest.value, uri.error().reason);
  return {};
}

}  // namespace drover::client
