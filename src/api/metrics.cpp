// SPDX-License-Identifier: Apache-2.0
#include "api/metrics.hpp"

#include <charconv>
#include <cmath>

namespace drover::api {

namespace {

constexpr std::string_view kNoRoute = "none";

std::string number_text(double value) {
  std::array<char, 64> buffer{};
  constexpr double kExactMost = 9007199254740992.0;  // 2^53
  const bool whole = std::abs(value) < kExactMost && value == std::floor(value);
  const auto [end, bad] = whole ? std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                                static_cast<std::int64_t>(value))
                                : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return bad == std::errc{} ? std::string(buffer.data(), end) : "NaN";
}

std::string escaped(std::string_view value) {
  std::string text;
  for (const char character : value) {
    if (character == '\\' || character == '"') text += '\\';
    if (character == '\n') {
      text += "\\n";
    } else {
      text += character;
    }
  }
  return text;
}

std::string_view or_none(std::string_view text) {
  return text.empty() ? kNoRoute : text;
}

}  // namespace

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " ";
  text_ += help;
  text_ += "\n# TYPE " + name_ + " ";
  text_ += type;
  text_ += '\n';
}

void MetricsText::sample_of(std::string_view suffix, double value, const Labels& labels) {
  text_ += name_;
  text_ += suffix;
  char separator = '{';
  for (const auto& [name, label] : labels) {
    text_ += separator;
    text_ += name;
    text_ += "=\"" + escaped(label) + "\"";
    separator = ',';
  }
  if (!labels.empty()) text_ += '}';
  text_ += " " + number_text(value) + "\n";
}

void MetricsText::counter(std::string_view name, std::string_view help, double value) {
  family(name, "counter", help);
  sample(value);
}

void MetricsText::gauge(std::string_view name, std::string_view help, double value) {
  family(name, "gauge", help);
  sample(value);
}

void RequestCounters::note(const AnsweredRequest& request) {
  ++answered_[{or_none(request.method), or_none(request.route), request.status / 100}];
  Durations& durations = durations_[{or_none(request.method), or_none(request.route)}];
  const double seconds = std::chrono::duration<double>(request.took).count();
  ++durations.count;
  durations.sum += seconds;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    if (seconds > kBounds[i]) continue;
    ++durations.within[i];
    break;
  }
}

void RequestCounters::write(MetricsText& text) const {
  text.family("drover_api_requests_total", "counter", "Requests answered, by route and class of status.");
  for (const auto& [key, count] : answered_) {
    const auto& [method, route, status] = key;
    text.sample(static_cast<double>(count),
                {{"method", method}, {"route", route}, {"status", std::to_string(status) + "xx"}});
  }
  text.family("drover_api_request_duration_seconds", "histogram",
              "From the end of a request's head to the begin of its answer, with the wait for a device; by route.");
  for (const auto& [key, durations] : durations_) {
    std::uint64_t within = 0;
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
      within += durations.within[i];
      const std::string bound = number_text(kBounds[i]);
      text.sample_of("_bucket", static_cast<double>(within), {{"method", key.first}, {"route", key.second}, {"le", bound}});
    }
    const MetricsText::Labels labels{{"method", key.first}, {"route", key.second}};
    text.sample_of("_bucket", static_cast<double>(durations.count),
                   {{"method", key.first}, {"route", key.second}, {"le", "+Inf"}});
    text.sample_of("_sum", durations.sum, labels);
    text.sample_of("_count", static_cast<double>(durations.count), labels);
  }
}

}  // namespace drover::api
