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
  static constexpr lwm2m::ResourceId kSmsMode = 6;
  static constexpr lwm2m::ResourceId kSmsKeyParameters = 7;
  static constexpr lwm2m::ResourceId kSmsSecretKeys = 8;
  static constexpr lwm2m::ResourceId kServerNumber = 9;
  static constexpr lwm2m::ResourceId kShortServerId = 10;
  static constexpr lwm2m::ResourceId kHoldOff = 11;
  static constexpr lwm2m::ResourceId kAccountTimeout = 12;
  /// All, but where the client has no SMS those of SMS: what a Bootstrap-Server writes of them is ignored then
  /// (§5.2.7.4).
  static std::vector<lwm2m::ResourceId> supported(bool sms) {
    std::vector<lwm2m::ResourceId> ids = {kUri,       kBootstrap,     kMode,    kIdentity,      kServerKey,
                                          kSecretKey, kShortServerId, kHoldOff, kAccountTimeout};
    if (sms) ids.insert(ids.begin() + kSmsMode, {kSmsMode, kSmsKeyParameters, kSmsSecretKeys, kServerNumber});
    return ids;
  }
  // Values of kMode.
  static constexpr std::int64_t kPreSharedKey = 0;
  static constexpr std::int64_t kRawPublicKey = 1;
  static constexpr std::int64_t kCertificate = 2;
  static constexpr std::int64_t kNoSec = 3;
  // Values of kSmsMode.
  static constexpr std::int64_t kSmsOnDevice = 1;     ///< DTLS, or secured packets in drafts of the enabler
  static constexpr std::int64_t kSmsOnSmartcard = 2;  ///< secured packets
  static constexpr std::int64_t kSmsNoSec = 3;

  /// 4.00 for a server URI that can't be parsed, "" excepted, for a reserved Short Server ID, for an SMS Security Mode
  /// that isn't 1 to 3, and for a server number that isn't one.
  Result<void> check_write(const Context& context, lwm2m::InstanceId instance,
                           const lwm2m::ResourceNode& node) override;
};

}  // namespace drover::client
