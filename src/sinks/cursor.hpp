// SPDX-License-Identifier: Apache-2.0
// How far sinks have come, kept over restarts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"

namespace drover::store {
class StoreFile;
}

namespace drover::sinks {

struct Cursor {
  std::uint64_t number = 0;  ///< of the event through which everything is settled
  /// Sixteen hexadecimal digits, made with the cursor: begins the ids of deliveries, so that those of a store that was
  /// replaced are others.
  std::string series;
};

/// Thread-safe. Errors are Fault::Environment: the disk, the file.
class CursorTable {
 public:
  explicit CursorTable(std::shared_ptr<store::StoreFile> file) : file_(std::move(file)) {}

  /// Nothing for a sink that is new.
  [[nodiscard]] Result<std::optional<Cursor>> find(const std::string& sink);
  Result<void> save(const std::string& sink, const Cursor& cursor, UnixSeconds at);

 private:
  std::shared_ptr<store::StoreFile> file_;
};

}  // namespace drover::sinks
