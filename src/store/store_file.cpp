// SPDX-License-Identifier: Apache-2.0
#include "store/store_file.hpp"

#include <utility>

#include "sqlite/schema.hpp"

namespace drover::store {

namespace {

using Kind = sqlite::Condition::Kind;

// "DRVC": tells a store from somebody else's database.
constexpr sqlite::Schema kSchema{.application = 0x44525643, .version = StoreFile::kVersion};

// kSteps[i] makes version i + 1 of version i. One that was published isn't changed any more.
constexpr const char* kSteps[] = {
    // AUTOINCREMENT: associations remember the ids of credentials, so one that was removed isn't given again.
    "CREATE TABLE credential(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, identity BLOB NOT NULL,"
    " sealed_key BLOB NOT NULL, endpoint TEXT NOT NULL, label TEXT NOT NULL, created_at INTEGER NOT NULL,"
    " expires_at INTEGER, enabled INTEGER NOT NULL, UNIQUE(kind, identity));"
    "CREATE TABLE credential_check(one INTEGER PRIMARY KEY CHECK(one = 1), sealed BLOB NOT NULL);"
    // AUTOINCREMENT: that there ever was a token closes the API for good, and a log names them by id.
    "CREATE TABLE api_token(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, role INTEGER NOT NULL,"
    " hash BLOB NOT NULL UNIQUE, created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER);",
    // The same identity may serve each purpose, so the table is made anew, and with it what AUTOINCREMENT remembers: the
    // largest id may be one of a row that is gone.
    "CREATE TABLE credential_2(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, identity BLOB NOT NULL,"
    " sealed_key BLOB NOT NULL, endpoint TEXT NOT NULL, label TEXT NOT NULL, created_at INTEGER NOT NULL,"
    " expires_at INTEGER, enabled INTEGER NOT NULL, purpose INTEGER NOT NULL, issuer TEXT NOT NULL,"
    " UNIQUE(purpose, kind, identity));"
    "INSERT INTO credential_2 SELECT id, kind, identity, sealed_key, endpoint, label, created_at, expires_at, enabled,"
    " 1, '' FROM credential;"
    "DELETE FROM sqlite_sequence WHERE name = 'credential_2';"
    "INSERT INTO sqlite_sequence SELECT 'credential_2', seq FROM sqlite_sequence WHERE name = 'credential';"
    "DROP TABLE credential;"
    "ALTER TABLE credential_2 RENAME TO credential;"
    "CREATE TABLE bootstrap_plan(name TEXT PRIMARY KEY NOT NULL, sealed_text BLOB NOT NULL, changed_at INTEGER NOT NULL);",
    // AUTOINCREMENT: the id names the keys that counters belong to. These are rows of their own because they change with
    // the traffic, and have no keys that a change would write again.
    "CREATE TABLE sms_account(id INTEGER PRIMARY KEY AUTOINCREMENT, msisdn TEXT NOT NULL UNIQUE, endpoint TEXT NOT NULL,"
    " protection INTEGER NOT NULL, parameters BLOB NOT NULL, sealed_keys BLOB NOT NULL, label TEXT NOT NULL,"
    " created_at INTEGER NOT NULL, enabled INTEGER NOT NULL);"
    "CREATE TABLE sms_counter(account INTEGER PRIMARY KEY, reserved INTEGER NOT NULL, received INTEGER NOT NULL);",
    // Definitions that people brought, as they came.
    "CREATE TABLE object_model(object INTEGER NOT NULL, version TEXT NOT NULL, ddf BLOB NOT NULL,"
    " changed_at INTEGER NOT NULL, PRIMARY KEY(object, version));"
    // The content is a file beside the store, named by its sha256: a database with images in it couldn't be copied in
    // reasonable time. `path` is what devices fetch it by.
    "CREATE TABLE firmware_image(name TEXT PRIMARY KEY NOT NULL, version TEXT NOT NULL, sha256 BLOB NOT NULL,"
    " size INTEGER NOT NULL, path TEXT NOT NULL UNIQUE, uploaded_at INTEGER NOT NULL, uploaded_by TEXT NOT NULL);"
    // AUTOINCREMENT: operations say who asked for them by the campaign's id.
    "CREATE TABLE campaign(id INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, state INTEGER NOT NULL,"
    " head TEXT NOT NULL);"
    // Rows change with each step of a device, many at once: numbers instead of endpoints make the key short.
    "CREATE TABLE campaign_device(campaign INTEGER NOT NULL, number INTEGER NOT NULL, endpoint TEXT NOT NULL,"
    " stage INTEGER NOT NULL, step INTEGER NOT NULL, ending INTEGER NOT NULL, operation INTEGER, result INTEGER,"
    " reason TEXT NOT NULL, attempt INTEGER NOT NULL, began INTEGER NOT NULL, sent INTEGER NOT NULL,"
    " version_before TEXT NOT NULL, version TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY(campaign, number))"
    " WITHOUT ROWID;"
    // One row a sink of the configuration, also of one that was taken out: when it comes back it goes on.
    "CREATE TABLE sink_cursor(name TEXT PRIMARY KEY NOT NULL, number INTEGER NOT NULL, series TEXT NOT NULL,"
    " changed_at INTEGER NOT NULL) WITHOUT ROWID;"
    // Of devices that needn't be registered, nor ever have been.
    "CREATE TABLE device_tag(endpoint TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY(endpoint, tag)) WITHOUT ROWID;"
    // AUTOINCREMENT: operations say "bulk 7" for as long as they are kept. What doesn't change any more, a payload
    // perhaps (sealed), stands apart from what changes with each batch of results.
    "CREATE TABLE bulk(id INTEGER PRIMARY KEY AUTOINCREMENT, asked_by TEXT NOT NULL, operation BLOB NOT NULL,"
    " selection TEXT NOT NULL, parallel INTEGER NOT NULL, lifetime INTEGER NOT NULL, priority INTEGER NOT NULL,"
    " stop_at INTEGER NOT NULL, created_at INTEGER NOT NULL);"
    "CREATE TABLE bulk_progress(bulk INTEGER PRIMARY KEY, state INTEGER NOT NULL, retrying INTEGER NOT NULL,"
    " reason TEXT NOT NULL, deadline INTEGER NOT NULL, ended_at INTEGER, over_before INTEGER NOT NULL,"
    " failed_before INTEGER NOT NULL, counts BLOB NOT NULL);"
    // The operation's id is here before the operation is asked for: after a kill that says whether it was.
    "CREATE TABLE bulk_device(bulk INTEGER NOT NULL, endpoint TEXT NOT NULL, state INTEGER NOT NULL,"
    " operation INTEGER NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL, changed_at INTEGER NOT NULL,"
    " PRIMARY KEY(bulk, endpoint)) WITHOUT ROWID;"
    "CREATE INDEX bulk_device_state ON bulk_device(bulk, state, endpoint);"
    // Those of the configuration, too: when they last changed says which devices have had them.
    "CREATE TABLE rule(name TEXT NOT NULL, configured INTEGER NOT NULL, text BLOB NOT NULL,"
    " changed_at INTEGER NOT NULL, PRIMARY KEY(name, configured));"
    // `registration` and `step` say after a kill where to go on.
    "CREATE TABLE rule_device(rule TEXT NOT NULL, endpoint TEXT NOT NULL, registration TEXT NOT NULL,"
    " state INTEGER NOT NULL, step INTEGER NOT NULL, operation INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " detail TEXT NOT NULL, changed_at INTEGER NOT NULL, PRIMARY KEY(rule, endpoint)) WITHOUT ROWID;"
    // Those of one rule that are under way, at a start; and the oldest, which go first when there are too many.
    "CREATE INDEX rule_device_state ON rule_device(state, rule);"
    "CREATE INDEX rule_device_age ON rule_device(rule, changed_at);",
};
static_assert(std::size(kSteps) == StoreFile::kVersion);

tl::unexpected<Error> refusal(const std::string& name, const std::string& reason) {
  return tl::unexpected(Error{Fault::Environment, 0, "store " + name + ": " + reason});
}

std::string advice(Kind kind) {
  switch (kind) {
    case Kind::Later: return "; use that version's droverd, or give another path";
    case Kind::Foreign: return "; give another path";
    case Kind::Damaged: return "; put a copy in its place, or move it away with its -wal file to begin an empty store";
    case Kind::Empty:
    case Kind::Sound: break;
  }
  return "";
}

}  // namespace

Result<std::shared_ptr<StoreFile>> StoreFile::open(const std::string& name) {
  const sqlite::Condition seen = sqlite::peek(name, kSchema);
  if (seen.kind != Kind::Empty) return refusal(name, seen.reason + advice(seen.kind));
  std::string reason;
  auto database = sqlite::Database::open(name, reason);
  if (!database) {
    if (database.error() == sqlite::Trouble::Busy) return refusal(name, "another process has it open");
    if (database.error() == sqlite::Trouble::Damaged) return refusal(name, "damaged (" + reason + ")" + advice(Kind::Damaged));
    return refusal(name, "can't be opened: " + reason);
  }
  const sqlite::Condition condition = sqlite::inspect(*database, kSchema);
  if (condition.kind != Kind::Empty && condition.kind != Kind::Sound) {
    database->keep_log();
    return refusal(name, condition.reason + advice(condition.kind));
  }
  // What is removed is overwritten: a key that was given up isn't found in the file's free pages.
  const bool ready =
      database->run("PRAGMA secure_delete=ON") && sqlite::upgrade(*database, kSchema, condition.version, kSteps);
  if (!ready) return refusal(name, "can't be written: " + database->reason());
  return std::shared_ptr<StoreFile>(new StoreFile(name, std::move(*database)));
}

Result<std::shared_ptr<StoreFile>> StoreFile::in_memory() {
  const std::string name = "in memory";
  std::string reason;
  auto database = sqlite::Database::open_memory(kMemoryMax, reason);
  if (!database) return refusal(name, reason);
  if (!sqlite::upgrade(*database, kSchema, 0, kSteps)) return refusal(name, database->reason());
  return std::shared_ptr<StoreFile>(new StoreFile(name, std::move(*database)));
}

Result<void> StoreFile::copy_to(const std::string& file) {
  std::unique_lock lock(mutex_);
  if (!database_.copy_to(file, lock)) return failure("can't be copied to " + file + ": " + database_.reason());
  return {};
}

tl::unexpected<Error> StoreFile::failure(const std::string& reason) const {
  return refusal(name_, reason);
}

}  // namespace drover::store
