// SPDX-License-Identifier: Apache-2.0
// RFC 7252 §4.2, §4.3, §4.7 from the side that sends.
#include "coap/reliability/test_peer.hpp"

namespace drover::coap {
namespace {

using namespace testing;

constexpr std::uint64_t kShortest = 0;
constexpr std::uint64_t kLongest = ~std::uint64_t{0};

/// Sends one CON that nobody answers: the times of its transmissions and of giving up.
std::vector<std::int64_t> times_without_answer(TestPeer& peer) {
  std::vector<std::int64_t> milliseconds_after;
  const Instant start = peer.now;
  const TransmissionId id = peer.layer.send(start, address(1), request(code::kGet));
  const std::string first = peer.sent();
  EXPECT_FALSE(first.empty());
  while (peer.layer.deadline()) {
    const Duration after = peer.until(Reason::Retransmit, start);
    milliseconds_after.push_back(std::chrono::duration_cast<milliseconds>(after).count());
    EXPECT_EQ(after % milliseconds(1), Duration(0));
    const std::string again = peer.sent();
    if (again.empty()) break;
    EXPECT_EQ(again, first);
  }
  EXPECT_EQ(peer.event<GaveUp>().transmission, id);
  EXPECT_TRUE(peer.quiet());
  EXPECT_FALSE(peer.layer.deadline().has_value());
  return milliseconds_after;
}

TEST(Rfc7252Section4_2, FiveTransmissionsBackOffFromTheShortestTimeout) {
  TestPeer peer({}, kShortest);
  EXPECT_EQ(times_without_answer(peer), (std::vector<std::int64_t>{2000, 6000, 14000, 30000, 62000}));
  EXPECT_EQ(peer.layer.counters().retransmissions, 4U);
  EXPECT_EQ(peer.layer.counters().timeouts, 1U);
  EXPECT_EQ(peer.layer.counters().datagrams_out, 5U);
}

TEST(Rfc7252Section4_2, FiveTransmissionsBackOffFromTheLongestTimeout) {
  TestPeer peer({}, kLongest);
  // MAX_TRANSMIT_SPAN 45 s and MAX_TRANSMIT_WAIT 93 s of §4.8.2.
  EXPECT_EQ(times_without_answer(peer), (std::vector<std::int64_t>{3000, 9000, 21000, 45000, 93000}));
}

TEST(Rfc7252Section4_2, TransmissionParametersAreConfiguration) {
  Parameters parameters;
  parameters.ack_timeout = seconds(10);
  parameters.ack_random_permille = 1000;
  parameters.max_retransmit = 1;
  TestPeer peer(parameters, kLongest);
  EXPECT_EQ(times_without_answer(peer), (std::vector<std::int64_t>{10000, 30000}));
}

TEST(Rfc7252Section4_2, WithoutRetransmissionsItGivesUpAfterTheFirstTimeout) {
  Parameters parameters;
  parameters.max_retransmit = 0;
  TestPeer peer(parameters, kShortest);
  EXPECT_EQ(times_without_answer(peer), (std::vector<std::int64_t>{2000}));
}

TEST(Rfc7252Section4_2, ADriverThatWakesLateDoesNotSendTwiceAtOnce) {
  TestPeer peer;
  peer.layer.send(peer.now, address(1), request(code::kGet));
  const std::string first = peer.sent();
  peer.pass(seconds(60));
  EXPECT_EQ(peer.sent(), first);
  EXPECT_EQ(peer.until(Reason::Retransmit, peer.now), seconds(4));
}

TEST(Rfc7252Section2_1, ReliableMessageIsAcknowledged) {
  // Figure 2 of §2.1: CON and an ACK with its id. No repetition afterwards.
  TestPeer peer;
  const auto id = peer.layer.send(peer.now, address(1), request(code::kPost));
  EXPECT_EQ(peer.sent(), hex("41 02 00 00 't'"));
  EXPECT_EQ(peer.last_to, address(1));
  peer.receive("60 00 00 00");
  EXPECT_EQ(peer.event<Acknowledged>().transmission, id);
  EXPECT_FALSE(peer.layer.deadline().has_value());
  peer.pass(seconds(100));
  EXPECT_TRUE(peer.quiet());
}

TEST(Rfc7252Section5_2_1, PiggybackedResponseAcknowledgesAndAnswers) {
  TestPeer peer;
  const auto id = peer.layer.send(peer.now, address(1), request(code::kGet));
  peer.sent();
  peer.receive("61 45 00 00 't' ff '22.5 C'");
  const auto reply = peer.event<ReplyArrived>();
  EXPECT_EQ(reply.transmission, id);
  EXPECT_EQ(reply.peer, address(1));
  EXPECT_EQ(as_text(reply.message.payload), "22.5 C");
  EXPECT_FALSE(peer.layer.deadline().has_value());
  // The same once more answers nothing that we still wait for.
  peer.receive("61 45 00 00 't' ff '22.5 C'");
  EXPECT_TRUE(peer.quiet());
  EXPECT_EQ(peer.layer.counters().unmatched, 1U);
}

TEST(Rfc7252Section4_2, AcknowledgementAfterARepetitionStopsTheRepetitions) {
  TestPeer peer;
  const auto id = peer.layer.send(peer.now, address(1), request(code::kGet));
  peer.until(Reason::Retransmit, peer.now);
  peer.sent();
  peer.receive("60 00 00 00");
  EXPECT_EQ(peer.event<Acknowledged>().transmission, id);
  EXPECT_FALSE(peer.layer.deadline().has_value());
}

TEST(Rfc7252Section4_2, ResetOfAConfirmableMessageRejectsIt) {
  TestPeer peer;
  const auto id = peer.layer.send(peer.now, address(1), request(code::kGet));
  peer.sent();
  peer.receive("70 00 00 00");
  EXPECT_EQ(peer.event<Rejected>().transmission, id);
  EXPECT_FALSE(peer.layer.deadline().has_value());
}

TEST(Rfc7252Section4_3, ResetOfANonConfirmableMessageRejectsIt) {
  TestPeer peer;
  const auto first = peer.layer.send(peer.now, address(1), request(code::kPost, Type::NonConfirmable));
  const auto second = peer.layer.send(peer.now, address(1), request(code::kPost, Type::NonConfirmable));
  EXPECT_EQ(peer.sent(), hex("51 02 00 00 't'") + " " + hex("51 02 00 01 't'"));
  peer.receive("70 00 00 01");
  EXPECT_EQ(peer.event<Rejected>().transmission, second);
  peer.receive("70 00 00 01");
  EXPECT_TRUE(peer.quiet());
  peer.receive("70 00 00 00");
  EXPECT_EQ(peer.event<Rejected>().transmission, first);
  EXPECT_EQ(peer.layer.counters().unmatched, 1U);
}

TEST(Rfc7252Section4_3, ResetOfANonConfirmableMessageCountsForNonLifetimeOnly) {
  TestPeer peer;
  const auto id = peer.layer.send(peer.now, address(1), request(code::kPost, Type::NonConfirmable));
  peer.layer.send(peer.now, address(2), request(code::kPost, Type::NonConfirmable));
  peer.sent();
  peer.now += seconds(145);  // §4.8.2: NON_LIFETIME
  peer.receive("70 00 00 00");
  EXPECT_EQ(peer.event<Rejected>().transmission, id);
  peer.now += milliseconds(1);
  peer.receive("70 00 00 00", address(2));
  EXPECT_TRUE(peer.quiet());
}

TEST(Rfc7252Section4_3, NonConfirmableMessageIsSentOnceAndNeverRepeated) {
  TestPeer peer;
  peer.layer.send(peer.now, address(1), request(code::kPost, Type::NonConfirmable));
  EXPECT_FALSE(peer.sent().empty());
  EXPECT_EQ(peer.until(Reason::Forget, peer.now), seconds(146));
  EXPECT_TRUE(peer.quiet());
  EXPECT_FALSE(peer.layer.deadline().has_value());
}

TEST(Reliability, TheNonConfirmableMessagesThatAResetMayNameAreBounded) {
  TestPeer peer;
  const auto first = peer.layer.send(peer.now, address(1), request(code::kPost, Type::NonConfirmable));
  EXPECT_EQ(peer.sent(), hex("51 02 00 00 't'"));
  for (int i = 0; i < 0xFFFF; ++i) peer.layer.send(peer.now, address(1), request(code::kPost, Type::NonConfirmable));
  peer.sent();
  peer.receive("70 00 00 00");
  EXPECT_EQ(peer.event<Rejected>().transmission, first);
  peer.layer.send(peer.now, address(1), request(code::kPost, Type::NonConfirmable));  // id 0 again
  EXPECT_EQ(peer.sent(), hex("51 02 00 00 't'"));
  for (int i = 0; i < 0xFFFF; ++i) peer.layer.send(peer.now, address(2), request(code::kPost, Type::NonConfirmable));
  peer.sent();
  peer.receive("70 00 00 01");
  EXPECT_TRUE(peer.quiet());
  peer.receive("70 00 00 00");
  EXPECT_TRUE(std::holds_alternative<Rejected>(*peer.layer.poll_event()));
}

TEST(Rfc7252Section4_4, AcknowledgementFromAnotherAddressIsIgnored) {
  TestPeer peer;
  const auto id = peer.layer.send(peer.now, address(1), request(code::kGet));
  peer.sent();
  peer.receive("60 00 00 00", address(2));
  peer.receive("60 00 00 00", address(1, 5684));
  peer.receive("61 45 00 00 't' ff '1'", address(2));
  peer.receive("70 00 00 00", address(2));
  EXPECT_TRUE(peer.quiet());
  EXPECT_EQ(peer.layer.counters().unmatched, 4U);
  peer.receive("60 00 00 00");
  EXPECT_EQ(peer.event<Acknowledged>().transmission, id);
}

TEST(Rfc7252Section4_4, AcknowledgementWithAnotherIdIsIgnored) {
  TestPeer peer;
  peer.layer.send(peer.now, address(1), request(code::kGet));
  peer.sent();
  peer.receive("60 00 00 01");
  EXPECT_TRUE(peer.quiet());
  EXPECT_EQ(peer.layer.counters().unmatched, 1U);
  EXPECT_TRUE(peer.layer.deadline().has_value());
}

TEST(Rfc7252Section4_2, AcknowledgementThatCarriesARequestIsIgnored) {
  TestPeer peer;
  peer.layer.send(peer.now, address(1), request(code::kGet));
  peer.sent();
  peer.receive("60 01 00 00");
  peer.receive("60 20 00 00");      // reserved class 1
  peer.receive("61 00 00 00 't'");  // empty, but not
  EXPECT_TRUE(peer.quiet());
  EXPECT_EQ(peer.layer.counters().malformed, 3U);
  EXPECT_TRUE(peer.layer.deadline().has_value());
}

TEST(Rfc7252Section4_2, ResetThatIsNotEmptyIsIgnored) {
  TestPeer peer;
  peer.layer.send(peer.now, address(1), request(code::kGet));
  peer.sent();
  peer.receive("70 45 00 00");
  EXPECT_TRUE(peer.quiet());
  EXPECT_EQ(peer.layer.counters().malformed, 1U);
  EXPECT_TRUE(peer.layer.deadline().has_value());
}

TEST(Rfc7252Section4_4, MessageIdsWrapAround) {
  TestPeer peer({}, kLongest);
  peer.layer.send(peer.now, address(1), request(code::kPost, Type::NonConfirmable));
  peer.layer.send(peer.now, address(1), request(code::kPost, Type::NonConfirmable));
  EXPECT_EQ(peer.sent(), hex("51 02 ff ff 't'") + " " + hex("51 02 00 00 't'"));
}

TEST(Rfc7252Section4_4, AnIdThatIsUnderWayIsNotGivenAgain) {
  Parameters parameters;
  parameters.nstart = 2;
  TestPeer peer(parameters);
  peer.layer.send(peer.now, address(1), request(code::kGet));
  for (int i = 0; i < 0xFFFF; ++i) peer.layer.send(peer.now, address(1), request(code::kPost, Type::NonConfirmable));
  peer.sent();
  peer.layer.send(peer.now, address(1), request(code::kGet));
  EXPECT_EQ(peer.sent(), hex("41 01 00 01 't'"));
}

TEST(SmsBinding, BusyNeighboursOnTheNetworkDontBringAnIdBack) {
  // Each of the 4096 counters of the network gives some of these.
  SplitMix rng(1);
  Reliability layer({}, rng);
  const auto id_of = [&](const transport::PeerAddress& peer) {
    layer.send(Instant{}, peer, request(code::kPost, Type::NonConfirmable));
    std::optional<transport::Transmit> sent = layer.poll_transmit();
    return sent->bytes[2] << 8 | sent->bytes[3];
  };
  const auto sms = *transport::PeerAddress::sms("4917012345");
  const int first = id_of(sms);
  for (std::uint32_t host = 0; host < 50000; ++host) id_of(address(host));
  EXPECT_EQ(id_of(sms), (first + 1) & 0xFFFF);
}

TEST(Rfc7252Section4_7, WithNstartOneTheSecondMessageWaitsForTheFirst) {
  TestPeer peer;
  const auto first = peer.layer.send(peer.now, address(1), request(code::kGet));
  const auto second = peer.layer.send(peer.now, address(1), request(code::kPut));
  const auto third = peer.layer.send(peer.now, address(1), request(code::kPost));
  peer.layer.send(peer.now, address(2), request(code::kDelete));
  // The other peer doesn't wait. The ids are given when a message goes out.
  const std::string sent = peer.sent();
  EXPECT_EQ(sent.substr(0, 10), hex("41 01 00 00 't'"));
  EXPECT_EQ(sent.substr(11, 4), "4104");
  EXPECT_EQ(sent.size(), 21U);
  peer.receive("60 00 00 00");
  EXPECT_EQ(peer.event<Acknowledged>().transmission, first);
  const std::string next = peer.sent();
  EXPECT_EQ(next.substr(0, 4), "4103");
  EXPECT_EQ(next.size(), 10U);
  peer.receive("7000" + next.substr(4, 4));  // both peers may share a counter
  EXPECT_EQ(peer.event<Rejected>().transmission, second);
  EXPECT_EQ(peer.sent().substr(0, 4), "4102");
  peer.layer.forget_peer(address(2));
  while (peer.layer.deadline()) peer.until(Reason::Retransmit, peer.now);
  EXPECT_EQ(peer.event<GaveUp>().transmission, third);
}

TEST(Rfc7252Section4_7, WithNstartTwoTwoMessagesAreUnderWay) {
  Parameters parameters;
  parameters.nstart = 2;
  TestPeer peer(parameters);
  peer.layer.send(peer.now, address(1), request(code::kGet));
  const auto second = peer.layer.send(peer.now, address(1), request(code::kPut));
  const auto third = peer.layer.send(peer.now, address(1), request(code::kPost));
  EXPECT_EQ(peer.sent(), hex("41 01 00 00 't'") + " " + hex("41 03 00 01 't'"));
  peer.receive("60 00 00 01");
  EXPECT_EQ(peer.event<Acknowledged>().transmission, second);
  EXPECT_EQ(peer.sent(), hex("41 02 00 02 't'"));
  peer.receive("60 00 00 02");
  EXPECT_EQ(peer.event<Acknowledged>().transmission, third);
}

TEST(Rfc7252Section4_7, AMessageThatIsGivenUpMakesRoomForTheNext) {
  Parameters parameters;
  parameters.max_retransmit = 0;
  TestPeer peer(parameters);
  const auto first = peer.layer.send(peer.now, address(1), request(code::kGet));
  peer.layer.send(peer.now, address(1), request(code::kPut));
  peer.sent();
  peer.until(Reason::Retransmit, peer.now);
  EXPECT_EQ(peer.event<GaveUp>().transmission, first);
  EXPECT_EQ(peer.sent(), hex("41 03 00 01 't'"));
  EXPECT_EQ(peer.until(Reason::Retransmit, peer.now), seconds(2));
}

TEST(Reliability, CancelStopsTheRepetitionsAndLetsTheNextMessageGo) {
  TestPeer peer;
  const auto first = peer.layer.send(peer.now, address(1), request(code::kGet));
  const auto second = peer.layer.send(peer.now, address(1), request(code::kPut));
  const auto third = peer.layer.send(peer.now, address(1), request(code::kPost));
  peer.sent();
  peer.layer.cancel(second);  // waits
  EXPECT_TRUE(peer.quiet());
  peer.layer.cancel(first);  // is under way
  peer.layer.cancel(first);  // and isn't any more
  EXPECT_EQ(peer.until(Reason::Retransmit, peer.now), seconds(0));
  EXPECT_EQ(peer.sent(), hex("41 02 00 01 't'"));
  peer.receive("60 00 00 00");
  EXPECT_TRUE(peer.quiet());
  peer.receive("60 00 00 01");
  EXPECT_EQ(peer.event<Acknowledged>().transmission, third);
  EXPECT_TRUE(peer.quiet());
}

TEST(Reliability, WhatStartsAfterACancelIsTimedFromItsOwnStart) {
  TestPeer peer;
  const auto first = peer.layer.send(peer.now, address(1), request(code::kGet));
  peer.layer.send(peer.now, address(1), request(code::kPut));
  peer.layer.cancel(first);
  peer.sent();
  peer.pass(seconds(1));
  EXPECT_EQ(peer.sent(), hex("41 03 00 01 't'"));
  EXPECT_EQ(peer.until(Reason::Retransmit, peer.now), seconds(2));
}

TEST(Reliability, CancelOfANonConfirmableMessageMakesItsResetUnmatched) {
  TestPeer peer;
  const auto id = peer.layer.send(peer.now, address(1), request(code::kPost, Type::NonConfirmable));
  peer.sent();
  peer.layer.cancel(id);
  peer.layer.cancel(id);
  peer.receive("70 00 00 00");
  EXPECT_TRUE(peer.quiet());
  EXPECT_EQ(peer.layer.counters().unmatched, 1U);
  EXPECT_FALSE(peer.layer.deadline().has_value());
}

TEST(Reliability, WhatWaitsForOnePeerIsBounded) {
  Parameters parameters;
  parameters.requests_max_per_peer = 2;
  parameters.observations_max_per_peer = 1;
  parameters.deduplication_max_per_peer = 1;
  TestPeer peer(parameters);
  for (int i = 0; i < 5; ++i) peer.layer.send(peer.now, address(1), request(code::kGet));
  EXPECT_FALSE(peer.layer.poll_event().has_value());
  const auto refused = peer.layer.send(peer.now, address(1), request(code::kGet));
  EXPECT_EQ(peer.event<GaveUp>().transmission, refused);
  EXPECT_EQ(peer.layer.counters().refused, 1U);
  peer.layer.send(peer.now, address(2), request(code::kGet));
  EXPECT_FALSE(peer.layer.poll_event().has_value());
}

TEST(Reliability, ForgetPeerDropsWhatWaitsForItAndLeavesOthersAlone) {
  TestPeer peer;
  peer.layer.send(peer.now, address(1), request(code::kGet));
  peer.layer.send(peer.now, address(1), request(code::kPut));
  const auto other = peer.layer.send(peer.now, address(2), request(code::kGet));
  const std::string sent = peer.sent();
  peer.layer.forget_peer(address(1));
  EXPECT_TRUE(peer.quiet());
  peer.receive("60 00 00 00");
  EXPECT_TRUE(peer.quiet());
  peer.receive("6000" + sent.substr(15, 4), address(2));
  EXPECT_EQ(peer.event<Acknowledged>().transmission, other);
  EXPECT_FALSE(peer.layer.deadline().has_value());
}

TEST(Rfc7252Section4_3, OurPingIsAnsweredWithReset) {
  TestPeer peer;
  const auto id = peer.layer.send(peer.now, address(1), Message{});
  EXPECT_EQ(peer.sent(), hex("40 00 00 00"));
  peer.receive("70 00 00 00");
  EXPECT_EQ(peer.event<Rejected>().transmission, id);
}

TEST(Reliability, TransmissionIdsAreNotReused) {
  TestPeer peer;
  std::vector<TransmissionId> names;
  for (int i = 0; i < 100; ++i) {
    const Type type = i % 3 == 0 ? Type::NonConfirmable : Type::Confirmable;
    names.push_back(peer.layer.send(peer.now, address(1), request(code::kGet, type)));
    peer.layer.cancel(names.back());
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(Reliability, TheSameSeedAndInputsGiveTheSameDatagrams) {
  const auto run = [](std::uint64_t seed) {
    SplitMix rng(seed);
    SplitMix script(7);
    Reliability layer({}, rng);
    Instant now{};
    std::string sent;
    for (int i = 0; i < 300; ++i) {
      layer.send(now, address(static_cast<std::uint32_t>(script.below(20))), request(code::kGet));
      now += milliseconds(script.below(500));
      layer.handle_timeout(now);
      while (const auto transmit = layer.poll_transmit()) sent += transmit->to.to_string() + to_hex(transmit->bytes);
    }
    return sent;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

}  // namespace
}  // namespace drover::coap
