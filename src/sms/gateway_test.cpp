// SPDX-License-Identifier: Apache-2.0
// What is the same for all kinds, and what comes without secured packets.
#include "sms/gateway.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sms/test_gateway.hpp"

namespace drover::sms {
namespace {

using security::sps::Algorithm;
using testing::hex;
using testing::kDevice;
using testing::kServer;
using testing::Pair;
using testing::Side;
using transport::Kind;
using Texts = std::vector<std::string>;

const std::string kTrigger = "4402b60b2161fb63b13101300138";

Bytes coap(std::size_t size) {
  Bytes message(size, 0xAB);
  message.front() = 0x40;
  return message;
}

/// A DTLS record with a fragment of that size.
Bytes record(std::uint8_t type, std::size_t fragment) {
  Bytes bytes = hex("16fefd0001000000000007");
  bytes.front() = type;
  bytes.push_back(static_cast<std::uint8_t>(fragment >> 8));
  bytes.push_back(static_cast<std::uint8_t>(fragment));
  bytes.resize(bytes.size() + fragment, 0xCD);
  return bytes;
}

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Transport "Header Definitions (for one SMS)"; the figures of several with AES from a model of its own.
TEST(Capacity, IsWhatTheSpecificationCalculates) {
  EXPECT_EQ(capacity(Kind::Sms, 1, false), 140u);
  EXPECT_EQ(capacity(Kind::Sms, 1, true), 133u);
  EXPECT_EQ(capacity(Kind::Sms, 2, false), 268u);
  EXPECT_EQ(capacity(Kind::Sms, 4, true), 512u);
  EXPECT_EQ(capacity(Kind::SmsDtls, 1, false), 111u);
  EXPECT_EQ(capacity(Kind::SmsDtls, 1, true), 104u);
  EXPECT_EQ(capacity(Kind::SmsDtls, 8, false), 111u) << "records aren't cut";
  const std::pair<std::size_t, std::size_t> aes[] = {{0, 0}, {1, 96}, {2, 239}, {3, 366}, {4, 494}, {8, 1038}};
  for (const auto& [segments, octets] : aes) {
    EXPECT_EQ(capacity(Kind::SmsPacket, segments, false), octets) << segments;
    EXPECT_EQ(capacity(Kind::SmsPacket, segments, true), octets) << "packets have no ports";
  }
  // 137 octets: a header of 10, 15 blocks of 8, of which 14 octets are overhead, and 2 of the TLV.
  EXPECT_EQ(capacity(Kind::SmsPacket, 1, false, Algorithm::TripleDes), 104u);
  EXPECT_EQ(capacity(Kind::Udp, 4, false), 0u);
}

TEST(Gateway, CoapGoesAsItIsAndComesBack) {
  Pair pair({.plain = true});
  pair.server.send(kDevice, Kind::Sms, hex(kTrigger));
  const auto sent = pair.server.submissions();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0], (ShortMessage{kDevice, kPidDefault, kDcs8Bit, false, hex(kTrigger)}));
  pair.device.hear(kServer, sent);
  EXPECT_EQ(pair.device.datagrams(), Texts{"plain:" + kTrigger});
  EXPECT_EQ(pair.server.counters().messages_out, 1u);
  EXPECT_EQ(pair.server.counters().segments_out, 1u);
  EXPECT_EQ(pair.device.counters().messages_in, 1u);
  EXPECT_EQ(pair.device.counters().segments_in, 1u);
}

TEST(Gateway, ALongMessageIsCutAndWhatDoesntFitIsDropped) {
  Pair pair({.plain = true}, {.segments_max = 3});
  for (const std::size_t size : {140u, 141u, 268u, 269u, 402u}) {
    pair.server.send(kDevice, Kind::Sms, coap(size));
    auto sent = pair.server.submissions();
    EXPECT_EQ(sent.size(), size <= 140 ? 1u : size <= 268 ? 2u : 3u);
    std::reverse(sent.begin(), sent.end());
    pair.device.hear(kServer, sent);
    EXPECT_EQ(pair.device.datagrams(), Texts{"plain:" + to_hex(coap(size))});
  }
  pair.server.send(kDevice, Kind::Sms, coap(403));
  EXPECT_TRUE(pair.server.is_quiet());
  EXPECT_EQ(pair.server.counters().too_large, 1u);
  EXPECT_EQ(pair.server.notes(), Texts{kDevice + ": not sent: 403 octets are more than short messages may carry"});
}

TEST(Gateway, EachMessageOfAPeerHasAnotherReference) {
  Pair pair({.plain = true});
  std::set<std::uint8_t> references;
  for (int i = 0; i < 256; ++i) {
    pair.server.send(kDevice, Kind::Sms, coap(200));
    for (const ShortMessage& part : pair.server.submissions()) {
      EXPECT_EQ(to_hex(ByteView(part.user_data).first(3)), "050003");
      references.insert(part.user_data[3]);
    }
  }
  EXPECT_EQ(references.size(), 256u);
}

// Transport "SMS Channel Security": silently ignored.
TEST(Gateway, StrangersAndWrongKindsGetNoAnswer) {
  const ShortMessage plain{"", kPidDefault, kDcs8Bit, false, hex(kTrigger)};
  const ShortMessage dtls{"", kPidDefault, kDcs8Bit, false, record(22, 20)};
  const ShortMessage packet{
      "", kPidDefault, kDcs8Bit, true,
      hex("02700000281516001212b20203c2248c65436b8660d192b728ab2d967e5f05ccd32f6cd295f71ad1d2e0a06908")};
  struct Case {
    bool plain, dtls;
  };
  for (const Case given : {Case{true, false}, Case{false, true}, Case{false, false}, Case{true, true}}) {
    Side side(kServer);
    side.known.peers[kDevice] = {.plain = given.plain, .dtls = given.dtls};
    std::vector<ShortMessage> dropped = {packet};
    if (!given.plain) dropped.push_back(plain);
    if (!given.dtls) dropped.push_back(dtls);
    for (const ShortMessage& message : dropped) {
      side.hear(kDevice, message);
      EXPECT_TRUE(side.is_quiet());
    }
    EXPECT_EQ(side.counters().strangers, dropped.size());
    for (const ShortMessage& message : {plain, dtls, packet}) {
      side.hear("4917099999", message);
      side.hear("Vodafone", message);
      side.hear("", message);
      EXPECT_TRUE(side.is_quiet());
    }
    EXPECT_EQ(side.counters().strangers, dropped.size() + 9);
    side.hear(kDevice, {plain, dtls, packet});
    EXPECT_EQ(side.datagrams().size(), 3 - dropped.size());
  }
}

TEST(Gateway, PartsOfStrangersTakeNoMemory) {
  Side side(kServer);
  for (int i = 0; i < 100; ++i) {
    side.hear(std::to_string(49170000 + i), {"", kPidDefault, kDcs8Bit, true, hex("0500032a020140")});
  }
  EXPECT_FALSE(side.gateway->deadline());
  EXPECT_EQ(side.counters().strangers, 100u);
}

TEST(Gateway, NotesAreBoundedAndSayHowManyAreMissing) {
  Side side(kServer);
  for (int i = 0; i < 1000; ++i) side.hear("4917099999", {"", kPidDefault, kDcs8Bit, false, hex(kTrigger)});
  auto notes = side.notes();
  EXPECT_EQ(notes.size(), 32u);
  EXPECT_EQ(notes.front(), "4917099999: ignored: nobody known");
  side.now += std::chrono::minutes(1);
  side.hear("4917099999", {"", kPidDefault, kDcs8Bit, false, hex(kTrigger)});
  EXPECT_EQ(side.notes(), Texts{"4917099999: ignored: nobody known (968 notes before this one were left out)"});
}

TEST(Gateway, WhatNobodyCanReadIsMalformed) {
  Side side(kServer);
  side.known.peers[kDevice] = {.plain = true, .dtls = true};
  const ShortMessage cases[] = {
      {"", kPidDefault, kDcs8Bit, false, {}},
      {"", kPidDefault, kDcs8Bit, true, {}},
      {"", kPidDefault, kDcs8Bit, true, hex("0500032a")},
      {"", kPidDefault, kDcs8Bit, false, hex("00")},
      {"", kPidDefault, kDcs8Bit, false, hex("13")},
      {"", kPidDefault, kDcs8Bit, false, hex("80")},
      {"", kPidDefault, kDcs8Bit, false, hex("ff")},
      {"", kPidDefault, 0x00, false, hex(kTrigger)},
      {"", kPidDefault, 0x08, false, hex(kTrigger)},
      {"", kPidDefault, kDcs8Bit, false, coap(141)},
      {"", kPidDefault, kDcs8Bit, true, hex("0500032a110140")},
  };
  std::uint64_t count = 0;
  for (const ShortMessage& message : cases) {
    side.hear(kDevice, message);
    EXPECT_TRUE(side.is_quiet());
    EXPECT_EQ(side.counters().malformed, ++count) << to_hex(message.user_data);
  }
}

TEST(Gateway, WhatIsToldFromTheFirstOctet) {
  Side side(kServer);
  side.known.peers[kDevice] = {.plain = true, .dtls = true};
  for (int octet = 0; octet < 256; ++octet) {
    side.hear(kDevice, {"", kPidDefault, kDcs8Bit, false, Bytes{static_cast<std::uint8_t>(octet), 1, 2}});
    const auto datagrams = side.datagrams();
    if (octet >= 20 && octet < 128) {
      ASSERT_EQ(datagrams.size(), 1u) << octet;
      EXPECT_EQ(datagrams[0].substr(0, 2), octet < 64 ? "dt" : "pl") << octet;
    } else {
      EXPECT_TRUE(datagrams.empty()) << octet;
    }
  }
}

TEST(Gateway, AMissingPartIsWaitedForAsLongAsSaid) {
  Pair pair({.plain = true}, {.reassembly_wait = std::chrono::minutes(2)});
  pair.server.send(kDevice, Kind::Sms, coap(200));
  const auto sent = pair.server.submissions();
  pair.device.hear(kServer, sent[1]);
  const auto deadline = pair.device.gateway->deadline();
  ASSERT_TRUE(deadline);
  EXPECT_EQ(deadline->at, pair.device.now + std::chrono::minutes(2));
  EXPECT_EQ(deadline->reason, Reason::Forget);
  pair.device.now = deadline->at;
  pair.device.gateway->handle_timeout(pair.device.now);
  EXPECT_EQ(pair.device.counters().reassembly_timeouts, 1u);
  pair.device.hear(kServer, sent[0]);
  EXPECT_TRUE(pair.device.datagrams().empty());
}

// ---- ports

TEST(Gateway, PortsAreSaidAndAskedOf) {
  Pair pair({.plain = true, .dtls = true}, {.port = 5683});
  pair.server.send(kDevice, Kind::Sms, hex(kTrigger));
  auto sent = pair.server.submissions();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(to_hex(sent[0].user_data), "06050416331633" + kTrigger);
  pair.device.hear(kServer, sent);
  auto datagram = pair.device.gateway->poll_datagram();
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->to.to_string(), "sms:" + kServer) << "a peer with the same port has none in its address";

  // Another port of the peer's comes with its messages, and answers go there.
  sent[0].user_data = hex("06050416330bb8" + kTrigger);
  pair.device.hear(kServer, sent[0]);
  datagram = pair.device.gateway->poll_datagram();
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->to.to_string(), "sms:" + kServer + ":3000");
  pair.device.gateway->send(pair.device.now, {datagram->to, hex(kTrigger)});
  EXPECT_EQ(to_hex(pair.device.submissions().at(0).user_data), "0605040bb81633" + kTrigger);

  for (const std::string& wrong : {kTrigger, "06050416321633" + kTrigger}) {
    sent[0].user_data = hex(wrong);
    sent[0].has_header = wrong != kTrigger;
    pair.device.hear(kServer, sent[0]);
    EXPECT_TRUE(pair.device.is_quiet());
  }
  EXPECT_EQ(pair.device.counters().strangers, 2u);

  pair.server.send(kDevice, Kind::Sms, coap(134));
  pair.device.hear(kServer, pair.server.submissions());
  EXPECT_EQ(pair.device.datagrams(), Texts{"plain:" + to_hex(coap(134))});
}

TEST(Gateway, WithoutAPortMessagesWithPortsAreForSomebodyElse) {
  Pair pair({.plain = true});
  pair.device.hear(kServer, {"", kPidDefault, kDcs8Bit, true, hex("0605040b8423f0" + kTrigger)});
  EXPECT_TRUE(pair.device.is_quiet());
  EXPECT_EQ(pair.device.counters().strangers, 1u);
}

// ---- DTLS

TEST(Gateway, RecordsGoInOneShortMessageEachFlightCutBetweenThem) {
  Pair pair({.dtls = true});
  const std::vector<Bytes> flight = {record(22, 60), record(22, 50), record(20, 1), record(22, 100), record(23, 127)};
  pair.server.send(kDevice, Kind::SmsDtls, joined(flight));
  const auto sent = pair.server.submissions();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].user_data, joined({flight[0], flight[1]}));
  EXPECT_EQ(sent[1].user_data, joined({flight[2], flight[3]}));
  EXPECT_EQ(sent[2].user_data, flight[4]) << "140 octets";
  EXPECT_EQ(sent[0].pid, kPidDefault);
  EXPECT_EQ(sent[0].dcs, kDcs8Bit);
  EXPECT_FALSE(sent[0].has_header);
  EXPECT_EQ(pair.server.counters().messages_out, 5u);
  pair.device.hear(kServer, sent);
  EXPECT_EQ(pair.device.datagrams(), (Texts{"dtls:" + to_hex(sent[0].user_data), "dtls:" + to_hex(sent[1].user_data),
                                            "dtls:" + to_hex(sent[2].user_data)}));
}

TEST(Gateway, ARecordThatDoesntFitIsDroppedAndTheOthersGo) {
  Pair pair({.dtls = true});
  pair.server.send(kDevice, Kind::SmsDtls, joined({record(22, 20), record(22, 128), record(22, 30)}));
  const auto sent = pair.server.submissions();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1].user_data, record(22, 30));
  EXPECT_EQ(pair.server.counters().too_large, 1u);
  // Whose end can't be told: a Connection ID's, and what isn't a record.
  pair.server.send(kDevice, Kind::SmsDtls, record(25, 100));
  EXPECT_EQ(pair.server.submissions().size(), 1u);
  pair.server.send(kDevice, Kind::SmsDtls, record(25, 200));
  EXPECT_TRUE(pair.server.submissions().empty());
  EXPECT_EQ(pair.server.counters().too_large, 2u);
}

TEST(Gateway, WithPortsARecordHasSevenOctetsLess) {
  Pair pair({.dtls = true}, {.port = 5684});
  pair.server.send(kDevice, Kind::SmsDtls, record(23, 120));
  EXPECT_EQ(pair.server.submissions().size(), 1u);
  pair.server.send(kDevice, Kind::SmsDtls, record(23, 121));
  EXPECT_TRUE(pair.server.submissions().empty());
}

// ---- sending

TEST(Gateway, NothingIsSentToNobodyKnownOrInAnotherWay) {
  Side side(kServer);
  side.known.peers[kDevice] = {.dtls = true};
  side.send("4917099999", Kind::SmsDtls, record(22, 20));
  side.send(kDevice, Kind::Sms, hex(kTrigger));
  side.send(kDevice, Kind::SmsPacket, hex(kTrigger));
  side.send(kDevice, Kind::SmsDtls, {});
  side.gateway->send(side.now, {transport::PeerAddress::v4(1, 1), hex(kTrigger)});
  EXPECT_TRUE(side.is_quiet());
  EXPECT_EQ(side.counters().unsent, 5u);
}

TEST(Gateway, FailuresOfTheNetworkAreTold) {
  Pair pair({.plain = true});
  pair.server.send(kDevice, Kind::Sms, hex(kTrigger));
  const auto submission = pair.server.gateway->poll_submission();
  ASSERT_TRUE(submission);
  EXPECT_EQ(submission->validity, std::chrono::minutes(5));
  pair.server.gateway->handle_report(pair.server.now, {submission->id, Report::What::Taken, ""});
  pair.server.gateway->handle_report(pair.server.now, {submission->id, Report::What::Lost, "expired"});
  pair.server.gateway->handle_report(pair.server.now, {SubmissionId{99}, Report::What::Failed, "queue full"});
  EXPECT_EQ(pair.server.notes(),
            (Texts{kDevice + ": a short message was lost: expired", ": a short message wasn't sent: queue full"}));
}

}  // namespace
}  // namespace drover::sms
