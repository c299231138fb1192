// SPDX-License-Identifier: Apache-2.0
// The server's store: one SQLite file with tables of several tenants.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/result.hpp"
#include "sqlite/database.hpp"

namespace drover::store {

/// Held exclusively by one process. Thread-safe: tenants take turns.
class StoreFile {
 public:
  /// Of all tables together (user_version).
  static constexpr std::int64_t kVersion = 4;

  /// Opens or makes the file (0600), and brings an older version's up to date. A later version's file, another
  /// program's, and a damaged one are refused and stay as they are.
  static Result<std::shared_ptr<StoreFile>> open(const std::string& name);
  static constexpr std::size_t kMemoryMax = std::size_t{256} << 20;
  /// The same tables for one run, where nothing is to be kept; of kMemoryMax bytes at most.
  static Result<std::shared_ptr<StoreFile>> in_memory();

  /// The database, for one tenant at a time.
  class Turn {
   public:
    explicit Turn(StoreFile& file) : lock_(file.mutex_), database_(file.database_) {}
    sqlite::Database* operator->() { return &database_; }
    sqlite::Database& operator*() { return database_; }

   private:
    std::lock_guard<std::mutex> lock_;
    sqlite::Database& database_;
  };
  Turn turn() { return Turn(*this); }

  /// A copy of the file as it is in the end; tenants have their turns in between.
  Result<void> copy_to(const std::string& file);

  /// "store FILE: REASON".
  [[nodiscard]] tl::unexpected<Error> failure(const std::string& reason) const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  StoreFile(std::string name, sqlite::Database database) : name_(std::move(name)), database_(std::move(database)) {}

  std::string name_;
  std::mutex mutex_;
  sqlite::Database database_;
};

}  // namespace drover::store
