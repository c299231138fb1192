// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "client/objects/mirrored_object.hpp"

namespace drover::client {

class ObjectTree;

/// Behaviour of the Connectivity Monitoring object (Core E.5). Its values come from the machine or from the device's
/// program; until then the mandatory ones say what is surely true: a wire, no radio signal, no address.
class ConnectivityObject final : public MirroredObject {
 public:
  static constexpr lwm2m::ObjectId kObject = 4;
  static constexpr lwm2m::ResourceId kBearer = 0;
  static constexpr lwm2m::ResourceId kAvailableBearers = 1;
  static constexpr lwm2m::ResourceId kSignalStrength = 2;  ///< dBm
  static constexpr lwm2m::ResourceId kLinkQuality = 3;
  static constexpr lwm2m::ResourceId kAddresses = 4;
  static constexpr lwm2m::ResourceId kRouters = 5;
  static constexpr lwm2m::ResourceId kLinkUtilization = 6;  ///< percent

  /// Values of resource 0 that are more than a number here; 0 to 20 are cellular.
  static constexpr std::int64_t kCellularMax = 20;
  static constexpr std::int64_t kLteFdd = 6;
  static constexpr std::int64_t kWlan = 21;
  static constexpr std::int64_t kBluetooth = 22;
  static constexpr std::int64_t kIeee802154 = 23;
  static constexpr std::int64_t kEthernet = 41;
  static constexpr std::int64_t kDsl = 42;

  explicit ConnectivityObject(ObjectTree& tree) : tree_(tree) {}

  void created(const Context& context, lwm2m::InstanceId instance) override;

 private:
  ObjectTree& tree_;
};

}  // namespace drover::client
