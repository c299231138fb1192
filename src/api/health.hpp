// SPDX-License-Identifier: Apache-2.0
// What /readyz asks before it says that the server can do its work.
#pragma once

#include <functional>
#include <string>

namespace drover::api {

struct HealthResult {
  bool ok = true;
  std::string detail = {};  ///< one sentence without secrets: everybody may see it
};

/// A part of the server with a check of its own. Thread-safe.
class HealthSource {
 public:
  virtual ~HealthSource() = default;
  /// "store"; the same each time.
  [[nodiscard]] virtual std::string name() const = 0;
  /// `done` is called once, on any thread, and must not block; perhaps before this returns. It counts as failed when it
  /// isn't called within kReadyWait.
  virtual void check(std::function<void(HealthResult)> done) = 0;
};

}  // namespace drover::api
