// SPDX-License-Identifier: Apache-2.0
#include "base/take_front.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace drover {
namespace {

TEST(TakeFront, MovesTheOldestOut) {
  std::deque<std::unique_ptr<int>> queue;
  EXPECT_FALSE(take_front(queue));
  queue.push_back(std::make_unique<int>(1));
  queue.push_back(std::make_unique<int>(2));
  EXPECT_EQ(**take_front(queue), 1);
  EXPECT_EQ(**take_front(queue), 2);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace drover
