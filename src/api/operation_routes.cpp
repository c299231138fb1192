// SPDX-License-Identifier: Apache-2.0
// Routes that are carried out by a device.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/call.hpp"
#include "api/operation_body.hpp"
#include "api/operation_call.hpp"
#include "api/operation_rules.hpp"
#include "api/operation_views.hpp"
#include "api/parameters.hpp"

namespace drover::api {

namespace {

using lwm2m::Path;
using server::NoAnswer;

/// The path when its depth is one of those that the operation allows; nothing, and the call is refused, else.
std::optional<Path> path_of_call(const Call& call, const char* operation, int depth_min, int depth_max) {
  const auto path = operation_path(call.rest, operation, depth_min, depth_max);
  if (path) return *path;
  call.refuse(path.error());
  return std::nullopt;
}

std::optional<Accept> accept_of(const Call& call) {
  const auto accept = parse_accept(call.target.parameter("accept"));
  if (accept) return *accept;
  call.refuse(accept.error());
  return std::nullopt;
}

/// Answers with what came of an operation.
void answer_with(const Call& call, const Asked& device, const char* operation, const Path& path,
                 const server::OperationResult& result) {
  if (const auto* why = std::get_if<NoAnswer>(&result)) return call.refuse(no_answer_problem(*why, call.endpoint));
  const auto& outcome = std::get<lwm2m::Outcome>(result);
  const auto body = to_answer(device, operation, path, outcome, call.state->registry);
  if (!body) return call.refuse(body.error());
  http::Response response;
  response.status = outcome.status == lwm2m::Status::Created ? 201 : 200;
  if (body->contains("location")) {
    response.headers.emplace_back("Location", "/api/v1/devices/" + percent_encode(call.endpoint) + "/resources" +
                                                  (*body)["location"].get<std::string>());
  }
  // Texts come from devices: what isn't UTF-8 is replaced, the raw payload is there in Base64.
  response.body = body->dump(-1, ' ', false, Json::error_handler_t::replace);
  call.responder.answer(std::move(response));
}

/// Makes the operation once the device is known: the object versions it announced decide how values are encoded.
using Make = std::function<tl::expected<lwm2m::Downlink, Problem>(const server::DeviceView&)>;

void operate(const std::shared_ptr<Call>& call, const Path& path, Make make) {
  const auto request = operation_request(*call);
  if (!request) return;
  const auto device = std::make_shared<Asked>(Asked{call->endpoint, {}});
  const auto name = std::make_shared<const char*>("");
  auto progress = follow_operation(call, *request, [call, path, device, name](const server::OperationResult& result) {
    answer_with(*call, *device, *name, path, result);
  });
  call->state->fleet.device(
      call->endpoint, [call, device, name, settings = request->settings, progress = std::move(progress),
                       make = std::move(make)](std::optional<server::DeviceView> found) {
        // The rest is work for the HTTP thread; the fleet's has datagrams to serve.
        call->responder.then([call, device, name, settings, progress, make, found = std::move(found)] {
          if (!found) return call->refuse(no_answer_problem(NoAnswer::NotRegistered, call->endpoint));
          auto operation = make(*found);
          if (!operation) return call->refuse(operation.error());
          *name = lwm2m::name_of(*operation);
          device->announcement = found->announcement;
          call->state->fleet.operate(call->endpoint, std::move(*operation), settings, progress);
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
    if (is_operation_parameter(name)) continue;
    if (!value.empty() && !is_attribute_value(name, value)) {
      return call->refuse(bad_parameter(name, "a number such as 10, or empty to unset the attribute"));
    }
    attributes.push_back(value.empty() ? name : name + "=" + value);
  }
  if (attributes.empty()) {
    return call->refuse({.kind = "bad-parameter", .detail = "give at least one attribute, such as ?pmin=10", .parameter = "pmin"});
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
  using server::CancelMode;
  Parameters given(call->target);
  const auto how =
      given.choice<CancelMode>("mode", {{"get", CancelMode::Get}, {"reset", CancelMode::Reset}, {"attributes", CancelMode::WriteAttributes}})
          .value_or(CancelMode::Get);
  if (given.problem()) return call->refuse(*given.problem());
  const auto request = operation_request(*call);
  if (!request) return;
  const auto device = std::make_shared<Asked>(Asked{call->endpoint, {}});
  auto progress =
      follow_operation(call, *request, [call, path = *path, device](const server::OperationResult& result) {
        answer_with(*call, *device, "Cancel-Observation", path, result);
      });
  call->state->fleet.device(call->endpoint, [call, path = *path, how, settings = request->settings, device,
                                             progress = std::move(progress)](std::optional<server::DeviceView> found) {
    call->responder.then([call, path, how, settings, device, progress, found = std::move(found)] {
      // One that is away may have something observed, too.
      if (found) device->announcement = found->announcement;
      call->state->fleet.cancel(call->endpoint, path, how, settings, progress);
    });
  });
}

}  // namespace drover::api
