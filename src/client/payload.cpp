// SPDX-License-Identifier: Apache-2.0
#include "client/payload.hpp"

#include "client/object_tree.hpp"
#include "coap/message/code.hpp"
#include "lwm2m/content/content.hpp"
#include "lwm2m/mapping/mapping.hpp"
#include "lwm2m/model/range.hpp"

namespace drover::client {

namespace code = coap::code;

tl::unexpected<Error> bad(std::string reason) {
  return peer_error(code::kBadRequest.value, std::move(reason));
}

lwm2m::Outcome refused(const Error& error) {
  lwm2m::Outcome outcome;
  if (error.code != 0) outcome.status = lwm2m::mapping::to_status(coap::Code(error.code));
  outcome.payload = to_bytes(error.reason);
  return outcome;
}

Result<lwm2m::Format> value_format(std::optional<lwm2m::FormatNumber> number) {
  if (!number) return bad("the Content-Format is missing");
  const auto format = lwm2m::format_of(*number);
  if (!format || *format == lwm2m::Format::Link) {
    return peer_error(code::kUnsupportedContentFormat.value,
                      "content format " + std::to_string(*number) + " isn't supported here");
  }
  return *format;
}

Result<void> fit(lwm2m::ResourceNode& node, const lwm2m::model::ResourceDefinition& definition) {
  if (node.multiple != definition.multiple) {
    return bad(definition.name + (definition.multiple ? " has several instances" : " has a single value"));
  }
  if (!definition.multiple && node.instances.size() != 1) return bad(definition.name + " has a single value");
  if (node.instances.size() > ObjectTree::kResourceInstancesMax) {
    return peer_error(code::kRequestEntityTooLarge.value, definition.name + " has too many instances");
  }
  for (auto& instance : node.instances) {
    auto value = lwm2m::content::convert(instance.value, definition.type);
    if (!value) return bad(definition.name + ": " + value.error().reason);
    if (auto within = lwm2m::model::check_range(definition, *value); !within) return bad(within.error().reason);
    instance.value = std::move(*value);
  }
  return {};
}

}  // namespace drover::client
