// SPDX-License-Identifier: Apache-2.0
// What waits for sleeping devices (Transport "Queue Mode Operation").
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "base/timers.hpp"
#include "coap/exchange/types.hpp"
#include "lwm2m/operation/operation.hpp"
#include "server/downlinks.hpp"
#include "server/fleet.hpp"
#include "server/registry.hpp"

namespace drover::server {

/// Octets that an operation carries beside its fixed part.
std::size_t payload_of(const lwm2m::Downlink& operation);

/// Operations by priority, those of one in the order of asking: a list that owns its nodes, so that one costs what it is and an empty one nothing.
class OperationList {
 public:
  /// Behind all that are of its priority or a higher one.
  void push_back(std::unique_ptr<QueuedOperation> operation);
  /// In front of all, whatever its priority: it has had its turn already.
  void push_front(std::unique_ptr<QueuedOperation> operation);
  std::unique_ptr<QueuedOperation> take_front();
  /// Its place from 0; nothing when it isn't here (any more), so that it may be one that is gone.
  [[nodiscard]] std::optional<std::size_t> place_of(const QueuedOperation* operation) const;
  /// Nothing when it isn't here.
  std::unique_ptr<QueuedOperation> take(Ticket ticket);
  /// An Observe of ours of that path.
  std::unique_ptr<QueuedOperation> take_restoration(const lwm2m::Path& path);
  /// The next one whose time is over.
  std::unique_ptr<QueuedOperation> take_expired(Instant now);
  /// When to ask take_expired() again: never later than the next expiry, perhaps earlier.
  [[nodiscard]] std::optional<Instant> next_expiry() const { return first_ == nullptr ? std::nullopt : earliest_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  /// `visit(operation, place)` in order, from place 0.
  template <class Visit>
  void for_each(Visit visit) const {
    std::size_t place = 0;
    for (const QueuedOperation* at = first_.get(); at != nullptr; at = at->next.get()) visit(*at, place++);
  }
  OperationList() = default;
  OperationList(OperationList&& other) noexcept { *this = std::move(other); }
  OperationList& operator=(OperationList&& other) noexcept;
  ~OperationList() { clear(); }

 private:
  std::unique_ptr<QueuedOperation> unlink(std::unique_ptr<QueuedOperation>& link, QueuedOperation* before);
  void clear();
  void note(const QueuedOperation& operation);

  std::unique_ptr<QueuedOperation> first_;
  QueuedOperation* last_ = nullptr;
  std::size_t size_ = 0;
  std::optional<Instant> earliest_;
};

/// The queues of one shard's devices. A device for which nothing waits, and of which nothing has to be remembered, costs
/// nothing here; waking one costs the same however many there are. One thread at a time.
class OperationQueues {
 public:
  /// Devices that are away, having let their lifetime pass with something waiting.
  static constexpr std::size_t kAwayMax = std::size_t{1} << 16;

  struct Device {
    OperationList waiting;
    std::optional<coap::ExchangeId> under_way;  ///< one at a time, as NSTART is 1
    std::optional<Instant> heard_at;            ///< a message other than Register and Update
    bool asleep = false;                        ///< it didn't answer, and nothing was heard since
    std::optional<Instant> triggered_at;
    bool trigger_under_way = false;
  };

  explicit OperationQueues(std::size_t bytes_max, std::size_t per_device_max)
      : bytes_max_(bytes_max), per_device_max_(per_device_max) {}

  /// What is over a lower limit stays.
  void set_limits(std::size_t bytes_max, std::size_t per_device_max) {
    bytes_max_ = bytes_max;
    per_device_max_ = per_device_max;
  }

  /// False, and `operation` untouched, when there is no room.
  bool push_back(Slot slot, std::unique_ptr<QueuedOperation>& operation);
  /// In front of all others, whether there is room or not: it had been counted before.
  void push_front(Slot slot, std::unique_ptr<QueuedOperation> operation);
  std::unique_ptr<QueuedOperation> take_front(Slot slot);
  std::unique_ptr<QueuedOperation> take(Slot slot, Ticket ticket);
  std::unique_ptr<QueuedOperation> take_expired(Slot slot, Instant now);

  /// Takes back an Observe of ours that waits. False when there is none of that path.
  bool drop_restoration(Slot slot, const lwm2m::Path& path);

  /// Null when nothing is kept of that device. Valid until the next call that isn't const.
  Device* find(Slot slot);
  [[nodiscard]] const Device* find(Slot slot) const;
  Device& at(Slot slot) { return devices_[slot]; }
  /// Forgets what needn't be kept of a device: `remember` says that something else has to be.
  void tidy(Slot slot, bool remember);
  /// Takes out all that waits for a device, whose registration ends.
  OperationList drop(Slot slot);

  /// When the shard is to look at a device again; one instant each.
  void set_due(Slot slot, std::optional<Instant> at);
  std::optional<Slot> pop_due(Instant now) { return timers_.pop_due(now); }

  // ---- devices that are away
  /// What finds no room is given back.
  OperationList keep_away(const std::string& endpoint, OperationList waiting);
  OperationList take_away(std::string_view endpoint);
  /// The next operation of a device that is away whose time is over, with the endpoint.
  std::optional<std::pair<std::string, std::unique_ptr<QueuedOperation>>> take_expired_away(Instant now);
  [[nodiscard]] const OperationList* away(std::string_view endpoint) const;
  std::unique_ptr<QueuedOperation> take_away(std::string_view endpoint, Ticket ticket);

  /// `visit(slot, list)`, in no order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [slot, device] : devices_) visit(slot, device.waiting);
  }
  /// `visit(endpoint, list)` of devices that are away.
  template <class Visit>
  void for_each_away(Visit visit) const {
    for (const auto& [endpoint, list] : away_) visit(endpoint, list);
  }

  [[nodiscard]] std::optional<Instant> next_due() const;
  /// Operations that wait, for devices that are away, too.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  using AwayMap = std::map<std::string, OperationList, std::less<>>;
  std::unique_ptr<QueuedOperation> taken(std::unique_ptr<QueuedOperation> operation);
  void counted(const QueuedOperation& operation);
  void reschedule_away(AwayMap::iterator entry, std::optional<Instant> before);

  std::size_t bytes_max_;
  std::size_t per_device_max_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  std::unordered_map<Slot, Device> devices_;  ///< looked up; iterated only for for_each()
  Timers timers_;
  AwayMap away_;
  std::set<std::pair<Instant, std::string>> away_due_;
};

}  // namespace drover::server
