// SPDX-License-Identifier: Apache-2.0
// One firmware campaign: who is asked what, and what came of it. Without clock, thread, disk or network.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/timers.hpp"
#include "campaign/reading.hpp"
#include "campaign/types.hpp"
#include "lwm2m/operation/operation.hpp"
#include "server/fleet.hpp"

namespace drover::campaign {

/// An operation that is to go to a device, by Fleet::operate(). Its id is in `settings`.
struct Ask {
  std::uint32_t device = 0;
  std::string endpoint;
  lwm2m::Downlink operation;
  server::OperationSettings settings;
  bool package = false;  ///< a Write whose payload is the image
};

/// By Fleet::cancel_operation().
struct TakeBack {
  std::string endpoint;
  server::OperationId id;
};

/// By Fleet::follow(): what was asked before a restart.
struct Follow {
  std::uint32_t device = 0;
  std::string endpoint;
  server::OperationId id;
};

/// Each device goes its way (Stage) by what it says of itself: its /5/0 is read whenever something may have changed, a
/// notification, a new registration, an answer, and from time to time. So it doesn't matter what of these got lost.
///
/// The owner calls one handle_*() or one command, then drains: changed rows first, which it puts on disk where it has
/// one, then poll_*(). Then it waits until deadline(). Times are Unix seconds that never go back.
///
/// At most Order::parallel devices are between Transferring and Verifying, and as many are checked at once; those that
/// sleep meanwhile aren't counted. A transfer isn't left in the queue of a sleeping device: it begins when the device
/// has been heard and there is a place.
class Campaign {
 public:
  static constexpr std::int64_t kLookEvery = 600;    ///< seconds between two readings of what takes its time
  static constexpr std::int64_t kGrace = 30;         ///< until a device that said yes has to show it
  static constexpr std::int64_t kLookSoon = 10;      ///< between two readings within that
  static constexpr std::int64_t kVersionGrace = 300; ///< from success until the new version shows
  static constexpr std::int64_t kRetryWait = 60;     ///< before another attempt
  static constexpr std::int64_t kSilenceWait = 30;   ///< before what wasn't answered is asked again; doubles
  static constexpr std::int64_t kSilenceWaitMax = 1800;

  using Reserve = std::function<server::OperationId()>;
  /// A new one; `endpoints` are different.
  Campaign(Head head, std::vector<std::string> endpoints, Reserve reserve);
  /// As it was kept: take up() follows.
  Campaign(Head head, std::vector<Device> devices, Reserve reserve);

  /// Begins, or goes on behind a restart.
  void take_up(UnixSeconds now);
  void handle_status(UnixSeconds now, std::uint32_t device, const server::OperationStatus& status);
  /// There is no such operation (any more).
  void handle_missing(UnixSeconds now, std::uint32_t device, server::OperationId id);
  /// Registered, Updated, Expired, Deregistered and Notification of its devices count.
  void handle_event(UnixSeconds now, const server::Event& event);
  void handle_timeout(UnixSeconds now);

  // Commands; Fault::Us says why one can't be.
  Result<void> pause(UnixSeconds now);
  Result<void> resume(UnixSeconds now);
  /// Devices that have something of it are left to themselves, or their update is reset, as far as they can be reached.
  Result<void> cancel(UnixSeconds now, bool reset);
  /// Those that failed, timed out or vanished are to try again; how many.
  Result<std::size_t> retry(UnixSeconds now);

  std::optional<Ask> poll_ask();
  std::optional<TakeBack> poll_take_back();
  std::optional<Follow> poll_follow();
  /// Numbers of rows that differ from what was taken last, each once.
  std::vector<std::uint32_t> take_changed();
  /// head() differs from what was taken last.
  bool take_head_changed() { return std::exchange(head_changed_, false); }
  [[nodiscard]] std::optional<UnixSeconds> deadline() const;

  [[nodiscard]] const Head& head() const { return head_; }
  [[nodiscard]] const std::vector<Device>& devices() const { return devices_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] bool has(const std::string& endpoint) const { return by_endpoint_.contains(endpoint); }

 private:
  using Number = std::uint32_t;
  /// What needn't be kept over a restart.
  struct Mood {
    bool away = false;      ///< not registered
    bool asleep = false;    ///< its last operation was queued
    bool lined_up = false;  ///< in waiting_ or ready_
    bool counted = false;   ///< among checking_
    bool look_again = false;
    bool version_known = false;
    bool observed_state = false;
    bool reset_done = false;  ///< in this attempt
    bool wrote = false;       ///< the Write or Execute of this stage was asked for
    bool excused = false;     ///< a restart of ours is why it failed
    unsigned silences = 0;
    UnixSeconds waited_since = 0;  ///< Device::since of its Waiting
    std::int64_t result_before = 0;
    std::string trouble;  ///< what the device said to the last Write or Execute, ""
    std::optional<UnixSeconds> look_at;
  };

  // campaign.cpp
  void index();
  void set_state(UnixSeconds now, State state);
  void fill(UnixSeconds now);
  [[nodiscard]] bool may_begin(UnixSeconds now) const;
  [[nodiscard]] bool in_window(UnixSeconds now) const;
  void judge(UnixSeconds now);
  void finish_if_over(UnixSeconds now);
  void line_up(Number number);
  void enter(UnixSeconds now, Number number, Stage stage);
  void end(UnixSeconds now, Number number, Ending ending, std::string reason);
  void touch(Number number);
  void count_checking(Number number);
  void arm(Number number);
  void timeout(UnixSeconds now, Number number);
  void overdue(UnixSeconds now, Number number);
  [[nodiscard]] std::optional<UnixSeconds> due(Number number) const;
  static bool holds_place(Stage stage) { return stage >= Stage::Transferring && stage <= Stage::Verifying; }

  // campaign_device.cpp
  /// What is next in its stage, when nothing is unanswered.
  void advance(UnixSeconds now, Number number);
  void ask(UnixSeconds now, Number number, Step step);
  void set_asleep(Number number, bool asleep);
  void heard(UnixSeconds now, Number number, bool anew);
  void look(UnixSeconds now, Number number);
  void answered(UnixSeconds now, Number number, Step step, const lwm2m::Outcome& outcome);
  void unanswered(UnixSeconds now, Number number, Step step, server::NoAnswer why);
  void version_read(UnixSeconds now, Number number, const lwm2m::Outcome& outcome);
  void update_read(UnixSeconds now, Number number, const lwm2m::Outcome& outcome);
  void checked(UnixSeconds now, Number number, const Reading& reading);
  void progressed(UnixSeconds now, Number number, const Reading& reading);
  void verified(UnixSeconds now, Number number, const std::optional<std::string>& version);
  void fail(UnixSeconds now, Number number, std::string reason, bool final);
  void look_later(UnixSeconds now, Number number, std::int64_t wait);
  [[nodiscard]] std::string unsuited(const Reading& reading) const;

  Head head_;
  std::vector<Device> devices_;
  std::vector<Mood> moods_;
  Reserve reserve_;
  std::unordered_map<std::string, Number> by_endpoint_;
  Tally tally_;
  std::size_t checking_ = 0;  ///< devices in Checking to Observing that are awake
  std::deque<Number> waiting_, ready_;
  Timers timers_;  ///< in seconds
  std::optional<UnixSeconds> window_at_;  ///< when somebody who waits may begin
  std::vector<Number> changed_;
  std::vector<bool> is_changed_;
  bool head_changed_ = false;
  std::deque<Ask> asks_;
  std::deque<TakeBack> take_backs_;
  std::deque<Follow> follows_;
};

}  // namespace drover::campaign
