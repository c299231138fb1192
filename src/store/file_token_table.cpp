// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "store/store_file.hpp"
#include "store/token_table.hpp"

namespace drover::store {

namespace {

using sqlite::Statement;

/// Nothing for what add() doesn't write.
std::optional<Token> read_row(const Statement& row) {
  Token token;
  token.id = static_cast<std::uint64_t>(row.number(0));
  token.name = row.text(1);
  token.role = static_cast<Role>(row.number(2));
  const Bytes hash = row.bytes(3);
  token.created_at = row.number(4);
  if (!row.is_null(5)) token.expires_at = row.number(5);
  if (!row.is_null(6)) token.last_used_at = row.number(6);
  const bool known = row.number(2) >= static_cast<int>(Role::Read) && row.number(2) <= static_cast<int>(Role::Admin);
  if (row.number(0) <= 0 || !known || token.name.empty() || hash.size() != token.hash.size()) return std::nullopt;
  std::copy(hash.begin(), hash.end(), token.hash.begin());
  return token;
}

}  // namespace

Result<std::vector<Token>> FileTokenTable::all() {
  StoreFile::Turn database = file_->turn();
  std::vector<Token> tokens;
  Statement rows = database->prepare(
      "SELECT id, name, role, hash, created_at, expires_at, last_used_at FROM api_token ORDER BY id");
  while (rows.row()) {
    auto token = read_row(rows);
    if (!token) return file_->failure("damaged (API token " + std::to_string(rows.number(0)) + ")");
    tokens.push_back(std::move(*token));
  }
  if (!rows.ok()) return file_->failure(database->reason());
  return tokens;
}

Result<std::uint64_t> FileTokenTable::add(const Token& token) {
  StoreFile::Turn database = file_->turn();
  {
    Statement same = database->prepare("SELECT 1 FROM api_token WHERE name = ? OR hash = ?");
    same.bind(std::string_view(token.name)).bind(ByteView(token.hash));
    if (same.row()) return tl::unexpected(Error{Fault::Us, 0, "there is a token of that name already"});
    if (!same.ok()) return file_->failure(database->reason());
  }
  Statement row = database->prepare(
      "INSERT INTO api_token(name, role, hash, created_at, expires_at, last_used_at) VALUES(?, ?, ?, ?, ?, ?)");
  row.bind(std::string_view(token.name))
      .bind(static_cast<int>(token.role))
      .bind(ByteView(token.hash))
      .bind(token.created_at)
      .bind_optional(token.expires_at)
      .bind_optional(token.last_used_at);
  if (!row.run()) return file_->failure(database->reason());
  const auto id = database->number("SELECT last_insert_rowid()");
  if (!id) return file_->failure(database->reason());
  return static_cast<std::uint64_t>(*id);
}

Result<bool> FileTokenTable::remove(std::uint64_t id) {
  StoreFile::Turn database = file_->turn();
  Statement gone = database->prepare("DELETE FROM api_token WHERE id = ?");
  if (!gone.bind(static_cast<std::int64_t>(id)).run()) return file_->failure(database->reason());
  return database->number("SELECT changes()").value_or(0) > 0;
}

Result<void> FileTokenTable::note_use(std::uint64_t id, UnixSeconds at) {
  StoreFile::Turn database = file_->turn();
  Statement used = database->prepare("UPDATE api_token SET last_used_at = ? WHERE id = ?");
  if (!used.bind(at).bind(static_cast<std::int64_t>(id)).run()) return file_->failure(database->reason());
  return {};
}

Result<bool> FileTokenTable::had_any() {
  StoreFile::Turn database = file_->turn();
  // AUTOINCREMENT remembers the ids of rows that are gone.
  const auto last = database->number("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'api_token'");
  if (!last) return file_->failure(database->reason());
  return *last > 0;
}

}  // namespace drover::store
