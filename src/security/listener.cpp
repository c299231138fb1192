// SPDX-License-Identifier: Apache-2.0
#include "security/listener.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/reader.hpp"
#include "base/take_front.hpp"

namespace drover::security {

using transport::Datagram;
using transport::PeerAddress;

namespace {

Path path_of(const PeerAddress& address) {
  return address.is_sms() ? Path::Sms : Path::Network;
}

}  // namespace

Listener::Listener(const ListenerSettings& settings, Acceptor& acceptor, const CredentialSource& source, Rng& rng)
    : settings_(settings),
      acceptor_(acceptor),
      source_(source),
      cookies_(rng),
      hash_(rng),
      next_nonce_(static_cast<std::uint32_t>(rng.below(Handle::kPlaces - 1))),
      revision_(source.revision()) {
  assert(settings_.shards >= 1 && settings_.shards <= 256 && settings_.shard < settings_.shards);
  settings_.associations_max = std::min<std::size_t>(settings_.associations_max, Handle::kPlaces);
}

Listener::~Listener() {
  for (Place& place : places_) place.parked.wipe();
}

// ---- from the network -----------------------------------------------------------------------------------------------

void Listener::handle_datagram(Instant now, const Datagram& datagram) {
  check_credentials(now);
  const auto record = parse_record(datagram.bytes, Handle::kSize);
  if (!record) {
    ++counters_.garbage;
  } else if (record->type == ContentType::ConnectionId) {
    handle_with_id(now, datagram, record->connection_id);
  } else if (const auto hello = record->epoch == 0 ? parse_client_hello(datagram.bytes) : std::nullopt) {
    handle_hello(now, datagram, *hello);
  } else {
    handle_without_id(now, datagram);
  }
}

void Listener::handle_with_id(Instant now, const Datagram& datagram, ByteView id) {
  const auto handle = Handle::parse(id);
  // No ID is given out over SMS, and nobody moves there.
  if (!handle || handle->shard >= settings_.shards || datagram.from.is_sms()) {
    ++counters_.garbage;
    return;
  }
  if (handle->shard != settings_.shard) {
    ++counters_.misdirected;
    misdirected_.push_back({handle->shard, datagram.from, Bytes(datagram.bytes.begin(), datagram.bytes.end())});
    return;
  }
  if (handle->place >= places_.size() || places_[handle->place].nonce != handle->nonce) {
    ++counters_.garbage;
    return;
  }
  deliver(now, handle->place, datagram);
}

void Listener::handle_without_id(Instant now, const Datagram& datagram) {
  const Slot slot = find(datagram.from);
  const auto handshake = handshakes_.find(datagram.from);
  if (slot == SlotIndex::kNone && handshake == handshakes_.end()) {
    ++counters_.garbage;
    return;
  }
  // A record of the standing association would be a wrong one to a handshake beside it, and end that.
  if (slot != SlotIndex::kNone && deliver(now, slot, datagram) != Arrival::Ignored) return;
  const auto still = handshakes_.find(datagram.from);
  if (still != handshakes_.end()) deliver(now, still->second.slot, datagram);
}

void Listener::handle_hello(Instant now, const Datagram& datagram, const ClientHello& hello) {
  ++counters_.hellos;
  const auto under_way = handshakes_.find(datagram.from);
  if (under_way != handshakes_.end() && std::equal(hello.random.begin(), hello.random.end(),
                                                   under_way->second.random.begin(), under_way->second.random.end())) {
    // The cookie made the handshake; a repeated hello without one was overtaken by it.
    if (!hello.cookie.empty()) deliver(now, under_way->second.slot, datagram);
    return;
  }
  if (cookies_.is_good(now, datagram.from, hello)) {
    begin(now, datagram, hello);
    return;
  }
  // Never more than was sent (RFC 6347 §4.2.1): the smallest hello is longer than this.
  ++counters_.cookies_sent;
  transmits_.push_back({datagram.from, hello_verify_request(hello, cookies_.make(now, datagram.from, hello))});
}

void Listener::begin(Instant now, const Datagram& datagram, const ClientHello& hello) {
  if (const auto under_way = handshakes_.find(datagram.from); under_way != handshakes_.end()) {
    end(now, under_way->second.slot, "the peer began anew");
  }
  const std::uint64_t net = network(datagram.from);
  const auto others = handshakes_of_network_.find(net);
  const bool crowded =
      others != handshakes_of_network_.end() && others->second >= settings_.handshakes_per_network_max;
  const auto slot =
      crowded || handshakes_.size() >= settings_.handshakes_max ? std::nullopt : take_place();
  if (!slot) {
    ++counters_.limited;
    return;
  }
  ++counters_.handshakes;
  Place& place = places_[*slot];
  place.address = datagram.from;
  place.used = now;
  place.live = acceptor_.accept(now, hello, handle(*slot).connection_id(), path_of(place.address));
  ++counters_.live;
  handshakes_.emplace(datagram.from, Handshake{*slot, Bytes(hello.random.begin(), hello.random.end())});
  ++handshakes_of_network_[net];
  deliver(now, *slot, datagram);
}

Arrival Listener::deliver(Instant now, Slot slot, const Datagram& datagram) {
  const bool was_parked = !places_[slot].live;
  Association* association = wake(now, slot);
  if (association == nullptr) return Arrival::Ignored;
  const Arrival arrival = association->handle_datagram(now, datagram.bytes);
  if (arrival == Arrival::Ignored) {
    ++counters_.unauthentic;
  } else {
    places_[slot].used = now;
  }
  // RFC 9146 §6: the address follows a record that is authentic and the newest.
  if (arrival == Arrival::Newest && places_[slot].address != datagram.from) move_to(slot, datagram.from);
  drain(now, slot);
  // Woken for nothing: anybody can send such records, and have all associations live.
  if (arrival == Arrival::Ignored && was_parked && places_[slot].live) {
    park(now, slot);
    if (places_[slot].nonce != 0) schedule(now, slot);
  }
  return arrival;
}

void Listener::drain(Instant now, Slot slot) {
  Place& place = places_[slot];
  while (auto datagram = place.live->poll_datagram()) transmits_.push_back({place.address, std::move(*datagram)});
  if (!place.established && place.live->state() == AssociationState::Established) established(now, slot);
  if (place.established) {
    while (auto bytes = place.live->poll_plaintext()) plaintexts_.push_back({name(slot), std::move(*bytes)});
  }
  if (place.live->state() == AssociationState::Closed) {
    end(now, slot, place.live->reason());
    return;
  }
  if (settings_.kept) count(slot);
  now_ = now;
  schedule(now, slot);
}

void Listener::established(Instant now, Slot slot) {
  Place& place = places_[slot];
  const auto handshake = handshakes_.find(place.address);
  if (handshake != handshakes_.end() && handshake->second.slot == slot) {
    handshakes_.erase(handshake);
    const auto count = handshakes_of_network_.find(network(place.address));
    if (--count->second == 0) handshakes_of_network_.erase(count);
  }
  if (const Slot old = find(place.address); old != SlotIndex::kNone) end(now, old, "the peer made a new association");
  place.established = true;
  place.checked = static_cast<std::uint32_t>(revision_);
  ++counters_.associations;
  if (place.live->is_resumed()) ++counters_.resumptions;
  index(slot);
  events_.push_back(AssociationOpened{name(slot), place.address, place.live->peer(), place.live->credential(),
                                      place.live->suite(), place.live->is_resumed(), place.live->has_connection_id()});
}

void Listener::move_to(Slot slot, const PeerAddress& address) {
  Place& place = places_[slot];
  if (!place.established) return;
  ++counters_.moved_addresses;
  unindex(slot);
  // Somebody else's association was there before: without a Connection ID nothing leads to it any more.
  if (const Slot old = find(address); old != SlotIndex::kNone) unindex(old);
  place.address = address;
  index(slot);
  if (settings_.kept) change(slot);
}

// ---- to the network -------------------------------------------------------------------------------------------------

void Listener::send(Instant now, const PeerAddress& name, ByteView plaintext) {
  const auto slot = find_name(name);
  if (!slot) return;
  if (!still_holds(*slot)) {
    close(now, name, "its credential was removed");
    return;
  }
  Association* association = wake(now, *slot);
  if (association == nullptr) return;
  places_[*slot].used = now;
  static_cast<void>(association->send(now, plaintext));  // a message that fits no record is lost like any datagram
  drain(now, *slot);
}

void Listener::close(Instant now, const PeerAddress& name, const std::string& reason) {
  const auto slot = find_name(name);
  if (!slot) return;
  if (Association* association = wake(now, *slot)) {
    association->close(now);
    Place& place = places_[*slot];
    while (auto datagram = place.live->poll_datagram()) transmits_.push_back({place.address, std::move(*datagram)});
    end(now, *slot, reason);
  }
}

void Listener::hold(Instant now, const PeerAddress& name, bool held) {
  const auto slot = find_name(name);
  if (!slot) return;
  places_[*slot].held = held;
  schedule(now, *slot);
}

std::optional<transport::Transmit> Listener::poll_transmit() {
  return take_front(transmits_);
}
std::optional<Plaintext> Listener::poll_plaintext() {
  return take_front(plaintexts_);
}
std::optional<ListenerEvent> Listener::poll_event() {
  return take_front(events_);
}
std::optional<Misdirected> Listener::poll_misdirected() {
  return take_front(misdirected_);
}

// ---- time -----------------------------------------------------------------------------------------------------------

std::optional<Deadline> Listener::deadline() const {
  if (checking_ || source_.revision() != revision_) return Deadline{Instant{}, Reason::Handshake};
  const auto next = timers_.next();
  if (!next) return std::nullopt;
  return Deadline{*next, handshakes_.empty() ? Reason::Park : Reason::Handshake};
}

void Listener::handle_timeout(Instant now) {
  check_credentials(now);
  while (const auto slot = timers_.pop_due(now)) tend(now, *slot);
}

void Listener::schedule(Instant now, Slot slot) {
  const Place& place = places_[slot];
  std::optional<Instant> at;
  if (place.live) {
    const auto deadline = place.live->deadline();
    if (deadline) at = deadline->at;
    if (place.established) {
      const Instant idle = place.used + settings_.park_after;
      // One that can't be parked is looked at again when it may be dropped: at once, when nobody holds it any more.
      const Instant look = idle > now ? idle : place.used + unheld_max(slot);
      if ((look > now || !place.held) && (!at || look < *at)) at = look;
    }
  } else if (!place.held) {
    at = place.used + unheld_max(slot);
  }
  if (at) {
    timers_.set(slot, std::max(*at, now + std::chrono::milliseconds(1)));
  } else {
    timers_.cancel(slot);
  }
}

void Listener::tend(Instant now, Slot slot) {
  Place& place = places_[slot];
  if (place.live) {
    place.live->handle_timeout(now);
    drain(now, slot);
    if (!place.live) return;
  }
  if (!place.established) return;
  const Duration idle = now - place.used;
  if (!place.held && idle >= unheld_max(slot)) {
    close(now, name(slot), "idle, and nobody needs it");
    return;
  }
  if (place.live && idle >= settings_.park_after) park(now, slot);
  if (place.nonce != 0) schedule(now, slot);
}

// ---- put away and taken out -----------------------------------------------------------------------------------------

void Listener::Parked::assign(ByteView from) {
  bytes = std::make_unique<std::uint8_t[]>(from.size());
  size = static_cast<std::uint32_t>(from.size());
  std::copy(from.begin(), from.end(), bytes.get());
}

void Listener::Parked::wipe() {
  // The keys of an association: through a volatile pointer, so that it isn't optimised away.
  volatile std::uint8_t* at = bytes.get();
  for (std::uint32_t i = 0; i < size; ++i) at[i] = 0;
  bytes.reset();
  size = 0;
}

void Listener::park(Instant now, Slot slot) {
  Place& place = places_[slot];
  if (!place.live->is_releasable()) {
    if (std::find(unparkable_.begin(), unparkable_.end(), slot) == unparkable_.end()) unparkable_.push_back(slot);
    limit_unparkable(now);
    return;
  }
  auto released = place.live->release();
  if (!released) {
    end(now, slot, released.error().reason);
    return;
  }
  ++counters_.parked;
  --counters_.live;
  place.live.reset();
  place.parked.assign(released->reveal());
}

Association* Listener::wake(Instant now, Slot slot) {
  Place& place = places_[slot];
  if (place.live) return place.live.get();
  auto restored = acceptor_.restore(now, place.parked.view(), path_of(place.address));
  place.parked.wipe();  // used once
  if (!restored) {
    end(now, slot, restored.error().reason);
    return nullptr;
  }
  ++counters_.unparked;
  ++counters_.live;
  place.live = std::move(*restored);
  return place.live.get();
}

void Listener::limit_unparkable(Instant now) {
  std::erase_if(unparkable_, [&](Slot slot) {
    const Place& place = places_[slot];
    return !place.live || !place.established || place.live->is_releasable();
  });
  while (unparkable_.size() > settings_.unparkable_max) {
    const auto oldest = std::min_element(unparkable_.begin(), unparkable_.end(),
                                         [&](Slot a, Slot b) { return places_[a].used < places_[b].used; });
    const Slot slot = *oldest;
    unparkable_.erase(oldest);
    close(now, name(slot), "too many associations that can't be put away");
  }
}

// ---- credentials ----------------------------------------------------------------------------------------------------

bool Listener::still_holds(Slot slot) const {
  const Place& place = places_[slot];
  if (place.checked == static_cast<std::uint32_t>(source_.revision())) return true;
  if (place.live) return source_.holds(place.live->credential(), place.live->peer());
  const auto peer = acceptor_.inspect(place.parked.view());
  return peer && source_.holds(peer->credential, peer->identity);
}

/// A few at a time, so that no datagram waits for a walk over all of them.
void Listener::check_credentials(Instant now) {
  if (source_.revision() != revision_) {
    revision_ = source_.revision();
    check_next_ = 0;
    checking_ = true;
  }
  if (!checking_) return;
  const Slot end_of_turn =
      static_cast<Slot>(std::min(places_.size(), std::size_t{check_next_} + settings_.checks_at_a_time));
  for (; check_next_ < end_of_turn; ++check_next_) {
    Place& place = places_[check_next_];
    if (place.nonce == 0 || !place.established) continue;
    if (still_holds(check_next_)) {
      place.checked = static_cast<std::uint32_t>(revision_);
    } else {
      close(now, name(check_next_), "its credential was removed");
    }
  }
  checking_ = check_next_ < places_.size();
}

// ---- places ---------------------------------------------------------------------------------------------------------

std::optional<Listener::Slot> Listener::take_place() {
  if (free_.empty()) {
    if (places_.size() >= settings_.associations_max) return std::nullopt;
    free_.push_back(static_cast<Slot>(places_.size()));
    places_.emplace_back();
  }
  const Slot slot = free_.back();
  free_.pop_back();
  // Counted, not drawn: whoever has the place next must not be taken for who had it as long as CoAP remembers messages
  // (EXCHANGE_LIFETIME), and places come back at once.
  next_nonce_ = next_nonce_ + 1 < Handle::kPlaces ? next_nonce_ + 1 : 1;
  places_[slot].nonce = next_nonce_;
  return slot;
}

void Listener::end(Instant, Slot slot, const std::string& reason) {
  const Place& place = places_[slot];
  if (place.established) {
    --counters_.associations;
    events_.push_back(AssociationClosed{name(slot), place.address, reason});
  } else {
    ++counters_.refused;
    const auto handshake = handshakes_.find(place.address);
    if (handshake != handshakes_.end() && handshake->second.slot == slot) {
      handshakes_.erase(handshake);
      const auto count = handshakes_of_network_.find(network(place.address));
      if (--count->second == 0) handshakes_of_network_.erase(count);
    }
    events_.push_back(HandshakeRefused{place.address, reason});
  }
  free(slot);
}

void Listener::free(Slot slot) {
  Place& place = places_[slot];
  if (place.kept) gone_.push_back({handle(slot).pack()});
  unindex(slot);
  timers_.cancel(slot);
  if (place.live) --counters_.live;
  place.parked.wipe();
  place = Place{};
  free_.push_back(slot);
}

void Listener::index(Slot slot) {
  by_address_.insert(hash(places_[slot].address), slot, [&](Slot other) { return hash(places_[other].address); });
  places_[slot].indexed = true;
}

void Listener::unindex(Slot slot) {
  if (!places_[slot].indexed) return;
  by_address_.erase(hash(places_[slot].address), slot, [&](Slot other) { return hash(places_[other].address); });
  places_[slot].indexed = false;
}

Listener::Slot Listener::find(const PeerAddress& address) const {
  return by_address_.find(hash(address), [&](Slot slot) { return places_[slot].address == address; });
}

std::optional<Listener::Slot> Listener::find_name(const PeerAddress& name) const {
  const auto handle = name.kind == transport::Kind::Association ? Handle::unpack(name.handle()) : std::nullopt;
  if (!handle || handle->place >= places_.size()) return std::nullopt;
  const Place& place = places_[handle->place];
  if (place.nonce != handle->nonce || handle->nonce == 0 || !place.established) return std::nullopt;
  if (place.address.is_sms() != name.is_sms()) return std::nullopt;
  return handle->place;
}

Handle Listener::handle(Slot slot) const {
  return {settings_.shard, slot, places_[slot].nonce};
}

PeerAddress Listener::name(Slot slot) const {
  return PeerAddress::association(handle(slot).pack(), places_[slot].address.is_sms());
}

Duration Listener::unheld_max(Slot slot) const {
  return places_[slot].address.is_sms() ? settings_.sms_unheld_max : settings_.unheld_max;
}

std::uint64_t Listener::hash(const PeerAddress& address) const {
  ByteWriter writer;
  writer.reserve(22);
  writer.bytes(address.host);
  writer.uint(address.scope, 4);
  writer.u16(address.port);
  return hash_(writer.view());
}

std::uint64_t Listener::network(const PeerAddress& address) {
  ByteReader reader(address.host);
  if (address.is_sms() && address.kind != transport::Kind::Association) {
    // Digits and zeros: their low halves are the number, and no two are equal.
    std::uint64_t number = std::uint64_t{1} << 62;
    for (std::size_t i = 0; i < transport::kMsisdnDigitsMax; ++i) {
      number |= std::uint64_t{address.host[i] == 0 ? 0xFU : address.host[i] & 0xFU} << (4 * i);
    }
    return number;
  }
  if (!address.is_v4()) return *reader.uint(7);
  reader.bytes(12);
  return *reader.uint(3) | std::uint64_t{1} << 63;
}

// ---- what is known --------------------------------------------------------------------------------------------------

std::optional<Listener::Peer> Listener::peer(const PeerAddress& name) const {
  const auto slot = find_name(name);
  if (!slot) return std::nullopt;
  const Place& place = places_[*slot];
  if (place.live) return Peer{place.live->peer(), place.live->credential(), place.address};
  auto peer = acceptor_.inspect(place.parked.view());
  if (!peer) return std::nullopt;
  return Peer{std::move(peer->identity), peer->credential, place.address};
}

std::optional<PeerAddress> Listener::address(const PeerAddress& name) const {
  const auto slot = find_name(name);
  if (!slot) return std::nullopt;
  return places_[*slot].address;
}

ListenerCounters Listener::counters() const {
  ListenerCounters counters = counters_;
  counters.handshaking = handshakes_.size();
  return counters;
}

std::size_t Listener::parked_memory() const {
  std::size_t sum = places_.size() * sizeof(Place) + by_address_.memory();
  for (const Place& place : places_) sum += place.parked.size;
  return sum;
}

}  // namespace drover::security
