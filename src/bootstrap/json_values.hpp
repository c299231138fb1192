// SPDX-License-Identifier: Apache-2.0
// Values of a plan's Writes, typed by the object's definition. For this folder alone.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "bootstrap/json_fields.hpp"
#include "bootstrap/plan.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::bootstrap {

/// The tree that `value` says for `path`: an object's {"instance": {...}}, an instance's {"resource": ...}, a resource's
/// value, or {"resource instance": ...} and [...] where the resource is multiple. Texts are strings, opaques
/// hexadecimal digits, times seconds since 1970, links "3:0". What is wrong goes to `problems` with its place.
lwm2m::Tree read_tree(const lwm2m::Path& path, const nlohmann::json& value, const std::string& place,
                      const lwm2m::model::Registry& definitions, Problems& problems);

/// Encodes a Write once where it is the same for all devices, else parses its texts.
void compile_write(PlannedWrite& write, const std::string& place, Problems& problems);

}  // namespace drover::bootstrap
