// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/values.hpp"

#include <charconv>
#include <ctime>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "lwm2m/content/base64.hpp"
#include "lwm2m/content/content.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

tl::unexpected<Error> mistake(std::string reason) {
  return tl::unexpected(Error{Fault::Us, 0, std::move(reason)});
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<double> parse_float(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_time(const std::string& text) {
  if (const auto seconds = parse_integer(text)) return seconds;
  std::tm broken_down{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &broken_down);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return timegm(&broken_down);
}

std::optional<std::string> parse_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    std::uint8_t byte = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (error != std::errc() || end != text.data() + i + 2) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

Result<Json> parse_opaque(const std::string& text) {
  if (text.rfind('@', 0) == 0) {
    const auto content = read_file(text.substr(1));
    if (!content) return tl::unexpected(content.error());
    return Json(to_base64(*content));
  }
  if (text.rfind("hex:", 0) == 0) {
    const auto bytes = parse_hex(std::string_view(text).substr(4));
    if (!bytes) return mistake("\"" + text + "\" has no even number of hexadecimal digits");
    return Json(to_base64(*bytes));
  }
  if (!from_base64(text)) return mistake("\"" + text + "\" is neither Base64 nor hex:... nor @FILE");
  return Json(text);
}

Json guess(const std::string& text) {
  if (const auto integer = parse_integer(text)) return *integer;
  if (const auto number = parse_float(text)) return *number;
  if (text == "true" || text == "false") return text == "true";
  return text;
}

std::optional<std::uint16_t> parse_id(std::string_view text) {
  std::uint16_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return id;
}

struct Assignment {
  std::uint16_t id = 0;
  std::optional<std::uint16_t> instance;
  std::string value;
};

Result<Assignment> parse_assignment(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string_view left = std::string_view(text).substr(0, equals);
  const std::size_t slash = left.find('/');
  const auto id = parse_id(left.substr(0, slash));
  std::optional<std::uint16_t> instance;
  if (slash != std::string_view::npos) instance = parse_id(left.substr(slash + 1));
  if (equals == std::string::npos || !id || (slash != std::string_view::npos && !instance)) {
    return mistake("\"" + text + "\" isn't of the form ID=VALUE or ID/INSTANCE=VALUE");
  }
  return Assignment{*id, instance, text.substr(equals + 1)};
}

Result<Json> parse_multiple(const std::vector<std::string>& arguments, const std::string& type) {
  Json values = Json::object();
  for (const std::string& argument : arguments) {
    const auto assignment = parse_assignment(argument);
    if (!assignment) return tl::unexpected(assignment.error());
    if (assignment->instance) return mistake("\"" + argument + "\" isn't of the form INSTANCE=VALUE");
    auto value = parse_value(type, assignment->value);
    if (!value) return value;
    values[std::to_string(assignment->id)] = std::move(*value);
  }
  return values;
}

Result<Json> parse_instance(const std::vector<std::string>& arguments, const TypeOf& type_of) {
  Json values = Json::object();
  for (const std::string& argument : arguments) {
    const auto assignment = parse_assignment(argument);
    if (!assignment) return tl::unexpected(assignment.error());
    const ResourceType known = type_of(assignment->id).value_or(ResourceType{});
    auto value = parse_value(known.type, assignment->value);
    if (!value) return value;
    Json& place = values[std::to_string(assignment->id)];
    if (assignment->instance) {
      place[std::to_string(*assignment->instance)] = std::move(*value);
    } else if (known.multiple) {
      return mistake("resource " + std::to_string(assignment->id) +
                     " has instances: " + std::to_string(assignment->id) + "/0=VALUE");
    } else {
      place = std::move(*value);
    }
  }
  return values;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  return lwm2m::content::to_base64(as_bytes(bytes));
}

std::optional<std::string> from_base64(std::string_view text) {
  const auto bytes = lwm2m::content::from_base64(text);
  if (!bytes) return std::nullopt;
  return std::string(as_text(*bytes));
}

Result<std::string> read_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return tl::unexpected(Error{Fault::Environment, 0, "can't read " + name});
  std::string content{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return tl::unexpected(Error{Fault::Environment, 0, "can't read " + name});
  return content;
}

Result<Json> parse_value(const std::string& type, const std::string& text) {
  if (type.empty()) return guess(text);
  if (type == "String") return Json(text);
  if (type == "Opaque") return parse_opaque(text);
  if (type == "Boolean") {
    if (text == "true" || text == "1") return Json(true);
    if (text == "false" || text == "0") return Json(false);
    return mistake("\"" + text + "\" is no Boolean: true, false, 1 or 0");
  }
  if (type == "Integer") {
    if (const auto value = parse_integer(text)) return Json(*value);
    return mistake("\"" + text + "\" is no Integer of 64 bits");
  }
  if (type == "Float") {
    if (text == "NaN" || text == "Infinity" || text == "-Infinity") return Json(text);
    if (const auto value = parse_float(text)) return Json(*value);
    return mistake("\"" + text + "\" is no Float");
  }
  if (type == "Time") {
    if (const auto value = parse_time(text)) return Json(*value);
    return mistake("\"" + text + "\" is no Time: Unix seconds or 2026-01-31T12:00:00Z");
  }
  if (type == "Objlnk") {
    if (lwm2m::content::from_text(lwm2m::DataType::ObjectLink, text)) return Json(text);
    return mistake("\"" + text + "\" is no Objlnk: OBJECT:INSTANCE");
  }
  return mistake("values of type " + type + " can't be written");
}

Result<Json> parse_assignments(const lwm2m::Path& path, const std::vector<std::string>& arguments,
                               const TypeOf& type_of) {
  if (path.is_instance()) return parse_instance(arguments, type_of);
  if (path.depth() < 3) return mistake("a write takes an object instance, a resource or a resource instance");
  const ResourceType known = type_of(path.resource()).value_or(ResourceType{});
  if (path.is_resource() && known.multiple) return parse_multiple(arguments, known.type);
  if (arguments.size() != 1) return mistake(path.to_string() + " takes one value");
  return parse_value(known.type, arguments.front());
}

}  // namespace drover::cli
