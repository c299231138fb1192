// SPDX-License-Identifier: Apache-2.0
// What the server's shards know about short messages (Transport "SMS Binding").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lwm2m/operation/operation.hpp"
#include "server/fleet.hpp"
#include "transport/datagram.hpp"

namespace drover::server {

/// Who may be spoken to by SMS, and how. Its calls don't block and may come from every shard's thread.
class SmsDirectory {
 public:
  virtual ~SmsDirectory() = default;
  /// How this server begins to speak to that number: Kind::Sms or Kind::SmsPacket. Nothing: it doesn't.
  [[nodiscard]] virtual std::optional<transport::Kind> kind_for(std::string_view msisdn) const = 0;
  /// Whether operations go to a number of Kind::Sms. False: the trigger alone does, which tells nobody anything (Transport
  /// "SMS Channel Security").
  [[nodiscard]] virtual bool operates_without_security() const { return true; }
  /// Whoever has the keys of that number's secured packets may be that endpoint (Transport "Endpoint Client Name").
  [[nodiscard]] virtual bool may_be(std::string_view msisdn, std::string_view endpoint) const = 0;
};

/// The shard that all short messages of a number come to and leave from: exchanges and associations of a number are in
/// one place, wherever the device has registered over UDP.
std::size_t sms_home(std::string_view msisdn, std::size_t shards);

/// An operation that goes to a device by SMS although it registered over UDP, for the number's home shard.
struct SmsRequested {
  std::size_t from = 0;  ///< the shard that waits for SmsAnswered
  std::uint64_t number = 0;
  transport::PeerAddress to;
  std::string root;  ///< the device's alternate path
  lwm2m::Downlink operation;
  bool confirmable = true;  ///< false: as NON, and no answer is waited for (UQT)
};
struct SmsAnswered {
  std::uint64_t number = 0;
  OperationResult result;
};

}  // namespace drover::server
