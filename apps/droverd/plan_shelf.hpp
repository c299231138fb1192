// SPDX-License-Identifier: Apache-2.0
// The bootstrap plans that administrators see: those of the store, and those of files.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bootstrap/desk.hpp"
#include "bootstrap/plan_book.hpp"
#include "lwm2m/model/registry.hpp"
#include "store/plans.hpp"

namespace drover::droverd {

/// Plans of files, checked against each other. The error names the file.
Result<std::vector<bootstrap::SharedPlan>> read_plans(const std::vector<std::string>& files,
                                                      const lwm2m::model::Registry& registry);

/// One thread at a time; put() and remove() wait for the disk.
class PlanShelf {
 public:
  using PlanView = bootstrap::PlanView;

  /// Both outlive it.
  PlanShelf(store::Plans& store, const lwm2m::model::Registry& registry) : store_(store), registry_(registry) {}

  /// Plans of files win over those of the store with the same name, and can't be changed from here. What a plan of the
  /// store contradicts is logged, and the plan left out: definitions may have changed since it was put there. Called again,
  /// it reads all of them anew; an error changes nothing then.
  Result<void> load(const std::vector<std::string>& files);

  [[nodiscard]] const bootstrap::PlanBook& book() const { return book_; }
  [[nodiscard]] std::vector<PlanView> all() const;
  [[nodiscard]] std::optional<PlanView> find(const std::string& name) const;
  [[nodiscard]] std::optional<PlanView> choose(const std::string& endpoint) const;
  bootstrap::DeskAnswer<PlanView> put(const std::string& name, const Secret<std::string>& json);
  bootstrap::DeskAnswer<PlanView> remove(const std::string& name);

 private:
  [[nodiscard]] PlanView view(const bootstrap::SharedPlan& plan) const;

  store::Plans& store_;
  const lwm2m::model::Registry& registry_;
  struct Origin {
    bool file = false;
    UnixSeconds changed_at = 0;
  };
  bootstrap::PlanBook book_;
  std::map<std::string, Origin> origins_;
};

}  // namespace drover::droverd
