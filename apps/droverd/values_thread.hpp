// SPDX-License-Identifier: Apache-2.0
// Stored values on threads of their own.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "config.hpp"
#include "events/feed.hpp"
#include "history/value_service.hpp"
#include "history/values.hpp"

namespace drover::droverd {

class ValuesThread {
 public:
  /// Opens STORE.values, or values in memory without a store, and begins to follow `feed`, which outlives it. Null where
  /// the configuration wants no values. An error names the file.
  static Result<std::unique_ptr<ValuesThread>> open(const Config& config, events::Feed& feed);

  [[nodiscard]] history::Archive& archive() { return service_; }
  [[nodiscard]] jobs::KnownValues& known() { return *values_; }
  [[nodiscard]] history::Values& values() { return *values_; }

 private:
  ValuesThread(std::unique_ptr<history::Values> values, events::Feed& feed);

  std::unique_ptr<history::Values> values_;
  history::ValueService service_;
};

}  // namespace drover::droverd
