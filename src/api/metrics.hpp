// SPDX-License-Identifier: Apache-2.0
// Figures as Prometheus reads them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace drover::api {

/// Text exposition format 0.0.4. One family after the other, each with its samples behind it.
class MetricsText {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;
  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

  /// `type` is "counter", "gauge" or "histogram"; names end as Prometheus wants it (_total, _seconds, _bytes).
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(double value, const Labels& labels = {}) { sample_of("", value, labels); }
  /// Of the family's name and what follows it: "_bucket".
  void sample_of(std::string_view suffix, double value, const Labels& labels);
  /// A family with one sample.
  void counter(std::string_view name, std::string_view help, double value);
  void gauge(std::string_view name, std::string_view help, double value);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::string name_;
};

/// How the thread that writes to disk is doing.
struct StoreFigures {
  std::uint64_t commits = 0;   ///< transactions
  std::uint64_t batches = 0;   ///< changes written together in them
  std::uint64_t failures = 0;  ///< transactions that the disk refused
  std::size_t waiting_bytes = 0;
  std::size_t last_batches = 0;
  double last_seconds = 0, all_seconds = 0, longest_seconds = 0;
  bool behind = false;   ///< so much waits that devices aren't listened to
  bool failing = false;  ///< the disk refuses
};

/// One answered request. The texts are those of the routing table; "" for what has no route.
struct AnsweredRequest {
  std::string_view method;
  std::string_view route;
  unsigned status = 0;
  std::chrono::steady_clock::duration took{};  ///< from the end of its head to the begin of its answer
};

/// Counts the API's requests. One thread.
class RequestCounters {
 public:
  void note(const AnsweredRequest& request);
  void write(MetricsText& text) const;

 private:
  static constexpr std::array kBounds{0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0};  ///< seconds
  using Route = std::pair<std::string_view, std::string_view>;
  struct Durations {
    std::array<std::uint64_t, kBounds.size()> within{};  ///< of each bound and not of the one before
    std::uint64_t count = 0;
    double sum = 0;
  };
  std::map<std::tuple<std::string_view, std::string_view, unsigned>, std::uint64_t> answered_;  ///< by status / 100
  std::map<Route, Durations> durations_;
};

}  // namespace drover::api
