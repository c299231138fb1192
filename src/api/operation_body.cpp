// SPDX-License-Identifier: Apache-2.0
#include "api/operation_body.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/values.hpp"
#include "lwm2m/content/base64.hpp"

namespace drover::api {

namespace {

using lwm2m::Format;
using lwm2m::FormatNumber;
template <class T>
using Made = tl::expected<T, Problem>;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kRaw = "application/octet-stream";
constexpr int kNestingMax = 16;  ///< of a request body: value, resource, resource instance and room for members to come

tl::unexpected<Problem> bad_body(std::string detail, std::string pointer = {}) {
  return tl::unexpected(Problem{.kind = "bad-body", .detail = std::move(detail), .pointer = std::move(pointer)});
}

tl::unexpected<Problem> media_type(std::string detail) {
  return tl::unexpected(Problem{.status = 415, .kind = "unsupported-media-type", .detail = std::move(detail)});
}

Made<Json> parse_object(const std::string& text) {
  // Refused while parsing: a deep body would otherwise be built, and destroyed recursively.
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kNestingMax) too_deep = true;
    return !too_deep;
  };
  Json body;
  try {
    body = Json::parse(text, watch);
  } catch (const Json::parse_error& error) {
    return bad_body("the body is no JSON: error at byte " + std::to_string(error.byte));
  } catch (const Json::out_of_range&) {
    return bad_body("the body holds a number that is larger than any double");
  }
  if (too_deep) return bad_body("the body is nested too deeply");
  if (!body.is_object()) return bad_body("the body must be a JSON object");
  return body;
}

/// Refuses members that nobody defined: a misspelt one must not be lost silently.
std::optional<Problem> check_members(const Json& body, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : body.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string names;
    for (const auto& each : known) names += (names.empty() ? "" : ", ") + std::string(each);
    return Problem{
        .kind = "bad-body", .detail = "unknown member \"" + name + "\"; known here: " + names, .pointer = "/" + name};
  }
  return std::nullopt;
}

/// ?format=, or nothing.
Made<std::optional<FormatNumber>> format_parameter(const Call& call) {
  const auto text = call.target.parameter("format");
  if (!text) return std::optional<FormatNumber>{};
  if (const auto number = lwm2m::parse_format(*text)) return number;
  return tl::unexpected(Problem{
      .kind = "bad-parameter", .detail = "format must be tlv, json, text, opaque or a number", .parameter = "format"});
}

/// TLV is what every client understands (Core §6.4); a device that announced JSON but not TLV says otherwise.
FormatNumber format_for(const server::DeviceView& device) {
  const auto& announced = device.announcement.formats;
  const auto has = [&](Format format) {
    return std::any_of(announced.begin(), announced.end(),
                       [&](FormatNumber n) { return lwm2m::format_of(n) == format; });
  };
  if (!has(Format::Tlv) && has(Format::Json)) return lwm2m::format::kJson;
  return lwm2m::format::kTlv;
}

/// A single Opaque value goes as its bytes: a firmware image is taken block by block then, while a TLV is held whole.
bool is_single_opaque(const lwm2m::Path& path, const lwm2m::Tree& tree) {
  if (!path.is_resource() || tree.objects.size() != 1 || tree.objects[0].instances.size() != 1) return false;
  const auto& resources = tree.objects[0].instances[0].resources;
  return resources.size() == 1 && !resources[0].multiple && resources[0].instances.size() == 1 &&
         std::holds_alternative<lwm2m::Opaque>(resources[0].instances[0].value);
}

Made<OutgoingBody> raw_body(const Json& body) {
  if (auto problem = check_members(body, {"payload", "format"})) return tl::unexpected(*problem);
  OutgoingBody out;
  auto payload = body["payload"].is_string()
                     ? lwm2m::content::from_base64(body["payload"].get_ref<const std::string&>())
                     : std::nullopt;
  if (!payload) return bad_body("payload must be a Base64 string with padding", "/payload");
  out.payload = std::move(*payload);
  if (const auto format = body.find("format"); format != body.end()) {
    if (!format->is_number_unsigned() || format->get<std::uint64_t>() > 65535) {
      return bad_body("format must be a content-format number, 0 to 65535", "/format");
    }
    out.format = format->get<FormatNumber>();
  }
  return out;
}

Made<OutgoingBody> encode_body(const std::optional<FormatNumber>& wanted, const lwm2m::Path& path,
                               const server::DeviceView& device,
                               const tl::expected<lwm2m::Tree, ValueProblem>& tree) {
  if (!tree) {
    return tl::unexpected(
        Problem{.kind = "bad-value", .detail = tree.error().detail, .pointer = "/value" + tree.error().pointer});
  }
  const FormatNumber usual = is_single_opaque(path, *tree) ? lwm2m::format::kOpaque : format_for(device);
  const FormatNumber number = wanted.value_or(usual);
  const auto format = lwm2m::format_of(number);
  if (!format || *format == Format::Link) {
    return tl::unexpected(Problem{.kind = "bad-parameter",
                                  .detail = "values can't be encoded in content format " + std::to_string(number) +
                                            "; send a raw payload instead",
                                  .parameter = "format"});
  }
  auto payload = lwm2m::content::encode(*format, path, *tree);
  if (!payload) {
    return tl::unexpected(Problem{.kind = "bad-value", .detail = payload.error().reason, .pointer = "/value"});
  }
  return OutgoingBody{number, std::move(*payload)};
}

/// Core §5.4.5: arglist = arg *( "," arg ); arg = DIGIT / DIGIT "=" "'" *CHAR "'"; CHAR = "!" / %x23-26 / %x28-5B /
/// %x5D-7E.
bool is_argument_list(std::string_view text) {
  const auto is_char = [](char c) { return c >= '!' && c <= '~' && c != '"' && c != '\'' && c != '\\'; };
  for (std::size_t at = 0;;) {
    if (at == text.size() || text[at] < '0' || text[at] > '9') return false;
    ++at;
    if (text.substr(at, 2) == "='") {
      for (at += 2; at < text.size() && is_char(text[at]);) ++at;
      if (at == text.size() || text[at] != '\'') return false;
      ++at;
    }
    if (at == text.size()) return true;
    if (text[at] != ',') return false;
    ++at;
  }
}

/// What Write and Create have in common: a raw body, or JSON of which `values` makes the rest.
template <class Values>
Made<OutgoingBody> outgoing(const Call& call, Values&& values) {
  const auto format = format_parameter(call);
  if (!format) return tl::unexpected(format.error());
  if (call.request.content_type == kRaw) return OutgoingBody{*format, to_bytes(call.request.body)};
  if (call.request.content_type != kJson) {
    return media_type("send a JSON body as Content-Type: application/json, or a raw one as application/octet-stream");
  }
  const auto body = parse_object(call.request.body);
  if (!body) return tl::unexpected(body.error());
  return values(*body, *format);
}

}  // namespace

tl::expected<OutgoingBody, Problem> write_payload(const Json& body, const std::optional<FormatNumber>& format,
                                                  const lwm2m::Path& path, const server::DeviceView& device,
                                                  const lwm2m::model::Registry& registry) {
  if (body.contains("payload")) return raw_body(body);
  if (auto problem = check_members(body, {"value"})) return tl::unexpected(*problem);
  if (!body.contains("value")) return bad_body("the body needs a member \"value\" or \"payload\"");
  const DeviceDefinitions definitions(registry, device.announcement);
  return encode_body(format, path, device, to_tree(body["value"], path, definitions));
}

tl::expected<OutgoingBody, Problem> create_payload(const Json& body, const std::optional<FormatNumber>& format,
                                                   const lwm2m::Path& path, const server::DeviceView& device,
                                                   const lwm2m::model::Registry& registry) {
  if (body.contains("payload")) return raw_body(body);
  if (auto problem = check_members(body, {"value", "instance"})) return tl::unexpected(*problem);
  if (!body.contains("value")) return bad_body("the body needs a member \"value\" or \"payload\"");
  std::optional<lwm2m::InstanceId> instance;
  if (const auto given = body.find("instance"); given != body.end()) {
    if (!given->is_number_unsigned() || given->get<std::uint64_t>() >= lwm2m::kReservedId) {
      return bad_body("instance must be an id, 0 to 65534", "/instance");
    }
    instance = given->get<lwm2m::InstanceId>();
  }
  const DeviceDefinitions definitions(registry, device.announcement);
  return encode_body(format, path, device, to_new_instance(body["value"], path.object(), instance, definitions));
}

tl::expected<OutgoingBody, Problem> write_body(const Call& call, const lwm2m::Path& path,
                                               const server::DeviceView& device) {
  return outgoing(call, [&](const Json& body, const std::optional<FormatNumber>& format) {
    return write_payload(body, format, path, device, call.state->registry);
  });
}

tl::expected<OutgoingBody, Problem> create_body(const Call& call, const lwm2m::Path& path,
                                                const server::DeviceView& device) {
  return outgoing(call, [&](const Json& body, const std::optional<FormatNumber>& format) {
    return create_payload(body, format, path, device, call.state->registry);
  });
}

tl::expected<std::string, Problem> execute_arguments(const Call& call) {
  if (call.request.body.empty()) return std::string();
  if (call.request.content_type != kJson) return media_type("send the arguments as Content-Type: application/json");
  const auto body = parse_object(call.request.body);
  if (!body) return tl::unexpected(body.error());
  if (auto problem = check_members(*body, {"arguments"})) return tl::unexpected(*problem);
  const auto arguments = body->find("arguments");
  if (arguments == body->end()) return std::string();
  return check_arguments(*arguments);
}

tl::expected<std::string, Problem> check_arguments(const Json& arguments) {
  if (!arguments.is_string()) return bad_body("arguments must be a string such as 0='a',1", "/arguments");
  auto text = arguments.get<std::string>();
  if (text.size() > kOptionTextMax) {
    return bad_body("arguments must be at most " + std::to_string(kOptionTextMax) + " bytes", "/arguments");
  }
  if (!text.empty() && !is_argument_list(text)) {
    return bad_body("arguments must be a list such as 0='a',1: digits, each with ='TEXT' or alone", "/arguments");
  }
  return text;
}

}  // namespace drover::api
