// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/plan_book.hpp"

#include "bootstrap/test_plans.hpp"

namespace drover::bootstrap::testing {
namespace {

SharedPlan of(const std::string& name, const std::string& endpoints = "") {
  return plan("{'name':'" + name + "','delete':['/5']" + (endpoints.empty() ? "" : ",'endpoints':[" + endpoints + "]") + "}");
}

TEST(PlanBook, APatternHasOnlyTheStar) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*c*e", "abcde"));
  EXPECT_TRUE(matches("a*c*e", "acce"));
  EXPECT_TRUE(matches("**", "x"));
  EXPECT_FALSE(matches("a*c*e", "abde"));
  EXPECT_FALSE(matches("a?", "ab"));
  EXPECT_TRUE(matches("a?", "a?"));
  EXPECT_FALSE(matches("a*", ""));
  // The worst a peer's name can do to a pattern.
  EXPECT_FALSE(matches("*a*a*a*a*b", std::string(255, 'a')));
}

TEST(PlanBook, AnExactNameWinsThenTheLongestPatternThenTheDefault) {
  PlanBook book;
  EXPECT_EQ(book.choose("sensor-1"), nullptr);
  ASSERT_TRUE(book.put(of("default")));
  ASSERT_TRUE(book.put(of("sensors", "'sensor-*'")));
  ASSERT_TRUE(book.put(of("north", "'sensor-north-*','*-north-12345678'")));
  ASSERT_TRUE(book.put(of("one", "'sensor-north-1'")));
  EXPECT_EQ(book.choose("meter")->name, "default");
  EXPECT_EQ(book.choose("sensor-2")->name, "sensors");
  EXPECT_EQ(book.choose("sensor-north-2")->name, "north");
  EXPECT_EQ(book.choose("sensor-north-1")->name, "one");
}

TEST(PlanBook, APlanIsReplacedAndRemovedAsAWhole) {
  PlanBook book;
  ASSERT_TRUE(book.put(of("a", "'x','y*'")));
  const SharedPlan first = book.choose("x");
  ASSERT_TRUE(book.put(of("a", "'z'")));
  EXPECT_EQ(book.choose("x"), nullptr);
  EXPECT_EQ(book.choose("yy"), nullptr);
  EXPECT_EQ(book.choose("z")->name, "a");
  EXPECT_EQ(first->endpoints.front(), "x");  // who holds it goes on with it
  EXPECT_TRUE(book.remove("a"));
  EXPECT_FALSE(book.remove("a"));
  EXPECT_EQ(book.choose("z"), nullptr);
  EXPECT_TRUE(book.all().empty());
}

TEST(PlanBook, NothingBelongsToTwoPlans) {
  PlanBook book;
  ASSERT_TRUE(book.put(of("a", "'x','y*'")));
  ASSERT_TRUE(book.put(of("d")));
  EXPECT_EQ(book.put(of("b", "'x'")).error().reason, "\"x\" belongs to the plan \"a\"");
  EXPECT_EQ(book.put(of("b", "'y*'")).error().reason, "\"y*\" belongs to the plan \"a\"");
  EXPECT_EQ(book.put(of("e")).error().reason, "the default plan is \"d\": give this one endpoints");
  EXPECT_EQ(book.find("b"), nullptr);
  EXPECT_EQ(book.choose("x")->name, "a");
}

}  // namespace
}  // namespace drover::bootstrap::testing
