// SPDX-License-Identifier: Apache-2.0
// Selections as JSON: what people send and what is kept.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "jobs/selection.hpp"
#include "store/credential.hpp"

namespace drover::jobs {

inline constexpr std::size_t kPatternMax = 255;  ///< bytes, as the names have

/// `Selection` of docs/openapi.json. Every member must be known; an empty one must say "all": true, and no other may.
/// Refused with the member's name as field.
store::Answer<Selection> parse_selection(const nlohmann::ordered_json& json);
/// What parse_selection() reads.
nlohmann::ordered_json to_json(const Selection& selection);

}  // namespace drover::jobs
