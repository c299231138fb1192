// SPDX-License-Identifier: Apache-2.0
#include "jobs/rule_table.hpp"

#include <algorithm>
#include <string_view>

#include "jobs/sealed_texts.hpp"

namespace drover::jobs {

namespace {

using sqlite::Database;
using sqlite::Statement;

std::int64_t stored(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}

bool is_state(std::int64_t number) {
  return number >= 0 && number < static_cast<std::int64_t>(kRuleDeviceStates);
}

/// Its columns are endpoint, registration, state, step, operation, failed, detail, changed_at.
std::optional<RuleDevice> read_device(const Statement& row) {
  if (!is_state(row.number(2))) return std::nullopt;
  RuleDevice device;
  device.endpoint = row.text(0);
  device.registration = row.text(1);
  device.state = static_cast<RuleDeviceState>(row.number(2));
  device.step = static_cast<std::size_t>(row.number(3));
  device.operation.value = static_cast<std::uint64_t>(row.number(4));
  device.failed = static_cast<std::size_t>(row.number(5));
  device.detail = row.text(6);
  device.changed_at = row.number(7);
  return device;
}

}  // namespace

template <class Write>
Result<void> RuleTable::commit(Write write) {
  store::StoreFile::Turn database = file_->turn();
  if (database->run("BEGIN IMMEDIATE") && write(*database) && database->run("COMMIT")) return {};
  auto error = file_->failure("can't be written: " + database->reason());
  database->roll_back();
  return error;
}

Result<std::vector<RuleTable::Row>> RuleTable::load() {
  store::StoreFile::Turn database = file_->turn();
  std::vector<Row> all;
  Statement rows = database->prepare("SELECT name, configured, text, changed_at FROM rule ORDER BY name");
  while (rows.row()) {
    const std::string name = rows.text(0);
    const bool configured = rows.number(1) != 0;
    auto text = open_text(sealer_, rows.bytes(2), about_rule(name, configured));
    if (!text) return file_->failure("damaged (" + about_rule(name, configured) + ")");
    all.push_back({name, configured, std::move(*text), rows.number(3)});
  }
  if (!rows.ok()) return file_->failure("can't be read: " + database->reason());
  return all;
}

Result<RuleTable::Counts> RuleTable::counts() {
  store::StoreFile::Turn database = file_->turn();
  Counts counts;
  Statement rows = database->prepare("SELECT rule, state, count(*) FROM rule_device GROUP BY state, rule");
  while (rows.row()) {
    if (is_state(rows.number(1))) {
      counts[rows.text(0)][static_cast<std::size_t>(rows.number(1))] = static_cast<std::uint64_t>(rows.number(2));
    }
  }
  if (!rows.ok()) return file_->failure("can't be read: " + database->reason());
  return counts;
}

Result<void> RuleTable::put(const Row& row) {
  const auto sealed = seal_text(sealer_, row.text, about_rule(row.name, row.configured));
  if (!sealed) return tl::unexpected(sealed.error());
  return commit([&](Database& database) {
    Statement put = database.prepare("INSERT OR REPLACE INTO rule(name, configured, text, changed_at) VALUES(?, ?, ?, ?)");
    return put.bind(std::string_view(row.name))
        .bind(static_cast<int>(row.configured))
        .bind(ByteView(*sealed))
        .bind(row.changed_at)
        .run();
  });
}

Result<void> RuleTable::remove(const std::string& name, bool configured) {
  return commit([&](Database& database) {
    Statement gone = database.prepare("DELETE FROM rule WHERE name = ? AND configured = ?");
    return gone.bind(std::string_view(name)).bind(static_cast<int>(configured)).run();
  });
}

Result<void> RuleTable::write(std::span<const Outcome> outcomes) {
  return commit([&](Database& database) {
    Statement put = database.prepare(
        "INSERT OR REPLACE INTO rule_device(rule, endpoint, registration, state, step, operation, failed, detail,"
        " changed_at) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
    return std::ranges::all_of(outcomes, [&](const Outcome& one) {
      const RuleDevice& device = one.device;
      return put.bind(std::string_view(one.rule))
          .bind(std::string_view(device.endpoint))
          .bind(std::string_view(device.registration))
          .bind(static_cast<int>(device.state))
          .bind(stored(device.step))
          .bind(stored(device.operation.value))
          .bind(stored(device.failed))
          .bind(std::string_view(device.detail))
          .bind(device.changed_at)
          .run();
    });
  });
}

Result<std::optional<RuleDevice>> RuleTable::find(const std::string& rule, const std::string& endpoint) {
  store::StoreFile::Turn database = file_->turn();
  Statement row = database->prepare(
      "SELECT endpoint, registration, state, step, operation, failed, detail, changed_at FROM rule_device"
      " WHERE rule = ? AND endpoint = ?");
  row.bind(std::string_view(rule)).bind(std::string_view(endpoint));
  if (row.row()) return read_device(row);
  if (!row.ok()) return file_->failure("can't be read: " + database->reason());
  return std::nullopt;
}

Result<RuleDevicePage> RuleTable::page(const std::string& rule, const RuleDeviceQuery& query) {
  store::StoreFile::Turn database = file_->turn();
  RuleDevicePage page;
  Statement rows = database->prepare(
      query.state ? "SELECT endpoint, registration, state, step, operation, failed, detail, changed_at FROM rule_device"
                    " WHERE rule = ? AND endpoint > ? AND state = ? ORDER BY endpoint LIMIT ?"
                  : "SELECT endpoint, registration, state, step, operation, failed, detail, changed_at FROM rule_device"
                    " WHERE rule = ? AND endpoint > ? ORDER BY endpoint LIMIT ?");
  rows.bind(std::string_view(rule)).bind(std::string_view(query.after));
  if (query.state) rows.bind(static_cast<int>(*query.state));
  rows.bind(stored(query.limit + 1));
  while (rows.row()) {
    if (auto device = read_device(rows)) page.devices.push_back(std::move(*device));
  }
  if (!rows.ok()) return file_->failure("can't be read: " + database->reason());
  if (page.devices.size() > query.limit) {
    page.devices.resize(query.limit);
    page.next = page.devices.back().endpoint;
  }
  return page;
}

Result<std::array<std::uint64_t, kRuleDeviceStates>> RuleTable::trim(const std::string& rule, std::size_t count) {
  std::array<std::uint64_t, kRuleDeviceStates> gone{};
  auto done = commit([&](Database& database) {
    std::vector<std::string> oldest;
    {
      Statement rows = database.prepare(
          "SELECT endpoint, state FROM rule_device WHERE rule = ? AND state <> 0 ORDER BY changed_at LIMIT ?");
      rows.bind(std::string_view(rule)).bind(stored(count));
      while (rows.row()) {
        if (!is_state(rows.number(1))) continue;
        oldest.push_back(rows.text(0));
        ++gone[static_cast<std::size_t>(rows.number(1))];
      }
      if (!rows.ok()) return false;
    }
    Statement remove = database.prepare("DELETE FROM rule_device WHERE rule = ? AND endpoint = ?");
    return std::ranges::all_of(oldest, [&](const std::string& endpoint) {
      return remove.bind(std::string_view(rule)).bind(std::string_view(endpoint)).run();
    });
  });
  if (!done) return tl::unexpected(done.error());
  return gone;
}

Result<std::size_t> RuleTable::sweep(std::size_t count) {
  std::size_t swept = 0;
  auto done = commit([&](Database& database) {
    // The first device of each rule leads to the next: no walk over all of them.
    Statement orphan = database.prepare(
        "WITH RECURSIVE each(rule) AS (SELECT min(rule) FROM rule_device UNION ALL"
        " SELECT (SELECT min(d.rule) FROM rule_device d WHERE d.rule > each.rule) FROM each WHERE each.rule IS NOT NULL)"
        " SELECT rule FROM each WHERE rule IS NOT NULL AND rule NOT IN (SELECT name FROM rule) LIMIT 1");
    if (!orphan.row()) return orphan.ok();
    const std::string rule = orphan.text(0);
    Statement gone = database.prepare(
        "DELETE FROM rule_device WHERE rule = ?1 AND endpoint IN"
        " (SELECT endpoint FROM rule_device WHERE rule = ?1 ORDER BY endpoint LIMIT ?2)");
    if (!gone.bind(std::string_view(rule)).bind(stored(count)).run()) return false;
    swept = static_cast<std::size_t>(database.number("SELECT changes()").value_or(0));
    return true;
  });
  if (!done) return tl::unexpected(done.error());
  return swept;
}

}  // namespace drover::jobs
