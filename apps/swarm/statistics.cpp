// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace drover::swarm {

std::size_t Latencies::bucket_of(std::uint64_t microseconds) {
  if (microseconds < kSteps) return microseconds;
  // The four bits behind the leading one choose the bucket within the power of two.
  const auto exponent = static_cast<std::size_t>(std::bit_width(microseconds)) - 1;
  const std::size_t step = (microseconds >> (exponent - 4)) & (kSteps - 1);
  return std::min((exponent - 3) * kSteps + step, kBuckets - 1);
}

void Latencies::add(Duration latency) {
  const auto microseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0));
  ++buckets_[bucket_of(microseconds)];
  ++count_;
  max_ = std::max(max_, microseconds);
}

std::uint64_t Latencies::quantile(double of) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(of * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen < std::max<std::uint64_t>(wanted, 1)) continue;
    if (bucket < kSteps) return bucket;
    const std::size_t exponent = bucket / kSteps + 3;
    return std::min(((std::uint64_t{kSteps} + bucket % kSteps + 1) << (exponent - 4)) - 1, max_);
  }
  return max_;
}

namespace {

double rate_of(const PhaseReport& report) {
  return report.seconds > 0 ? static_cast<double>(report.done) / report.seconds : 0;
}

std::uint64_t errors_of(const PhaseReport& report) {
  std::uint64_t sum = 0;
  for (const auto& [kind, count] : report.errors) sum += count;
  return sum;
}

double milliseconds(std::uint64_t microseconds) {
  return static_cast<double>(microseconds) / 1000;
}

/// RFC 8259 §7; the kinds are ASCII.
std::string escaped(const std::string& text) {
  std::string made;
  for (const char c : text) {
    if (c == '"' || c == '\\') made += '\\';
    made += c >= ' ' ? c : ' ';
  }
  return made;
}

}  // namespace

std::string to_table(const PhaseReport& report, bool heading) {
  std::string text;
  if (heading) {
    text = fmt::format("{:<12}{:>10}{:>9}{:>9}{:>10}{:>10}{:>10}{:>10}{:>10}  {}\n", "phase", "done", "errors",
                       "seconds", "per s", "p50 ms", "p90 ms", "p99 ms", "max ms", "errors by kind");
  }
  const Latencies& times = report.latencies;
  text +=
      fmt::format("{:<12}{:>10}{:>9}{:>9.1f}{:>10.0f}{:>10.2f}{:>10.2f}{:>10.2f}{:>10.2f} ", report.name, report.done,
                  errors_of(report), report.seconds, rate_of(report), milliseconds(times.quantile(0.5)),
                  milliseconds(times.quantile(0.9)), milliseconds(times.quantile(0.99)), milliseconds(times.max()));
  for (const auto& [kind, count] : report.errors) text += fmt::format(" {}: {}", kind, count);
  return text + "\n";
}

std::string to_json(const PhaseReport& report) {
  const Latencies& times = report.latencies;
  std::string errors;
  for (const auto& [kind, count] : report.errors) {
    errors += fmt::format("{}\"{}\":{}", errors.empty() ? "" : ",", escaped(kind), count);
  }
  return fmt::format(
      "{{\"phase\":\"{}\",\"done\":{},\"seconds\":{:.3f},\"per_second\":{:.1f},\"latency_us\":{{\"p50\":{},\"p90\":{},"
      "\"p99\":{},\"max\":{}}},\"errors\":{{{}}}}}\n",
      report.name, report.done, report.seconds, rate_of(report), times.quantile(0.5), times.quantile(0.9),
      times.quantile(0.99), times.max(), errors);
}

std::string to_table(const Activity& activity) {
  std::string text = fmt::format(
      "answered {} requests ({} repeated), sent {} notifications of {} observations, repeated {} of its own messages; "
      "malformed {}, unmatched {}, not sent {}\n",
      activity.requests_answered, activity.repeated_requests, activity.notifications, activity.observations,
      activity.retransmissions, activity.malformed, activity.unmatched, activity.unsent);
  if (const auto& one = activity.associations) {
    text += fmt::format("handshakes: {} done ({} resumed), {} failed; associations lost {}, alerts {}, records ignored {}\n",
                        one->handshakes, one->resumptions, one->failed, one->lost, one->alerts, one->ignored_records);
  }
  return text;
}

std::string to_json(const Activity& activity) {
  std::string associations;
  if (const auto& one = activity.associations) {
    associations = fmt::format(
        ",\"handshakes\":{},\"resumptions\":{},\"handshakes_failed\":{},\"associations_lost\":{},\"alerts\":{},"
        "\"records_ignored\":{}",
        one->handshakes, one->resumptions, one->failed, one->lost, one->alerts, one->ignored_records);
  }
  return fmt::format(
      "{{\"phase\":\"all\",\"requests_answered\":{},\"repeated_requests\":{},\"notifications\":{},\"observations\":{},"
      "\"retransmissions\":{},\"malformed\":{},\"unmatched\":{},\"unsent\":{}{}}}\n",
      activity.requests_answered, activity.repeated_requests, activity.notifications, activity.observations,
      activity.retransmissions, activity.malformed, activity.unmatched, activity.unsent, associations);
}

}  // namespace drover::swarm
