// SPDX-License-Identifier: Apache-2.0
// Finds the devices of a selection among those that are registered.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "jobs/matching.hpp"
#include "jobs/selection.hpp"
#include "jobs/tags.hpp"
#include "server/fleet.hpp"

namespace drover::jobs {

/// Only devices that are registered are found, except those that a selection names by their endpoints. What isn't known
/// of a device doesn't fit any pattern.
class FleetSelector final : public Selector {
 public:
  /// Looked at by one page() call: then it gives what it has found, and where to go on.
  static constexpr std::size_t kScannedMax = 20'000;

  /// Runs a task once, behind what it was given before, on one thread of its own: there values are looked up.
  using Poster = std::function<void(std::function<void()>)>;

  /// All outlive it, and every call of `done`. `values` may be null.
  FleetSelector(server::Fleet& fleet, const Tags& tags, KnownValues* values, Poster post);

  void select(Selection selection, std::function<void(Result<std::vector<std::string>>)> done) override;

  struct Page {
    std::vector<server::DeviceView> devices;  ///< ascending by endpoint
    std::string next;                         ///< `after` of the next page, which may find nothing; "": this was the last
  };
  /// Registered devices of the selection behind `after`, at most `limit` (1 to server::kPageMax). It may give fewer with
  /// more to come. `endpoints` of the selection are what it is narrowed down to, as above.
  void page(Selection selection, std::string after, std::size_t limit, std::function<void(Page)> done);

 private:
  struct Walk;
  void scan(const std::shared_ptr<Walk>& walk);
  void look_at_candidates(const std::shared_ptr<Walk>& walk);
  void take(const std::shared_ptr<Walk>& walk, server::DevicePage page);
  [[nodiscard]] bool fits(const Selection& selection, const server::DeviceView& device) const;

  server::Fleet& fleet_;
  const Tags& tags_;
  KnownValues* const values_;
  const Poster post_;
};

/// The longest part of a pattern without '*' and '?'.
std::string literal_part(const std::string& pattern);

}  // namespace drover::jobs
