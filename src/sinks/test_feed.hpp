// SPDX-License-Identifier: Apache-2.0
// A feed that a test fills.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "events/feed.hpp"

namespace drover::sinks::test {

/// Thread-safe. Texts are {"number":N,"kind":"...","endpoint":"..."}, of printable names.
class TestFeed final : public events::Feed {
 public:
  std::uint64_t add(const std::string& endpoint, const std::string& kind = "updated", UnixSeconds at = 1000) {
    std::vector<std::function<void()>> wakes;
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      number = ++newest_;
      items_.push_back(std::make_shared<events::Item>(number, at, kind, endpoint, [kind, endpoint](std::uint64_t n) {
        return R"({"number":)" + std::to_string(n) + R"(,"kind":")" + kind + R"(","endpoint":")" + endpoint + R"("})";
      }));
      wakes = wakes_;
    }
    for (const auto& wake : wakes) wake();
    return number;
  }
  /// What is no longer kept, up to a number.
  void forget(std::uint64_t through) {
    const std::lock_guard lock(mutex_);
    while (!items_.empty() && items_.front()->number <= through) items_.pop_front();
    lost_through_ = std::max(lost_through_, through);
  }
  void set_unreadable(bool is) {
    const std::lock_guard lock(mutex_);
    unreadable_ = is;
  }
  Result<Batch> after(std::uint64_t number, std::size_t count) override {
    const std::lock_guard lock(mutex_);
    if (unreadable_) return tl::unexpected(Error{Fault::Environment, 0, "the events can't be read"});
    Batch batch;
    batch.lost_through = lost_through_;
    for (const auto& item : items_) {
      if (item->number > number && batch.items.size() < count) batch.items.push_back(item);
    }
    return batch;
  }
  [[nodiscard]] std::uint64_t newest() const override {
    const std::lock_guard lock(mutex_);
    return newest_;
  }
  void subscribe(std::function<void()> wake) override {
    const std::lock_guard lock(mutex_);
    wakes_.push_back(std::move(wake));
  }

 private:
  mutable std::mutex mutex_;
  std::deque<events::ItemPtr> items_;
  std::uint64_t newest_ = 0;
  bool unreadable_ = false;
  std::uint64_t lost_through_ = 0;
  std::vector<std::function<void()>> wakes_;
};

}  // namespace drover::sinks::test
