// SPDX-License-Identifier: Apache-2.0
// Rows of a state file <-> plain values.
#pragma once

#include <array>

#include "sqlite/database.hpp"
#include "storage/state_file.hpp"

namespace drover::storage {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Trouble;

/// kSteps[i] makes version i + 1 of version i. One that was published isn't changed any more.
extern const std::array<const char*, StateFile::kVersion> kSteps;
/// An error names a row that isn't of the form that write_changes() gives it, or that can't be read.
Result<Content> read_content(Database& database);
/// Inside a transaction. False on an error of the database.
bool write_changes(Database& database, const Changes& changes);
/// What is good for one use goes out of the file before it is used. False on an error of the database.
bool take_associations(Database& database);

}  // namespace drover::storage
