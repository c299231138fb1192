// SPDX-License-Identifier: Apache-2.0
// Routes that are carried out by a device.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/call.hpp"
#include "api/operation_body.hpp"
#include "api/values.hpp"

namespace drover::api {

namespace {

using lwm2m::Path;
using server::NoAnswer;

constexpr std::chrono::seconds kWaitDefault{
    100};  ///< MAX_TRANSMIT_WAIT of RFC 7252 §4.8.2 is 93 s: the device's end comes first
constexpr std::chrono::seconds kWaitMax{300};
constexpr std::size_t kAttributeMax = 64;  ///< bytes of a value: a float's longest form is 24

Problem bad_parameter(std::string_view name, std::string detail) {
  return {.kind = "bad-parameter", .detail = std::move(detail), .parameter = std::string(name)};
}

/// The path when its depth is one of those that the operation allows (Core §5.4, §5.5).
std::optional<Path> path_of_call(const Call& call, const char* operation, int depth_min, int depth_max) {
  static constexpr const char* kLevels[] = {"root", "object", "object instance", "resource", "resource instance"};
  const auto path = Path::parse(call.rest);
  if (!path || path->is_root()) {
    call.refuse({.kind = "bad-path", .detail = "\"" + call.rest + "\" is no path such as 3/0/1"});
    return std::nullopt;
  }
  if (path->depth() < depth_min || path->depth() > depth_max) {
    std::string detail = std::string(operation) + " takes the path of an " + kLevels[depth_min];
    if (depth_max > depth_min) detail += std::string(" down to a ") + kLevels[depth_max];
    call.refuse({.kind = "bad-path", .detail = detail + ", not of a " + kLevels[path->depth()]});
    return std::nullopt;
  }
  return path;
}

/// gt, lt and st are decimal numbers, every other attribute is a whole number (Core §5.1.2; later versions, too).
bool is_attribute_value(std::string_view name, std::string_view value) {
  if (value.size() > kAttributeMax) return false;
  const bool decimal = name == "gt" || name == "lt" || name == "st";
  if (decimal && (value.front() == '-' || value.front() == '+')) value.remove_prefix(1);
  const auto digits = [&] {
    const std::size_t end = std::min(value.find_first_not_of("0123456789"), value.size());
    value.remove_prefix(end);
    return end > 0;
  };
  if (!digits()) return false;
  if (decimal && value.starts_with('.')) {
    value.remove_prefix(1);
    if (!digits()) return false;
  }
  return value.empty();
}

struct Accept {
  std::optional<lwm2m::FormatNumber> number;
  bool none = false;
};
std::optional<Accept> accept_of(const Call& call) {
  const auto text = call.target.parameter("accept");
  if (!text) return Accept{};
  if (*text == "none") return Accept{std::nullopt, true};
  if (const auto number = lwm2m::parse_format(*text)) return Accept{number, false};
  call.refuse(bad_parameter("accept", "accept must be tlv, json, text, opaque, link, a number or none"));
  return std::nullopt;
}

void answer_with(const std::shared_ptr<Call>& call, const server::DeviceView& device, const char* operation,
                 const Path& path, const lwm2m::Outcome& outcome) {
  if (!lwm2m::is_success(outcome.status)) return call->responder.answer(device_problem(outcome));
  Json body = {{"endpoint", call->endpoint},
               {"operation", operation},
               {"path", path.to_string()},
               {"code", code_of(outcome)},
               {"status", status_of(outcome)}};
  const DeviceDefinitions definitions(call->state->registry, device.announcement);
  add_payload(body, path, outcome, definitions, device.announcement.root);
  http::Response response;
  if (outcome.status == lwm2m::Status::Created) {
    response.status = 201;
    const auto created = path_below(device.announcement.root, outcome.location);
    if (created && created->is_instance()) {
      body["location"] = created->to_string();
      response.headers.emplace_back(
          "Location", "/api/v1/devices/" + percent_encode(call->endpoint) + "/resources" + created->to_string());
    }
  }
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  call->responder.answer(std::move(response));
}

/// Makes the operation once the device is known: the object versions it announced decide how values are encoded.
using Make = std::function<tl::expected<lwm2m::Downlink, Problem>(const server::DeviceView&)>;

void operate(const std::shared_ptr<Call>& call, const Path& path, Make make) {
  if (!limit_wait(*call)) return;
  call->state->fleet.device(
      call->endpoint, [call, path, make = std::move(make)](std::optional<server::DeviceView> found) {
        // The rest is work for the HTTP thread; the fleet's has datagrams to serve.
        call->responder.then([call, path, make, found = std::move(found)] {
          if (!found) return call->responder.answer(no_answer_problem(NoAnswer::NotRegistered, call->endpoint));
          auto operation = make(*found);
          if (!operation) return call->refuse(operation.error());
          const char* const name = lwm2m::name_of(*operation);
          const auto device = std::make_shared<const server::DeviceView>(*found);
          call->state->fleet.operate(call->endpoint, std::move(*operation),
                                     [call, path, name, device](server::OperationResult result) {
                                       call->responder.then([call, path, name, device, result = std::move(result)] {
                                         if (const auto* why = std::get_if<NoAnswer>(&result)) {
                                           return call->responder.answer(no_answer_problem(*why, call->endpoint));
                                         }
                                         answer_with(call, *device, name, path, std::get<lwm2m::Outcome>(result));
                                       });
                                     });
        });
      });
}

/// For operations that don't depend on the device.
void operate(const std::shared_ptr<Call>& call, const Path& path, const lwm2m::Downlink& operation) {
  operate(call, path,
          [operation](const server::DeviceView&) -> tl::expected<lwm2m::Downlink, Problem> { return operation; });
}

void write(const std::shared_ptr<Call>& call, lwm2m::Write::Mode mode) {
  const auto path = path_of_call(*call, "Write", 2, 4);
  if (!path) return;
  operate(call, *path,
          [call, path = *path, mode](const server::DeviceView& device) -> tl::expected<lwm2m::Downlink, Problem> {
            auto body = write_body(*call, path, device);
            if (!body) return tl::unexpected(body.error());
            return lwm2m::Write{path, mode, body->format, std::move(body->payload)};
          });
}

}  // namespace

bool limit_wait(const Call& call) {
  std::chrono::seconds wait = kWaitDefault;
  if (const auto text = call.target.parameter("timeout")) {
    std::int64_t seconds = 0;
    const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
    if (error != std::errc{} || stop != text->data() + text->size() || seconds < 1 || seconds > kWaitMax.count()) {
      call.refuse(bad_parameter("timeout", "timeout must be 1 to " + std::to_string(kWaitMax.count()) + " seconds"));
      return false;
    }
    wait = std::chrono::seconds(seconds);
  }
  call.responder.answer_within(wait, to_response(Problem{.status = 504,
                                                         .kind = "no-answer",
                                                         .detail = "no answer after " + std::to_string(wait.count()) +
                                                                   " s; the operation may still take place",
                                                         .no_answer = "timeout"}));
  return true;
}

void read(const std::shared_ptr<Call>& call) {
  const auto path = path_of_call(*call, "Read", 1, 4);
  if (!path) return;
  const auto accept = accept_of(*call);
  if (!accept) return;
  operate(call, *path, lwm2m::Read{*path, accept->number, accept->none});
}

void write_replace(const std::shared_ptr<Call>& call) {
  write(call, lwm2m::Write::Mode::Replace);
}
void write_update(const std::shared_ptr<Call>& call) {
  write(call, lwm2m::Write::Mode::Update);
}

void create(const std::shared_ptr<Call>& call) {
  const auto path = path_of_call(*call, "Create", 1, 1);
  if (!path) return;
  operate(call, *path,
          [call, path = *path](const server::DeviceView& device) -> tl::expected<lwm2m::Downlink, Problem> {
            auto body = create_body(*call, path, device);
            if (!body) return tl::unexpected(body.error());
            return lwm2m::Create{path, body->format, std::move(body->payload)};
          });
}

void remove(const std::shared_ptr<Call>& call) {
  const auto path = path_of_call(*call, "Delete", 2, 2);
  if (!path) return;
  operate(call, *path, lwm2m::Delete{*path});
}

void execute(const std::shared_ptr<Call>& call) {
  const auto path = path_of_call(*call, "Execute", 3, 3);
  if (!path) return;
  auto arguments = execute_arguments(*call);
  if (!arguments) return call->refuse(arguments.error());
  operate(call, *path, lwm2m::Execute{*path, std::move(*arguments)});
}

void discover(const std::shared_ptr<Call>& call) {
  const auto path = path_of_call(*call, "Discover", 1, 3);
  if (!path) return;
  operate(call, *path, lwm2m::Discover{*path});
}

void write_attributes(const std::shared_ptr<Call>& call) {
  const auto path = path_of_call(*call, "Write-Attributes", 1, 4);
  if (!path) return;
  std::vector<std::string> attributes;
  for (const auto& [name, value] : call->target.parameters) {
    if (name == "timeout") continue;
    if (!value.empty() && !is_attribute_value(name, value)) {
      return call->refuse(bad_parameter(name, name + " must be a number such as 10, or empty to unset the attribute"));
    }
    attributes.push_back(value.empty() ? name : name + "=" + value);
  }
  if (attributes.empty()) {
    return call->refuse(bad_parameter("pmin", "give at least one attribute, such as ?pmin=10"));
  }
  operate(call, *path, lwm2m::WriteAttributes{*path, std::move(attributes)});
}

void observe(const std::shared_ptr<Call>& call) {
  const auto path = path_of_call(*call, "Observe", 1, 4);
  if (!path) return;
  const auto accept = accept_of(*call);
  if (!accept) return;
  operate(call, *path, lwm2m::Observe{*path, accept->number, accept->none});
}

void cancel_observation(const std::shared_ptr<Call>& call) {
  const auto path = path_of_call(*call, "Cancel-Observation", 1, 4);
  if (!path) return;
  const std::string_view mode = call->target.parameter("mode").value_or("get");
  if (mode != "get" && mode != "reset" && mode != "attributes") {
    return call->refuse(bad_parameter("mode", "mode must be get, reset or attributes"));
  }
  if (!limit_wait(*call)) return;
  const auto how = mode == "get"     ? server::CancelMode::Get
                   : mode == "reset" ? server::CancelMode::Reset
                                     : server::CancelMode::WriteAttributes;
  call->state->fleet.device(call->endpoint, [call, path = *path, how](std::optional<server::DeviceView> found) {
    // One that is away may have something observed, too.
    const auto device = std::make_shared<const server::DeviceView>(std::move(found).value_or(server::DeviceView{}));
    call->state->fleet.cancel(call->endpoint, path, how, [call, path, device](server::OperationResult result) {
      call->responder.then([call, path, device, result = std::move(result)] {
        if (const auto* why = std::get_if<NoAnswer>(&result)) {
          return call->responder.answer(no_answer_problem(*why, call->endpoint));
        }
        const auto& outcome = std::get<lwm2m::Outcome>(result);
        // Code 0: the fleet's own answer, without the device.
        if (outcome.code == 0 && outcome.status == lwm2m::Status::NotFound) {
          return call->refuse({.status = 404, .kind = "not-found", .detail = path.to_string() + " isn't observed"});
        }
        answer_with(call, *device, "Cancel-Observation", path, outcome);
      });
    });
  });
}

}  // namespace drover::api
