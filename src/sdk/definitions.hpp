// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "drover/definition.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::sdk {

/// What the headers of drover-objectgen say, for the core.
lwm2m::model::ObjectDefinition to_core(const object_definition& definition);

/// Objects 0 to 7 as in objects/1.0, compiled in: without their descriptions.
void add_built_in_definitions(lwm2m::model::Registry& registry);

}  // namespace drover::sdk
