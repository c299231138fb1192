// SPDX-License-Identifier: Apache-2.0
// Sinks that do as they are told, for an Api.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sinks/sink_list.hpp"

namespace drover::api::test {

class FakeSinks final : public sinks::SinkList {
 public:
  void set(std::vector<sinks::SinkView> views) {
    const std::lock_guard lock(mutex_);
    views_ = std::move(views);
  }
  /// What the next tests end with.
  void answer_with(std::string result) {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }
  std::vector<sinks::SinkView> all() override {
    const std::lock_guard lock(mutex_);
    return views_;
  }
  std::optional<sinks::SinkView> find(const std::string& name) override {
    for (auto& view : all()) {
      if (view.name == name) return view;
    }
    return std::nullopt;
  }
  bool test(const std::string& name, std::function<void(std::string)> done) override {
    if (!find(name)) return false;
    std::string result;
    {
      const std::lock_guard lock(mutex_);
      result = result_;
    }
    done(std::move(result));
    return true;
  }
  static sinks::SinkView view(const std::string& name) {
    sinks::SinkView view;
    view.name = name;
    view.kind = "webhook";
    view.target = "https://hooks.example";
    view.delivered = 7;
    view.lag_events = 3;
    return view;
  }

 private:
  std::mutex mutex_;
  std::vector<sinks::SinkView> views_;
  std::string result_;
};

}  // namespace drover::api::test
