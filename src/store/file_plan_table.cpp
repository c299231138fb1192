// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "store/plan_table.hpp"
#include "store/sealer.hpp"
#include "store/store_file.hpp"

namespace drover::store {

namespace {

using sqlite::Database;
using sqlite::Statement;

/// Nothing for what write() doesn't write.
std::optional<PlanRow> read_row(const Statement& row) {
  PlanRow read{.name = row.text(0), .sealed_text = row.bytes(1), .changed_at = row.number(2)};
  const std::size_t size = read.sealed_text.size();
  const bool fits = size >= Sealer::kOverhead && size <= kPlanTextMax + Sealer::kOverhead;
  if (!fits || read.name.empty() || check_text(read.name, "name", kPlanNameMax)) return std::nullopt;
  return read;
}

/// What can be shown of it.
std::string name_of(const Statement& row) {
  const std::string name = row.text(0);
  return check_text(name, "name", kPlanNameMax) ? "whose name can't be shown" : "\"" + name + "\"";
}

}  // namespace

Result<std::vector<PlanRow>> FilePlanTable::load() {
  StoreFile::Turn database = file_->turn();
  std::vector<PlanRow> plans;
  Statement rows = database->prepare("SELECT name, sealed_text, changed_at FROM bootstrap_plan ORDER BY name");
  while (rows.row()) {
    auto plan = read_row(rows);
    if (!plan) return file_->failure("damaged (bootstrap plan " + name_of(rows) + ")");
    plans.push_back(std::move(*plan));
  }
  if (!rows.ok()) return file_->failure("can't be read: " + database->reason());
  return plans;
}

bool FilePlanTable::write(Database& database, std::span<const PlanRow> rows) {
  Statement put = database.prepare(
      "INSERT INTO bootstrap_plan(name, sealed_text, changed_at) VALUES(?, ?, ?) ON CONFLICT(name) DO UPDATE SET"
      " sealed_text = excluded.sealed_text, changed_at = excluded.changed_at");
  for (const PlanRow& row : rows) {
    put.bind(std::string_view(row.name)).bind(ByteView(row.sealed_text)).bind(row.changed_at);
    if (!put.run()) return false;
  }
  return true;
}

Result<void> FilePlanTable::put(const PlanRow& row) {
  StoreFile::Turn database = file_->turn();
  if (!write(*database, {&row, 1})) return file_->failure("can't be written: " + database->reason());
  return {};
}

Result<bool> FilePlanTable::remove(const std::string& name) {
  StoreFile::Turn database = file_->turn();
  Statement gone = database->prepare("DELETE FROM bootstrap_plan WHERE name = ?");
  if (!gone.bind(std::string_view(name)).run()) return file_->failure("can't be written: " + database->reason());
  return database->number("SELECT changes()").value_or(0) > 0;
}

}  // namespace drover::store
