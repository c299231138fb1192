// SPDX-License-Identifier: Apache-2.0
#include "history/walk.hpp"

#include <algorithm>

#include "history/writing.hpp"

namespace drover::history {

namespace {

constexpr std::size_t kDevicesPassed = 20'000;  // that the pattern doesn't mean, in one walk

// What lies behind (?, ?) and before the end, or the other way round.
constexpr const char* kForward =
    "SELECT at, n, value, kind, arrived FROM point WHERE series = ? AND (at, n) > (?, ?) AND at < ? ORDER BY at, n";
constexpr const char* kBackward =
    "SELECT at, n, value, kind, arrived FROM point WHERE series = ? AND (at, n) < (?, ?) AND at >= ?"
    " ORDER BY at DESC, n DESC";

}  // namespace

std::string glob_of(const std::string& pattern) {
  if (pattern.empty()) return "*";
  std::string glob;
  for (const char c : pattern) glob += c == '[' ? std::string("[[]") : std::string(1, c);
  return glob;
}

Walk::Walk(sqlite::Database& database, const HistoryQuery& query, UnixMilliseconds floor)
    : database_(database), query_(query), from_(std::max(query.from, floor)) {}

bool Walk::run(const Visitor& visitor, std::optional<Position>& next) {
  if (!query_.endpoint.empty()) {
    sqlite::Statement one = database_.prepare("SELECT id FROM device WHERE endpoint = ?");
    if (!one.bind(query_.endpoint).row()) return one.ok();
    return device(query_.endpoint, one.number(0), visitor) != Go::Failed;
  }
  const std::string glob = glob_of(query_.pattern);
  sqlite::Statement all =
      database_.prepare("SELECT endpoint, id, endpoint GLOB ? FROM device WHERE endpoint >= ? ORDER BY endpoint");
  all.bind(glob).bind(query_.after ? std::string_view(query_.after->endpoint) : std::string_view());
  std::size_t passed = 0;
  while (all.row()) {
    const std::string endpoint = all.text(0);
    if (all.number(2) != 0) {
      const Go go = device(endpoint, all.number(1), visitor);
      if (go != Go::On) return go == Go::Enough;
    } else if (++passed == kDevicesPassed) {
      next = Position{endpoint, path_of({.path = kLastOrdinal, .sub = 65535}), kLatest, kLastOrdinal};
      return true;
    }
  }
  return all.ok();
}

Walk::Go Walk::device(const std::string& endpoint, std::int64_t id, const Visitor& visitor) {
  KeyRange range = range_of(query_.path);
  if (query_.after && query_.after->endpoint == endpoint) {
    const Key after = key_of(query_.after->path);
    if (std::pair(after.path, after.sub) > std::pair(range.first.path, range.first.sub)) range.first = after;
  }
  sqlite::Statement all = database_.prepare(
      "SELECT id, path, sub, type FROM series WHERE device = ? AND (path, sub) >= (?, ?) AND (path, sub) <= (?, ?)"
      " ORDER BY path, sub");
  all.bind(id).bind(range.first.path).bind(range.first.sub).bind(range.last.path).bind(range.last.sub);
  while (all.row()) {
    const Go go = series({endpoint, path_of({all.number(1), all.number(2)}), all.text(3)}, all.number(0), visitor);
    if (go != Go::On) return go;
  }
  return all.ok() ? Go::On : Go::Failed;
}

Walk::Go Walk::series(const Series& series, std::int64_t id, const Visitor& visitor) {
  const bool forward = query_.order == Order::OldestFirst;
  std::pair<UnixMilliseconds, std::int64_t> start(forward ? from_ : query_.to, -1);
  if (query_.after && query_.after->endpoint == series.endpoint && query_.after->path == series.path) {
    const std::pair after(query_.after->at, query_.after->n);
    start = forward ? std::max(start, after) : std::min(start, after);
  }
  sqlite::Statement rows = database_.prepare(forward ? kForward : kBackward);
  rows.bind(id).bind(start.first).bind(start.second).bind(forward ? query_.to : from_);
  bool any = false;
  while (rows.row()) {
    if (!any && !visitor.series(series)) return Go::Enough;
    any = true;
    const std::int64_t kind = rows.number(3);
    const Sample sample{rows.number(0), value_at(rows, 2, kind), how_of(kind), rows.number(4)};
    if (!visitor.row(sample, rows.number(1))) return Go::Enough;
  }
  if (!rows.ok()) return Go::Failed;
  return !any || visitor.end() ? Go::On : Go::Enough;
}

}  // namespace drover::history
