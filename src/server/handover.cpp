// SPDX-License-Identifier: Apache-2.0
#include "server/handover.hpp"

#include <algorithm>
#include <string_view>

#include "base/reader.hpp"
#include "lwm2m/mapping/mapping.hpp"
#include "server/announcement_pool.hpp"
#include "server/shard.hpp"

namespace drover::server {
namespace {

constexpr std::uint32_t kForm = 2;  ///< of the bytes
constexpr std::string_view kMagic = "drover handover\n";

class Writer : public ByteWriter {
 public:
  void text(std::string_view text) { block(as_bytes(text)); }
  void block(ByteView bytes_of_it) {
    uint(bytes_of_it.size(), 4);
    bytes(bytes_of_it);
  }
  void address(const transport::PeerAddress& address) {
    bytes(address.host);
    uint(address.scope, 4);
    u16(address.port);
    u8(static_cast<std::uint8_t>(address.kind));
  }
  void observed(const ObservedPath& what) {
    text(what.path.to_string());
    uint(what.accept ? *what.accept + std::uint64_t{1} : 0, 4);
  }
  void time(UnixMicroseconds time) { uint(static_cast<std::uint64_t>(time), 8); }
};

/// Reads as long as everything is there; afterwards ok() is false and all is zero.
class Reader {
 public:
  explicit Reader(ByteView bytes) : reader_(bytes) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool empty() const { return reader_.empty(); }

  std::uint64_t uint(std::size_t width) { return take(reader_.uint(width)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(uint(4)); }
  UnixMicroseconds time() { return static_cast<UnixMicroseconds>(uint(8)); }
  ByteView block() { return take(reader_.bytes(u32())); }
  std::string text() { return std::string(as_text(block())); }
  transport::PeerAddress address() {
    transport::PeerAddress address;
    const ByteView host = take(reader_.bytes(address.host.size()));
    if (host.size() == address.host.size()) std::copy(host.begin(), host.end(), address.host.begin());
    address.scope = u32();
    address.port = static_cast<std::uint16_t>(uint(2));
    const std::uint64_t kind = uint(1);
    if (kind > static_cast<std::uint64_t>(transport::Kind::SmsPacket)) ok_ = false;
    address.kind = static_cast<transport::Kind>(kind);
    return address;
  }
  ObservedPath observed() {
    ObservedPath what;
    const auto path = lwm2m::Path::parse(text());
    if (path) what.path = *path;
    ok_ = ok_ && path.has_value();
    const std::uint32_t accept = u32();
    if (accept > 0) what.accept = static_cast<lwm2m::FormatNumber>(accept - 1);
    return what;
  }
  /// A count of things that take at least `least` bytes each.
  std::size_t count(std::size_t least) {
    const std::uint32_t wanted = u32();
    if (wanted > reader_.remaining() / least) ok_ = false;
    return ok_ ? wanted : 0;
  }

 private:
  template <class T>
  T take(std::optional<T> value) {
    if (!value) ok_ = false;
    return value.value_or(T{});
  }
  ByteReader reader_;
  bool ok_ = true;
};

void write(Writer& writer, const HandedRegistration& one) {
  writer.uint(one.slot, 4);
  writer.uint(one.nonce, 4);
  for (const std::string* text : {&one.endpoint, &one.version, &one.binding, &one.sms}) writer.text(*text);
  writer.uint(one.lifetime, 4);
  writer.u8(one.queue ? 1 : 0);
  writer.address(one.address);
  writer.time(one.registered_at);
  writer.time(one.updated_at);
  writer.block(pack(one.announcement));
  writer.uint(one.observations.size(), 4);
  for (const HandedObservation& observation : one.observations) {
    writer.observed(observation.what);
    writer.block(observation.token.view());
    writer.time(observation.since);
  }
}

HandedRegistration read_registration(Reader& reader, bool& ok) {
  HandedRegistration one;
  one.slot = reader.u32();
  one.nonce = reader.u32();
  for (std::string* text : {&one.endpoint, &one.version, &one.binding, &one.sms}) *text = reader.text();
  one.lifetime = reader.u32();
  one.queue = reader.uint(1) != 0;
  one.address = reader.address();
  one.registered_at = reader.time();
  one.updated_at = reader.time();
  const ByteView announcement = reader.block();
  auto announced = unpack_foreign(announcement);
  ok = ok && announced.has_value();
  if (announced) one.announcement = std::move(*announced);
  for (std::size_t left = reader.count(16); left > 0; --left) {
    HandedObservation observation;
    observation.what = reader.observed();
    const ByteView token = reader.block();
    ok = ok && token.size() <= coap::Token::kSizeMax;
    if (ok) observation.token = coap::Token::of(token);
    observation.since = reader.time();
    one.observations.push_back(std::move(observation));
  }
  return one;
}

}  // namespace

Secret<Bytes> pack(const Handover& handover) {
  Writer writer;
  writer.bytes(as_bytes(kMagic));
  writer.uint(kForm, 4);
  writer.uint(handover.shard, 4);
  writer.uint(handover.shards, 4);
  writer.time(handover.handed_at);
  writer.uint(handover.registrations.size(), 4);
  for (const HandedRegistration& one : handover.registrations) write(writer, one);
  writer.uint(handover.associations.size(), 4);
  for (const security::MovedAssociation& one : handover.associations) {
    writer.uint(one.handle, 8);
    writer.address(one.address);
    writer.u8(one.held ? 1 : 0);
    writer.block(one.released.reveal());
  }
  writer.uint(handover.wishes.size(), 4);
  for (const HandedWish& wish : handover.wishes) {
    writer.text(wish.endpoint);
    writer.time(wish.until);
    writer.uint(wish.paths.size(), 4);
    for (const ObservedPath& path : wish.paths) writer.observed(path);
  }
  return Secret<Bytes>(writer.take());
}

Result<Handover> unpack_handover(ByteView packed) {
  const auto refuse = [](const char* why) { return tl::unexpected(Error{Fault::Environment, 0, why}); };
  const ByteView magic = as_bytes(kMagic);
  if (packed.size() < magic.size() || as_text(packed.first(magic.size())) != kMagic) return refuse("no handover");
  Reader reader(packed.subspan(magic.size()));
  if (reader.u32() != kForm) return refuse("a handover of another version");
  Handover handover;
  bool ok = true;
  handover.shard = reader.u32();
  handover.shards = reader.u32();
  handover.handed_at = reader.time();
  for (std::size_t left = reader.count(60); left > 0 && reader.ok(); --left) {
    handover.registrations.push_back(read_registration(reader, ok));
  }
  for (std::size_t left = reader.count(36); left > 0 && reader.ok(); --left) {
    security::MovedAssociation one;
    one.handle = reader.uint(8);
    one.address = reader.address();
    one.held = reader.uint(1) != 0;
    const ByteView released = reader.block();
    one.released = Secret<Bytes>(Bytes(released.begin(), released.end()));
    handover.associations.push_back(std::move(one));
  }
  for (std::size_t left = reader.count(16); left > 0 && reader.ok(); --left) {
    HandedWish wish;
    wish.endpoint = reader.text();
    wish.until = reader.time();
    for (std::size_t paths = reader.count(8); paths > 0; --paths) wish.paths.push_back(reader.observed());
    handover.wishes.push_back(std::move(wish));
  }
  if (!ok || !reader.ok() || !reader.empty()) return refuse("a damaged handover");
  return handover;
}

// ---- out of a shard and into another
// ----------------------------------------------------------------------------------

UnixMicroseconds Shard::wall_exactly(Instant at) const {
  return (at.time_since_epoch() + unix_at_zero_).count();
}

Handover Shard::hand_over(Instant now) {
  Handover handover;
  handover.shard = static_cast<std::uint32_t>(config_.index);
  handover.shards = static_cast<std::uint32_t>(config_.count);
  handover.handed_at = wall_exactly(now);
  std::vector<Slot> slots;
  registry_.for_each([&](Slot slot) { slots.push_back(slot); });
  for (const Slot slot : slots) {
    const Registration& registration = registry_[slot];
    HandedRegistration one;
    const Location location = registry_.location(slot);
    one.slot = location.slot;
    one.nonce = location.nonce;
    one.endpoint = registration.endpoint();
    one.version = registration.version();
    one.binding = registration.binding();
    one.sms = registration.sms();
    one.lifetime = registration.lifetime();
    one.queue = registration.queue();
    one.address = registration.address();
    one.registered_at = wall_exactly(registration.registered_at());
    one.updated_at = wall_exactly(registration.updated_at());
    one.announcement = registry_.announcement(slot);
    for (const Observation& observation : downlinks_.observations(slot)) {
      const auto token = endpoint_.observation_token(observation.exchange);
      if (token) one.observations.push_back({observation.what, *token, wall_exactly(observation.since)});
    }
    handover.registrations.push_back(std::move(one));
  }
  wanted_.for_each([&](const std::string& endpoint, Instant until, const std::vector<ObservedPath>& paths) {
    handover.wishes.push_back({endpoint, wall_exactly(until), paths});
  });
  if (listener_) handover.associations = listener_->release_all(now);
  return handover;
}

std::size_t Shard::take_over(Instant now, Handover handover) {
  if (handover.shard != config_.index || handover.shards != config_.count) return 0;
  // A wall clock that was set back meanwhile makes nothing younger than it was: no time has passed then.
  const UnixMicroseconds away = std::max<UnixMicroseconds>(wall_exactly(now) - handover.handed_at, 0);
  const auto instant = [&](UnixMicroseconds wall) { return now - Duration(away + handover.handed_at - wall); };
  std::size_t taken = 0;
  for (security::MovedAssociation& association : handover.associations) {
    if (listener_) listener_->adopt(now, std::move(association));
  }
  for (const HandedRegistration& one : handover.registrations) {
    NewRegistration registration;
    registration.endpoint = one.endpoint;
    registration.version = one.version;
    registration.binding = one.binding;
    registration.sms = one.sms;
    registration.lifetime = one.lifetime;
    registration.queue = one.queue;
    registration.address = one.address;
    if (!registry_.adopt(one.slot, one.nonce, instant(one.registered_at), instant(one.updated_at), registration,
                         one.announcement)) {
      continue;
    }
    ++taken;
    for (const HandedObservation& observation : one.observations) {
      lwm2m::Observe operation;
      operation.path = observation.what.path;
      operation.accept = observation.what.accept;
      const coap::ExchangeId exchange = endpoint_.resume_observation(
          now, one.address, observation.token, lwm2m::mapping::to_request(operation, registry_.root(one.slot)));
      downlinks_.observe(one.slot, Observation{observation.what, exchange, instant(observation.since)});
    }
  }
  for (HandedWish& wish : handover.wishes) wanted_.keep(instant(wish.until), wish.endpoint, std::move(wish.paths));
  expire(now);
  process(now);
  return taken;
}

}  // namespace drover::server
