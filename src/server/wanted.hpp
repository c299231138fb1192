// SPDX-License-Identifier: Apache-2.0
// What is observed of devices that are away: asked for again when they register (Core §5.5.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/take_front.hpp"
#include "base/time.hpp"
#include "server/downlinks.hpp"

namespace drover::server {

/// Bounded in devices; each wish ends at its time. One thread at a time.
class WantedObservations {
 public:
  /// Devices that are away with something observed. Their paths are bounded by Policy::observations_max_per_device
  /// each.
  static constexpr std::size_t kDevicesMax = std::size_t{1} << 16;

  struct Entry {
    std::string endpoint;
    std::vector<ObservedPath> paths;
  };

  /// False, and nothing kept, when there is no room. What was kept for that endpoint is replaced.
  bool keep(Instant until, const std::string& endpoint, std::vector<ObservedPath> paths);
  /// Takes out what is wanted of a device; none when nothing is.
  std::vector<ObservedPath> take(std::string_view endpoint);
  /// Nobody wants that path any more. False when nobody did.
  bool cancel(std::string_view endpoint, const lwm2m::Path& path);
  /// The next wish whose time has come.
  std::optional<Entry> take_due(Instant now);
  [[nodiscard]] std::optional<Instant> next_due() const;
  [[nodiscard]] bool has(std::string_view endpoint) const { return kept_.contains(endpoint); }
  [[nodiscard]] std::size_t size() const { return kept_.size(); }
  /// From here on take_change() says what happened.
  void track_changes() { tracks_ = true; }
  struct Change {
    std::uint64_t number = 0;  ///< names the wish; never given again in this process
    Instant until{};
    Entry entry;  ///< without paths: it is over
  };
  std::optional<Change> take_change() { return take_front(changes_); }

 private:
  struct Kept {
    std::uint64_t number = 0;
    Instant until;
    std::vector<ObservedPath> paths;
  };
  using Map = std::map<std::string, Kept, std::less<>>;
  std::vector<ObservedPath> erase(Map::iterator entry);

  void note(Map::const_iterator entry);

  Map kept_;
  std::uint64_t last_number_ = 0;
  std::deque<Change> changes_;
  bool tracks_ = false;
  std::set<std::pair<Instant, std::string>> due_;
};

}  // namespace drover::server
