// SPDX-License-Identifier: Apache-2.0
// Series after series, and the values of each by time. For values_query.cpp alone.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "history/value.hpp"
#include "sqlite/database.hpp"

namespace drover::history {

class Walk {
 public:
  /// Values before `floor` aren't shown.
  Walk(sqlite::Database& database, const HistoryQuery& query, UnixMilliseconds floor);

  /// What is met; false ends the walk.
  struct Visitor {
    std::function<bool(const Series&)> series;              ///< one begins that has values
    std::function<bool(const Sample&, std::int64_t n)> row;  ///< of the series before
    std::function<bool()> end;                              ///< of that series
  };
  /// Where to go on when it ended for itself, since it met too many devices that aren't asked for. False on an error.
  bool run(const Visitor& visitor, std::optional<Position>& next);

 private:
  enum class Go : std::uint8_t { On, Enough, Failed };
  Go device(const std::string& endpoint, std::int64_t id, const Visitor& visitor);
  Go series(const Series& series, std::int64_t id, const Visitor& visitor);

  sqlite::Database& database_;
  const HistoryQuery& query_;
  const UnixMilliseconds from_;
};

/// An SQL GLOB that matches what a pattern with `*` and `?` does.
std::string glob_of(const std::string& pattern);

}  // namespace drover::history
