// SPDX-License-Identifier: Apache-2.0
#include "apps/objectgen/generator.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace drover::objectgen {

using lwm2m::DataType;
using lwm2m::ResourceId;
using lwm2m::model::ObjectDefinition;
using lwm2m::model::ResourceDefinition;

namespace {

constexpr std::size_t kWidth = 120;
constexpr std::size_t kDescriptionMax = 400;  ///< what is said of a resource; its DDF file has the rest

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_taken(const std::string& name) {
  static const std::set<std::string> kWords = {
      "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char", "class", "co_await",
      "co_return", "co_yield", "compl", "concept", "const", "consteval", "constexpr", "constinit", "continue", "decltype", "default", "delete",
      "do", "double", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "long",
      "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private", "protected", "public",
      "register", "requires", "return", "short", "signed", "sizeof", "static", "struct", "switch", "template", "this", "throw", "true", "try",
      "typedef", "typeid", "typename", "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
      // Members of drover::object.
      "id", "value", "setting", "values", "settings", "execute", "executes", "object", "resource", "resources"};
  return kWords.contains(name);
}

std::string literal(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n' || c == '\t' || c == '\r') {
      result += ' ';
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      result += c;
    }
  }
  return result + "\"";
}

/// One line without control characters, cut at a word.
std::string one_line(std::string_view text, std::size_t most) {
  std::string result;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= 0x20;
    if (!blank) {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  if (result.size() <= most) return result;
  result.resize(std::max<std::size_t>(result.rfind(' ', most), 1));
  return result + " ...";
}

/// A documentation comment. No line ends in a backslash, which would take the next one with it.
std::string comment(const std::string& text, const std::string& indent) {
  std::string result;
  std::string line = indent + "///";
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (line.size() + 1 + word.size() > kWidth && line.size() > indent.size() + 3) {
      result += line + "\n";
      line = indent + "///";
    }
    line += " " + word;
    if (line.back() == '\\') line += '.';
    at = end + 1;
  }
  return result + line + "\n";
}

const char* type_name(DataType type) {
  switch (type) {
    case DataType::None: return "none";
    case DataType::String: return "string";
    case DataType::Integer: return "integer";
    case DataType::Float: return "floating";
    case DataType::Boolean: return "boolean";
    case DataType::Opaque: return "opaque";
    case DataType::Time: return "time";
    case DataType::ObjectLink: return "object_link";
  }
  return "none";
}

const char* truth(bool value) {
  return value ? "true" : "false";
}

std::string version_text(const lwm2m::Version& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor);
}

std::string definition_of(const ObjectDefinition& object) {
  const std::string id = std::to_string(object.id);
  std::string text = "template <>\nstruct definition<" + id + "> {\n";
  const bool any = !object.resources.empty();
  if (any) text += "  static constexpr resource_definition resources[] = {\n";
  for (const ResourceDefinition& resource : object.resources) {
    const auto& operations = resource.operations;
    text += "      {" + std::to_string(resource.id) + ", " + literal(resource.name) + ", data_type::" + type_name(resource.type) + ", " +
            truth(operations.read) + ", " + truth(operations.write) + ", " + truth(operations.execute) + ", " + truth(resource.multiple) + ", " +
            truth(resource.mandatory) + ", " + literal(resource.range) + ", " + literal(resource.units) + "},\n";
  }
  if (any) text += "  };\n";
  return text + "  static constexpr object_definition object{" + id + ", " + literal(object.name) + ", \"" + version_text(object.version) + "\", " +
         truth(object.multiple) + ", " + truth(object.mandatory) + ", " + (any ? "resources, std::size(resources)" : "nullptr, 0") + "};\n};\n";
}

/// Of a member or alias: "setting<5850>", "values<11>", "resource<5605>".
std::string member_type(const ResourceDefinition& resource) {
  const std::string id = "<" + std::to_string(resource.id) + ">";
  if (resource.operations.execute) return "drover::resource" + id;
  const std::string plural = resource.multiple ? "s" : "";
  return (resource.operations.write ? "setting" : "value") + plural + id;
}

std::string about(const ResourceDefinition& resource) {
  std::string text = resource.name;
  if (!resource.units.empty()) text += " [" + resource.units + "]";
  if (!resource.range.empty()) text += ", " + resource.range;
  if (!resource.description.empty()) text += ": " + resource.description;
  return one_line(text, kDescriptionMax);
}

/// Names of an object's resources, each once.
std::map<ResourceId, std::string> names_of(const ObjectDefinition& object) {
  std::map<ResourceId, std::string> names;
  std::set<std::string> given = {identifier_of(object.name)};
  for (const ResourceDefinition& resource : object.resources) {
    std::string name = identifier_of(resource.name);
    if (!given.insert(name).second) {
      name += "_" + std::to_string(resource.id);
      given.insert(name);
    }
    names[resource.id] = std::move(name);
  }
  return names;
}

std::string struct_of(const ObjectDefinition& object, const Options& options) {
  const auto names = names_of(object);
  std::string text = comment(one_line(object.name + " (object " + std::to_string(object.id) + ", version " + version_text(object.version) + ")" +
                                          (object.description.empty() ? "" : ": " + object.description),
                                      2 * kDescriptionMax),
                             "");
  text += "struct " + identifier_of(object.name) + " : drover::object<" + std::to_string(object.id) + "> {\n";
  std::string aliases;
  std::string actions;
  for (const ResourceDefinition& resource : object.resources) {
    const std::string& name = names.at(resource.id);
    const bool nobody = !resource.operations.read && !resource.operations.write && !resource.operations.execute;
    if (nobody) continue;  // of the Bootstrap interface alone
    if (resource.operations.execute) {
      actions += comment(about(resource) + (resource.mandatory ? " A device must have it." : ""), "  ") + "  using " + name + "_action = " +
                 member_type(resource) + ";\n";
    } else if (resource.mandatory || options.with.contains(resource.id)) {
      text += comment(about(resource), "  ") + "  " + member_type(resource) + " " + name + ";\n";
    } else {
      aliases += comment(about(resource), "  ") + "  using " + name + "_type = " + member_type(resource) + ";\n";
    }
  }
  if (!aliases.empty()) {
    text += "\n  // What a device may have besides: as members, of these types, of a struct that derives from this one.\n" + aliases;
  }
  if (!actions.empty()) {
    text += "\n  // What servers execute: void execute(NAME_action) of a struct that derives from this one.\n" + actions;
  }
  return text + "};\n";
}

bool is_namespace(std::string_view text) {
  bool first = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at, 2) == "::" && !first) {
      first = true;
      ++at;
    } else if (is_letter(text[at]) || text[at] == '_' || (is_digit(text[at]) && !first)) {
      first = false;
    } else {
      return false;
    }
  }
  return !first;
}

}  // namespace

std::string identifier_of(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (is_letter(c) || is_digit(c)) {
      result += (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!result.empty() && result.back() != '_') {
      result += '_';
    }
  }
  while (!result.empty() && result.back() == '_') result.pop_back();
  if (result.empty() || is_digit(result.front())) result = "n" + result;
  return is_taken(result) ? result + "_" : result;
}

Result<std::string> generate(const ObjectDefinition& object, const Options& options) {
  for (const ResourceId id : options.with) {
    if (object.resource(id) == nullptr) {
      return peer_error(0, "object " + std::to_string(object.id) + " has no resource " + std::to_string(id));
    }
  }
  if (!is_namespace(options.name_space)) return peer_error(0, "\"" + options.name_space + "\" is no namespace");
  std::string text = "// SPDX-License-Identifier: Apache-2.0\n// Generated by drover-objectgen from " + one_line(options.source, 200) +
                     ". Change that, not this.\n#pragma once\n\n#include <iterator>\n\n#include \"drover/object.hpp\"\n\nnamespace drover {\n\n" +
                     definition_of(object) + "\n}  // namespace drover\n\nnamespace " + options.name_space + " {\n\n" + struct_of(object, options) +
                     "\n}  // namespace " + options.name_space + "\n";
  return text;
}

}  // namespace drover::objectgen
