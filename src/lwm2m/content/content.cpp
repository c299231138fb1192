// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/content/content.hpp"

#include <cassert>
#include <cmath>

#include "lwm2m/content/codecs.hpp"

namespace drover::lwm2m::content {
namespace {

/// Plain text and opaque carry one value only, at a resource or a resource instance (Core §6.4.1, §6.4.2).
Result<Tree> decode_single(Format format, const Path& path, ByteView payload, const Definitions& definitions) {
  if (path.depth() < 3) {
    return peer_error(kUnsupportedFormat, std::string(to_string(format)) + " carries a single resource only");
  }
  const model::ResourceDefinition* definition = value_definition(definitions.find(path.object()), path.resource());
  if (definition != nullptr && definition->multiple != path.is_resource_instance()) {
    if (definition->multiple) {
      return peer_error(kUnsupportedFormat, std::string(to_string(format)) + " can't carry a multiple resource");
    }
    return malformed("a single resource has no instances");
  }
  if (format == Format::Text) {
    auto value = from_text(definition == nullptr ? DataType::String : definition->type, as_text(payload));
    if (!value) return tl::unexpected(value.error());
    return tree_of(path, std::move(*value));
  }
  if (definition != nullptr && definition->type != DataType::Opaque) {
    return peer_error(kUnsupportedFormat, std::string("opaque can't carry type ") + to_string(definition->type));
  }
  return tree_of(path, Opaque{Bytes(payload.begin(), payload.end())});
}

Result<Bytes> encode_single(Format format, const Path& path, const Tree& tree) {
  const Value* value = single_value(path, tree);
  if (value == nullptr) {
    return peer_error(kNotAcceptable, std::string(to_string(format)) + " carries a single resource only");
  }
  if (format == Format::Opaque) {
    if (const auto* opaque = std::get_if<Opaque>(value)) return opaque->bytes;
    return peer_error(kNotAcceptable, std::string("opaque can't carry type ") + to_string(type_of(*value)));
  }
  if (const auto* number = std::get_if<double>(value); number != nullptr && !std::isfinite(*number)) {
    return peer_error(kNotAcceptable, "text can't carry a number that isn't finite");
  }
  return to_bytes(to_text(*value));
}

}  // namespace

Tree tree_of(const Path& path, Value value) {
  assert(path.depth() >= 3);
  ResourceNode resource{path.resource(), path.is_resource_instance(), {}};
  resource.instances.push_back({path.resource_instance(), std::move(value)});
  InstanceNode instance{path.instance(), {}};
  instance.resources.push_back(std::move(resource));
  Tree tree;
  tree.objects.push_back({path.object(), {}});
  tree.objects.back().instances.push_back(std::move(instance));
  return tree;
}

const Value* single_value(const Path& path, const Tree& tree) {
  if (path.depth() < 3 || tree.objects.size() != 1 || tree.objects[0].instances.size() != 1 ||
      tree.objects[0].instances[0].resources.size() != 1) {
    return nullptr;
  }
  const ResourceNode* resource = tree.find(path.object(), path.instance(), path.resource());
  if (resource == nullptr || resource->multiple != path.is_resource_instance() || resource->instances.size() != 1 ||
      resource->instances[0].id != path.resource_instance()) {
    return nullptr;
  }
  return &resource->instances[0].value;
}

Result<Tree> decode(Format format, const Path& path, ByteView payload, const Definitions& definitions) {
  if (payload.size() > kPayloadMax) return peer_error(kTooLarge, "the payload is too large for a tree of values");
  switch (format) {
    case Format::Text:
    case Format::Opaque: return decode_single(format, path, payload, definitions);
    case Format::Tlv: return decode_tlv(path, payload, definitions.find(path.object()));
    case Format::Json: return decode_json(path, payload, definitions);
    case Format::Link: break;
  }
  return peer_error(kUnsupportedFormat, "link format carries no values");
}

Result<Bytes> encode(Format format, const Path& path, const Tree& tree) {
  switch (format) {
    case Format::Text:
    case Format::Opaque: return encode_single(format, path, tree);
    case Format::Tlv: return encode_tlv(path, tree);
    case Format::Json: return encode_json(path, tree);
    case Format::Link: break;
  }
  return peer_error(kNotAcceptable, "link format carries no values");
}

}  // namespace drover::lwm2m::content
