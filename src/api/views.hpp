// SPDX-License-Identifier: Apache-2.0
// What the server and the model know, as the JSON of docs/openapi.json.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "lwm2m/model/registry.hpp"
#include "server/fleet.hpp"

namespace drover::api {

using Json = nlohmann::ordered_json;

/// `now` decides whether a device in queue mode is awake.
Json to_json(const server::DeviceView& device, const lwm2m::model::Registry& registry, UnixSeconds now);
Json to_json(const server::ObservationView& observation);
Json to_json(const coap::Counters& counters);
/// `ObjectSummary`, or `ObjectDefinition` with its resources.
Json to_json(const lwm2m::model::ObjectDefinition& object, bool with_resources);

}  // namespace drover::api
