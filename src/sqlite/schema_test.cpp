// SPDX-License-Identifier: Apache-2.0
#include "sqlite/schema.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <optional>

#include "storage/test_folder.hpp"

namespace drover::sqlite {
namespace {

using Kind = Condition::Kind;

constexpr const char* kSteps[] = {"CREATE TABLE t(a INTEGER); INSERT INTO t VALUES(7)",
                                  "ALTER TABLE t ADD COLUMN b INTEGER DEFAULT 8"};
constexpr Schema kOld{.application = 42, .version = 1};
constexpr Schema kNew{.application = 42, .version = 2};

std::optional<Database> open(const std::string& file) {
  std::string reason;
  auto opened = Database::open(file, reason);
  EXPECT_TRUE(opened) << reason;
  if (!opened) return std::nullopt;
  return std::move(*opened);
}

std::string content(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(Schema, AnOlderVersionIsBroughtUpStepByStep) {
  const storage::testing::Folder folder;
  {
    auto database = open(folder.file());
    EXPECT_EQ(inspect(*database, kOld).kind, Kind::Empty);
    ASSERT_TRUE(upgrade(*database, kOld, 0, std::span(kSteps).first(1)));
  }
  EXPECT_EQ(peek(folder.file(), kNew).kind, Kind::Empty) << "nothing to say against it";
  auto database = open(folder.file());
  const Condition condition = inspect(*database, kNew);
  EXPECT_EQ(condition.kind, Kind::Sound);
  EXPECT_EQ(condition.version, 1);
  ASSERT_TRUE(upgrade(*database, kNew, condition.version, kSteps));
  EXPECT_EQ(inspect(*database, kNew).version, 2);
  EXPECT_EQ(database->number("SELECT a + b FROM t"), 15);
}

TEST(Schema, AStepThatFailsLeavesTheVersionBefore) {
  const storage::testing::Folder folder;
  auto database = open(folder.file());
  ASSERT_TRUE(upgrade(*database, kOld, 0, std::span(kSteps).first(1)));
  constexpr const char* kBroken[] = {kSteps[0], "UPDATE t SET a = 9; ALTER TABLE nowhere ADD COLUMN c INTEGER"};
  EXPECT_FALSE(upgrade(*database, kNew, 1, kBroken));
  EXPECT_NE(database->reason().find("nowhere"), std::string::npos) << database->reason();
  EXPECT_EQ(database->number("SELECT a FROM t"), 7);
  EXPECT_EQ(inspect(*database, kNew).version, 1);
}

TEST(Schema, WhatIsNotOursIsSeenBeforeItIsOpened) {
  const storage::testing::Folder folder;
  EXPECT_EQ(peek(folder.file("absent"), kOld).kind, Kind::Empty);
  { auto database = open(folder.file()); ASSERT_TRUE(upgrade(*database, kNew, 0, kSteps)); }
  const std::string before = content(folder.file());
  EXPECT_EQ(peek(folder.file(), kOld).kind, Kind::Later);
  EXPECT_EQ(peek(folder.file(), {.application = 43, .version = 1}).kind, Kind::Foreign);
  EXPECT_EQ(content(folder.file()), before);

  { auto database = open(folder.file("plain")); ASSERT_TRUE(database->run("CREATE TABLE t(a)")); }
  EXPECT_EQ(peek(folder.file("plain"), kOld).kind, Kind::Foreign) << "most programs give no number";
  std::ofstream(folder.file("text")) << std::string(200, 'x');
  EXPECT_EQ(peek(folder.file("text"), kOld).kind, Kind::Damaged);
}

TEST(Schema, AFileThatWasCutOffBeforeItsFirstTransactionIsOurs) {
  const storage::testing::Folder folder;
  { auto database = open(folder.file()); }
  EXPECT_EQ(peek(folder.file(), kOld).kind, Kind::Empty);
}

}  // namespace
}  // namespace drover::sqlite
