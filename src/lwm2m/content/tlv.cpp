// SPDX-License-Identifier: Apache-2.0
// TLV (Core §6.4.3).
//
//    7   6   5   4   3   2   1   0      8 or 16 bits   0, 8, 16 or 24 bits
//  +-------+---+-------+-----------+  +--------------+  +---------------+  +------- - -
//  | kind  |id | length| length of |  |  identifier  |  |    length     |  |  value
//  |       |16?| bytes |  value    |  |              |  |               |  |
//  +-------+---+-------+-----------+  +--------------+  +---------------+  +------- - -
//                        used only without a length field
#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>

#include "base/reader.hpp"
#include "lwm2m/content/codecs.hpp"

namespace drover::lwm2m::content {
namespace {

enum class Kind : std::uint8_t { Instance = 0, ResourceInstance = 1, MultipleResource = 2, Resource = 3 };

constexpr std::uint8_t kWideId = 0x20;
constexpr unsigned kKindShift = 6;
constexpr unsigned kLengthShift = 3;
constexpr std::size_t kShortLengthMax = 7;    // three bits
constexpr std::size_t kLengthMax = 0xFFFFFF;  // 24 bits

// ---- decoding
// ---------------------------------------------------------------------------------------------------------

struct Entry {
  Kind kind;
  std::uint16_t id;
  ByteView value;
};

Result<Entry> take_entry(ByteReader& reader) {
  const auto type = reader.u8();
  if (!type) return malformed("TLV: the payload is empty");
  const auto id = reader.uint((*type & kWideId) != 0 ? 2 : 1);
  const std::size_t length_width = *type >> kLengthShift & 3U;
  const auto length =
      length_width == 0 ? std::optional<std::uint64_t>(*type & kShortLengthMax) : reader.uint(length_width);
  if (!id || !length) return malformed("TLV: cut off within a header");
  const auto value = reader.bytes(static_cast<std::size_t>(*length));
  if (!value) return malformed("TLV: entry " + std::to_string(*id) + " is longer than what it stands in");
  return Entry{static_cast<Kind>(*type >> kKindShift), static_cast<std::uint16_t>(*id), *value};
}

std::int64_t signed_integer(std::uint64_t bits, std::size_t width) {
  const unsigned unused = static_cast<unsigned>(64 - 8 * width);
  return static_cast<std::int64_t>(bits << unused) >> unused;
}

Result<Value> decode_value(DataType type, ByteView bytes) {
  ByteReader reader(bytes);
  const std::size_t width = bytes.size();
  const auto wrong_width = [&] {
    return malformed("TLV: " + std::to_string(width) + " bytes don't fit type " + to_string(type));
  };
  switch (type) {
    case DataType::String:
      if (!is_utf8(as_text(bytes))) return malformed("TLV: the string isn't UTF-8");
      return std::string(as_text(bytes));
    case DataType::Integer:
    case DataType::Time: {
      if (width != 1 && width != 2 && width != 4 && width != 8) return wrong_width();
      const std::int64_t integer = signed_integer(*reader.uint(width), width);
      if (type == DataType::Time) return Time{integer};
      return integer;
    }
    case DataType::Float:
      if (width == 4) return double{std::bit_cast<float>(static_cast<std::uint32_t>(*reader.uint(4)))};
      if (width == 8) return std::bit_cast<double>(*reader.uint(8));
      return wrong_width();
    case DataType::Boolean:
      if (width != 1) return wrong_width();
      if (bytes[0] > 1) return malformed("TLV: a boolean is 0 or 1");
      return bytes[0] == 1;
    case DataType::ObjectLink: {
      if (width != 4) return wrong_width();
      const auto object = *reader.u16();
      return ObjectLink{object, *reader.u16()};
    }
    case DataType::None:
    case DataType::Opaque: break;
  }
  return Opaque{Bytes(bytes.begin(), bytes.end())};
}

template <class Node>
Result<void> sort_and_refuse_doubles(std::vector<Node>& nodes, const char* what) {
  std::sort(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) { return a.id < b.id; });
  const auto twin =
      std::adjacent_find(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) { return a.id == b.id; });
  if (twin == nodes.end()) return {};
  return malformed(std::string("TLV: a ") + what + " stands twice");
}

class Decoder {
 public:
  Decoder(const Path& path, const model::ObjectDefinition* object) : path_(path), object_(object) {}

  Result<Tree> decode(ByteView payload) {
    if (path_.is_root()) return peer_error(kUnsupportedFormat, "TLV carries one object at most");
    Tree tree;
    tree.objects.push_back({path_.object(), {}});
    const auto done = fill(tree.objects[0], payload);
    if (!done) return tl::unexpected(done.error());
    return tree;
  }

 private:
  Result<void> fill(ObjectNode& object, ByteView payload) {
    switch (path_.depth()) {
      case 1: return fill_object(object, payload);
      case 2: return fill_instance(object, payload);
      default: return fill_resource(object, payload);
    }
  }

  Result<void> fill_object(ObjectNode& object, ByteView payload) {
    if (payload.empty()) return {};
    if (static_cast<Kind>(payload[0] >> kKindShift) != Kind::Instance) {
      // A Create that leaves the instance id to the client (Core §5.4.6).
      return resources(payload).map([&](std::vector<ResourceNode>&& nodes) {
        object.instances.push_back({std::nullopt, std::move(nodes)});
      });
    }
    ByteReader reader(payload);
    while (!reader.empty()) {
      const auto entry = take_entry(reader);
      if (!entry) return tl::unexpected(entry.error());
      const auto added = add_instance(object, *entry);
      if (!added) return added;
    }
    return sort_and_refuse_doubles(object.instances, "object instance");
  }

  Result<void> add_instance(ObjectNode& object, const Entry& entry) {
    if (entry.kind != Kind::Instance) return malformed("TLV: a resource stands beside object instances");
    if (entry.id == kReservedId) return malformed("TLV: object instance id 65535 is reserved");
    if (!count()) return too_many();
    return resources(entry.value).map([&](std::vector<ResourceNode>&& nodes) {
      object.instances.push_back({entry.id, std::move(nodes)});
    });
  }

  Result<void> fill_instance(ObjectNode& object, ByteView payload) {
    if (!payload.empty() && static_cast<Kind>(payload[0] >> kKindShift) == Kind::Instance) {
      ByteReader reader(payload);
      const auto entry = take_entry(reader);
      if (!entry) return tl::unexpected(entry.error());
      if (!reader.empty() || entry->id != path_.instance()) return malformed("TLV: another object instance than asked");
      return add_instance(object, *entry);
    }
    return resources(payload).map([&](std::vector<ResourceNode>&& nodes) {
      object.instances.push_back({path_.instance(), std::move(nodes)});
    });
  }

  Result<void> fill_resource(ObjectNode& object, ByteView payload) {
    ByteReader reader(payload);
    const auto entry = take_entry(reader);
    if (!entry) return tl::unexpected(entry.error());
    if (!reader.empty()) return malformed("TLV: more than the one resource");
    auto node = path_.is_resource_instance() && entry->kind == Kind::ResourceInstance ? bare_resource_instance(*entry)
                                                                                      : resource(*entry);
    if (!node) return tl::unexpected(node.error());
    if (node->id != path_.resource()) return malformed("TLV: another resource than asked");
    if (path_.is_resource_instance() &&
        (!node->multiple || node->instances.size() != 1 || node->instances[0].id != path_.resource_instance())) {
      return malformed("TLV: another resource instance than asked");
    }
    object.instances.push_back({path_.instance(), {}});
    object.instances[0].resources.push_back(std::move(*node));
    return {};
  }

  Result<ResourceNode> bare_resource_instance(const Entry& entry) {
    const auto type = type_of_resource(path_.resource(), true);
    if (!type) return tl::unexpected(type.error());
    auto value = decode_value(*type, entry.value);
    if (!value) return tl::unexpected(value.error());
    ResourceNode node{path_.resource(), true, {}};
    node.instances.push_back({entry.id, std::move(*value)});
    return node;
  }

  Result<std::vector<ResourceNode>> resources(ByteView bytes) {
    std::vector<ResourceNode> nodes;
    ByteReader reader(bytes);
    while (!reader.empty()) {
      const auto entry = take_entry(reader);
      if (!entry) return tl::unexpected(entry.error());
      auto node = resource(*entry);
      if (!node) return tl::unexpected(node.error());
      nodes.push_back(std::move(*node));
    }
    const auto sorted = sort_and_refuse_doubles(nodes, "resource");
    if (!sorted) return tl::unexpected(sorted.error());
    return nodes;
  }

  Result<ResourceNode> resource(const Entry& entry) {
    if (entry.kind != Kind::Resource && entry.kind != Kind::MultipleResource) {
      return malformed("TLV: an entry stands at the wrong level");
    }
    if (entry.id == kReservedId) return malformed("TLV: resource id 65535 is reserved");
    if (!count()) return too_many();
    ResourceNode node{entry.id, entry.kind == Kind::MultipleResource, {}};
    const auto type = type_of_resource(entry.id, node.multiple);
    if (!type) return tl::unexpected(type.error());
    if (!node.multiple) {
      auto value = decode_value(*type, entry.value);
      if (!value) return tl::unexpected(value.error());
      node.instances.push_back({0, std::move(*value)});
      return node;
    }
    ByteReader reader(entry.value);
    while (!reader.empty()) {
      const auto instance = take_entry(reader);
      if (!instance) return tl::unexpected(instance.error());
      if (instance->kind != Kind::ResourceInstance) return malformed("TLV: an entry stands at the wrong level");
      if (!count()) return too_many();
      auto value = decode_value(*type, instance->value);
      if (!value) return tl::unexpected(value.error());
      node.instances.push_back({instance->id, std::move(*value)});
    }
    const auto sorted = sort_and_refuse_doubles(node.instances, "resource instance");
    if (!sorted) return tl::unexpected(sorted.error());
    return node;
  }

  /// Opaque where nothing is known of the resource.
  [[nodiscard]] Result<DataType> type_of_resource(ResourceId id, bool multiple) const {
    const model::ResourceDefinition* definition = value_definition(object_, id);
    if (definition == nullptr) return DataType::Opaque;
    if (definition->multiple != multiple) {
      return malformed("TLV: resource " + std::to_string(id) + " is " + (multiple ? "Single" : "Multiple"));
    }
    return definition->type;
  }

  bool count() { return ++nodes_ <= kNodesMax; }
  static tl::unexpected<Error> too_many() { return peer_error(kTooLarge, "TLV: too many values"); }

  const Path path_;
  const model::ObjectDefinition* const object_;
  std::size_t nodes_ = 0;
};

// ---- encoding
// ---------------------------------------------------------------------------------------------------------

std::size_t integer_width(std::int64_t value) {
  for (const std::size_t width : {std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
    if (signed_integer(static_cast<std::uint64_t>(value), width) == value) return width;
  }
  return 8;
}

/// Binary32 where it is exact; a NaN keeps its 64 bits.
std::size_t float_width(double value) {
  if (std::isnan(value)) return 8;
  if (std::isinf(value)) return 4;
  return std::abs(value) <= double{FLT_MAX} && double{static_cast<float>(value)} == value ? 4 : 8;
}

struct ValueWidth {
  std::size_t operator()(const std::string& text) const { return text.size(); }
  std::size_t operator()(std::int64_t integer) const { return integer_width(integer); }
  std::size_t operator()(double number) const { return float_width(number); }
  std::size_t operator()(bool) const { return 1; }
  std::size_t operator()(const Opaque& opaque) const { return opaque.bytes.size(); }
  std::size_t operator()(const Time& time) const { return integer_width(time.seconds); }
  std::size_t operator()(const ObjectLink&) const { return 4; }
};

struct ValueWriter {
  ByteWriter& out;
  void operator()(const std::string& text) const { out.bytes(as_bytes(text)); }
  void operator()(std::int64_t integer) const { out.uint(static_cast<std::uint64_t>(integer), integer_width(integer)); }
  void operator()(double number) const {
    if (float_width(number) == 4) {
      out.uint(std::bit_cast<std::uint32_t>(static_cast<float>(number)), 4);
    } else {
      out.uint(std::bit_cast<std::uint64_t>(number), 8);
    }
  }
  void operator()(bool boolean) const { out.u8(boolean ? 1 : 0); }
  void operator()(const Opaque& opaque) const { out.bytes(opaque.bytes); }
  void operator()(const Time& time) const { (*this)(time.seconds); }
  void operator()(const ObjectLink& link) const {
    out.u16(link.object);
    out.u16(link.instance);
  }
};

std::size_t length_bytes(std::size_t length) {
  if (length <= kShortLengthMax) return 0;
  if (length <= 0xFF) return 1;
  return length <= 0xFFFF ? 2 : 3;
}

std::size_t entry_size(std::uint16_t id, std::size_t length) {
  return 1 + (id > 0xFF ? 2U : 1U) + length_bytes(length) + length;
}

std::size_t value_size(const Value& value) {
  return std::visit(ValueWidth{}, value);
}

std::size_t content_size(const ResourceNode& resource) {
  if (!resource.multiple) return value_size(resource.instances[0].value);
  std::size_t size = 0;
  for (const ResourceInstanceNode& instance : resource.instances) {
    size += entry_size(instance.id, value_size(instance.value));
  }
  return size;
}

std::size_t content_size(const std::vector<ResourceNode>& resources) {
  std::size_t size = 0;
  for (const ResourceNode& resource : resources) size += entry_size(resource.id, content_size(resource));
  return size;
}

void write_header(ByteWriter& out, Kind kind, std::uint16_t id, std::size_t length) {
  const std::size_t extra = length_bytes(length);
  const std::size_t type = static_cast<std::size_t>(kind) << kKindShift | (id > 0xFF ? kWideId : 0U) |
                           extra << kLengthShift | (extra == 0 ? length : 0U);
  out.u8(static_cast<std::uint8_t>(type));
  out.uint(id, id > 0xFF ? 2 : 1);
  out.uint(length, extra);
}

void write_resource_instance(ByteWriter& out, const ResourceInstanceNode& instance) {
  write_header(out, Kind::ResourceInstance, instance.id, value_size(instance.value));
  std::visit(ValueWriter{out}, instance.value);
}

void write_resource(ByteWriter& out, const ResourceNode& resource) {
  write_header(out, resource.multiple ? Kind::MultipleResource : Kind::Resource, resource.id, content_size(resource));
  if (!resource.multiple) return std::visit(ValueWriter{out}, resource.instances[0].value);
  for (const ResourceInstanceNode& instance : resource.instances) write_resource_instance(out, instance);
}

void write_resources(ByteWriter& out, const std::vector<ResourceNode>& resources) {
  for (const ResourceNode& resource : resources) write_resource(out, resource);
}

Result<Bytes> encode_object(const ObjectNode& object) {
  ByteWriter out;
  if (object.instances.size() == 1 && !object.instances[0].id) {
    if (content_size(object.instances[0].resources) > kLengthMax) return our_error("TLV: longer than 24 bits can say");
    write_resources(out, object.instances[0].resources);
    return out.take();
  }
  for (const InstanceNode& instance : object.instances) {
    if (!instance.id) return our_error("TLV: an object instance without id stands beside others");
    const std::size_t length = content_size(instance.resources);
    if (length > kLengthMax) return our_error("TLV: longer than 24 bits can say");
    write_header(out, Kind::Instance, *instance.id, length);
    write_resources(out, instance.resources);
  }
  return out.take();
}

bool well_formed(const ObjectNode& object) {
  for (const InstanceNode& instance : object.instances) {
    for (const ResourceNode& resource : instance.resources) {
      if (!resource.multiple && resource.instances.size() != 1) return false;
    }
  }
  return true;
}

}  // namespace

Result<Tree> decode_tlv(const Path& path, ByteView payload, const model::ObjectDefinition* object) {
  return Decoder(path, object).decode(payload);
}

Result<Bytes> encode_tlv(const Path& path, const Tree& tree) {
  if (path.is_root()) return peer_error(kNotAcceptable, "TLV carries one object at most");
  if (tree.objects.empty() && path.is_object()) return Bytes{};
  if (tree.objects.size() != 1 || tree.objects[0].id != path.object() || !well_formed(tree.objects[0])) {
    return our_error("TLV: the values don't lie below " + path.to_string());
  }
  const ObjectNode& object = tree.objects[0];
  if (path.is_object()) return encode_object(object);

  if (object.instances.size() != 1 || object.instances[0].id != path.instance()) {
    return our_error("TLV: the values don't lie below " + path.to_string());
  }
  const std::vector<ResourceNode>& resources = object.instances[0].resources;
  if (content_size(resources) > kLengthMax) return our_error("TLV: longer than 24 bits can say");
  ByteWriter out;
  if (path.is_instance()) {
    write_resources(out, resources);
    return out.take();
  }
  if (resources.size() != 1 || resources[0].id != path.resource()) {
    return our_error("TLV: the values don't lie below " + path.to_string());
  }
  if (path.is_resource()) {
    write_resource(out, resources[0]);
    return out.take();
  }
  if (!resources[0].multiple || resources[0].instances.size() != 1 ||
      resources[0].instances[0].id != path.resource_instance()) {
    return our_error("TLV: the values don't lie below " + path.to_string());
  }
  write_resource_instance(out, resources[0].instances[0]);
  return out.take();
}

}  // namespace drover::lwm2m::content
