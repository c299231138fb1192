// SPDX-License-Identifier: Apache-2.0
// What of the associations outlives the process, and how a later one goes on with them.
#include <utility>

#include "base/take_front.hpp"
#include "security/listener.hpp"

namespace drover::security {

namespace {

/// Records that may be sent before the disk is asked again. A crash skips them.
constexpr std::uint64_t kSentAhead = 64;

}  // namespace

void Listener::count(Slot slot) {
  Place& place = places_[slot];
  if (!place.established) return;
  const RecordCounters at = place.live->counters();
  const bool moved = at.received != place.past.received || at.sent > place.past.sent;
  place.past.received = at.received;
  if (at.sent > place.past.sent) place.past.sent = at.sent + kSentAhead;
  if (moved || !place.kept) change(slot);
}

void Listener::change(Slot slot) {
  if (std::exchange(places_[slot].changed, true)) return;
  changed_.push_back(slot);
}

std::optional<ListenerChange> Listener::poll_change() {
  if (const auto gone = take_front(gone_)) return *gone;
  while (!changed_.empty()) {
    const Slot slot = changed_.back();
    changed_.pop_back();
    Place& place = places_[slot];
    place.changed = false;
    if (!place.established) continue;
    if (place.kept) return AssociationCounted{handle(slot).pack(), place.address, place.past};
    if (auto first = keep(now_, slot)) return std::move(*first);
  }
  return std::nullopt;
}

std::optional<AssociationKept> Listener::keep(Instant now, Slot slot) {
  // Not before the handshake has ended on both sides, and never one that can't be moved.
  if (places_[slot].live && !places_[slot].live->is_releasable()) return std::nullopt;
  if (places_[slot].live) park(now, slot);
  Place& place = places_[slot];
  if (!place.established) return std::nullopt;
  const ByteView bytes = place.parked.view();
  place.kept = true;
  return AssociationKept{handle(slot).pack(), place.address, place.past,
                         Secret<Bytes>(Bytes(bytes.begin(), bytes.end()))};
}

void Listener::say_goodbye(Instant now) {
  for (Slot slot = 0; slot < places_.size(); ++slot) {
    const Place& place = places_[slot];
    if (place.nonce == 0 || place.kept) continue;
    if (place.established) {
      close(now, name(slot), "this server stops");
    } else {
      end(now, slot, "this server stops");
    }
  }
}

bool Listener::adopt(Instant now, AssociationKept kept) {
  const auto handle = Handle::unpack(kept.handle);
  if (!handle || handle->shard != settings_.shard || handle->nonce == 0 ||
      handle->place >= settings_.associations_max) {
    return false;
  }
  Bytes bytes = kept.released.reveal();
  const Secret<Bytes> released = acceptor_.advance(bytes, kept.past) ? Secret<Bytes>(std::move(bytes)) : Secret<Bytes>();
  const auto peer = released.empty() ? std::nullopt : acceptor_.inspect(released.reveal());
  if (!peer || !source_.holds(peer->credential, peer->identity)) return false;
  while (places_.size() < handle->place) {
    free_.push_back(static_cast<Slot>(places_.size()));
    places_.emplace_back();
  }
  if (places_.size() == handle->place) {
    places_.emplace_back();
  } else if (places_[handle->place].nonce != 0) {
    return false;
  } else {
    std::erase(free_, handle->place);
  }
  Place& place = places_[handle->place];
  place.address = kept.address;
  place.parked.assign(released.reveal());
  place.nonce = handle->nonce;
  place.used = now;
  place.kept = settings_.kept;
  place.past = kept.past;
  place.established = true;
  place.checked = static_cast<std::uint32_t>(revision_);
  if (find(place.address) == SlotIndex::kNone) index(handle->place);
  ++counters_.associations;
  schedule(now, handle->place);
  return true;
}

}  // namespace drover::security
