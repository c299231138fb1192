// SPDX-License-Identifier: Apache-2.0
// Which events a receiver gets, in which messages, and when they are sent again. Without thread, clock and network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "events/feed.hpp"

namespace drover::sinks {

inline constexpr std::string_view kGap = "gap";    ///< kind of what says that events were lost
inline constexpr std::string_view kTest = "test";  ///< kind of what an operator sends to see whether it arrives

struct Filter {
  std::vector<std::string> kinds{};      ///< empty: all but events::kLearned
  std::vector<std::string> endpoints{};  ///< patterns (base/glob.hpp), one of which must match; empty: all
  [[nodiscard]] bool passes(const events::Item& item) const;
  friend bool operator==(const Filter&, const Filter&) = default;
};

/// What is done with an event that the receiver will never take.
enum class OnRefused : std::uint8_t {
  Retry,  ///< nothing is lost, and nothing behind it is delivered until it is
  Skip,
};

struct DeliverySettings {
  Filter filter = {};
  std::size_t batch = 100;            ///< events of a message
  std::size_t batch_bytes = 1 << 20;  ///< of their texts together; one alone may be larger
  /// Messages on the way. More than one only where they arrive in the order of sending, over one connection.
  std::size_t in_flight = 1;
  Duration retry_min = std::chrono::seconds(1);
  Duration retry_max = std::chrono::minutes(5);
  OnRefused on_refused = OnRefused::Retry;
  friend bool operator==(const DeliverySettings&, const DeliverySettings&) = default;
};

/// What the receiver asks for is heeded up to here.
inline constexpr Duration kRetryAfterMax = std::chrono::hours(1);

struct Message {
  std::uint64_t key = 0;     ///< names it as long as the Delivery lives
  std::uint64_t before = 0;  ///< number of the event before its first
  std::vector<events::ItemPtr> items{};
  unsigned attempts = 0;     ///< with the one under way

  [[nodiscard]] std::uint64_t last() const { return items.back()->number; }
  [[nodiscard]] bool is_test() const { return items.front()->kind == kTest; }
};

struct DeliveryCounts {
  std::uint64_t delivered = 0;  ///< events
  std::uint64_t failed = 0;     ///< events that were skipped because they were refused
  std::uint64_t refused = 0;    ///< messages that the receiver doesn't want
  std::uint64_t retries = 0;    ///< messages sent again
  std::uint64_t lost = 0;       ///< events that were no longer kept when their turn came; the receiver got a gap event
};

/// Follows a feed behind a cursor. Each event that passes the filter is delivered at least once; those of one device
/// (and all others) in their order: what failed is sent again with everything behind it. A message keeps its events
/// over its attempts. Holds the messages in flight and kAheadMax events. One thread at a time.
class Delivery {
 public:
  static constexpr std::size_t kAheadMax = 256;  ///< events that are fetched at once

  /// Begins behind event number `cursor`. Feed and rng outlive this.
  Delivery(DeliverySettings settings, events::Feed& feed, Rng& rng, std::uint64_t cursor);

  /// The next message to send; nullptr when there is none, when enough is in flight, or before the next try. Valid
  /// until the next call of a handle_*.
  const Message* poll_message(Instant now, UnixSeconds unix_now);
  /// The receiver has it.
  void handle_delivered(std::uint64_t key, UnixSeconds unix_now);
  /// Whatever is in flight may not have arrived, or there is no connection: a pause, longer each time, then again.
  void handle_failed(Instant now, UnixSeconds unix_now, std::string reason, std::optional<Duration> retry_after = {});
  /// The receiver will never take this message. Skip: one of several events is sent as two halves, to find those that
  /// aren't wanted; a single one is given up, and returned. Retry: as handle_failed().
  events::ItemPtr handle_refused(Instant now, UnixSeconds unix_now, std::uint64_t key, std::string reason);

  /// A test event goes out before anything else, once and without waiting for the next try. False while one is there.
  bool request_test(UnixSeconds unix_now);
  [[nodiscard]] bool has_test() const { return test_ && test_->attempts == 0; }
  /// How it ended, once: "" when it has arrived, else why not.
  std::optional<std::string> poll_test();

  /// When poll_message() may have something that no new event brings. In the past: at once.
  [[nodiscard]] std::optional<Instant> deadline() const;
  /// False before the next try.
  [[nodiscard]] bool may_try(Instant now) const { return now >= retry_at_; }
  [[nodiscard]] Instant retry_at() const { return retry_at_; }
  /// Messages, of events and of a test.
  [[nodiscard]] std::size_t in_flight() const { return sent_ + (test_ && test_->attempts > 0 ? 1 : 0); }

  /// Number of the event through which everything is settled: where to begin after a restart.
  [[nodiscard]] std::uint64_t cursor() const { return window_.empty() ? seen_ : window_.front().before; }
  [[nodiscard]] const DeliveryCounts& counts() const { return counts_; }
  /// Of the oldest event that is fetched and not settled.
  [[nodiscard]] std::optional<UnixSeconds> oldest_at() const;
  [[nodiscard]] unsigned failures() const { return failures_; }  ///< since the last delivery
  [[nodiscard]] const std::string& last_error() const { return last_error_; }
  [[nodiscard]] std::optional<UnixSeconds> last_error_at() const { return last_error_at_; }
  [[nodiscard]] std::optional<UnixSeconds> last_delivered_at() const { return last_delivered_at_; }

 private:
  bool fetch(Instant now, UnixSeconds unix_now);
  bool form(Instant now, UnixSeconds unix_now);
  void note_loss(std::uint64_t through, UnixSeconds unix_now);
  void note_error(UnixSeconds unix_now, std::string reason);
  void end_test(std::string result);
  void wait_for_retry(Instant now, std::optional<Duration> retry_after);

  const DeliverySettings settings_;
  events::Feed& feed_;
  Rng& rng_;
  std::deque<Message> window_;  ///< the first sent_ of them are in flight
  std::size_t sent_ = 0;
  std::optional<Message> test_{};
  std::optional<std::string> test_result_{};
  std::deque<events::ItemPtr> ahead_;
  std::uint64_t seen_;     ///< number of the newest event that is settled, or in a message
  std::uint64_t fetched_;  ///< the same, or in ahead_
  bool restarted_;         ///< the feed has begun anew: its numbers are other events than before
  bool more_ = true;       ///< the feed may have more than was fetched
  std::uint64_t next_key_ = 1;
  unsigned failures_ = 0;
  Instant retry_at_{};
  Instant failed_at_{};
  DeliveryCounts counts_;
  std::string last_error_;
  std::optional<UnixSeconds> last_error_at_{};
  std::optional<UnixSeconds> last_delivered_at_{};
};

}  // namespace drover::sinks
