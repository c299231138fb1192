// SPDX-License-Identifier: Apache-2.0
#include "base/slot_index.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/random.hpp"

namespace drover {
namespace {

/// The records that an index is over: a key for each slot.
struct Records {
  std::map<std::uint32_t, std::uint64_t> key_of;
  std::uint64_t hash_mask = ~std::uint64_t{0};

  [[nodiscard]] std::uint64_t hash(std::uint64_t key) const { return SplitMix(key).next() & hash_mask; }
  [[nodiscard]] auto hash_of() const {
    return [this](std::uint32_t slot) { return hash(key_of.at(slot)); };
  }
  template <class Index>
  [[nodiscard]] std::uint32_t find(const Index& index, std::uint64_t key) const {
    return index.find(hash(key), [&](std::uint32_t slot) { return key_of.at(slot) == key; });
  }
};

/// Random insertions, deletions, replacements and searches beside a std::map that can't be wrong.
template <class Index>
void compare_with_map(Records records, std::uint64_t seed, std::uint32_t keys, int steps) {
  SplitMix rng(seed);
  Index index;
  std::map<std::uint64_t, std::uint32_t> model;
  std::uint32_t next_slot = 0;
  for (int step = 0; step < steps; ++step) {
    const std::uint64_t key = rng.below(keys);
    const auto known = model.find(key);
    ASSERT_EQ(records.find(index, key), known == model.end() ? Index::kNone : known->second) << "step " << step;
    if (known == model.end()) {
      records.key_of[next_slot] = key;
      index.insert(records.hash(key), next_slot, records.hash_of());
      model[key] = next_slot++;
    } else if (rng.below(4) == 0) {
      records.key_of[next_slot] = key;
      index.replace(records.hash(key), known->second, next_slot);
      known->second = next_slot++;
    } else {
      index.erase(records.hash(key), known->second, records.hash_of());
      model.erase(known);
    }
  }
  for (const auto& [key, slot] : model) ASSERT_EQ(records.find(index, key), slot);
}

TEST(SlotIndex, BehavesLikeAMap) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    compare_with_map<SlotIndex>({}, seed, 1U << (2 + seed % 10), 5000);
    compare_with_map<ShardedSlotIndex>({}, seed, 1U << (2 + seed % 10), 5000);
  }
}

TEST(SlotIndex, BehavesLikeAMapWhenManyHashesCollide) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    // Two bits of home and two of mark: sixteen different hashes for up to 64 keys.
    compare_with_map<SlotIndex>({{}, 0x0300000000000003ULL}, seed, 64, 3000);
  }
}

TEST(SlotIndex, FindsSlotsThatNeedAll32Bits) {
  SlotIndex index;
  Records records;
  for (const std::uint32_t slot : {0U, 1U, 0xFFFFU, 0x10000U, 0xFFFFFFFEU}) {
    records.key_of[slot] = slot;
    index.insert(records.hash(slot), slot, records.hash_of());
  }
  for (const auto& [slot, key] : records.key_of) EXPECT_EQ(records.find(index, key), slot);
}

TEST(SlotIndex, TakesAtMost16BytesAnElementAndGivesMemoryBack) {
  SlotIndex index;
  Records records;
  for (std::uint32_t slot = 0; slot < 10000; ++slot) {
    records.key_of[slot] = slot;
    index.insert(records.hash(slot), slot, records.hash_of());
    if (slot > 1000) {
      ASSERT_LE(index.memory(), (slot + 1) * std::size_t{16});
    }
  }
  for (std::uint32_t slot = 0; slot < 10000; ++slot) index.erase(records.hash(slot), slot, records.hash_of());
  EXPECT_EQ(index.size(), 0U);
  EXPECT_LE(index.memory(), 200U);
}

}  // namespace
}  // namespace drover
