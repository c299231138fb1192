// SPDX-License-Identifier: Apache-2.0
// How sinks are doing, for the API.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace drover::sinks {

struct SinkView {
  std::string name;
  std::string kind;    ///< "webhook", "mqtt"
  std::string target;  ///< scheme, host and port: a path may hold secrets
  /// Whether the last exchange succeeded (webhook), whether there is a connection (MQTT); nothing before the first.
  std::optional<bool> connected{};
  // Since the start.
  std::uint64_t delivered = 0;  ///< events
  std::uint64_t failed = 0;     ///< events that the receiver refused, and that were skipped
  std::uint64_t refused = 0;    ///< messages
  std::uint64_t retries = 0;    ///< messages
  std::uint64_t lost = 0;       ///< events that were no longer kept when their turn came
  std::size_t in_flight = 0;    ///< messages
  std::uint64_t cursor = 0;     ///< number of the event through which everything is settled
  std::uint64_t lag_events = 0;   ///< behind it, whether the sink's filter lets them pass or not
  std::int64_t lag_seconds = 0;   ///< age of the oldest that is being delivered
  std::string last_error{};       ///< "": there was none
  std::optional<UnixSeconds> last_error_at{};
  std::optional<UnixSeconds> last_delivered_at{};
  std::optional<UnixSeconds> retry_at{};  ///< while it waits for its next try
};

/// Thread-safe.
class SinkList {
 public:
  virtual ~SinkList() = default;
  /// In the order of the configuration.
  [[nodiscard]] virtual std::vector<SinkView> all() = 0;
  [[nodiscard]] virtual std::optional<SinkView> find(const std::string& name) = 0;
  /// Sends an event of kind `test`, once. `done` is called once with "" when it has arrived, else with why not, on
  /// another thread and without blocking; never when the sink ends before. False when there is no such sink.
  virtual bool test(const std::string& name, std::function<void(std::string)> done) = 0;
};

}  // namespace drover::sinks
