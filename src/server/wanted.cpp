// SPDX-License-Identifier: Apache-2.0
#include "server/wanted.hpp"

#include <algorithm>

namespace drover::server {

bool WantedObservations::keep(Instant until, const std::string& endpoint, std::vector<ObservedPath> paths) {
  take(endpoint);
  if (kept_.size() >= kDevicesMax) return false;
  note(kept_.emplace(endpoint, Kept{++last_number_, until, std::move(paths)}).first);
  due_.emplace(until, endpoint);
  return true;
}

void WantedObservations::note(Map::const_iterator entry) {
  if (tracks_) changes_.push_back({entry->second.number, entry->second.until, {entry->first, entry->second.paths}});
}

std::vector<ObservedPath> WantedObservations::erase(Map::iterator entry) {
  due_.erase({entry->second.until, entry->first});
  if (tracks_) changes_.push_back({entry->second.number, {}, {}});
  std::vector<ObservedPath> paths = std::move(entry->second.paths);
  kept_.erase(entry);
  return paths;
}

std::vector<ObservedPath> WantedObservations::take(std::string_view endpoint) {
  const auto found = kept_.find(endpoint);
  return found == kept_.end() ? std::vector<ObservedPath>{} : erase(found);
}

bool WantedObservations::cancel(std::string_view endpoint, const lwm2m::Path& path) {
  const auto found = kept_.find(endpoint);
  if (found == kept_.end()) return false;
  auto& paths = found->second.paths;
  if (std::erase_if(paths, [&](const ObservedPath& what) { return what.path == path; }) == 0) return false;
  if (paths.empty()) {
    erase(found);
  } else {
    note(found);
  }
  return true;
}

std::optional<WantedObservations::Entry> WantedObservations::take_due(Instant now) {
  if (due_.empty() || due_.begin()->first > now) return std::nullopt;
  Entry entry{due_.begin()->second, {}};
  entry.paths = take(entry.endpoint);
  return entry;
}

std::optional<Instant> WantedObservations::next_due() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

}  // namespace drover::server
