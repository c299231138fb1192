// SPDX-License-Identifier: Apache-2.0
// Operations as JSON: how they stand, and what the device answered. For api/ alone.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/problem.hpp"
#include "api/views.hpp"

namespace drover::api {

/// `Operation` of docs/openapi.json, without the whole answer.
Json to_json(const server::OperationStatus& status);
/// Adds what an event of kind `operation` says.
void add_event(Json& to, const server::OperationStatus& status);
/// "/api/v1/devices/ENDPOINT/operations/17".
std::string location_of(const server::OperationStatus& status);

/// Of whom an operation was asked. The object versions it announced decide how values are decoded.
struct Asked {
  std::string endpoint;
  lwm2m::Announcement announcement;
};
/// `Answer`, or the problem when the device answered with an error.
tl::expected<Json, Problem> to_answer(const Asked& device, std::string_view operation, const lwm2m::Path& path,
                                      const lwm2m::Outcome& outcome, const lwm2m::model::Registry& registry);
/// Adds `answer` or `problem` of an operation that is over.
void add_result(Json& to, const Asked& device, const server::OperationStatus& status,
                const lwm2m::model::Registry& registry);

}  // namespace drover::api
