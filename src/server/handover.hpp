// SPDX-License-Identifier: Apache-2.0
// What a shard takes along over a graceful restart, until a durable store holds it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "coap/message/message.hpp"
#include "lwm2m/operation/operation.hpp"
#include "security/listener.hpp"
#include "server/downlinks.hpp"
#include "transport/datagram.hpp"

namespace drover::server {

/// Microseconds since 1970 (UTC): instants don't outlive their process.
using UnixMicroseconds = std::int64_t;

struct HandedObservation {
  ObservedPath what;
  coap::Token token;  ///< notifications with it go on
  UnixMicroseconds since = 0;
};

struct HandedRegistration {
  std::uint32_t slot = 0;   ///< with the nonce it makes the location that the device knows
  std::uint32_t nonce = 0;
  std::string endpoint, version, binding, sms;
  std::uint32_t lifetime = 0;
  bool queue = false;
  transport::PeerAddress address;
  UnixMicroseconds registered_at = 0, updated_at = 0;
  lwm2m::Announcement announcement;
  std::vector<HandedObservation> observations;
};

/// What was observed of a device that is away.
struct HandedWish {
  std::string endpoint;
  UnixMicroseconds until = 0;
  std::vector<ObservedPath> paths;
};

struct Handover {
  std::uint32_t shard = 0, shards = 1;  ///< another number of shards can't take it: locations name them
  UnixMicroseconds handed_at = 0;       ///< by the clock of all times in here
  std::vector<HandedRegistration> registrations;  ///< ascending by slot, as the next
  std::vector<security::MovedAssociation> associations;
  std::vector<HandedWish> wishes;
};

/// Holds keys of associations: seal it.
Secret<Bytes> pack(const Handover& handover);
/// An error for everything that pack() of this version didn't give.
Result<Handover> unpack_handover(ByteView packed);

}  // namespace drover::server
