// SPDX-License-Identifier: Apache-2.0
// A Fleet whose shards live in this process. It moves values between threads; all decisions are the shards'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/fleet.hpp"
#include "server/shard.hpp"

namespace drover::server {

class LocalFleet final : public Fleet {
 public:
  using Task = std::function<void(Shard&, Instant)>;
  /// Runs the task once on the thread that drives shard `index` (below the number of shards), tasks of one shard in the
  /// order of posting, and then calls collect() and sends what the shard has to send. Must be callable from every
  /// thread. It may run the task before it returns, but not within another task or collect() of the same shard.
  using Poster = std::function<void(std::size_t index, Task task)>;

  /// Operations that are over and can still be looked at, the newest; and the payload octets of their results.
  static constexpr std::size_t kFinishedMax = 10'000;
  static constexpr std::size_t kFinishedBytesMax = std::size_t{16} << 20;

  /// Operations are numbered from `first_operation` on: whoever wants numbers not to come back after a restart chooses.
  LocalFleet(std::size_t shards, Poster poster, OperationId first_operation = OperationId{1});

  /// What a shard's mutations leave for others.
  struct Outbox {
    std::vector<Mail> mails;
    std::vector<Event> events;
    std::vector<OperationStatus> progress;
    std::vector<OperationDone> done;

    [[nodiscard]] bool empty() const { return mails.empty() && events.empty() && progress.empty() && done.empty(); }
  };
  /// Takes out the shard's events, mail and results. Called on the shard's thread behind every mutation (the `after` of
  /// io::Driver).
  static void gather(Shard& shard, Outbox& to);
  /// What is to be written down of this outbox beside the shard's own records: results of durable operations.
  void add_records(const Outbox& of, std::vector<Record>& to);
  /// This outbox is delivered later, when the disk has it. Until then its operations stand as they did before. On the
  /// shard's thread, behind gather().
  void hold_back(const Outbox& held);
  /// Hands on what was gathered, in order. Where records are kept: once they are. Thread-safe.
  void deliver(Outbox from);
  /// gather() and deliver(), where nothing is kept.
  void collect(std::size_t index, Shard& shard);
  /// Before traffic: operations that an earlier process finished, oldest first, and the largest id that it gave, as far
  /// as that is known.
  void take_over(std::vector<OperationStatus> finished, OperationId largest);

  void devices(DeviceQuery query, std::function<void(DevicePage)> done) override;
  void device(std::string endpoint, std::function<void(std::optional<DeviceView>)> done) override;
  void operate(std::string endpoint, lwm2m::Downlink operation, std::function<void(OperationResult)> done) override;
  void operate(std::string endpoint, lwm2m::Downlink operation, OperationSettings settings,
               std::function<bool(const OperationStatus&)> progress) override;
  OperationId reserve_operation() override;
  void follow(std::string endpoint, OperationId id, std::function<bool(const OperationStatus&)> progress,
              std::function<void()> missing) override;
  void operations(std::string endpoint, std::function<void(std::vector<OperationStatus>)> done) override;
  void all_operations(OperationQuery query, std::function<void(OperationPage)> done) override;
  void operation(std::string endpoint, OperationId id,
                 std::function<void(std::optional<OperationStatus>)> done) override;
  void cancel_operation(std::string endpoint, OperationId id,
                        std::function<void(std::optional<OperationStatus>)> done) override;
  void observations(std::string endpoint,
                    std::function<void(std::optional<std::vector<ObservationView>>)> done) override;
  void cancel(std::string endpoint, lwm2m::Path path, CancelMode mode,
              std::function<void(OperationResult)> done) override;
  void cancel(std::string endpoint, lwm2m::Path path, CancelMode mode, OperationSettings settings,
              std::function<bool(const OperationStatus&)> progress) override;
  void counters(std::function<void(ServerCounters)> done) override;
  void trace(std::string endpoint, Duration time, std::function<void(bool)> done) override;
  void traced(std::string endpoint, std::uint64_t after, std::size_t limit,
              std::function<void(std::optional<TraceView>)> done) override;
  void on_event(std::function<void(const Event&)> sink) override;

 private:
  using Progress = std::function<bool(const OperationStatus&)>;

  /// Runs `found` on the shard that has the endpoint, asked one after the other from `index` on; `missing` when none
  /// has it.
  void with_device(std::size_t index, std::string endpoint, Task found, std::function<void()> missing);
  /// Under its own id, or a new one.
  Ticket keep(std::optional<OperationId> id, Progress progress);
  /// Says how it stands to whoever wants to know.
  void tell(const OperationStatus& status);
  /// Remembers it, and says so.
  void finish(OperationStatus status, bool durable);
  void refuse(Ticket ticket, std::string endpoint, const lwm2m::Downlink& operation);
  [[nodiscard]] std::vector<OperationStatus> finished(std::string_view endpoint);
  [[nodiscard]] std::optional<OperationStatus> finished(std::string_view endpoint, OperationId id);
  [[nodiscard]] std::vector<OperationStatus> finished(const OperationQuery& query);
  static Progress only_result(std::function<void(OperationResult)> done);

  const std::size_t shards_;
  const Poster poster_;

  std::mutex events_mutex_;  ///< ids are given and events delivered in one step, so that they arrive in order
  std::uint64_t last_event_ = 0;
  std::function<void(const Event&)> sink_;

  std::mutex operations_mutex_;
  std::uint64_t next_ticket_;
  std::unordered_map<Ticket, Progress> operations_;
  struct Finished {
    OperationStatus status;
    bool durable = false;
  };
  void remember(OperationStatus status, bool durable);
  std::deque<Finished> finished_;         ///< oldest first
  std::unordered_map<OperationId, OperationStatus> ending_;  ///< over, in an outbox that is held back
  /// Who took one back, and is told when that is over.
  std::unordered_multimap<OperationId, std::function<void(std::optional<OperationStatus>)>> taken_back_;
  std::vector<OperationId> forgotten_;    ///< durable ones that fell out, to be taken off the disk
  std::size_t finished_bytes_ = 0;
};

}  // namespace drover::server
