// SPDX-License-Identifier: Apache-2.0
#include "audit/memory_trail.hpp"

#include <gtest/gtest.h>

namespace drover::audit {
namespace {

Record record(const std::string& who, const std::string& target, UnixSeconds at, bool refused = false) {
  return {.at = at, .who = who, .role = "", .address = "", .action = "PUT", .target = target, .location = "", .refused = refused};
}

std::vector<std::uint64_t> numbers(const Page& page) {
  std::vector<std::uint64_t> all;
  for (const Record& one : page.records) all.push_back(one.number);
  return all;
}

TEST(MemoryTrail, PagesJoinInBothOrders) {
  MemoryTrail trail({});
  for (int i = 0; i < 5; ++i) trail.note(record("anna", "/a", i), {});
  for (const bool newest : {true, false}) {
    Query query{.who = "", .path = "", .newest_first = newest, .limit = 2};
    std::vector<std::uint64_t> seen;
    for (int page = 0; page < 3; ++page) {
      const auto found = *trail.read(query);
      for (const auto number : numbers(found)) seen.push_back(number);
      EXPECT_EQ(found.next.has_value(), page < 2);
      query.after = found.next;
    }
    EXPECT_EQ(seen, newest ? (std::vector<std::uint64_t>{5, 4, 3, 2, 1}) : (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  }
}

TEST(MemoryTrail, FiltersMustAllHold) {
  MemoryTrail trail({});
  trail.note(record("token 1 (anna)", "/api/v1/bulk", 10), {});
  trail.note(record("token 2 (ben)", "/api/v1/bulk/7/pause", 20), {});
  trail.note(record("token 1 (anna)", "/api/v1/rules/x", 30), {});
  const auto found = [&](Query query) { return numbers(*trail.read(query)); };
  using Numbers = std::vector<std::uint64_t>;
  EXPECT_EQ(found({.who = "anna", .path = ""}), (Numbers{3, 1}));
  EXPECT_EQ(found({.who = "", .path = "/api/v1/bulk"}), (Numbers{2, 1}));
  EXPECT_EQ(found({.who = "anna", .path = "/api/v1/bulk"}), (Numbers{1}));
  EXPECT_EQ(found({.who = "", .path = "", .from = 20, .to = 30}), (Numbers{2}));
}

TEST(MemoryTrail, RefusedAttemptsDontPushOutWhatWasDone) {
  MemoryTrail trail({.max = 8});
  for (int i = 0; i < 9; ++i) trail.note(record("anna", "/done", i), {});
  for (int i = 0; i < 100; ++i) trail.note(record("nobody known", "/tried", i, true), {});
  const auto of = [&](const char* path) { return trail.read({.who = "", .path = path})->records; };
  EXPECT_EQ(of("/done").size(), 8U);
  EXPECT_EQ(of("/done").back().number, 2U) << "the oldest went";
  ASSERT_EQ(of("/tried").size(), 2U);
  EXPECT_EQ(of("/tried").front().number, 109U);
}

TEST(MemoryTrail, SaysAtOnceThatItIsKept) {
  MemoryTrail trail({});
  bool kept = false;
  trail.note(record("anna", "/a", 0), [&] { kept = true; });
  EXPECT_TRUE(kept);
  EXPECT_FALSE(trail.is_full());
}

}  // namespace
}  // namespace drover::audit
