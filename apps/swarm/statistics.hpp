// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/time.hpp"

namespace drover::swarm {

/// Latencies in microseconds, counted in buckets at most 1/16 wide: constant memory whatever the number of samples.
class Latencies {
 public:
  void add(Duration latency);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The upper end of the bucket in which the quantile (0 to 1) lies; 0 without samples.
  [[nodiscard]] std::uint64_t quantile(double of) const;
  [[nodiscard]] std::uint64_t max() const { return max_; }

 private:
  static constexpr std::size_t kSteps = 16;  ///< buckets for each power of two
  static constexpr std::size_t kBuckets = 64 * kSteps;
  static std::size_t bucket_of(std::uint64_t microseconds);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

/// One phase: a kind of exchange, how many ended well, how long they took, and what went wrong by its kind.
struct PhaseReport {
  std::string name;
  double seconds = 0;
  std::uint64_t done = 0;
  Latencies latencies;
  std::map<std::string, std::uint64_t> errors;  ///< "timeout", "reset", "4.03", ...
};

/// Of the devices' DTLS associations.
struct AssociationCounts {
  std::uint64_t handshakes = 0;   ///< that succeeded
  std::uint64_t resumptions = 0;  ///< of those, abbreviated ones
  std::uint64_t failed = 0;
  std::uint64_t lost = 0;             ///< associations that the server ended
  std::uint64_t alerts = 0;           ///< fatal ones that the server sent
  std::uint64_t ignored_records = 0;  ///< neither authentic nor new, or without an association
};

/// What the devices did besides their own exchanges.
struct Activity {
  std::uint64_t requests_answered = 0;
  std::uint64_t repeated_requests = 0;
  std::uint64_t notifications = 0;
  std::uint64_t observations = 0;
  std::uint64_t retransmissions = 0;
  std::uint64_t malformed = 0;
  std::uint64_t unmatched = 0;
  std::uint64_t unsent = 0;
  std::optional<AssociationCounts> associations;  ///< with DTLS
};

/// A line of the table, with its heading when `heading`; or one JSON object a line.
std::string to_table(const PhaseReport& report, bool heading);
std::string to_json(const PhaseReport& report);
std::string to_table(const Activity& activity);
std::string to_json(const Activity& activity);

}  // namespace drover::swarm
