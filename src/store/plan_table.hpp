// SPDX-License-Identifier: Apache-2.0
// Where bootstrap plans are kept: in a file, or in memory for tests.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/credential_table.hpp"
#include "store/plan.hpp"

namespace drover::sqlite {
class Database;
}

namespace drover::store {

/// One call at a time, from any thread; what one that succeeds has written is on disk when it returns. Errors are
/// Fault::Environment: the disk, the file.
class PlanTable {
 public:
  virtual ~PlanTable() = default;
  /// By name. An error names the plan that is damaged.
  virtual Result<std::vector<PlanRow>> load() = 0;
  /// A new one, or in the place of the one of that name.
  virtual Result<void> put(const PlanRow& row) = 0;
  /// False when there is none of that name.
  virtual Result<bool> remove(const std::string& name) = 0;
};

/// Beside the credentials of the same disk.
class MemoryPlanTable final : public PlanTable {
 public:
  explicit MemoryPlanTable(std::shared_ptr<MemoryCredentialTable::Disk> disk) : disk_(std::move(disk)) {}

  Result<std::vector<PlanRow>> load() override;
  Result<void> put(const PlanRow& row) override;
  Result<bool> remove(const std::string& name) override;

 private:
  std::shared_ptr<MemoryCredentialTable::Disk> disk_;
};

/// The table `bootstrap_plan` of a store.
class FilePlanTable final : public PlanTable {
 public:
  explicit FilePlanTable(std::shared_ptr<StoreFile> file) : file_(std::move(file)) {}

  Result<std::vector<PlanRow>> load() override;
  Result<void> put(const PlanRow& row) override;
  Result<bool> remove(const std::string& name) override;

  /// In a transaction of the caller's, if there is one. False on an error of the database.
  static bool write(sqlite::Database& database, std::span<const PlanRow> rows);

 private:
  std::shared_ptr<StoreFile> file_;
};

}  // namespace drover::store
