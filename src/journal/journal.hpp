// SPDX-License-Identifier: Apache-2.0
// State and events of the fleet on disk: a log in which the newest value of a key counts, the events in their order, and
// who changed what.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "audit/trail.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "sqlite/database.hpp"

namespace drover::journal {

/// A value under a key, which is below 2^63.
struct Entry {
  std::uint64_t key = 0;
  Bytes value;  ///< empty: the key has none any more
};

struct EventRow {
  std::uint64_t number = 0;
  UnixSeconds at = 0;
  std::string kind;
  std::string endpoint;
  Bytes packed;
};

struct Limits {
  std::uint64_t events_max = 1'000'000;  ///< the oldest go first
  audit::Limits audit = {};
};

/// Written from its front to its back, so that a change costs its own bytes and not a page of a tree; what is out of date
/// is swept up at the back, a few rows with each commit. Thread-safe, and a call waits for another one's disk.
class Journal {
 public:
  static constexpr std::int64_t kVersion = 2;

  /// What it is opened for. A copy is a file of its own as soon as a server has gone on with it; what another program
  /// writes changes nothing about that.
  enum class Visit : std::uint8_t { Server, Other };
  /// Makes the file (0600) where there is none. One of a later version, another program's or a damaged one is refused
  /// and stays as it is.
  static Result<std::unique_ptr<Journal>> open(const std::string& file, const Limits& limits,
                                               Visit visit = Visit::Server);

  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Once, before the first commit(): every key that has a value, in no particular order.
  Result<void> load(const std::function<void(std::uint64_t key, Bytes value)>& visit);
  /// All of it or nothing; what succeeded survives a kill and a power cut. Event numbers follow one another; the audit's
  /// are given here.
  Result<void> commit(std::span<const Entry> entries, std::span<const EventRow> events,
                      std::span<const audit::Record> audits = {});

  struct Page {
    std::uint64_t lost_through = 0;  ///< number of the newest event that is no longer kept
    std::vector<EventRow> rows;
  };
  Result<Page> events(std::uint64_t after, std::size_t count);
  /// See audit::Trail.
  Result<audit::Page> audits(const audit::Query& query);
  [[nodiscard]] std::uint64_t newest_event();
  /// When the file was made: tells its event numbers from another file's.
  [[nodiscard]] UnixSeconds born() const { return born_; }
  /// It is a copy: what must not be gone on with twice must not be gone on with at all.
  [[nodiscard]] bool was_copied() const { return copied_; }

  struct Figures {
    std::size_t keys = 0;           ///< that have a value, or had one not long ago
    std::uint64_t rows = 0;         ///< of the log
    std::uint64_t events = 0;
    std::uint64_t commits = 0;
  };
  [[nodiscard]] Figures figures();
  /// A copy of the file as it is in the end, while it is used: commits go on in between.
  Result<void> copy_to(const std::string& file);
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  struct Statements;
  /// Which row has the newest value of a key: 0: none. Places that follow one another cost eight bytes each.
  class Index {
   public:
    [[nodiscard]] std::uint64_t find(std::uint64_t key) const;
    void set(std::uint64_t key, std::uint64_t row);
    [[nodiscard]] std::size_t size() const { return size_; }

   private:
    static constexpr unsigned kPlaceBits = 48;
    static constexpr std::uint64_t kDenseMax = std::uint64_t{1} << 24;
    std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> dense_;  ///< by the upper bits
    std::unordered_map<std::uint64_t, std::uint64_t> sparse_;
    std::size_t size_ = 0;
  };
  struct Change {
    std::uint64_t key = 0;
    std::uint64_t row = 0;
  };

  Journal(std::string file, sqlite::Database database, const Limits& limits);
  Result<void> begin(Visit visit);
  [[nodiscard]] tl::unexpected<Error> failure(const std::string& what);
  bool write(std::span<const Entry> entries, std::span<const EventRow> events, std::vector<Change>& changes);
  bool write_audits(std::span<const audit::Record> audits);
  bool trim_audits(bool refused);
  bool sweep(std::size_t rows, std::vector<Change>& changes);
  bool trim_events();

  const std::string file_;
  std::mutex mutex_;
  sqlite::Database database_;
  const Limits limits_;
  std::unique_ptr<Statements> statements_;  ///< behind the database
  Index index_;
  std::uint64_t last_row_ = 0;
  std::uint64_t swept_ = 0;  ///< rows up to here are gone
  std::uint64_t rows_ = 0;
  std::uint64_t newest_event_ = 0;
  std::uint64_t lost_through_ = 0;
  std::uint64_t commits_ = 0;
  std::uint64_t newest_audit_ = 0;
  std::uint64_t audit_counts_[2] = {};  ///< not refused, refused
  UnixSeconds born_ = 0;
  bool copied_ = false;
};

}  // namespace drover::journal
