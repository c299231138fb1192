// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/associations.hpp"

#include <algorithm>
#include <utility>

#include "base/take_front.hpp"

namespace drover::swarm {

using security::AssociationState;

namespace {

/// A PSK client looks at no host name.
const std::string kNoHost;

}  // namespace

Associations::Associations(std::uint32_t count, const Settings& settings, security::Provider& provider,
                           Credential credential, Send send)
    : provider_(provider),
      credential_(std::move(credential)),
      send_(std::move(send)),
      settings_(settings),
      places_(count) {}

// ---- commands -------------------------------------------------------------------------------------------------------

void Associations::connect(Instant now, std::uint32_t device) {
  Place& place = places_[device];
  if (place.live || !place.parked.empty()) return;
  auto connector = provider_.connector({credential_(device), {}}, kNoHost);
  if (!connector) {
    ++report_.errors[connector.error().reason];
    ++counts_.failed;
    events_.push_back({device, false});
    return;
  }
  place.live = std::make_unique<Live>();
  place.live->connector = std::move(*connector);
  place.live->begun = place.live->used = now;
  ++live_;
  place.live->association = place.live->connector->connect(now, place.session);
  drain(now, device);
}

bool Associations::is_up(std::uint32_t device) const {
  const Place& place = places_[device];
  return place.live ? place.live->up : !place.parked.empty();
}

void Associations::send(Instant now, std::uint32_t device, ByteView message) {
  Live* const live = wake(now, device);
  if (live == nullptr || !live->up) return;
  live->used = now;
  // An error has closed it; no message of a device is longer than a record.
  (void)live->association->send(now, message);
  drain(now, device);
}

void Associations::drop(std::uint32_t device) {
  places_[device].parked = {};
  let_go(device);
}

void Associations::close(Instant now, std::uint32_t device) {
  if (Live* const live = wake(now, device)) {
    live->association->close(now);
    while (auto datagram = live->association->poll_datagram()) send_(device, std::move(*datagram));
  }
  drop(device);
}

// ---- what comes -----------------------------------------------------------------------------------------------------

void Associations::handle_datagram(Instant now, std::uint32_t device, ByteView datagram) {
  Live* const live = wake(now, device);
  if (live == nullptr) {
    ++counts_.ignored_records;
    return;
  }
  if (live->association->handle_datagram(now, datagram) == security::Arrival::Ignored) {
    ++counts_.ignored_records;
  } else {
    live->used = now;
  }
  drain(now, device);
}

void Associations::handle_timeout(Instant now) {
  while (const auto due = timers_.pop_due(now)) {
    Live& live = *places_[*due].live;
    const auto wanted = live.association->deadline();
    if (wanted && wanted->at <= now) {
      live.association->handle_timeout(now);
      drain(now, *due);
    } else if (live.up && live.used + kParkAfter <= now && live.association->is_releasable()) {
      park(*due);
    } else {
      live.used = std::max(live.used, now - kParkAfter / 2);  // tried again, but not at once
      schedule(*due);
    }
  }
}

std::optional<Associations::Message> Associations::poll_message() {
  return take_front(messages_);
}

std::optional<Associations::Event> Associations::poll_event() {
  return take_front(events_);
}

PhaseReport Associations::take_report() {
  return std::exchange(report_, {});
}

// ---- associations ---------------------------------------------------------------------------------------------------

Associations::Live* Associations::wake(Instant now, std::uint32_t device) {
  Place& place = places_[device];
  if (place.live || place.parked.empty()) return place.live.get();
  if (!restorer_) {
    if (auto made = provider_.connector({credential_(device), {}}, kNoHost)) restorer_ = std::move(*made);
  }
  const Secret<Bytes> parked = std::exchange(place.parked, {});
  auto association = restorer_ ? restorer_->restore(now, parked) : tl::unexpected(Error{Fault::Us, 0, "no connector"});
  if (!association) {
    ++report_.errors[association.error().reason];
    events_.push_back({device, false});
    return nullptr;
  }
  place.live = std::make_unique<Live>();
  place.live->association = std::move(*association);
  place.live->used = now;
  place.live->up = true;
  ++live_;
  return place.live.get();
}

void Associations::drain(Instant now, std::uint32_t device) {
  Live& live = *places_[device].live;
  while (auto datagram = live.association->poll_datagram()) send_(device, std::move(*datagram));
  while (auto plaintext = live.association->poll_plaintext()) messages_.push_back({device, std::move(*plaintext)});
  const AssociationState state = live.association->state();
  if (state == AssociationState::Closed) return ended(device);
  if (state == AssociationState::Established && !live.up) established(now, device);
  if (live_ > settings_.live_max && live.association->is_releasable()) return park(device);
  schedule(device);
}

void Associations::established(Instant now, std::uint32_t device) {
  Place& place = places_[device];
  place.live->up = true;
  if (settings_.resume) place.session = place.live->association->session();
  ++counts_.handshakes;
  if (place.live->association->is_resumed()) ++counts_.resumptions;
  ++report_.done;
  report_.latencies.add(now - place.live->begun);
  events_.push_back({device, true});
}

void Associations::ended(std::uint32_t device) {
  const Live& live = *places_[device].live;
  const std::string& reason = live.association->reason();
  ++report_.errors[live.up ? "lost: " + reason : reason];
  if (reason.starts_with("the peer refused")) ++counts_.alerts;
  ++(live.up ? counts_.lost : counts_.failed);
  places_[device].session = {};  // it may be what the server didn't like
  let_go(device);
  events_.push_back({device, false});
}

void Associations::park(std::uint32_t device) {
  Place& place = places_[device];
  auto released = place.live->association->release();
  if (!released) return ended(device);
  place.parked = std::move(*released);
  let_go(device);
}

void Associations::schedule(std::uint32_t device) {
  const Live& live = *places_[device].live;
  std::optional<Instant> next;
  if (live.up) next = live.used + kParkAfter;
  if (const auto wanted = live.association->deadline(); wanted && (!next || wanted->at < *next)) next = wanted->at;
  if (next) timers_.set(device, *next);
}

void Associations::let_go(std::uint32_t device) {
  timers_.cancel(device);
  if (!places_[device].live) return;
  places_[device].live.reset();
  --live_;
}

}  // namespace drover::swarm
