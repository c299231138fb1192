// SPDX-License-Identifier: Apache-2.0
// A Fleet whose shards live in this process. It moves values between threads; all decisions are the shards'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>

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

  LocalFleet(std::size_t shards, Poster poster);

  /// Takes out the shard's events, mail and results and hands them on. Called on the shard's thread behind every
  /// mutation (the `after` of io::Driver).
  void collect(std::size_t index, Shard& shard);

  void devices(DeviceQuery query, std::function<void(DevicePage)> done) override;
  void device(std::string endpoint, std::function<void(std::optional<DeviceView>)> done) override;
  void operate(std::string endpoint, lwm2m::Downlink operation, std::function<void(OperationResult)> done) override;
  void observations(std::string endpoint,
                    std::function<void(std::optional<std::vector<ObservationView>>)> done) override;
  void cancel(std::string endpoint, lwm2m::Path path, CancelMode mode,
              std::function<void(OperationResult)> done) override;
  void counters(std::function<void(ServerCounters)> done) override;
  void on_event(std::function<void(const Event&)> sink) override;

 private:
  using OperationCallback = std::function<void(OperationResult)>;

  /// Runs `found` on the shard that has the endpoint, asked one after the other from `index` on; `missing` when none
  /// has it.
  void with_device(std::size_t index, std::string endpoint, Task found, std::function<void()> missing);
  Ticket keep(OperationCallback done);
  OperationCallback take(Ticket ticket);

  const std::size_t shards_;
  const Poster poster_;

  std::mutex events_mutex_;  ///< ids are given and events delivered in one step, so that they arrive in order
  std::uint64_t last_event_ = 0;
  std::function<void(const Event&)> sink_;

  std::mutex operations_mutex_;
  std::uint64_t last_ticket_ = 0;
  std::unordered_map<Ticket, OperationCallback> operations_;
};

}  // namespace drover::server
