// SPDX-License-Identifier: Apache-2.0
// Operations of many devices: `OperationForm` of docs/openapi.json.
#pragma once

#include <memory>

#include "jobs/forms.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::api {

/// `registry` outlives it.
std::unique_ptr<jobs::Forms> operation_forms(const lwm2m::model::Registry& registry);

}  // namespace drover::api
