// SPDX-License-Identifier: Apache-2.0
// Whether a device is among those of a selection.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs/selection.hpp"
#include "jobs/tags.hpp"
#include "server/fleet.hpp"

namespace drover::jobs {

/// Whether the registration itself matters, and not the name, the tags and the values alone.
bool needs_registration(const Selection& selection);
/// Of `object`, `seen_after` and `seen_before`.
bool fits_registration(const Selection& selection, const server::DeviceView& device);
/// Of `name` and `tags`; `endpoints` is left to who walks through them.
bool fits_name(const Selection& selection, const std::string& endpoint, const Tags& tags);

/// A condition on a resource's last value.
struct ValueCondition {
  lwm2m::Path path;
  std::string pattern;
};
/// Of `manufacturer`, `model` and `version`.
std::vector<ValueCondition> value_conditions(const Selection& selection);

enum class Fits : std::uint8_t {
  No,
  Yes,
  Unknown,  ///< a value isn't known, and those that are don't speak against it
};
/// Null `values`: nothing is known.
Fits fits_values(const Selection& selection, const std::string& endpoint, KnownValues* values);

}  // namespace drover::jobs
