// SPDX-License-Identifier: Apache-2.0
// Does what the Firmware Update object asks for: fetching, checking, installing, remembering.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/objects/firmware_object.hpp"
#include "firmware/fetcher.hpp"
#include "firmware/hook.hpp"
#include "firmware/image_store.hpp"
#include "firmware/saved_update.hpp"
#include "io/event_loop.hpp"

namespace drover::firmware {

struct UpdaterSettings {
  std::string folder;                               ///< made when it is needed
  std::uint64_t size_max = std::uint64_t{1} << 28;  ///< bytes of an image: 256 MiB
  std::string fetch_program;                        ///< drover-fetch; "" or a missing one: the device can't fetch
  Duration fetch_patience = std::chrono::minutes(5);
  // Shell commands; "" for none. They have DROVER_FIRMWARE_FILE, _URI, _NAME, _VERSION and _FOLDER in their
  // environment.
  std::string command_folder;  ///< their working directory; "" for ours
  std::string check;           ///< exit code 0: good, 6: unsupported package type, any other: integrity failure
  std::string install;         ///< exit code 0: the new firmware is in use
  std::string rollback;        ///< run when the installation failed
  std::string confirm;         ///< run after a restart while installing; exit code 0: the new firmware is in use
  Duration command_timeout = std::chrono::minutes(10);  ///< of each command
  /// What protects coaps to the host of a Package URI; nothing when there are no keys for it.
  std::function<std::optional<client::SecurityValues>(const std::string& host)> keys_for;
  Duration push_lifetime = std::chrono::seconds(247);
};

/// Owns the object, the image and at most one child process; without an update it has neither process nor timer. All
/// on the loop's thread; `loop` outlives it.
class Updater {
 public:
  /// `changed` is called behind everything that may have changed the object's values, never from within a call.
  Updater(io::EventLoop& loop, UpdaterSettings settings, std::function<void()> changed);
  ~Updater();
  Updater(const Updater&) = delete;
  Updater& operator=(const Updater&) = delete;

  [[nodiscard]] client::FirmwareObject& object() { return object_; }
  /// Goes on where an earlier run of the program was: call it once, before servers are heard. The error says what
  /// couldn't be read; the machine is Idle then.
  Result<void> resume(Instant now);
  /// Of the firmware that the last successful update brought; "" when it isn't known.
  [[nodiscard]] const std::string& installed_version() const { return saved_.installed_version; }

 private:
  void run(Instant now);
  void perform(Instant now, const client::FirmwareAction& action);
  void fetch(Instant now, const client::FirmwareAction& action);
  void check(Instant now, std::uint64_t attempt);
  void install(Instant now, std::uint64_t attempt);
  void confirm(Instant now, std::uint64_t attempt);
  void undo(Instant now, std::uint64_t attempt);
  void finish_install(Instant now, std::uint64_t attempt, bool success, const std::string& version);
  void start_hook(Instant now, const char* name, const std::string& command,
                  std::function<void(Instant, const Hook::Report&)> done);
  void save();
  [[nodiscard]] std::string exit_file() const { return settings_.folder + "/install.exit"; }
  [[nodiscard]] std::string state_file() const { return settings_.folder + "/update.state"; }

  io::EventLoop& loop_;
  UpdaterSettings settings_;
  std::function<void()> changed_;
  ImageStore store_;
  client::FirmwareObject object_;
  std::unique_ptr<Fetcher> fetcher_;
  std::unique_ptr<Hook> hook_;
  SavedUpdate saved_;  ///< as it is to be on disk; the record as it was at the last save()
  SavedUpdate on_disk_;
  int waker_ = 0;
};

}  // namespace drover::firmware
