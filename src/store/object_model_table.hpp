// SPDX-License-Identifier: Apache-2.0
// Object definitions that people brought.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace drover::store {

class StoreFile;

struct ObjectModelRow {
  std::uint16_t object = 0;
  std::string version;  ///< "1.0"
  std::string ddf;      ///< the file that it came in, with any others in it
  UnixSeconds changed_at = 0;
};

/// The table `object_model` of a store. One call at a time, from any thread; what one that succeeds has written is on disk
/// when it returns. Errors are Fault::Environment: the disk, the file.
class ObjectModelTable {
 public:
  explicit ObjectModelTable(std::shared_ptr<StoreFile> file) : file_(std::move(file)) {}

  /// By object and version.
  Result<std::vector<ObjectModelRow>> load();
  /// All or none, in the place of those with the same object and version.
  Result<void> put(std::span<const ObjectModelRow> rows);
  Result<void> remove(std::uint16_t object, const std::string& version);

 private:
  std::shared_ptr<StoreFile> file_;
};

}  // namespace drover::store
