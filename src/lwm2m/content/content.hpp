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

/// Finds the definition for an object id; a plain function object so that the codecs need no registry. May give
/// nullptr: then TLV values are Opaque and JSON values keep the type they are written with.
class Definitions {
 public:
  virtual ~Definitions() = default;
  [[nodiscard]] virtual const model::ObjectDefinition* find(ObjectId object) const = 0;
};

/// Values longer than this aren't decoded into a tree; a firmware image is streamed and never comes here.
inline constexpr std::size_t kPayloadMax = 1 << 20;
/// Nodes of all levels in one payload.
inline constexpr std::size_t kNodesMax = 65536;

/// Decodes a payload that was read from, or is to be written to `path`. Text and Opaque need a resource path, and text
/// a definition for the type (without one it's String). Errors carry 4.00 (malformed) or 4.15 (format not possible
/// there). Ids below `path` that contradict it, doubled ids and values that don't fit their type are malformed; a
/// payload or a number of values beyond the limits above is 4.13. Every level comes out ascending by id.
/// - An empty TLV payload at an object or instance path is an object or instance without anything in it.
/// - Names or entries without an object instance at an object path give one InstanceNode without id (Core §5.4.6).
/// - Only a JSON link tree (base name "/") may bring instances outside of `path`, and only those that its links lead to
///   (Core §6.4.4). Who applies a Write looks at what lies below `path` and refuses the rest.
/// - A resource that its definition calls executable is decoded as if nothing were known of it, for the caller to
/// refuse.
Result<Tree> decode(Format format, const Path& path, ByteView payload, const Definitions& definitions);

/// Encodes values that lie below `path`. Text and Opaque take one single resource (or resource instance) of a fitting
/// type: 4.06 otherwise. TLV uses the Object Instance level exactly for an object path (Core §6.4.3), in its shortest
/// form. A number that isn't finite is 4.06 in text and JSON, which have no form for it; TLV carries it. Values that
/// don't lie below `path` are our own fault, 5.00; JSON takes them and makes a link tree of them.
Result<Bytes> encode(Format format, const Path& path, const Tree& tree);

/// A JSON payload with all its values and times in order (Core §6.4.4: notifications of several moments).
Result<std::vector<TimedValue>> decode_timed_json(const Path& path, ByteView payload, const Definitions& definitions);
Result<Bytes> encode_timed_json(const Path& base, const std::vector<TimedValue>& values);

/// The text form of one value and back (Appendix C): Boolean 0/1, Opaque Base64, Time and Integer decimal, Objlnk
/// "3:0", Float decimal without exponent, the shortest that gives the same number again. An exponent is understood,
/// "inf" and "nan" aren't. Errors are 4.00.
std::string to_text(const Value& value);
Result<Value> from_text(DataType type, std::string_view text);

/// Converts a value to a type where nothing is lost: Integer to Float (within 2^53) or Time or Boolean (0, 1), and
/// back; String, Opaque and ObjectLink unchanged. 4.00 otherwise.
Result<Value> convert(const Value& value, DataType type);

}  // namespace drover::lwm2m::content
