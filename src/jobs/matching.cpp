// SPDX-License-Identifier: Apache-2.0
#include "jobs/matching.hpp"

#include <algorithm>

#include "base/glob.hpp"

namespace drover::jobs {

bool needs_registration(const Selection& selection) {
  return selection.object || selection.seen_after || selection.seen_before;
}

bool fits_registration(const Selection& selection, const server::DeviceView& device) {
  if (selection.seen_after && device.updated_at < *selection.seen_after) return false;
  if (selection.seen_before && device.updated_at > *selection.seen_before) return false;
  if (!selection.object) return true;
  return std::ranges::any_of(device.announcement.objects, [&](const lwm2m::AnnouncedObject& object) {
    return object.id == *selection.object;
  });
}

bool fits_name(const Selection& selection, const std::string& endpoint, const Tags& tags) {
  if (!selection.name.empty() && !matches_glob(selection.name, endpoint)) return false;
  return selection.tags.empty() || tags.has_all(endpoint, selection.tags);
}

std::vector<ValueCondition> value_conditions(const Selection& selection) {
  // Object 3 of Core Appendix E.4.
  constexpr std::pair<lwm2m::ResourceId, std::string Selection::*> kResources[] = {
      {0, &Selection::manufacturer}, {1, &Selection::model}, {3, &Selection::version}};
  std::vector<ValueCondition> conditions;
  for (const auto& [resource, pattern] : kResources) {
    if ((selection.*pattern).empty()) continue;
    conditions.push_back({lwm2m::Path(3, 0, resource), selection.*pattern});
  }
  return conditions;
}

Fits fits_values(const Selection& selection, const std::string& endpoint, KnownValues* values) {
  Fits fits = Fits::Yes;
  for (const ValueCondition& condition : value_conditions(selection)) {
    const auto text = values == nullptr ? std::nullopt : values->text(endpoint, condition.path);
    if (!text) {
      fits = Fits::Unknown;
    } else if (!matches_glob(condition.pattern, *text)) {
      return Fits::No;
    }
  }
  return fits;
}

}  // namespace drover::jobs
