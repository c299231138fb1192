// SPDX-License-Identifier: Apache-2.0
#include "history/writing.hpp"

namespace drover::history {

namespace {

constexpr std::int64_t kTypes = 4;  // text, whole number, real number, Boolean: the index in Scalar
constexpr std::int64_t kIds = 65536;

}  // namespace

Key key_of(const lwm2m::Path& path) {
  const std::int64_t resource = (std::int64_t{path.object()} * kIds + path.instance()) * kIds + path.resource();
  return {resource, path.is_resource_instance() ? std::int64_t{path.resource_instance()} : -1};
}

lwm2m::Path path_of(const Key& key) {
  const auto id = [&key](int shift) { return static_cast<std::uint16_t>(key.path >> shift); };
  const lwm2m::Path path(id(32), id(16), id(0));
  return key.sub < 0 ? path : path.child(static_cast<std::uint16_t>(key.sub));
}

KeyRange range_of(const lwm2m::Path& path) {
  KeyRange range{key_of(path), key_of(path)};
  range.last.sub = kIds;
  switch (path.depth()) {
    case 0: range.last.path = kIds * kIds * kIds; break;
    case 1: range.last.path += kIds * kIds - 1; break;
    case 2: range.last.path += kIds - 1; break;
    case 4: range.last.sub = range.first.sub; break;
    default: break;
  }
  return range;
}

std::int64_t kind_of(const Scalar& value, How how) {
  return static_cast<std::int64_t>(how) * kTypes + static_cast<std::int64_t>(value.index());
}

How how_of(std::int64_t kind) {
  return static_cast<How>(kind / kTypes);
}

void bind_value(sqlite::Statement& statement, const Scalar& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    statement.bind(std::string_view(*text));
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    statement.bind(*whole);
  } else if (const auto* real = std::get_if<double>(&value)) {
    statement.bind(*real);
  } else {
    statement.bind(std::int64_t{std::get<bool>(value)});
  }
}

Scalar value_at(const sqlite::Statement& statement, int column, std::int64_t kind) {
  switch (kind % kTypes) {
    case 1: return statement.number(column);
    case 2: return statement.real(column);
    case 3: return statement.number(column) != 0;
    default: return statement.text(column);
  }
}

Writing::Writing(sqlite::Database& database)
    : find_device(database, "SELECT id, series FROM device WHERE endpoint = ?"),
      add_device(database, "INSERT INTO device(endpoint, series) VALUES(?, 0) RETURNING id"),
      count_device(database, "UPDATE device SET series = series + ? WHERE id = ?"),
      find_series(database, "SELECT id, type FROM series WHERE device = ? AND path = ? AND sub = ?"),
      add_series(database, "INSERT INTO series(device, path, sub, type) VALUES(?, ?, ?, ?) RETURNING id"),
      set_type(database, "UPDATE series SET type = ? WHERE id = ?"),
      newest(database, "SELECT at, n FROM point WHERE series = ? ORDER BY at DESC, n DESC LIMIT 1"),
      at_moment(database, "SELECT n, value, kind FROM point WHERE series = ? AND at = ? ORDER BY n"),
      add_point(database, "INSERT INTO point(series, at, n, value, kind, arrived) VALUES(?, ?, ?, ?, ?, ?)"),
      beyond(database, "SELECT at, n FROM point WHERE series = ? ORDER BY at DESC, n DESC LIMIT 1 OFFSET ?"),
      boundary(database,
               "SELECT at, n FROM point WHERE series = ? AND (at, n) <= (?, ?) ORDER BY at, n LIMIT 1 OFFSET ?"),
      remove_range(database, "DELETE FROM point WHERE series = ? AND (at, n) <= (?, ?)"),
      set_cursor(database, "UPDATE state SET cursor = ?") {}

bool Writing::ok() const {
  for (const sqlite::Statement* each : {&find_device, &add_device, &count_device, &find_series, &add_series, &set_type,
                                        &newest, &at_moment, &add_point, &beyond, &boundary, &remove_range, &set_cursor}) {
    if (!each->ok()) return false;
  }
  return true;
}

}  // namespace drover::history
