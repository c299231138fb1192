// SPDX-License-Identifier: Apache-2.0
#include "api/operation_forms.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/operation_body.hpp"
#include "api/operation_rules.hpp"
#include "api/operation_views.hpp"
#include "jobs/bulk.hpp"

namespace drover::api {

namespace {

using lwm2m::Path;
using store::Refusal;
template <class T>
using Made = tl::expected<T, Problem>;
using Prepared = jobs::PreparedOperation;

tl::unexpected<Problem> wrong(const std::string& member, std::string detail) {
  return tl::unexpected(Problem{.kind = "bad-body", .detail = std::move(detail), .pointer = "/" + member});
}

/// Its form, which is an object with a path of the right depth and members that are known.
struct Form {
  const Json& json;
  Path path;
  const server::DeviceView* device;  ///< nullptr: only what holds for every device is looked at
  const lwm2m::model::Registry& registry;

  [[nodiscard]] const Json* find(const char* name) const {
    const auto found = json.find(name);
    return found == json.end() ? nullptr : &*found;
  }
};

Made<std::optional<std::string>> text_of(const Form& form, const char* name) {
  const Json* const value = form.find(name);
  if (value == nullptr) return std::optional<std::string>{};
  if (value->is_string()) return std::optional(value->get<std::string>());
  if (value->is_number_unsigned()) return std::optional(value->dump());
  return wrong(name, std::string(name) + " must be a text");
}

Made<std::optional<lwm2m::FormatNumber>> format_of(const Form& form) {
  const auto text = text_of(form, "format");
  if (!text) return tl::unexpected(text.error());
  if (!*text) return std::optional<lwm2m::FormatNumber>{};
  if (const auto number = lwm2m::parse_format(**text)) return number;
  return wrong("format", "format must be tlv, json, text, opaque or a number");
}

Made<Accept> accept_of(const Form& form) {
  const auto text = text_of(form, "accept");
  if (!text) return tl::unexpected(text.error());
  auto accept = parse_accept(*text ? std::optional<std::string_view>(**text) : std::nullopt);
  if (!accept) return wrong("accept", accept.error().detail);
  return accept;
}

template <class T>
Made<Prepared> asking(const Form& form) {
  const auto accept = accept_of(form);
  if (!accept) return tl::unexpected(accept.error());
  return Prepared{T{form.path, accept->number, accept->none}};
}

/// A device that announced nothing, for what is looked at before one is known.
const server::DeviceView& nobody() {
  static const server::DeviceView kNobody;
  return kNobody;
}

/// Values are encoded for one device. Without it a raw payload is looked at alone: a value may be right for some.
template <class Encode>
Made<OutgoingBody> outgoing(const Form& form, std::initializer_list<const char*> members, Encode encode) {
  const auto format = format_of(form);
  if (!format) return tl::unexpected(format.error());
  Json body = Json::object();
  for (const char* const member : members) {
    if (const Json* const value = form.find(member)) body[member] = *value;
  }
  const bool raw = body.contains("payload");
  if (raw && *format) body["format"] = **format;
  if (!raw && form.device == nullptr) {
    if (!body.contains("value")) return wrong("value", "a value or a payload is needed");
    return OutgoingBody{};
  }
  return encode(body, *format, form.path, form.device != nullptr ? *form.device : nobody(), form.registry);
}

Made<Prepared> write(const Form& form) {
  const auto mode = text_of(form, "mode");
  if (!mode) return tl::unexpected(mode.error());
  const std::string how = mode->value_or("replace");
  if (how != "replace" && how != "update") return wrong("mode", "mode must be replace or update");
  auto body = outgoing(form, {"value", "payload"}, write_payload);
  if (!body) return tl::unexpected(body.error());
  return Prepared{lwm2m::Write{form.path, how == "update" ? lwm2m::Write::Mode::Update : lwm2m::Write::Mode::Replace,
                               body->format, std::move(body->payload)}};
}

Made<Prepared> create(const Form& form) {
  auto body = outgoing(form, {"value", "payload", "instance"}, create_payload);
  if (!body) return tl::unexpected(body.error());
  return Prepared{lwm2m::Create{form.path, body->format, std::move(body->payload)}};
}

Made<Prepared> execute(const Form& form) {
  const Json* const given = form.find("arguments");
  auto arguments = given == nullptr ? Made<std::string>(std::string()) : check_arguments(*given);
  if (!arguments) return tl::unexpected(arguments.error());
  return Prepared{lwm2m::Execute{form.path, std::move(*arguments)}};
}

Made<Prepared> write_attributes(const Form& form) {
  const Json* const given = form.find("attributes");
  if (given == nullptr || !given->is_object() || given->empty()) {
    return wrong("attributes", "attributes must be an object such as {\"pmin\": 10}; null unsets one");
  }
  static constexpr std::array<std::string_view, 9> kNames{"pmin", "pmax", "gt", "lt", "st", "epmin", "epmax", "edge", "con"};
  std::vector<std::string> attributes;
  for (const auto& [name, value] : given->items()) {
    if (std::ranges::find(kNames, name) == kNames.end()) return wrong("attributes", "unknown attribute \"" + name + "\"");
    const std::string text = value.is_string() ? value.get<std::string>() : value.is_number() ? value.dump() : "";
    if (!value.is_null() && (text.empty() || !is_attribute_value(name, text))) {
      return wrong("attributes", name + " must be a number such as 10, or null to unset the attribute");
    }
    attributes.push_back(value.is_null() ? name : name + "=" + text);
  }
  return Prepared{lwm2m::WriteAttributes{form.path, std::move(attributes)}};
}

Made<Prepared> cancel(const Form& form) {
  const auto mode = text_of(form, "mode");
  if (!mode) return tl::unexpected(mode.error());
  static constexpr std::array<std::pair<std::string_view, server::CancelMode>, 3> kModes{
      {{"get", server::CancelMode::Get}, {"reset", server::CancelMode::Reset}, {"attributes", server::CancelMode::WriteAttributes}}};
  const std::string how = mode->value_or("get");
  for (const auto& [name, value] : kModes) {
    if (name == how) return Prepared{lwm2m::CancelObservation{form.path, std::nullopt}, value};
  }
  return wrong("mode", "mode must be get, reset or attributes");
}

struct Kind {
  std::string_view name;
  const char* title;
  int depth_min;
  int depth_max;
  std::vector<std::string_view> members;
  Made<Prepared> (*make)(const Form&);
};

/// Depths of paths as the routes of single devices have them.
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds{
      {"read", "Read", 1, 4, {"accept"}, asking<lwm2m::Read>},
      {"write", "Write", 2, 4, {"value", "payload", "format", "mode"}, write},
      {"execute", "Execute", 3, 3, {"arguments"}, execute},
      {"create", "Create", 1, 1, {"value", "payload", "format", "instance"}, create},
      {"delete", "Delete", 2, 2, {}, [](const Form& f) { return Made<Prepared>(Prepared{lwm2m::Delete{f.path}}); }},
      {"discover", "Discover", 1, 3, {}, [](const Form& f) { return Made<Prepared>(Prepared{lwm2m::Discover{f.path}}); }},
      {"write-attributes", "Write-Attributes", 1, 4, {"attributes"}, write_attributes},
      {"observe", "Observe", 1, 4, {"accept"}, asking<lwm2m::Observe>},
      {"cancel-observation", "Cancel-Observation", 1, 4, {"mode"}, cancel},
  };
  return kKinds;
}

struct MadeForm {
  std::string_view operation;
  Path path;
  Prepared prepared;
};

Made<MadeForm> make(const std::string& text, const server::DeviceView* device, const lwm2m::model::Registry& registry) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return tl::unexpected(Problem{.kind = "bad-body", .detail = "an operation must be an object"});
  const std::string name = json.contains("operation") && json["operation"].is_string() ? json["operation"].get<std::string>() : "";
  const auto kind = std::ranges::find_if(kinds(), [&](const Kind& one) { return one.name == name; });
  if (kind == kinds().end()) {
    std::string names;
    for (const Kind& one : kinds()) names += (names.empty() ? "" : ", ") + std::string(one.name);
    return wrong("operation", "operation must be of " + names);
  }
  for (const auto& [member, value] : json.items()) {
    if (member == "operation" || member == "path" || std::ranges::find(kind->members, member) != kind->members.end()) continue;
    return wrong(member, "\"" + member + "\" isn't known of the operation " + name);
  }
  if (!json.contains("path") || !json["path"].is_string()) return wrong("path", "path must be a text such as /3/0/14");
  auto path = operation_path(json["path"].get<std::string>(), kind->title, kind->depth_min, kind->depth_max);
  if (!path) return wrong("path", path.error().detail);
  auto prepared = kind->make(Form{json, *path, device, registry});
  if (!prepared) return tl::unexpected(prepared.error());
  return MadeForm{kind->name, *path, std::move(*prepared)};
}

class RegistryForms final : public jobs::Forms {
 public:
  explicit RegistryForms(const lwm2m::model::Registry& registry) : registry_(registry) {}

  store::Answer<jobs::OperationSummary> check(const std::string& form) const override {
    auto made = make(form, nullptr, registry_);
    if (made) return jobs::OperationSummary{std::string(made->operation), made->path};
    const std::string field = made.error().pointer.empty() ? "" : made.error().pointer.substr(1);
    return tl::unexpected(Refusal{Refusal::Why::Invalid, field, made.error().detail});
  }

  Result<Prepared> prepare(const std::string& form, const server::DeviceView& device) const override {
    auto made = make(form, &device, registry_);
    if (made) return std::move(made->prepared);
    return tl::unexpected(Error{Fault::Us, 0, made.error().detail});
  }

  std::string value_text(const Path& path, const lwm2m::Outcome& outcome,
                         const std::optional<server::DeviceView>& device) const override {
    if (!lwm2m::is_success(outcome.status) || outcome.payload.empty()) return "";
    const Asked asked{"", device ? device->announcement : lwm2m::Announcement{}};
    const auto answer = to_answer(asked, "", path, outcome, registry_);
    if (!answer || !answer->contains("value")) return "";
    const Json& value = (*answer)["value"];
    if (value.is_string()) return value.get<std::string>();
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  const lwm2m::model::Registry& registry_;
};

}  // namespace

std::unique_ptr<jobs::Forms> operation_forms(const lwm2m::model::Registry& registry) {
  return std::make_unique<RegistryForms>(registry);
}

}  // namespace drover::api
