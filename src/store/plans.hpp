// SPDX-License-Identifier: Apache-2.0
// The bootstrap plans of a store: sealed on disk, since they may hold keys, and read from memory.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "store/plan.hpp"
#include "store/plan_table.hpp"
#include "store/sealer.hpp"

namespace drover::store {

/// Thread-safe. A change is on disk before it counts, and waits for it; changes take turns, reading waits for none.
class Plans {
 public:
  struct Settings {
    std::size_t plans_max = kPlansMax;
    std::size_t texts_max = kPlanTextsMax;  ///< bytes of all texts together
    std::function<UnixSeconds()> unix_now;  ///< what changed_at is taken from; thread-safe
  };

  /// Reads all of the table. An error names the plan that is damaged, or isn't what was sealed under its name.
  static Result<std::unique_ptr<Plans>> open(std::unique_ptr<PlanTable> table, Sealer sealer, Settings settings);

  /// By name.
  [[nodiscard]] std::vector<PlanEntry> list() const;
  [[nodiscard]] std::optional<Plan> find(std::string_view name) const;
  /// A new plan, or another text for the one of that name. Refused: a name that is empty, longer than kPlanNameMax or
  /// holds control characters ("name"), a text longer than kPlanTextMax ("text"), what there is no room for, a disk
  /// that fails.
  Answer<PlanEntry> put(const std::string& name, Secret<std::string> text);
  /// What was removed.
  Answer<PlanEntry> remove(const std::string& name);

  /// For the store's next key: `commit` gets all rows sealed with it, and when it succeeds the key counts.
  Result<void> reseal(const Sealer& next, const std::function<Result<void>(std::vector<PlanRow>)>& commit);

 private:
  struct Held {
    Secret<std::string> text;
    UnixSeconds changed_at = 0;
  };
  Plans(std::unique_ptr<PlanTable> table, Sealer sealer, Settings settings);

  const std::unique_ptr<PlanTable> table_;
  const Settings settings_;
  std::mutex writing_;  ///< one change at a time; taken before reading_
  Sealer sealer_;       ///< with writing_
  std::size_t texts_size_ = 0;

  mutable std::shared_mutex reading_;
  std::map<std::string, Held, std::less<>> plans_;
};

}  // namespace drover::store
