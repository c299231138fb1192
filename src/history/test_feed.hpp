// SPDX-License-Identifier: Apache-2.0
// A feed that a test fills.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "events/feed.hpp"

namespace drover::history::testing {

inline events::ItemPtr item(std::uint64_t number, UnixSeconds at, std::string kind, std::string endpoint,
                            std::string json) {
  return std::make_shared<events::Item>(number, at, std::move(kind), std::move(endpoint),
                                        [json = std::move(json)](std::uint64_t) { return json; });
}

/// A notification's JSON, with the members that matter here.
inline std::string notification(const std::string& path, const std::string& value, const std::string& type = "Float") {
  return R"({"kind":"notification","path":")" + path + R"(","value":)" + value + R"(,"type":")" + type + "\"}";
}

/// Thread-safe.
class TestFeed final : public events::Feed {
 public:
  void push(UnixSeconds at, const std::string& kind, const std::string& endpoint, const std::string& json) {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(item(++newest_, at, kind, endpoint, json));
      wake = wake_;
    }
    if (wake) wake();
  }
  void notify(UnixSeconds at, const std::string& endpoint, const std::string& path, const std::string& value,
              const std::string& type = "Float") {
    push(at, "notification", endpoint, notification(path, value, type));
  }
  /// What is older isn't kept any more.
  void lose_through(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    lost_ = std::max(lost_, number);
    while (!items_.empty() && items_.front()->number <= lost_) items_.pop_front();
  }

  /// Batches that don't go over this number, as if what comes then stood elsewhere.
  void split_at(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    split_ = number;
  }

  void set_unreadable(bool is) {
    const std::lock_guard lock(mutex_);
    unreadable_ = is;
  }
  Result<Batch> after(std::uint64_t number, std::size_t count) override {
    const std::lock_guard lock(mutex_);
    if (unreadable_) return tl::unexpected(Error{Fault::Environment, 0, "the events can't be read"});
    Batch batch;
    batch.lost_through = lost_;
    if (number < split_) count = std::min<std::uint64_t>(count, split_ - number);
    for (const auto& one : items_) {
      if (one->number > number && batch.items.size() < count) batch.items.push_back(one);
    }
    return batch;
  }
  [[nodiscard]] std::uint64_t newest() const override {
    const std::lock_guard lock(mutex_);
    return newest_;
  }
  void subscribe(std::function<void()> wake) override {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }

 private:
  mutable std::mutex mutex_;
  std::deque<events::ItemPtr> items_;
  std::uint64_t newest_ = 0;
  bool unreadable_ = false;
  std::uint64_t lost_ = 0;
  std::uint64_t split_ = 0;
  std::function<void()> wake_;
};

}  // namespace drover::history::testing
