// SPDX-License-Identifier: Apache-2.0
#include "machine/system.hpp"

#include "machine/test_root.hpp"

namespace drover::machine {
namespace {

using testing::FakeRoot;

TEST(MachineRoot, ReadsTextsNumbersAndFolders) {
  const FakeRoot fake;
  fake.file("a/long", std::string(20'000, 'x') + "\n\n");
  fake.file("a/number", "-42\n");
  fake.file("a/empty", "");
  fake.file("a/words", "12 13\n");
  const Root root = fake.root();
  EXPECT_EQ(root.text("a/long"), std::string(20'000, 'x'));
  EXPECT_EQ(root.number("a/number"), -42);
  EXPECT_EQ(root.number("a/words"), std::nullopt);
  EXPECT_EQ(root.text("a/empty"), "");
  EXPECT_EQ(root.word("a/empty"), std::nullopt);
  EXPECT_EQ(root.text("a/none"), std::nullopt);
  EXPECT_EQ(root.text("a"), std::nullopt) << "a folder";
  EXPECT_EQ(root.names("a"), (std::vector<std::string>{"empty", "long", "number", "words"}));
  EXPECT_TRUE(root.names("none").empty());
}

TEST(MachineRoot, ReadsNoMoreThanItsBound) {
  const FakeRoot fake;
  fake.file("big", std::string(Root::kTextMax + 1000, 'x'));
  EXPECT_EQ(fake.root().text("big")->size(), Root::kTextMax);
}

TEST(MachineSystem, MemoryIsWhatProgramsCanGet) {
  const FakeRoot fake;
  EXPECT_FALSE(read_memory(fake.root()));
  fake.file("proc/meminfo", "MemTotal:       24684084 kB\nMemFree:        23095096 kB\nMemAvailable:   23828152 kB\n");
  EXPECT_EQ(read_memory(fake.root()), (Space{24684084, 23828152}));
  fake.file("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 5 kB\n");
  EXPECT_EQ(read_memory(fake.root()), (Space{1000, 5})) << "an old kernel";
  fake.file("proc/meminfo", "MemTotal: many kB\nMemFree: 5 kB\n");
  EXPECT_FALSE(read_memory(fake.root()));
}

TEST(MachineSystem, SpaceIsUsedUpBelowAHundredth) {
  EXPECT_FALSE(is_used_up({10'000, 100}));
  EXPECT_TRUE(is_used_up({10'000, 99}));
}

TEST(MachineSystem, StorageIsThatOfTheFileSystem) {
  const FakeRoot fake;
  const auto space = read_storage(fake.folder());
  ASSERT_TRUE(space);
  EXPECT_GT(space->total, 0);
  EXPECT_GE(space->total, space->free);
  const auto expected = std::filesystem::space(fake.folder());
  EXPECT_EQ(space->total, static_cast<std::int64_t>(expected.capacity / 1024));
  EXPECT_FALSE(read_storage(fake.folder() + "/none"));
}

TEST(MachineSystem, NamesAndVersionsOfAPc) {
  const FakeRoot fake;
  fake.file("sys/class/dmi/id/product_name", "ThinkPad X1\n");
  fake.file("sys/class/dmi/id/product_version", "Gen 9\n");
  fake.file("etc/os-release", "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
  EXPECT_EQ(read_identity(fake.root()), (Identity{"ThinkPad X1", "Gen 9", "Debian GNU/Linux 12 (bookworm)"}));
}

TEST(MachineSystem, NamesAndVersionsOfABoard) {
  const FakeRoot fake;
  fake.file("proc/device-tree/model", std::string_view("Raspberry Pi 4 Model B Rev 1.4\0", 31));
  fake.file("proc/cpuinfo", "processor\t: 0\nmodel name\t: ARMv7\nRevision\t: c03114\n");
  fake.file("usr/lib/os-release", "PRETTY_NAME=Buildroot\n");
  EXPECT_EQ(read_identity(fake.root()), (Identity{"Raspberry Pi 4 Model B Rev 1.4", "c03114", "Buildroot"}));
}

TEST(MachineSystem, WhatABoardMakerLeftUnfilledIsNotKnown) {
  const FakeRoot fake;
  fake.file("sys/class/dmi/id/product_name", "To Be Filled By O.E.M.\n");
  fake.file("sys/class/dmi/id/product_version", "\n");
  EXPECT_EQ(read_identity(fake.root()), Identity{});
}

TEST(MachineSystem, TheTimezoneIsWhereTheSystemSaysIt) {
  const FakeRoot fake;
  EXPECT_FALSE(read_timezone(fake.root(), ""));
  fake.file("etc/timezone", "Asia/Tokyo\n");
  EXPECT_EQ(read_timezone(fake.root(), ""), "Asia/Tokyo");
  fake.link("etc/localtime", "/usr/share/zoneinfo/Europe/Berlin");
  EXPECT_EQ(read_timezone(fake.root(), ""), "Europe/Berlin");
  fake.file("usr/share/zoneinfo/America/New_York", "TZif");
  EXPECT_EQ(read_timezone(fake.root(), "America/New_York"), "America/New_York");
  EXPECT_EQ(read_timezone(fake.root(), ":America/New_York"), "America/New_York");
  EXPECT_EQ(read_timezone(fake.root(), "CET-1CEST"), std::nullopt) << "a rule, not a name";
}

TEST(MachineSystem, OffsetsAreIso8601) {
  EXPECT_EQ(format_utc_offset(0), "+00:00");
  EXPECT_EQ(format_utc_offset(19800), "+05:30");
  EXPECT_EQ(format_utc_offset(-10800), "-03:00");
  EXPECT_EQ(format_utc_offset(-1800), "-00:30");
}

}  // namespace
}  // namespace drover::machine
