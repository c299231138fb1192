// SPDX-License-Identifier: Apache-2.0
#include "machine/power.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace drover::machine {

namespace {

constexpr std::string_view kFolder = "sys/class/power_supply/";

struct Battery {
  std::optional<std::int64_t> level;
  std::string status;
  bool installed = true;
  bool damaged = false;
  bool low = false;
};

/// "battery" and its like, by the kernel's `type`; nothing for what doesn't feed this machine.
std::optional<PowerKind> kind_of(const Root& root, const std::string& folder) {
  if (root.word(folder + "scope") == "Device") return std::nullopt;
  const std::string type = root.word(folder + "type").value_or("");
  if (type == "Battery") return PowerKind::InternalBattery;
  if (type == "UPS") return PowerKind::ExternalBattery;
  if (type == "Mains") return PowerKind::Mains;
  if (type.starts_with("USB") || type == "BrickID") return PowerKind::Usb;
  if (type == "Wireless") return PowerKind::Dc;
  return std::nullopt;
}

Battery read_battery(const Root& root, const std::string& folder) {
  Battery battery;
  battery.installed = root.number(folder + "present") != 0;
  battery.status = root.word(folder + "status").value_or("Unknown");
  battery.level = root.number(folder + "capacity");
  if (battery.level) battery.level = std::clamp<std::int64_t>(*battery.level, 0, 100);
  const std::string health = root.word(folder + "health").value_or("Good");
  battery.damaged = health != "Good" && health != "Unknown";
  const std::string grade = root.word(folder + "capacity_level").value_or("");
  battery.low = grade == "Critical" || grade == "Low" || (battery.level && *battery.level <= kBatteryLow);
  return battery;
}

BatteryStatus status_of(const Battery& battery) {
  if (!battery.installed) return BatteryStatus::NotInstalled;
  if (battery.damaged) return BatteryStatus::Damaged;
  if (battery.status == "Charging") return BatteryStatus::Charging;
  // "Not charging": on power, and as full as its limits let it become.
  if (battery.status == "Full" || battery.status == "Not charging") return BatteryStatus::ChargeComplete;
  if (battery.low) return BatteryStatus::LowBattery;
  return battery.status == "Discharging" ? BatteryStatus::Normal : BatteryStatus::Unknown;
}

/// The internal batteries as one: the mean level, and the status that asks for most attention.
void sum_up(const std::vector<Battery>& batteries, Power& power) {
  constexpr BatteryStatus kByUrgency[] = {
      BatteryStatus::Damaged,        BatteryStatus::LowBattery, BatteryStatus::Charging,    BatteryStatus::Normal,
      BatteryStatus::ChargeComplete, BatteryStatus::Unknown,    BatteryStatus::NotInstalled};
  std::int64_t sum = 0;
  std::int64_t count = 0;
  for (const Battery& battery : batteries) {
    if (!battery.installed || !battery.level) continue;
    sum += *battery.level;
    ++count;
  }
  if (count > 0) power.battery_level = (sum + count / 2) / count;
  for (const BatteryStatus status : kByUrgency) {
    const auto has = [&](const Battery& battery) { return status_of(battery) == status; };
    if (!std::any_of(batteries.begin(), batteries.end(), has)) continue;
    power.battery_status = status;
    break;
  }
  power.battery_low = std::any_of(batteries.begin(), batteries.end(), [](const Battery& battery) {
    return battery.installed && battery.low && battery.status != "Charging";
  });
}

}  // namespace

Power read_power(const Root& root) {
  constexpr std::int64_t kMicroPerMilli = 1000;
  Power power;
  std::vector<Battery> batteries;
  std::size_t external = 0;
  std::size_t external_on = 0;
  lwm2m::ResourceInstanceId id = 0;
  for (const std::string& name : root.names(kFolder)) {
    const std::string folder = std::string(kFolder) + name + "/";
    const auto kind = kind_of(root, folder);
    if (!kind) continue;
    PowerSource source{id++, *kind, root.number(folder + "voltage_now"), root.number(folder + "current_now")};
    if (source.millivolts) *source.millivolts /= kMicroPerMilli;
    if (source.milliamperes) *source.milliamperes /= kMicroPerMilli;
    if (*kind == PowerKind::InternalBattery) {
      batteries.push_back(read_battery(root, folder));
      if (batteries.back().installed) power.sources.push_back(source);
      continue;
    }
    ++external;
    if (root.number(folder + "online") == 0) continue;
    ++external_on;
    power.sources.push_back(source);
  }
  sum_up(batteries, power);
  power.external_off = external > 0 && external_on == 0;
  return power;
}

}  // namespace drover::machine
