// SPDX-License-Identifier: Apache-2.0
// The state machine of the Firmware Update object (Core E.6.1, Figure 20), without LwM2M around it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace drover::client {

/// /5/0/3
enum class FirmwareState : std::uint8_t { Idle = 0, Downloading = 1, Downloaded = 2, Updating = 3 };

/// /5/0/5
enum class FirmwareResult : std::uint8_t {
  Initial = 0,
  Updated = 1,
  NoSpace = 2,      ///< not enough flash memory; also storage that can't be written
  OutOfMemory = 3,  ///< out of RAM while downloading
  ConnectionLost = 4,
  IntegrityFailure = 5,
  UnsupportedPackage = 6,
  InvalidUri = 7,
  UpdateFailed = 8,
  UnsupportedProtocol = 9,
};

/// Where within its state the update is.
enum class FirmwarePhase : std::uint8_t {
  Idle,
  Pushing,     ///< Downloading: a server writes Package
  Fetching,    ///< Downloading: the device reads from Package URI
  Checking,    ///< Downloading: the image is there and is looked at
  Downloaded,  ///< the image is there and good
  Installing,  ///< Updating
};
const char* to_string(FirmwarePhase phase);  ///< "idle", "pushing", ...
std::optional<FirmwarePhase> parse_firmware_phase(std::string_view text);

/// All that must be known after a restart.
struct FirmwareRecord {
  FirmwarePhase phase = FirmwarePhase::Idle;
  FirmwareResult result = FirmwareResult::Initial;
  std::string uri;      ///< Package URI; "" for a pushed image
  std::string name;     ///< PkgName, once the image has been checked
  std::string version;  ///< PkgVersion
  friend bool operator==(const FirmwareRecord&, const FirmwareRecord&) = default;
};

/// What the program around the client is to do. It answers Fetch, Check, Install and Confirm with the report of the
/// same name and `attempt`; a report that comes after something else has begun is ignored.
struct FirmwareAction {
  enum class Kind : std::uint8_t {
    Fetch,    ///< get the image from `uri`, with `resume` from where an earlier run of the device was
    Check,    ///< the image is whole: is it good, and what does it call itself?
    Install,  ///< put the image into use
    Confirm,  ///< the device started anew while it was installing: is the new firmware in use?
    Stop,     ///< end the Fetch or Check that is under way
    Discard,  ///< the image, or what there is of it, isn't needed any more
  };
  Kind kind{};
  std::uint64_t attempt = 0;
  std::string uri;
  bool resume = false;
};

/// What a look at the image found. `result`: Initial for a good one, else IntegrityFailure or UnsupportedPackage.
struct FirmwareFinding {
  FirmwareResult result = FirmwareResult::Initial;
  std::string name;
  std::string version;
};

/// A new image is taken in Idle only. In every other state a server resets the machine first, as all of Figure 20's
/// arrows into Downloading start at Idle; while Updating it can't, since a device may not be left half installed.
/// Errors have code 4.05 and say so.
class FirmwareUpdate {
 public:
  static constexpr std::size_t kNameMax = 255;  ///< bytes of PkgName and PkgVersion; longer ones are cut

  [[nodiscard]] const FirmwareRecord& record() const { return record_; }
  [[nodiscard]] FirmwarePhase phase() const { return record_.phase; }
  [[nodiscard]] FirmwareState state() const;
  [[nodiscard]] FirmwareResult result() const { return record_.result; }

  [[nodiscard]] Result<void> may_begin() const;
  [[nodiscard]] Result<void> may_reset() const;

  /// Package NULL or Package URI "": Idle with result 0.
  Result<void> reset();
  Result<void> begin_push();
  Result<void> begin_fetch(const std::string& uri);
  /// A URI that nothing can be fetched from: Idle with `result`.
  Result<void> refuse_uri(const std::string& uri, FirmwareResult result);
  /// Update (/5/0/2). 4.05 but in Downloaded.
  Result<void> update();

  /// The push is complete.
  void pushed();
  /// The push ended early.
  void push_failed(FirmwareResult why);
  /// Report of Fetch: Initial when the image is whole.
  void fetched(std::uint64_t attempt, FirmwareResult result);
  void checked(std::uint64_t attempt, const FirmwareFinding& finding);
  /// Report of Install and Confirm. True when the report counted. "If the Update Resource failed, the state returns at
  /// Downloaded" (/5/0/3), with result 8.
  bool installed(std::uint64_t attempt, bool success);

  /// After a restart, before anything else: goes on where the record was taken. A push is lost with its connection.
  void restore(const FirmwareRecord& record);

  std::optional<FirmwareAction> poll();
  [[nodiscard]] bool has_actions() const { return !actions_.empty(); }

 private:
  void ask(FirmwareAction::Kind kind, bool resume = false);
  void end(FirmwareResult result);

  FirmwareRecord record_;
  std::uint64_t attempt_ = 0;
  std::deque<FirmwareAction> actions_;
};

}  // namespace drover::client
