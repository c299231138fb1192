// SPDX-License-Identifier: Apache-2.0
// What Values gives up: by age, by request, for want of room.
#include <vector>

#include "history/values.hpp"
#include "history/writing.hpp"

namespace drover::history {

namespace {

constexpr std::size_t kSeriesSwept = 256;     // series that one sweep looks at
constexpr std::int64_t kValuesSwept = 4'000;  // values that it removes

}  // namespace

Result<bool> Values::sweep(UnixSeconds now) {
  const std::lock_guard lock(writer_->mutex);
  sqlite::Database& database = writer_->database;
  Sweep sweep{.before = (now - limits_.max_age) * kSecond, .left = kValuesSwept};
  sweep.crowded = status_.series >= limits_.series_max;
  bool done = database.run("BEGIN IMMEDIATE") && sweep_forgotten(sweep);
  std::vector<std::int64_t> next;
  if (done) {
    sqlite::Statement some = database.prepare("SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ?");
    some.bind(swept_).bind(static_cast<std::int64_t>(kSeriesSwept));
    while (some.row()) next.push_back(some.number(0));
    done = some.ok();
  }
  std::int64_t swept = next.size() < kSeriesSwept ? 0 : next.back();
  for (std::size_t i = 0; done && i < next.size(); ++i) {
    done = sweep_series(next[i], sweep);
    if (sweep.left > 0) continue;
    swept = next[i] - 1;  // maybe there is more of it
    break;
  }
  if (auto finished = finish(done); !finished) return tl::unexpected(finished.error());
  swept_ = swept;
  const std::lock_guard status_lock(status_mutex_);
  status_.series -= sweep.series_gone;
  status_.devices -= sweep.devices_gone;
  return sweep.left <= 0;
}

bool Values::sweep_forgotten(Sweep& sweep) {
  while (sweep.left > 0) {
    const auto series = writer_->database.number("SELECT coalesce(min(series), 0) FROM forgotten");
    if (!series) return false;
    if (*series == 0) return true;
    const auto removed = remove_through(*series, kLatest, kLastOrdinal, sweep.left);
    if (!removed) return false;
    sweep.left -= *removed;
    if (sweep.left <= 0) return true;
    sqlite::Statement gone = writer_->database.prepare("DELETE FROM forgotten WHERE series = ?");
    if (!gone.bind(*series).run()) return false;
    --sweep.left;
  }
  return true;
}

bool Values::sweep_series(std::int64_t series, Sweep& sweep) {
  Writing& w = *writing_;
  UnixMilliseconds at = kEarliest;
  std::int64_t n = 0;
  if (w.newest.bind(series).row()) {
    at = w.newest.number(0);
    n = w.newest.number(1);
  }
  if (!w.newest.run()) return false;
  const bool dead = at < sweep.before;
  if (dead && sweep.crowded) return remove_series(series, sweep);
  // The last one stays, whatever its age.
  const auto removed = dead ? remove_through(series, at, n - 1, sweep.left)
                            : remove_through(series, sweep.before - 1, kLastOrdinal, sweep.left);
  if (!removed) return false;
  sweep.left -= *removed;
  return true;
}

bool Values::remove_series(std::int64_t series, Sweep& sweep) {
  sqlite::Database& database = writer_->database;
  const auto run = [&database](const char* sql, std::int64_t id) { return database.prepare(sql).bind(id).run(); };
  std::int64_t device = 0;
  {
    sqlite::Statement owner = database.prepare("DELETE FROM series WHERE id = ? RETURNING device");
    if (owner.bind(series).row()) device = owner.number(0);
    if (!owner.run()) return false;
  }
  if (!writing_->count_device.bind(-1).bind(device).run()) return false;
  if (!run("INSERT INTO forgotten VALUES(?)", series)) return false;
  if (!run("DELETE FROM device WHERE id = ? AND series <= 0", device)) return false;
  ++sweep.series_gone;
  const auto changed = database.number("SELECT changes()");
  sweep.devices_gone += static_cast<std::uint64_t>(changed.value_or(0));
  --sweep.left;
  return changed.has_value();
}

Result<std::uint64_t> Values::forget(const std::string& endpoint) {
  const std::lock_guard lock(writer_->mutex);
  sqlite::Database& database = writer_->database;
  bool done = database.run("BEGIN IMMEDIATE");
  std::int64_t device = 0;
  std::uint64_t series = 0;
  if (done) {
    if (writing_->find_device.bind(endpoint).row()) {
      device = writing_->find_device.number(0);
      series = static_cast<std::uint64_t>(writing_->find_device.number(1));
    }
    done = writing_->find_device.run();
  }
  // Its points are many, and go with the sweep.
  for (const char* sql : {"INSERT INTO forgotten SELECT id FROM series WHERE device = ?",
                          "DELETE FROM series WHERE device = ?", "DELETE FROM device WHERE id = ?"}) {
    done = done && database.prepare(sql).bind(device).run();
  }
  if (auto finished = finish(done); !finished) return tl::unexpected(finished.error());
  const std::lock_guard status_lock(status_mutex_);
  status_.series -= series;
  status_.devices -= device == 0 ? 0 : 1;
  return series;
}

}  // namespace drover::history
