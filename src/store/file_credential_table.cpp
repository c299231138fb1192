// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "store/credential_table.hpp"
#include "store/plan_table.hpp"
#include "store/sms_account_table.hpp"
#include "store/store_file.hpp"

namespace drover::store {

namespace {

using sqlite::Database;
using sqlite::Statement;

/// Nothing for what commit() doesn't write.
std::optional<CredentialRow> read_row(const Statement& row) {
  CredentialRow read;
  Credential& credential = read.credential;
  credential.id.value = static_cast<std::uint64_t>(row.number(0));
  const std::int64_t kind = row.number(1);
  credential.kind = static_cast<IdentityKind>(kind);
  credential.identity = row.text(2);
  read.sealed_key = row.bytes(3);
  credential.endpoint = row.text(4);
  credential.label = row.text(5);
  credential.created_at = row.number(6);
  if (!row.is_null(7)) credential.expires_at = row.number(7);
  credential.enabled = row.number(8) != 0;
  const std::int64_t purpose = row.number(9);
  credential.purpose = static_cast<Purpose>(purpose);
  credential.issuer = row.text(10);
  const bool known = kind >= static_cast<int>(IdentityKind::Psk) && kind <= static_cast<int>(IdentityKind::Certificate) &&
                     purpose >= static_cast<int>(Purpose::Server) && purpose <= static_cast<int>(Purpose::Bootstrap);
  const std::size_t most = credential.kind == IdentityKind::PublicKey ? kPublicKeyMax : security::Identity::kNameMax;
  const bool fits = !credential.identity.empty() && credential.identity.size() <= most &&
                    credential.endpoint.size() <= kEndpointMax && credential.label.size() <= kLabelMax &&
                    credential.issuer.size() <= kIssuerMax;
  const bool keyed = read.sealed_key.empty() != (credential.kind == IdentityKind::Psk);
  if (row.number(0) <= 0 || !known || !fits || !keyed) return std::nullopt;
  return read;
}

bool write(Database& database, const CredentialTable::Changes& changes) {
  Statement gone = database.prepare("DELETE FROM credential WHERE id = ?");
  for (const CredentialId id : changes.gone) {
    if (!gone.bind(static_cast<std::int64_t>(id.value)).run()) return false;
  }
  // Not REPLACE: that would take another row with the same identity away.
  Statement put = database.prepare(
      "INSERT INTO credential(id, kind, identity, sealed_key, endpoint, label, created_at, expires_at, enabled, purpose,"
      " issuer) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET sealed_key = excluded.sealed_key,"
      " endpoint = excluded.endpoint, label = excluded.label, expires_at = excluded.expires_at,"
      " enabled = excluded.enabled");
  for (const CredentialRow& row : changes.put) {
    const Credential& credential = row.credential;
    put.bind(static_cast<std::int64_t>(credential.id.value))
        .bind(static_cast<int>(credential.kind))
        .bind(as_bytes(credential.identity))
        .bind(ByteView(row.sealed_key))
        .bind(std::string_view(credential.endpoint))
        .bind(std::string_view(credential.label))
        .bind(credential.created_at)
        .bind_optional(credential.expires_at)
        .bind(static_cast<int>(credential.enabled))
        .bind(static_cast<int>(credential.purpose))
        .bind(std::string_view(credential.issuer));
    if (!put.run()) return false;
  }
  if (!FilePlanTable::write(database, changes.plans)) return false;
  if (!SmsAccountTable::write_keys(database, changes.sms_keys)) return false;
  if (changes.more && !changes.more(database)) return false;
  if (changes.check.empty()) return true;
  Statement check = database.prepare("INSERT OR REPLACE INTO credential_check VALUES(1, ?)");
  return check.bind(ByteView(changes.check)).run();
}

}  // namespace

Result<CredentialTable::Content> FileCredentialTable::load() {
  StoreFile::Turn database = file_->turn();
  Content content;
  Statement rows = database->prepare(
      "SELECT id, kind, identity, sealed_key, endpoint, label, created_at, expires_at, enabled, purpose, issuer"
      " FROM credential ORDER BY id");
  while (rows.row()) {
    auto row = read_row(rows);
    if (!row) return file_->failure("damaged (credential " + std::to_string(rows.number(0)) + ")");
    content.last_id = std::max(content.last_id, row->credential.id.value);
    content.rows.push_back(std::move(*row));
  }
  Statement last = database->prepare("SELECT seq FROM sqlite_sequence WHERE name = 'credential'");
  if (last.row()) content.last_id = std::max(content.last_id, static_cast<std::uint64_t>(last.number(0)));
  Statement check = database->prepare("SELECT sealed FROM credential_check");
  if (check.row()) content.check = check.bytes(0);
  if (!rows.ok() || !last.ok() || !check.ok()) return file_->failure("can't be read: " + database->reason());
  return content;
}

Result<bool> FileCredentialTable::is_sealed() {
  StoreFile::Turn database = file_->turn();
  const auto checks = database->number("SELECT count(*) FROM credential_check");
  if (!checks) return file_->failure("can't be read: " + database->reason());
  return *checks > 0;
}

Result<void> FileCredentialTable::commit(const Changes& changes) {
  StoreFile::Turn database = file_->turn();
  if (database->run("BEGIN IMMEDIATE") && write(*database, changes) && database->run("COMMIT")) return {};
  auto error = file_->failure("can't be written: " + database->reason());
  database->roll_back();
  return error;
}

Result<void> FileCredentialTable::scrub() {
  StoreFile::Turn database = file_->turn();
  if (database->run("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")) return {};
  return file_->failure("old pages can't be removed: " + database->reason());
}

}  // namespace drover::store
