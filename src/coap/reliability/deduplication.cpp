// SPDX-License-Identifier: Apache-2.0
#include "coap/reliability/deduplication.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

namespace drover::coap {

namespace {

using Tick = std::chrono::duration<std::int64_t, std::milli>;

std::int64_t tick_of(Instant instant) {
  return std::chrono::floor<Tick>(instant.time_since_epoch()).count();
}

/// Rounded up: an entry may live a millisecond too long, never too short. At most 2^30 ticks, 12 days, so that 32 bits
/// tell before from after.
std::int64_t lifetime_ticks(Duration lifetime) {
  return std::min<std::int64_t>(std::chrono::ceil<Tick>(lifetime).count() + 1, std::int64_t{1} << 30);
}

/// How many entries that wait for their answer are stepped over before a new message is refused instead.
constexpr std::size_t kOpenSkippedMax = 16;

}  // namespace

void KeptAnswer::keep(ByteView datagram) {
  assert(datagram.size() > kIdAt + kIdSize - 1 && datagram.size() <= std::numeric_limits<std::uint16_t>::max());
  clear();
  size_ = static_cast<std::uint16_t>(datagram.size() - kIdSize);
  std::uint8_t* to = bytes_.data();
  if (size_ > kInline) {
    to = std::make_unique<std::uint8_t[]>(size_).release();
    std::memcpy(bytes_.data(), &to, sizeof to);
  }
  const ByteView tail = datagram.subspan(kIdAt + kIdSize);
  std::copy(tail.begin(), tail.end(), std::copy_n(datagram.begin(), kIdAt, to));
}

Bytes KeptAnswer::datagram(MessageId id) const {
  const ByteView kept(size_ > kInline ? outside() : bytes_.data(), size_);
  Bytes whole;
  whole.reserve(kept.size() + kIdSize);
  whole.insert(whole.end(), kept.begin(), kept.begin() + kIdAt);
  whole.push_back(static_cast<std::uint8_t>(id.value >> 8));
  whole.push_back(static_cast<std::uint8_t>(id.value & 0xFF));
  whole.insert(whole.end(), kept.begin() + kIdAt, kept.end());
  return whole;
}

void KeptAnswer::clear() {
  if (size_ > kInline) std::unique_ptr<std::uint8_t[]>(outside()).reset();
  size_ = 0;
}

void KeptAnswer::set_note(std::uint32_t note) {
  clear();
  std::memcpy(bytes_.data(), &note, sizeof note);
}

std::uint32_t KeptAnswer::note() const {
  std::uint32_t note = 0;
  std::memcpy(&note, bytes_.data(), sizeof note);
  return note;
}

std::uint8_t* KeptAnswer::outside() const {
  std::uint8_t* at = nullptr;
  std::memcpy(&at, bytes_.data(), sizeof at);
  return at;
}

Deduplication::Deduplication(const Parameters& parameters, const KeyedHash& hash)
    : hash_(hash),
      entries_max_(std::max<std::size_t>(parameters.deduplication_max, 1)),
      ring_max_(std::clamp<std::size_t>(parameters.deduplication_max_per_peer, 1,
                                        std::numeric_limits<std::uint16_t>::max())) {
  lists_[kConfirmable].lifetime_ticks = lifetime_ticks(parameters.exchange_lifetime());
  lists_[kNonConfirmable].lifetime_ticks = lifetime_ticks(parameters.non_lifetime());
  lists_[kSms].lifetime_ticks = lifetime_ticks(parameters.sms.lifetime);
}

std::uint64_t Deduplication::message_hash(std::uint32_t slot) const {
  return hash_.of(hash_.of(at(slot).peer), at(slot).id);
}

std::uint64_t Deduplication::ring_hash(const transport::PeerAddress& peer, std::size_t lifetime) const {
  return hash_.of(peer) ^ (lifetime * 0x9E3779B97F4A7C15ULL);
}

std::uint32_t Deduplication::newest_in_ring(const transport::PeerAddress& peer, std::size_t lifetime) const {
  return rings_.find(ring_hash(peer, lifetime), [&](std::uint32_t slot) {
    return at(slot).lifetime == lifetime && at(slot).peer == peer;
  });
}

std::int64_t Deduplication::widened_expiry(std::uint32_t slot) const {
  const std::int64_t reference = lists_[at(slot).lifetime].newest_expires;
  return reference - static_cast<std::uint32_t>(static_cast<std::uint32_t>(reference) - at(slot).expires);
}

bool Deduplication::is_open(std::uint32_t slot) const {
  const Standing standing = at(slot).standing;
  return standing == Standing::Open || standing == Standing::OpenForLong || standing == Standing::OpenAcknowledged ||
         standing == Standing::OpenSilent;
}

std::uint32_t Deduplication::find(Instant now, const transport::PeerAddress& peer, MessageId id) {
  const std::uint32_t slot = messages_.find(hash_.of(hash_.of(peer), id), [&](std::uint32_t candidate) {
    return at(candidate).id == id && at(candidate).peer == peer;
  });
  if (slot == kNone || widened_expiry(slot) > tick_of(now)) return slot;
  remove(slot);
  return kNone;
}

std::uint32_t Deduplication::insert(Instant now, const transport::PeerAddress& peer, const Message& message) {
  const Lifetime lifetime = peer.is_sms()                           ? kSms
                            : message.type == Type::NonConfirmable ? kNonConfirmable
                                                                   : kConfirmable;
  if (!make_room(peer, lifetime)) return kNone;
  const std::uint32_t slot = entries_.allocate();
  List& list = lists_[lifetime];
  // A clock that steps back must not break the order of the list.
  list.newest_expires = list.oldest == kNone ? tick_of(now) + list.lifetime_ticks
                                             : std::max(list.newest_expires, tick_of(now) + list.lifetime_ticks);
  Entry& entry = at(slot);
  entry.peer = peer;
  entry.id = message.id;
  entry.lifetime = static_cast<std::uint8_t>(lifetime & 3);
  entry.safe = message.code == code::kGet || message.code == code::kFetch;
  entry.standing = Standing::Undecided;
  entry.expires = static_cast<std::uint32_t>(list.newest_expires);
  join_list(slot);
  join_ring(slot);
  messages_.insert(message_hash(slot), slot, [this](std::uint32_t other) { return message_hash(other); });
  ++size_;
  return slot;
}

void Deduplication::open(std::uint32_t slot, Instant due) {
  assert(at(slot).standing != Standing::Open);
  allocated_ -= at(slot).answer.allocated();
  at(slot).standing = Standing::Open;
  at(slot).answer.set_note(static_cast<std::uint32_t>(acknowledgements_of(slot).push({due, slot})));
}

void Deduplication::settle(std::uint32_t slot, Standing standing) {
  assert(standing != Standing::Open && standing != Standing::Answered);
  close_acknowledgement(slot);
  allocated_ -= at(slot).answer.allocated();
  at(slot).answer.clear();
  at(slot).standing = standing;
}

void Deduplication::settle_with_answer(std::uint32_t slot, ByteView datagram) {
  settle(slot, Standing::Silent);
  Entry& entry = at(slot);
  entry.standing = Standing::Answered;
  entry.answer.keep(datagram);
  allocated_ += entry.answer.allocated();
  while (allocated_ > kAllocatedMax && forget_oldest()) {
  }
}

std::uint32_t Deduplication::next_due(Instant now) {
  for (const DueAcknowledgements& due : acknowledgements_) {
    if (!due.empty() && due.front().due <= now) return due.front().slot;
  }
  return kNone;
}

std::optional<Instant> Deduplication::next_acknowledgement() const {
  std::optional<Instant> next;
  for (const DueAcknowledgements& due : acknowledgements_) {
    if (!due.empty() && (!next || due.front().due < *next)) next = due.front().due;
  }
  return next;
}

void Deduplication::expire(Instant now, std::size_t count_max) {
  for (const List& list : lists_) {
    while (list.oldest != kNone && widened_expiry(list.oldest) <= tick_of(now)) {
      if (count_max == 0) return;
      --count_max;
      remove(list.oldest);
    }
  }
}

std::optional<Instant> Deduplication::next_expiry() const {
  std::optional<Instant> next;
  for (const List& list : lists_) {
    if (list.oldest == kNone) continue;
    const Instant at_expiry{Tick(widened_expiry(list.oldest))};
    if (!next || at_expiry < *next) next = at_expiry;
  }
  return next;
}

std::size_t Deduplication::memory() const {
  return entries_.memory() + messages_.memory() + rings_.memory() + allocated_ +
         (acknowledgements_[0].size() + acknowledgements_[1].size()) * sizeof(DueAcknowledgement);
}

bool Deduplication::make_room(const transport::PeerAddress& peer, std::size_t lifetime) {
  const std::uint32_t newest = newest_in_ring(peer, lifetime);
  if (newest != kNone && at(newest).ring_size >= ring_max_) return forget_oldest_of_ring(newest);
  return size_ < entries_max_ || forget_oldest();
}

bool Deduplication::forget_oldest_of_ring(std::uint32_t newest) {
  std::uint32_t slot = at(newest).ring;
  for (std::size_t count = at(newest).ring_size; count > 0; --count, slot = at(slot).ring) {
    if (is_open(slot)) continue;
    remove(slot);
    return true;
  }
  return false;
}

bool Deduplication::forget_oldest() {
  const auto arrival = [this](const List& list) {
    return list.oldest == kNone ? std::numeric_limits<std::int64_t>::max()
                                : widened_expiry(list.oldest) - list.lifetime_ticks;
  };
  std::array<std::size_t, kLifetimes> order = {kConfirmable, kNonConfirmable, kSms};
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(arrival(lists_[a]), a) < std::pair(arrival(lists_[b]), b);
  });
  for (const std::size_t list : order) {
    std::uint32_t slot = lists_[list].oldest;
    for (std::size_t skipped = 0; slot != kNone && skipped <= kOpenSkippedMax; ++skipped, slot = at(slot).newer) {
      if (is_open(slot)) continue;
      remove(slot);
      return true;
    }
  }
  return false;
}

void Deduplication::remove(std::uint32_t slot) {
  close_acknowledgement(slot);
  allocated_ -= at(slot).answer.allocated();
  at(slot).answer.clear();
  messages_.erase(message_hash(slot), slot, [this](std::uint32_t other) { return message_hash(other); });
  leave_ring(slot);
  leave_list(slot);
  entries_.release(slot);
  --size_;
}

void Deduplication::join_ring(std::uint32_t slot) {
  Entry& entry = at(slot);
  const std::uint64_t hash = ring_hash(entry.peer, entry.lifetime);
  const std::uint32_t newest = newest_in_ring(entry.peer, entry.lifetime);
  if (newest == kNone) {
    entry.ring = slot;
    entry.ring_size = 1;
    rings_.insert(hash, slot,
                  [this](std::uint32_t other) { return ring_hash(at(other).peer, at(other).lifetime); });
    return;
  }
  entry.ring = at(newest).ring;
  entry.ring_size = static_cast<std::uint16_t>(at(newest).ring_size + 1);
  at(newest).ring = slot;
  rings_.replace(hash, newest, slot);
}

void Deduplication::leave_ring(std::uint32_t slot) {
  const Entry& entry = at(slot);
  const std::uint64_t hash = ring_hash(entry.peer, entry.lifetime);
  if (entry.ring == slot) {
    rings_.erase(hash, slot,
                 [this](std::uint32_t other) { return ring_hash(at(other).peer, at(other).lifetime); });
    return;
  }
  const std::uint32_t newest = newest_in_ring(entry.peer, entry.lifetime);
  std::uint32_t before = newest;  // the oldest leaves nearly always, and the newest points to it
  while (at(before).ring != slot) before = at(before).ring;
  at(before).ring = entry.ring;
  const auto size = static_cast<std::uint16_t>(at(newest).ring_size - 1);
  if (newest == slot) rings_.replace(hash, slot, before);
  at(newest == slot ? before : newest).ring_size = size;
}

void Deduplication::join_list(std::uint32_t slot) {
  List& list = lists_[at(slot).lifetime];
  at(slot).older = list.newest;
  at(slot).newer = kNone;
  (list.newest == kNone ? list.oldest : at(list.newest).newer) = slot;
  list.newest = slot;
}

void Deduplication::leave_list(std::uint32_t slot) {
  const Entry& entry = at(slot);
  List& list = lists_[entry.lifetime];
  (entry.older == kNone ? list.oldest : at(entry.older).newer) = entry.newer;
  (entry.newer == kNone ? list.newest : at(entry.newer).older) = entry.older;
}

void Deduplication::close_acknowledgement(std::uint32_t slot) {
  if (at(slot).standing != Standing::Open) return;
  DueAcknowledgements& due = acknowledgements_of(slot);
  due[due.widen(at(slot).answer.note())].slot = kNone;
  while (!due.empty() && due.front().slot == kNone) due.pop();
}

}  // namespace drover::coap
