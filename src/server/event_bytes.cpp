// SPDX-License-Identifier: Apache-2.0
#include "server/event_bytes.hpp"

#include <utility>

#include "server/announcement_pool.hpp"
#include "server/packing.hpp"

namespace drover::server {
namespace {

constexpr std::uint8_t kForm = 1;
constexpr std::uint8_t kLastKind = static_cast<std::uint8_t>(EventKind::Learned);

// What an event has beside its kind.
constexpr std::uint8_t kDevice = 1, kOutcome = 2, kAddress = 4, kOperation = 8, kVersion = 16;

void pack_device(Packer& to, const DeviceView& device) {
  for (const std::string* text : {&device.endpoint, &device.scheme, &device.registration, &device.identity,
                                  &device.version, &device.binding, &device.sms}) {
    to.text(*text);
  }
  to.address(device.address);
  to.flag(device.queue);
  to.optional_number(device.awake_until);
  to.u32(device.queued);
  to.u32(device.lifetime);
  to.number(device.registered_at);
  to.number(device.updated_at);
  to.number(device.expires_at);
  to.block(pack(device.announcement));
}

DeviceView unpack_device(Unpacker& from) {
  DeviceView device;
  for (std::string* text : {&device.endpoint, &device.scheme, &device.registration, &device.identity, &device.version,
                            &device.binding, &device.sms}) {
    *text = from.text();
  }
  device.address = from.address();
  device.queue = from.flag();
  device.awake_until = from.optional_number();
  device.queued = from.u32();
  device.lifetime = from.u32();
  device.registered_at = from.number();
  device.updated_at = from.number();
  device.expires_at = from.number();
  auto announced = unpack_foreign(from.block());
  if (!announced) {
    from.fail();
  } else {
    device.announcement = std::move(*announced);
  }
  return device;
}

}  // namespace

void pack_status(Packer& to, const OperationStatus& status) {
  to.u64(status.id.value);
  to.text(status.endpoint);
  to.text(status.operation);
  to.path(status.path);
  to.u8(static_cast<std::uint8_t>(status.state));
  to.u8(static_cast<std::uint8_t>(status.way));
  to.u8(static_cast<std::uint8_t>(status.priority));
  to.text(status.asked_by);
  to.number(status.created_at);
  to.number(status.expires_at);
  to.optional_number(status.sent_at);
  to.optional_number(status.ended_at);
  to.u32(status.attempts);
  to.u32(status.ahead);
  to.optional_number(status.expected_by);
  to.flag(status.triggered);
}

OperationStatus unpack_status(Unpacker& from) {
  OperationStatus status;
  status.id = OperationId{from.u64()};
  status.endpoint = from.text();
  status.operation = from.text();
  status.path = from.path();
  status.state = from.choice<OperationState>(static_cast<std::uint8_t>(OperationState::Cancelled));
  status.way = from.choice<Way>(static_cast<std::uint8_t>(Way::Sms));
  status.priority = from.choice<Priority>(static_cast<std::uint8_t>(Priority::High));
  status.asked_by = from.text();
  status.created_at = from.number();
  status.expires_at = from.number();
  status.sent_at = from.optional_number();
  status.ended_at = from.optional_number();
  status.attempts = from.u32();
  status.ahead = from.u32();
  status.expected_by = from.optional_number();
  status.triggered = from.flag();
  return status;
}

void pack_outcome(Packer& to, const lwm2m::Outcome& outcome) {
  to.u8(static_cast<std::uint8_t>(outcome.status));
  to.u8(outcome.code);
  to.format(outcome.format);
  to.block(outcome.payload);
  to.text(outcome.location);
}

lwm2m::Outcome unpack_outcome(Unpacker& from) {
  lwm2m::Outcome outcome;
  outcome.status = from.choice<lwm2m::Status>(static_cast<std::uint8_t>(lwm2m::Status::Other));
  outcome.code = from.u8();
  outcome.format = from.format();
  const ByteView payload = from.block();
  outcome.payload.assign(payload.begin(), payload.end());
  outcome.location = from.text();
  return outcome;
}

Bytes pack(const Event& event) {
  Packer to;
  to.reserve(192 + (event.outcome ? event.outcome->payload.size() : 0));
  to.u8(kForm);
  to.u8(static_cast<std::uint8_t>(event.kind));
  to.number(event.at);
  to.text(event.endpoint);
  to.path(event.path);
  to.text(event.reason);
  to.text(event.how);
  const int has = (event.device ? kDevice : 0) | (event.outcome ? kOutcome : 0) | (event.address ? kAddress : 0) |
                  (event.operation ? kOperation : 0) | (event.object_version ? kVersion : 0);
  to.u8(static_cast<std::uint8_t>(has));
  if (event.device) pack_device(to, *event.device);
  if (event.outcome) pack_outcome(to, *event.outcome);
  if (event.address) to.address(*event.address);
  if (event.operation) pack_status(to, *event.operation);
  if (event.object_version) {
    to.u8(event.object_version->major);
    to.u8(event.object_version->minor);
  }
  return to.take();
}

std::optional<Event> unpack_event(ByteView packed) {
  Unpacker from(packed);
  if (from.u8() != kForm) return std::nullopt;
  Event event;
  event.kind = from.choice<EventKind>(kLastKind);
  event.at = from.number();
  event.endpoint = from.text();
  event.path = from.path();
  event.reason = from.text();
  event.how = from.text();
  const std::uint8_t has = from.u8();
  if ((has & kDevice) != 0) event.device = unpack_device(from);
  if ((has & kOutcome) != 0) event.outcome = unpack_outcome(from);
  if ((has & kAddress) != 0) event.address = from.address();
  if ((has & kOperation) != 0) event.operation = unpack_status(from);
  if ((has & kVersion) != 0) {
    const std::uint8_t major = from.u8();
    event.object_version = lwm2m::Version{major, from.u8()};
  }
  if (!from.whole()) return std::nullopt;
  return event;
}

}  // namespace drover::server
