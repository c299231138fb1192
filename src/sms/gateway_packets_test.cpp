// SPDX-License-Identifier: Apache-2.0
#include "sms/gateway_packets.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/reader.hpp"
#include "sms/test_gateway.hpp"

namespace drover::sms {
namespace {

using security::sps::kCounterBlocked;
using security::sps::kSpi2Receipt;
using testing::hex;
using testing::kDevice;
using testing::kServer;
using testing::Pair;
using testing::secured;
using testing::Side;
using testing::vector_keys;
using transport::Kind;
using Texts = std::vector<std::string>;

const std::string kTrigger = "4402b60b2161fb63b13101300138";
const std::string kFirstPacket =
    "02700000281516001212b20203c2248c65436b8660d192b728ab2d967e5f05ccd32f6cd295f71ad1d2e0a06908";
const std::string kReceiptedPacket =
    "02700000281516391212b202030bb143950c6a12bbba3dfa012c2c58cf09f56f7f816fc20f73529e1258e01f28";
const std::string kReceipt = "027100001412b2020392eb4dad3fb45d13cbc70314e3f6e1d9";

Bytes coap(std::uint8_t number, std::size_t size = 5) {
  Bytes message(size, 0xAB);
  message[0] = 0x40;
  message[1] = number;
  return message;
}

std::string name(std::uint8_t number, std::size_t size = 5) {
  return "packet:" + to_hex(coap(number, size));
}

/// Of a packet in one short message.
std::uint64_t counter_of(const ShortMessage& message) {
  const Peer::Packets with = vector_keys();
  auto codec = *security::sps::Codec::make(with.parameters, with.keys);
  return codec.decode_command(ByteView(message.user_data).subspan(3)).value().counter;
}

TEST(GatewayPackets, TheVectorLeavesOnlyWhenItsCounterIsReserved) {
  Pair pair = secured();
  pair.server.send(kDevice, Kind::SmsPacket, hex(kTrigger));
  EXPECT_TRUE(pair.server.submissions().empty());
  const auto save = pair.server.gateway->poll_save();
  ASSERT_TRUE(save);
  EXPECT_EQ(save->key, 1u);
  EXPECT_EQ(save->counters, (Counters{65, 0})) << "the one that waits, and 64 more";
  EXPECT_TRUE(pair.server.submissions().empty());
  EXPECT_FALSE(pair.server.gateway->poll_save()) << "once";
  pair.server.gateway->saved(pair.server.now, 2);
  EXPECT_TRUE(pair.server.submissions().empty()) << "another key";
  pair.server.gateway->saved(pair.server.now, 1);
  const auto sent = pair.server.submissions();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0], (ShortMessage{kDevice, kPidDefault, kDcs8Bit, true, hex(kFirstPacket)}));
}

TEST(GatewayPackets, ToASmartcardTheyAreForItsApplication) {
  Pair pair = secured();
  pair.server.known.peers[kDevice].packets->on_smartcard = true;
  pair.server.send(kDevice, Kind::SmsPacket, hex(kTrigger));
  pair.server.save();
  EXPECT_EQ(pair.server.submissions().at(0),
            (ShortMessage{kDevice, kPidUsimDataDownload, kDcs8BitClass2, true, hex(kFirstPacket)}));
}

TEST(GatewayPackets, TheVectorIsHandedOutOnlyWhenItsCounterIsOnDisk) {
  Pair pair = secured();
  pair.device.hear(kServer, {"", kPidDefault, kDcs8Bit, true, hex(kFirstPacket)});
  EXPECT_TRUE(pair.device.datagrams().empty());
  const auto save = pair.device.gateway->poll_save();
  ASSERT_TRUE(save);
  EXPECT_EQ(save->counters.received, 1u);
  EXPECT_TRUE(pair.device.datagrams().empty());
  pair.device.gateway->saved(pair.device.now, 1);
  EXPECT_EQ(pair.device.datagrams(), Texts{"packet:" + kTrigger});
  EXPECT_FALSE(pair.device.gateway->poll_save());
  EXPECT_TRUE(pair.device.submissions().empty()) << "nobody asked for a receipt";
}

TEST(GatewayPackets, OneReservationIsForManyAndTheNextWaitsAgain) {
  Pair pair = secured(0, {.reserve = 4});
  for (std::uint8_t i = 1; i <= 3; ++i) pair.server.send(kDevice, Kind::SmsPacket, coap(i));
  EXPECT_EQ(pair.server.save(), 1u);
  EXPECT_EQ(pair.server.known.disk[1].reserved, 7u) << "three that waited, and four more";
  EXPECT_EQ(pair.server.submissions().size(), 3u);
  for (std::uint8_t i = 4; i <= 9; ++i) pair.server.send(kDevice, Kind::SmsPacket, coap(i));
  EXPECT_EQ(pair.server.submissions().size(), 4u);
  EXPECT_EQ(pair.server.save(), 1u);
  const auto rest = pair.server.submissions();
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(counter_of(rest[0]), 8u);
  EXPECT_EQ(counter_of(rest[1]), 9u);
}

TEST(GatewayPackets, WhatCameMeanwhileIsSavedNextInItsOrder) {
  Pair pair = secured();
  for (std::uint8_t i = 1; i <= 4; ++i) pair.server.send(kDevice, Kind::SmsPacket, coap(i));
  pair.server.save();
  const auto sent = pair.server.submissions();
  pair.device.hear(kServer, sent[0]);
  const auto first = pair.device.gateway->poll_save();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->counters.received, 1u);
  pair.device.hear(kServer, sent[1]);
  pair.device.hear(kServer, sent[2]);
  EXPECT_FALSE(pair.device.gateway->poll_save()) << "one at a time";
  pair.device.gateway->saved(pair.device.now, 1);
  EXPECT_EQ(pair.device.datagrams(), Texts{name(1)}) << "the others aren't on disk";
  const auto second = pair.device.gateway->poll_save();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->counters.received, 3u);
  pair.device.hear(kServer, sent[3]);
  pair.device.gateway->saved(pair.device.now, 1);
  EXPECT_EQ(pair.device.datagrams(), (Texts{name(2), name(3)}));
  EXPECT_EQ(pair.device.save(), 1u);
  EXPECT_EQ(pair.device.datagrams(), Texts{name(4)});
}

TEST(GatewayPackets, ASaveOfWhatCameReservesForTheAnswer) {
  Pair pair = secured();
  pair.device.hear(kServer, {"", kPidDefault, kDcs8Bit, true, hex(kFirstPacket)});
  EXPECT_EQ(pair.device.save(), 1u);
  pair.device.send(kServer, Kind::SmsPacket, coap(1));
  EXPECT_EQ(pair.device.submissions().size(), 1u) << "without another one";
}

// ---- what has no effect

TEST(GatewayPackets, AReplayedPacketHasNoEffectAlsoBehindARestart) {
  Pair pair = secured(kSpi2Receipt);
  pair.server.send(kDevice, Kind::SmsPacket, coap(1));
  pair.server.send(kDevice, Kind::SmsPacket, coap(2));
  pair.server.save();
  const auto sent = pair.server.submissions();
  pair.device.hear(kServer, sent[1]);
  pair.device.hear(kServer, sent[1]);
  EXPECT_EQ(pair.device.counters().replayed, 1u) << "before it is on disk";
  pair.device.save();
  EXPECT_EQ(pair.device.datagrams(), Texts{name(2)});
  EXPECT_EQ(pair.device.submissions().size(), 1u) << "one receipt";
  for (int run = 0; run < 2; ++run) {
    for (const ShortMessage& message : sent) {
      pair.device.hear(kServer, message);
      EXPECT_TRUE(pair.device.is_quiet());
    }
    pair.device.start();
  }
  EXPECT_EQ(pair.device.known.disk[1].received, 2u);
}

TEST(GatewayPackets, AnAlteredPacketHasNoEffect) {
  Pair pair = secured();
  const Bytes good = hex(kFirstPacket);
  std::size_t unprotected = 0;
  for (std::size_t bit = 3 * 8; bit < good.size() * 8; ++bit) {
    ShortMessage message{"", kPidDefault, kDcs8Bit, true, good};
    message.user_data[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    pair.device.hear(kServer, message);
    EXPECT_TRUE(pair.device.is_quiet()) << bit;
    EXPECT_EQ(pair.device.counters().unprotected, ++unprotected);
  }
  for (std::size_t size = 3; size < good.size(); ++size) {
    pair.device.hear(kServer, {"", kPidDefault, kDcs8Bit, true,
                               Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))});
    EXPECT_TRUE(pair.device.is_quiet()) << size;
  }
  for (const std::string& note : pair.device.notes()) EXPECT_EQ(note.find("1011"), std::string::npos) << "no key";
  pair.device.hear(kServer, {"", kPidDefault, kDcs8Bit, true, good});
  pair.device.save();
  EXPECT_EQ(pair.device.datagrams(), Texts{"packet:" + kTrigger});
}

TEST(GatewayPackets, AReflectedPacketHasNoEffectAndTheAnswerStillComes) {
  Pair pair = secured(kSpi2Receipt);
  std::vector<ShortMessage> sent;
  for (std::uint8_t i = 0; i < 100; ++i) {
    pair.server.send(kDevice, Kind::SmsPacket, coap(i));
    pair.server.save();
    for (ShortMessage& message : pair.server.submissions()) sent.push_back(std::move(message));
  }
  ASSERT_EQ(sent.size(), 100u);
  for (const ShortMessage& message : sent) {
    pair.server.hear(kDevice, message);
    EXPECT_TRUE(pair.server.is_quiet());
  }
  EXPECT_EQ(pair.server.counters().reflected, 100u);
  pair.device.send(kServer, Kind::SmsPacket, coap(200));
  pair.device.save();
  pair.server.hear(kDevice, pair.device.submissions());
  pair.server.save();
  EXPECT_EQ(pair.server.datagrams(), Texts{name(200)}) << "with the same counter as one of ours";
}

TEST(GatewayPackets, AnAuthenticPacketWithoutCoapUsesItsCounterUp) {
  Pair pair = secured(kSpi2Receipt);
  const Peer::Packets with = vector_keys(kSpi2Receipt);
  auto codec = *security::sps::Codec::make(with.parameters, with.keys);
  Bytes user_data = hex("027000");
  const Bytes packet = codec.encode_command(5, hex("060140"))->bytes;
  user_data.insert(user_data.end(), packet.begin(), packet.end());
  const ShortMessage message{"", kPidDefault, kDcs8Bit, true, user_data};
  pair.device.hear(kServer, message);
  EXPECT_EQ(pair.device.counters().malformed, 1u);
  EXPECT_EQ(pair.device.save(), 1u);
  EXPECT_TRUE(pair.device.is_quiet()) << "and no receipt";
  EXPECT_EQ(pair.device.known.disk[1].received, 5u);
}

// ---- proofs of receipt

TEST(GatewayPackets, AReceiptFollowsACorrectPacketAndIsCountedOnce) {
  Pair pair = secured(kSpi2Receipt);
  pair.server.known.disk[1].reserved = 0x0102030404;
  pair.server.send(kDevice, Kind::SmsPacket, hex(kTrigger));
  pair.server.save();
  const auto sent = pair.server.submissions();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(to_hex(sent[0].user_data), kReceiptedPacket);
  pair.device.hear(kServer, sent);
  EXPECT_TRUE(pair.device.submissions().empty()) << "not before its counter is on disk";
  pair.device.save();
  const auto receipts = pair.device.submissions();
  ASSERT_EQ(receipts.size(), 1u);
  EXPECT_EQ(receipts[0], (ShortMessage{kServer, kPidDefault, kDcs8Bit, true, hex(kReceipt)}));
  EXPECT_EQ(pair.device.counters().messages_out, 0u) << "no message of CoAP";

  pair.device.hear(kServer, receipts);
  EXPECT_EQ(pair.device.counters().reflected, 1u);
  for (int times = 0; times < 3; ++times) pair.server.hear(kDevice, receipts);
  EXPECT_EQ(pair.server.counters().receipts, 1u);
  EXPECT_EQ(pair.server.counters().replayed, 2u);
  EXPECT_EQ(pair.server.notes(), Texts{kDevice + ": proof of receipt of packet 4328719365: done"});
  EXPECT_TRUE(pair.server.is_quiet());
}

TEST(GatewayPackets, AReceiptThatNobodyAskedForOrThatIsAlteredIsDropped) {
  Pair plain = secured();
  plain.server.hear(kDevice, {"", kPidDefault, kDcs8Bit, true, hex(kReceipt)});
  EXPECT_TRUE(plain.server.is_quiet());
  EXPECT_EQ(plain.server.counters().unprotected, 1u);
  Pair pair = secured(kSpi2Receipt);
  pair.server.known.disk[1].reserved = 0x0102030404;
  pair.server.send(kDevice, Kind::SmsPacket, hex(kTrigger));
  pair.server.save();
  pair.server.submissions();
  Bytes altered = hex(kReceipt);
  altered.back() ^= 1;
  pair.server.hear(kDevice, {"", kPidDefault, kDcs8Bit, true, altered});
  EXPECT_EQ(pair.server.counters().unprotected, 1u);
  EXPECT_EQ(pair.server.counters().receipts, 0u);
  EXPECT_TRUE(pair.server.is_quiet());
}

// ---- segments

TEST(GatewayPackets, ALongMessageSurvivesReorderingAndDuplicates) {
  Pair pair = secured();
  for (const std::size_t size : {96u, 97u, 239u, 240u, 494u}) {
    pair.server.send(kDevice, Kind::SmsPacket, coap(1, size));
    pair.server.save();
    const auto sent = pair.server.submissions();
    EXPECT_EQ(sent.size(), size <= 96 ? 1u : size <= 239 ? 2u : size <= 366 ? 3u : 4u);
    auto mixed = sent;
    mixed.insert(mixed.end(), sent.rbegin(), sent.rend());
    std::reverse(mixed.begin(), mixed.end());
    std::rotate(mixed.begin(), mixed.begin() + 1, mixed.end());
    pair.device.hear(kServer, mixed);
    pair.device.save();
    EXPECT_EQ(pair.device.datagrams(), Texts{name(1, size)});
  }
  pair.server.send(kDevice, Kind::SmsPacket, coap(1, 495));
  EXPECT_TRUE(pair.server.is_quiet());
  EXPECT_EQ(pair.server.counters().too_large, 1u);
}

TEST(GatewayPackets, ALostSegmentLosesItsMessageAlone) {
  Pair pair = secured();
  pair.server.send(kDevice, Kind::SmsPacket, coap(1, 200));
  pair.server.send(kDevice, Kind::SmsPacket, coap(2, 200));
  pair.server.save();
  auto sent = pair.server.submissions();
  ASSERT_EQ(sent.size(), 4u);
  sent.erase(sent.begin() + 1);
  pair.device.hear(kServer, sent);
  pair.device.save();
  EXPECT_EQ(pair.device.datagrams(), Texts{name(2, 200)});
  pair.device.now += std::chrono::minutes(10);
  pair.device.gateway->handle_timeout(pair.device.now);
  EXPECT_EQ(pair.device.counters().reassembly_timeouts, 1u);
}

// ---- restarts

TEST(GatewayPackets, ARestartBetweenReservationAndSaveUsesNoCounterTwice) {
  Pair pair = secured(0, {.reserve = 8});
  std::set<std::uint64_t> used;
  SplitMix chance(7);
  std::uint64_t on_disk = 0;
  for (int run = 0; run < 300; ++run) {
    for (std::uint64_t i = chance.below(20); i > 0; --i) {
      pair.server.send(kDevice, Kind::SmsPacket, coap(static_cast<std::uint8_t>(i)));
      switch (chance.below(4)) {
        case 0: pair.server.save(); break;
        case 1: pair.server.poll_saves(); break;  // handed over, and not on disk yet
        case 2:                                   // on disk, and the gateway doesn't know
          pair.server.poll_saves();
          for (const SaveCounters& save : pair.server.to_save) pair.server.known.disk[save.key] = save.counters;
          break;
        default: break;
      }
      EXPECT_GE(pair.server.known.disk[1].reserved, on_disk) << "counters never go back";
      on_disk = pair.server.known.disk[1].reserved;
      for (const ShortMessage& message : pair.server.submissions()) {
        const std::uint64_t counter = counter_of(message);
        EXPECT_TRUE(used.insert(counter).second) << counter;
        EXPECT_LE(counter, on_disk) << "left before its reservation";
      }
    }
    pair.server.start();
  }
  EXPECT_GT(used.size(), 100u);
}

TEST(GatewayPackets, ARestartBetweenPacketAndSaveTakesItOnce) {
  Pair pair = secured();
  pair.device.hear(kServer, {"", kPidDefault, kDcs8Bit, true, hex(kFirstPacket)});
  pair.device.poll_saves();
  pair.device.start();
  pair.device.hear(kServer, {"", kPidDefault, kDcs8Bit, true, hex(kFirstPacket)});
  pair.device.save();
  EXPECT_EQ(pair.device.datagrams(), Texts{"packet:" + kTrigger}) << "it wasn't handed out before";
  pair.device.start();
  pair.device.hear(kServer, {"", kPidDefault, kDcs8Bit, true, hex(kFirstPacket)});
  EXPECT_TRUE(pair.device.is_quiet());
}

// ---- limits

TEST(GatewayPackets, AKeyWhoseCountersAreUsedUpSendsNothingMore) {
  Pair pair = secured();
  pair.server.known.disk[1].reserved = kCounterBlocked - 3;
  for (std::uint8_t i = 0; i < 5; ++i) pair.server.send(kDevice, Kind::SmsPacket, coap(i));
  pair.server.save();
  const auto sent = pair.server.submissions();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(counter_of(sent[1]), kCounterBlocked - 1);
  EXPECT_EQ(pair.server.known.disk[1].reserved, kCounterBlocked - 1);
  EXPECT_EQ(pair.server.counters().unsent, 3u);
  EXPECT_EQ(pair.server.notes().at(0), kDevice + ": not sent: the counter of this key is used up");
  pair.device.hear(kServer, sent);
  pair.device.save();
  EXPECT_EQ(pair.device.datagrams().size(), 2u);
  pair.server.start();
  pair.server.send(kDevice, Kind::SmsPacket, coap(9));
  EXPECT_TRUE(pair.server.is_quiet()) << "also behind a restart";
}

TEST(GatewayPackets, OnlySoManyWaitForTheDisk) {
  Pair pair = secured(0, {.unsaved_max = 3});
  for (std::uint8_t i = 0; i < 5; ++i) pair.server.send(kDevice, Kind::SmsPacket, coap(i));
  EXPECT_EQ(pair.server.counters().unsaved, 2u);
  pair.server.save();
  const auto sent = pair.server.submissions();
  EXPECT_EQ(sent.size(), 3u);
  for (std::uint8_t i = 5; i < 10; ++i) pair.server.send(kDevice, Kind::SmsPacket, coap(i));
  const auto more = pair.server.submissions();
  EXPECT_EQ(more.size(), 5u) << "reserved ones don't wait";
  pair.device.hear(kServer, sent);
  pair.device.hear(kServer, more[0]);
  EXPECT_EQ(pair.device.counters().unsaved, 1u);
  pair.device.save();
  EXPECT_EQ(pair.device.datagrams().size(), 3u);
  pair.device.hear(kServer, more[0]);
  pair.device.save();
  EXPECT_EQ(pair.device.datagrams(), Texts{name(5)}) << "what was dropped had its counter left";
}

TEST(GatewayPackets, AKeyThatIsTakenAwayMeanwhileIsntHeard) {
  Pair pair = secured();
  pair.device.hear(kServer, {"", kPidDefault, kDcs8Bit, true, hex(kFirstPacket)});
  pair.device.known.peers[kServer].packets->key = 2;
  pair.device.save();
  EXPECT_TRUE(pair.device.datagrams().empty());
  EXPECT_EQ(pair.device.counters().strangers, 1u);
}

TEST(GatewayPackets, ManyKeysHaveTheirOwnCountersAskedForOnce) {
  constexpr std::uint64_t kKeys = GatewayPackets::kCodecsMax + 50;
  Side side(kServer);
  for (std::uint64_t key = 1; key <= kKeys; ++key) {
    Peer peer;
    peer.packets = vector_keys();
    peer.packets->key = key;
    side.known.peers[std::to_string(49170000 + key)] = peer;
    side.known.disk[key].reserved = key;
  }
  for (std::uint64_t round = 1; round <= 2; ++round) {
    for (const auto& [number, peer] : side.known.peers) {
      side.send(number, Kind::SmsPacket, coap(1));
      side.save();
      const auto sent = side.submissions();
      ASSERT_EQ(sent.size(), 1u);
      ASSERT_EQ(counter_of(sent[0]), peer.packets->key + round);
    }
  }
  EXPECT_EQ(side.known.asked, kKeys);
}

// ---- a network that loses, repeats and reorders, with restarts of both sides

struct InTheAir {
  ShortMessage message;
  int process = 0;  ///< of the server that sent it
};

/// Takes a message out, often not the oldest, and sometimes alters it.
InTheAir take(std::vector<InTheAir>& air, SplitMix& chance) {
  const std::uint64_t which = chance.below(2) == 0 ? 0 : chance.below(static_cast<std::uint32_t>(air.size()));
  const auto place = air.begin() + static_cast<std::ptrdiff_t>(which);
  InTheAir taken = std::move(*place);
  air.erase(place);
  Bytes& octets = taken.message.user_data;
  if (chance.below(20) == 0) octets[chance.below(static_cast<std::uint32_t>(octets.size()))] ^= 4;
  return taken;
}

TEST(GatewayPackets, WhateverTheNetworkDoesEachMessageComesAtMostOnceAndInOrder) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SplitMix chance(seed);
    Pair pair = secured(seed % 2 == 0 ? kSpi2Receipt : 0, {.reserve = 4});
    std::vector<InTheAir> air;
    std::uint32_t sent = 0, last = 0, came = 0;
    int process = 0;
    for (int step = 0; step < 400; ++step) {
      if (chance.below(3) == 0) {
        ByteWriter writer;
        writer.bytes(coap(0));
        writer.uint(++sent, 4);
        writer.bytes(Bytes(chance.below(300)));
        pair.server.send(kDevice, Kind::SmsPacket, writer.take());
      }
      if (chance.below(2) == 0) pair.server.save();
      if (chance.below(60) == 0) pair.server.start(), ++process;
      if (chance.below(60) == 0) pair.device.start();
      for (const ShortMessage& message : pair.server.submissions()) {
        const std::uint64_t copies = chance.below(10) == 0 ? 0 : 1 + chance.below(2);
        air.insert(air.end(), copies, {message, process});
      }
      for (std::uint64_t n = chance.below(3); n > 0 && !air.empty(); --n) {
        const InTheAir taken = take(air, chance);
        if (taken.process == process && chance.below(10) == 0) pair.server.hear(kDevice, taken.message);  // reflected
        pair.device.hear(kServer, taken.message);
      }
      if (chance.below(2) == 0) pair.device.save();
      while (const auto datagram = pair.device.gateway->poll_datagram()) {
        const auto number = static_cast<std::uint32_t>(*ByteReader(ByteView(datagram->bytes).subspan(5)).uint(4));
        ASSERT_GT(number, last) << "twice, or out of order";
        ASSERT_LE(number, sent);
        last = number;
        ++came;
      }
      ASSERT_TRUE(pair.server.datagrams().empty()) << "the device has sent nothing";
    }
    EXPECT_GT(came, 10u) << seed;
  }
}

}  // namespace
}  // namespace drover::sms
