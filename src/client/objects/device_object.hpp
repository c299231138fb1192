// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/objects/mirrored_object.hpp"

namespace drover::client {

class ObjectTree;

/// Behaviour of the Device object (Core E.4): a clock that a server can set, error codes that come and go, reboot and
/// factory reset, which the program around the client carries out.
class DeviceObject final : public MirroredObject {
 public:
  static constexpr lwm2m::ObjectId kObject = 3;
  static constexpr lwm2m::ResourceId kReboot = 4;
  static constexpr lwm2m::ResourceId kFactoryReset = 5;
  static constexpr lwm2m::ResourceId kPowerSources = 6;
  static constexpr lwm2m::ResourceId kVoltage = 7;  ///< mV; the instance ids are those of kPowerSources
  static constexpr lwm2m::ResourceId kCurrent = 8;  ///< mA; likewise
  static constexpr lwm2m::ResourceId kBatteryLevel = 9;
  static constexpr lwm2m::ResourceId kMemoryFree = 10;
  static constexpr lwm2m::ResourceId kErrorCode = 11;
  static constexpr lwm2m::ResourceId kResetErrorCode = 12;
  static constexpr lwm2m::ResourceId kCurrentTime = 13;
  static constexpr lwm2m::ResourceId kUtcOffset = 14;
  static constexpr lwm2m::ResourceId kTimezone = 15;
  static constexpr lwm2m::ResourceId kSupportedBinding = 16;
  static constexpr lwm2m::ResourceId kDeviceType = 17;
  static constexpr lwm2m::ResourceId kHardwareVersion = 18;
  static constexpr lwm2m::ResourceId kSoftwareVersion = 19;
  static constexpr lwm2m::ResourceId kBatteryStatus = 20;
  static constexpr lwm2m::ResourceId kMemoryTotal = 21;

  /// The last second of the year 9999: a clock past it is a mistake, and sums with it can't overflow.
  static constexpr UnixSeconds kTimeMax = 253'402'300'799;

  /// Values of resource 11.
  enum class Trouble : std::uint8_t {
    LowBattery = 1,
    ExternalPowerOff = 2,
    GpsFailure = 3,
    WeakSignal = 4,
    OutOfMemory = 5,
    SmsFailure = 6,
    NoConnectivity = 7,
    PeripheralMalfunction = 8,
  };

  explicit DeviceObject(ObjectTree& tree) : tree_(tree) {}

  /// The wall clock at an instant; before it is set, here or by a server, /3/0/13 keeps the stored value.
  void set_clock(Instant at, UnixSeconds unix);
  /// What /3/0/16 says: set when the instance is made. refresh_supported_binding() corrects what a state from before
  /// says, and leaves alone what somebody else has set.
  void set_supported_binding(std::string text) { supported_binding_ = std::move(text); }
  void refresh_supported_binding(const Context& context);
  /// What that clock shows at `at`; nothing before it is set.
  [[nodiscard]] std::optional<UnixSeconds> unix_time(Instant at) const;

  /// Whether something is wrong now. The codes of /3/0/11 follow as E.4 says: the first one takes the place of the 0,
  /// each other one is a new resource instance, and with the last one gone instance 0 is 0 again. A reset by a server
  /// keeps what is still wrong.
  void report(const Context& context, Trouble trouble, bool present);

  struct Wish {
    bool reboot = false;
    bool factory_reset = false;
  };
  /// What servers asked for since the last poll.
  Wish poll();

  std::optional<lwm2m::Value> compute(const Context& context, lwm2m::InstanceId instance,
                                      lwm2m::ResourceId resource) override;
  /// 4.00 for a time before 1970 or past kTimeMax, a UTC offset that isn't of ISO 8601 ("+01:00", "UTC+2", "Z"), and a
  /// timezone that can't be a name of the IANA database.
  Result<void> check_write(const Context& context, lwm2m::InstanceId instance,
                           const lwm2m::ResourceNode& node) override;
  void written(const Context& context, const lwm2m::Path& path) override;
  Result<void> execute(const Context& context, const lwm2m::Path& path, const Arguments& arguments) override;
  void created(const Context& context, lwm2m::InstanceId instance) override;

 private:
  [[nodiscard]] std::vector<lwm2m::ResourceInstanceNode> errors(const Context& context) const;
  void raise(const Context& context, Trouble trouble);
  void clear(const Context& context, Trouble trouble);
  void reset_errors(const Context& context);

  ObjectTree& tree_;
  std::optional<UnixSeconds> clock_;  ///< the Unix time of the Timeline's zero, plus what servers set it to
  std::map<Trouble, bool> reported_;  ///< what report() was told last
  Wish wish_;
  std::string supported_binding_ = "UQ";
};

}  // namespace drover::client
