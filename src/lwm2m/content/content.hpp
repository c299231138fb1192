// SPDX-License-Identifier: Apache-2.0
// Payload <-> values, for every data format (Core §6.4). One call for each direction; the codecs are beside it.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "lwm2m/content/format.hpp"
#include "lwm2m/data/node.hpp"
#include "lwm2m/model/definition.hpp"

namespace drover::lwm2m::content {

/// Finds the definition for an object id; a plain function object so that the codecs need no registry. May give nullptr:
/// then TLV values are Opaque and JSON values keep the type they are written with.
class Definitions {
 public:
  virtual ~Definitions() = default;
  [[nodiscard]] virtual const model::ObjectDefinition* find(ObjectId object) const = 0;
};

/// Values longer than this aren't decoded into a tree; a firmware image is streamed and never comes here.
inline constexpr std::size_t kPayloadMax = 1 << 20;
/// Nodes of all levels in one payload.
inline constexpr std::size_t kNodesMax = 65536;

/// Decodes a payload that was read from, or is to be written to `path`. Text and Opaque need a resource path, and text a
/// definition for the type (without one it's String). Errors carry 4.00 (malformed) or 4.15 (format not possible there).
/// Ids below `path` that contradict it, doubled ids and values that don't fit their type are malformed.
Result<Tree> decode(Format format, const Path& path, ByteView payload, const Definitions& definitions);

/// Encodes values that lie below `path`. Text and Opaque take one single resource (or resource instance) of a fitting type:
/// 4.06 otherwise. TLV uses the Object Instance level exactly for an object path (Core §6.4.3).
Result<Bytes> encode(Format format, const Path& path, const Tree& tree);

/// A JSON payload with all its values and times in order (Core §6.4.4: notifications of several moments).
Result<std::vector<TimedValue>> decode_timed_json(const Path& path, ByteView payload, const Definitions& definitions);
Result<Bytes> encode_timed_json(const Path& base, const std::vector<TimedValue>& values);

/// The text form of one value and back (Appendix C): Boolean 0/1, Opaque Base64, Time and Integer decimal, Objlnk "3:0".
std::string to_text(const Value& value);
Result<Value> from_text(DataType type, std::string_view text);

/// Converts a value to a type where nothing is lost: Integer to Float or Time or Boolean (0, 1), and back; String unchanged.
Result<Value> convert(const Value& value, DataType type);

}  // namespace drover::lwm2m::content
