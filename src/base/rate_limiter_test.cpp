// SPDX-License-Identifier: Apache-2.0
#include "base/rate_limiter.hpp"

#include <gtest/gtest.h>

namespace drover {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RateLimiter, ABurstPassesAndThenThePaceHolds) {
  RateLimiter limiter(10, 5, 64);
  Instant now{seconds(100)};
  const auto allowed = [&](int tries, std::uint64_t hash) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += limiter.allow(now, hash) ? 1 : 0;
    return count;
  };
  EXPECT_EQ(allowed(100, 1), 5);
  EXPECT_EQ(allowed(100, 2), 5) << "another one has a rate of its own";
  EXPECT_EQ(limiter.wait(now, 1), milliseconds(100));
  now += milliseconds(99);
  EXPECT_EQ(allowed(1, 1), 0);
  now += milliseconds(1);
  EXPECT_EQ(allowed(9, 1), 1);
  int total = 0;
  for (int step = 0; step < 1000; ++step) {
    now += milliseconds(10);
    total += allowed(7, 1);
  }
  EXPECT_EQ(total, 100) << "ten a second over ten seconds, however often it is asked";
  now += seconds(3600);
  EXPECT_EQ(allowed(100, 1), 5) << "patience isn't saved up";
}

TEST(RateLimiter, NoneIsNoLimitAndNoMemory) {
  RateLimiter limiter(0, 0, 1 << 20);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limiter.allow(Instant{}, 1));
}

}  // namespace
}  // namespace drover
