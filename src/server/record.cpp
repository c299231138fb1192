// SPDX-License-Identifier: Apache-2.0
#include "server/record.hpp"

#include <utility>

#include "server/announcement_pool.hpp"
#include "server/operation_queue.hpp"
#include "server/packing.hpp"

namespace drover::server {
namespace {

/// Of the bytes; another one is refused.
constexpr std::uint8_t kForm = 1;


template <class Operation>
void pack_accept(Packer& to, const Operation& operation) {
  to.format(operation.accept);
  to.flag(operation.no_accept);
}
void pack_payload(Packer& to, const std::optional<lwm2m::FormatNumber>& format, const Bytes& payload) {
  to.format(format);
  to.block(payload);
}

void pack_downlink(Packer& to, const lwm2m::Downlink& operation) {
  to.u8(static_cast<std::uint8_t>(operation.index()));
  to.path(lwm2m::path_of(operation));
  if (const auto* read = std::get_if<lwm2m::Read>(&operation)) pack_accept(to, *read);
  if (const auto* observe = std::get_if<lwm2m::Observe>(&operation)) pack_accept(to, *observe);
  if (const auto* cancel = std::get_if<lwm2m::CancelObservation>(&operation)) to.format(cancel->accept);
  if (const auto* execute = std::get_if<lwm2m::Execute>(&operation)) to.text(execute->arguments);
  if (const auto* create = std::get_if<lwm2m::Create>(&operation)) pack_payload(to, create->format, create->payload);
  if (const auto* write = std::get_if<lwm2m::Write>(&operation)) {
    to.flag(write->mode == lwm2m::Write::Mode::Update);
    pack_payload(to, write->format, write->payload);
  }
  if (const auto* attributes = std::get_if<lwm2m::WriteAttributes>(&operation)) {
    to.u32(attributes->attributes.size());
    for (const std::string& attribute : attributes->attributes) to.text(attribute);
  }
}

Bytes unpack_payload(Unpacker& from) {
  const ByteView block = from.block();
  return {block.begin(), block.end()};
}

lwm2m::Downlink unpack_downlink(Unpacker& from) {
  const std::uint8_t which = from.u8();
  lwm2m::Path path = from.path();
  const auto with_accept = [&](auto operation) {
    operation.path = path;
    operation.accept = from.format();
    operation.no_accept = from.flag();
    return operation;
  };
  switch (which) {
    case 0: return with_accept(lwm2m::Read{});
    case 1: return lwm2m::Discover{path};
    case 2: {
      lwm2m::Write write;
      write.path = path;
      write.mode = from.flag() ? lwm2m::Write::Mode::Update : lwm2m::Write::Mode::Replace;
      write.format = from.format();
      write.payload = unpack_payload(from);
      return write;
    }
    case 3: {
      lwm2m::WriteAttributes write;
      write.path = path;
      for (std::size_t left = from.count(1); left > 0; --left) write.attributes.push_back(from.text());
      return write;
    }
    case 4: return lwm2m::Execute{path, from.text()};
    case 5: {
      lwm2m::Create create;
      create.path = path;
      create.format = from.format();
      create.payload = unpack_payload(from);
      return create;
    }
    case 6: return lwm2m::Delete{path};
    case 7: return with_accept(lwm2m::Observe{});
    case 8: return lwm2m::CancelObservation{path, from.format()};
    default: from.fail(); return lwm2m::Read{};
  }
}
static_assert(std::variant_size_v<lwm2m::Downlink> == 9);

bool begins(Unpacker& from) {
  return from.u8() == kForm;
}
Packer begun() {
  Packer to;
  to.u8(kForm);
  return to;
}

void pack_observed(Packer& to, const std::vector<ObservedPath>& paths) {
  to.u32(paths.size());
  for (const ObservedPath& path : paths) to.observed(path);
}
std::vector<ObservedPath> unpack_observed(Unpacker& from) {
  std::vector<ObservedPath> paths;
  for (std::size_t left = from.count(2); left > 0; --left) paths.push_back(from.observed());
  return paths;
}

}  // namespace

// ---- registrations

Bytes pack(const KeptRegistration& one) {
  Packer to = begun();
  to.reserve(128);
  to.u32(one.slot);
  to.u32(one.nonce);
  for (const std::string* text : {&one.endpoint, &one.version, &one.binding, &one.sms}) to.text(*text);
  to.u32(one.lifetime);
  to.flag(one.queue);
  to.address(one.address);
  to.number(one.registered_at);
  to.number(one.updated_at);
  to.block(pack(one.announcement));
  to.u32(one.observations.size());
  for (const KeptObservation& observation : one.observations) {
    to.observed(observation.what);
    to.block(observation.token.view());
    to.number(observation.since);
  }
  pack_observed(to, one.restored);
  return to.take();
}

std::optional<KeptRegistration> unpack_registration(ByteView packed) {
  Unpacker from(packed);
  if (!begins(from)) return std::nullopt;
  KeptRegistration one;
  one.slot = from.u32();
  one.nonce = from.u32();
  for (std::string* text : {&one.endpoint, &one.version, &one.binding, &one.sms}) *text = from.text();
  one.lifetime = from.u32();
  one.queue = from.flag();
  one.address = from.address();
  one.registered_at = from.number();
  one.updated_at = from.number();
  auto announced = unpack_foreign(from.block());
  if (!announced) return std::nullopt;
  one.announcement = std::move(*announced);
  for (std::size_t left = from.count(11); left > 0; --left) {
    KeptObservation observation;
    observation.what = from.observed();
    const ByteView token = from.block();
    if (token.size() > coap::Token::kSizeMax) return std::nullopt;
    observation.token = coap::Token::of(token);
    observation.since = from.number();
    one.observations.push_back(std::move(observation));
  }
  one.restored = unpack_observed(from);
  if (!from.whole()) return std::nullopt;
  return one;
}

Bytes pack_update(std::uint32_t nonce, UnixMicroseconds at) {
  Packer to = begun();
  to.u32(nonce);
  to.number(at);
  return to.take();
}

std::optional<std::pair<std::uint32_t, UnixMicroseconds>> unpack_update(ByteView packed) {
  Unpacker from(packed);
  if (!begins(from)) return std::nullopt;
  const std::uint32_t nonce = from.u32();
  const UnixMicroseconds at = from.number();
  if (!from.whole()) return std::nullopt;
  return std::pair(nonce, at);
}

Bytes pack(const KeptWish& wish) {
  Packer to = begun();
  to.u64(wish.number);
  to.text(wish.endpoint);
  to.number(wish.until);
  pack_observed(to, wish.paths);
  return to.take();
}

std::optional<KeptWish> unpack_wish(ByteView packed) {
  Unpacker from(packed);
  if (!begins(from)) return std::nullopt;
  KeptWish wish;
  wish.number = from.u64();
  wish.endpoint = from.text();
  wish.until = from.number();
  wish.paths = unpack_observed(from);
  if (!from.whole()) return std::nullopt;
  return wish;
}

// ---- associations

namespace {

void pack_past(Packer& to, std::uint64_t handle, const transport::PeerAddress& address,
               const security::RecordCounters& past) {
  to.u64(handle);
  to.address(address);
  to.u64(past.sent);
  to.u64(past.received);
}

template <class T>
T unpack_past(Unpacker& from) {
  T one;
  one.handle = from.u64();
  one.address = from.address();
  one.past.sent = from.u64();
  one.past.received = from.u64();
  return one;
}

}  // namespace

Secret<Bytes> pack(const security::AssociationKept& association) {
  Packer to = begun();
  // In one piece: memory that a vector outgrows isn't overwritten.
  to.reserve(64 + association.released.reveal().size());
  pack_past(to, association.handle, association.address, association.past);
  to.block(association.released.reveal());
  return Secret<Bytes>(to.take());
}

std::optional<security::AssociationKept> unpack_association(ByteView packed) {
  Unpacker from(packed);
  if (!begins(from)) return std::nullopt;
  auto one = unpack_past<security::AssociationKept>(from);
  const ByteView released = from.block();
  one.released = Secret<Bytes>(Bytes(released.begin(), released.end()));
  if (!from.whole()) return std::nullopt;
  return one;
}

Bytes pack(const security::AssociationCounted& counted) {
  Packer to = begun();
  pack_past(to, counted.handle, counted.address, counted.past);
  return to.take();
}

std::optional<security::AssociationCounted> unpack_counted(ByteView packed) {
  Unpacker from(packed);
  if (!begins(from)) return std::nullopt;
  const auto one = unpack_past<security::AssociationCounted>(from);
  if (!from.whole()) return std::nullopt;
  return one;
}

// ---- operations

Bytes pack_operation(std::string_view endpoint, const QueuedOperation& operation, bool sent, UnixMicroseconds created,
                     UnixMicroseconds expires, UnixMicroseconds last_sent) {
  Packer to = begun();
  to.reserve(96 + payload_of(operation.operation));
  to.text(endpoint);
  to.flag(sent);
  to.number(created);
  to.number(expires);
  to.number(last_sent);
  to.u64(operation.ticket.value);
  to.u8(static_cast<std::uint8_t>(operation.cancel));
  to.u8(static_cast<std::uint8_t>(operation.way));
  to.u8(static_cast<std::uint8_t>(operation.went));
  to.u8(static_cast<std::uint8_t>(operation.redelivery));
  to.u8(static_cast<std::uint8_t>(operation.priority));
  to.flag(operation.trigger);
  to.flag(operation.queued);
  to.u8(operation.attempts);
  to.text(operation.asked_by);
  pack_downlink(to, operation.operation);
  return to.take();
}

std::optional<KeptOperation> unpack_operation(ByteView packed) {
  Unpacker from(packed);
  if (!begins(from)) return std::nullopt;
  KeptOperation one;
  one.endpoint = from.text();
  one.sent = from.flag();
  one.created = from.number();
  one.expires = from.number();
  one.last_sent = from.number();
  one.operation.ticket = Ticket{from.u64()};
  one.operation.cancel = from.choice<CancelMode>(static_cast<std::uint8_t>(CancelMode::WriteAttributes));
  one.operation.way = from.choice<Way>(static_cast<std::uint8_t>(Way::Sms));
  one.operation.went = from.choice<Way>(static_cast<std::uint8_t>(Way::Sms));
  one.operation.redelivery = from.choice<Redelivery>(static_cast<std::uint8_t>(Redelivery::Never));
  one.operation.priority = from.choice<Priority>(static_cast<std::uint8_t>(Priority::High));
  one.operation.trigger = from.flag();
  one.operation.queued = from.flag();
  one.operation.attempts = from.u8();
  one.operation.asked_by = from.text();
  one.operation.operation = unpack_downlink(from);
  one.operation.durable = true;
  if (!from.whole()) return std::nullopt;
  return one;
}

Bytes pack_finished(const OperationStatus& status) {
  Packer to = begun();
  pack_status(to, status);
  to.u8(status.result ? static_cast<std::uint8_t>(1 + status.result->index()) : 0);
  if (status.result) {
    if (const auto* why = std::get_if<NoAnswer>(&*status.result)) {
      to.u8(static_cast<std::uint8_t>(*why));
    } else {
      pack_outcome(to, std::get<lwm2m::Outcome>(*status.result));
    }
  }
  return to.take();
}

std::optional<OperationStatus> unpack_finished(ByteView packed) {
  Unpacker from(packed);
  if (!begins(from)) return std::nullopt;
  OperationStatus status = unpack_status(from);
  switch (from.u8()) {
    case 0: break;
    case 1: status.result = unpack_outcome(from); break;
    case 2: status.result = from.choice<NoAnswer>(static_cast<std::uint8_t>(NoAnswer::Unreachable)); break;
    default: from.fail();
  }
  if (!from.whole()) return std::nullopt;
  return status;
}

}  // namespace drover::server
