// SPDX-License-Identifier: Apache-2.0
// Values in memory that follow a feed which a test fills.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "history/test_feed.hpp"
#include "history/value_service.hpp"

namespace drover::api::test {

inline constexpr UnixSeconds kStoredNow = 1'700'000'000;

class StoredValues {
 public:
  StoredValues() {
    auto opened = history::Values::open("", {.max_count = 100'000});
    EXPECT_TRUE(opened);
    values_ = std::move(*opened);
    service_.emplace(*values_, feed_, [] { return kStoredNow; });
  }
  history::Archive& service() { return *service_; }
  void push(UnixSeconds at, const std::string& kind, const std::string& endpoint, const std::string& json) {
    feed_.push(at, kind, endpoint, json);
  }
  void notify(UnixSeconds at, const std::string& endpoint, const std::string& path, const std::string& value,
              const std::string& type) {
    feed_.notify(at, endpoint, path, value, type);
  }
  /// Until all that was pushed is stored; twenty seconds at most.
  void settle() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (std::uint64_t behind = 1; behind > 0;) {
      auto answer = std::make_shared<std::promise<std::uint64_t>>();
      auto asked = answer->get_future();
      service_->status([answer](const history::Status& status) { answer->set_value(status.behind); });
      ASSERT_EQ(asked.wait_until(until), std::future_status::ready);
      behind = asked.get();
      ASSERT_LT(std::chrono::steady_clock::now(), until);
    }
  }

 private:
  history::testing::TestFeed feed_;
  std::unique_ptr<history::Values> values_;
  std::optional<history::ValueService> service_;
};

}  // namespace drover::api::test
