// SPDX-License-Identifier: Apache-2.0
#include "sqlite/database.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

namespace drover::sqlite {

namespace {

Trouble trouble_of(int code) {
  switch (code & 0xFF) {  // the primary result code is the low byte
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return Trouble::None;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Trouble::Busy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Trouble::Damaged;
    case SQLITE_FULL: return Trouble::Full;
    default: return Trouble::Other;
  }
}

/// Makes an empty file for its owner only. False on an error.
bool make_file(const std::string& file, std::string& reason) {
  // Only a new one: closing a descriptor would drop the locks that this process has on an old one.
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno != EEXIST) {
    reason = std::generic_category().message(errno);
    return false;
  }
  if (fd >= 0) ::close(fd);
  return true;
}

constexpr std::size_t kPageSize = 4096;

}  // namespace

Statement::Statement(Database& database, const char* sql) : database_(database), ok_(true) {
  expect(sqlite3_prepare_v2(database.handle_.get(), sql, -1, &statement_, nullptr) == SQLITE_OK);
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::expect(bool fine) {
  if (ok_ && !fine) database_.note_failure();
  ok_ = ok_ && fine;
}

Statement& Statement::bind_number(std::int64_t number) {
  if (ok_) expect(sqlite3_bind_int64(statement_, ++parameters_, number) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(double number) {
  if (ok_) expect(sqlite3_bind_double(statement_, ++parameters_, number) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  if (!ok_) return *this;
  const char* data = text.data() == nullptr ? "" : text.data();  // a null pointer would be NULL
  expect(sqlite3_bind_text64(statement_, ++parameters_, data, text.size(), nullptr, SQLITE_UTF8) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(ByteView bytes) {
  if (!ok_) return *this;
  const int code = bytes.empty() ? sqlite3_bind_zeroblob(statement_, ++parameters_, 0)
                                 : sqlite3_bind_blob64(statement_, ++parameters_, bytes.data(), bytes.size(), nullptr);
  expect(code == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(std::nullopt_t) {
  if (ok_) expect(sqlite3_bind_null(statement_, ++parameters_) == SQLITE_OK);
  return *this;
}

bool Statement::row() {
  if (!ok_) return false;
  errno = 0;
  const int code = sqlite3_step(statement_);
  expect(code == SQLITE_ROW || code == SQLITE_DONE);
  return code == SQLITE_ROW;
}

bool Statement::run() {
  while (row()) {
  }
  parameters_ = 0;
  if (ok_) expect(sqlite3_reset(statement_) == SQLITE_OK);
  return ok_;
}

void Statement::finish() {
  parameters_ = 0;
  if (ok_) expect(sqlite3_reset(statement_) == SQLITE_OK);
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}

Bytes Statement::bytes(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return data == nullptr ? Bytes{} : Bytes(data, data + size);
}

std::string Statement::text(int column) const {
  return std::string(as_text(bytes(column)));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

void Database::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

tl::expected<Database, Trouble> Database::begin(const std::string& file, const std::string& settings,
                                                std::string& reason) {
  sqlite3* handle = nullptr;
  const bool memory = file.empty();
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (memory ? SQLITE_OPEN_MEMORY : 0);
  const int code = sqlite3_open_v2(memory ? ":memory:" : file.c_str(), &handle, flags, nullptr);
  Database database(handle);
  if (code != SQLITE_OK) database.note_failure();
  // The look-aside memory, 48 KB by default, is for busier ones.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_LOOKASIDE, nullptr, 0, 0);
  sqlite3_extended_result_codes(handle, 1);
  if (code == SQLITE_OK && database.run(settings.c_str())) return database;
  reason = database.reason();
  const Trouble trouble = database.trouble();
  return tl::unexpected(trouble == Trouble::None ? Trouble::Other : trouble);
}

tl::expected<Database, Trouble> Database::open(const std::string& file, std::string& reason) {
  if (!make_file(file, reason)) return tl::unexpected(Trouble::Other);
  // With the lock held for good the WAL index is in this process's memory, not in another file. FULL: what is committed
  // has been synced. The cache is 128 KiB, the log is copied back at 256 pages of 4 KiB.
  return begin(file,
               "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
               "PRAGMA cache_size=-128; PRAGMA wal_autocheckpoint=256; PRAGMA temp_store=MEMORY;"
               "BEGIN IMMEDIATE; COMMIT",
               reason);
}

tl::expected<Database, Trouble> Database::open_shared(const std::string& file, std::string& reason) {
  if (!make_file(file, reason)) return tl::unexpected(Trouble::Other);
  // The wait is for moments only: one that opens, or another's first look at the log.
  return begin(file,
               "PRAGMA busy_timeout=2000; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
               "PRAGMA cache_size=-8192; PRAGMA wal_autocheckpoint=2048; PRAGMA temp_store=MEMORY",
               reason);
}

tl::expected<Database, Trouble> Database::open_memory(std::size_t bytes_max, std::string& reason) {
  const std::string pages = std::to_string(std::max<std::size_t>(bytes_max / kPageSize, 16));
  return begin("", "PRAGMA page_size=4096; PRAGMA temp_store=MEMORY; PRAGMA max_page_count=" + pages, reason);
}

bool Database::run(const char* sql) {
  errno = 0;
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return true;
  note_failure();
  return false;
}

void Database::roll_back() {
  // Fails where SQLite has done it by itself, and where none had begun.
  sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Database::keep_log() {
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

bool Database::copy_to(const std::string& file, const std::function<void()>& between) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    trouble_ = Trouble::Other;
    reason_ = std::generic_category().message(errno);
    return false;
  }
  ::close(fd);
  sqlite3* to = nullptr;
  bool done = sqlite3_open_v2(file.c_str(), &to, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK;
  if (done) {
    sqlite3_backup* const backup = sqlite3_backup_init(to, "main", handle_.get(), "main");
    int step = backup == nullptr ? SQLITE_ERROR : SQLITE_OK;
    while (step == SQLITE_OK) {
      step = sqlite3_backup_step(backup, kCopyPages);
      if (step == SQLITE_OK && between) between();
    }
    done = step == SQLITE_DONE;
    done = sqlite3_backup_finish(backup) == SQLITE_OK && done;
  }
  if (!done) {
    trouble_ = trouble_of(sqlite3_extended_errcode(to));
    reason_ = to == nullptr ? "no memory" : sqlite3_errmsg(to);
  }
  sqlite3_close_v2(to);
  if (!done) ::unlink(file.c_str());
  return done;
}

bool Database::copy_to(const std::string& file, std::unique_lock<std::mutex>& lock) {
  return copy_to(file, [&lock] {
    lock.unlock();
    // Without it who waits for the lock rarely gets it.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    lock.lock();
  });
}

std::optional<std::int64_t> Database::number(const char* sql) {
  Statement statement = prepare(sql);
  if (!statement.row()) return std::nullopt;
  return statement.number(0);
}

void Database::note_failure() {
  const int code = sqlite3_extended_errcode(handle_.get());
  const int left_behind = errno;
  trouble_ = trouble_of(code);
  reason_ = sqlite3_errmsg(handle_.get());
  // SQLite's text for an I/O error says no more than that; the system's says which. SQLite doesn't note it for a
  // COMMIT.
  const int noted = sqlite3_system_errno(handle_.get());
  const int system = noted != 0 ? noted : left_behind;
  const bool vague = (code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN;
  if (vague && system != 0) reason_ += ": " + std::generic_category().message(system);
}

}  // namespace drover::sqlite
