// SPDX-License-Identifier: Apache-2.0
// What the codecs of this folder share; not for other folders, which use content.hpp.
#pragma once

#include <string>

#include "lwm2m/content/content.hpp"

namespace drover::lwm2m::content {

/// CoAP response codes that an Error carries (RFC 7252 §12.1.2).
inline constexpr std::uint8_t kBadRequest = 0x80;         // 4.00
inline constexpr std::uint8_t kNotAcceptable = 0x86;      // 4.06
inline constexpr std::uint8_t kTooLarge = 0x8D;           // 4.13
inline constexpr std::uint8_t kUnsupportedFormat = 0x8F;  // 4.15
inline constexpr std::uint8_t kInternalError = 0xA0;      // 5.00

inline tl::unexpected<Error> malformed(std::string reason) {
  return peer_error(kBadRequest, std::move(reason));
}
/// A tree that our own code built and that doesn't lie below the path.
inline tl::unexpected<Error> our_error(std::string reason) {
  return tl::unexpected<Error>(Error{Fault::Us, kInternalError, std::move(reason)});
}

/// The definition of the resource that `path` names or lies in; nullptr without one, and for an executable resource,
/// which has no value type: whoever applies the values refuses it by its operations.
inline const model::ResourceDefinition* value_definition(const model::ObjectDefinition* object, ResourceId resource) {
  const model::ResourceDefinition* found = object == nullptr ? nullptr : object->resource(resource);
  return found == nullptr || found->type == DataType::None ? nullptr : found;
}

Result<Tree> decode_tlv(const Path& path, ByteView payload, const model::ObjectDefinition* object);
Result<Bytes> encode_tlv(const Path& path, const Tree& tree);

Result<Tree> decode_json(const Path& path, ByteView payload, const Definitions& definitions);
Result<Bytes> encode_json(const Path& path, const Tree& tree);

/// One value as a tree below a resource or resource instance path.
Tree tree_of(const Path& path, Value value);
/// The one value at a resource or resource instance path; nullptr when the tree holds something else.
const Value* single_value(const Path& path, const Tree& tree);

}  // namespace drover::lwm2m::content
