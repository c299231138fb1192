// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "lwm2m/mapping/mapping.hpp"
#include "storage/tables.hpp"
#include "storage/value_codec.hpp"

namespace drover::storage {

using client::Attributes;
using lwm2m::Path;

namespace {

constexpr std::array kTables = {"meta",      "instance",    "resource",     "value",    "baseline",
                                "attribute", "observation", "registration", "disabled", "notification",
                                "channel",   "card",        "card_instance"};

bool clear(Database& database, const char* table) {
  return database.run((std::string("DELETE FROM ") + table).c_str());
}

/// Below a path: its instance, and its resource if it is one.
bool erase(Database& database, const Path& path, const char* table) {
  std::string sql = std::string("DELETE FROM ") + table + " WHERE object = ? AND instance = ?";
  if (path.is_resource()) sql += " AND resource = ?";
  Statement statement = database.prepare(sql.c_str());
  statement.bind(path.object()).bind(path.instance());
  if (path.is_resource()) statement.bind(path.resource());
  return statement.run();
}

bool write_gone(Database& database, const std::vector<Path>& gone) {
  bool done = true;
  for (const Path& path : gone) {
    if (path.is_instance()) done = done && erase(database, path, "instance");
    done = done && erase(database, path, "resource") && erase(database, path, "value");
  }
  return done;
}

bool write_values(Database& database, const Changes::Resource& resource) {
  const Path path = resource.instance.child(resource.node.id);
  if (!erase(database, path, "value")) return false;
  Statement node = database.prepare("INSERT OR REPLACE INTO resource VALUES(?, ?, ?, ?)");
  node.bind(path.object()).bind(path.instance()).bind(path.resource()).bind(std::int64_t{resource.node.multiple});
  bool done = node.run();
  Statement value = database.prepare("INSERT INTO value VALUES(?, ?, ?, ?, ?, ?)");
  for (const auto& entry : resource.node.instances) {
    const Bytes bytes = encode_value(entry.value);
    value.bind(path.object()).bind(path.instance()).bind(path.resource()).bind(entry.id);
    value.bind(static_cast<std::int64_t>(type_of(entry.value))).bind(ByteView(bytes));
    done = done && value.run();
  }
  return done;
}

bool write_tree(Database& database, const Changes& changes) {
  bool done = write_gone(database, changes.gone);
  Statement instance = database.prepare("INSERT OR IGNORE INTO instance VALUES(?, ?)");
  for (const Path& path : changes.instances) {
    done = done && instance.bind(path.object()).bind(path.instance()).run();
  }
  for (const auto& resource : changes.resources) done = done && write_values(database, resource);
  return done;
}

bool write(Database& database, const std::vector<client::SavedRegistration>& registrations) {
  bool done = clear(database, "registration");
  Statement row = database.prepare("INSERT INTO registration VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (const auto& saved : registrations) {
    const std::string peer = saved.peer.to_string();
    const std::string links = lwm2m::mapping::format_announcement(saved.told.announcement);
    row.bind(saved.server).bind(saved.host).bind(saved.port).bind(peer).bind(saved.location);
    row.bind(saved.told.endpoint).bind(saved.told.version).bind(std::int64_t{saved.told.lifetime});
    row.bind(saved.told.binding).bind(saved.told.sms).bind(links).bind(std::int64_t{saved.unsure}).bind(saved.ends);
    row.bind(std::int64_t{saved.secure});
    done = done && row.run();
  }
  return done;
}

bool write(Database& database, const std::vector<client::SavedChannel>& channels) {
  bool done = clear(database, "channel");
  Statement row = database.prepare("INSERT INTO channel VALUES(?, ?, ?, ?, ?, ?)");
  for (const auto& saved : channels) {
    const std::string address = saved.address.to_string();
    row.bind(saved.server).bind(std::int64_t{saved.sms}).bind(static_cast<std::int64_t>(saved.fingerprint)).bind(address);
    row.bind(ByteView(saved.released.reveal())).bind(ByteView(saved.session.reveal()));
    done = done && row.run();
  }
  return done;
}

bool write(Database& database, const std::vector<client::SmsCounters>& counters) {
  Statement row = database.prepare(
      "INSERT INTO sms_counter VALUES(?, ?, ?) ON CONFLICT(key) DO UPDATE SET"
      " reserved = max(reserved, excluded.reserved), received = max(received, excluded.received)");
  bool done = true;
  for (const auto& saved : counters) {
    row.bind(static_cast<std::int64_t>(saved.key)).bind(static_cast<std::int64_t>(saved.reserved));
    done = done && row.bind(static_cast<std::int64_t>(saved.received)).run();
  }
  return done;
}

bool write(Database& database, const std::vector<client::SavedDisable>& disabled) {
  bool done = clear(database, "disabled");
  Statement row = database.prepare("INSERT INTO disabled VALUES(?, ?)");
  for (const auto& saved : disabled) done = done && row.bind(saved.server).bind(saved.until).run();
  return done;
}

bool write(Database& database, const std::vector<client::SavedObservation>& observations) {
  bool done = clear(database, "observation");
  Statement row = database.prepare("INSERT INTO observation VALUES(?, ?, ?, ?)");
  for (const auto& saved : observations) {
    const std::string path = saved.path.to_string();
    row.bind(saved.server).bind(path).bind_optional(saved.accept).bind(saved.token.view());
    done = done && row.run();
  }
  return done;
}

bool write(Database& database, const std::vector<client::AttributeEntry>& attributes) {
  bool done = clear(database, "attribute");
  Statement row = database.prepare("INSERT INTO attribute VALUES(?, ?, ?, ?, ?, ?, ?)");
  for (const auto& entry : attributes) {
    const std::string path = entry.path.to_string();
    const Attributes& given = entry.attributes;
    row.bind(entry.server).bind(path).bind_optional(given.pmin).bind_optional(given.pmax);
    row.bind_optional(given.gt).bind_optional(given.lt).bind_optional(given.st);
    done = done && row.run();
  }
  return done;
}

bool write(Database& database, const std::vector<client::SavedNotification>& notifications) {
  bool done = clear(database, "notification");
  Statement row = database.prepare("INSERT INTO notification VALUES(?, ?, ?, ?, ?)");
  for (const auto& saved : notifications) {
    const std::string path = saved.path.to_string();
    row.bind(saved.server).bind(path).bind(saved.at_ms).bind(saved.format).bind(ByteView(saved.payload));
    done = done && row.run();
  }
  return done;
}

bool write(Database& database, const Baseline& baseline) {
  bool done = clear(database, "baseline");
  Statement row = database.prepare("INSERT INTO baseline VALUES(?, ?, ?, ?)");
  for (const auto& [path, hash] : baseline) {
    row.bind(path.object()).bind(path.instance()).bind(path.is_resource() ? std::int64_t{path.resource()} : -1);
    done = done && row.bind(static_cast<std::int64_t>(hash)).run();
  }
  return done;
}

bool write(Database& database, const std::optional<client::SavedCard>& card) {
  bool done = clear(database, "card") && clear(database, "card_instance");
  if (!card) return done;
  Statement row = database.prepare("INSERT INTO card VALUES(?, ?)");
  done = done && row.bind(ByteView(card->identity)).bind(ByteView(card->digest)).run();
  Statement instance = database.prepare("INSERT INTO card_instance VALUES(?, ?)");
  for (const Path& path : card->instances) {
    done = done && instance.bind(path.object()).bind(path.instance()).run();
  }
  return done;
}

bool write_meta(Database& database, const char* name, const std::optional<std::int64_t>& number) {
  Statement row = database.prepare("INSERT OR REPLACE INTO meta VALUES(?, ?)");
  return row.bind(std::string_view(name)).bind_optional(number).run();
}

}  // namespace

const std::array<const char*, StateFile::kVersion> kSteps = {
    "CREATE TABLE meta(name TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID;"
    "CREATE TABLE instance(object INTEGER, instance INTEGER, PRIMARY KEY(object, instance)) WITHOUT ROWID;"
    "CREATE TABLE resource(object INTEGER, instance INTEGER, resource INTEGER, multiple INTEGER,"
    " PRIMARY KEY(object, instance, resource)) WITHOUT ROWID;"
    "CREATE TABLE value(object INTEGER, instance INTEGER, resource INTEGER, id INTEGER, type INTEGER, data BLOB,"
    " PRIMARY KEY(object, instance, resource, id)) WITHOUT ROWID;"
    "CREATE TABLE baseline(object INTEGER, instance INTEGER, resource INTEGER, hash INTEGER,"
    " PRIMARY KEY(object, instance, resource)) WITHOUT ROWID;"
    "CREATE TABLE attribute(server INTEGER, path TEXT, pmin INTEGER, pmax INTEGER, gt REAL, lt REAL, st REAL,"
    " PRIMARY KEY(server, path)) WITHOUT ROWID;"
    "CREATE TABLE observation(server INTEGER, path TEXT, accept INTEGER, token BLOB);"
    "CREATE TABLE notification(server INTEGER, path TEXT, at INTEGER, format INTEGER, payload BLOB);"
    "CREATE TABLE registration(server INTEGER PRIMARY KEY, host TEXT, port INTEGER, peer TEXT, location TEXT,"
    " endpoint TEXT, version TEXT, lifetime INTEGER, binding TEXT, sms TEXT, links TEXT, unsure INTEGER,"
    " ends INTEGER);"
    "CREATE TABLE disabled(server INTEGER PRIMARY KEY, until INTEGER);",
    "ALTER TABLE registration ADD COLUMN secure INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE channel(server INTEGER PRIMARY KEY, fingerprint INTEGER, address TEXT, released BLOB, session BLOB);",
    "CREATE TABLE sms_counter(key INTEGER PRIMARY KEY, reserved INTEGER, received INTEGER);"
    "ALTER TABLE channel RENAME TO earlier;"
    "CREATE TABLE channel(server INTEGER, sms INTEGER, fingerprint INTEGER, address TEXT, released BLOB, session BLOB,"
    " PRIMARY KEY(server, sms)) WITHOUT ROWID;"
    "INSERT INTO channel SELECT server, 0, fingerprint, address, released, session FROM earlier;"
    "DROP TABLE earlier;",
    "CREATE TABLE card(identity BLOB, digest BLOB);"
    "CREATE TABLE card_instance(object INTEGER, instance INTEGER, PRIMARY KEY(object, instance)) WITHOUT ROWID;",
};

bool take_associations(Database& database) {
  return database.run("UPDATE channel SET released = x'' WHERE length(released) > 0");
}

bool write_changes(Database& database, const Changes& changes) {
  bool done = true;
  if (changes.replace) {
    for (const char* table : kTables) done = done && clear(database, table);
  }
  done = done && write_tree(database, changes);
  if (changes.registrations) done = done && write(database, *changes.registrations);
  if (changes.channels) done = done && write(database, *changes.channels);
  if (changes.sms_counters) done = done && write(database, *changes.sms_counters);
  if (changes.card) done = done && write(database, *changes.card);
  if (changes.disabled) done = done && write(database, *changes.disabled);
  if (changes.observations) done = done && write(database, *changes.observations);
  if (changes.attributes) done = done && write(database, *changes.attributes);
  if (changes.notifications) done = done && write(database, *changes.notifications);
  if (changes.baseline) done = done && write(database, *changes.baseline);
  if (changes.observe_number) done = done && write_meta(database, "observe_number", *changes.observe_number);
  if (changes.bootstrap_purge) done = done && write_meta(database, "bootstrap_purge", *changes.bootstrap_purge);
  if (changes.clock_offset) done = done && write_meta(database, "clock_offset", *changes.clock_offset);
  if (changes.port) done = done && write_meta(database, "port", *changes.port);
  return done;
}

}  // namespace drover::storage
