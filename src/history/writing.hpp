// SPDX-License-Identifier: Apache-2.0
// The statements of the writing thread, and how values and paths stand in the tables. For values*.cpp alone.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "history/value.hpp"
#include "sqlite/database.hpp"

namespace drover::history {

inline constexpr std::int64_t kLastOrdinal = std::numeric_limits<std::int64_t>::max();

/// A path as two numbers that sort as paths do: the resource, and its instance or -1.
struct Key {
  std::int64_t path = 0;
  std::int64_t sub = -1;
};
Key key_of(const lwm2m::Path& path);
lwm2m::Path path_of(const Key& key);
/// Both ends included.
struct KeyRange {
  Key first, last;
};
/// What lies at or below a path.
KeyRange range_of(const lwm2m::Path& path);

/// `kind` of a point: how a value was learnt and whether it is a Boolean, a text or a number.
std::int64_t kind_of(const Scalar& value, How how);
void bind_value(sqlite::Statement& statement, const Scalar& value);
Scalar value_at(const sqlite::Statement& statement, int column, std::int64_t kind);
How how_of(std::int64_t kind);

/// One that failed is of no use any more: all are made anew then.
struct Writing {
  explicit Writing(sqlite::Database& database);
  [[nodiscard]] bool ok() const;

  sqlite::Statement find_device, add_device, count_device;
  sqlite::Statement find_series, add_series, set_type;
  sqlite::Statement newest, at_moment, add_point, beyond, boundary, remove_range;
  sqlite::Statement set_cursor;
};

}  // namespace drover::history
