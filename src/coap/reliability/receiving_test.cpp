// SPDX-License-Identifier: Apache-2.0
// RFC 7252 §4.2, §4.3, §4.5 and §5.2 from the side that receives.
#include "coap/reliability/test_peer.hpp"

namespace drover::coap {
namespace {

using namespace testing;

// Figure 16 of RFC 7252, appendix A: GET coap://server/temperature
constexpr const char* kGetTemperature = "40 01 7d 34 bb 'temperature'";
constexpr const char* kTemperature = "60 45 7d 34 ff '22.3 C'";

TEST(Rfc7252AppendixA, Figure16PiggybackedResponse) {
  TestPeer peer;
  peer.receive(kGetTemperature);
  const auto arrived = peer.event<MessageArrived>();
  EXPECT_EQ(arrived.peer, address(1));
  EXPECT_EQ(arrived.message.code, code::kGet);
  EXPECT_EQ(arrived.message.id.value, 0x7d34);
  EXPECT_EQ(arrived.message.options.uri_path(), "/temperature");
  EXPECT_FALSE(peer.layer.reply(peer.now, arrived.peer, arrived.message.id, response("22.3 C")).has_value());
  EXPECT_EQ(peer.sent(), hex(kTemperature));
  EXPECT_EQ(peer.last_to, address(1));
  EXPECT_STREQ(to_string(peer.layer.deadline()->reason), to_string(Reason::Forget));
}

TEST(Rfc7252AppendixA, Figure18LostAcknowledgementIsSentAgainWithTheSameBytes) {
  TestPeer peer;
  peer.receive(kGetTemperature);
  peer.event<MessageArrived>();
  peer.layer.reply(peer.now, address(1), MessageId{0x7d34}, response("22.3 C"));
  peer.sent();
  peer.pass(seconds(2));
  peer.receive(kGetTemperature);
  EXPECT_EQ(peer.sent(), hex(kTemperature));
  EXPECT_TRUE(peer.quiet());
  EXPECT_EQ(peer.layer.counters().duplicates, 1U);
}

TEST(Rfc7252AppendixA, Figure20SeparateResponse) {
  Parameters parameters;
  TestPeer peer(parameters);
  peer.receive("41 01 7d 38 53 bb 'temperature'");
  peer.event<MessageArrived>();
  EXPECT_TRUE(peer.quiet());
  EXPECT_EQ(peer.until(Reason::Acknowledge, peer.now), seconds(1));
  EXPECT_EQ(peer.sent(), hex("60 00 7d 38"));
  peer.pass(seconds(5));
  EXPECT_TRUE(peer.quiet());
  const auto id = peer.layer.reply(peer.now, address(1), MessageId{0x7d38}, response("22.3 C", "\x53"));
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(peer.sent(), hex("41 45 00 00 53 ff '22.3 C'"));
  // It is repeated like every CON.
  EXPECT_EQ(peer.until(Reason::Retransmit, peer.now), seconds(2));
  EXPECT_EQ(peer.sent(), hex("41 45 00 00 53 ff '22.3 C'"));
  peer.receive("60 00 00 00");
  EXPECT_EQ(peer.event<Acknowledged>().transmission, *id);
}

TEST(Rfc7252AppendixA, Figure22ConfirmableRequestAndNonConfirmableResponse) {
  TestPeer peer;
  peer.receive("51 01 7d 40 75 bb 'temperature'");
  EXPECT_EQ(peer.event<MessageArrived>().message.type, Type::NonConfirmable);
  const auto id = peer.layer.reply(peer.now, address(1), MessageId{0x7d40}, response("22.3 C", "\x75"));
  EXPECT_EQ(peer.sent(), hex("51 45 00 00 75 ff '22.3 C'"));
  // RFC 7252 §4.3: it may be rejected.
  ASSERT_TRUE(id.has_value());
  EXPECT_FALSE(Reliability::is_confirmable(*id));
  peer.receive("70 00 00 00");
  EXPECT_EQ(peer.event<Rejected>().transmission, *id);
}

TEST(Rfc7252Section5_2_2, DuplicatesBeforeTheAnswerAreSilentAndThenGetTheEmptyAcknowledgement) {
  TestPeer peer;
  peer.receive(kGetTemperature);
  peer.event<MessageArrived>();
  peer.receive(kGetTemperature);
  EXPECT_TRUE(peer.quiet());
  peer.pass(seconds(1));
  EXPECT_EQ(peer.sent(), hex("60 00 7d 34"));
  peer.receive(kGetTemperature);
  EXPECT_EQ(peer.sent(), hex("60 00 7d 34"));
  EXPECT_FALSE(peer.layer.poll_event().has_value());
  peer.layer.reply(peer.now, address(1), MessageId{0x7d34}, response("22.3 C"));
  peer.sent();
  peer.receive(kGetTemperature);
  EXPECT_EQ(peer.sent(), hex("60 00 7d 34"));
  EXPECT_FALSE(peer.layer.poll_event().has_value());
}

TEST(Rfc7252Section5_2_2, AcknowledgementsAreTimedRequestByRequest) {
  TestPeer peer;
  const Instant start = peer.now;
  peer.receive("40 01 00 01");
  peer.now += milliseconds(300);
  peer.receive("40 01 00 02");
  peer.now += milliseconds(300);
  peer.receive("40 01 00 03");
  peer.layer.reply(peer.now, address(1), MessageId{2}, response("x"));
  EXPECT_EQ(peer.sent(), hex("60 45 00 02 ff 'x'"));
  EXPECT_EQ(peer.until(Reason::Acknowledge, start), seconds(1));
  EXPECT_EQ(peer.sent(), hex("60 00 00 01"));
  EXPECT_EQ(peer.until(Reason::Acknowledge, start), milliseconds(1600));
  EXPECT_EQ(peer.sent(), hex("60 00 00 03"));
}

TEST(Rfc7252Section4_5, RepeatedConfirmableRequestGetsTheSameResponseForExchangeLifetime) {
  TestPeer peer;
  peer.receive("48 02 00 09 'ABCDEFGH' b2 'rd'");
  peer.event<MessageArrived>();
  peer.layer.reply(peer.now, address(1), MessageId{9}, response("", "ABCDEFGH", code::kCreated));
  const std::string answer = hex("68 41 00 09 'ABCDEFGH'");
  EXPECT_EQ(peer.sent(), answer);
  for (int second = 1; second <= 247; ++second) {  // §4.8.2: EXCHANGE_LIFETIME
    peer.pass(seconds(1));
    peer.receive("48 02 00 09 'ABCDEFGH' b2 'rd'");
    ASSERT_EQ(peer.sent(), answer) << second;
    ASSERT_FALSE(peer.layer.poll_event().has_value());
  }
  peer.now += milliseconds(2);  // forgotten without a call of handle_timeout(), too
  peer.receive("48 02 00 09 'ABCDEFGH' b2 'rd'");
  peer.event<MessageArrived>();
  EXPECT_TRUE(peer.sent().empty());
}

TEST(Rfc7252Section4_5, RepeatedNonConfirmableRequestIsIgnoredForNonLifetime) {
  TestPeer peer;
  peer.receive("50 02 00 09");
  peer.event<MessageArrived>();
  peer.layer.reply(peer.now, address(1), MessageId{9}, response("x"));
  peer.sent();
  peer.now += seconds(145);
  peer.receive("50 02 00 09");
  EXPECT_TRUE(peer.quiet());
  peer.now += milliseconds(2);
  peer.receive("50 02 00 09");
  peer.event<MessageArrived>();
}

TEST(Rfc7252Section4_5, TheSameIdFromAnotherPeerIsAnotherMessage) {
  TestPeer peer;
  peer.receive("40 02 00 09", address(1));
  peer.receive("40 02 00 09", address(2));
  peer.receive("40 02 00 09", address(1, 1234));
  EXPECT_EQ(peer.event<MessageArrived>().peer, address(1));
  EXPECT_EQ(peer.event<MessageArrived>().peer, address(2));
  EXPECT_EQ(peer.event<MessageArrived>().peer, address(1, 1234));
  peer.layer.reply(peer.now, address(2), MessageId{9}, response("x"));
  peer.sent();
  EXPECT_EQ(peer.last_to, address(2));
}

TEST(Rfc7252Section4_5, LargeAnswerToGetIsNotKeptAndTheGetComesAgain) {
  TestPeer peer;
  const std::string body(400, 'x');
  for (int i = 0; i < 3; ++i) {
    peer.receive(kGetTemperature);
    peer.event<MessageArrived>();
    peer.receive(kGetTemperature);
    EXPECT_TRUE(peer.quiet());  // while it is being answered it doesn't come twice
    peer.layer.reply(peer.now, address(1), MessageId{0x7d34}, response(body));
    EXPECT_EQ(peer.sent(), hex("60 45 7d 34 ff") + to_hex(as_bytes(body)));
  }
  // A GET that comes again and takes its time now is acknowledged, too.
  peer.receive(kGetTemperature);
  peer.event<MessageArrived>();
  peer.pass(seconds(1));
  EXPECT_EQ(peer.sent(), hex("60 00 7d 34"));
}

TEST(Rfc7252Section4_5, LargeAnswerToPostIsKept) {
  TestPeer peer;
  const std::string body(1024, 'x');
  peer.receive("40 02 00 09");
  peer.event<MessageArrived>();
  peer.layer.reply(peer.now, address(1), MessageId{9}, response(body));
  const std::string answer = peer.sent();
  EXPECT_EQ(answer, hex("60 45 00 09 ff") + to_hex(as_bytes(body)));
  peer.receive("40 02 00 09");
  EXPECT_EQ(peer.sent(), answer);
  EXPECT_FALSE(peer.layer.poll_event().has_value());
}

TEST(Rfc7252Section4_5, AnswersOfEveryLengthAroundTheInlineSizeAreKept) {
  TestPeer peer;
  for (std::uint16_t size = 0; size < 300; ++size) {
    Bytes datagram = bytes("40 02 00 00");
    datagram[2] = static_cast<std::uint8_t>(size >> 8);
    datagram[3] = static_cast<std::uint8_t>(size & 0xFF);
    const transport::PeerAddress from = address(size / 100);
    peer.layer.handle_datagram(peer.now, {from, datagram});
    peer.layer.reply(peer.now, from, MessageId{size}, response(std::string(size, 'x')));
    const std::string answer = peer.sent();
    peer.layer.handle_datagram(peer.now, {from, datagram});
    ASSERT_EQ(peer.sent(), answer);
  }
}

TEST(Rfc7252Section5_2_2, AcceptedResponseIsAcknowledgedAndItsDuplicateAgain) {
  TestPeer peer;
  peer.receive("41 45 ad 7b 53 ff '22.3 C'");
  const auto arrived = peer.event<MessageArrived>();
  EXPECT_TRUE(peer.quiet());
  peer.receive("41 45 ad 7b 53 ff '22.3 C'");
  EXPECT_TRUE(peer.quiet());
  peer.layer.accept(peer.now, address(1), arrived.message);
  EXPECT_EQ(peer.sent(), hex("60 00 ad 7b"));
  peer.receive("41 45 ad 7b 53 ff '22.3 C'");
  EXPECT_EQ(peer.sent(), hex("60 00 ad 7b"));
  EXPECT_TRUE(peer.quiet());
}

TEST(Rfc7252Section4_2, RejectedConfirmableMessageGetsResetAndItsDuplicateAgain) {
  TestPeer peer;
  peer.receive("41 45 ad 7b 53 ff '22.3 C'");
  peer.layer.reject(peer.now, address(1), peer.event<MessageArrived>().message);
  EXPECT_EQ(peer.sent(), hex("70 00 ad 7b"));
  peer.receive("41 45 ad 7b 53 ff '22.3 C'");
  EXPECT_EQ(peer.sent(), hex("70 00 ad 7b"));
  EXPECT_TRUE(peer.quiet());
}

TEST(Rfc7252Section4_2, RejectedRequestIsNotAcknowledgedLater) {
  TestPeer peer;
  peer.receive("40 01 00 09");
  peer.layer.reject(peer.now, address(1), peer.event<MessageArrived>().message);
  EXPECT_EQ(peer.sent(), hex("70 00 00 09"));
  peer.pass(seconds(10));
  EXPECT_TRUE(peer.quiet());
}

TEST(Rfc7252Section4_3, NonConfirmableNotificationIsNotAcknowledgedButMayBeRejected) {
  TestPeer peer;
  peer.receive("51 45 ad 7b 53 ff '22.3 C'");
  const auto arrived = peer.event<MessageArrived>();
  peer.layer.accept(peer.now, address(1), arrived.message);
  EXPECT_TRUE(peer.quiet());
  peer.layer.reject(peer.now, address(1), arrived.message);
  EXPECT_EQ(peer.sent(), hex("70 00 ad 7b"));
  peer.receive("51 45 ad 7b 53 ff '22.3 C'");
  EXPECT_TRUE(peer.quiet());
}

TEST(Rfc7252Section4_2, AcknowledgementsAndResetsAreNeverRejected) {
  TestPeer peer;
  Message message;
  message.type = Type::Acknowledgement;
  peer.layer.reject(peer.now, address(1), message);
  message.type = Type::Reset;
  peer.layer.reject(peer.now, address(1), message);
  EXPECT_TRUE(peer.quiet());
}

TEST(Rfc7252Section4_3, PingGetsReset) {
  TestPeer peer;
  peer.receive("40 00 12 34");
  EXPECT_EQ(peer.sent(), hex("70 00 12 34"));
  EXPECT_FALSE(peer.layer.poll_event().has_value());
  EXPECT_EQ(peer.layer.deduplication_entries(), 0U);
  EXPECT_EQ(peer.layer.counters().malformed, 0U);
}

TEST(Rfc7252Section4_2, MalformedConfirmableMessageGetsReset) {
  for (const char* datagram : {
           "49 01 12 34 01 02 03 04 05 06 07 08 09",  // token length 9
           "44 01 12 34 01 02 03",                    // token cut off
           "40 01 12 34 f0",                          // option delta 15
           "40 01 12 34 0f",                          // option length 15
           "40 01 12 34 b3 'rd'",                     // option cut off
           "40 01 12 34 e0 ff ff e0 ff ff",           // option number past 65535
           "40 01 12 34 ff",                          // payload marker and nothing
           "41 00 12 34 53",                          // empty with a token
           "40 00 12 34 ff 'x'",                      // empty with a payload
           "40 20 12 34",                             // class 1
           "40 c0 12 34",                             // class 6
           "40 e1 12 34",                             // class 7
       }) {
    TestPeer peer;
    peer.receive(datagram);
    EXPECT_EQ(peer.sent(), hex("70 00 12 34")) << datagram;
    EXPECT_FALSE(peer.layer.poll_event().has_value()) << datagram;
    EXPECT_EQ(peer.layer.counters().malformed, 1U) << datagram;
    EXPECT_EQ(peer.layer.deduplication_entries(), 0U) << datagram;
  }
}

TEST(Rfc7252Section4_3, OtherMalformedMessagesAreIgnored) {
  for (const char* datagram : {
           "", "40", "40 01 12",                         // shorter than a header
           "00 01 12 34", "80 01 12 34", "c0 00 12 34",  // versions 0, 2 and 3
           "59 01 12 34 01 02 03 04 05 06 07 08 09",     // the same as above in a NON
           "50 01 12 34 ff", "50 20 12 34",
           "50 00 12 34",                                   // an empty NON (§4.3)
           "60 45 12 34 ff", "60 01 12 34", "69 00 12 34",  // ACK
           "70 45 12 34", "71 00 12 34 53",                 // Reset
       }) {
    TestPeer peer;
    peer.receive(datagram);
    EXPECT_TRUE(peer.quiet()) << datagram;
    EXPECT_EQ(peer.layer.counters().malformed, 1U) << datagram;
    EXPECT_EQ(peer.layer.counters().datagrams_in, 1U);
    EXPECT_EQ(peer.layer.deduplication_entries(), 0U) << datagram;
  }
}

TEST(Reliability, ReplyToAForgottenRequestGoesOutSeparately) {
  TestPeer peer;
  const auto id = peer.layer.reply(peer.now, address(1), MessageId{9}, response("x", "t"));
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(peer.sent(), hex("41 45 00 00 't' ff 'x'"));
  peer.receive("60 00 00 00");
  EXPECT_EQ(peer.event<Acknowledged>().transmission, *id);
}

TEST(Reliability, ForgetPeerKeepsItsDeduplicationEntries) {
  TestPeer peer;
  peer.receive("40 02 00 09");
  peer.event<MessageArrived>();
  peer.layer.reply(peer.now, address(1), MessageId{9}, response("x"));
  peer.sent();
  peer.layer.forget_peer(address(1));
  peer.receive("40 02 00 09");
  EXPECT_EQ(peer.sent(), hex("60 45 00 09 ff 'x'"));
}

}  // namespace
}  // namespace drover::coap
