// SPDX-License-Identifier: Apache-2.0
#include "jobs/tags.hpp"

#include <gtest/gtest.h>

#include "storage/test_folder.hpp"

namespace drover::jobs {
namespace {

using Change = Tags::Change;

std::unique_ptr<Tags> open(const std::string& name) {
  auto file = store::StoreFile::open(name);
  EXPECT_TRUE(file);
  auto tags = Tags::open(*file);
  EXPECT_TRUE(tags);
  return std::move(*tags);
}

TEST(Tags, OfADeviceThatNobodyKnowsOutliveARestart) {
  const storage::testing::Folder folder;
  {
    const auto tags = open(folder.file("s.db"));
    EXPECT_EQ(tags->change("a", {"site:berlin", "pilot"}, Change::Replace), (TagSet{"pilot", "site:berlin"}));
    EXPECT_EQ(tags->change("a", {"new"}, Change::Add), (TagSet{"new", "pilot", "site:berlin"}));
    EXPECT_EQ(tags->change("a", {"pilot", "other"}, Change::Remove), (TagSet{"new", "site:berlin"}));
    EXPECT_TRUE(tags->change("b", {"new"}, Change::Add));
  }
  const auto tags = open(folder.file("s.db"));
  EXPECT_EQ(tags->of("a"), (TagSet{"new", "site:berlin"}));
  EXPECT_EQ(tags->endpoints({"new"}, "", 10), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(tags->endpoints({"new"}, "a", 10), (std::vector<std::string>{"b"}));
  EXPECT_EQ(tags->endpoints({"new", "site:berlin"}, "", 10), (std::vector<std::string>{"a"}));
  EXPECT_TRUE(tags->endpoints({"pilot"}, "", 10).empty());
  ASSERT_EQ(tags->counts().size(), 2u);
  EXPECT_EQ(tags->counts()[0].tag, "new");
  EXPECT_EQ(tags->counts()[0].devices, 2u);
  EXPECT_TRUE(tags->change("a", {}, Change::Replace));
  EXPECT_TRUE(tags->of("a").empty());
  EXPECT_EQ(tags->counts().size(), 1u);
}

TEST(Tags, WhatIsWrongOrTooMuchIsRefusedAndChangesNothing) {
  const storage::testing::Folder folder;
  const auto tags = open(folder.file("s.db"));
  ASSERT_TRUE(tags->change("a", {"x"}, Change::Replace));
  for (const std::string bad : {"", "a b", "a,b", "a\n", "\xFF", "\"", "a*"}) {
    const auto done = tags->change("a", {bad}, Change::Add);
    ASSERT_FALSE(done) << bad;
    EXPECT_EQ(done.error().field, "tags");
  }
  EXPECT_FALSE(tags->change("a", {std::string(kTagMax + 1, 'x')}, Change::Add));
  EXPECT_TRUE(tags->change("b", {std::string(kTagMax, 'x')}, Change::Add));
  EXPECT_FALSE(tags->change("", {"x"}, Change::Add));
  EXPECT_FALSE(tags->change(std::string(kEndpointMax + 1, 'e'), {"x"}, Change::Add));
  TagSet many;
  for (std::size_t i = 0; i <= kTagsOfDeviceMax; ++i) many.insert("t" + std::to_string(i));
  const auto full = tags->change("a", many, Change::Replace);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().why, store::Refusal::Why::Full);
  EXPECT_EQ(tags->of("a"), (TagSet{"x"}));
}

}  // namespace
}  // namespace drover::jobs
