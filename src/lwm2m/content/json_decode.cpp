// SPDX-License-Identifier: Apache-2.0
// JSON to values (Core §6.4.4).
#include <cmath>
#include <map>
#include <set>

#include "lwm2m/content/codecs.hpp"
#include "lwm2m/content/json_document.hpp"

namespace drover::lwm2m::content {
namespace {

tl::unexpected<Error> doubled(const Path& path) {
  return malformed("JSON: " + path.to_string() + " stands twice");
}

/// Stands for the instance that a Create leaves to the client; no payload can name it.
constexpr InstanceId kNoInstance = kReservedId;

/// The type as written, where no definition gives one.
Result<Value> untyped(const JsonEntry::Content& content) {
  struct Visitor {
    Result<Value> operator()(std::monostate) const { return malformed("JSON: an entry has no value"); }
    Result<Value> operator()(std::int64_t value) const { return value; }
    Result<Value> operator()(std::uint64_t value) const { return static_cast<double>(value); }
    Result<Value> operator()(double value) const { return value; }
    Result<Value> operator()(bool value) const { return value; }
    Result<Value> operator()(const std::string& value) const { return value; }
    Result<Value> operator()(const JsonEntry::Link& value) const { return from_text(DataType::ObjectLink, value.text); }
  };
  return std::visit(Visitor{}, content);
}

Result<Value> typed(const JsonEntry::Content& content, DataType type) {
  if (type == DataType::Float) {
    // A decimal number is rounded to the nearest binary one, with a point in it or without.
    if (const auto* value = std::get_if<std::int64_t>(&content)) return static_cast<double>(*value);
  } else if (std::holds_alternative<std::uint64_t>(content)) {
    return malformed("JSON: an integer is longer than 64 bits");
  }
  if (const auto* text = std::get_if<std::string>(&content)) {
    if (type == DataType::Opaque) return from_text(DataType::Opaque, *text);
  }
  auto value = untyped(content);
  if (!value) return value;
  return convert(*value, type);
}

/// An entry with its path and its value in the resource's type.
struct Resolved {
  Path path;
  Value value;
};

class Resolver {
 public:
  Resolver(const Path& requested, const JsonDocument& document, const Definitions& definitions)
      : requested_(requested), document_(document), definitions_(definitions) {}

  Result<Resolved> resolve(const JsonEntry& entry) const {
    const auto path = path_of(entry);
    if (!path) return tl::unexpected(path.error());
    const model::ResourceDefinition* definition = value_definition(definitions_.find(path->object()), path->resource());
    if (definition != nullptr && definition->multiple != path->is_resource_instance()) {
      return malformed("JSON: " + path->to_string() + (definition->multiple ? " is Multiple" : " is Single"));
    }
    auto value = definition == nullptr ? untyped(entry.content) : typed(entry.content, definition->type);
    if (!value) return tl::unexpected(value.error());
    return Resolved{*path, std::move(*value)};
  }

 private:
  [[nodiscard]] Result<Path> path_of(const JsonEntry& entry) const {
    const auto& base = document_.base_name;
    if (!base && !entry.name && requested_.depth() >= 3) return requested_;
    const std::string name = base.value_or("") + entry.name.value_or("");
    const auto path = Path::parse(name);
    // A Create without base name whose names stop at the resource (Core §5.4.6).
    if (path && requested_.is_object() && !base && !name.starts_with('/') &&
        (path->depth() == 1 || path->depth() == 2)) {
      const Path resource(requested_.object(), kNoInstance, path->object());
      return path->depth() == 1 ? resource : resource.child(path->instance());
    }
    if (!path || path->depth() < 3) return malformed("JSON: '" + name.substr(0, 60) + "' names no resource");
    if (path->instance() == kReservedId || path->resource() == kReservedId) {
      return malformed("JSON: id 65535 in " + path->to_string() + " is reserved");
    }
    // Only a link tree, which says so by its base name, brings more than was asked.
    if (!requested_.contains(*path) && base != "/") {
      return malformed("JSON: " + path->to_string() + " lies outside " + requested_.to_string());
    }
    return *path;
  }

  const Path& requested_;
  const JsonDocument& document_;
  const Definitions& definitions_;
};

/// In a link tree, each instance outside of what was asked is one that a link leads to (Core §6.4.4).
Result<void> check_links(const Path& requested, const std::map<Path, Value>& values) {
  std::map<Path, std::vector<Path>> links;
  std::set<Path> outside;
  std::vector<Path> pending;
  for (const auto& [path, value] : values) {
    const Path instance = path.prefix(2);
    const auto* link = std::get_if<ObjectLink>(&value);
    const bool asked = requested.contains(path);
    if (!asked) outside.insert(instance);
    if (link == nullptr || link->is_null()) continue;
    const Path target(link->object, link->instance);
    if (asked) {
      pending.push_back(target);
    } else {
      links[instance].push_back(target);
    }
  }
  while (!pending.empty() && !outside.empty()) {
    const Path reached = pending.back();
    pending.pop_back();
    if (outside.erase(reached) == 0) continue;
    const auto more = links.find(reached);
    if (more != links.end()) pending.insert(pending.end(), more->second.begin(), more->second.end());
  }
  if (outside.empty()) return {};
  return malformed("JSON: no link leads to " + outside.begin()->to_string());
}

/// Groups values that are sorted by path.
Result<Tree> grouped(const Path& requested, std::map<Path, Value>&& values) {
  Tree tree;
  for (auto& [path, value] : values) {
    if (tree.objects.empty() || tree.objects.back().id != path.object()) tree.objects.push_back({path.object(), {}});
    auto& instances = tree.objects.back().instances;
    if (instances.empty() || instances.back().id != path.instance()) instances.push_back({path.instance(), {}});
    auto& resources = instances.back().resources;
    const bool multiple = path.is_resource_instance();
    if (resources.empty() || resources.back().id != path.resource()) {
      resources.push_back({path.resource(), multiple, {}});
    } else if (resources.back().multiple != multiple) {
      return malformed("JSON: " + path.to_string() + " stands with and without resource instances");
    }
    resources.back().instances.push_back({path.resource_instance(), std::move(value)});
  }
  for (ObjectNode& object : tree.objects) {
    if (object.instances.back().id != kNoInstance) continue;
    if (object.instances.size() > 1) return malformed("JSON: some names lack the object instance");
    object.instances.back().id.reset();
  }
  if (!tree.objects.empty() || requested.is_root()) return tree;
  // No entry at all: the object or instance is there and holds nothing.
  tree.objects.push_back({requested.object(), {}});
  if (requested.is_instance()) tree.objects[0].instances.push_back({requested.instance(), {}});
  return tree;
}

}  // namespace

Result<Tree> decode_json(const Path& path, ByteView payload, const Definitions& definitions) {
  const auto document = parse_json(payload);
  if (!document) return tl::unexpected(document.error());
  if (document->entries.empty() && path.is_resource_instance()) return malformed("JSON: no value");
  const Resolver resolver(path, *document, definitions);
  std::map<Path, Value> values;
  for (const JsonEntry& entry : document->entries) {
    auto resolved = resolver.resolve(entry);
    if (!resolved) return tl::unexpected(resolved.error());
    if (!values.emplace(resolved->path, std::move(resolved->value)).second) return doubled(resolved->path);
  }
  if (document->base_name == "/") {
    const auto linked = check_links(path, values);
    if (!linked) return tl::unexpected(linked.error());
  }
  if (values.empty() && path.is_resource()) {
    // A multiple resource without instances; a single one has a value.
    const auto* definition = value_definition(definitions.find(path.object()), path.resource());
    if (definition != nullptr && !definition->multiple) return malformed("JSON: no value");
    Tree tree;
    tree.objects.push_back({path.object(), {InstanceNode{path.instance(), {ResourceNode{path.resource(), true, {}}}}}});
    return tree;
  }
  return grouped(path, std::move(values));
}

Result<std::vector<TimedValue>> decode_timed_json(const Path& path, ByteView payload, const Definitions& definitions) {
  if (payload.size() > kPayloadMax) return peer_error(kTooLarge, "the payload is too large for a list of values");
  const auto document = parse_json(payload);
  if (!document) return tl::unexpected(document.error());
  const Resolver resolver(path, *document, definitions);
  std::vector<TimedValue> result;
  std::set<std::pair<Path, std::optional<double>>> seen;
  std::map<Path, Value> linked_values;
  result.reserve(document->entries.size());
  for (const JsonEntry& entry : document->entries) {
    auto resolved = resolver.resolve(entry);
    if (!resolved) return tl::unexpected(resolved.error());
    if (resolved->path.instance() == kNoInstance) return malformed("JSON: a name lacks the object instance");
    TimedValue timed{resolved->path, std::move(resolved->value), std::nullopt};
    if (document->base_time || entry.time) {
      timed.time = document->base_time.value_or(0) + entry.time.value_or(0);
      if (!std::isfinite(*timed.time)) return malformed("JSON: a time is out of range");
    }
    if (!seen.emplace(timed.path, timed.time).second) return doubled(timed.path);
    if (document->base_name == "/") linked_values.insert_or_assign(timed.path, timed.value);
    result.push_back(std::move(timed));
  }
  const auto linked = check_links(path, linked_values);
  if (!linked) return tl::unexpected(linked.error());
  return result;
}

}  // namespace drover::lwm2m::content
