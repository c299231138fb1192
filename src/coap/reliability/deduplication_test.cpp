// SPDX-License-Identifier: Apache-2.0
// Limits and memory of RFC 7252 §4.5's table, and its lists and rings under random load.
#include "coap/reliability/deduplication.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "coap/reliability/test_peer.hpp"

namespace drover::coap {
namespace {

using namespace testing;

Message message(std::uint16_t id, Type type = Type::Confirmable, Code code = code::kPost) {
  Message result;
  result.type = type;
  result.code = code;
  result.id = MessageId{id};
  return result;
}

struct Table {
  explicit Table(const Parameters& parameters = {}) : hash(rng), table(parameters, hash) {}

  std::uint32_t add(std::uint32_t host, std::uint16_t id, Type type = Type::Confirmable) {
    const std::uint32_t slot = table.insert(now, peer(host), message(id, type));
    if (slot != Deduplication::kNone) table.settle(slot, Standing::Silent);
    return slot;
  }
  /// The last of the hosts of BehavesLikeATable is reached over SMS.
  static transport::PeerAddress peer(std::uint32_t host) {
    return host == kSmsHost ? *transport::PeerAddress::sms("4917012345") : address(host);
  }
  static constexpr std::uint32_t kSmsHost = 0xFFFFFF;
  bool knows(std::uint32_t host, std::uint16_t id) {
    return table.find(now, peer(host), MessageId{id}) != Deduplication::kNone;
  }

  SplitMix rng{1};
  KeyedHash hash;
  Instant now{seconds(100)};
  Deduplication table;
};

TEST(Deduplication, OverTheLimitOfAllPeersTheOldestGoesFirst) {
  Parameters parameters;
  parameters.deduplication_max = 4;
  Table t(parameters);
  for (std::uint16_t id = 0; id < 4; ++id) t.add(id, id, id % 2 == 0 ? Type::Confirmable : Type::NonConfirmable);
  for (std::uint16_t id = 4; id < 8; ++id) {
    t.now += seconds(1);
    t.add(id, id);
    EXPECT_EQ(t.table.size(), 4U);
  }
  for (std::uint16_t id = 0; id < 8; ++id) EXPECT_EQ(t.knows(id, id), id >= 4) << id;
}

TEST(Deduplication, OverTheLimitOfAllPeersTheOldestGoesFirstWhateverItsLifetime) {
  Parameters parameters;
  parameters.deduplication_max = 4;
  Table t(parameters);
  const std::uint32_t hosts[] = {Table::kSmsHost, 1, Table::kSmsHost, 3, Table::kSmsHost, 5, 6, 7};
  for (std::uint16_t id = 0; id < 8; ++id) {
    t.add(hosts[id], id, id == 3 ? Type::NonConfirmable : Type::Confirmable);
    t.now += seconds(1);
    for (std::uint16_t known = 0; known <= id; ++known) EXPECT_EQ(t.knows(hosts[known], known), id - known < 4) << id;
  }
}

TEST(Deduplication, OverTheLimitOfAPeerItsOwnOldestGoesFirst) {
  Parameters parameters;
  parameters.deduplication_max_per_peer = 3;
  Table t(parameters);
  t.add(1, 0);
  for (std::uint16_t id = 0; id < 5; ++id) t.add(2, id);
  EXPECT_TRUE(t.knows(1, 0));
  for (std::uint16_t id = 0; id < 5; ++id) EXPECT_EQ(t.knows(2, id), id >= 2) << id;
}

TEST(Deduplication, AnEntryThatWaitsForItsAnswerIsNotForgotten) {
  Parameters parameters;
  parameters.deduplication_max = 4;
  parameters.deduplication_max_per_peer = 2;
  Table t(parameters);
  t.table.open(t.add(1, 0), t.now + seconds(1));
  t.add(1, 1);
  t.add(1, 2);
  EXPECT_TRUE(t.knows(1, 0));
  EXPECT_FALSE(t.knows(1, 1));
  t.table.open(t.table.find(t.now, address(1), MessageId{2}), t.now + seconds(1));
  EXPECT_EQ(t.add(1, 3), Deduplication::kNone);

  t.add(2, 0);
  t.add(3, 0);
  t.add(4, 0);
  EXPECT_TRUE(t.knows(1, 0));
  EXPECT_FALSE(t.knows(2, 0));
  EXPECT_TRUE(t.knows(4, 0));
}

TEST(Deduplication, AFloodFromOnePeerIsRefusedWhileNothingIsAnswered) {
  Parameters parameters;
  parameters.deduplication_max_per_peer = 4;
  TestPeer peer(parameters);
  for (int i = 0; i < 10; ++i) peer.receive("40 02 00 0" + std::to_string(i));
  int arrived = 0;
  while (peer.layer.poll_event()) ++arrived;
  EXPECT_EQ(arrived, 4);
  EXPECT_EQ(peer.layer.counters().refused, 6U);
  EXPECT_EQ(peer.layer.deduplication_entries(), 4U);
}

TEST(Deduplication, KeptAnswersOutsideOfTheirEntriesAreBounded) {
  Table t;
  const Bytes answer(60000, 1);
  for (std::uint32_t host = 0; host < 1200; ++host) {
    const std::uint32_t slot = t.add(host, 0);
    t.table.settle_with_answer(slot, answer);
  }
  EXPECT_LE(t.table.memory(), Deduplication::kAllocatedMax + (std::size_t{1} << 20));
  EXPECT_TRUE(t.knows(1199, 0));
  EXPECT_FALSE(t.knows(0, 0));
}

TEST(Deduplication, HundredThousandDevicesWithAnUpdateEvery300SecondsCostUnder80BytesEach) {
  constexpr std::uint32_t kDevices = 100000;
  Table t;
  const Bytes answer = bytes("68 44 00 00 'ABCDEFGH'");
  // One and a half rounds: after 247 s the table is in its steady state.
  for (std::uint32_t i = 0; i < kDevices * 3 / 2; ++i) {
    t.now += Duration(seconds(300)) / std::int64_t{kDevices};
    t.table.expire(t.now, 4);
    const std::uint32_t slot =
        t.table.insert(t.now, address(i % kDevices), message(static_cast<std::uint16_t>(i / kDevices)));
    t.table.open(slot, t.now + seconds(1));
    t.table.settle_with_answer(slot, answer);
  }
  EXPECT_NEAR(static_cast<double>(t.table.size()), kDevices * 247 / 300, 2);
  EXPECT_LT(t.table.memory(), kDevices * std::size_t{80});
  RecordProperty("bytes_per_device", static_cast<int>(t.table.memory() / kDevices));
}

TEST(Deduplication, MemoryIsUsedAgainAfterALoad) {
  Table t;
  const auto fill = [&] {
    for (std::uint32_t host = 0; host < 20000; ++host) t.add(host, 1);
    const std::size_t full = t.table.memory();
    t.now += seconds(300);
    t.table.expire(t.now, ~std::size_t{0});
    EXPECT_EQ(t.table.size(), 0U);
    return full;
  };
  const std::size_t first = fill();
  EXPECT_LT(t.table.memory(), first / 8);
  EXPECT_LE(fill(), first);
}

TEST(Deduplication, PeersWhoseHashesAreAlikeAreToldApart) {
  // Thousands of searches for absent peers: some of them meet a cell with their own eight bits of hash.
  Table t;
  for (std::uint32_t host = 0; host < 5000; ++host) t.add(host, 1);
  for (std::uint32_t host = 5000; host < 20000; ++host) ASSERT_FALSE(t.knows(host, 1)) << host;
  for (std::uint32_t host = 0; host < 5000; ++host) ASSERT_FALSE(t.knows(host, 2)) << host;
}

TEST(Deduplication, BehavesLikeATableWithThreeLifetimes) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SplitMix random(seed);
    Parameters parameters;
    parameters.deduplication_max_per_peer = 1000;
    parameters.sms.lifetime = seconds(400);
    Table t(parameters);
    std::map<std::pair<std::uint32_t, std::uint16_t>, Instant> model;  // -> the last instant at which it is known
    for (int step = 0; step < 4000; ++step) {
      t.now += seconds(random.below(4));
      const auto place = static_cast<std::uint32_t>(random.below(5));
      const std::uint32_t host = place == 4 ? Table::kSmsHost : place;
      const auto id = static_cast<std::uint16_t>(random.below(40));
      const auto known = model.find({host, id});
      ASSERT_EQ(t.knows(host, id), known != model.end() && known->second >= t.now)
          << "seed " << seed << " step " << step;
      if (!t.knows(host, id)) {
        const bool non = random.below(3) == 0;
        const std::uint32_t slot = t.add(host, id, non ? Type::NonConfirmable : Type::Confirmable);
        if (random.below(2) == 0) t.table.settle_with_answer(slot, Bytes(4 + random.below(60), 7));
        model[{host, id}] = t.now + (host == Table::kSmsHost ? seconds(400) : non ? seconds(145) : seconds(247));
      }
      if (random.below(8) == 0) t.table.expire(t.now, static_cast<std::size_t>(random.below(10)));
    }
    t.now += seconds(401);
    t.table.expire(t.now, ~std::size_t{0});
    ASSERT_EQ(t.table.size(), 0U);
    ASSERT_FALSE(t.table.next_expiry().has_value());
  }
}

}  // namespace
}  // namespace drover::coap
