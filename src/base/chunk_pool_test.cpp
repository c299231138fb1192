// SPDX-License-Identifier: Apache-2.0
#include "base/chunk_pool.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.hpp"

namespace drover {
namespace {

struct Item {
  std::uint32_t newer = 0;
  std::uint64_t value = 0;
};

TEST(ChunkPool, SlotsKeepTheirValuesAndAreNotGivenTwice) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SplitMix rng(seed);
    ChunkPool<Item, 8> pool;
    std::map<std::uint32_t, std::uint64_t> model;
    for (std::uint64_t step = 0; step < 3000; ++step) {
      // Grows for a while, shrinks for a while.
      if (rng.below(10) < (step / 500 % 2 == 0 ? 7U : 3U)) {
        const std::uint32_t slot = pool.allocate();
        ASSERT_TRUE(model.emplace(slot, step).second);
        pool[slot].value = step;
      } else if (!model.empty()) {
        auto at = model.lower_bound(static_cast<std::uint32_t>(rng.below(200)));
        if (at == model.end()) at = model.begin();
        ASSERT_EQ(pool[at->first].value, at->second);
        pool.release(at->first);
        model.erase(at);
      }
    }
    for (const auto& [slot, value] : model) ASSERT_EQ(pool[slot].value, value);
  }
}

TEST(ChunkPool, GivesEmptyChunksBackButOne) {
  ChunkPool<Item, 64> pool;
  std::vector<std::uint32_t> slots;
  for (int i = 0; i < 64 * 100; ++i) slots.push_back(pool.allocate());
  const std::size_t full = pool.memory();
  EXPECT_GE(full, 64 * 100 * sizeof(Item));
  for (const std::uint32_t slot : slots) pool.release(slot);
  EXPECT_LT(pool.memory(), full / 4);
  for (int i = 0; i < 64 * 100; ++i) pool.allocate();
  EXPECT_EQ(pool.memory(), full);
}

}  // namespace
}  // namespace drover
