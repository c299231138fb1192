// SPDX-License-Identifier: Apache-2.0
// What was said to and by devices that somebody wants to watch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "server/fleet.hpp"
#include "transport/datagram.hpp"

namespace drover::server {

/// Of one shard. A device that isn't traced costs one look at an empty map. One thread at a time.
class Traces {
 public:
  static constexpr std::size_t kDevicesMax = 64;        ///< at once
  static constexpr std::size_t kMessagesMax = 1000;     ///< kept of a device; the oldest go
  static constexpr std::size_t kBytesMax = 256 << 10;  ///< of those messages

  /// Traces, or goes on tracing, until then. False when too many are.
  bool start(const std::string& endpoint, Instant until);
  /// Forgets what was traced. False when it isn't.
  bool stop(std::string_view endpoint);
  [[nodiscard]] bool any() const { return !traces_.empty(); }
  [[nodiscard]] bool has(std::string_view endpoint) const { return traces_.contains(endpoint); }
  /// Endpoints whose tracing goes on: `visit(endpoint)`.
  template <class Visit>
  void for_each(Instant now, Visit visit) const {
    for (const auto& [endpoint, trace] : traces_) {
      if (trace.until > now) visit(endpoint);
    }
  }
  void note(std::string_view endpoint, TracedMessage message);
  /// Messages behind `after`. What was traced can be read for an hour more.
  [[nodiscard]] std::optional<TraceView> view(std::string_view endpoint, std::uint64_t after, std::size_t limit) const;
  [[nodiscard]] std::optional<Instant> until(std::string_view endpoint) const;
  void forget_old(Instant now);

 private:
  struct Trace {
    Instant until{};
    std::uint64_t last = 0;
    std::size_t bytes = 0;
    std::deque<TracedMessage> messages;
  };
  std::map<std::string, Trace, std::less<>> traces_;
};

}  // namespace drover::server
