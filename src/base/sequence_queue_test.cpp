// SPDX-License-Identifier: Apache-2.0
#include "base/sequence_queue.hpp"

#include <gtest/gtest.h>

namespace drover {
namespace {

TEST(SequenceQueue, NumbersStayWithTheirElements) {
  SequenceQueue<int> queue;
  EXPECT_FALSE(queue.holds(0));
  EXPECT_EQ(queue.push(10), 0U);
  EXPECT_EQ(queue.push(11), 1U);
  queue.pop();
  EXPECT_EQ(queue.push(12), 2U);
  EXPECT_FALSE(queue.holds(0));
  EXPECT_EQ(queue[1], 11);
  EXPECT_EQ(queue[2], 12);
  EXPECT_EQ(queue.front(), 11);
  EXPECT_EQ(queue.front_number(), 1U);
  EXPECT_FALSE(queue.holds(3));
  EXPECT_EQ(queue.widen(2), 2U);
}

}  // namespace
}  // namespace drover
