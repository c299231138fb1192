// SPDX-License-Identifier: Apache-2.0
// What the store promises of bootstrap plans, whether it keeps a file or memory.
#include "store/plans.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "store/test_backing.hpp"

namespace drover::store {
namespace {

using Why = Refusal::Why;

constexpr UnixSeconds kNow = 1'800'000'000;

Secret<std::string> text(const std::string& content) {
  return Secret<std::string>(content);
}

template <class Kept>
class PlansContract : public ::testing::Test {
 protected:
  PlansContract() { reopen(); }

  Result<std::unique_ptr<Plans>> open(std::uint8_t key = 1) {
    plans.reset();
    settings.unix_now = [this] { return now.load(); };
    return Plans::open(backing.plan_table(), testing::sealer(key), settings);
  }
  void reopen() {
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().reason;
    plans = std::move(*opened);
  }
  [[nodiscard]] std::string text_of(std::string_view name) const {
    const auto plan = plans->find(name);
    return plan ? plan->text.reveal() : "none";
  }
  Refusal refusal(const std::string& name, const std::string& content) {
    auto put = plans->put(name, text(content));
    EXPECT_FALSE(put);
    return put ? Refusal{} : put.error();
  }

  Kept backing;
  std::atomic<UnixSeconds> now{kNow};
  Plans::Settings settings;
  std::unique_ptr<Plans> plans;
};
using Backings = ::testing::Types<testing::MemoryBacking, testing::FileBacking>;
TYPED_TEST_SUITE(PlansContract, Backings);

// The fixture's members are a dependent base's.
#define PLANS (*this->plans)

TYPED_TEST(PlansContract, WhatWasPutIsThereAgain) {
  EXPECT_TRUE(PLANS.list().empty());
  ASSERT_TRUE(PLANS.put("b", text("second")));
  this->now = kNow + 1;
  EXPECT_EQ(*PLANS.put("a/Süd", text(std::string("fi\0rst", 6))), (PlanEntry{"a/Süd", 6, kNow + 1}));
  this->reopen();
  EXPECT_EQ(PLANS.list(), (std::vector<PlanEntry>{{"a/Süd", 6, kNow + 1}, {"b", 6, kNow}}));
  EXPECT_EQ(this->text_of("a/Süd"), std::string("fi\0rst", 6));
  EXPECT_EQ(PLANS.find("b")->changed_at, kNow);
  EXPECT_EQ(this->text_of("c"), "none");
}

TYPED_TEST(PlansContract, AnotherTextTakesThePlace) {
  ASSERT_TRUE(PLANS.put("a", text("first")));
  this->now = kNow + 60;
  ASSERT_TRUE(PLANS.put("a", text("")));
  EXPECT_EQ(PLANS.list(), (std::vector<PlanEntry>{{"a", 0, kNow + 60}}));
  this->reopen();
  EXPECT_EQ(PLANS.list(), (std::vector<PlanEntry>{{"a", 0, kNow + 60}}));
}

TYPED_TEST(PlansContract, ARemovedOneIsGone) {
  ASSERT_TRUE(PLANS.put("a", text("first")));
  EXPECT_EQ(PLANS.remove("b").error().why, Why::NotFound);
  EXPECT_EQ(*PLANS.remove("a"), (PlanEntry{"a", 5, kNow}));
  EXPECT_EQ(PLANS.remove("a").error().why, Why::NotFound);
  this->reopen();
  EXPECT_EQ(this->text_of("a"), "none");
}

TYPED_TEST(PlansContract, NamesAndSizesHaveBounds) {
  EXPECT_EQ(this->refusal("", "x").field, "name");
  EXPECT_EQ(this->refusal("a\nb", "x").field, "name");
  EXPECT_EQ(this->refusal("\xFF", "x").field, "name");
  EXPECT_EQ(this->refusal(std::string(kPlanNameMax + 1, 'n'), "x").field, "name");
  EXPECT_EQ(this->refusal("a", std::string(kPlanTextMax + 1, 't')).field, "text");
  ASSERT_TRUE(PLANS.put(std::string(kPlanNameMax, 'n'), text(std::string(kPlanTextMax, 't'))));
  this->reopen();
  EXPECT_EQ(PLANS.list().front().size, kPlanTextMax);
}

TYPED_TEST(PlansContract, ThereIsALimitOfPlansAndOfTextsTogether) {
  this->settings.plans_max = 2;
  this->settings.texts_max = 10;
  this->reopen();
  ASSERT_TRUE(PLANS.put("a", text("12345")));
  EXPECT_EQ(this->refusal("b", "123456").reason, "all plans together would be more than 10 bytes");
  ASSERT_TRUE(PLANS.put("b", text("12345")));
  EXPECT_EQ(this->refusal("c", "").reason, "there are 2 plans already");
  this->reopen();
  EXPECT_EQ(this->refusal("a", "123456").why, Why::Full);
  ASSERT_TRUE(PLANS.put("a", text("1234"))) << "its own text makes room";
  ASSERT_TRUE(PLANS.put("b", text("123456")));
  ASSERT_TRUE(PLANS.remove("a"));
  EXPECT_TRUE(PLANS.put("c", text("1234")));
}

TYPED_TEST(PlansContract, ATextBelongsToItsName) {
  ASSERT_TRUE(PLANS.put("a", text("first")));
  ASSERT_TRUE(PLANS.put("b", text("second")));
  this->plans.reset();
  {
    const auto table = this->backing.plan_table();
    auto rows = table->load();
    ASSERT_TRUE(rows);
    std::swap((*rows)[0].sealed_text, (*rows)[1].sealed_text);
    ASSERT_TRUE(table->put((*rows)[1]));
  }
  const auto opened = this->open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "the store is damaged: the bootstrap plan \"b\" isn't what was sealed under this name");
}

TYPED_TEST(PlansContract, AreReadWhileTheyAreWritten) {
  ASSERT_TRUE(PLANS.put("always", text("there")));
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::thread reader([&] {
    while (!done) {
      if (this->text_of("always") != "there" || PLANS.list().empty()) ++wrong;
    }
  });
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(PLANS.put("other", text(std::to_string(i))));
    EXPECT_TRUE(PLANS.remove("other"));
  }
  done = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Plans, ADiskThatFailsChangesNothing) {
  testing::MemoryBacking backing;
  Plans::Settings settings;
  settings.unix_now = [] { return kNow; };
  const auto open = Plans::open(backing.plan_table(), testing::sealer(), settings);
  ASSERT_TRUE(open);
  ASSERT_TRUE((*open)->put("a", text("first")));
  backing.disk->failing = true;
  EXPECT_EQ((*open)->put("a", text("other")).error().why, Why::Disk);
  EXPECT_EQ((*open)->put("b", text("other")).error().why, Why::Disk);
  EXPECT_EQ((*open)->remove("a").error().why, Why::Disk);
  EXPECT_EQ((*open)->find("a")->text.reveal(), "first");
  EXPECT_EQ((*open)->list().size(), 1U);
}

TEST(Plans, NoTextStandsInTheFileInTheClear) {
  testing::FileBacking backing;
  Plans::Settings settings;
  settings.unix_now = [] { return kNow; };
  const auto open = Plans::open(backing.plan_table(), testing::sealer(), settings);
  ASSERT_TRUE(open);
  ASSERT_TRUE((*open)->put("the-name-of-it", text("the-key-in-it")));
  std::string all;
  for (const std::string& name : {backing.name(), backing.name() + "-wal"}) {
    std::ifstream stream(name, std::ios::binary);
    all.append(std::istreambuf_iterator<char>(stream), {});
  }
  EXPECT_NE(all.find("the-name-of-it"), std::string::npos) << "the search works";
  EXPECT_EQ(all.find("the-key-in-it"), std::string::npos);
}

}  // namespace
}  // namespace drover::store
