// SPDX-License-Identifier: Apache-2.0
#include "machine/gpsd_report.hpp"

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

namespace drover::machine {

using nlohmann::json;

namespace {

std::optional<double> number(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<double> number_between(const json& object, const char* key, double least, double most) {
  const auto value = number(object, key);
  if (!value || *value < least || *value > most) return std::nullopt;
  return value;
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count, int most) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  if (value > most) return std::nullopt;
  return value;
}

/// "2026-01-31T12:00:00.000Z"; fractions are cut off.
std::optional<UnixSeconds> parse_time(std::string_view text) {
  constexpr std::string_view kShape = "....-..-..T..:..:..";
  if (text.size() <= kShape.size() || text.back() != 'Z') return std::nullopt;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] != '.' && text[i] != kShape[i]) return std::nullopt;
  }
  const auto year = digits(text, 0, 4, 9999);
  const auto month = digits(text, 5, 2, 12);
  const auto day = digits(text, 8, 2, 31);
  const auto hour = digits(text, 11, 2, 23);
  const auto minute = digits(text, 14, 2, 59);
  const auto second = digits(text, 17, 2, 60);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year < 1970) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((std::int64_t{days} * 24 + *hour) * 60 + *minute) * 60 + *second;
}

std::optional<double> radius_of(const json& tpv) {
  constexpr double kRadiusMax = 1e7;  // half the way around the Earth: past it the place isn't known
  if (const auto eph = number_between(tpv, "eph", 0, kRadiusMax)) return eph;
  const auto epx = number_between(tpv, "epx", 0, kRadiusMax);
  const auto epy = number_between(tpv, "epy", 0, kRadiusMax);
  if (!epx || !epy) return std::nullopt;
  return std::hypot(*epx, *epy);
}

}  // namespace

std::optional<GpsdReport> parse_gpsd(std::string_view line, UnixSeconds now) {
  const json object = json::parse(line.begin(), line.end(), nullptr, false);
  if (!object.is_object()) return std::nullopt;
  const auto kind = object.find("class");
  if (kind == object.end() || !kind->is_string()) return std::nullopt;
  GpsdReport report;
  if (*kind == "DEVICES") {
    const auto list = object.find("devices");
    report.has_receiver = list != object.end() && list->is_array() && !list->empty();
    return report;
  }
  if (*kind != "TPV") return report;
  constexpr double kModeOfTwoDimensions = 2;
  const auto mode = number(object, "mode");
  if (!mode || *mode < kModeOfTwoDimensions) return report;  // no fix yet, or none any more
  const auto latitude = number_between(object, "lat", -90, 90);
  const auto longitude = number_between(object, "lon", -180, 180);
  if (!latitude || !longitude) return std::nullopt;
  client::Fix fix;
  fix.latitude = *latitude;
  fix.longitude = *longitude;
  // Above the sea; gpsd before 3.20 has "alt" alone, and some receivers only the height above the ellipsoid.
  for (const char* key : {"altMSL", "alt", "altHAE"}) {
    if (!fix.altitude) fix.altitude = number(object, key);
  }
  fix.radius = radius_of(object);
  constexpr double kSpeedMax = 100'000;  // m/s; nine times what leaves the Earth
  fix.speed = number_between(object, "speed", 0, kSpeedMax);
  fix.bearing = number_between(object, "track", 0, 360);
  const auto time = object.find("time");
  std::optional<UnixSeconds> measured;
  if (time != object.end() && time->is_string()) measured = parse_time(time->get_ref<const std::string&>());
  fix.time = measured.value_or(now);
  report.fix = fix;
  return report;
}

void LineBuffer::append(std::string_view bytes) {
  for (const char c : bytes) {
    if (skipping_) {
      skipping_ = c != '\n';
      continue;
    }
    pending_ += c;
    if (c == '\n') {
      complete_ = pending_.size();
    } else if (pending_.size() - complete_ > kLineMax) {
      pending_.resize(complete_);
      skipping_ = true;
      ++dropped_;
    }
  }
}

void LineBuffer::restart() {
  pending_.clear();
  complete_ = 0;
  skipping_ = false;
}

std::optional<std::string> LineBuffer::next() {
  const std::size_t end = pending_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = pending_.substr(0, end);
  pending_.erase(0, end + 1);
  complete_ -= end + 1;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace drover::machine
