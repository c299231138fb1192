// SPDX-License-Identifier: Apache-2.0
// The last values of resources and those before, in a SQLite file of their own or in memory.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "base/result.hpp"
#include "events/feed.hpp"
#include "history/reading.hpp"
#include "history/value.hpp"
#include "jobs/selection.hpp"
#include "sqlite/database.hpp"

namespace drover::history {

struct Writing;  // the statements that are used again and again

/// Follows the events of a feed: how far it has come is committed with what it has read, so that a kill at any instant
/// leaves both or neither. What is older than the last value of its series takes its place in the history.
/// One thread writes; whoever reads has a connection of its own and waits for no disk of the writer's. A file that can't
/// be written, or is damaged, keeps the cursor where it is: nothing is lost as long as the feed has it.
class Values final : public jobs::KnownValues {
 public:
  static constexpr std::int64_t kVersion = 1;  ///< of its tables (user_version)

  /// Opens or makes the file (0600); "": in memory, kMemoryMax at most. A later version's file, another program's and a
  /// damaged one are refused and stay as they are. Of an old file no page is checked that isn't used.
  static Result<std::unique_ptr<Values>> open(const std::string& file, const Limits& limits);
  ~Values() override;
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;

  // ---- the writing thread

  /// Number of the last event that is in it; 0: none.
  [[nodiscard]] std::uint64_t cursor() const { return cursor_; }
  /// For a feed that begins anew: what follows is behind `number`.
  Result<void> set_cursor(std::uint64_t number);
  /// Takes the batch that the feed gave behind cursor(), in one transaction.
  Result<void> project(const events::Feed::Batch& batch);
  /// Removes some of what is too old, beyond a limit or forgotten; true when there is more to do at once. A series that
  /// got nothing for max_age goes as a whole when there are series_max of them.
  Result<bool> sweep(UnixSeconds now);
  /// All of a device's values; how many series it had.
  Result<std::uint64_t> forget(const std::string& endpoint);

  // ---- any thread. `now` hides what is older than max_age.

  Result<LastPage> last(const LastQuery& query);
  Result<HistoryPage> history(const HistoryQuery& query, UnixSeconds now);
  /// `every`: seconds of a bucket, 1 or more. A page begins and ends at the border of a bucket.
  Result<BucketPage> buckets(const HistoryQuery& query, std::int64_t every, UnixSeconds now);
  std::optional<std::string> text(const std::string& endpoint, const lwm2m::Path& path) override;
  /// `behind` is 0.
  [[nodiscard]] Status status();
  /// A copy of the file as it is in the end, while it is used.
  Result<void> copy_to(const std::string& file);

 private:
  struct Connection {
    explicit Connection(sqlite::Database opened) : database(std::move(opened)) {}
    std::mutex mutex;
    sqlite::Database database;
    std::unique_ptr<sqlite::Statement> last;  ///< preparing it would cost more than running it
  };
  struct Sweep {
    UnixMilliseconds before = 0;
    std::int64_t left = 0;  ///< what it may still remove
    bool crowded = false;
    std::uint64_t series_gone = 0, devices_gone = 0;
  };
  Values(std::string file, const Limits& limits, std::shared_ptr<Connection> writer, std::shared_ptr<Connection> reader,
         std::shared_ptr<Connection> looker);

  static Result<LastPage> read_last(Connection& connection, const LastQuery& query);
  tl::unexpected<Error> failure(const sqlite::Database& database) const;
  /// Ends the transaction; on an error rolls it back and prepares the statements anew.
  Result<void> finish(bool done);
  void prepare();
  bool project_once(const events::Feed::Batch& batch, Status& counts, std::set<std::int64_t>& touched);
  bool add(const std::string& endpoint, const Readings& readings, UnixSeconds arrived, Status& counts,
           std::set<std::int64_t>& touched);
  bool add_reading(std::int64_t series, const Reading& reading, How how, UnixSeconds arrived, Status& counts,
                   std::set<std::int64_t>& touched);
  /// Nothing when it is refused; sets `done` to false on an error.
  std::optional<std::int64_t> series_of(const std::string& endpoint, const Reading& reading, Status& counts, bool& done);
  bool trim(std::int64_t series, std::size_t keep);
  /// Removes what of a series is at or before a place, the oldest first; how many. Nothing on an error.
  std::optional<std::int64_t> remove_through(std::int64_t series, UnixMilliseconds at, std::int64_t n, std::int64_t most);
  bool sweep_forgotten(Sweep& sweep);
  bool sweep_series(std::int64_t series, Sweep& sweep);
  bool remove_series(std::int64_t series, Sweep& sweep);
  /// Makes room in memory: the older half of each series goes.
  bool thin_out();

  const std::string file_;
  const Limits limits_;
  const std::shared_ptr<Connection> writer_, reader_, looker_;  ///< one and the same in memory
  std::unique_ptr<Writing> writing_;
  std::uint64_t cursor_ = 0;
  std::int64_t swept_ = 0;  ///< series up to which the sweep has come
  std::mutex status_mutex_;
  Status status_;
};

}  // namespace drover::history
