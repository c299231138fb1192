// SPDX-License-Identifier: Apache-2.0
// Confirmable messages of ours until they are acknowledged, rejected or given up (RFC 7252 §4.2, §4.7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/slot_index.hpp"
#include "base/time.hpp"
#include "base/timers.hpp"
#include "coap/reliability/keyed_hash.hpp"
#include "coap/reliability/message_ids.hpp"
#include "coap/reliability/outbox.hpp"

namespace drover::coap {

/// At most NSTART of them are under way to a peer; the others wait in the order in which they were sent. A peer to
/// which nothing is under way has no record here. Over SMS nothing is repeated (Transport "SMS Binding").
class Transmissions {
 public:
  /// The references must outlive this object.
  Transmissions(const Parameters& parameters, const KeyedHash& hash, MessageIds& ids, Rng& rng, Outbox& outbox);

  /// `datagram` is an encoded confirmable message; its id is set when it goes out. When more wait for the peer than
  /// may, the transmission is given up at once and counted as refused.
  TransmissionId send(Instant now, const transport::PeerAddress& peer, Bytes datagram);
  /// Ends a transmission without an event; what waits behind it goes out with the next start_ready().
  void cancel(TransmissionId transmission);
  /// Ends and names the transmission that is under way to `peer` with this id, and starts what waited behind it.
  std::optional<TransmissionId> match(Instant now, const transport::PeerAddress& peer, MessageId id);
  void forget_peer(const transport::PeerAddress& peer);

  /// Starts what cancel() made room for.
  void start_ready(Instant now);
  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }
  /// Repeats or gives up what is due.
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const { return timers_.next(); }

 private:
  static constexpr std::uint32_t kNone = SlotIndex::kNone;

  struct Transmission {
    transport::PeerAddress peer;
    Bytes datagram;
    Duration timeout{};
    std::uint32_t repeats = 0;
    std::uint32_t generation = 0;  ///< makes the TransmissionId unique; a slot whose generations are used up is retired
    std::uint32_t queue = 0;
    std::uint32_t previous = 0;  ///< neighbours in the queue
    std::uint32_t next = 0;      ///< or the next free slot
    MessageId id;
    bool in_use = false;
    bool under_way = false;
  };
  /// All transmissions to a peer in their order: those under way, then those that wait.
  struct Queue {
    transport::PeerAddress peer;
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
    std::uint32_t first_waiting = kNone;
    std::uint32_t under_way = 0;
    std::uint32_t waiting = 0;
    std::uint32_t next_free = kNone;
  };

  [[nodiscard]] TransmissionId name_of(std::uint32_t slot) const;
  [[nodiscard]] std::uint64_t message_hash(std::uint32_t slot) const;
  [[nodiscard]] std::uint32_t find_queue(const transport::PeerAddress& peer) const;
  [[nodiscard]] std::uint32_t find_under_way(const transport::PeerAddress& peer, MessageId id) const;
  [[nodiscard]] Duration first_timeout(const transport::PeerAddress& peer);

  std::uint32_t allocate();
  void release(std::uint32_t slot);
  std::uint32_t open_queue(const transport::PeerAddress& peer);
  void start(Instant now, std::uint32_t slot);
  /// Takes a transmission out of its queue; the queue may be gone afterwards.
  void finish(std::uint32_t slot);
  void start_waiting(Instant now, const transport::PeerAddress& peer);

  Parameters parameters_;
  KeyedHash hash_;
  MessageIds& ids_;
  Rng& rng_;
  Outbox& outbox_;
  std::vector<Transmission> transmissions_;
  std::uint32_t free_transmission_ = kNone;
  std::vector<Queue> queues_;
  std::uint32_t free_queue_ = kNone;
  SlotIndex under_way_;  ///< transmissions by peer and message id
  SlotIndex by_peer_;    ///< queues
  Timers timers_;        ///< by transmission
  std::vector<transport::PeerAddress> ready_;
};

}  // namespace drover::coap
