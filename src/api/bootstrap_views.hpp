// SPDX-License-Identifier: Apache-2.0
// What the Bootstrap-Server knows, as the JSON of docs/openapi.json: never a key.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "bootstrap/desk.hpp"
#include "bootstrap/dry_run.hpp"

namespace drover::api {

using Json = nlohmann::ordered_json;

/// `BootstrapPlan`, with `plan` when it is to be whole.
Json to_json(const bootstrap::PlanView& view, bool whole);
/// `BootstrapSession`, with its timeline when it is to be whole.
Json to_json(const bootstrap::SessionView& view, bool whole);
Json to_json(const bootstrap::PlannedMessage& message);

/// Adds the members of `Event` that belong to its kind.
void add_event(Json& to, const bootstrap::DeskEvent& event);

}  // namespace drover::api
