// SPDX-License-Identifier: Apache-2.0
// The server's backup, as the REST API sees it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "backup/manifest.hpp"
#include "base/result.hpp"
#include "server/files.hpp"

namespace drover::api {

/// Thread-safe. There is one backup at a time, on the server's own disk; the next one takes its place. `done` is called
/// once, on a thread of the desk's, and must not throw.
class BackupDesk {
 public:
  virtual ~BackupDesk() = default;
  /// Copies everything while the server goes on. Fault::Us while another one is being made; Fault::Environment: the disk.
  virtual void make(std::function<void(Result<backup::Manifest>)> done) = 0;
  [[nodiscard]] virtual std::optional<backup::Manifest> newest() const = 0;
  /// A file of the newest; nullptr when there is none of that name.
  [[nodiscard]] virtual std::shared_ptr<const server::File> open(const std::string& name) const = 0;
  /// Removes the newest, which it gives; nothing: there is none.
  virtual void remove(std::function<void(Result<std::optional<backup::Manifest>>)> done) = 0;
};

}  // namespace drover::api
