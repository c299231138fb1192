// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "api/values.hpp"
#include "lwm2m/content/base64.hpp"

namespace drover::api {

namespace {

using lwm2m::DataType;
using lwm2m::Path;
template <class T>
using Converted = tl::expected<T, ValueProblem>;

tl::unexpected<ValueProblem> problem(std::string pointer, std::string detail) {
  return tl::unexpected(ValueProblem{std::move(pointer), std::move(detail)});
}

std::optional<std::uint16_t> parse_id(std::string_view text) {
  std::uint16_t id = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || stop != text.data() + text.size() || id == lwm2m::kReservedId) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return id;
}

std::optional<std::int64_t> as_integer(const Json& json) {
  if (json.is_number_unsigned()) {
    const auto number = json.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (json.is_number_integer()) return json.get<std::int64_t>();
  return std::nullopt;
}

std::optional<double> as_float(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (json == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (json == "Infinity") return std::numeric_limits<double>::infinity();
  if (json == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

std::optional<lwm2m::Value> typed(const Json& json, DataType type) {
  switch (type) {
    case DataType::String:
      if (json.is_string()) return json.get<std::string>();
      return std::nullopt;
    case DataType::Integer:
      if (const auto number = as_integer(json)) return *number;
      return std::nullopt;
    case DataType::Time:
      if (const auto number = as_integer(json)) return lwm2m::Time{*number};
      return std::nullopt;
    case DataType::Float:
      if (const auto number = as_float(json)) return *number;
      return std::nullopt;
    case DataType::Boolean:
      if (json.is_boolean()) return json.get<bool>();
      return std::nullopt;
    case DataType::Opaque:
      if (!json.is_string()) return std::nullopt;
      if (auto bytes = lwm2m::content::from_base64(json.get_ref<const std::string&>())) {
        return lwm2m::Opaque{std::move(*bytes)};
      }
      return std::nullopt;
    case DataType::ObjectLink: {
      if (!json.is_string()) return std::nullopt;
      auto link = lwm2m::content::from_text(DataType::ObjectLink, json.get_ref<const std::string&>());
      if (!link) return std::nullopt;
      return std::move(*link);
    }
    case DataType::None: return std::nullopt;
  }
  return std::nullopt;
}

const char* expected_form(DataType type) {
  switch (type) {
    case DataType::String: return "a string";
    case DataType::Integer: return "an integer of 64 bits";
    case DataType::Time: return "an integer, Unix seconds";
    case DataType::Float: return "a number";
    case DataType::Boolean: return "true or false";
    case DataType::Opaque: return "a Base64 string with padding";
    case DataType::ObjectLink: return "a string such as \"3:0\"";
    case DataType::None: return "nothing: the resource is executable and has no value";
  }
  return "";
}

/// Without a definition a value has the type that its JSON form shows.
Converted<lwm2m::Value> untyped(const Json& json, const std::string& pointer) {
  if (json.is_string()) return lwm2m::Value(json.get<std::string>());
  if (json.is_boolean()) return lwm2m::Value(json.get<bool>());
  if (const auto number = as_integer(json)) return lwm2m::Value(*number);
  if (json.is_number_float()) return lwm2m::Value(json.get<double>());
  return problem(pointer, "expected a string, an integer of 64 bits, a number, true or false");
}

Converted<lwm2m::Value> single_value(const Json& json, const lwm2m::model::ResourceDefinition* definition,
                                     const std::string& pointer) {
  if (definition == nullptr) return untyped(json, pointer);
  if (auto value = typed(json, definition->type)) return std::move(*value);
  return problem(pointer, "resource " + std::to_string(definition->id) + " (" + definition->name + ") is " +
                              (definition->type == DataType::None ? "executable" : lwm2m::to_string(definition->type)) +
                              ": expected " + expected_form(definition->type));
}

/// Calls `each` with every member's id and value, ids ascending; ids must be 0 to 65534.
template <class F>
Converted<void> for_each_id(const Json& json, const std::string& pointer, const char* of, F&& each) {
  if (!json.is_object()) return problem(pointer, std::string("expected an object from ") + of + " id to value");
  std::vector<std::pair<std::uint16_t, const Json*>> members;
  for (const auto& [key, value] : json.items()) {
    const auto id = parse_id(key);
    if (!id) return problem(pointer, "\"" + key + "\" is no " + of + " id (0 to 65534)");
    members.emplace_back(*id, &value);
  }
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [id, value] : members) {
    if (auto done = each(id, *value, pointer + "/" + std::to_string(id)); !done) return done;
  }
  return {};
}

Converted<lwm2m::ResourceNode> to_resource(lwm2m::ResourceId id, const Json& json,
                                           const lwm2m::model::ObjectDefinition* object, const std::string& pointer) {
  const auto* definition = object == nullptr ? nullptr : object->resource(id);
  const bool multiple = definition == nullptr ? json.is_object() : definition->multiple;
  if (!multiple) {
    auto value = single_value(json, definition, pointer);
    if (!value) return tl::unexpected(value.error());
    return lwm2m::ResourceNode::single(id, std::move(*value));
  }
  lwm2m::ResourceNode node{id, true, {}};
  auto done = for_each_id(json, pointer, "resource instance",
                          [&](std::uint16_t instance, const Json& entry, const std::string& at) -> Converted<void> {
                            auto value = single_value(entry, definition, at);
                            if (!value) return tl::unexpected(value.error());
                            node.instances.push_back({instance, std::move(*value)});
                            return {};
                          });
  if (!done) return tl::unexpected(done.error());
  return node;
}

Converted<std::vector<lwm2m::ResourceNode>> to_resources(const Json& json,
                                                         const lwm2m::model::ObjectDefinition* object) {
  std::vector<lwm2m::ResourceNode> resources;
  auto done = for_each_id(json, "", "resource",
                          [&](std::uint16_t id, const Json& entry, const std::string& at) -> Converted<void> {
                            auto resource = to_resource(id, entry, object, at);
                            if (!resource) return tl::unexpected(resource.error());
                            resources.push_back(std::move(*resource));
                            return {};
                          });
  if (!done) return tl::unexpected(done.error());
  return resources;
}

lwm2m::Tree tree_of(lwm2m::ObjectId object, std::optional<lwm2m::InstanceId> instance,
                    std::vector<lwm2m::ResourceNode> resources) {
  lwm2m::Tree tree;
  tree.objects.push_back({object, {{instance, std::move(resources)}}});
  return tree;
}

}  // namespace

tl::expected<lwm2m::Tree, ValueProblem> to_tree(const Json& value, const Path& path,
                                                const DeviceDefinitions& definitions) {
  const auto* object = definitions.find(path.object());
  if (path.is_instance()) {
    auto resources = to_resources(value, object);
    if (!resources) return tl::unexpected(resources.error());
    return tree_of(path.object(), path.instance(), std::move(*resources));
  }
  std::vector<lwm2m::ResourceNode> resources;
  if (path.is_resource()) {
    auto resource = to_resource(path.resource(), value, object, "");
    if (!resource) return tl::unexpected(resource.error());
    resources.push_back(std::move(*resource));
  } else {
    const auto* definition = object == nullptr ? nullptr : object->resource(path.resource());
    auto single = single_value(value, definition, "");
    if (!single) return tl::unexpected(single.error());
    resources.push_back({path.resource(), true, {{path.resource_instance(), std::move(*single)}}});
  }
  return tree_of(path.object(), path.instance(), std::move(resources));
}

tl::expected<lwm2m::Tree, ValueProblem> to_new_instance(const Json& value, lwm2m::ObjectId object,
                                                        std::optional<lwm2m::InstanceId> instance,
                                                        const DeviceDefinitions& definitions) {
  auto resources = to_resources(value, definitions.find(object));
  if (!resources) return tl::unexpected(resources.error());
  return tree_of(object, instance, std::move(*resources));
}

}  // namespace drover::api
