// SPDX-License-Identifier: Apache-2.0
// Batteries and supplies of /sys/class/power_supply, in the terms of the Device object (Core E.4).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lwm2m/data/path.hpp"
#include "machine/root.hpp"

namespace drover::machine {

/// Values of /3/0/6.
enum class PowerKind : std::uint8_t {
  Dc = 0,
  InternalBattery = 1,
  ExternalBattery = 2,
  PowerOverEthernet = 4,
  Usb = 5,
  Mains = 6,
  Solar = 7,
};
/// Values of /3/0/20.
enum class BatteryStatus : std::uint8_t {
  Normal = 0,
  Charging = 1,
  ChargeComplete = 2,
  Damaged = 3,
  LowBattery = 4,
  NotInstalled = 5,
  Unknown = 6,
};

/// At and below it a battery is low (/3/0/20 value 4, /3/0/11 code 1), in percent.
inline constexpr std::int64_t kBatteryLow = 10;

struct PowerSource {
  /// The place among all supplies by name, plugged in or not, so that it stays the same when one comes or goes.
  lwm2m::ResourceInstanceId id = 0;
  PowerKind kind = PowerKind::Dc;
  std::optional<std::int64_t> millivolts;
  std::optional<std::int64_t> milliamperes;  ///< with the driver's sign: many count discharging as negative
  friend bool operator==(const PowerSource&, const PowerSource&) = default;
};

struct Power {
  std::vector<PowerSource> sources;           ///< those that are there now, ascending by id
  std::optional<std::int64_t> battery_level;  ///< percent; the mean when there are several internal batteries
  std::optional<BatteryStatus> battery_status;
  bool battery_low = false;
  bool external_off = false;  ///< there is a supply from outside, and none of them gives power
};

/// Batteries of peripherals (a mouse) are left out.
Power read_power(const Root& root);

}  // namespace drover::machine
