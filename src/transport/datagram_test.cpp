// SPDX-License-Identifier: Apache-2.0
#include "transport/datagram.hpp"

#include <gtest/gtest.h>

#include <set>

namespace drover::transport {
namespace {

TEST(PeerAddress, V4IsMappedIntoV6) {
  const PeerAddress peer = PeerAddress::v4(0xC0000201, 5683);
  const std::array<std::uint8_t, 16> expected = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1};
  EXPECT_EQ(peer.host, expected);
  EXPECT_TRUE(peer.is_v4());
  EXPECT_EQ(peer.to_string(), "192.0.2.1:5683");
}

TEST(PeerAddress, EveryFormIsReadBackAsWritten) {
  for (const char* text : {"192.0.2.1:5683", "0.0.0.0:0", "255.255.255.255:65535", "[2001:db8::1]:5684", "[::]:0",
                           "[::1]:5683", "[fe80::1%2]:5683", "[fe80::1%4294967295]:1", "sms:491701234567", "association-0", "association-17",
                           "association-18446744073709551615"}) {
    const auto peer = PeerAddress::parse(text);
    ASSERT_TRUE(peer) << text;
    EXPECT_EQ(peer->to_string(), text);
  }
}

TEST(PeerAddress, V6TextIsShortenedAsRfc5952Asks) {
  EXPECT_EQ(PeerAddress::parse("[2001:0DB8:0:0:1:0:0:1]:1")->to_string(), "[2001:db8::1:0:0:1]:1");
  EXPECT_EQ(PeerAddress::parse("[1:0:0:2:0:0:0:3]:1")->to_string(), "[1:0:0:2::3]:1");
  EXPECT_EQ(PeerAddress::parse("[1:0:2:3:4:5:6:7]:1")->to_string(), "[1:0:2:3:4:5:6:7]:1");
  EXPECT_EQ(PeerAddress::parse("[1::2:0:0:3]:1")->to_string(), "[1::2:0:0:3]:1");
  EXPECT_EQ(PeerAddress::parse("[1:2::]:1")->to_string(), "[1:2::]:1");
  EXPECT_EQ(PeerAddress::parse("[1:2:3:4:5:6:7::]:1")->to_string(), "[1:2:3:4:5:6:7:0]:1");
  EXPECT_EQ(PeerAddress::parse("[64:ff9b::192.0.2.33]:1")->to_string(), "[64:ff9b::c000:221]:1");
  EXPECT_EQ(PeerAddress::parse("[::ffff:192.0.2.1]:1")->to_string(), "192.0.2.1:1");
}

TEST(PeerAddress, RefusesWhatIsNoLiteralWithPort) {
  for (const char* text : {"",
                           ":",
                           "192.0.2.1",
                           "192.0.2.1:",
                           "192.0.2.1:65536",
                           "192.0.2.1:+1",
                           "192.0.2.1: 1",
                           "192.0.2.1:01",
                           "192.0.2.256:1",
                           "192.0.2:1",
                           "::1:5683",
                           "[::1]",
                           "[::1]:",
                           "[::1:1",
                           "::1]:1",
                           "[]:1",
                           "[:]:1",
                           "[:1]:1",
                           "[1:]:1",
                           "[1::2::3]:1",
                           "[:::]:1",
                           "[1:2:3:4:5:6:7]:1",
                           "[1:2:3:4:5:6:7:8:9]:1",
                           "[1:2:3:4::5:6:7:8]:1",
                           "[12345::]:1",
                           "[g::]:1",
                           "[+1::]:1",
                           "[-1::]:1",
                           "[1:2:3:4:5:6:7:1.2.3.4]:1",
                           "[1.2.3.4::]:1",
                           "[::1.2.3]:1",
                           "1.2.3.4.5:1",
                           "1.2.3.:1",
                           ".1.2.3:1",
                           "1..2.3:1",
                           "01.2.3.4:1",
                           "[fe80::1%eth0]:1",
                           "[fe80::1%]:1",
                           "[fe80::1%0]:1",
                           "[fe80::1%4294967296]:1",
                           "[::ffff:1.2.3.4%1]:1",
                           "example.org:5683",
                           "sms:",
                           "association-",
                           "association--1",
                           "association-18446744073709551616",
                           "sms:+49170",
                           "sms:1234567890123456",
                           "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1"}) {
    EXPECT_FALSE(PeerAddress::parse(text)) << text;
  }
  EXPECT_FALSE(PeerAddress::parse(std::string_view("192.0.2.1\0:1", 12)));
}

TEST(PeerAddress, ScopePortAndKindMakeDifferentPeers) {
  const auto base = *PeerAddress::parse("[fe80::1%2]:5683");
  auto scope = base;
  scope.scope = 3;
  auto port = base;
  port.port = 5684;
  auto kind = base;
  kind.kind = Kind::Sms;
  const std::set<PeerAddress> ordered = {base, scope, port, kind};
  const std::set<std::size_t> hashes = {base.hash(), scope.hash(), port.hash(), kind.hash()};
  EXPECT_EQ(ordered.size(), 4U);
  EXPECT_EQ(hashes.size(), 4U);
}

TEST(PeerAddress, AnAssociationIsNamedByItsHandle) {
  const PeerAddress name = PeerAddress::association(0x0102030405060708);
  EXPECT_EQ(name.kind, Kind::Association);
  EXPECT_EQ(name.handle(), 0x0102030405060708U);
  EXPECT_NE(name, PeerAddress::association(0x0102030405060709));
  EXPECT_EQ(PeerAddress::v4(0xC0000201, 5683).handle(), 0U);
}

TEST(PeerAddress, AShortMessagesPeerIsItsNumberInDigitsAlone) {
  const auto peer = PeerAddress::sms("4917012345");
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->kind, Kind::Sms);
  EXPECT_EQ(peer->msisdn(), "4917012345");
  EXPECT_TRUE(PeerAddress::sms("123456789012345"));
  for (const char* bad : {"", "+4917012345", "49170 12345", "1234567890123456", "49a"}) {
    EXPECT_FALSE(PeerAddress::sms(bad)) << bad;
  }
}

TEST(PeerAddress, WhatTravelsInShortMessagesSaysSo) {
  const PeerAddress plain = *PeerAddress::sms("4917012345");
  EXPECT_TRUE(plain.is_sms());
  EXPECT_TRUE(plain.as(Kind::SmsDtls).is_sms());
  EXPECT_TRUE(plain.as(Kind::SmsPacket).is_sms());
  EXPECT_EQ(plain.as(Kind::SmsPacket).msisdn(), "4917012345");
  EXPECT_NE(plain, plain.as(Kind::SmsPacket)) << "who may have been forged isn't who proved a key";
  const PeerAddress association = PeerAddress::association(17, true);
  EXPECT_TRUE(association.is_sms());
  EXPECT_EQ(association.handle(), 17U);
  EXPECT_EQ(association.msisdn(), "");
  EXPECT_NE(association, PeerAddress::association(17));
  EXPECT_FALSE(PeerAddress::association(17).is_sms());
  EXPECT_FALSE(PeerAddress::v4(0xC0000201, 5683).is_sms());
  EXPECT_EQ(PeerAddress::v4(0xC0000201, 5683).msisdn(), "");
}

TEST(PeerAddress, NamesOfShortMessagesPeersAreReadAsTheyAreWritten) {
  PeerAddress with_port = *PeerAddress::sms("4917012345");
  with_port.port = 5683;
  EXPECT_EQ(with_port.to_string(), "sms:4917012345:5683");
  const PeerAddress association = PeerAddress::association(17, true);
  EXPECT_EQ(association.to_string(), "sms-association-17");
  for (const PeerAddress& peer : {*PeerAddress::sms("4917012345"), with_port, association}) {
    EXPECT_EQ(PeerAddress::parse(peer.to_string()), peer);
  }
  for (const char* bad : {"sms:", "sms:49:", "sms:49:0", "sms:49:65536", "sms:49:1:2", "sms-association-"}) {
    EXPECT_FALSE(PeerAddress::parse(bad)) << bad;
  }
}

TEST(PeerAddress, APlaceIsAnotherPeerAtItsSecurePort) {
  const PeerAddress udp = PeerAddress::v4(0xC0000201, 5684);
  const PeerAddress dtls = udp.as(Kind::Dtls);
  EXPECT_NE(udp, dtls);
  EXPECT_NE(udp.hash(), dtls.hash());
  EXPECT_TRUE(dtls.is_v4());
  EXPECT_EQ(dtls.to_string(), "192.0.2.1:5684");
  EXPECT_EQ(dtls.as(Kind::Udp), udp);
}

TEST(PeerAddress, NeighboursSpreadOverTheLowBitsOfTheHash) {
  constexpr std::size_t kBuckets = 1024;
  std::set<std::size_t> used;
  for (std::uint16_t port = 10000; port < 11024; ++port)
    used.insert(PeerAddress::v4(0x7F000001, port).hash() % kBuckets);
  // A random spread of 1024 into 1024 leaves 37 % of the buckets empty.
  EXPECT_GT(used.size(), kBuckets / 2);
}

}  // namespace
}  // namespace drover::transport
