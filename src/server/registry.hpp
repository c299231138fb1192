// SPDX-License-Identifier: Apache-2.0
// The registrations of one shard. Knows no CoAP, no policy and no wall clock.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "base/slot_index.hpp"
#include "base/time.hpp"
#include "base/timers.hpp"
#include "lwm2m/operation/operation.hpp"
#include "server/announcement_pool.hpp"
#include "server/chunked_array.hpp"
#include "base/keyed_hash.hpp"
#include "server/location.hpp"
#include "transport/datagram.hpp"

namespace drover::server {

using Slot = std::uint32_t;

/// What a registration consists of when it begins.
struct NewRegistration {
  std::string_view endpoint;  ///< 1 to kEndpointMax bytes
  std::string_view version;   ///< at most 255 bytes, as the next two
  std::string_view binding;
  std::string_view sms;
  std::uint32_t lifetime = 0;  ///< seconds
  bool queue = false;
  transport::PeerAddress address;
};

/// What an Update changes; nothing: stays.
struct RegistrationChange {
  std::optional<std::uint32_t> lifetime;
  std::optional<std::string_view> binding;
  std::optional<std::string_view> sms;
  std::optional<bool> queue;
  const lwm2m::Announcement* announcement = nullptr;
};

/// One registration in 80 bytes, beside its texts (one allocation), its share of an announcement, 7 to 15 bytes of
/// index and 28 of timer.
class Registration {
 public:
  [[nodiscard]] std::string_view endpoint() const { return text(0); }
  [[nodiscard]] std::string_view version() const { return text(1); }
  [[nodiscard]] std::string_view binding() const { return text(2); }
  [[nodiscard]] std::string_view sms() const { return text(3); }
  [[nodiscard]] const transport::PeerAddress& address() const { return address_; }
  [[nodiscard]] std::uint32_t lifetime() const { return lifetime_; }
  [[nodiscard]] bool queue() const { return queue_; }
  [[nodiscard]] Instant registered_at() const { return registered_at_; }
  [[nodiscard]] Instant updated_at() const { return updated_at_; }
  [[nodiscard]] Instant expires_at() const { return updated_at_ + std::chrono::seconds(lifetime_); }

 private:
  friend class Registry;
  static constexpr std::size_t kTexts = 4;

  [[nodiscard]] std::string_view text(std::size_t index) const {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < index; ++i) begin += sizes_[i];
    return {texts_.get() + begin, sizes_[index]};
  }
  void set_texts(const std::array<std::string_view, kTexts>& texts);
  [[nodiscard]] bool is_used() const { return texts_ != nullptr; }

  transport::PeerAddress address_;
  Instant registered_at_{};
  Instant updated_at_{};
  std::unique_ptr<char[]> texts_;  ///< endpoint, version, binding, sms, one behind the other; null: the slot is free
  std::array<std::uint8_t, kTexts> sizes_{};
  std::uint32_t lifetime_ = 0;
  std::uint32_t nonce_ = 0;
  AnnouncementPool::Id announcement_ = 0;
  Slot next_free_ = 0;
  bool queue_ = false;
};

/// Every operation but page() costs the same however many devices there are, save for the timers' O(log n) when a
/// registration begins, ends or is shortened; an Update that lengthens one touches no timer. Slots are reused.
class Registry {
 public:
  /// `slots_max` is at most kSlotsMax. `rng` must outlive it.
  Registry(std::uint8_t shard, std::size_t slots_max, Rng& rng);

  /// Asserts that no registration has that endpoint. Nothing when slots_max are used.
  std::optional<Slot> add(Instant now, const NewRegistration& registration, const lwm2m::Announcement& announcement);
  /// Takes up a registration of before a restart, in its old place. False when that isn't behind all others, or
  /// slots_max are used: a fresh registry takes them ascending.
  bool adopt(Slot slot, std::uint32_t nonce, Instant registered_at, Instant updated_at,
             const NewRegistration& registration, const lwm2m::Announcement& announcement);
  /// Changes what is given and begins the lifetime anew.
  void update(Instant now, Slot slot, const RegistrationChange& change);
  void remove(Slot slot);
  /// Its peer is somewhere else now.
  void move(Slot slot, const transport::PeerAddress& address) {
    slots_[slot].address_ = address;
    mark(slot);
  }

  [[nodiscard]] std::optional<Slot> find(std::string_view endpoint) const;
  /// The slot when the location names a registration of this shard that exists.
  [[nodiscard]] std::optional<Slot> find(const Location& location) const;
  [[nodiscard]] const Registration& operator[](Slot slot) const { return slots_[slot]; }
  [[nodiscard]] Location location(Slot slot) const { return {shard_, slot, slots_[slot].nonce_}; }
  [[nodiscard]] lwm2m::Announcement announcement(Slot slot) const;
  /// The client's alternate path alone.
  [[nodiscard]] std::string root(Slot slot) const { return announcements_.root(slots_[slot].announcement_); }

  /// A registration whose lifetime is over at `now`, or nothing. It stays until remove().
  [[nodiscard]] std::optional<Slot> next_expired(Instant now);
  /// When to ask next_expired() again; never later than the next expiry, perhaps earlier.
  [[nodiscard]] std::optional<Instant> next_deadline() const { return timers_.next(); }

  /// From here on take_changed() and take_updated() say what happened.
  void track_changes() { tracks_ = true; }
  /// A registration began, ended, changed in anything but its last Update's time, or was marked.
  std::optional<Slot> take_changed() { return changed_.take(); }
  /// The rest of the Updates.
  std::optional<Slot> take_updated() { return updated_.take(); }
  void mark(Slot slot) {
    if (tracks_) changed_.add(slot);
  }
  [[nodiscard]] bool is_used(Slot slot) const { return slot < slots_.size() && slots_[slot].is_used(); }

  struct Page {
    std::vector<Slot> slots;  ///< ascending by endpoint, bytewise
    std::size_t total = 0;    ///< of the whole search
    bool more = false;        ///< behind the last of `slots`
  };
  /// Up to `limit` registrations behind `after` whose endpoint contains `search`. Walks over all of them, O(n log
  /// limit): a sorted index would cost each device more than its registration's texts, for a question that people ask.
  [[nodiscard]] Page page(std::string_view search, std::string_view after, std::size_t limit) const;

  [[nodiscard]] std::size_t size() const { return size_; }
  /// All that are used, ascending.
  template <class Visit>
  void for_each(Visit visit) const {
    for (Slot slot = 0; slot < slots_.size(); ++slot) {
      if (slots_[slot].is_used()) visit(slot);
    }
  }
  [[nodiscard]] std::size_t different_announcements() const { return announcements_.size(); }

 private:
  /// Slots, each once.
  class SlotSet {
   public:
    void add(Slot slot) {
      if (slot >= has_.size()) has_.resize(slot + std::size_t{1});
      if (has_[slot]) return;
      has_[slot] = true;
      slots_.push_back(slot);
    }
    std::optional<Slot> take() {
      if (slots_.empty()) return std::nullopt;
      const Slot slot = slots_.back();
      slots_.pop_back();
      has_[slot] = false;
      return slot;
    }

   private:
    std::vector<Slot> slots_;
    std::vector<bool> has_;
  };

  void fill(Slot slot, const NewRegistration& registration, const lwm2m::Announcement& announcement);

  std::uint8_t shard_;
  std::size_t slots_max_;
  Rng& rng_;
  KeyedHash hash_;
  ChunkedArray<Registration> slots_;
  ShardedSlotIndex by_endpoint_;
  AnnouncementPool announcements_;
  Timers timers_;  ///< by slot; may be early, see next_deadline()
  std::optional<Slot> free_;
  std::size_t size_ = 0;
  SlotSet changed_, updated_;
  bool tracks_ = false;
};

}  // namespace drover::server
