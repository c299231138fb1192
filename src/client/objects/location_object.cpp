// SPDX-License-Identifier: Apache-2.0
#include "client/objects/location_object.hpp"

#include <algorithm>
#include <cmath>

namespace drover::client {

lwm2m::Opaque horizontal_velocity(double speed, double bearing) {
  constexpr double kKmhPerMs = 3.6;
  constexpr double kSpeedMax = 65535;  // "or more"
  constexpr double kCircle = 360;
  const double turned = std::fmod(std::fmod(bearing, kCircle) + kCircle, kCircle);  // 0 to below 360
  const auto degrees = static_cast<std::uint32_t>(std::min(std::floor(turned), kCircle - 1));
  const auto kmh = static_cast<std::uint32_t>(std::clamp(std::round(speed * kKmhPerMs), 0.0, kSpeedMax));
  const auto byte = [](std::uint32_t value) { return static_cast<std::uint8_t>(value & 0xFF); };
  return {{byte(degrees >> 8), byte(degrees), byte(kmh >> 8), byte(kmh)}};
}

std::vector<std::pair<lwm2m::ResourceId, std::optional<lwm2m::Value>>> resources_of(const Fix& fix) {
  const auto number = [](std::optional<double> value) -> std::optional<lwm2m::Value> {
    if (!value) return std::nullopt;
    return lwm2m::Value(*value);
  };
  std::optional<lwm2m::Value> velocity;
  if (fix.speed && fix.bearing) velocity = horizontal_velocity(*fix.speed, *fix.bearing);
  return {
      {location::kLatitude, fix.latitude},
      {location::kLongitude, fix.longitude},
      {location::kAltitude, number(fix.altitude)},
      {location::kRadius, number(fix.radius)},
      {location::kVelocity, velocity},
      {location::kTimestamp, lwm2m::Time{fix.time}},
      {location::kSpeed, number(fix.speed)},
  };
}

}  // namespace drover::client
