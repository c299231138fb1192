// SPDX-License-Identifier: Apache-2.0
#include "sinks/cursor.hpp"

#include "store/store_file.hpp"

namespace drover::sinks {

using sqlite::Statement;
using store::StoreFile;

Result<std::optional<Cursor>> CursorTable::find(const std::string& sink) {
  StoreFile::Turn database = file_->turn();
  Statement row = database->prepare("SELECT number, series FROM sink_cursor WHERE name = ?");
  row.bind(std::string_view(sink));
  if (row.row()) {
    if (row.number(0) < 0) return file_->failure("damaged (cursor of sink " + sink + ")");
    return Cursor{static_cast<std::uint64_t>(row.number(0)), row.text(1)};
  }
  if (!row.ok()) return file_->failure(database->reason());
  return std::nullopt;
}

Result<void> CursorTable::save(const std::string& sink, const Cursor& cursor, UnixSeconds at) {
  StoreFile::Turn database = file_->turn();
  Statement row = database->prepare(
      "INSERT INTO sink_cursor(name, number, series, changed_at) VALUES(?1, ?2, ?3, ?4)"
      " ON CONFLICT(name) DO UPDATE SET number = ?2, series = ?3, changed_at = ?4");
  row.bind(std::string_view(sink)).bind(static_cast<std::int64_t>(cursor.number)).bind(std::string_view(cursor.series)).bind(at);
  if (!row.run()) return file_->failure(database->reason());
  return {};
}

}  // namespace drover::sinks
