// SPDX-License-Identifier: Apache-2.0
#include "events/hub.hpp"

#include <gtest/gtest.h>

namespace drover::events {
namespace {

std::vector<Draft> drafts(std::size_t count) {
  std::vector<Draft> all(count);
  for (Draft& draft : all) {
    draft.size = 10;
    draft.render = [](std::uint64_t number) { return std::to_string(number); };
  }
  return all;
}

std::vector<std::uint64_t> numbers(const Result<Feed::Batch>& batch) {
  std::vector<std::uint64_t> all;
  for (const ItemPtr& item : batch.value().items) all.push_back(item->number);
  return all;
}

TEST(Hub, ReadersFollowWithPlacesOfTheirOwnAndLearnWhatTheyLost) {
  Hub hub({.events_max = 4, .bytes_max = 1000}, 7);
  int woken = 0;
  hub.subscribe([&] { ++woken; });
  hub.publish(drafts(3));
  EXPECT_EQ(numbers(hub.after(0, 2)), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(numbers(hub.after(2, 9)), (std::vector<std::uint64_t>{3}));
  hub.publish(drafts(3));
  EXPECT_EQ(woken, 2);
  const auto late = hub.after(1, 9).value();
  EXPECT_EQ(late.lost_through, 2U);
  EXPECT_EQ(numbers(late), (std::vector<std::uint64_t>{3, 4, 5, 6}));
}

TEST(Hub, BytesAreALimitToo) {
  Hub hub({.events_max = 100, .bytes_max = 25}, 7);
  hub.publish(drafts(5));
  EXPECT_EQ(hub.retained(), 2U);
}

TEST(Hub, WhatIsntInMemoryIsAskedForElsewhere) {
  Hub hub({.events_max = 2, .bytes_max = 1000}, 7);
  std::uint64_t lost = 5;
  bool unreadable = false;
  hub.begin(100, [&](std::uint64_t number, std::size_t count) -> Result<Feed::Batch> {
    if (unreadable) return tl::unexpected(Error{Fault::Environment, 0, "no"});
    Feed::Batch batch{lost, {}};
    for (std::uint64_t each = std::max(number, lost) + 1; each <= 103 && count-- > 0; ++each) {
      batch.items.push_back(std::make_shared<Item>(each, 0, "", "", [](std::uint64_t) { return ""; }));
    }
    return batch;
  });
  hub.publish(drafts(5));
  EXPECT_EQ(hub.newest(), 105U);
  EXPECT_EQ(numbers(hub.after(103, 9)), (std::vector<std::uint64_t>{104, 105}));
  EXPECT_EQ(numbers(hub.after(101, 9)), (std::vector<std::uint64_t>{102, 103})) << "up to what is in memory";
  EXPECT_EQ(hub.after(101, 9)->lost_through, 5U);
  EXPECT_EQ(hub.after(104, 9)->lost_through, 0U);
  lost = 103;
  EXPECT_EQ(hub.after(101, 9)->lost_through, 103U) << "nothing of it is left there either";
  unreadable = true;
  EXPECT_FALSE(hub.after(101, 9)) << "what can't be read isn't lost";
  EXPECT_EQ(numbers(hub.after(103, 9)), (std::vector<std::uint64_t>{104, 105}));
}

TEST(Hub, IdsAreOfOneOrder) {
  Hub hub({}, 7);
  hub.publish(drafts(2));
  EXPECT_EQ(hub.id_of(2), "7-2");
  EXPECT_EQ(hub.number_of("7-2"), 2U);
  for (const char* wrong : {"8-2", "7-3", "7-", "7-x", "7-2x", "2", ""}) EXPECT_FALSE(hub.number_of(wrong)) << wrong;
}

TEST(Hub, ATextIsMadeOnce) {
  Hub hub({}, 7);
  int made = 0;
  std::vector<Draft> one(1);
  one[0].render = [&](std::uint64_t) {
    ++made;
    return "x";
  };
  hub.publish(std::move(one));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(hub.after(0, 1)->items.at(0)->text(), "x");
  EXPECT_EQ(made, 1);
}

}  // namespace
}  // namespace drover::events
