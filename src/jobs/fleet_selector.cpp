// SPDX-License-Identifier: Apache-2.0
#include "jobs/fleet_selector.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/glob.hpp"

namespace drover::jobs {

namespace {

constexpr std::size_t kCandidatesMax = 1000;  ///< taken from the index of tags at a time

tl::unexpected<Error> too_many() {
  return tl::unexpected(Error{Fault::Us, 0, "more than " + std::to_string(kSelectedMax) + " devices are selected"});
}

}  // namespace

std::string literal_part(const std::string& pattern) {
  std::string longest;
  for (std::size_t at = 0; at <= pattern.size();) {
    const std::size_t end = std::min(pattern.find_first_of("*?", at), pattern.size());
    if (end - at > longest.size()) longest = pattern.substr(at, end - at);
    at = end + 1;
  }
  return longest;
}

/// One selection that is being looked for. Used on the poster's thread alone.
struct FleetSelector::Walk {
  Selection selection;
  std::string after;
  std::size_t limit = 0;  ///< of what is found; one more of it ends the walk
  std::size_t scanned_max = 0;
  std::size_t scanned = 0;
  bool keep_views = false;
  bool candidates_end = false;             ///< `candidates` are all that there are
  std::vector<std::string> candidates{};   ///< ascending: looked at one by one
  std::size_t next_candidate = 0;
  std::vector<std::string> found{};
  std::vector<server::DeviceView> views{};
  bool full = false;
  std::function<void(Walk&, bool complete)> end{};

  void add(server::DeviceView device) {
    if (keep_views) {
      views.push_back(std::move(device));
    } else {
      found.push_back(std::move(device.endpoint));
    }
    full = std::max(found.size(), views.size()) > limit;
  }
};

FleetSelector::FleetSelector(server::Fleet& fleet, const Tags& tags, KnownValues* values, Poster post)
    : fleet_(fleet), tags_(tags), values_(values), post_(std::move(post)) {}

bool FleetSelector::fits(const Selection& selection, const server::DeviceView& device) const {
  return fits_name(selection, device.endpoint, tags_) && fits_registration(selection, device) &&
         fits_values(selection, device.endpoint, values_) == Fits::Yes;
}

void FleetSelector::select(Selection selection, std::function<void(Result<std::vector<std::string>>)> done) {
  auto walk = std::make_shared<Walk>();
  walk->selection = std::move(selection);
  walk->limit = kSelectedMax;
  walk->scanned_max = std::numeric_limits<std::size_t>::max();
  walk->end = [done = std::move(done)](Walk& over, bool) {
    if (over.full) return done(too_many());
    done(std::move(over.found));
  };
  post_([this, walk = std::move(walk)] {
    auto& endpoints = walk->selection.endpoints;
    if (endpoints.empty()) {
      return walk->selection.tags.empty() ? scan(walk) : look_at_candidates(walk);
    }
    std::ranges::sort(endpoints);
    endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
    std::erase_if(endpoints, [&](const std::string& endpoint) {
      return !fits_name(walk->selection, endpoint, tags_) ||
             fits_values(walk->selection, endpoint, values_) != Fits::Yes;
    });
    if (!needs_registration(walk->selection)) {
      walk->found = std::move(endpoints);
      walk->full = walk->found.size() > walk->limit;
      return walk->end(*walk, true);
    }
    walk->candidates = std::move(endpoints);
    walk->candidates_end = true;
    look_at_candidates(walk);
  });
}

void FleetSelector::page(Selection selection, std::string after, std::size_t limit, std::function<void(Page)> done) {
  auto walk = std::make_shared<Walk>();
  walk->selection = std::move(selection);
  walk->after = std::move(after);
  walk->limit = std::clamp<std::size_t>(limit, 1, server::kPageMax);
  walk->scanned_max = kScannedMax;
  walk->keep_views = true;
  walk->end = [done = std::move(done)](Walk& over, bool complete) {
    Page page;
    page.devices = std::move(over.views);
    if (over.full) page.devices.resize(over.limit);
    if (over.full) {
      page.next = page.devices.back().endpoint;
    } else if (!complete) {
      page.next = over.after;
    }
    done(std::move(page));
  };
  post_([this, walk = std::move(walk)] {
    if (!walk->selection.endpoints.empty()) {
      walk->candidates = std::move(walk->selection.endpoints);
      std::ranges::sort(walk->candidates);
      walk->candidates.erase(std::unique(walk->candidates.begin(), walk->candidates.end()), walk->candidates.end());
      std::erase_if(walk->candidates, [&](const std::string& endpoint) { return endpoint <= walk->after; });
      walk->candidates_end = true;
      return look_at_candidates(walk);
    }
    walk->selection.tags.empty() ? scan(walk) : look_at_candidates(walk);
  });
}

void FleetSelector::scan(const std::shared_ptr<Walk>& walk) {
  server::DeviceQuery query;
  query.search = literal_part(walk->selection.name);
  query.after = walk->after;
  query.limit = server::kPageMax;
  fleet_.devices(std::move(query), [this, walk](server::DevicePage page) {
    post_([this, walk, page = std::move(page)]() mutable { take(walk, std::move(page)); });
  });
}

void FleetSelector::take(const std::shared_ptr<Walk>& walk, server::DevicePage page) {
  for (server::DeviceView& device : page.devices) {
    ++walk->scanned;
    walk->after = device.endpoint;
    if (fits(walk->selection, device)) walk->add(std::move(device));
    if (walk->full) return walk->end(*walk, false);
  }
  if (page.next.empty()) return walk->end(*walk, true);
  if (walk->scanned >= walk->scanned_max) return walk->end(*walk, false);
  walk->after = std::move(page.next);
  scan(walk);
}

void FleetSelector::look_at_candidates(const std::shared_ptr<Walk>& walk) {
  if (walk->next_candidate == walk->candidates.size()) {
    if (walk->candidates_end) return walk->end(*walk, true);
    if (walk->scanned >= walk->scanned_max) return walk->end(*walk, false);
    walk->candidates = tags_.endpoints(walk->selection.tags, walk->after, kCandidatesMax);
    walk->next_candidate = 0;
    walk->candidates_end = walk->candidates.size() < kCandidatesMax;
    if (walk->candidates.empty()) return walk->end(*walk, true);
  }
  ++walk->scanned;
  const std::string endpoint = walk->candidates[walk->next_candidate++];
  walk->after = endpoint;
  fleet_.device(endpoint, [this, walk](std::optional<server::DeviceView> device) {
    post_([this, walk, device = std::move(device)]() mutable {
      if (device && fits(walk->selection, *device)) walk->add(std::move(*device));
      if (walk->full) return walk->end(*walk, false);
      look_at_candidates(walk);
    });
  });
}

}  // namespace drover::jobs
