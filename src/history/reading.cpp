// SPDX-License-Identifier: Apache-2.0
#include "history/reading.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace drover::history {

namespace {

using Json = nlohmann::json;
using lwm2m::Path;

constexpr lwm2m::ObjectId kSecurity = 0, kOscore = 21;
constexpr double kRelativeBelow = 268'435'456;  // 2^28 seconds
constexpr double kOldest = -62'135'596'800;     // the year 1: older ones are nobody's time

bool holds_keys(const Path& path) {
  return path.object() == kSecurity || path.object() == kOscore;
}

std::optional<Scalar> scalar_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_float()) return value.get<double>();
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) return value.get<double>();
  return value.get<std::int64_t>();
}

std::optional<std::uint16_t> id_of(const std::string& key) {
  std::uint16_t id = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc{} || end != key.data() + key.size()) return std::nullopt;
  return id;
}

std::string text_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

class Collector {
 public:
  Collector(UnixMilliseconds arrival, std::vector<Reading>& to) : arrival_(arrival), to_(to) {}

  /// Everything below `path`: an object's members are ids, down to a scalar. Fewer than five levels deep.
  void add_tree(const Path& path, const Json& value, const std::string& type) {
    if (const auto scalar = scalar_of(value)) return add(path, *scalar, arrival_, false, type);
    if (!value.is_object() || path.is_resource_instance()) return;
    for (const auto& [key, child] : value.items()) {
      if (const auto id = id_of(key)) add_tree(path.child(*id), child, type);
    }
  }
  void add_timed(const Json& one, const std::string& type) {
    const auto path = Path::parse(text_of(one, "path"));
    const auto scalar = scalar_of(one.value("value", Json()));
    if (!path || !scalar) return;
    const auto time = one.find("time");
    if (time == one.end() || !time->is_number()) return add(*path, *scalar, arrival_, false, type);
    add(*path, *scalar, moment_of(time->get<double>()), true, type);
  }

 private:
  [[nodiscard]] UnixMilliseconds moment_of(double seconds) const {
    if (!(seconds > kOldest)) return arrival_;
    if (seconds >= kRelativeBelow) {
      const double arrived = static_cast<double>(arrival_);
      return seconds * kSecond >= arrived ? arrival_ : std::llround(seconds * kSecond);
    }
    return seconds >= 0 ? arrival_ : arrival_ + std::llround(seconds * kSecond);
  }
  void add(const Path& path, Scalar value, UnixMilliseconds at, bool timed, const std::string& type) {
    if (path.depth() < 3 || holds_keys(path)) return;
    to_.push_back({path, std::move(value), at, timed, type});
  }

  UnixMilliseconds arrival_;
  std::vector<Reading>& to_;
};

}  // namespace

Readings readings_of(const events::Item& item) {
  Readings readings;
  const bool learned = item.kind == events::kLearned;
  if (!learned && item.kind != "notification") return readings;
  const Json event = Json::parse(item.text(), nullptr, false);
  if (!event.is_object()) return readings;
  const auto path = Path::parse(text_of(event, "path"));
  if (!path) return readings;
  readings.how = parse_how(text_of(event, "how")).value_or(learned ? How::Read : How::Notify);
  Collector collector(item.at * kSecond, readings.values);
  const std::string type = path->depth() < 3 ? std::string() : text_of(event, "type");
  const auto times = event.find("times");
  if (times != event.end() && times->is_array()) {
    for (const Json& one : *times) {
      if (one.is_object()) collector.add_timed(one, type);
    }
    // As they happened, whichever way round the device sends them.
    std::stable_sort(readings.values.begin(), readings.values.end(),
                     [](const Reading& a, const Reading& b) { return a.at < b.at; });
    return readings;
  }
  if (const auto value = event.find("value"); value != event.end()) collector.add_tree(*path, *value, type);
  if (const auto linked = event.find("linked"); linked != event.end()) collector.add_tree(Path(), *linked, "");
  return readings;
}

}  // namespace drover::history
