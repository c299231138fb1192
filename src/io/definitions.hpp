// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::io {

/// Loads every *.xml of a folder (not below it), in the order of their names. The first bad file ends it with
/// "FILE:LINE: reason"; a missing folder is an error, too.
Result<void> load_definitions(const std::string& folder, lwm2m::model::Registry& registry);

/// Adds what a folder has and the registry lacks: a definition whose id and version is known, or that contradicts what
/// is there, is passed over. A missing folder adds nothing; a file that can't be parsed is an error.
Result<void> complete_definitions(const std::string& folder, lwm2m::model::Registry& registry);

/// Where the shipped definitions of objects 0 to 7 are: $DROVER_OBJECTS, else share/drover/objects of the prefix that the
/// program lies in, wherever that was moved to (a build's tree is one, too), else that of the installation (compiled in);
/// within it "1.0" or "1.1", or "extra" for a few well-known ones of the public registry.
std::string definitions_folder(const std::string& name);

}  // namespace drover::io
