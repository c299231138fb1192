// SPDX-License-Identifier: Apache-2.0
#include "storage/state_file.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "sqlite/schema.hpp"
#include "storage/tables.hpp"

namespace drover::storage {

namespace {

// "DRVS": tells a state file from somebody else's database
constexpr sqlite::Schema kSchema{.application = 0x44525653, .version = StateFile::kVersion};
constexpr int kAsideMax = 1000;

tl::unexpected<Error> failure(const std::string& file, const std::string& reason) {
  return tl::unexpected(Error{Fault::Environment, 0, "state file " + file + ": " + reason});
}

/// Renames the file and its log. Gives the new name.
Result<std::string> move_aside(const std::string& file) {
  for (int number = 1; number <= kAsideMax; ++number) {
    const std::string aside = file + ".aside-" + std::to_string(number);
    std::error_code error;
    if (std::filesystem::exists(aside, error) || error) continue;
    // The log first: without its database it's nothing, but a database whose log were another's is damaged.
    std::filesystem::rename(file + "-wal", aside + "-wal", error);
    std::filesystem::rename(file, aside, error);
    if (error) return failure(file, "can't be moved aside: " + error.message());
    return aside;
  }
  return failure(file, "can't be moved aside: there are " + std::to_string(kAsideMax) + " such files already");
}

/// What is wrong with the content of a database: the error is somebody else's database, the text one that is to go
/// aside.
Result<std::string> inspect(Database& database, const std::string& file, Content& content) {
  sqlite::Condition condition = sqlite::inspect(database, kSchema);
  using Kind = sqlite::Condition::Kind;
  if (condition.kind == Kind::Empty) return std::string();
  if (condition.kind == Kind::Foreign) return failure(file, condition.reason + "; give another path");
  if (condition.kind != Kind::Sound) return std::move(condition.reason);
  if (!sqlite::upgrade(database, kSchema, condition.version, kSteps)) {
    return failure(file, "can't be written: " + database.reason());
  }
  auto read = read_content(database);
  if (!read) return "damaged (" + read.error().reason + ")";
  content = std::move(*read);
  if (take_associations(database)) return std::string();
  // Full or broken: the device goes on, with handshakes.
  for (client::SavedChannel& channel : content.client.channels) channel.released = {};
  return std::string();
}

bool lay_out(Database& database) {
  if (database.number("SELECT count(*) FROM sqlite_schema") != 0) return true;
  return sqlite::upgrade(database, kSchema, 0, kSteps);
}

}  // namespace

Result<StateFile::Opened> StateFile::open(const std::string& file) {
  std::string notice;
  // The second round meets the empty file that took the place of the one moved aside.
  for (int round = 0; round < 2; ++round) {
    std::string reason;
    Content content;
    auto database = Database::open(file, reason);
    if (!database && database.error() == Trouble::Busy) return failure(file, "another process has it open");
    if (!database && database.error() != Trouble::Damaged) return failure(file, "can't be opened: " + reason);
    std::string wrong = "damaged (" + reason + ")";
    if (database) {
      auto inspected = inspect(*database, file, content);
      if (!inspected) return tl::unexpected(inspected.error());
      wrong = std::move(*inspected);
    }
    if (database && wrong.empty()) {
      if (!lay_out(*database)) return failure(file, "can't be written: " + database->reason());
      return Opened{StateFile(file, std::move(*database)), std::move(content), std::move(notice)};
    }
    if (database) {
      // Closing would copy the log back and remove it; what goes aside stays as it was found.
      database->keep_log();
      database = tl::unexpected(Trouble::Damaged);
    }
    auto aside = move_aside(file);
    if (!aside) return tl::unexpected(aside.error());
    notice = "state file " + file + ": " + wrong + "; kept as " + *aside + ", starting without it";
  }
  return failure(file, "can't be replaced");
}

Result<void> StateFile::commit(const Changes& changes) {
  const bool done = database_.run("BEGIN IMMEDIATE") && write_changes(database_, changes) && database_.run("COMMIT");
  if (done) return {};
  auto error = failure(name_, "can't be written: " + database_.reason());
  database_.run("ROLLBACK");
  return error;
}

}  // namespace drover::storage
