// SPDX-License-Identifier: Apache-2.0
#include "store/object_model_table.hpp"

#include "store/store_file.hpp"

namespace drover::store {

Result<std::vector<ObjectModelRow>> ObjectModelTable::load() {
  StoreFile::Turn database = file_->turn();
  std::vector<ObjectModelRow> models;
  auto rows = database->prepare("SELECT object, version, ddf, changed_at FROM object_model ORDER BY object, version");
  while (rows.row()) {
    const Bytes ddf = rows.bytes(2);
    models.push_back({static_cast<std::uint16_t>(rows.number(0)), rows.text(1), std::string(as_text(ddf)), rows.number(3)});
  }
  if (!rows.ok()) return file_->failure("can't be read: " + database->reason());
  return models;
}

Result<void> ObjectModelTable::put(std::span<const ObjectModelRow> rows) {
  StoreFile::Turn database = file_->turn();
  bool done = database->run("BEGIN IMMEDIATE");
  {
    auto put = database->prepare("INSERT OR REPLACE INTO object_model(object, version, ddf, changed_at) VALUES(?, ?, ?, ?)");
    for (const ObjectModelRow& row : rows) {
      put.bind(row.object).bind(std::string_view(row.version)).bind(as_bytes(row.ddf)).bind(row.changed_at);
      done = done && put.run();
    }
  }
  if (done && database->run("COMMIT")) return {};
  auto failed = file_->failure("can't be written: " + database->reason());
  database->roll_back();
  return failed;
}

Result<void> ObjectModelTable::remove(std::uint16_t object, const std::string& version) {
  StoreFile::Turn database = file_->turn();
  auto gone = database->prepare("DELETE FROM object_model WHERE object = ? AND version = ?");
  if (gone.bind(object).bind(std::string_view(version)).run()) return {};
  return file_->failure("can't be written: " + database->reason());
}

}  // namespace drover::store
