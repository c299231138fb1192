// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/model/ddf.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <pugixml.hpp>
#include <set>

namespace drover::lwm2m::model {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// Lines by byte offset, so that a file with many objects isn't counted through for each of them.
class Lines {
 public:
  explicit Lines(std::string_view text) {
    for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
      ends_.push_back(static_cast<std::ptrdiff_t>(at));
    }
  }
  [[nodiscard]] std::size_t at(std::ptrdiff_t offset) const {
    return static_cast<std::size_t>(std::lower_bound(ends_.begin(), ends_.end(), offset) - ends_.begin()) + 1;
  }

 private:
  std::vector<std::ptrdiff_t> ends_;
};

/// What stops the loading; caught as a value by the callers below.
struct Fail {
  std::ptrdiff_t offset;
  std::string reason;
};
template <class T>
using Parsed = tl::expected<T, Fail>;

tl::unexpected<Fail> fail(const pugi::xml_node& node, std::string reason) {
  return tl::unexpected<Fail>(Fail{node.offset_debug(), std::move(reason)});
}

/// All character data of an element: an editor may split it into several CDATA sections.
std::string text_of(const pugi::xml_node& element) {
  std::string text;
  for (const pugi::xml_node& child : element.children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) text += child.value();
  }
  return std::string(trimmed(text));
}

/// The one child of that name.
Parsed<pugi::xml_node> only_child(const pugi::xml_node& parent, const char* name) {
  const pugi::xml_node child = parent.child(name);
  if (!child) return fail(parent, std::string("<") + parent.name() + "> needs an element <" + name + ">");
  if (const pugi::xml_node second = child.next_sibling(name)) {
    return fail(second, std::string("<") + name + "> stands twice in <" + parent.name() + ">");
  }
  return child;
}

Parsed<std::string> child_text(const pugi::xml_node& parent, const char* name) {
  return only_child(parent, name).map([](const pugi::xml_node& child) { return text_of(child); });
}

/// One of two words; true for the first.
Parsed<bool> choice(const pugi::xml_node& parent, const char* name, std::string_view yes, std::string_view no) {
  const auto child = only_child(parent, name);
  if (!child) return tl::unexpected(child.error());
  const std::string text = text_of(*child);
  if (text == yes) return true;
  if (text == no) return false;
  return fail(*child,
              std::string("<") + name + "> is '" + text + "', not " + std::string(yes) + " or " + std::string(no));
}

Parsed<Version> version(const pugi::xml_node& parent, const char* name) {
  const pugi::xml_node child = parent.child(name);
  if (!child) return Version{};
  const auto only = only_child(parent, name);
  if (!only) return tl::unexpected(only.error());
  const std::string text = text_of(child);
  if (text.empty()) return Version{};
  if (const auto parsed = Version::parse(text)) return *parsed;
  return fail(child, std::string("<") + name + "> is '" + text + "', not two digits such as 1.0");
}

Parsed<Operations> operations(const pugi::xml_node& item) {
  const auto child = only_child(item, "Operations");
  if (!child) return tl::unexpected(child.error());
  const std::string text = text_of(*child);
  if (text.empty()) return Operations{};
  if (text == "R") return Operations{true, false, false};
  if (text == "W") return Operations{false, true, false};
  if (text == "RW") return Operations{true, true, false};
  if (text == "E") return Operations{false, false, true};
  const bool mixed = text.find('E') != std::string::npos && text.find_first_not_of("RWE") == std::string::npos;
  return fail(*child, mixed ? "<Operations> '" + text + "' mixes E with R or W, which excludes it"
                            : "<Operations> is '" + text + "', not R, W, RW, E or empty");
}

Parsed<DataType> data_type(const pugi::xml_node& item) {
  const auto child = only_child(item, "Type");
  if (!child) return tl::unexpected(child.error());
  const std::string text = text_of(*child);
  constexpr DataType kTypes[] = {DataType::None,    DataType::String, DataType::Integer, DataType::Float,
                                 DataType::Boolean, DataType::Opaque, DataType::Time,    DataType::ObjectLink};
  for (const DataType type : kTypes) {
    if (text == to_string(type)) return type;
  }
  // Types of later enablers whose values travel as those of 1.0 do, so that definitions of today's registry load.
  if (text == "Unsigned Integer") return DataType::Integer;
  if (text == "Corelnk") return DataType::String;
  return fail(*child, "<Type> '" + text + "' is no data type");
}

/// A short server id is neither 0 nor 65535 (Core §6.3, Table 20), so a range that allows them is wrong.
std::optional<std::string> bad_server_id_range(ObjectId object, const ResourceDefinition& resource) {
  constexpr ResourceId kSecurityShortServerId = 10;
  constexpr ResourceId kServerShortServerId = 0;
  const bool names_server =
      (object == 0 && resource.id == kSecurityShortServerId) || (object == 1 && resource.id == kServerShortServerId);
  if (!names_server || resource.range.empty()) return std::nullopt;
  const std::string_view range = resource.range;
  constexpr std::string_view kDigits = "0123456789";
  const std::size_t last_before = range.find_last_not_of(kDigits);
  const auto first = parse_number<std::uint32_t>(range.substr(0, range.find_first_not_of(kDigits)));
  const auto last =
      parse_number<std::uint32_t>(range.substr(last_before == std::string_view::npos ? 0 : last_before + 1));
  if (!first || !last || *first == 0 || *last >= kReservedId || *first > *last) {
    return "the range '" + resource.range + "' of a short server id must lie within 1-65534";
  }
  return std::nullopt;
}

Parsed<ResourceDefinition> parse_item(const pugi::xml_node& item, ObjectId object) {
  ResourceDefinition resource;
  const auto id = parse_number<std::uint16_t>(item.attribute("ID").value());
  if (!id) return fail(item, "<Item> needs an attribute ID from 0 to 65534");
  if (*id == kReservedId) return fail(item, "resource id 65535 is reserved");
  resource.id = *id;

  auto name = child_text(item, "Name");
  if (!name) return tl::unexpected(name.error());
  if (name->empty()) return fail(item, "resource " + std::to_string(*id) + " has no name");
  const auto allowed = operations(item);
  if (!allowed) return tl::unexpected(allowed.error());
  const auto multiple = choice(item, "MultipleInstances", "Multiple", "Single");
  if (!multiple) return tl::unexpected(multiple.error());
  const auto mandatory = choice(item, "Mandatory", "Mandatory", "Optional");
  if (!mandatory) return tl::unexpected(mandatory.error());
  const auto type = data_type(item);
  if (!type) return tl::unexpected(type.error());
  for (const auto& [element, target] :
       {std::pair{"RangeEnumeration", &resource.range}, std::pair{"Units", &resource.units},
        std::pair{"Description", &resource.description}}) {
    // Appendix K requires it; a good many definitions of the public registry leave it out.
    if (target == &resource.range && !item.child(element)) continue;
    auto text = child_text(item, element);
    if (!text) return tl::unexpected(text.error());
    *target = std::move(*text);
  }
  resource.name = std::move(*name);
  resource.operations = *allowed;
  resource.multiple = *multiple;
  resource.mandatory = *mandatory;
  resource.type = *type;

  const std::string who = "resource " + std::to_string(*id) + " (" + resource.name + ")";
  if (allowed->execute && *type != DataType::None) return fail(item, who + " is executable and so has no type");
  if (allowed->execute && *multiple) return fail(item, who + " is executable and so is Single");
  if (!allowed->execute && *type == DataType::None) return fail(item, who + " isn't executable and so needs a type");
  if (auto bad = bad_server_id_range(object, resource)) return fail(item, std::move(*bad));
  return resource;
}

/// "urn:oma:lwm2m:{oma,ext,x}:{Object ID}[:{version}]" (Core §6.2.2, D.1) against the object's own id and version. A
/// definition that is part of an enabler may leave <ObjectVersion> out (Appendix J); the version is the URN's then.
std::optional<std::string> bad_urn(ObjectDefinition& object, bool has_version) {
  constexpr std::string_view kPrefix = "urn:oma:lwm2m:";
  const std::string quoted = "<ObjectURN> '" + object.urn + "'";
  std::string_view rest = object.urn;
  if (!rest.starts_with(kPrefix)) return quoted + " doesn't start with " + std::string(kPrefix);
  rest.remove_prefix(kPrefix.size());
  const std::size_t class_end = rest.find(':');
  const std::string_view urn_class = rest.substr(0, class_end);
  if (urn_class != "oma" && urn_class != "ext" && urn_class != "x") {
    return quoted + " has the class '" + std::string(urn_class) + "', not oma, ext or x";
  }
  if (class_end == std::string_view::npos) return quoted + " lacks the object id";
  rest.remove_prefix(class_end + 1);
  const std::size_t id_end = rest.find(':');
  if (parse_number<std::uint16_t>(rest.substr(0, id_end)) != object.id) {
    return quoted + " names another object than <ObjectID> " + std::to_string(object.id);
  }
  if (id_end == std::string_view::npos) {
    if (object.version == Version{}) return std::nullopt;
    return quoted + " lacks the version " + object.version.to_string();
  }
  const auto urn_version = Version::parse(rest.substr(id_end + 1));
  if (!urn_version) return quoted + " has no version of two digits at its end";
  if (!has_version) object.version = *urn_version;
  if (*urn_version != object.version) {
    return quoted + " names another version than <ObjectVersion> " + object.version.to_string();
  }
  return std::nullopt;
}

Parsed<std::vector<ResourceDefinition>> parse_resources(const pugi::xml_node& node, ObjectId object) {
  const auto list = only_child(node, "Resources");
  if (!list) return tl::unexpected(list.error());
  std::vector<ResourceDefinition> resources;
  std::set<ResourceId> seen;
  for (const pugi::xml_node& item : list->children()) {
    if (item.type() != pugi::node_element) continue;
    if (std::string_view(item.name()) != "Item") {
      return fail(item, std::string("<Resources> holds <") + item.name() + ">, not <Item>");
    }
    auto resource = parse_item(item, object);
    if (!resource) return tl::unexpected(resource.error());
    if (!seen.insert(resource->id).second) {
      return fail(item, "resource " + std::to_string(resource->id) + " is defined twice");
    }
    resources.push_back(std::move(*resource));
  }
  if (resources.empty()) return fail(*list, "<Resources> holds no <Item>");
  std::sort(resources.begin(), resources.end(),
            [](const ResourceDefinition& a, const ResourceDefinition& b) { return a.id < b.id; });
  return resources;
}

Parsed<ObjectDefinition> parse_object(const pugi::xml_node& node) {
  ObjectDefinition object;
  if (std::string_view(node.attribute("ObjectType").value()) != "MODefinition") {
    return fail(node, "<Object> needs the attribute ObjectType=\"MODefinition\"");
  }
  for (const auto& [element, target] : {std::pair{"Name", &object.name}, std::pair{"Description1", &object.description},
                                        std::pair{"ObjectURN", &object.urn}}) {
    auto text = child_text(node, element);
    if (!text) return tl::unexpected(text.error());
    *target = std::move(*text);
  }
  if (object.name.empty()) return fail(node, "<Object> has no name");

  const auto id_node = only_child(node, "ObjectID");
  if (!id_node) return tl::unexpected(id_node.error());
  const auto id = parse_number<std::uint16_t>(text_of(*id_node));
  if (!id) return fail(*id_node, "<ObjectID> is '" + text_of(*id_node) + "', not 0 to 65534");
  if (*id == kReservedId) return fail(*id_node, "object id 65535 is reserved");
  object.id = *id;

  const auto lwm2m_version = version(node, "LWM2MVersion");
  if (!lwm2m_version) return tl::unexpected(lwm2m_version.error());
  const auto object_version = version(node, "ObjectVersion");
  if (!object_version) return tl::unexpected(object_version.error());
  const auto multiple = choice(node, "MultipleInstances", "Multiple", "Single");
  if (!multiple) return tl::unexpected(multiple.error());
  const auto mandatory = choice(node, "Mandatory", "Mandatory", "Optional");
  if (!mandatory) return tl::unexpected(mandatory.error());
  object.lwm2m_version = *lwm2m_version;
  object.version = *object_version;
  object.multiple = *multiple;
  object.mandatory = *mandatory;
  const bool has_version = !text_of(node.child("ObjectVersion")).empty();
  if (auto bad = bad_urn(object, has_version)) return fail(node.child("ObjectURN"), std::move(*bad));

  auto resources = parse_resources(node, object.id);
  if (!resources) return tl::unexpected(resources.error());
  object.resources = std::move(*resources);
  return object;
}

}  // namespace

Result<std::vector<ObjectDefinition>> parse_ddf(std::string_view xml, const std::string& file) {
  const auto error = [&](std::size_t line, const std::string& reason) {
    return peer_error(0, file + ":" + std::to_string(line) + ": " + reason);
  };
  if (xml.size() > kDdfBytesMax) return error(1, "longer than " + std::to_string(kDdfBytesMax) + " bytes");
  if (!is_utf8(xml)) return error(1, "not UTF-8");
  const Lines lines(xml);
  // pugixml skips a document type declaration and never resolves an entity of it, so a file can't pull in another one.
  pugi::xml_document document;
  const auto loaded = document.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!loaded) return error(lines.at(loaded.offset), std::string("not well-formed XML: ") + loaded.description());

  const pugi::xml_node root = document.document_element();
  if (std::string_view(root.name()) != "LWM2M") return error(lines.at(root.offset_debug()), "the root isn't <LWM2M>");
  std::vector<ObjectDefinition> objects;
  // The first object that hosts a reusable resource.
  std::map<ResourceId, std::size_t> hosts;
  for (const pugi::xml_node& node : root.children()) {
    if (node.type() != pugi::node_element) continue;
    const std::size_t line = lines.at(node.offset_debug());
    if (std::string_view(node.name()) != "Object") return error(line, "<LWM2M> holds something else than <Object>");
    auto object = parse_object(node);
    if (!object) return error(lines.at(object.error().offset), object.error().reason);
    object->line = line;
    for (const ResourceDefinition& resource : object->resources) {
      if (!is_reusable(resource.id)) continue;
      const auto [host, first] = hosts.emplace(resource.id, objects.size());
      if (first || objects[host->second].id == object->id) continue;
      if (const auto conflict = reusable_conflict(*object, objects[host->second])) return error(line, *conflict);
    }
    objects.push_back(std::move(*object));
  }
  if (objects.empty()) return error(lines.at(root.offset_debug()), "<LWM2M> holds no <Object>");
  return objects;
}

}  // namespace drover::lwm2m::model
