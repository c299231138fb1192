// SPDX-License-Identifier: Apache-2.0
// Whose a database is, and which version of its tables it has.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "sqlite/database.hpp"

namespace drover::sqlite {

/// What a program calls its own: application_id and user_version of a database file.
struct Schema {
  std::int64_t application = 0;
  std::int64_t version = 1;  ///< the newest that the program knows; 1 is the first
};

struct Condition {
  enum class Kind : std::uint8_t {
    Empty,    ///< no table yet
    Sound,    ///< of `version`, which the program knows
    Later,    ///< written by a later program
    Foreign,  ///< another program's
    Damaged,
  };
  Kind kind = Kind::Empty;
  std::int64_t version = 0;
  std::string reason{};  ///< "damaged (...)", "written by a later version (...)"; "" for Empty and Sound
};

/// From the first bytes of a file that nobody has opened yet: opening one, which begins with the journal mode, already
/// writes. Empty where there is nothing to say against opening it, and where there is no file; never Sound.
Condition peek(const std::string& file, const Schema& schema);
enum class Depth : std::uint8_t {
  Whole,   ///< every page
  Header,  ///< whose it is and its tables, in no time
};
/// Reads only.
Condition inspect(Database& database, const Schema& schema, Depth depth = Depth::Whole);
/// Writes the schema's numbers; inside the transaction that makes the tables. False on an error of the database.
bool mark(Database& database, const Schema& schema);
/// Brings a database from version `from`, 0 for an empty one, to the schema's, in one transaction: steps[i] is the SQL
/// that makes version i + 1 of version i, and there are `schema.version` of them. False on an error, with all as before.
bool upgrade(Database& database, const Schema& schema, std::int64_t from, std::span<const char* const> steps);

}  // namespace drover::sqlite
