// SPDX-License-Identifier: Apache-2.0
// Rows of a state file <-> plain values.
#pragma once

#include "sqlite/database.hpp"
#include "storage/state_file.hpp"

namespace drover::storage {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Trouble;

/// Inside a transaction. False on an error of the database.
bool make_tables(Database& database);
/// An error names a row that isn't of the form that write_changes() gives it, or that can't be read.
Result<Content> read_content(Database& database);
/// Inside a transaction. False on an error of the database.
bool write_changes(Database& database, const Changes& changes);

}  // namespace drover::storage
