// SPDX-License-Identifier: Apache-2.0
#include "events/hub.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace drover::events {

void Hub::begin(std::uint64_t newest, Older older) {
  const std::lock_guard lock(mutex_);
  newest_ = lost_through_ = newest;
  older_ = std::move(older);
}

std::uint64_t Hub::next_number() const {
  return newest() + 1;
}

void Hub::publish(std::vector<Draft> drafts) {
  std::vector<std::function<void()>> wakes;
  {
    const std::lock_guard lock(mutex_);
    for (Draft& draft : drafts) {
      bytes_ += draft.size;
      ring_.push_back({std::make_shared<Item>(++newest_, draft.at, std::move(draft.kind), std::move(draft.endpoint),
                                              std::move(draft.render)),
                       draft.size});
    }
    while (!ring_.empty() && (ring_.size() > limits_.events_max || bytes_ > limits_.bytes_max)) {
      lost_through_ = ring_.front().item->number;
      bytes_ -= ring_.front().size;
      ring_.pop_front();
    }
    wakes = wakes_;
  }
  for (const auto& wake : wakes) wake();
}

Result<Feed::Batch> Hub::after(std::uint64_t number, std::size_t count) {
  Older older;
  std::uint64_t lost = 0;
  {
    const std::lock_guard lock(mutex_);
    lost = lost_through_;
    if (number >= lost || !older_) {
      Batch batch{lost, {}};
      auto at = std::upper_bound(ring_.begin(), ring_.end(), number,
                                 [](std::uint64_t wanted, const Kept& kept) { return wanted < kept.item->number; });
      for (; at != ring_.end() && batch.items.size() < count; ++at) batch.items.push_back(at->item);
      // What older_ has isn't lost; whoever is behind it asks there first.
      if (older_) batch.lost_through = 0;
      return batch;
    }
    older = older_;
  }
  auto batch = older(number, std::min<std::uint64_t>(count, lost - number));
  // All that was on disk is gone, too: go on with what is in memory.
  if (batch && batch->items.empty()) batch->lost_through = std::max(batch->lost_through, lost);
  return batch;
}

std::uint64_t Hub::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

void Hub::subscribe(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wakes_.push_back(std::move(wake));
}

std::size_t Hub::retained() const {
  const std::lock_guard lock(mutex_);
  return ring_.size();
}

std::string Hub::id_of(std::uint64_t number) const {
  return std::to_string(run_) + "-" + std::to_string(number);
}

std::optional<std::uint64_t> Hub::number_of(std::string_view id) const {
  const std::string prefix = std::to_string(run_) + "-";
  if (!id.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = id.substr(prefix.size());
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || stop != digits.data() + digits.size() || number > newest()) return std::nullopt;
  return number;
}

}  // namespace drover::events
