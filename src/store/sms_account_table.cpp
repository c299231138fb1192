// SPDX-License-Identifier: Apache-2.0
#include "store/sms_account_table.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "security/sps/packet.hpp"
#include "store/store_file.hpp"
#include "transport/datagram.hpp"

namespace drover::store {

namespace {

using security::sps::kCounterBlocked;
using sqlite::Database;
using sqlite::Statement;

std::int64_t stored(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}

std::int64_t stored(SmsAccountId id) {
  return stored(id.value);
}

std::optional<SmsProtection> protection_of(std::int64_t number) {
  for (const SmsProtection protection : kSmsProtections) {
    if (number == static_cast<std::int64_t>(protection)) return protection;
  }
  return std::nullopt;
}

/// Nothing for what add(), change() and save() don't write.
std::optional<SmsAccountRow> read_row(const Statement& row) {
  const auto protection = protection_of(row.number(3));
  if (row.number(0) <= 0 || !protection) return std::nullopt;
  SmsAccountRow read;
  SmsAccount& account = read.account;
  account.id.value = static_cast<std::uint64_t>(row.number(0));
  account.msisdn = row.text(1);
  account.endpoint = row.text(2);
  account.protection = *protection;
  const Bytes parameters = row.bytes(4);
  read.sealed_keys = row.bytes(5);
  account.label = row.text(6);
  account.created_at = row.number(7);
  account.enabled = row.number(8) != 0;
  read.counters.reserved = static_cast<std::uint64_t>(row.number(9));
  read.counters.received = static_cast<std::uint64_t>(row.number(10));
  const bool packets = has_packets(account.protection);
  if (packets) {
    const auto parsed = security::sps::Parameters::parse(parameters);
    if (!parsed) return std::nullopt;
    account.parameters = *parsed;
  }
  const bool named = transport::PeerAddress::sms(account.msisdn) && !account.endpoint.empty() &&
                     !check_text(account.endpoint, "endpoint", kEndpointMax) &&
                     !check_text(account.label, "label", kLabelMax);
  const bool keyed = parameters.empty() != packets && read.sealed_keys.empty() != packets;
  const bool counted = read.counters.reserved < kCounterBlocked && read.counters.received < kCounterBlocked;
  if (!named || !keyed || !counted) return std::nullopt;
  return read;
}

bool insert(Database& database, const SmsAccountRow& row) {
  const SmsAccount& account = row.account;
  const bool packets = has_packets(account.protection);
  const Bytes parameters = packets ? account.parameters.octets() : Bytes();
  Statement put = database.prepare(
      "INSERT INTO sms_account(id, msisdn, endpoint, protection, parameters, sealed_keys, label, created_at, enabled)"
      " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
  return put.bind(stored(account.id))
      .bind(std::string_view(account.msisdn))
      .bind(std::string_view(account.endpoint))
      .bind(static_cast<int>(account.protection))
      .bind(ByteView(parameters))
      .bind(ByteView(row.sealed_keys))
      .bind(std::string_view(account.label))
      .bind(account.created_at)
      .bind(static_cast<int>(account.enabled))
      .run();
}

bool update(Database& database, const SmsAccount& account) {
  Statement put = database.prepare("UPDATE sms_account SET label = ?, enabled = ? WHERE id = ?");
  return put.bind(std::string_view(account.label))
      .bind(static_cast<int>(account.enabled))
      .bind(stored(account.id))
      .run();
}

bool remove_rows(Database& database, SmsAccountId id) {
  for (const char* sql : {"DELETE FROM sms_counter WHERE account = ?", "DELETE FROM sms_account WHERE id = ?"}) {
    Statement gone = database.prepare(sql);
    if (!gone.bind(stored(id)).run()) return false;
  }
  return true;
}

bool write_counters(Database& database, std::span<const std::pair<SmsAccountId, SmsCounters>> counters) {
  Statement put = database.prepare(
      "INSERT INTO sms_counter(account, reserved, received) VALUES(?, ?, ?) ON CONFLICT(account) DO UPDATE SET"
      " reserved = max(reserved, excluded.reserved), received = max(received, excluded.received)");
  return std::ranges::all_of(counters, [&](const std::pair<SmsAccountId, SmsCounters>& one) {
    return put.bind(stored(one.first)).bind(stored(one.second.reserved)).bind(stored(one.second.received)).run();
  });
}

/// All of `write` or nothing.
template <class Write>
Result<void> commit(StoreFile& file, Write write) {
  StoreFile::Turn database = file.turn();
  if (database->run("BEGIN IMMEDIATE") && write(*database) && database->run("COMMIT")) return {};
  auto error = file.failure("can't be written: " + database->reason());
  database->roll_back();
  return error;
}

}  // namespace

Result<SmsAccountTable::Content> SmsAccountTable::load() {
  StoreFile::Turn database = file_->turn();
  Content content;
  Statement rows = database->prepare(
      "SELECT id, msisdn, endpoint, protection, parameters, sealed_keys, label, created_at, enabled,"
      " coalesce(reserved, 0), coalesce(received, 0)"
      " FROM sms_account LEFT JOIN sms_counter ON account = id ORDER BY id");
  while (rows.row()) {
    auto row = read_row(rows);
    if (!row) return file_->failure("damaged (SMS account " + std::to_string(rows.number(0)) + ")");
    content.last_id = row->account.id.value;
    content.rows.push_back(std::move(*row));
  }
  Statement last = database->prepare("SELECT seq FROM sqlite_sequence WHERE name = 'sms_account'");
  if (last.row()) content.last_id = std::max(content.last_id, static_cast<std::uint64_t>(last.number(0)));
  if (!rows.ok() || !last.ok()) return file_->failure("can't be read: " + database->reason());
  return content;
}

Result<void> SmsAccountTable::add(const SmsAccountRow& row) {
  return commit(*file_, [&](Database& database) { return insert(database, row); });
}

Result<void> SmsAccountTable::change(const SmsAccount& account) {
  return commit(*file_, [&](Database& database) { return update(database, account); });
}

Result<void> SmsAccountTable::remove(SmsAccountId id) {
  return commit(*file_, [&](Database& database) { return remove_rows(database, id); });
}

Result<void> SmsAccountTable::save(std::span<const std::pair<SmsAccountId, SmsCounters>> counters) {
  return commit(*file_, [&](Database& database) { return write_counters(database, counters); });
}

bool SmsAccountTable::write_keys(Database& database, std::span<const SmsKeysRow> rows) {
  Statement put = database.prepare("UPDATE sms_account SET sealed_keys = ? WHERE id = ?");
  return std::ranges::all_of(
      rows, [&](const SmsKeysRow& row) { return put.bind(ByteView(row.sealed_keys)).bind(stored(row.id)).run(); });
}

}  // namespace drover::store
