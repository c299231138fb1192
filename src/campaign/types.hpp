// SPDX-License-Identifier: Apache-2.0
// What a firmware campaign is told, how it stands, and how each of its devices stands.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "server/fleet.hpp"

namespace drover::campaign {

using CampaignId = Id<struct CampaignTag, std::uint64_t>;

/// How the image gets to the devices (Core E.6): into Package, or by a Package URI of that scheme.
enum class Method : std::uint8_t { Push, Coap, Coaps, Http };
const char* to_string(Method method);  ///< "push", "coap", "coaps", "http"
std::optional<Method> parse_method(std::string_view text);

enum class State : std::uint8_t {
  Scheduled,  ///< its time hasn't come
  Running,
  Paused,     ///< no further device begins
  Stopped,    ///< as Paused, because too many failed
  Cancelled,
  Done,
};
const char* to_string(State state);
std::optional<State> parse_state(std::string_view text);
inline bool is_over(State state) {
  return state == State::Cancelled || state == State::Done;
}

/// Where a device is on its way.
enum class Stage : std::uint8_t {
  Waiting,       ///< for its turn, for the device to register, or for the next attempt
  Checking,      ///< its version and the state of its update are read
  Resetting,     ///< an update that somebody left there is given up
  Observing,     ///< State and Update Result are to be notified
  Ready,         ///< for a place among those that are updated, and for a sleeping device to wake
  Transferring,  ///< Package or Package URI is written
  Downloading,   ///< until State is Downloaded
  Starting,      ///< Update is executed
  Updating,      ///< until the Update Result comes, mostly behind a new registration
  Verifying,     ///< the version is read again
  Ended,
};
inline constexpr std::size_t kStages = 11;
const char* to_string(Stage stage);
std::optional<Stage> parse_stage(std::string_view text);

enum class Ending : std::uint8_t {
  None,
  Succeeded,
  Failed,
  TimedOut,
  Vanished,   ///< it isn't registered any more, or never was
  Skipped,    ///< it had that version already
  Cancelled,
};
inline constexpr std::size_t kEndings = 7;
const char* to_string(Ending ending);  ///< "succeeded", "failed", "timed-out", ...; "" for None
std::optional<Ending> parse_ending(std::string_view text);

/// What was asked of a device last, and isn't answered.
enum class Step : std::uint8_t {
  None,
  ReadVersion,
  ReadUpdate,  ///< /5/0
  Reset,
  ObserveState,
  ObserveResult,
  WritePackage,
  WriteUri,
  Execute,
};
inline constexpr std::size_t kSteps = 9;

/// The machine of /5/0/3 that is found in use before anything was begun.
enum class StuckPolicy : std::uint8_t { Reset, Fail };

/// How long a stage may take, in seconds; past it the device is over as TimedOut or Vanished.
struct TimeLimits {
  std::int64_t reach = 7 * 86400;  ///< whatever waits for the device to be heard: a sleeping one, one that is away
  std::int64_t transfer = 3600;    ///< the Write of Package or Package URI
  std::int64_t download = 86400;   ///< until Downloaded
  std::int64_t update = 86400;     ///< from Update to its result
};
inline constexpr std::int64_t kTimeLimitMax = 366 * 86400;

/// Minutes of the day, UTC; over midnight when `to` isn't behind `from`. Devices begin within, and go on behind it.
struct Window {
  int from = 0;
  int to = 0;
  friend bool operator==(const Window&, const Window&) = default;
};
inline constexpr int kMinutesOfDay = 24 * 60;

/// What somebody asked for.
struct Order {
  std::string name;   ///< for people; at most kNameMax bytes
  std::string image;  ///< its name
  Method method = Method::Push;
  std::size_t parallel = 10;  ///< devices that are updated at once; 1 to kParallelMax
  /// Past that share of what has ended, in percent, nothing more begins; at least `stop_after` must have. 0: never.
  unsigned stop_percent = 0;
  std::size_t stop_after = 10;
  unsigned retries = 1;  ///< of one device, at most kRetriesMax
  StuckPolicy stuck = StuckPolicy::Reset;
  bool skip_current = true;  ///< devices that run the image's version already
  std::optional<UnixSeconds> start_at = {};
  std::optional<Window> window = {};
  TimeLimits limits = {};
};
inline constexpr std::size_t kNameMax = 100;
inline constexpr std::size_t kParallelMax = 10'000;
inline constexpr unsigned kRetriesMax = 10;

/// One device; a row of the store.
struct Device {
  std::string endpoint;
  Stage stage = Stage::Waiting;
  Step step = Step::None;
  Ending ending = Ending::None;
  std::optional<server::OperationId> operation = {};  ///< of `step`
  std::optional<std::int64_t> result = {};            ///< /5/0/5 as read last
  std::string reason;                                 ///< one sentence, of how it ended or of the last attempt
  unsigned attempt = 0;
  bool began = false;  ///< something was written to it in some attempt
  bool sent = false;   ///< Package or Package URI was accepted in this attempt
  std::string version_before;
  std::string version;       ///< behind the update
  UnixSeconds since = 0;     ///< in `stage`
};
inline constexpr std::size_t kReasonMax = 300;  ///< bytes of Device::reason
inline constexpr std::size_t kVersionMax = 255;  ///< bytes of a version

struct Tally {
  std::array<std::size_t, kStages> stages{};  ///< Ended included
  std::array<std::size_t, kEndings> endings{};
  [[nodiscard]] std::size_t of(Stage stage) const { return stages[static_cast<std::size_t>(stage)]; }
  [[nodiscard]] std::size_t of(Ending ending) const { return endings[static_cast<std::size_t>(ending)]; }
  [[nodiscard]] std::size_t failed() const {
    return of(Ending::Failed) + of(Ending::TimedOut) + of(Ending::Vanished);
  }
};

/// The image as far as a campaign needs it.
struct Target {
  std::string version;  ///< "" when nobody said: then the Update Result alone decides
  std::string uri;      ///< for the devices; "" with Method::Push
};

/// A campaign without its devices; a row of the store.
struct Head {
  CampaignId id{};
  Order order;
  Target target;
  State state = State::Scheduled;
  std::string reason;  ///< of Stopped
  std::string asked_by;
  UnixSeconds created_at = 0;
  std::optional<UnixSeconds> started_at = {};
  std::optional<UnixSeconds> ended_at = {};
  /// What had ended when it was resumed: counted no more for the failure rate.
  std::size_t forgiven_ended = 0;
  std::size_t forgiven_failed = 0;
};

/// For people: "integrity check failure (5)". Of /5/0/5 (Core E.6).
std::string result_text(std::int64_t result);

}  // namespace drover::campaign
