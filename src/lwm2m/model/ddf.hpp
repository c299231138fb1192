// SPDX-License-Identifier: Apache-2.0
// Loader for object definition files (Core Appendix J and K).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "lwm2m/model/definition.hpp"

namespace drover::lwm2m::model {

/// Largest definition file that is parsed; the registry's longest is below 200 kB.
inline constexpr std::size_t kDdfBytesMax = 4 << 20;

/// Parses the text of a DDF file; may hold several objects. `file` is for messages only: an Error's reason reads
/// "FILE:LINE: reason". Checked: the schema's required elements and enumerations, id 65535 reserved, the URN's class
/// (oma, ext, x), id and version against the object's own, E exclusive with R and W and without type, doubled resource
/// ids, reusable resources (2048 to 26240, §6.3.2) hosted with one type and one set of operations within the file.
Result<std::vector<ObjectDefinition>> parse_ddf(std::string_view xml, const std::string& file);

}  // namespace drover::lwm2m::model
