// SPDX-License-Identifier: Apache-2.0
// What the devices of one shard have been asked and haven't answered yet, and what is observed on them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "coap/exchange/types.hpp"
#include "lwm2m/operation/operation.hpp"
#include "server/fleet.hpp"
#include "server/registry.hpp"

namespace drover::server {

/// Names an operation to whoever asked for it; chosen by them.
using Ticket = OperationId;

/// An operation on its way to a device, or waiting for it.
struct QueuedOperation {
  Ticket ticket;
  Instant created{};
  Instant expires{};
  Instant sent{};  ///< last; meaningful after an attempt
  lwm2m::Downlink operation;
  std::unique_ptr<QueuedOperation> next;  ///< in its OperationList
  CancelMode cancel = CancelMode::Get;    ///< of a CancelObservation
  Way way = Way::Automatic;               ///< as asked for
  Way went = Way::Automatic;              ///< Udp or Sms once it was sent
  Redelivery redelivery = Redelivery::Harmless;
  bool trigger = true;
  Priority priority = Priority::Normal;
  bool durable = false;   ///< on disk before it is sent
  std::string asked_by = {};
  bool restores = false;  ///< an Observe of ours after a new registration: it has no ticket
  bool queued = false;    ///< it has waited: its changes are events
  std::uint8_t attempts = 0;
};

/// What is observed: it is asked for again as it stands.
struct ObservedPath {
  lwm2m::Path path;
  std::optional<lwm2m::FormatNumber> accept;  ///< as sent
};

struct Observation {
  ObservedPath what;
  coap::ExchangeId exchange;
  Instant since{};
  std::uint64_t notifications = 0;
  bool cancelling = false;  ///< a GET with Observe=1 is on its way
};

/// A request that waits for its answer.
struct Waiting {
  enum class Kind : std::uint8_t {
    Operation,
    Observe,
    Cancel,             ///< GET with Observe=1
    Restore,            ///< Observe of ours after a new registration; has no ticket
    Disable,            ///< Execute of /1/x/4: success announces that the device goes and comes back
    CancelByAttribute,  ///< Write-Attributes with "cancel": success ends the observation of `what.path`, if there is
                        ///< one
  };
  Kind kind = Kind::Operation;
  Slot slot = 0;
  ObservedPath what;      ///< Observe, Restore
  bool replaces = false;  ///< Observe: there was an observation of this path, which ends if this one isn't accepted
  coap::ExchangeId observation;  ///< Cancel: which one ends
  std::unique_ptr<QueuedOperation> operation = {};  ///< never null once it waits
};

/// Devices with nothing waiting and nothing observed cost nothing here. Pointers are valid until the next change. The
/// order within a device is the order of asking, so that a run can be repeated.
class Downlinks {
 public:
  void wait(coap::ExchangeId exchange, Waiting waiting);
  /// Null for an exchange that isn't waited for.
  [[nodiscard]] const Waiting* waiting(coap::ExchangeId exchange) const;
  /// `visit(waiting)`, in no order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [exchange, waiting] : waiting_) visit(waiting);
  }
  /// What is under way to a device, in the order of sending.
  [[nodiscard]] std::vector<coap::ExchangeId> under_way(Slot slot) const;
  /// Ends the waiting; nothing for an exchange that isn't waited for.
  std::optional<Waiting> take(coap::ExchangeId exchange);

  void observe(Slot slot, Observation observation);
  Observation* find(Slot slot, const lwm2m::Path& path);
  /// The slot and observation that an exchange belongs to; null when it is none.
  std::pair<Slot, Observation*> find(coap::ExchangeId exchange);
  /// Without effect when there is none of that path.
  void end(Slot slot, const lwm2m::Path& path);
  [[nodiscard]] std::vector<Observation> observations(Slot slot) const;
  /// The Restore that waits for an answer about exactly that path.
  [[nodiscard]] std::optional<coap::ExchangeId> restoring(Slot slot, const lwm2m::Path& path) const;
  /// What waits for an answer that is to be observed as before: Restore, and Observe in the place of another.
  [[nodiscard]] std::vector<ObservedPath> restoring(Slot slot) const;
  /// Whether that path is observed, or an Observe or Restore of it waits for its answer.
  [[nodiscard]] bool is_asked_for(Slot slot, const lwm2m::Path& path) const;
  /// Observations there are, and may be once those asked for are accepted.
  [[nodiscard]] std::size_t observations_expected(Slot slot) const;

  struct Dropped {
    std::vector<std::pair<coap::ExchangeId, Waiting>> waiting;
    std::vector<Observation> observations;
    bool disabled = false;
  };
  /// The device was told to go away for a while.
  void mark_disabled(Slot slot);
  /// Takes out everything of a device.
  Dropped drop(Slot slot);

 private:
  struct Device {
    std::vector<coap::ExchangeId> waiting;
    std::vector<Observation> observations;
    std::size_t observes_waiting = 0;
    bool disabled = false;
  };
  static bool is_observe(const Waiting& waiting) {
    return waiting.kind == Waiting::Kind::Observe || waiting.kind == Waiting::Kind::Restore;
  }
  void tidy(std::unordered_map<Slot, Device>::iterator device);

  // Looked up; iterated only for for_each().
  std::unordered_map<Slot, Device> devices_;
  std::unordered_map<coap::ExchangeId, Waiting> waiting_;
  std::unordered_map<coap::ExchangeId, Slot> observed_;
};

}  // namespace drover::server
