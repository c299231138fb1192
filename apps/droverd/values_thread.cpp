// SPDX-License-Identifier: Apache-2.0
#include "values_thread.hpp"

#include <utility>

#include "io/clock.hpp"

namespace drover::droverd {

ValuesThread::ValuesThread(std::unique_ptr<history::Values> values, events::Feed& feed)
    : values_(std::move(values)), service_(*values_, feed, io::unix_now) {}

Result<std::unique_ptr<ValuesThread>> ValuesThread::open(const Config& config, events::Feed& feed) {
  if (!config.history.enabled) return nullptr;
  auto values = history::Values::open(config.store.empty() ? "" : config.store + ".values", config.history.limits);
  if (!values) return tl::unexpected(values.error());
  return std::unique_ptr<ValuesThread>(new ValuesThread(std::move(*values), feed));
}

}  // namespace drover::droverd
