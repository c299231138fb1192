// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/json_values.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>

#include "lwm2m/content/content.hpp"
#include "lwm2m/model/range.hpp"

namespace drover::bootstrap {
namespace {

using lwm2m::DataType;
using lwm2m::Path;
using nlohmann::json;

/// "101" as an id below 65535, which is reserved (Core §6.3).
std::optional<std::uint16_t> id_of(std::string_view text) {
  const auto path = Path::parse(text);
  if (!path || !path->is_object() || text.starts_with('/') || path->object() == lwm2m::kReservedId) return std::nullopt;
  return path->object();
}

std::string type_error(DataType type) {
  switch (type) {
    case DataType::String: return "must be a text";
    case DataType::Integer: return "must be an integer";
    case DataType::Float: return "must be a number";
    case DataType::Boolean: return "must be true or false";
    case DataType::Opaque: return "must be hexadecimal digits";
    case DataType::Time: return "must be seconds since 1970";
    case DataType::ObjectLink: return "must be a link like \"3:0\"";
    case DataType::None: break;
  }
  return "has no value";
}

std::optional<std::int64_t> integer_of(const json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) return std::nullopt;
  return value.get<std::int64_t>();
}

std::optional<lwm2m::Value> value_of(DataType type, const json& value) {
  switch (type) {
    case DataType::String:
      if (value.is_string()) return value.get<std::string>();
      break;
    case DataType::Integer:
      if (const auto integer = integer_of(value)) return *integer;
      break;
    case DataType::Time:
      if (const auto integer = integer_of(value)) return lwm2m::Time{*integer};
      break;
    case DataType::Float:
      if (value.is_number()) return value.get<double>();
      break;
    case DataType::Boolean:
      if (value.is_boolean()) return value.get<bool>();
      break;
    case DataType::Opaque:
      if (value.is_string()) {
        if (auto bytes = from_hex(value.get<std::string>())) return lwm2m::Opaque{std::move(*bytes)};
      }
      break;
    case DataType::ObjectLink:
      if (value.is_string()) {
        if (auto link = lwm2m::content::from_text(type, value.get<std::string>())) return std::move(*link);
      }
      break;
    case DataType::None: break;
  }
  return std::nullopt;
}

class TreeReader {
 public:
  TreeReader(const lwm2m::model::ObjectDefinition& object, Problems& problems) : object_(object), problems_(problems) {}

  lwm2m::ObjectNode object(const json& value, const std::string& place) {
    lwm2m::ObjectNode node{object_.id, {}};
    each(value, place, [&](std::uint16_t id, const json& below, const std::string& there) {
      node.instances.push_back(instance(id, below, there));
    });
    std::sort(node.instances.begin(), node.instances.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return node;
  }

  lwm2m::InstanceNode instance(lwm2m::InstanceId id, const json& value, const std::string& place) {
    if (!object_.multiple && id != 0) problems_.add(place, "the object has the single instance 0");
    lwm2m::InstanceNode node{id, {}};
    each(value, place, [&](std::uint16_t resource_id, const json& below, const std::string& there) {
      if (auto found = resource(resource_id, below, there)) node.resources.push_back(std::move(*found));
    });
    std::sort(node.resources.begin(), node.resources.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return node;
  }

  std::optional<lwm2m::ResourceNode> resource(lwm2m::ResourceId id, const json& value, const std::string& place) {
    const auto* definition = object_.resource(id);
    if (definition == nullptr || definition->type == DataType::None) {
      problems_.add(place, "object " + std::to_string(object_.id) +
                               (definition == nullptr ? " has no such resource" : " can't be written there: it is executable"));
      return std::nullopt;
    }
    lwm2m::ResourceNode node{id, definition->multiple, {}};
    const auto add = [&](std::uint16_t entry, const json& below, const std::string& there) {
      auto read = value_of(definition->type, below);
      if (!read) return problems_.add(there, type_error(definition->type) + " (" + definition->name + ")");
      if (const auto fits = lwm2m::model::check_range(*definition, *read); !fits) {
        return problems_.add(there, fits.error().reason);
      }
      node.instances.push_back({entry, std::move(*read)});
    };
    if (!definition->multiple) {
      add(0, value, place);
    } else if (value.is_array()) {
      for (std::size_t i = 0; i < std::min<std::size_t>(value.size(), lwm2m::kReservedId); ++i) {
        add(static_cast<std::uint16_t>(i), value[i], place + '[' + std::to_string(i) + ']');
      }
    } else {
      each(value, place, add);
      std::sort(node.instances.begin(), node.instances.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    }
    return node;
  }

 private:
  void each(const json& value, const std::string& place,
            const std::function<void(std::uint16_t, const json&, const std::string&)>& use) {
    if (!value.is_object()) return problems_.add(place, "must be an object of ids");
    for (const auto& item : value.items()) {
      const std::string there = place + '.' + item.key();
      const auto id = id_of(item.key());
      if (!id) return problems_.add(there, "no id from 0 to 65534");
      use(*id, item.value(), there);
    }
  }

  const lwm2m::model::ObjectDefinition& object_;
  Problems& problems_;
};

template <class Tree, class Use>
void each_text(Tree& tree, Use use) {
  for (auto& object : tree.objects) {
    for (auto& instance : object.instances) {
      for (auto& resource : instance.resources) {
        for (auto& entry : resource.instances) {
          if (auto* text = std::get_if<std::string>(&entry.value)) use(*text);
        }
      }
    }
  }
}

}  // namespace

lwm2m::Tree read_tree(const Path& path, const json& value, const std::string& place,
                      const lwm2m::model::Registry& definitions, Problems& problems) {
  const auto* object = definitions.find(path.object());
  if (object == nullptr) {
    problems.add(place, "object " + std::to_string(path.object()) + " is unknown here");
    return {};
  }
  TreeReader reader(*object, problems);
  lwm2m::Tree tree;
  if (path.is_object()) {
    tree.objects.push_back(reader.object(value, place));
  } else if (path.is_instance()) {
    tree.objects.push_back({path.object(), {reader.instance(path.instance(), value, place)}});
  } else if (auto resource = reader.resource(path.resource(), value, place)) {
    tree.objects.push_back({path.object(), {{path.instance(), {std::move(*resource)}}}});
  }
  return tree;
}

void compile_write(PlannedWrite& write, const std::string& place, Problems& problems) {
  bool depends = false;
  each_text(write.tree, [&](const std::string& text) {
    auto parsed = TextTemplate::parse(text, false);
    if (!parsed) return problems.add(place, parsed.error().reason);
    depends |= !parsed->is_constant();
    write.texts.push_back(std::move(*parsed));
  });
  if (problems.any()) return;
  if (depends) return;
  // A constant text may have had a doubled brace.
  auto text = write.texts.begin();
  each_text(write.tree, [&](std::string& filled) { filled = (text++)->fill({}); });
  write.texts.clear();
  auto tlv = lwm2m::content::encode(lwm2m::Format::Tlv, write.path, write.tree);
  auto json_text = lwm2m::content::encode(lwm2m::Format::Json, write.path, write.tree);
  for (const auto* encoded : {&tlv, &json_text}) {
    if (!*encoded) return problems.add(place, encoded->error().reason);
  }
  write.tlv = std::move(*tlv);
  write.json = std::move(*json_text);
}

}  // namespace drover::bootstrap
