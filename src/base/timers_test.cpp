// SPDX-License-Identifier: Apache-2.0
#include "base/timers.hpp"

#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "base/random.hpp"

namespace drover {
namespace {

Instant at(std::int64_t microseconds) {
  return Instant(Duration(microseconds));
}

TEST(Timers, FireInTheOrderOfTheirInstants) {
  Timers timers;
  timers.set(0, at(30));
  timers.set(1, at(10));
  timers.set(2, at(20));
  EXPECT_EQ(timers.next(), at(10));
  EXPECT_EQ(timers.pop_due(at(9)), std::nullopt);
  EXPECT_EQ(timers.pop_due(at(30)), 1U);
  EXPECT_EQ(timers.pop_due(at(30)), 2U);
  EXPECT_EQ(timers.pop_due(at(30)), 0U);
  EXPECT_EQ(timers.pop_due(at(30)), std::nullopt);
  EXPECT_EQ(timers.next(), std::nullopt);
}

TEST(Timers, OfTheSameInstantFireInTheOrderInWhichTheyWereSet) {
  Timers timers;
  for (Timers::Key key = 0; key < 100; ++key) timers.set((key * 37) % 100, at(5));
  timers.set(0, at(5));  // set anew: it is the last now
  for (Timers::Key key = 1; key < 100; ++key) EXPECT_EQ(timers.pop_due(at(5)), (key * 37) % 100);
  EXPECT_EQ(timers.pop_due(at(5)), 0U);
}

TEST(Timers, CancelOfAnUnknownKeyChangesNothing) {
  Timers timers;
  timers.cancel(7);
  timers.set(1, at(1));
  timers.cancel(0);
  timers.cancel(7);
  EXPECT_EQ(timers.size(), 1U);
}

TEST(Timers, BehaveLikeASortedMap) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SplitMix rng(seed);
    Timers timers;
    std::map<std::pair<std::int64_t, int>, Timers::Key> model;  // (instant, order) -> key
    std::map<Timers::Key, std::pair<std::int64_t, int>> place;
    const auto forget = [&](Timers::Key key) {
      if (const auto known = place.find(key); known != place.end()) {
        model.erase(known->second);
        place.erase(known);
      }
    };
    for (int step = 0; step < 3000; ++step) {
      const auto key = static_cast<Timers::Key>(rng.below(60));
      switch (rng.below(4)) {
        case 0:
        case 1: {
          const auto instant = static_cast<std::int64_t>(rng.below(50));
          forget(key);
          place[key] = {instant, step};
          model[place[key]] = key;
          timers.set(key, at(instant));
          break;
        }
        case 2:
          forget(key);
          timers.cancel(key);
          break;
        default: {
          const auto now = static_cast<std::int64_t>(rng.below(50));
          const bool due = !model.empty() && model.begin()->first.first <= now;
          const auto popped = timers.pop_due(at(now));
          ASSERT_EQ(popped.has_value(), due);
          if (!due) break;
          ASSERT_EQ(*popped, model.begin()->second);
          forget(*popped);
        }
      }
      ASSERT_EQ(timers.size(), model.size());
      ASSERT_EQ(timers.is_set(key), place.contains(key));
      if (!model.empty()) {
        ASSERT_EQ(timers.next(), at(model.begin()->first.first));
      }
    }
  }
}

}  // namespace
}  // namespace drover
