// SPDX-License-Identifier: Apache-2.0
// Operations for many devices: who is asked when, and what came of it.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "jobs/bulk.hpp"
#include "jobs/bulk_table.hpp"
#include "store/credential.hpp"

namespace drover::jobs {

/// What the owner is to do. Each is polled behind the commit that it depends on.
struct SelectDevices {
  BulkId bulk;
  Selection selection;
};
struct AskDevice {
  BulkId bulk;
  std::string endpoint;
  std::string form;
  server::OperationSettings settings;  ///< with the reserved id
};
/// Whether an operation was accepted isn't known: what happened is between two runs.
struct FollowDevice {
  BulkId bulk;
  std::string endpoint;
  server::OperationId operation;
};
struct TakeBack {
  std::string endpoint;
  server::OperationId operation;
};
struct BulkEnded {
  BulkView bulk;
};
using BulkAction = std::variant<SelectDevices, AskDevice, FollowDevice, TakeBack, BulkEnded>;

/// The table is the truth; in memory is what is under way. What happens to devices is collected and committed together;
/// an operation is asked for behind the commit of its id, so that after a kill it is either found by that id, or was
/// never accepted and is asked for anew. When the disk fails nothing new is asked, and it is tried again. One thread at
/// a time. Drive it: one handle_* or one command, then poll_action() until it is empty, then wait until deadline().
class Bulks {
 public:
  /// Changes wait so long for others to share their commit.
  static constexpr Duration kCommitWait = std::chrono::milliseconds(20);
  static constexpr Duration kDiskRetry = std::chrono::seconds(1);
  static constexpr std::size_t kWindow = 1000;  ///< waiting devices in memory, and those asked at a time
  static constexpr std::size_t kChunk = 5000;   ///< rows of one transaction where many change

  /// `reserve` as Fleet::reserve_operation().
  Bulks(BulkTable table, std::function<server::OperationId()> reserve);

  /// The time since 1970 (UTC) at Instant{}.
  void set_wall_clock(Duration unix_at_instant_zero) { unix_at_zero_ = unix_at_instant_zero; }
  /// Takes up what an earlier run left. Once, before anything else.
  Result<void> load(Instant now);

  // Commands; what succeeds is on disk.
  store::Answer<BulkView> add(Instant now, BulkOrder order);
  store::Answer<BulkView> pause(Instant now, BulkId id);
  store::Answer<BulkView> resume(Instant now, BulkId id);
  /// What waits is given up, what is queued taken back; what was sent may have been carried out.
  store::Answer<BulkView> cancel(Instant now, BulkId id);
  /// Devices that failed or expired are asked again.
  store::Answer<BulkView> retry(Instant now, BulkId id);
  /// Of one that is over; its devices go with it.
  store::Answer<BulkView> remove(Instant now, BulkId id);

  /// Newest first.
  [[nodiscard]] std::vector<BulkView> list() const;
  [[nodiscard]] std::optional<BulkView> find(BulkId id) const;
  /// As it stands in this moment. Refused: NotFound, Disk.
  store::Answer<BulkDevicePage> devices(Instant now, BulkId id, const BulkDeviceQuery& query);

  void handle_selected(Instant now, BulkId id, Result<std::vector<std::string>> endpoints);
  /// Upon AskDevice and FollowDevice; `value` is the text of what was read.
  void handle_progress(Instant now, BulkId id, const server::OperationStatus& status, const std::string& value);
  /// Upon AskDevice: it couldn't be asked.
  void handle_refused(Instant now, BulkId id, const std::string& endpoint, server::OperationId operation,
                      const std::string& reason);
  /// Upon FollowDevice: there is no such operation.
  void handle_missing(Instant now, BulkId id, const std::string& endpoint, server::OperationId operation);
  void handle_timeout(Instant now);

  std::optional<BulkAction> poll_action();
  [[nodiscard]] std::optional<Instant> deadline() const;
  /// Why the last commit failed; "" when it didn't.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  struct Flight {
    server::OperationId operation;
    BulkDeviceState state = BulkDeviceState::Sent;
  };
  struct Active {
    std::unordered_map<std::string, Flight> flights{};  ///< looked up; iterated only where the order doesn't matter
    std::size_t sent = 0;
    std::size_t queued = 0;
    std::deque<std::string> window{};  ///< waiting devices, ascending
    std::string cursor{};              ///< the table has no waiting ones up to here but those of the window
    std::vector<std::string> selected{};
    std::size_t inserted = 0;  ///< of `selected`
    bool has_selection = false;
    bool clearing = false;  ///< of what an earlier run had begun to insert
  };
  struct Bulk {
    BulkView view;
    Active active{};
    bool changed = false;  ///< its progress is to be written
  };

  [[nodiscard]] UnixSeconds wall(Instant now) const;
  [[nodiscard]] store::Answer<Bulk*> known(BulkId id);
  Bulk* of(BulkId id);
  store::Answer<BulkView> answer(Instant now, Bulk& bulk);
  void note(Instant now, Bulk& bulk);
  void change(Instant now, Bulk& bulk, BulkDevice device, BulkDeviceState from);
  void land(Instant now, Bulk& bulk, BulkDevice device);
  void look_at_failures(Instant now, Bulk& bulk);
  bool commit(Instant now);
  /// One step of what takes many; false when nothing is to be done.
  bool advance(Instant now, Bulk& bulk);
  bool advance_selection(Instant now, Bulk& bulk);
  bool drain(Instant now, Bulk& bulk, BulkDeviceState from, BulkDeviceState to, const char* detail);
  bool fill(Instant now, Bulk& bulk);
  bool load_window(Instant now, Bulk& bulk);
  void end_if_done(Instant now, Bulk& bulk);
  void launch(Instant now, Bulk& bulk, std::string endpoint);
  std::optional<store::Refusal> make_room();
  void fail(Instant now, const Error& error);
  bool works(Instant now, const Result<void>& done);

  BulkTable table_;
  const std::function<server::OperationId()> reserve_;
  Duration unix_at_zero_{};
  std::map<BulkId, Bulk> bulks_;
  std::vector<BulkTable::Device> batch_;
  std::vector<AskDevice> to_ask_;  ///< behind the next commit
  std::deque<BulkAction> actions_;
  std::optional<Instant> commit_at_;
  std::optional<Instant> retry_disk_at_;
  bool more_to_do_ = true;  ///< handle_timeout() hasn't done all that it could
  bool sweeping_ = true;
  std::string trouble_;
};

}  // namespace drover::jobs
