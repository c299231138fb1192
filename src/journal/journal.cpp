// SPDX-License-Identifier: Apache-2.0
#include "journal/journal.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <limits>

#include "sqlite/schema.hpp"

namespace drover::journal {

namespace {

using Kind = sqlite::Condition::Kind;

// "DRVJ".
constexpr sqlite::Schema kSchema{.application = 0x4452564A, .version = Journal::kVersion};

// Rows are written in ascending order alone, so pages fill up one after the other; a value of NULL says that the key has
// none any more. `identity` is of the file that this is, to tell a copy.
constexpr const char* kSteps[] = {
    "CREATE TABLE record(seq INTEGER PRIMARY KEY, key INTEGER NOT NULL, value BLOB);"
    "CREATE TABLE event(number INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, endpoint TEXT NOT NULL,"
    " packed BLOB NOT NULL);"
    "CREATE TABLE about(one INTEGER PRIMARY KEY CHECK(one = 1), born INTEGER NOT NULL, device INTEGER NOT NULL,"
    " inode INTEGER NOT NULL);",
    "CREATE TABLE audit(number INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL,"
    " address TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, status INTEGER, location TEXT NOT NULL,"
    " refused INTEGER NOT NULL, unrecorded INTEGER NOT NULL);"
    // Each kind has a bound of its own.
    "CREATE INDEX audit_refused ON audit(refused);",
};
static_assert(std::size(kSteps) == Journal::kVersion);

/// Rows that may be out of date before anything is swept, beside as many as there are keys.
constexpr std::uint64_t kSlack = 8192;
/// Rows swept for each that is written, so that sweeping outruns writing.
constexpr std::size_t kSweepFactor = 3;
/// Events beyond the limit until the oldest are taken off, in one piece.
constexpr std::uint64_t kTrim = 4096;
/// Records of the audit beyond theirs.
constexpr std::uint64_t kTrimAudits = 64;

tl::unexpected<Error> refusal(const std::string& file, const std::string& reason) {
  return tl::unexpected(Error{Fault::Environment, 0, "journal " + file + ": " + reason});
}

std::string advice(Kind kind) {
  switch (kind) {
    case Kind::Later: return "; use that version's droverd, or give another path";
    case Kind::Foreign: return "; give another path";
    case Kind::Damaged:
      return "; put a backup in its place, or move it away with its -wal file: devices register again by themselves, and "
             "operations and events in it are lost";
    case Kind::Empty:
    case Kind::Sound: break;
  }
  return "";
}

}  // namespace

struct Journal::Statements {
  explicit Statements(sqlite::Database& database)
      : put(database, "INSERT INTO record(seq, key, value) VALUES(?, ?, ?)"),
        oldest(database, "SELECT seq, key, value FROM record WHERE seq > ? ORDER BY seq LIMIT ?"),
        drop(database, "DELETE FROM record WHERE seq <= ?"),
        event(database, "INSERT INTO event(number, at, kind, endpoint, packed) VALUES(?, ?, ?, ?, ?)"),
        audit(database,
              "INSERT INTO audit(number, at, who, role, address, action, target, status, location, refused, unrecorded)"
              " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") {}
  sqlite::Statement put, oldest, drop, event, audit;
};

// ---- which row counts

std::uint64_t Journal::Index::find(std::uint64_t key) const {
  const std::uint64_t place = key & ((std::uint64_t{1} << kPlaceBits) - 1);
  if (place >= kDenseMax) {
    const auto found = sparse_.find(key);
    return found == sparse_.end() ? 0 : found->second;
  }
  const auto found = dense_.find(key >> kPlaceBits);
  return found == dense_.end() || place >= found->second.size() ? 0 : found->second[place];
}

void Journal::Index::set(std::uint64_t key, std::uint64_t row) {
  const std::uint64_t place = key & ((std::uint64_t{1} << kPlaceBits) - 1);
  if (place >= kDenseMax) {
    if (row == 0) {
      size_ -= sparse_.erase(key);
    } else if (sparse_.insert_or_assign(key, row).second) {
      ++size_;
    }
    return;
  }
  auto& rows = dense_[key >> kPlaceBits];
  if (place >= rows.size()) rows.resize(place + 1);
  size_ += static_cast<std::size_t>(row != 0) - static_cast<std::size_t>(rows[place] != 0);
  rows[place] = row;
}

// ---- beginning

Journal::Journal(std::string file, sqlite::Database database, const Limits& limits)
    : file_(std::move(file)), database_(std::move(database)), limits_(limits) {}

Journal::~Journal() = default;

Result<std::unique_ptr<Journal>> Journal::open(const std::string& file, const Limits& limits, Visit visit) {
  const sqlite::Condition seen = sqlite::peek(file, kSchema);
  if (seen.kind != Kind::Empty) return refusal(file, seen.reason + advice(seen.kind));
  std::string reason;
  auto database = sqlite::Database::open(file, reason);
  if (!database) {
    if (database.error() == sqlite::Trouble::Busy) return refusal(file, "another process has it open");
    if (database.error() == sqlite::Trouble::Damaged) {
      return refusal(file, "damaged (" + reason + ")" + advice(Kind::Damaged));
    }
    return refusal(file, "can't be opened: " + reason);
  }
  // Its pages are checked as they are read: looking at all of them would take longer than a start may.
  const sqlite::Condition condition = sqlite::inspect(*database, kSchema, sqlite::Depth::Header);
  if (condition.kind != Kind::Empty && condition.kind != Kind::Sound) {
    database->keep_log();
    return refusal(file, condition.reason + advice(condition.kind));
  }
  const bool ready = sqlite::upgrade(*database, kSchema, condition.version, kSteps) &&
                     database->run("PRAGMA cache_size=-4096; PRAGMA wal_autocheckpoint=4096");
  if (!ready) return refusal(file, "can't be written: " + database->reason());
  std::unique_ptr<Journal> journal(new Journal(file, std::move(*database), limits));
  if (auto begun = journal->begin(visit); !begun) return tl::unexpected(begun.error());
  return journal;
}

Result<void> Journal::begin(Visit visit) {
  struct stat status {};
  if (::stat(file_.c_str(), &status) != 0) return refusal(file_, "can't be looked at");
  const auto device = static_cast<std::int64_t>(status.st_dev);
  const auto inode = static_cast<std::int64_t>(status.st_ino);
  std::optional<std::int64_t> known_inode, born;
  std::int64_t known_device = 0;
  {
    sqlite::Statement about = database_.prepare("SELECT born, device, inode FROM about");
    if (about.row()) {
      born = about.number(0);
      known_device = about.number(1);
      known_inode = about.number(2);
    } else if (!about.ok()) {
      return failure("can't be read");
    }
  }
  copied_ = known_inode && (*known_inode != inode || known_device != device);
  born_ = born.value_or(static_cast<UnixSeconds>(::time(nullptr)));
  if (!born || (copied_ && visit == Visit::Server)) {
    sqlite::Statement put = database_.prepare("INSERT OR REPLACE INTO about(one, born, device, inode) VALUES(1, ?, ?, ?)");
    if (!put.bind(born_).bind(device).bind(inode).run()) return failure("can't be written");
  }
  newest_event_ = static_cast<std::uint64_t>(
      database_.number("SELECT coalesce(max(number), 0) FROM event").value_or(0));
  lost_through_ = static_cast<std::uint64_t>(
      database_.number("SELECT coalesce(min(number) - 1, 0) FROM event").value_or(0));
  newest_audit_ = static_cast<std::uint64_t>(
      database_.number("SELECT coalesce(max(number), 0) FROM audit").value_or(0));
  audit_counts_[0] = static_cast<std::uint64_t>(
      database_.number("SELECT count(*) FROM audit WHERE refused = 0").value_or(0));
  audit_counts_[1] = static_cast<std::uint64_t>(
      database_.number("SELECT count(*) FROM audit WHERE refused = 1").value_or(0));
  statements_ = std::make_unique<Statements>(database_);
  return {};
}

tl::unexpected<Error> Journal::failure(const std::string& what) {
  const Kind kind = database_.trouble() == sqlite::Trouble::Damaged ? Kind::Damaged : Kind::Sound;
  return refusal(file_, what + ": " + database_.reason() + advice(kind));
}

Result<void> Journal::load(const std::function<void(std::uint64_t, Bytes)>& visit) {
  const std::lock_guard lock(mutex_);
  {
    sqlite::Statement rows = database_.prepare("SELECT seq, key, value IS NULL FROM record ORDER BY seq");
    while (rows.row()) {
      last_row_ = static_cast<std::uint64_t>(rows.number(0));
      if (rows_++ == 0) swept_ = last_row_ - 1;
      index_.set(static_cast<std::uint64_t>(rows.number(1)), last_row_);
    }
    if (!rows.ok()) return failure("can't be read");
  }
  sqlite::Statement rows = database_.prepare("SELECT seq, key, value FROM record WHERE value IS NOT NULL ORDER BY seq");
  while (rows.row()) {
    const auto key = static_cast<std::uint64_t>(rows.number(1));
    if (index_.find(key) == static_cast<std::uint64_t>(rows.number(0))) visit(key, rows.bytes(2));
  }
  if (!rows.ok()) return failure("can't be read");
  return {};
}

// ---- writing

Result<void> Journal::commit(std::span<const Entry> entries, std::span<const EventRow> events,
                             std::span<const audit::Record> audits) {
  const std::lock_guard lock(mutex_);
  std::vector<Change> changes;
  const std::uint64_t last_row = last_row_, swept = swept_, rows = rows_, lost = lost_through_, audit = newest_audit_;
  const std::uint64_t done_count = audit_counts_[0], refused_count = audit_counts_[1];
  const bool done = database_.run("BEGIN IMMEDIATE") && write(entries, events, changes) && write_audits(audits) &&
                    database_.run("COMMIT");
  if (!done) {
    database_.roll_back();
    // A statement that failed stays so.
    statements_ = std::make_unique<Statements>(database_);
    last_row_ = last_row;
    swept_ = swept;
    rows_ = rows;
    lost_through_ = lost;
    newest_audit_ = audit;
    audit_counts_[0] = done_count;
    audit_counts_[1] = refused_count;
    return failure("can't be written");
  }
  for (const Change& change : changes) index_.set(change.key, change.row);
  if (!events.empty()) newest_event_ = events.back().number;
  ++commits_;
  return {};
}

bool Journal::write(std::span<const Entry> entries, std::span<const EventRow> events, std::vector<Change>& changes) {
  if (rows_ > 2 * index_.size() + kSlack && !sweep(kSweepFactor * entries.size() + 1, changes)) return false;
  for (const Entry& entry : entries) {
    statements_->put.bind(++last_row_).bind(entry.key);
    if (entry.value.empty()) {
      statements_->put.bind(std::nullopt);
    } else {
      statements_->put.bind(ByteView(entry.value));
    }
    if (!statements_->put.run()) return false;
    ++rows_;
    changes.push_back({entry.key, last_row_});
  }
  for (const EventRow& event : events) {
    statements_->event.bind(event.number)
        .bind(event.at)
        .bind(std::string_view(event.kind))
        .bind(std::string_view(event.endpoint))
        .bind(ByteView(event.packed));
    if (!statements_->event.run()) return false;
  }
  if (events.empty()) return true;
  const std::uint64_t newest = events.back().number;
  if (newest - std::min(newest, lost_through_) <= limits_.events_max + kTrim) return true;
  lost_through_ = newest - limits_.events_max;
  return trim_events();
}

bool Journal::sweep(std::size_t rows, std::vector<Change>& changes) {
  struct Row {
    std::uint64_t row, key;
    Bytes value;
  };
  std::vector<Row> oldest;
  statements_->oldest.bind(swept_).bind(rows);
  while (statements_->oldest.row()) {
    const auto& row = statements_->oldest;
    oldest.push_back({static_cast<std::uint64_t>(row.number(0)), static_cast<std::uint64_t>(row.number(1)), row.bytes(2)});
  }
  statements_->oldest.finish();
  if (!statements_->oldest.ok()) return false;
  for (const Row& row : oldest) {
    swept_ = row.row;
    --rows_;
    if (index_.find(row.key) != row.row) continue;
    if (row.value.empty()) {
      // Nothing older of that key is left.
      changes.push_back({row.key, 0});
      continue;
    }
    if (!statements_->put.bind(++last_row_).bind(row.key).bind(ByteView(row.value)).run()) return false;
    ++rows_;
    changes.push_back({row.key, last_row_});
  }
  return oldest.empty() || statements_->drop.bind(swept_).run();
}

bool Journal::trim_events() {
  sqlite::Statement drop = database_.prepare("DELETE FROM event WHERE number <= ?");
  return drop.bind(lost_through_).run();
}

bool Journal::write_audits(std::span<const audit::Record> audits) {
  for (const audit::Record& record : audits) {
    const bool fine = statements_->audit.bind(++newest_audit_)
                          .bind(record.at)
                          .bind(std::string_view(record.who))
                          .bind(std::string_view(record.role))
                          .bind(std::string_view(record.address))
                          .bind(std::string_view(record.action))
                          .bind(std::string_view(record.target))
                          .bind_optional(record.status)
                          .bind(std::string_view(record.location))
                          .bind(record.refused ? 1 : 0)
                          .bind(record.unrecorded)
                          .run();
    if (!fine) return false;
    ++audit_counts_[record.refused ? 1 : 0];
  }
  return audits.empty() || (trim_audits(false) && trim_audits(true));
}

bool Journal::trim_audits(bool refused) {
  std::uint64_t& count = audit_counts_[refused ? 1 : 0];
  const std::uint64_t most = limits_.audit.of(refused);
  if (count <= most + kTrimAudits) return true;
  sqlite::Statement drop = database_.prepare(
      "DELETE FROM audit WHERE number IN (SELECT number FROM audit WHERE refused = ? ORDER BY number LIMIT ?)");
  if (!drop.bind(refused ? 1 : 0).bind(count - most).run()) return false;
  count = most;
  return true;
}

// ---- reading

Result<audit::Page> Journal::audits(const audit::Query& query) {
  const std::lock_guard lock(mutex_);
  audit::Page page;
  const bool newest = query.newest_first;
  // Times don't rise with the numbers for sure: a clock may be set.
  sqlite::Statement rows = database_.prepare(
      newest ? "SELECT number, at, who, role, address, action, target, status, location, refused, unrecorded FROM audit"
               " WHERE number < ? ORDER BY number DESC"
             : "SELECT number, at, who, role, address, action, target, status, location, refused, unrecorded FROM audit"
               " WHERE number > ? ORDER BY number");
  rows.bind(query.after.value_or(newest ? std::numeric_limits<std::int64_t>::max() : 0));
  std::uint64_t last = 0;
  for (std::size_t looked_at = 0; rows.row(); ++looked_at) {
    if (looked_at == audit::Trail::kScanMax || page.records.size() == query.limit) {
      page.next = last;
      break;
    }
    last = static_cast<std::uint64_t>(rows.number(0));
    audit::Record record{.number = last,
                         .at = rows.number(1),
                         .who = rows.text(2),
                         .role = rows.text(3),
                         .address = rows.text(4),
                         .action = rows.text(5),
                         .target = rows.text(6),
                         .location = rows.text(8),
                         .refused = rows.number(9) != 0,
                         .unrecorded = static_cast<std::uint32_t>(rows.number(10))};
    if (!rows.is_null(7)) record.status = static_cast<std::uint32_t>(rows.number(7));
    if (matches(record, query)) page.records.push_back(std::move(record));
  }
  if (!page.next && !rows.ok()) return failure("can't be read");
  return page;
}

Result<Journal::Page> Journal::events(std::uint64_t after, std::size_t count) {
  const std::lock_guard lock(mutex_);
  Page page{lost_through_, {}};
  sqlite::Statement rows = database_.prepare(
      "SELECT number, at, kind, endpoint, packed FROM event WHERE number > ? ORDER BY number LIMIT ?");
  rows.bind(after).bind(count);
  while (rows.row()) {
    page.rows.push_back({static_cast<std::uint64_t>(rows.number(0)), rows.number(1), rows.text(2), rows.text(3),
                         rows.bytes(4)});
  }
  if (!rows.ok()) return failure("can't be read");
  return page;
}

std::uint64_t Journal::newest_event() {
  const std::lock_guard lock(mutex_);
  return newest_event_;
}

Journal::Figures Journal::figures() {
  const std::lock_guard lock(mutex_);
  return {index_.size(), rows_, newest_event_ - std::min(newest_event_, lost_through_), commits_};
}

Result<void> Journal::copy_to(const std::string& file) {
  std::unique_lock lock(mutex_);
  if (!database_.copy_to(file, lock)) return failure("can't be copied to " + file);
  return {};
}

}  // namespace drover::journal
