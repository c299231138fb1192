// SPDX-License-Identifier: Apache-2.0
#include "server/registry.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

#include "server/endpoint_name.hpp"

namespace drover::server {
namespace {
constexpr Slot kNoSlot = std::numeric_limits<Slot>::max();
}

static_assert(sizeof(Registration) <= 80);

void Registration::set_texts(const std::array<std::string_view, kTexts>& texts) {
  std::size_t total = 0;
  for (const std::string_view part : texts) total += part.size();
  auto joined = std::make_unique<char[]>(total);  // `texts` may point into the old one
  char* at = joined.get();
  for (std::size_t i = 0; i < kTexts; ++i) {
    assert(texts[i].size() <= std::numeric_limits<std::uint8_t>::max());
    at = std::copy(texts[i].begin(), texts[i].end(), at);
  }
  for (std::size_t i = 0; i < kTexts; ++i) sizes_[i] = static_cast<std::uint8_t>(texts[i].size());
  texts_ = std::move(joined);
}

Registry::Registry(std::uint8_t shard, std::size_t slots_max, Rng& rng)
    : shard_(shard), slots_max_(std::min(slots_max, kSlotsMax)), rng_(rng), hash_(rng), announcements_(hash_) {}

std::optional<Slot> Registry::add(Instant now, const NewRegistration& registration,
                                  const lwm2m::Announcement& announcement) {
  assert(!registration.endpoint.empty() && !find(registration.endpoint));
  if (size_ == slots_max_) return std::nullopt;
  const Slot slot = free_ ? *free_ : static_cast<Slot>(slots_.grow());
  Registration& entry = slots_[slot];
  if (free_) free_ = entry.next_free_ == kNoSlot ? std::nullopt : std::optional<Slot>(entry.next_free_);
  entry.registered_at_ = now;
  entry.updated_at_ = now;
  // The slot's last location must not come back at once.
  const std::uint32_t before = entry.nonce_;
  do {
    entry.nonce_ = static_cast<std::uint32_t>(rng_.next() >> 32);
  } while (entry.nonce_ == before);
  fill(slot, registration, announcement);
  mark(slot);
  return slot;
}

void Registry::fill(Slot slot, const NewRegistration& registration, const lwm2m::Announcement& announcement) {
  Registration& entry = slots_[slot];
  entry.set_texts({registration.endpoint, registration.version, registration.binding, registration.sms});
  entry.address_ = registration.address;
  entry.lifetime_ = registration.lifetime;
  entry.queue_ = registration.queue;
  entry.announcement_ = announcements_.acquire(announcement);
  by_endpoint_.insert(hash_(entry.endpoint()), slot, [this](Slot other) { return hash_(slots_[other].endpoint()); });
  timers_.set(slot, entry.expires_at());
  ++size_;
}

bool Registry::adopt(Slot slot, std::uint32_t nonce, Instant registered_at, Instant updated_at,
                     const NewRegistration& registration, const lwm2m::Announcement& announcement) {
  if (slot < slots_.size() || slot >= slots_max_ || registration.endpoint.empty() || find(registration.endpoint)) {
    return false;
  }
  while (slots_.size() < slot) {
    const Slot skipped = static_cast<Slot>(slots_.grow());
    slots_[skipped].next_free_ = free_.value_or(kNoSlot);
    free_ = skipped;
  }
  slots_.grow();
  Registration& entry = slots_[slot];
  entry.nonce_ = nonce;
  entry.registered_at_ = registered_at;
  entry.updated_at_ = updated_at;
  fill(slot, registration, announcement);
  return true;
}

void Registry::update(Instant now, Slot slot, const RegistrationChange& change) {
  Registration& entry = slots_[slot];
  assert(entry.is_used());
  const Instant before = entry.expires_at();
  const AnnouncementPool::Id announced_before = entry.announcement_;
  const bool changes = (change.lifetime && *change.lifetime != entry.lifetime_) ||
                       (change.queue && *change.queue != entry.queue_) ||
                       (change.binding && *change.binding != entry.binding()) ||
                       (change.sms && *change.sms != entry.sms());
  entry.updated_at_ = now;
  if (change.lifetime) entry.lifetime_ = *change.lifetime;
  if (change.queue) entry.queue_ = *change.queue;
  if (change.binding || change.sms) {
    entry.set_texts({entry.endpoint(), entry.version(), change.binding.value_or(entry.binding()),
                     change.sms.value_or(entry.sms())});
  }
  if (change.announcement != nullptr) {
    const AnnouncementPool::Id old = entry.announcement_;
    entry.announcement_ = announcements_.acquire(*change.announcement);
    announcements_.release(old);
  }
  if (changes || entry.announcement_ != announced_before) {
    mark(slot);
  } else if (tracks_) {
    updated_.add(slot);
  }
  // A timer that fires early is set again then; only one that would fire late has to be moved now.
  if (entry.expires_at() < before) timers_.set(slot, entry.expires_at());
}

void Registry::remove(Slot slot) {
  Registration& entry = slots_[slot];
  assert(entry.is_used());
  mark(slot);
  by_endpoint_.erase(hash_(entry.endpoint()), slot, [this](Slot other) { return hash_(slots_[other].endpoint()); });
  timers_.cancel(slot);
  announcements_.release(entry.announcement_);
  entry.texts_.reset();
  entry.next_free_ = free_.value_or(kNoSlot);
  free_ = slot;
  --size_;
}

std::optional<Slot> Registry::find(std::string_view endpoint) const {
  const Slot slot = by_endpoint_.find(hash_(endpoint), [&](Slot s) { return slots_[s].endpoint() == endpoint; });
  if (slot == ShardedSlotIndex::kNone) return std::nullopt;
  return slot;
}

std::optional<Slot> Registry::find(const Location& location) const {
  if (location.shard != shard_ || location.slot >= slots_.size()) return std::nullopt;
  const Registration& entry = slots_[location.slot];
  if (!entry.is_used() || entry.nonce_ != location.nonce) return std::nullopt;
  return location.slot;
}

lwm2m::Announcement Registry::announcement(Slot slot) const {
  return announcements_.announcement(slots_[slot].announcement_);
}

std::optional<Slot> Registry::next_expired(Instant now) {
  while (const auto slot = timers_.pop_due(now)) {
    const Instant expiry = slots_[*slot].expires_at();
    timers_.set(*slot, expiry);
    if (expiry <= now) return slot;
  }
  return std::nullopt;
}

Registry::Page Registry::page(std::string_view search, std::string_view after, std::size_t limit) const {
  Page page;
  const auto before = [this](Slot a, Slot b) { return slots_[a].endpoint() < slots_[b].endpoint(); };
  std::size_t behind = 0;
  for (Slot slot = 0; slot < slots_.size(); ++slot) {
    const Registration& entry = slots_[slot];
    if (!entry.is_used() || !contains_ignoring_case(entry.endpoint(), search)) continue;
    ++page.total;
    if (!after.empty() && entry.endpoint() <= after) continue;
    ++behind;
    // A heap with the greatest of the `limit` least ones on top.
    if (page.slots.size() < limit) {
      page.slots.push_back(slot);
      std::push_heap(page.slots.begin(), page.slots.end(), before);
    } else if (limit > 0 && before(slot, page.slots.front())) {
      std::pop_heap(page.slots.begin(), page.slots.end(), before);
      page.slots.back() = slot;
      std::push_heap(page.slots.begin(), page.slots.end(), before);
    }
  }
  std::sort_heap(page.slots.begin(), page.slots.end(), before);
  page.more = behind > page.slots.size();
  return page;
}

}  // namespace drover::server
