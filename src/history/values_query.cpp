// SPDX-License-Identifier: Apache-2.0
// What Values is asked.
#include "history/buckets.hpp"
#include "history/values.hpp"
#include "history/walk.hpp"
#include "history/writing.hpp"

namespace drover::history {

namespace {

constexpr std::size_t kRowSize = 64;  // what a value takes beside its text, roughly

std::size_t size_of(const Scalar& value) {
  const auto* text = std::get_if<std::string>(&value);
  return kRowSize + (text == nullptr ? 0 : text->size());
}

// The last row of a series is its last value.
constexpr const char* kLastSql =
    "SELECT s.path, s.sub, s.type, p.at, p.value, p.kind, p.arrived FROM series s JOIN point p"
    " ON p.series = s.id AND (p.at, p.n) ="
    "  (SELECT at, n FROM point WHERE series = s.id ORDER BY at DESC, n DESC LIMIT 1)"
    " WHERE s.device = (SELECT id FROM device WHERE endpoint = ?)"
    "  AND (s.path, s.sub) >= (?, ?) AND (s.path, s.sub) <= (?, ?)"
    " ORDER BY s.path, s.sub LIMIT ?";

}  // namespace

Result<LastPage> Values::read_last(Connection& connection, const LastQuery& query) {
  LastPage page;
  KeyRange range = range_of(query.path);
  if (query.after) {
    Key behind = key_of(*query.after);
    ++behind.sub;
    if (std::pair(behind.path, behind.sub) > std::pair(range.first.path, range.first.sub)) range.first = behind;
  }
  if (!connection.last || !connection.last->ok()) {
    connection.last.reset();
    connection.last = std::make_unique<sqlite::Statement>(connection.database, kLastSql);
  }
  sqlite::Statement& rows = *connection.last;
  rows.bind(query.endpoint).bind(range.first.path).bind(range.first.sub);
  rows.bind(range.last.path).bind(range.last.sub).bind(static_cast<std::int64_t>(query.limit) + 1);
  std::size_t size = 0;
  while (rows.row()) {
    if (page.values.size() == query.limit || size >= kPageBytesMax) {
      page.more = true;
      break;
    }
    const std::int64_t kind = rows.number(5);
    page.values.push_back({{query.endpoint, path_of({rows.number(0), rows.number(1)}), rows.text(2)},
                           {rows.number(3), value_at(rows, 4, kind), how_of(kind), rows.number(6)}});
    size += size_of(page.values.back().sample.value);
  }
  if (!rows.run()) return tl::unexpected(Error{Fault::Environment, 0, connection.database.reason()});
  return page;
}

Result<LastPage> Values::last(const LastQuery& query) {
  const std::lock_guard lock(reader_->mutex);
  auto page = read_last(*reader_, query);
  if (!page) return failure(reader_->database);
  return page;
}

std::optional<std::string> Values::text(const std::string& endpoint, const lwm2m::Path& path) {
  const std::lock_guard lock(looker_->mutex);
  const auto page = read_last(*looker_, {endpoint, path, {}, 1});
  if (!page || page->values.empty() || page->values.front().series.path != path) return std::nullopt;
  return to_text(page->values.front().sample.value);
}

Status Values::status() {
  Status status;
  {
    const std::lock_guard lock(status_mutex_);
    status = status_;
  }
  const std::lock_guard lock(looker_->mutex);
  const auto pages = looker_->database.number("PRAGMA page_count");
  const auto page = looker_->database.number("PRAGMA page_size");
  status.bytes = static_cast<std::uint64_t>(pages.value_or(0)) * static_cast<std::uint64_t>(page.value_or(0));
  return status;
}

Result<HistoryPage> Values::history(const HistoryQuery& query, UnixSeconds now) {
  const std::lock_guard lock(reader_->mutex);
  HistoryPage page;
  std::size_t size = 0;
  Position last;
  Walk walk(reader_->database, query, (now - limits_.max_age) * kSecond);
  Walk::Visitor visitor;
  visitor.series = [&](const Series& series) {
    if (page.rows.size() == query.limit || size >= kPageBytesMax) {
      page.next = last;
      return false;
    }
    page.series.push_back(series);
    last.endpoint = series.endpoint;
    last.path = series.path;
    return true;
  };
  visitor.row = [&](const Sample& sample, std::int64_t n) {
    if (page.rows.size() == query.limit || size >= kPageBytesMax) {
      page.next = last;
      return false;
    }
    page.rows.push_back({page.series.size() - 1, sample});
    size += size_of(sample.value);
    last.at = sample.at;
    last.n = n;
    return true;
  };
  visitor.end = [] { return true; };
  if (!walk.run(visitor, page.next)) return failure(reader_->database);
  return page;
}

Result<BucketPage> Values::buckets(const HistoryQuery& query, std::int64_t every, UnixSeconds now) {
  const std::lock_guard lock(reader_->mutex);
  BucketPage page;
  std::size_t size = 0;
  std::size_t visits = 0;
  Bucketing bucketing(every * kSecond, query.order);
  const bool forward = query.order == Order::OldestFirst;
  const auto flush = [&] {
    auto bucket = bucketing.take();
    if (!bucket) return;
    size += size_of(bucket->first) + size_of(bucket->last);
    page.rows.push_back({page.series.size() - 1, std::move(*bucket)});
  };
  // Behind a whole bucket, whatever still comes into it.
  const auto is_full = [&] {
    if (page.rows.size() < query.limit && size < kPageBytesMax && visits < kPageVisitsMax) return false;
    const UnixMilliseconds start = page.rows.back().bucket.at;
    page.next = Position{page.series.back().endpoint, page.series.back().path,
                         forward ? start + every * kSecond - 1 : start, forward ? kLastOrdinal : -1};
    return true;
  };
  Walk walk(reader_->database, query, (now - limits_.max_age) * kSecond);
  Walk::Visitor visitor;
  visitor.series = [&](const Series& series) {
    if (!page.rows.empty() && is_full()) return false;
    page.series.push_back(series);
    return true;
  };
  visitor.row = [&](const Sample& sample, std::int64_t) {
    ++visits;
    if (bucketing.ends_with(sample)) {
      flush();
      if (is_full()) return false;
    }
    bucketing.add(sample);
    return true;
  };
  visitor.end = [&] {
    flush();
    return true;
  };
  if (!walk.run(visitor, page.next)) return failure(reader_->database);
  return page;
}

}  // namespace drover::history
