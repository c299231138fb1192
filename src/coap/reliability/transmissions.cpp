// SPDX-License-Identifier: Apache-2.0
#include "coap/reliability/transmissions.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace drover::coap {

namespace {

constexpr std::uint32_t kGenerationMax = std::numeric_limits<std::uint32_t>::max() >> 1;  // the top bit names NONs
constexpr Duration kTimeoutMax = std::chrono::hours(24 * 30);                             // doubling ends somewhere

/// What may wait for one peer: our requests, notifications of its observations, separate responses to its requests.
std::size_t waiting_max(const Parameters& parameters) {
  return parameters.requests_max_per_peer + parameters.observations_max_per_peer +
         parameters.deduplication_max_per_peer;
}

}  // namespace

Transmissions::Transmissions(const Parameters& parameters, const KeyedHash& hash, MessageIds& ids, Rng& rng,
                             Outbox& outbox)
    : parameters_(parameters), hash_(hash), ids_(ids), rng_(rng), outbox_(outbox) {
  parameters_.nstart = std::max(parameters_.nstart, 1U);
}

TransmissionId Transmissions::send(Instant now, const transport::PeerAddress& peer, Bytes datagram) {
  const std::uint32_t slot = allocate();
  const TransmissionId name = name_of(slot);
  const std::uint32_t queue_slot = open_queue(peer);
  Queue& queue = queues_[queue_slot];
  if (queue.waiting >= waiting_max(parameters_)) {
    release(slot);
    ++outbox_.counters.refused;
    outbox_.events.push(GaveUp{name});
    return name;
  }
  Transmission& transmission = transmissions_[slot];
  transmission.peer = peer;
  transmission.datagram = std::move(datagram);
  transmission.repeats = 0;
  transmission.queue = queue_slot;
  transmission.previous = queue.last;
  transmission.next = kNone;
  (queue.last == kNone ? queue.first : transmissions_[queue.last].next) = slot;
  queue.last = slot;
  if (queue.first_waiting == kNone) queue.first_waiting = slot;
  ++queue.waiting;
  start_waiting(now, peer);
  return name;
}

void Transmissions::cancel(TransmissionId transmission) {
  const auto slot = static_cast<std::uint32_t>(transmission.value);
  if (slot >= transmissions_.size() || !transmissions_[slot].in_use || name_of(slot) != transmission) return;
  const transport::PeerAddress peer = transmissions_[slot].peer;
  finish(slot);
  const std::uint32_t queue = find_queue(peer);
  if (queue != kNone && queues_[queue].waiting > 0 && queues_[queue].under_way < parameters_.nstart) {
    ready_.push_back(peer);
  }
}

std::optional<TransmissionId> Transmissions::match(Instant now, const transport::PeerAddress& peer, MessageId id) {
  const std::uint32_t slot = find_under_way(peer, id);
  if (slot == kNone) return std::nullopt;
  const TransmissionId name = name_of(slot);
  finish(slot);
  start_waiting(now, peer);
  return name;
}

void Transmissions::forget_peer(const transport::PeerAddress& peer) {
  const std::uint32_t queue = find_queue(peer);
  if (queue == kNone) return;
  for (std::uint32_t slot = queues_[queue].first; slot != kNone;) {
    const std::uint32_t next = transmissions_[slot].next;
    finish(slot);
    slot = next;
  }
}

void Transmissions::start_ready(Instant now) {
  for (const transport::PeerAddress& peer : ready_) start_waiting(now, peer);
  ready_.clear();
}

void Transmissions::handle_timeout(Instant now) {
  while (const auto due = timers_.pop_due(now)) {
    Transmission& transmission = transmissions_[*due];
    if (!transmission.peer.is_sms() && transmission.repeats < parameters_.max_retransmit) {
      ++transmission.repeats;
      ++outbox_.counters.retransmissions;
      transmission.timeout = std::min(transmission.timeout * 2, kTimeoutMax);
      // From now and not from when it was due: a driver that was late must not send two in one go.
      timers_.set(*due, now + transmission.timeout);
      outbox_.transmit(transmission.peer, transmission.datagram);
      continue;
    }
    ++outbox_.counters.timeouts;
    outbox_.events.push(GaveUp{name_of(*due)});
    const transport::PeerAddress peer = transmission.peer;
    finish(*due);
    start_waiting(now, peer);
  }
}

TransmissionId Transmissions::name_of(std::uint32_t slot) const {
  return TransmissionId{std::uint64_t{transmissions_[slot].generation} << 32 | slot};
}

std::uint64_t Transmissions::message_hash(std::uint32_t slot) const {
  return hash_.of(hash_.of(transmissions_[slot].peer), transmissions_[slot].id);
}

std::uint32_t Transmissions::find_queue(const transport::PeerAddress& peer) const {
  return by_peer_.find(hash_.of(peer), [&](std::uint32_t queue) { return queues_[queue].peer == peer; });
}

std::uint32_t Transmissions::find_under_way(const transport::PeerAddress& peer, MessageId id) const {
  return under_way_.find(hash_.of(hash_.of(peer), id), [&](std::uint32_t slot) {
    return transmissions_[slot].id == id && transmissions_[slot].peer == peer;
  });
}

Duration Transmissions::first_timeout(const transport::PeerAddress& peer) {
  if (peer.is_sms()) return std::min(parameters_.sms.response_wait, kTimeoutMax);
  // RFC 7252 §4.2: a random duration between ACK_TIMEOUT and ACK_TIMEOUT * ACK_RANDOM_FACTOR, both included.
  const std::int64_t least = std::max<std::int64_t>(parameters_.ack_timeout.count(), 1);
  const std::int64_t more =
      least * std::max<std::int64_t>(std::int64_t{parameters_.ack_random_permille} - 1000, 0) / 1000;
  const std::int64_t bound = std::min<std::int64_t>(more + 1, std::numeric_limits<std::uint32_t>::max());
  return std::min(Duration(least + static_cast<std::int64_t>(rng_.below(static_cast<std::uint32_t>(bound)))),
                  kTimeoutMax);
}

std::uint32_t Transmissions::allocate() {
  std::uint32_t slot = free_transmission_;
  if (slot == kNone) {
    slot = static_cast<std::uint32_t>(transmissions_.size());
    transmissions_.emplace_back();
  } else {
    free_transmission_ = transmissions_[slot].next;
  }
  transmissions_[slot].in_use = true;
  return slot;
}

void Transmissions::release(std::uint32_t slot) {
  Transmission& transmission = transmissions_[slot];
  transmission.in_use = false;
  transmission.under_way = false;
  transmission.datagram = {};
  if (transmission.generation == kGenerationMax) return;
  ++transmission.generation;
  transmission.next = free_transmission_;
  free_transmission_ = slot;
}

std::uint32_t Transmissions::open_queue(const transport::PeerAddress& peer) {
  std::uint32_t slot = find_queue(peer);
  if (slot != kNone) return slot;
  slot = free_queue_;
  if (slot == kNone) {
    slot = static_cast<std::uint32_t>(queues_.size());
    queues_.emplace_back();
  } else {
    free_queue_ = queues_[slot].next_free;
  }
  queues_[slot] = Queue{};
  queues_[slot].peer = peer;
  by_peer_.insert(hash_.of(peer), slot, [this](std::uint32_t queue) { return hash_.of(queues_[queue].peer); });
  return slot;
}

void Transmissions::start(Instant now, std::uint32_t slot) {
  Transmission& transmission = transmissions_[slot];
  const std::uint64_t peer_hash = hash_.of(transmission.peer);
  do {
    transmission.id = ids_.next(transmission.peer, peer_hash);
  } while (find_under_way(transmission.peer, transmission.id) != kNone);
  transmission.datagram[2] = static_cast<std::uint8_t>(transmission.id.value >> 8);
  transmission.datagram[3] = static_cast<std::uint8_t>(transmission.id.value & 0xFF);
  transmission.under_way = true;
  transmission.timeout = first_timeout(transmission.peer);
  under_way_.insert(message_hash(slot), slot, [this](std::uint32_t other) { return message_hash(other); });
  timers_.set(slot, now + transmission.timeout);
  outbox_.transmit(transmission.peer, transmission.datagram);
}

void Transmissions::finish(std::uint32_t slot) {
  const Transmission& transmission = transmissions_[slot];
  const std::uint32_t queue_slot = transmission.queue;
  Queue& queue = queues_[queue_slot];
  if (transmission.under_way) {
    timers_.cancel(slot);
    under_way_.erase(message_hash(slot), slot, [this](std::uint32_t other) { return message_hash(other); });
    --queue.under_way;
  } else {
    if (queue.first_waiting == slot) queue.first_waiting = transmission.next;
    --queue.waiting;
  }
  (transmission.previous == kNone ? queue.first : transmissions_[transmission.previous].next) = transmission.next;
  (transmission.next == kNone ? queue.last : transmissions_[transmission.next].previous) = transmission.previous;
  release(slot);
  if (queue.first != kNone) return;
  by_peer_.erase(hash_.of(queue.peer), queue_slot,
                 [this](std::uint32_t other) { return hash_.of(queues_[other].peer); });
  queue.next_free = free_queue_;
  free_queue_ = queue_slot;
}

void Transmissions::start_waiting(Instant now, const transport::PeerAddress& peer) {
  const std::uint32_t queue_slot = find_queue(peer);
  if (queue_slot == kNone) return;
  Queue& queue = queues_[queue_slot];
  while (queue.first_waiting != kNone && queue.under_way < parameters_.nstart) {
    const std::uint32_t slot = queue.first_waiting;
    queue.first_waiting = transmissions_[slot].next;
    --queue.waiting;
    ++queue.under_way;
    start(now, slot);
  }
}

}  // namespace drover::coap
