// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/plan_book.hpp"

#include <algorithm>

namespace drover::bootstrap {
namespace {

bool is_pattern(std::string_view endpoint) {
  return endpoint.find('*') != std::string_view::npos;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view endpoint) {
  // Only the last '*' is ever widened: what an earlier one took as little as it could stays good.
  std::size_t at = 0, text = 0, star = std::string_view::npos, mark = 0;
  while (text < endpoint.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      mark = text;
    } else if (at < pattern.size() && pattern[at] == endpoint[text]) {
      ++at;
      ++text;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      text = ++mark;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

Result<void> PlanBook::put(SharedPlan plan) {
  const auto ours = [&](const SharedPlan& other) { return other == nullptr || other->name == plan->name; };
  if (plans_.size() >= kPlansMax && !plans_.contains(plan->name)) {
    return peer_error(0, "there are at most " + std::to_string(kPlansMax) + " plans");
  }
  if (plan->endpoints.empty() && !ours(default_)) {
    return peer_error(0, "the default plan is \"" + default_->name + "\": give this one endpoints");
  }
  std::size_t patterns = patterns_.size();
  for (const std::string& endpoint : plan->endpoints) {
    SharedPlan other;
    if (is_pattern(endpoint)) {
      const auto found = patterns_.find(endpoint);
      if (found != patterns_.end()) other = found->second;
      if (other == nullptr && ++patterns > kPatternsMax) {
        return peer_error(0, "there are at most " + std::to_string(kPatternsMax) + " patterns");
      }
    } else if (const auto found = exact_.find(endpoint); found != exact_.end()) {
      other = found->second;
    }
    if (!ours(other)) return peer_error(0, "\"" + endpoint + "\" belongs to the plan \"" + other->name + "\"");
  }
  remove(plan->name);
  if (plan->endpoints.empty()) default_ = plan;
  for (const std::string& endpoint : plan->endpoints) {
    if (is_pattern(endpoint)) {
      patterns_[endpoint] = plan;
    } else {
      exact_[endpoint] = plan;
    }
  }
  plans_[plan->name] = std::move(plan);
  return {};
}

bool PlanBook::remove(std::string_view name) {
  const auto found = plans_.find(name);
  if (found == plans_.end()) return false;
  const SharedPlan plan = found->second;
  plans_.erase(found);
  if (default_ == plan) default_ = nullptr;
  for (const std::string& endpoint : plan->endpoints) {
    exact_.erase(endpoint);
    patterns_.erase(endpoint);
  }
  return true;
}

SharedPlan PlanBook::find(std::string_view name) const {
  const auto found = plans_.find(name);
  return found == plans_.end() ? nullptr : found->second;
}

std::vector<SharedPlan> PlanBook::all() const {
  std::vector<SharedPlan> plans;
  plans.reserve(plans_.size());
  for (const auto& [name, plan] : plans_) plans.push_back(plan);
  return plans;
}

SharedPlan PlanBook::choose(std::string_view endpoint) const {
  if (const auto found = exact_.find(endpoint); found != exact_.end()) return found->second;
  const auto found = std::find_if(patterns_.begin(), patterns_.end(),
                                  [&](const auto& entry) { return matches(entry.first, endpoint); });
  return found != patterns_.end() ? found->second : default_;
}

}  // namespace drover::bootstrap
