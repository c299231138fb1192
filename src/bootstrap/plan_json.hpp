// SPDX-License-Identifier: Apache-2.0
// Plans as JSON.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "bootstrap/plan.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::bootstrap {

/// Reads, checks and compiles a plan (docs/bootstrap.md has its form). `definitions` gives the types of values: objects 1
/// and whatever is written. The error is one sentence that begins with the place, "servers[1].security.key: ...", and
/// holds nothing of a value that may be a key. Unknown and doubled members are refused.
Result<SharedPlan> parse_plan(std::string_view json, const lwm2m::model::Registry& definitions);

}  // namespace drover::bootstrap
