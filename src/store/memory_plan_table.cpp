// SPDX-License-Identifier: Apache-2.0
#include "store/plan_table.hpp"

namespace drover::store {

Result<std::vector<PlanRow>> MemoryPlanTable::load() {
  std::vector<PlanRow> rows;
  for (const auto& [name, row] : disk_->plans) rows.push_back(row);
  return rows;
}

Result<void> MemoryPlanTable::put(const PlanRow& row) {
  if (disk_->failing) return tl::unexpected(disk_->full());
  disk_->plans[row.name] = row;
  return {};
}

Result<bool> MemoryPlanTable::remove(const std::string& name) {
  if (disk_->failing) return tl::unexpected(disk_->full());
  return disk_->plans.erase(name) > 0;
}

}  // namespace drover::store
