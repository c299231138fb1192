// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "store/credential_table.hpp"

namespace drover::store {

Result<CredentialTable::Content> MemoryCredentialTable::load() {
  Content content;
  content.last_id = disk_->last_id;
  content.check = disk_->check;
  for (const auto& [id, row] : disk_->rows) content.rows.push_back(row);
  return content;
}

Result<void> MemoryCredentialTable::commit(const Changes& changes) {
  if (disk_->failing) return tl::unexpected(disk_->full());
  for (const CredentialId id : changes.gone) disk_->rows.erase(id.value);
  for (const CredentialRow& row : changes.put) {
    disk_->rows[row.credential.id.value] = row;
    disk_->last_id = std::max(disk_->last_id, row.credential.id.value);
  }
  for (const PlanRow& row : changes.plans) disk_->plans[row.name] = row;
  if (!changes.check.empty()) disk_->check = changes.check;
  return {};
}

}  // namespace drover::store
