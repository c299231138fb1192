// SPDX-License-Identifier: Apache-2.0
#include "history/values.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "history/writing.hpp"
#include "sqlite/schema.hpp"

namespace drover::history {

namespace {

using Kind = sqlite::Condition::Kind;

// "DRVV": tells these values from somebody else's database.
constexpr sqlite::Schema kSchema{.application = 0x44525656, .version = Values::kVersion};

// kSteps[i] makes version i + 1 of version i. One that was published isn't changed any more.
constexpr const char* kSteps[] = {
    "CREATE TABLE state(one INTEGER PRIMARY KEY CHECK(one = 1), cursor INTEGER NOT NULL);"
    "INSERT INTO state VALUES(1, 0);"
    "CREATE TABLE device(id INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL UNIQUE, series INTEGER NOT NULL);"
    // AUTOINCREMENT: the points of a series that was forgotten go later, so its id isn't given again.
    "CREATE TABLE series(id INTEGER PRIMARY KEY AUTOINCREMENT, device INTEGER NOT NULL, path INTEGER NOT NULL,"
    " sub INTEGER NOT NULL, type TEXT NOT NULL, UNIQUE(device, path, sub));"
    // By time, so that a late value stands in its place and the last one is the last row: nothing else changes when a
    // value comes. `value` has no type of its own: text stays text, a whole number whole.
    "CREATE TABLE point(series INTEGER NOT NULL, at INTEGER NOT NULL, n INTEGER NOT NULL, value, kind INTEGER NOT NULL,"
    " arrived INTEGER NOT NULL, PRIMARY KEY(series, at, n)) WITHOUT ROWID;"
    "CREATE TABLE forgotten(series INTEGER PRIMARY KEY);",
};
static_assert(std::size(kSteps) == Values::kVersion);

constexpr std::int64_t kTrimMax = 10'000;    // values that one look at a series removes
constexpr std::size_t kThinningsMax = 3;     // for one batch; an eighth of the history is left then

tl::unexpected<Error> refusal(const std::string& file, const std::string& reason) {
  return tl::unexpected(Error{Fault::Environment, 0, "values " + file + ": " + reason});
}

const char* advice(Kind kind) {
  switch (kind) {
    case Kind::Later: return "; use that version's droverd, or remove the file to begin empty ones";
    case Kind::Foreign: return "; give the store another path";
    case Kind::Damaged:
      return "; put a copy in its place, or remove it with its -wal and -shm files to begin empty ones";
    case Kind::Empty:
    case Kind::Sound: break;
  }
  return "";
}

Result<sqlite::Database> connect(const std::string& file) {
  std::string reason;
  auto opened = file.empty() ? sqlite::Database::open_memory(kMemoryMax, reason)
                             : sqlite::Database::open_shared(file, reason);
  if (opened) return std::move(*opened);
  if (opened.error() == sqlite::Trouble::Busy) return refusal(file, "another process has it open");
  if (opened.error() == sqlite::Trouble::Damaged) {
    return refusal(file, "damaged (" + reason + ")" + advice(Kind::Damaged));
  }
  return refusal(file, "can't be opened: " + reason);
}

}  // namespace

Values::Values(std::string file, const Limits& limits, std::shared_ptr<Connection> writer,
               std::shared_ptr<Connection> reader, std::shared_ptr<Connection> looker)
    : file_(std::move(file)),
      limits_(limits),
      writer_(std::move(writer)),
      reader_(std::move(reader)),
      looker_(std::move(looker)) {}

Values::~Values() = default;

Result<std::unique_ptr<Values>> Values::open(const std::string& file, const Limits& limits) {
  if (!file.empty()) {
    const sqlite::Condition seen = sqlite::peek(file, kSchema);
    if (seen.kind != Kind::Empty) return refusal(file, seen.reason + advice(seen.kind));
  }
  auto database = connect(file);
  if (!database) return tl::unexpected(database.error());
  const sqlite::Condition condition = sqlite::inspect(*database, kSchema, sqlite::Depth::Header);
  if (condition.kind != Kind::Empty && condition.kind != Kind::Sound) {
    database->keep_log();
    return refusal(file, condition.reason + advice(condition.kind));
  }
  if (!sqlite::upgrade(*database, kSchema, condition.version, kSteps)) {
    return refusal(file, "can't be written: " + database->reason());
  }
  auto writer = std::make_shared<Connection>(std::move(*database));
  auto reader = writer;
  auto looker = writer;
  for (auto* const other : {&reader, &looker}) {
    if (file.empty()) break;
    auto opened = connect(file);
    if (!opened) return tl::unexpected(opened.error());
    *other = std::make_shared<Connection>(std::move(*opened));
  }
  std::unique_ptr<Values> values(new Values(file, limits, std::move(writer), std::move(reader), std::move(looker)));
  values->prepare();
  sqlite::Database& own = values->writer_->database;
  const auto cursor = own.number("SELECT cursor FROM state");
  const auto devices = own.number("SELECT count(*) FROM device");
  const auto series = own.number("SELECT coalesce(sum(series), 0) FROM device");
  if (!cursor || !devices || !series || !values->writing_->ok()) {
    return refusal(file, "damaged (" + own.reason() + ")" + advice(Kind::Damaged));
  }
  values->cursor_ = static_cast<std::uint64_t>(*cursor);
  Status& status = values->status_;
  status.cursor = values->cursor_;
  status.devices = static_cast<std::uint64_t>(*devices);
  status.series = static_cast<std::uint64_t>(*series);
  status.durable = !file.empty();
  return values;
}

tl::unexpected<Error> Values::failure(const sqlite::Database& database) const {
  const bool damaged = database.trouble() == sqlite::Trouble::Damaged;
  return refusal(file_, damaged ? "damaged (" + database.reason() + ")" + advice(Kind::Damaged) : database.reason());
}

void Values::prepare() {
  writing_ = std::make_unique<Writing>(writer_->database);
}

Result<void> Values::finish(bool done) {
  sqlite::Database& database = writer_->database;
  if (done && database.run("COMMIT")) {
    const std::lock_guard lock(status_mutex_);
    status_.trouble.clear();
    return {};
  }
  auto failed = failure(database);
  {
    const std::lock_guard lock(status_mutex_);
    status_.trouble = failed.value().reason;
  }
  writing_.reset();
  database.roll_back();
  prepare();
  return failed;
}

// ---- what events bring ----------------------------------------------------------------------------------------------

Result<void> Values::set_cursor(std::uint64_t number) {
  const std::lock_guard lock(writer_->mutex);
  auto done = finish(writer_->database.run("BEGIN IMMEDIATE") && writing_->set_cursor.bind(static_cast<std::int64_t>(number)).run());
  if (!done) return done;
  cursor_ = number;
  const std::lock_guard status_lock(status_mutex_);
  status_.cursor = number;
  return {};
}

Result<void> Values::project(const events::Feed::Batch& batch) {
  const std::lock_guard lock(writer_->mutex);
  const std::uint64_t last = batch.items.empty() ? batch.lost_through : batch.items.back()->number;
  if (last <= cursor_) return {};
  for (std::size_t attempt = 0;; ++attempt) {
    Status counts;
    std::set<std::int64_t> touched;
    auto done = finish(writer_->database.run("BEGIN IMMEDIATE") && project_once(batch, counts, touched));
    const bool full = !done && file_.empty() && writer_->database.trouble() == sqlite::Trouble::Full;
    if (full && attempt < kThinningsMax && thin_out()) continue;
    if (full) counts = Status{.lost = last - cursor_};  // there is no later in memory: what doesn't fit is given up
    if (!done && !full) return done;
    cursor_ = last;
    const std::lock_guard status_lock(status_mutex_);
    status_.cursor = last;
    for (std::uint64_t Status::*const count :
         {&Status::devices, &Status::series, &Status::stored, &Status::late, &Status::refused_device,
          &Status::refused_total, &Status::refused_size, &Status::lost}) {
      status_.*count += counts.*count;
    }
    return {};
  }
}

bool Values::project_once(const events::Feed::Batch& batch, Status& counts, std::set<std::int64_t>& touched) {
  if (batch.lost_through > cursor_) counts.lost = batch.lost_through - cursor_;
  std::uint64_t last = std::max(cursor_, batch.lost_through);
  for (const events::ItemPtr& item : batch.items) {
    if (item->number <= cursor_) continue;
    last = item->number;
    const Readings readings = readings_of(*item);
    if (!readings.values.empty() && !add(item->endpoint, readings, item->at, counts, touched)) return false;
  }
  for (const std::int64_t series : touched) {
    if (!trim(series, limits_.max_count)) return false;
  }
  return writing_->set_cursor.bind(static_cast<std::int64_t>(last)).run();
}

bool Values::add(const std::string& endpoint, const Readings& readings, UnixSeconds arrived, Status& counts,
                 std::set<std::int64_t>& touched) {
  for (const Reading& reading : readings.values) {
    const auto* text = std::get_if<std::string>(&reading.value);
    if (text != nullptr && text->size() > kValueMax) {
      ++counts.refused_size;
      continue;
    }
    bool done = true;
    const auto series = series_of(endpoint, reading, counts, done);
    if (!done) return false;
    if (series && !add_reading(*series, reading, readings.how, arrived, counts, touched)) return false;
  }
  return true;
}

std::optional<std::int64_t> Values::series_of(const std::string& endpoint, const Reading& reading, Status& counts,
                                              bool& done) {
  Writing& w = *writing_;
  std::optional<std::int64_t> device, series;
  std::uint64_t of_device = 0;
  std::string type;
  if (w.find_device.bind(endpoint).row()) {
    device = w.find_device.number(0);
    of_device = static_cast<std::uint64_t>(w.find_device.number(1));
  }
  done = w.find_device.run();
  const Key key = key_of(reading.path);
  if (done && device) {
    if (w.find_series.bind(*device).bind(key.path).bind(key.sub).row()) {
      series = w.find_series.number(0);
      type = w.find_series.text(1);
    }
    done = w.find_series.run();
  }
  if (!done) return std::nullopt;
  if (series) {
    if (!reading.type.empty() && reading.type != type) done = w.set_type.bind(reading.type).bind(*series).run();
    return series;
  }
  if (of_device >= limits_.series_max_per_device) {
    ++counts.refused_device;
    return std::nullopt;
  }
  if (status_.series + counts.series >= limits_.series_max) {
    ++counts.refused_total;
    return std::nullopt;
  }
  if (!device) {
    if (w.add_device.bind(endpoint).row()) device = w.add_device.number(0);
    done = w.add_device.run() && device;
    ++counts.devices;
  }
  if (done) done = w.count_device.bind(1).bind(*device).run();
  if (done) {
    if (w.add_series.bind(*device).bind(key.path).bind(key.sub).bind(reading.type).row()) series = w.add_series.number(0);
    done = w.add_series.run() && series;
    ++counts.series;
  }
  return series;
}

bool Values::add_reading(std::int64_t series, const Reading& reading, How how, UnixSeconds arrived, Status& counts,
                         std::set<std::int64_t>& touched) {
  Writing& w = *writing_;
  std::optional<std::pair<UnixMilliseconds, std::int64_t>> newest;
  if (w.newest.bind(series).row()) newest.emplace(w.newest.number(0), w.newest.number(1));
  if (!w.newest.run()) return false;
  // What has no time of its own is the newest one, even where the server's clock was set back.
  const UnixMilliseconds at = newest && !reading.timed ? std::max(reading.at, newest->first) : reading.at;
  const bool late = newest && at < newest->first;
  // The last one's ordinal counts what came in order.
  std::int64_t n = newest ? newest->second + 1 : 0;
  if (newest && reading.timed && at <= newest->first) {
    bool known = false;
    if (late) n = 0;
    w.at_moment.bind(series).bind(at);
    while (w.at_moment.row()) {
      n = std::max(n, w.at_moment.number(0) + 1);
      // Devices repeat what they aren't sure has arrived.
      known |= value_at(w.at_moment, 1, w.at_moment.number(2)) == reading.value;
    }
    if (!w.at_moment.run()) return false;
    if (known) return true;
  }
  ++counts.stored;
  if (late) ++counts.late;
  const auto spare = static_cast<std::int64_t>(std::max<std::size_t>(limits_.max_count / 8, 1));
  if (late || n % spare == 0) touched.insert(series);
  w.add_point.bind(series).bind(at).bind(n);
  bind_value(w.add_point, reading.value);
  return w.add_point.bind(kind_of(reading.value, how)).bind(arrived).run();
}

Result<void> Values::copy_to(const std::string& file) {
  // The writer's own connection: the copy gets what it writes in between, and doesn't begin anew.
  std::unique_lock lock(writer_->mutex);
  if (!writer_->database.copy_to(file, lock)) return failure(writer_->database);
  return {};
}

// ---- what goes ------------------------------------------------------------------------------------------------------

bool Values::trim(std::int64_t series, std::size_t keep) {
  Writing& w = *writing_;
  std::optional<std::pair<UnixMilliseconds, std::int64_t>> surplus;
  if (w.beyond.bind(series).bind(static_cast<std::int64_t>(keep)).row()) surplus.emplace(w.beyond.number(0), w.beyond.number(1));
  if (!w.beyond.run()) return false;
  return !surplus || remove_through(series, surplus->first, surplus->second, kTrimMax).has_value();
}

std::optional<std::int64_t> Values::remove_through(std::int64_t series, UnixMilliseconds at, std::int64_t n,
                                                   std::int64_t most) {
  Writing& w = *writing_;
  if (w.boundary.bind(series).bind(at).bind(n).bind(most - 1).row()) {
    at = w.boundary.number(0);
    n = w.boundary.number(1);
  }
  if (!w.boundary.run() || !w.remove_range.bind(series).bind(at).bind(n).run()) return std::nullopt;
  return writer_->database.number("SELECT changes()");
}

bool Values::thin_out() {
  sqlite::Database& database = writer_->database;
  bool done = database.run("BEGIN IMMEDIATE");
  std::vector<std::pair<std::int64_t, std::int64_t>> halves;
  {
    sqlite::Statement counts = database.prepare("SELECT series, count(*) FROM point GROUP BY series HAVING count(*) > 1");
    while (counts.row()) halves.emplace_back(counts.number(0), counts.number(1) / 2);
    done = done && counts.ok();
  }
  for (const auto& [series, half] : halves) done = done && trim(series, static_cast<std::size_t>(half));
  return finish(done).has_value() && !halves.empty();
}

}  // namespace drover::history
