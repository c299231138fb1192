// SPDX-License-Identifier: Apache-2.0
// Read and Discover (Core §5.4.1, §5.4.2).
#include <algorithm>

#include "client/object_tree.hpp"
#include "coap/message/code.hpp"
#include "coap/message/link_format.hpp"

namespace drover::client {

using lwm2m::DataType;
using lwm2m::Format;
using lwm2m::FormatNumber;
using lwm2m::Outcome;
using lwm2m::Path;
using lwm2m::ResourceNode;
namespace code = coap::code;

namespace {

/// The answer's format when the server leaves the choice: the plain one where a single value is asked for.
FormatNumber default_format(const lwm2m::model::ResourceDefinition* resource) {
  if (resource == nullptr || resource->multiple) return lwm2m::format::kTlv;
  return resource->type == DataType::Opaque ? lwm2m::format::kOpaque : lwm2m::format::kText;
}

}  // namespace

ResourceNode ObjectTree::current(const Context& context, const Object& object, const Path& path,
                                 const Resource& resource) const {
  ResourceNode node{path.resource(), resource.definition->multiple, resource.values};
  if (object.behaviour != nullptr && !resource.definition->multiple && !resource.definition->operations.execute) {
    if (auto value = object.behaviour->compute(context, path.instance(), path.resource())) {
      node.instances.assign(1, {0, std::move(*value)});
    }
  }
  return node;
}

std::vector<ResourceNode> ObjectTree::readable(const Context& context, const Object& object, const Path& path,
                                               const Instance& instance) const {
  std::vector<ResourceNode> nodes;
  for (const auto& [id, resource] : instance) {
    if (resource.definition->operations.read) nodes.push_back(current(context, object, path.child(id), resource));
  }
  return nodes;
}

std::vector<lwm2m::InstanceId> ObjectTree::readable_instances(const Context& context, const Path& path) const {
  if (!path.is_object()) return {path.instance()};
  std::vector<lwm2m::InstanceId> ids = instances(path.object());
  std::erase_if(ids, [&](lwm2m::InstanceId id) {
    return (access_.rights_of(*context.server, path.object(), id) & rights::kRead) == 0;
  });
  return ids;
}

Result<Outcome> ObjectTree::read(const Context& context, const Path& path, std::optional<FormatNumber> accept) {
  if (const auto allowed = reach(context, path, rights::kRead); !allowed) return tl::unexpected(allowed.error());
  const auto ids = readable_instances(context, path);
  if (ObjectBehaviour* behaviour = objects_.at(path.object()).behaviour; behaviour != nullptr) {
    for (const lwm2m::InstanceId id : ids) behaviour->before_read(context, id);
  }
  const Target target = locate(path);  // anew: before_read() may have instantiated resources
  lwm2m::ObjectNode gathered{path.object(), {}};
  if (path.is_resource()) {
    if (target.resource == nullptr) return peer_error(code::kNotFound.value, "no such resource");
    if (!target.definition->operations.read) {
      return peer_error(code::kMethodNotAllowed.value, target.definition->name + " can't be read");
    }
    gathered.instances.push_back({path.instance(), {current(context, *target.object, path, *target.resource)}});
  } else {
    for (const lwm2m::InstanceId id : ids) {
      const Path instance(path.object(), id);
      gathered.instances.push_back({id, readable(context, *target.object, instance, target.object->instances.at(id))});
    }
  }

  const FormatNumber number = accept.value_or(default_format(target.definition));
  const auto format = lwm2m::format_of(number);
  if (!format || *format == Format::Link) {
    return peer_error(code::kNotAcceptable.value, "content format " + std::to_string(number) + " isn't available");
  }
  Outcome outcome{lwm2m::Status::Content, number, {}, {}, 0};
  if (gathered.instances.empty() && *format == Format::Tlv)
    return outcome;  // an object without instances: no TLV at all
  auto payload = lwm2m::content::encode(*format, path, lwm2m::Tree{{std::move(gathered)}});
  if (!payload) return tl::unexpected(payload.error());
  outcome.payload = std::move(*payload);
  return outcome;
}

Result<Outcome> ObjectTree::discover(const Context& context, const Path& path) {
  const auto target = reach(context, path, rights::kNone);
  if (!target) return tl::unexpected(target.error());
  if (path.is_resource() && target->resource == nullptr) {
    return peer_error(code::kNotFound.value, "no such resource");
  }
  const ServerId server = context.server.value_or(0);
  std::vector<coap::Link> links;
  const auto link_to = [&](const Path& to) -> coap::Link& {
    return links.emplace_back(coap::Link{root_ + to.to_string(), {}});
  };
  const auto dimension = [](const Resource& resource, coap::Link& link) {
    if (resource.definition->multiple)
      link.parameters.push_back({"dim", std::to_string(resource.values.size()), false});
  };

  if (path.is_object()) {
    coap::Link& object = link_to(path);
    if (target->object->definition->version != lwm2m::Version{1, 0}) {
      object.parameters.push_back({"ver", target->object->definition->version.to_string(), true});
    }
    attributes_.assigned(server, path).append_to(object.parameters);
    for (const auto& [id, instance] : target->object->instances) {
      link_to(path.child(id));
      for (const auto& [resource_id, resource] : instance) link_to(path.child(id).child(resource_id));
    }
  } else if (path.is_instance()) {
    attributes_.assigned(server, path).append_to(link_to(path).parameters);
    for (const auto& [id, resource] : *target->instance) {
      coap::Link& link = link_to(path.child(id));
      dimension(resource, link);
      attributes_.assigned(server, path.child(id)).append_to(link.parameters);
    }
  } else {
    coap::Link& link = link_to(path);
    dimension(*target->resource, link);
    attributes_.effective(server, path).append_to(link.parameters);
  }
  return Outcome{lwm2m::Status::Content, lwm2m::format::kLink, to_bytes(coap::format_links(links)), {}, 0};
}

}  // namespace drover::client
