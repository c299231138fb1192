// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::io {

/// Loads every *.xml of a folder (not below it), in the order of their names. The first bad file ends it with
/// "FILE:LINE: reason"; a missing folder is an error, too.
Result<void> load_definitions(const std::string& folder, lwm2m::model::Registry& registry);

/// Where the shipped definitions of objects 0 to 7 are: $DROVER_OBJECTS, else the folder beside the build or the
/// installation (compiled in); within it "1.0" or "1.1".
std::string definitions_folder(const std::string& enabler_version);

}  // namespace drover::io
