// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "client/behaviour.hpp"

namespace drover::client {

class ObjectTree;

/// Behaviour of the Device object (Core E.4): a clock that a server can set, error codes, reboot and factory reset,
/// which the program around the client carries out.
class DeviceObject final : public ObjectBehaviour {
 public:
  static constexpr lwm2m::ObjectId kObject = 3;
  static constexpr lwm2m::ResourceId kReboot = 4;
  static constexpr lwm2m::ResourceId kFactoryReset = 5;
  static constexpr lwm2m::ResourceId kErrorCode = 11;
  static constexpr lwm2m::ResourceId kResetErrorCode = 12;
  static constexpr lwm2m::ResourceId kCurrentTime = 13;
  static constexpr lwm2m::ResourceId kUtcOffset = 14;
  static constexpr lwm2m::ResourceId kTimezone = 15;
  static constexpr lwm2m::ResourceId kSupportedBinding = 16;

  explicit DeviceObject(ObjectTree& tree) : tree_(tree) {}

  /// The wall clock at an instant; before it is set /3/0/13 keeps the stored value.
  void set_clock(Instant at, UnixSeconds unix);

  struct Wish {
    bool reboot = false;
    bool factory_reset = false;
  };
  /// What servers asked for since the last poll.
  Wish poll();

  std::optional<lwm2m::Value> compute(const Context& context, lwm2m::InstanceId instance,
                                      lwm2m::ResourceId resource) override;
  /// 4.00 for a UTC offset that isn't of ISO 8601 ("+01:00", "UTC+2", "Z").
  Result<void> check_write(const Context& context, lwm2m::InstanceId instance,
                           const lwm2m::ResourceNode& node) override;
  void written(const Context& context, const lwm2m::Path& path) override;
  Result<void> execute(const Context& context, const lwm2m::Path& path, const Arguments& arguments) override;
  void created(const Context& context, lwm2m::InstanceId instance) override;

 private:
  void reset_errors(const Context& context, lwm2m::InstanceId instance);

  ObjectTree& tree_;
  std::optional<UnixSeconds> clock_;  ///< the Unix time of the Timeline's zero, plus what servers set it to
  Wish wish_;
};

}  // namespace drover::client
