// SPDX-License-Identifier: Apache-2.0
#include "sms/reassembly.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace drover::sms {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

struct Desk {
  explicit Desk(ReassemblyLimits limits = {minutes(10), 8, 3, 16}) : reassembly(limits, rng) {}

  /// The text of the message that the part completes, or "".
  std::string add(const std::string& peer, std::uint16_t reference, int count, int number, std::string_view text,
                  bool is_wide = false) {
    const UserDataHeader header{
        Concatenation{is_wide, reference, static_cast<std::uint8_t>(count), static_cast<std::uint8_t>(number)}, {}, {}};
    const auto whole = reassembly.add(now, peer, {header, as_bytes(text)});
    return whole ? std::string(as_text(whole->text)) : "";
  }

  SplitMix rng{1};
  Instant now{seconds(1000)};
  Reassembly reassembly;
};

TEST(Reassembly, AnyOrderMakesTheMessage) {
  const std::string texts[] = {"one ", "two ", "three ", "four"};
  std::vector<int> order(4);
  std::iota(order.begin(), order.end(), 1);
  std::uint16_t reference = 0;
  Desk desk({minutes(10), 100, 100, 16});
  do {
    ++reference;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::string whole = desk.add("49170", reference, 4, order[i], texts[order[i] - 1]);
      EXPECT_EQ(whole, i + 1 == order.size() ? "one two three four" : "");
    }
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(desk.reassembly.given_up(), 0u);
}

TEST(Reassembly, TheFirstPartsHeaderIsTheMessages) {
  Desk desk;
  const UserDataHeader first{Concatenation{false, 1, 2, 1}, Ports{5, 6}, PacketType::Command};
  const UserDataHeader second{Concatenation{false, 1, 2, 2}, {}, {}};
  EXPECT_FALSE(desk.reassembly.add(desk.now, "1", {second, as_bytes("b")}));
  const auto whole = desk.reassembly.add(desk.now, "1", {first, as_bytes("a")});
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->header, first);
}

TEST(Reassembly, PeerReferenceItsWidthAndTheCountTellMessagesApart) {
  Desk desk({minutes(10), 8, 8, 16});
  EXPECT_EQ(desk.add("1", 7, 2, 1, "a"), "");
  EXPECT_EQ(desk.add("2", 7, 2, 2, "!"), "") << "another peer";
  EXPECT_EQ(desk.add("1", 8, 2, 2, "!"), "") << "another reference";
  EXPECT_EQ(desk.add("1", 7, 2, 2, "!", true), "") << "a reference of 16 bits";
  EXPECT_EQ(desk.add("1", 7, 3, 2, "!"), "") << "another count";
  EXPECT_EQ(desk.add("1", 7, 2, 2, "b"), "ab");
}

TEST(Reassembly, DuplicatesDoNothingBeforeAndBehindTheEnd) {
  Desk desk;
  EXPECT_EQ(desk.add("1", 7, 2, 1, "a"), "");
  EXPECT_EQ(desk.add("1", 7, 2, 1, "a"), "");
  EXPECT_EQ(desk.add("1", 7, 2, 2, "b"), "ab");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(desk.add("1", 7, 2, 2, "b"), "");
    EXPECT_EQ(desk.add("1", 7, 2, 1, "a"), "");
  }
  EXPECT_EQ(desk.reassembly.size(), 1u);
  EXPECT_EQ(desk.reassembly.given_up(), 0u);
}

TEST(Reassembly, AReferenceThatComesAgainBeginsANewMessage) {
  Desk desk;
  EXPECT_EQ(desk.add("1", 7, 2, 1, "a"), "");
  EXPECT_EQ(desk.add("1", 7, 2, 1, "A"), "") << "the old one's second part never came";
  EXPECT_EQ(desk.reassembly.given_up(), 1u);
  EXPECT_EQ(desk.add("1", 7, 2, 2, "B"), "AB");
  EXPECT_EQ(desk.add("1", 7, 2, 2, "2"), "");
  EXPECT_EQ(desk.add("1", 7, 2, 1, "1"), "12");
  EXPECT_EQ(desk.reassembly.given_up(), 1u);
}

TEST(Reassembly, MissingPartsAreWaitedForAsLongAsSaid) {
  Desk desk;
  EXPECT_FALSE(desk.reassembly.deadline());
  EXPECT_EQ(desk.add("1", 7, 2, 1, "a"), "");
  const Instant end = desk.now + minutes(10);
  EXPECT_EQ(desk.reassembly.deadline(), end);
  desk.now += minutes(5);
  EXPECT_EQ(desk.add("1", 8, 2, 1, "x"), "");
  EXPECT_EQ(desk.reassembly.deadline(), end);
  desk.now = end - seconds(1);
  desk.reassembly.handle_timeout(desk.now);
  EXPECT_EQ(desk.reassembly.size(), 2u);
  desk.now = end;
  desk.reassembly.handle_timeout(desk.now);
  EXPECT_EQ(desk.reassembly.size(), 1u);
  EXPECT_EQ(desk.reassembly.given_up(), 1u);
  EXPECT_EQ(desk.add("1", 7, 2, 2, "b"), "") << "its other half is gone";
  EXPECT_EQ(desk.add("1", 8, 2, 2, "y"), "xy");
  desk.now += minutes(10);
  desk.reassembly.handle_timeout(desk.now);
  EXPECT_EQ(desk.reassembly.size(), 0u) << "finished ones are forgotten, too";
  EXPECT_EQ(desk.reassembly.given_up(), 2u) << "the lone half, not the finished one";
  EXPECT_FALSE(desk.reassembly.deadline());
}

TEST(Reassembly, APeersOldestGoesAndNobodyElses) {
  Desk desk;
  EXPECT_EQ(desk.add("2", 1, 2, 1, "x"), "");
  for (std::uint16_t reference = 1; reference <= 4; ++reference) {
    desk.now += seconds(1);
    EXPECT_EQ(desk.add("1", reference, 2, 1, "a"), "");
  }
  EXPECT_EQ(desk.reassembly.size(), 4u);
  EXPECT_EQ(desk.reassembly.given_up(), 1u);
  EXPECT_EQ(desk.add("1", 4, 2, 2, "b"), "ab");
  EXPECT_EQ(desk.add("1", 2, 2, 2, "b"), "ab");
  EXPECT_EQ(desk.add("2", 1, 2, 2, "y"), "xy");
  // Finished ones leave their places first.
  EXPECT_EQ(desk.add("1", 5, 2, 1, "c"), "");
  EXPECT_EQ(desk.add("1", 6, 2, 1, "d"), "");
  EXPECT_EQ(desk.reassembly.given_up(), 1u);
  EXPECT_EQ(desk.add("1", 3, 2, 2, "b"), "ab");
}

TEST(Reassembly, OfAllPeersTheOldestGoesWhenThereIsNoPlace) {
  Desk desk;
  for (int peer = 0; peer < 9; ++peer) {
    desk.now += seconds(1);
    EXPECT_EQ(desk.add(std::to_string(peer), 1, 2, 1, "a"), "");
    EXPECT_LE(desk.reassembly.size(), 8u);
  }
  EXPECT_EQ(desk.reassembly.given_up(), 1u);
  EXPECT_EQ(desk.add("1", 1, 2, 2, "b"), "ab");
  EXPECT_EQ(desk.add("0", 1, 2, 2, "b"), "") << "its first part is gone; a finished message made room";
  EXPECT_EQ(desk.reassembly.given_up(), 1u);
  EXPECT_EQ(desk.reassembly.size(), 8u);
}

}  // namespace
}  // namespace drover::sms
