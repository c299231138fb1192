// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "api/values.hpp"
#include "coap/message/link_format.hpp"
#include "lwm2m/content/base64.hpp"

namespace drover::api {

namespace {

using lwm2m::Path;

Json number_to_json(double number) {
  // JSON has no such numbers; TLV has them (IEEE 754).
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return number;
}

Json resource_to_json(const lwm2m::ResourceNode& resource) {
  if (!resource.multiple && resource.instances.size() == 1) return to_json(resource.instances.front().value);
  Json object = Json::object();
  for (const auto& instance : resource.instances) object[std::to_string(instance.id)] = to_json(instance.value);
  return object;
}

Json instance_to_json(const lwm2m::InstanceNode& instance) {
  Json object = Json::object();
  for (const auto& resource : instance.resources) object[std::to_string(resource.id)] = resource_to_json(resource);
  return object;
}

Json object_to_json(const lwm2m::ObjectNode& node) {
  Json object = Json::object();
  for (const auto& instance : node.instances)
    object[std::to_string(instance.id.value_or(0))] = instance_to_json(instance);
  return object;
}

template <class Nodes, class Id>
auto find_by_id(const Nodes& nodes, Id id) {
  return std::find_if(nodes.begin(), nodes.end(), [id](const auto& node) { return node.id == id; });
}

/// What stands at `path` itself; nothing when the payload says nothing about it.
std::optional<Json> value_at(const lwm2m::Tree& tree, const Path& path) {
  const auto object = find_by_id(tree.objects, path.object());
  if (object == tree.objects.end()) return std::nullopt;
  if (path.is_object()) return object_to_json(*object);
  const auto instance = find_by_id(object->instances, std::optional(path.instance()));
  if (instance == object->instances.end()) return std::nullopt;
  if (path.is_instance()) return instance_to_json(*instance);
  const auto resource = find_by_id(instance->resources, path.resource());
  if (resource == instance->resources.end()) return std::nullopt;
  if (path.is_resource()) return resource_to_json(*resource);
  const auto value = find_by_id(resource->instances, path.resource_instance());
  if (value == resource->instances.end()) return std::nullopt;
  return to_json(value->value);
}

void add_type(Json& to, const Path& path, const DeviceDefinitions& definitions) {
  if (path.depth() < 3) return;
  const auto* object = definitions.find(path.object());
  const auto* resource = object == nullptr ? nullptr : object->resource(path.resource());
  if (resource != nullptr && resource->type != lwm2m::DataType::None) to["type"] = lwm2m::to_string(resource->type);
}

void add_tree(Json& to, const Path& path, const lwm2m::Tree& tree, const DeviceDefinitions& definitions) {
  if (auto value = value_at(tree, path)) {
    to["value"] = std::move(*value);
  } else {
    to["note"] = "the payload holds no value at " + path.to_string();
  }
  add_type(to, path, definitions);
  if (definitions.find(path.object()) == nullptr) {
    to["note"] = "there is no definition of object " + std::to_string(path.object()) + ": its values are shown untyped";
  }
  Json linked = Json::object();
  for (const auto& object : tree.objects) {
    if (object.id != path.object()) linked[std::to_string(object.id)] = object_to_json(object);
  }
  if (!linked.empty()) to["linked"] = std::move(linked);
}

void add_links(Json& to, ByteView payload, const std::string& root) {
  const auto links = coap::parse_link_format(as_text(payload));
  if (!links) {
    to["note"] = "the links can't be read: " + links.error().reason;
    return;
  }
  Json list = Json::array();
  for (const auto& link : *links) {
    const auto path = path_below(root, link.target);
    Json attributes = Json::object();
    for (const auto& parameter : link.parameters) {
      attributes[parameter.name] = parameter.value ? Json(*parameter.value) : Json(nullptr);
    }
    list.push_back({{"path", path ? Json(path->to_string()) : Json(nullptr)},
                    {"target", link.target},
                    {"attributes", std::move(attributes)}});
  }
  to["links"] = std::move(list);
}

}  // namespace

DeviceDefinitions::DeviceDefinitions(const lwm2m::model::Registry& registry, const lwm2m::Announcement& announcement)
    : registry_(registry) {
  for (const auto& object : announcement.objects) {
    if (object.version) add(object.id, *object.version);
  }
}

const lwm2m::model::ObjectDefinition* DeviceDefinitions::find(lwm2m::ObjectId object) const {
  for (const auto& [id, version] : versions_) {
    if (id == object) return registry_.find(object, version);
  }
  return registry_.find(object);
}

Json to_json(const lwm2m::Value& value) {
  struct Visitor {
    Json operator()(const std::string& text) const { return text; }
    Json operator()(std::int64_t number) const { return number; }
    Json operator()(double number) const { return number_to_json(number); }
    Json operator()(bool truth) const { return truth; }
    Json operator()(const lwm2m::Opaque& opaque) const { return lwm2m::content::to_base64(opaque.bytes); }
    Json operator()(const lwm2m::Time& time) const { return time.seconds; }
    Json operator()(const lwm2m::ObjectLink& link) const {
      return std::to_string(link.object) + ":" + std::to_string(link.instance);
    }
  };
  return std::visit(Visitor{}, value);
}

std::optional<Path> path_below(std::string_view root, std::string_view target) {
  const auto without_slash = [](std::string_view text) { return text.starts_with('/') ? text.substr(1) : text; };
  root = without_slash(root);
  target = without_slash(target);
  if (!root.empty()) {
    if (!target.starts_with(root)) return std::nullopt;
    target.remove_prefix(root.size());
    // "/lwm2m2/3" is not below "/lwm2m".
    if (!target.starts_with('/')) return std::nullopt;
  }
  const auto path = Path::parse(target);
  if (!path || path->is_root()) return std::nullopt;
  return path;
}

void add_payload(Json& to, const Path& path, const lwm2m::Outcome& outcome, const DeviceDefinitions& definitions,
                 const std::string& root) {
  to["format"] = outcome.format ? Json(*outcome.format) : Json(nullptr);
  to["payload"] = lwm2m::content::to_base64(outcome.payload);
  if (!outcome.format) {
    if (!outcome.payload.empty()) to["note"] = "the payload came without a content format";
    return;
  }
  const auto format = lwm2m::format_of(*outcome.format);
  if (!format) {
    to["note"] = "content format " + std::to_string(*outcome.format) + " isn't known here";
    return;
  }
  if (*format == lwm2m::Format::Link) return add_links(to, outcome.payload, root);
  const auto tree = lwm2m::content::decode(*format, path, outcome.payload, definitions);
  if (!tree) {
    to["note"] = "the payload can't be decoded: " + tree.error().reason;
    return;
  }
  add_tree(to, path, *tree, definitions);
}

void add_times(Json& to, const Path& path, const lwm2m::Outcome& outcome, const DeviceDefinitions& definitions) {
  if (!outcome.format || lwm2m::format_of(*outcome.format) != lwm2m::Format::Json) return;
  const auto values = lwm2m::content::decode_timed_json(path, outcome.payload, definitions);
  if (!values) return;
  if (std::none_of(values->begin(), values->end(), [](const auto& value) { return value.time.has_value(); })) return;
  Json times = Json::array();
  for (const auto& value : *values) {
    times.push_back({{"path", value.path.to_string()},
                     {"value", to_json(value.value)},
                     {"time", value.time ? number_to_json(*value.time) : Json(nullptr)}});
  }
  to["times"] = std::move(times);
  // Several moments of one resource are no tree; that isn't worth a note when `times` shows them.
  if (!to.contains("value")) to.erase("note");
}

}  // namespace drover::api
