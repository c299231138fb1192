// SPDX-License-Identifier: Apache-2.0
// The Location object (Core E.7) has values only; here is how a position becomes them.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "lwm2m/data/path.hpp"
#include "lwm2m/data/value.hpp"

namespace drover::client {

namespace location {
inline constexpr lwm2m::ObjectId kObject = 6;
inline constexpr lwm2m::ResourceId kLatitude = 0;
inline constexpr lwm2m::ResourceId kLongitude = 1;
inline constexpr lwm2m::ResourceId kAltitude = 2;
inline constexpr lwm2m::ResourceId kRadius = 3;
inline constexpr lwm2m::ResourceId kVelocity = 4;
inline constexpr lwm2m::ResourceId kTimestamp = 5;
inline constexpr lwm2m::ResourceId kSpeed = 6;
}  // namespace location

/// Where the device is, as a positioning system says. All numbers are finite.
struct Fix {
  double latitude = 0;             ///< degrees of WGS 84, -90 to 90
  double longitude = 0;            ///< degrees of WGS 84, -180 to 180
  std::optional<double> altitude;  ///< m above sea level
  std::optional<double> radius;    ///< m around the point, of 95 % confidence
  std::optional<double> speed;     ///< m/s over ground
  std::optional<double> bearing;   ///< degrees clockwise from north, 0 to 360
  UnixSeconds time = 0;            ///< when it was measured
  friend bool operator==(const Fix&, const Fix&) = default;
};

/// "Horizontal Velocity" of 3GPP TS 23.032 §8.12: four bits of type 0, three spare ones, nine bits of bearing in whole
/// degrees, sixteen bits of speed in km/h, rounded. `speed` in m/s and not negative, `bearing` in degrees.
lwm2m::Opaque horizontal_velocity(double speed, double bearing);

/// The resources of a fix with their values; nothing for one that this fix doesn't tell.
std::vector<std::pair<lwm2m::ResourceId, std::optional<lwm2m::Value>>> resources_of(const Fix& fix);

}  // namespace drover::client
