// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::sdk {

/// Adds the definitions of objects 0 to 7 in their 1.0 form, which are built in, so that a device needs no files;
/// what the registry has already stays.
void add_built_in_definitions(lwm2m::model::Registry& registry);

}  // namespace drover::sdk
