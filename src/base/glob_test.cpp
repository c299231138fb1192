// SPDX-License-Identifier: Apache-2.0
#include "base/glob.hpp"

#include <gtest/gtest.h>

#include <string>

namespace drover {
namespace {

TEST(Glob, StarMatchesAnyTextAndQuestionMarkOneByte) {
  EXPECT_TRUE(matches_glob("node1", "node1"));
  EXPECT_FALSE(matches_glob("node1", "node12"));
  EXPECT_TRUE(matches_glob("node*", "node"));
  EXPECT_TRUE(matches_glob("*-lab-*", "de-lab-7"));
  EXPECT_FALSE(matches_glob("*-lab-*", "de-lab7"));
  EXPECT_TRUE(matches_glob("node?", "node1"));
  EXPECT_FALSE(matches_glob("node?", "node"));
  EXPECT_TRUE(matches_glob("*a*b", "xxaxxbxb"));
  EXPECT_FALSE(matches_glob("*a*b", "xxaxxbxc"));
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_FALSE(matches_glob("", "x"));
}

TEST(Glob, ManyStarsStayQuick) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "*a";
  pattern += "b";
  EXPECT_FALSE(matches_glob(pattern, std::string(255, 'a')));
}

}  // namespace
}  // namespace drover
