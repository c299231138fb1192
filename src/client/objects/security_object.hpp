// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "client/behaviour.hpp"

namespace drover::client {

/// An error with 4.00 for anything but 1 to 65534: 0 and 65535 are reserved (Core §6.3, Table 20).
Result<void> check_short_server_id(const lwm2m::ResourceNode& node);

/// Behaviour of the LwM2M Security object (Core E.1): refuses accounts that can't be.
class SecurityObject final : public ObjectBehaviour {
 public:
  static constexpr lwm2m::ObjectId kObject = 0;
  static constexpr lwm2m::ResourceId kUri = 0;
  static constexpr lwm2m::ResourceId kBootstrap = 1;
  static constexpr lwm2m::ResourceId kMode = 2;
  static constexpr lwm2m::ResourceId kIdentity = 3;
  static constexpr lwm2m::ResourceId kServerKey = 4;
  static constexpr lwm2m::ResourceId kSecretKey = 5;
  static constexpr lwm2m::ResourceId kShortServerId = 10;
  static constexpr lwm2m::ResourceId kHoldOff = 11;
  static constexpr lwm2m::ResourceId kAccountTimeout = 12;
  /// All but those of SMS, which this client doesn't have: what a Bootstrap-Server writes of them is ignored
  /// (§5.2.7.4).
  static std::vector<lwm2m::ResourceId> supported() {
    return {kUri, kBootstrap, kMode, kIdentity, kServerKey, kSecretKey, kShortServerId, kHoldOff, kAccountTimeout};
  }
  // Values of kMode.
  static constexpr std::int64_t kPreSharedKey = 0;
  static constexpr std::int64_t kRawPublicKey = 1;
  static constexpr std::int64_t kCertificate = 2;
  static constexpr std::int64_t kNoSec = 3;

  /// 4.00 for a server URI that can't be parsed, "" excepted, and for a reserved Short Server ID.
  Result<void> check_write(const Context& context, lwm2m::InstanceId instance,
                           const lwm2m::ResourceNode& node) override;
};

}  // namespace drover::client
