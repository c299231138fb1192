// SPDX-License-Identifier: Apache-2.0
// Which plan an endpoint gets.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "bootstrap/plan.hpp"

namespace drover::bootstrap {

/// '*' stands for any bytes, also none; nothing else has a meaning. Time is at most the product of both lengths.
bool matches(std::string_view pattern, std::string_view endpoint);

/// One thread at a time. Sessions under way keep the plan with which they began.
class PlanBook {
 public:
  static constexpr std::size_t kPlansMax = 4096;
  static constexpr std::size_t kPatternsMax = 4096;  ///< looked at one by one for an endpoint without a plan by name

  /// Adds a plan, or replaces the one of its name. An error when an endpoint, a pattern or the default is another
  /// plan's, or past a limit; nothing has changed then.
  Result<void> put(SharedPlan plan);
  /// False when there is none.
  bool remove(std::string_view name);
  [[nodiscard]] SharedPlan find(std::string_view name) const;
  /// Ascending by name.
  [[nodiscard]] std::vector<SharedPlan> all() const;

  /// By exact name, else the longest pattern that matches (of equal ones the first by bytes), else the default plan,
  /// else nullptr.
  [[nodiscard]] SharedPlan choose(std::string_view endpoint) const;

 private:
  struct LongestFirst {
    bool operator()(const std::string& a, const std::string& b) const {
      return a.size() != b.size() ? a.size() > b.size() : a < b;
    }
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  std::map<std::string, SharedPlan, std::less<>> plans_;
  std::unordered_map<std::string, SharedPlan, Hash, std::equal_to<>> exact_;
  std::map<std::string, SharedPlan, LongestFirst> patterns_;
  SharedPlan default_;
};

}  // namespace drover::bootstrap
