// SPDX-License-Identifier: Apache-2.0
#include "tests/property/scenario.hpp"

#include <algorithm>
#include <set>

namespace drover::property {

using lwm2m::DataType;
using lwm2m::FormatNumber;
using lwm2m::Value;
using lwm2m::model::ResourceDefinition;
namespace format = lwm2m::format;

namespace {

constexpr lwm2m::ResourceId kResources = 6;
constexpr client::Context kOwn{};

const std::vector<DataType> kTypes = {DataType::Integer, DataType::String, DataType::Float,     DataType::Boolean,
                                      DataType::Opaque,  DataType::Time,   DataType::ObjectLink};
const std::vector<std::uint16_t> kEntries = {0, 1, 2, 7, 101, 102, 65535};
const std::vector<std::int64_t> kIntegers = {0,  1,  5,   9,   10,    16,    31,
                                             33, -1, 101, 102, 65535, 70000, std::int64_t{1} << 40};

Value value_of(DataType type, Choices& choices) {
  if (type == DataType::String) {
    if (choices.chance(4)) return std::string(1500, 'x');  // more than a block
    return choices.of(std::vector<std::string>{"", "a", "abc", "abcd", "\xC3\xBC\xC3\xBC"});
  }
  if (type == DataType::Float) return choices.of(std::vector<double>{0, 1.5, -2.25, 1e10, 3});
  if (type == DataType::Boolean) return choices.chance(50);
  if (type == DataType::Opaque) return lwm2m::Opaque{Bytes(choices.below(5), 0xA5)};
  if (type == DataType::Time) return lwm2m::Time{choices.of(kIntegers)};
  if (type == DataType::ObjectLink) return lwm2m::ObjectLink{choices.of(kEntries), choices.of(kEntries)};
  return choices.of(kIntegers);
}

/// What a payload says about a resource: right for its definition, mostly.
lwm2m::ResourceNode node_of(const Path& resource, Choices& choices, const Model& model) {
  const ResourceDefinition* known = model.definition(resource);
  lwm2m::ResourceNode node{resource.resource(), known != nullptr && known->multiple, {}};
  if (choices.chance(5)) node.multiple = !node.multiple;
  DataType type = known == nullptr || known->type == DataType::None ? DataType::Integer : known->type;
  if (choices.chance(7)) type = choices.of(kTypes);
  if (!node.multiple) {
    node.instances.push_back({0, value_of(type, choices)});
    return node;
  }
  std::set<std::uint16_t> ids;
  for (std::uint32_t left = choices.below(4); left > 0; --left) ids.insert(choices.of(kEntries));
  for (const std::uint16_t id : ids) node.instances.push_back({id, value_of(type, choices)});
  return node;
}

/// Values for a Write of or a Create in `path`. Every mandatory resource is among them, mostly.
lwm2m::InstanceNode instance_of(const Path& path, Choices& choices, const Model& model) {
  lwm2m::InstanceNode instance;
  if (path.is_resource()) {
    const auto id = choices.chance(4) ? static_cast<lwm2m::ResourceId>(choices.below(kResources)) : path.resource();
    instance.resources.push_back(node_of(path.prefix(2).child(id), choices, model));
    return instance;
  }
  const auto* object = model.find(path.object());
  for (lwm2m::ResourceId id = 0; id < kResources; ++id) {
    const ResourceDefinition* known = object == nullptr ? nullptr : object->resource(id);
    const bool writable = known != nullptr && known->operations.write;
    if (!choices.chance(writable ? (known->mandatory ? 90 : 40) : 6)) continue;
    instance.resources.push_back(node_of(Path(path.object(), path.instance(), id), choices, model));
  }
  return instance;
}

struct Payload {
  std::optional<FormatNumber> format;
  Bytes bytes;
};

Payload payload_of(const Path& path, Choices& choices, const Model& model) {
  const std::vector<FormatNumber> common = {format::kTlv, format::kJson, format::kTlv, format::kJson, format::kText};
  const std::vector<FormatNumber> rare = {format::kOpaque, format::kDraftTlv, format::kDraftJson, format::kLink, 110};
  Payload payload{choices.chance(80) ? choices.of(common) : choices.of(rare), {}};
  lwm2m::ObjectNode object{path.object(), {}};
  if (path.is_object()) {
    const std::uint32_t count = choices.chance(20) ? 2 : 1;
    const bool with_ids = count > 1 || choices.chance(50);
    std::set<std::uint16_t> ids;
    while (ids.size() < count) ids.insert(static_cast<std::uint16_t>(choices.below(5) + ids.size()));
    for (const std::uint16_t id : ids) {
      object.instances.push_back(instance_of(path.child(id), choices, model));
      if (with_ids) object.instances.back().id = id;
    }
  } else {
    object.instances.push_back(instance_of(path, choices, model));
    object.instances.back().id = path.instance();
  }
  const auto known = lwm2m::format_of(*payload.format);
  auto encoded = lwm2m::content::encode(known.value_or(lwm2m::Format::Tlv), path, lwm2m::Tree{{std::move(object)}});
  if (encoded) {
    payload.bytes = std::move(*encoded);
  } else {
    for (std::uint32_t left = choices.below(6); left > 0; --left) {
      payload.bytes.push_back(static_cast<std::uint8_t>(choices.below(256)));
    }
  }
  if (!payload.bytes.empty() && choices.chance(6)) {
    payload.bytes[choices.below(static_cast<std::uint32_t>(payload.bytes.size()))] ^= 0x41;
  }
  if (choices.chance(4)) payload.bytes.resize(payload.bytes.size() / 2);
  if (choices.chance(3)) payload.format.reset();
  return payload;
}

/// Of something that is there, mostly.
Path path_of(int depth, Choices& choices, const std::vector<lwm2m::ObjectId>& objects, const Model& model) {
  const lwm2m::ObjectId object = choices.of(objects);
  const auto instances = model.instances_of(object);
  Path instance(object, static_cast<lwm2m::InstanceId>(choices.below(3)));
  if (!instances.empty() && choices.chance(85)) instance = choices.of(instances);
  if (depth < 3) return instance.prefix(depth);
  const auto resources = model.resources_of(instance);
  if (!resources.empty() && choices.chance(75)) return choices.of(resources);
  return instance.child(static_cast<lwm2m::ResourceId>(choices.below(kResources)));
}

std::optional<FormatNumber> accept(Choices& choices) {
  if (choices.chance(40)) return std::nullopt;
  return choices.of(
      std::vector<FormatNumber>{format::kTlv, format::kJson, format::kText, format::kOpaque, format::kDraftJson, 110});
}

lwm2m::Downlink operation_of(Choices& choices, const std::vector<lwm2m::ObjectId>& objects, const Model& model) {
  const auto any = [&] { return path_of(1 + static_cast<int>(choices.below(3)), choices, objects, model); };
  switch (choices.below(16)) {
    case 0:
    case 1: return lwm2m::Read{any(), accept(choices)};
    case 2: return lwm2m::Discover{any()};
    case 3: return lwm2m::Observe{any(), accept(choices)};
    case 4: return lwm2m::CancelObservation{any(), accept(choices)};
    case 5: {
      const std::vector<std::vector<std::string>> queries = {
          {"pmin=5"}, {"pmin"}, {"gt=1"}, {"gt"}, {"pmin=7", "gt=2"}, {"nonsense=1"}, {"pmin=1", "nonsense"}};
      return lwm2m::WriteAttributes{any(), choices.of(queries)};
    }
    case 6:
    case 7: {
      const std::vector<std::string> arguments = {"", "0", "1='a'", "2,3='x y'", "0,", "7, 0='https://www.oma.org'"};
      return lwm2m::Execute{choices.chance(90) ? path_of(3, choices, objects, model) : any(), choices.of(arguments)};
    }
    case 8:
    case 9: {
      const Path path = choices.chance(95) ? path_of(1, choices, objects, model) : any();
      Payload payload = payload_of(path, choices, model);
      return lwm2m::Create{path, payload.format, std::move(payload.bytes)};
    }
    case 10: return lwm2m::Delete{choices.chance(85) ? path_of(2, choices, objects, model) : any()};
    default: {
      const Path path =
          choices.chance(97) ? path_of(2 + static_cast<int>(choices.below(2)), choices, objects, model) : any();
      Payload payload = payload_of(path, choices, model);
      const auto mode = choices.chance(50) ? lwm2m::Write::Mode::Update : lwm2m::Write::Mode::Replace;
      return lwm2m::Write{path, mode, payload.format, std::move(payload.bytes)};
    }
  }
}

std::string body_of(std::optional<FormatNumber> number, const Bytes& bytes) {
  return (number ? " format " + std::to_string(*number) : std::string(" no format")) + " body " + to_hex(bytes);
}

}  // namespace

Scenario::Scenario(Choices choices) : choices_(std::move(choices)) {
  servers_ = {101};
  while (servers_.size() < 3 && choices_.chance(60)) servers_.push_back(static_cast<ServerId>(servers_.back() + 1));
  for (lwm2m::ObjectId id = kFirst; id < kFirst + kCount; ++id) {
    lwm2m::model::ObjectDefinition& object = definitions_.emplace_back();
    object.id = id;
    object.name = "Object " + std::to_string(id);
    object.multiple = choices_.chance(75);
    for (lwm2m::ResourceId resource_id = 0; resource_id < kResources; ++resource_id) {
      if (choices_.chance(85)) object.resources.push_back(resource(resource_id));
    }
  }
}

ResourceDefinition Scenario::resource(lwm2m::ResourceId id) {
  ResourceDefinition made;
  made.id = id;
  made.name = "Resource " + std::to_string(id);
  // Read and Write, Read, Write, Execute, and none of them: a bootstrap's.
  const std::vector<lwm2m::model::Operations> operations = {{true, true, false},  {true, true, false},
                                                            {true, false, false}, {false, true, false},
                                                            {false, false, true}, {false, false, false}};
  made.operations = choices_.of(operations);
  made.mandatory = choices_.chance(40);
  if (made.operations.execute) return made;
  made.multiple = choices_.chance(30);
  made.type = choices_.of(kTypes);
  if (made.type == DataType::Integer && choices_.chance(40)) made.range = "0-9";
  if (made.type == DataType::String && choices_.chance(40)) made.range = "0-3 bytes";
  return made;
}

void Scenario::populate(client::ObjectTree& tree) {
  for (const auto& definition : definitions_) {
    tree.define(definition);
    for (lwm2m::InstanceId instance = 0; instance < (definition.multiple ? 3 : 1); ++instance) {
      if (!choices_.chance(85)) continue;
      (void)tree.add(kOwn, definition.id, instance);
      for (const ResourceDefinition& known : definition.resources) {
        if (known.operations.execute || !choices_.chance(50)) continue;
        const Path path(definition.id, instance, known.id);
        const Path target = known.multiple ? path.child(choices_.of(kEntries)) : path;
        (void)tree.set(kOwn, target, value_of(known.type, choices_));
      }
      if (choices_.chance(85)) guard(tree, definition.id, instance);
    }
    if (choices_.chance(90)) guard(tree, definition.id, lwm2m::kReservedId);
  }
}

void Scenario::guard(client::ObjectTree& tree, lwm2m::ObjectId object, std::uint16_t instance) {
  lwm2m::InstanceId id = 0;
  while (tree.has(Path(2, id))) ++id;
  const Path path(2, id);
  (void)tree.add(kOwn, 2, id);
  (void)tree.set(kOwn, path.child(0), std::int64_t{object});
  (void)tree.set(kOwn, path.child(1), std::int64_t{instance});
  const bool whole = instance == lwm2m::kReservedId;
  std::vector<ServerId> entries = servers_;
  entries.push_back(0);
  for (const ServerId entry : entries) {
    if (!choices_.chance(whole ? 80 : 50)) continue;
    std::int64_t bits = choices_.chance(40) ? 15 : choices_.below(32);
    if (whole) bits = choices_.chance(80) ? 16 : 0;
    (void)tree.set(kOwn, path.child(2).child(entry), bits);
  }
  const bool nobody = choices_.chance(whole ? 90 : 10);
  (void)tree.set(kOwn, path.child(3), std::int64_t{nobody ? lwm2m::kReservedId : choices_.of(servers_)});
}

Step next_step(Choices choices, const std::vector<ServerId>& servers, const std::vector<lwm2m::ObjectId>& objects,
               const Model& model) {
  if (!choices.chance(6)) return ServerAsks{choices.of(servers), operation_of(choices, objects, model)};
  const auto object = static_cast<lwm2m::ObjectId>(Scenario::kFirst + choices.below(Scenario::kCount));
  const Path path(object, static_cast<lwm2m::InstanceId>(choices.below(3)));
  switch (choices.below(3)) {
    case 0: return OwnAdd{path};
    case 1: return OwnRemove{path};
    default:
      return OwnSet{Path(2, static_cast<lwm2m::InstanceId>(choices.below(10)), 2, choices.of(servers)),
                    std::int64_t{16 * choices.below(2)}};
  }
}

std::string describe(const Step& step) {
  struct Visitor {
    std::string operator()(const OwnAdd& own) const { return "the device adds " + own.instance.to_string(); }
    std::string operator()(const OwnRemove& own) const { return "the device removes " + own.instance.to_string(); }
    std::string operator()(const OwnSet& own) const {
      return "the device sets " + own.resource_instance.to_string() + " to " + lwm2m::content::to_text(own.value);
    }
    std::string operator()(const ServerAsks& asks) const {
      const lwm2m::Downlink& operation = asks.operation;
      std::string text = "server " + std::to_string(asks.server) + ": " + name_of(operation) + " " +
                         lwm2m::path_of(operation).to_string();
      if (const auto* write = std::get_if<lwm2m::Write>(&operation)) {
        text += (write->mode == lwm2m::Write::Mode::Replace ? " replace" : " update") +
                body_of(write->format, write->payload);
      }
      if (const auto* create = std::get_if<lwm2m::Create>(&operation)) text += body_of(create->format, create->payload);
      if (const auto* execute = std::get_if<lwm2m::Execute>(&operation)) text += " " + execute->arguments;
      if (const auto* read = std::get_if<lwm2m::Read>(&operation); read != nullptr && read->accept) {
        text += " accept " + std::to_string(*read->accept);
      }
      if (const auto* assign = std::get_if<lwm2m::WriteAttributes>(&operation)) {
        for (const std::string& attribute : assign->attributes) text += " " + attribute;
      }
      return text;
    }
  };
  return std::visit(Visitor{}, step);
}

}  // namespace drover::property
