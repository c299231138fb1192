// SPDX-License-Identifier: Apache-2.0
// A device's state in one SQLite file: each change is a transaction, so it is there whole or not at all, whenever the
// process or the power ends.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "client/saved_state.hpp"
#include "lwm2m/data/node.hpp"
#include "sqlite/database.hpp"

namespace drover::storage {

/// Values by path, instances without: a hash of what the device's configuration and program make them at the start.
using Baseline = std::map<lwm2m::Path, std::uint64_t>;

/// All that a state file holds.
struct Content {
  std::map<lwm2m::Path, std::vector<lwm2m::ResourceNode>> instances;  ///< by path of the instance
  client::SavedState client;
  Baseline baseline;
  std::uint16_t port = 0;  ///< the device's own UDP port; 0 when it isn't known
};

/// What one transaction changes. What is nothing stays as it is.
struct Changes {
  /// Everything that was in the file goes first; counters of secured packets stay, since the keys may come back.
  bool replace = false;
  std::vector<lwm2m::Path> gone;  ///< instances with all below, and resources
  struct Resource {
    lwm2m::Path instance;
    lwm2m::ResourceNode node;
  };
  std::vector<lwm2m::Path> instances;  ///< that exist
  std::vector<Resource> resources;     ///< with all their values, in place of the values before
  std::optional<std::vector<client::SavedRegistration>> registrations;
  std::optional<std::vector<client::SavedChannel>> channels;
  std::optional<std::vector<client::SavedDisable>> disabled;
  std::optional<std::vector<client::SavedObservation>> observations;
  std::optional<std::vector<client::AttributeEntry>> attributes;
  std::optional<std::vector<client::SavedNotification>> notifications;
  std::optional<std::vector<client::SmsCounters>> sms_counters;  ///< the file's own stay where they are higher
  std::optional<std::uint32_t> observe_number;
  std::optional<std::optional<std::int64_t>> clock_offset;
  std::optional<std::optional<UnixSeconds>> bootstrap_purge;
  std::optional<std::optional<client::SavedCard>> card;
  std::optional<std::uint16_t> port;
  std::optional<Baseline> baseline;
};

/// One thread at a time; every call waits for the disk.
class StateFile {
 public:
  /// Of the tables below; written into the file (user_version). A file of a later program has a larger one.
  static constexpr std::int64_t kVersion = 4;

  struct Opened;
  /// Opens or makes the file and reads all of it. A file that is damaged or of a later version isn't touched but
  /// renamed to FILE.aside-N, and an empty one takes its place; Opened::notice says so. An error when it can't be
  /// opened for writing, another process has it, or it is somebody else's database. A file of an earlier version is
  /// brought up. SavedChannel::released is handed out once: it is out of the file, on disk, when this returns.
  static Result<Opened> open(const std::string& file);
  StateFile(StateFile&&) noexcept = default;
  StateFile& operator=(StateFile&&) noexcept = default;

  /// One transaction, on disk when this returns. After an error the file is as before.
  Result<void> commit(const Changes& changes);
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  StateFile(std::string name, sqlite::Database database) : name_(std::move(name)), database_(std::move(database)) {}

  std::string name_;
  sqlite::Database database_;
};

struct StateFile::Opened {
  StateFile file;
  Content content;
  std::string notice;  ///< why the content isn't that of the file which was there; "" otherwise
};

}  // namespace drover::storage
