// SPDX-License-Identifier: Apache-2.0
#include "audit/memory_trail.hpp"

#include <algorithm>
#include <utility>

namespace drover::audit {

MemoryTrail::MemoryTrail(const Limits& limits) : limits_{std::min(limits.max, kMax)} {}

void MemoryTrail::note(Record record, std::function<void()> kept) {
  {
    const std::lock_guard lock(mutex_);
    record.number = ++last_;
    const bool refused = record.refused;
    records_.push_back(std::move(record));
    if (++counts_[refused ? 1 : 0] > limits_.of(refused)) {
      records_.erase(std::ranges::find(records_, refused, &Record::refused));
      --counts_[refused ? 1 : 0];
    }
  }
  if (kept) kept();
}

Result<Page> MemoryTrail::read(const Query& query) {
  const std::lock_guard lock(mutex_);
  Page page;
  const auto take = [&](const Record& record) {
    if (query.after && (query.newest_first ? record.number >= *query.after : record.number <= *query.after)) return true;
    if (!matches(record, query)) return true;
    if (page.records.size() == query.limit) {
      page.next = page.records.back().number;
      return false;
    }
    page.records.push_back(record);
    return true;
  };
  if (query.newest_first) {
    std::all_of(records_.rbegin(), records_.rend(), take);
  } else {
    std::all_of(records_.begin(), records_.end(), take);
  }
  return page;
}

}  // namespace drover::audit
