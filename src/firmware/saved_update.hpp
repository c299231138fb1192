// SPDX-License-Identifier: Apache-2.0
// What a firmware update must not forget over a restart, as a small text file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "client/objects/firmware_update.hpp"

namespace drover::firmware {

struct SavedUpdate {
  client::FirmwareRecord record;
  // Of the fetch that is under way.
  std::string etag;  ///< as the fetching program gave it
  std::optional<std::uint64_t> size;
  std::uint64_t offset = 0;       ///< bytes that are safe on disk
  std::string installed_version;  ///< of the firmware that the last successful update brought; "" when it isn't known
  friend bool operator==(const SavedUpdate&, const SavedUpdate&) = default;
};

/// "key=value" lines; values percent-encoded where they aren't printable ASCII.
std::string to_text(const SavedUpdate& saved);
/// Unknown keys are passed over: an older program may read what a newer one has written. An error for a damaged text.
Result<SavedUpdate> parse_saved_update(std::string_view text);

/// Nothing when there is no file.
Result<std::optional<SavedUpdate>> load_saved_update(const std::string& file);

}  // namespace drover::firmware
