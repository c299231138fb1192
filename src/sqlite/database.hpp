// SPDX-License-Identifier: Apache-2.0
// As much of SQLite as files of state need.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace drover::sqlite {

/// Why the last call on a database failed.
enum class Trouble : std::uint8_t {
  None,
  Busy,     ///< another process has it
  Damaged,  ///< not a database, or one whose pages don't fit together
  Full,     ///< no space on the disk, or the most that this database may take
  Other,    ///< the file system: permissions, space, input and output
};

class Database;

/// A prepared statement, run from its first row to its last. What is bound is borrowed until then.
class Statement {
 public:
  Statement(Database& database, const char* sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// The next parameter.
  Statement& bind(std::integral auto number) { return bind_number(static_cast<std::int64_t>(number)); }
  Statement& bind(double number);
  Statement& bind(std::string_view text);
  Statement& bind(ByteView bytes);
  Statement& bind(std::nullopt_t);
  template <class T>
  Statement& bind_optional(const std::optional<T>& value) {
    return value ? bind(*value) : bind(std::nullopt);
  }
  /// True while there is a row. False at the end and on an error, which ok() tells apart.
  bool row();
  /// Runs it to its end, ready for other parameters. False on an error.
  bool run();
  /// Leaves the rest of its rows, ready for other parameters.
  void finish();
  [[nodiscard]] bool ok() const { return ok_; }

  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] Bytes bytes(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  Statement& bind_number(std::int64_t number);
  void expect(bool fine);

  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
  int parameters_ = 0;
  bool ok_ = false;
};

/// An open file, or one in memory alone. One thread at a time.
class Database {
 public:
  /// Makes the file where there is none, for its owner only (0600): it holds keys. Held exclusively until destruction.
  static tl::expected<Database, Trouble> open(const std::string& file, std::string& reason);
  /// The same for one of several connections of this process: who reads waits neither for who writes nor for the disk
  /// behind it. What is committed survives the process, but the end of it maybe not the machine (synchronous=NORMAL).
  static tl::expected<Database, Trouble> open_shared(const std::string& file, std::string& reason);
  /// Nothing is kept. More than `bytes_max` is Trouble::Full.
  static tl::expected<Database, Trouble> open_memory(std::size_t bytes_max, std::string& reason);
  Database(Database&&) noexcept = default;
  Database& operator=(Database&&) noexcept = default;

  /// One or several statements without parameters.
  bool run(const char* sql);
  /// Ends a transaction that failed; trouble() and reason() stay those of the failure.
  void roll_back();
  Statement prepare(const char* sql) { return {*this, sql}; }
  /// The log stays beside the file when this is closed.
  void keep_log();
  /// A copy in another file, which must not be there yet, with 0600. `between` is called every kCopyPages pages: outside
  /// of a transaction this database may be read and changed there, and the copy has those changes, too. Another
  /// connection's would make the copy begin anew. False, and no file, on an error.
  bool copy_to(const std::string& file, const std::function<void()>& between = {});
  /// The same of a database whose users take turns under `lock`, which is held: they have them in between.
  bool copy_to(const std::string& file, std::unique_lock<std::mutex>& lock);
  static constexpr int kCopyPages = 256;
  /// The first column of the first row, a number.
  std::optional<std::int64_t> number(const char* sql);
  /// Of the last call that failed, also of a Statement's.
  [[nodiscard]] Trouble trouble() const { return trouble_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  friend class Statement;
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}

  /// The file is there, or "" for memory.
  static tl::expected<Database, Trouble> begin(const std::string& file, const std::string& settings, std::string& reason);
  void note_failure();

  std::unique_ptr<sqlite3, Close> handle_;
  Trouble trouble_ = Trouble::None;
  std::string reason_;
};

}  // namespace drover::sqlite
