// SPDX-License-Identifier: Apache-2.0
#include "jobs/bulk_table.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "jobs/sealed_texts.hpp"
#include "jobs/selection_text.hpp"
#include "jobs/tags.hpp"

namespace drover::jobs {

namespace {

using sqlite::Database;
using sqlite::Statement;

std::int64_t stored(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}
std::int64_t stored(BulkId id) {
  return stored(id.value);
}
std::int64_t stored(BulkDeviceState state) {
  return static_cast<std::int64_t>(state);
}

Bytes octets_of(const BulkCounts& counts) {
  Bytes octets;
  for (const std::uint64_t count : counts.of) {
    for (int shift = 56; shift >= 0; shift -= 8) octets.push_back(static_cast<std::uint8_t>(count >> shift));
  }
  return octets;
}

std::optional<BulkCounts> counts_of(const Bytes& octets) {
  BulkCounts counts;
  if (octets.size() != counts.of.size() * 8) return std::nullopt;
  for (std::size_t i = 0; i < octets.size(); ++i) counts.of[i / 8] = counts.of[i / 8] << 8 | octets[i];
  return counts;
}

std::optional<std::int64_t> optional_number(const Statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.number(column));
}

/// Nothing for what isn't written by this class.
std::optional<BulkView> read_bulk(const Statement& row, const store::Sealer& sealer) {
  BulkView bulk;
  bulk.id.value = static_cast<std::uint64_t>(row.number(0));
  BulkOrder& order = bulk.order;
  order.asked_by = row.text(1);
  const auto operation = open_text(sealer, row.bytes(2), about_bulk());
  const auto json = nlohmann::ordered_json::parse(row.text(3), nullptr, false);
  const auto selection = parse_selection(json);
  const auto counts = counts_of(row.bytes(16));
  const std::int64_t priority = row.number(6);
  const std::int64_t state = row.number(9);
  if (!operation || !selection || !counts || priority < 0 || priority > 2 || state < 0 || state > 4) return std::nullopt;
  order.operation = *operation;
  order.selection = *selection;
  order.parallel = static_cast<std::size_t>(std::clamp<std::int64_t>(row.number(4), 1, kParallelMax));
  order.lifetime = row.number(5);
  order.priority = static_cast<server::Priority>(priority);
  order.stop_at = static_cast<unsigned>(row.number(7));
  order.created_at = row.number(8);
  bulk.state = static_cast<BulkState>(state);
  bulk.retrying = row.number(10) != 0;
  bulk.reason = row.text(11);
  bulk.deadline = row.number(12);
  bulk.ended_at = optional_number(row, 13);
  bulk.over_before = static_cast<std::uint64_t>(row.number(14));
  bulk.failed_before = static_cast<std::uint64_t>(row.number(15));
  bulk.counts = *counts;
  return bulk;
}

/// Its columns are endpoint, state, operation, code, detail, changed_at.
std::optional<BulkDevice> read_device(const Statement& row) {
  const std::int64_t state = row.number(1);
  if (state < 0 || state >= static_cast<std::int64_t>(kBulkDeviceStates)) return std::nullopt;
  BulkDevice device;
  device.endpoint = row.text(0);
  device.state = static_cast<BulkDeviceState>(state);
  device.operation.value = static_cast<std::uint64_t>(row.number(2));
  device.code = row.text(3);
  device.detail = row.text(4);
  device.changed_at = row.number(5);
  return device;
}

bool write_progress(Database& database, const BulkView& bulk) {
  const Bytes counts = octets_of(bulk.counts);
  Statement put = database.prepare(
      "INSERT OR REPLACE INTO bulk_progress(bulk, state, retrying, reason, deadline, ended_at, over_before,"
      " failed_before, counts) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
  return put.bind(stored(bulk.id))
      .bind(static_cast<int>(bulk.state))
      .bind(static_cast<int>(bulk.retrying))
      .bind(std::string_view(bulk.reason))
      .bind(bulk.deadline)
      .bind_optional(bulk.ended_at)
      .bind(stored(bulk.over_before))
      .bind(stored(bulk.failed_before))
      .bind(ByteView(counts))
      .run();
}

bool insert_order(Database& database, const BulkOrder& order, ByteView operation) {
  const std::string selection = to_json(order.selection).dump();
  Statement put = database.prepare(
      "INSERT INTO bulk(asked_by, operation, selection, parallel, lifetime, priority, stop_at, created_at)"
      " VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
  return put.bind(std::string_view(order.asked_by))
      .bind(operation)
      .bind(std::string_view(selection))
      .bind(stored(order.parallel))
      .bind(order.lifetime)
      .bind(static_cast<int>(order.priority))
      .bind(static_cast<std::int64_t>(order.stop_at))
      .bind(order.created_at)
      .run();
}

bool write_devices(Database& database, std::span<const BulkTable::Device> devices) {
  Statement put = database.prepare(
      "UPDATE bulk_device SET state = ?, operation = ?, code = ?, detail = ?, changed_at = ?"
      " WHERE bulk = ? AND endpoint = ?");
  return std::ranges::all_of(devices, [&](const BulkTable::Device& one) {
    const BulkDevice& device = one.device;
    return put.bind(stored(device.state))
        .bind(stored(device.operation.value))
        .bind(std::string_view(device.code))
        .bind(std::string_view(device.detail))
        .bind(device.changed_at)
        .bind(stored(one.bulk))
        .bind(std::string_view(device.endpoint))
        .run();
  });
}

}  // namespace

template <class Write>
Result<void> BulkTable::commit(Write write) {
  store::StoreFile::Turn database = file_->turn();
  if (database->run("BEGIN IMMEDIATE") && write(*database) && database->run("COMMIT")) return {};
  auto error = file_->failure("can't be written: " + database->reason());
  database->roll_back();
  return error;
}

tl::unexpected<Error> BulkTable::unreadable(store::StoreFile::Turn& database) const {
  return file_->failure("can't be read: " + database->reason());
}

Result<std::vector<BulkView>> BulkTable::load() {
  store::StoreFile::Turn database = file_->turn();
  std::vector<BulkView> bulks;
  Statement rows = database->prepare(
      "SELECT id, asked_by, operation, selection, parallel, lifetime, priority, stop_at, created_at, state, retrying,"
      " reason, deadline, ended_at, over_before, failed_before, counts FROM bulk JOIN bulk_progress ON bulk = id"
      " ORDER BY id");
  while (rows.row()) {
    auto bulk = read_bulk(rows, sealer_);
    if (!bulk) return file_->failure("damaged (bulk operation " + std::to_string(rows.number(0)) + ")");
    bulks.push_back(std::move(*bulk));
  }
  if (!rows.ok()) return unreadable(database);
  return bulks;
}

Result<BulkId> BulkTable::add(const BulkView& bulk) {
  const auto operation = seal_text(sealer_, bulk.order.operation, about_bulk());
  if (!operation) return tl::unexpected(operation.error());
  BulkView added = bulk;
  auto done = commit([&](Database& database) {
    if (!insert_order(database, bulk.order, *operation)) return false;
    added.id.value = static_cast<std::uint64_t>(database.number("SELECT last_insert_rowid()").value_or(0));
    return write_progress(database, added);
  });
  if (!done) return tl::unexpected(done.error());
  return added.id;
}

Result<void> BulkTable::remove(BulkId id) {
  return commit([&](Database& database) {
    for (const char* sql : {"DELETE FROM bulk WHERE id = ?", "DELETE FROM bulk_progress WHERE bulk = ?"}) {
      Statement gone = database.prepare(sql);
      if (!gone.bind(stored(id)).run()) return false;
    }
    return true;
  });
}

Result<std::size_t> BulkTable::sweep(std::size_t count) {
  std::size_t swept = 0;
  auto done = commit([&](Database& database) {
    // The first device of each bulk leads to the next: no walk over all of them.
    Statement orphan = database.prepare(
        "WITH RECURSIVE each(bulk) AS (SELECT min(bulk) FROM bulk_device UNION ALL"
        " SELECT (SELECT min(d.bulk) FROM bulk_device d WHERE d.bulk > each.bulk) FROM each WHERE each.bulk IS NOT NULL)"
        " SELECT bulk FROM each WHERE bulk IS NOT NULL AND bulk NOT IN (SELECT id FROM bulk) LIMIT 1");
    if (!orphan.row()) return orphan.ok();
    Statement gone = database.prepare(
        "DELETE FROM bulk_device WHERE bulk = ?1 AND endpoint IN"
        " (SELECT endpoint FROM bulk_device WHERE bulk = ?1 ORDER BY endpoint LIMIT ?2)");
    if (!gone.bind(orphan.number(0)).bind(stored(count)).run()) return false;
    swept = static_cast<std::size_t>(database.number("SELECT changes()").value_or(0));
    return true;
  });
  if (!done) return tl::unexpected(done.error());
  return swept;
}

Result<void> BulkTable::write(std::span<const BulkView* const> bulks, std::span<const Device> devices) {
  return commit([&](Database& database) {
    return write_devices(database, devices) &&
           std::ranges::all_of(bulks, [&](const BulkView* bulk) { return write_progress(database, *bulk); });
  });
}

Result<void> BulkTable::insert(BulkId id, std::span<const std::string> endpoints, UnixSeconds now) {
  return commit([&](Database& database) {
    Statement put = database.prepare(
        "INSERT INTO bulk_device(bulk, endpoint, state, operation, code, detail, changed_at)"
        " VALUES(?, ?, 0, 0, '', '', ?)");
    return std::ranges::all_of(endpoints, [&](const std::string& endpoint) {
      return put.bind(stored(id)).bind(std::string_view(endpoint)).bind(now).run();
    });
  });
}

Result<std::size_t> BulkTable::move(BulkView& bulk, BulkDeviceState from, BulkDeviceState to, std::string_view detail,
                                    UnixSeconds now, std::size_t count) {
  BulkView after = bulk;
  std::size_t moved = 0;
  auto done = commit([&](Database& database) {
    Statement put = database.prepare(
        "UPDATE bulk_device SET state = ?1, operation = 0, code = '', detail = ?2, changed_at = ?3 WHERE bulk = ?4 AND"
        " endpoint IN (SELECT endpoint FROM bulk_device WHERE bulk = ?4 AND state = ?5 ORDER BY endpoint LIMIT ?6)");
    put.bind(stored(to)).bind(detail).bind(now).bind(stored(bulk.id)).bind(stored(from)).bind(stored(count));
    if (!put.run()) return false;
    moved = static_cast<std::size_t>(database.number("SELECT changes()").value_or(0));
    after.counts[from] -= moved;
    after.counts[to] += moved;
    return write_progress(database, after);
  });
  if (!done) return tl::unexpected(done.error());
  bulk = std::move(after);
  return moved;
}

Result<std::size_t> BulkTable::clear(BulkId id, std::size_t count) {
  std::size_t cleared = 0;
  auto done = commit([&](Database& database) {
    Statement gone = database.prepare(
        "DELETE FROM bulk_device WHERE bulk = ?1 AND endpoint IN"
        " (SELECT endpoint FROM bulk_device WHERE bulk = ?1 ORDER BY endpoint LIMIT ?2)");
    if (!gone.bind(stored(id)).bind(stored(count)).run()) return false;
    cleared = static_cast<std::size_t>(database.number("SELECT changes()").value_or(0));
    return true;
  });
  if (!done) return tl::unexpected(done.error());
  return cleared;
}

Result<std::vector<std::string>> BulkTable::waiting(BulkId id, const std::string& after, std::size_t count) {
  store::StoreFile::Turn database = file_->turn();
  std::vector<std::string> endpoints;
  Statement rows = database->prepare(
      "SELECT endpoint FROM bulk_device WHERE bulk = ? AND state = 0 AND endpoint > ? ORDER BY endpoint LIMIT ?");
  rows.bind(stored(id)).bind(std::string_view(after)).bind(stored(count));
  while (rows.row()) endpoints.push_back(rows.text(0));
  if (!rows.ok()) return unreadable(database);
  return endpoints;
}

Result<std::vector<BulkDevice>> BulkTable::under_way(BulkId id) {
  store::StoreFile::Turn database = file_->turn();
  std::vector<BulkDevice> devices;
  Statement rows = database->prepare(
      "SELECT endpoint, state, operation, code, detail, changed_at FROM bulk_device WHERE bulk = ? AND state IN (1, 2)"
      " ORDER BY operation");
  rows.bind(stored(id));
  while (rows.row()) {
    if (auto device = read_device(rows)) devices.push_back(std::move(*device));
  }
  if (!rows.ok()) return unreadable(database);
  return devices;
}

Result<BulkDevicePage> BulkTable::page(BulkId id, const BulkDeviceQuery& query) {
  store::StoreFile::Turn database = file_->turn();
  BulkDevicePage page;
  Statement rows = database->prepare(
      query.state ? "SELECT endpoint, state, operation, code, detail, changed_at FROM bulk_device"
                    " WHERE bulk = ? AND endpoint > ? AND state = ? ORDER BY endpoint LIMIT ?"
                  : "SELECT endpoint, state, operation, code, detail, changed_at FROM bulk_device"
                    " WHERE bulk = ? AND endpoint > ? ORDER BY endpoint LIMIT ?");
  rows.bind(stored(id)).bind(std::string_view(query.after));
  if (query.state) rows.bind(stored(*query.state));
  rows.bind(stored(query.limit + 1));
  while (rows.row()) {
    if (auto device = read_device(rows)) page.devices.push_back(std::move(*device));
  }
  if (!rows.ok()) return unreadable(database);
  if (page.devices.size() > query.limit) {
    page.devices.resize(query.limit);
    page.next = page.devices.back().endpoint;
  }
  return page;
}

}  // namespace drover::jobs
