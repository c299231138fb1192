// SPDX-License-Identifier: Apache-2.0
// Wrong packets, as somebody who asked for a log of them sees them.
#include "tests/lockstep/coap_peer.hpp"

namespace drover::testing {
namespace {

using namespace coap;

Parameters reporting() {
  Parameters parameters;
  parameters.report_drops = true;
  return parameters;
}

/// The reason of the next drop, which must be of `from`; "" when there is none.
std::string why(Lockstep& peer, const transport::PeerAddress& from = host(1)) {
  const auto drop = peer.endpoint.poll_drop();
  if (!drop) return "";
  EXPECT_EQ(drop->peer, from);
  return drop->why;
}

void in(Lockstep& peer, const Bytes& bytes, const transport::PeerAddress& from = host(1)) {
  peer.endpoint.handle_datagram(peer.now, {from, bytes});
}

TEST(Drops, NobodyAskedSoTheyAreCountedOnly) {
  Lockstep peer;
  in(peer, {0x40});
  peer.in("ACK 0001 EMPTY");
  EXPECT_EQ(peer.endpoint.counters().malformed, 1U);
  EXPECT_EQ(peer.endpoint.counters().unmatched, 1U);
  EXPECT_FALSE(peer.endpoint.poll_drop());
}

TEST(Drops, AMalformedDatagramNamesWhatIsWrong) {
  Lockstep peer(reporting());
  in(peer, {0x40, 0x01}, host(2));
  EXPECT_EQ(why(peer, host(2)), to_string(DecodeFailure::TooShort));
  in(peer, {0x80, 0x01, 0x00, 0x01});
  EXPECT_EQ(why(peer), to_string(DecodeFailure::WrongVersion));
  in(peer, {0x49, 0x01, 0x00, 0x01});
  EXPECT_EQ(why(peer), to_string(DecodeFailure::TokenLength));
  in(peer, {0x40, 0x01, 0x00, 0x01, 0xFF});
  EXPECT_EQ(why(peer), to_string(DecodeFailure::EmptyPayload));
  EXPECT_EQ(why(peer), "");
  EXPECT_EQ(peer.endpoint.counters().malformed, 4U);
}

TEST(Drops, WhatFitsNothingThatWasSent) {
  Lockstep peer(reporting());
  peer.in("ACK 0001 EMPTY");
  EXPECT_EQ(why(peer), "acknowledgement of nothing that was sent");
  peer.in("RST 0001 EMPTY");
  EXPECT_EQ(why(peer), "reset of nothing that was sent");
  peer.in("CON 0001 2.05 t=aa 'x'");
  EXPECT_EQ(why(peer), "response to nothing that was asked");
  peer.ask(code::kGet, "/x");
  peer.out("RST 0001 EMPTY");
  peer.out("CON ? GET t=? /x");
  peer.in("ACK $m 2.05 t=01 'wrong'");
  EXPECT_EQ(why(peer), "response to nothing that was asked");
  peer.in("NON 0009 2.05 t=$t 'right'");
  EXPECT_EQ(why(peer), "");
  EXPECT_EQ(peer.endpoint.counters().unmatched, 4U);
}

TEST(Drops, BadOptionsEitherWay) {
  Lockstep peer(reporting());
  peer.in("CON 0001 GET t=01 /x opt2049=00");
  EXPECT_EQ(why(peer), "bad option in a request");
  peer.out("ACK 0001 4.02 t=01 'bad option 2049'");
  for (const std::string answer : {"ACK $m 2.05 t=$t opt2049=00 'x'", "NON 0003 2.05 t=$t opt2049=00 'x'"}) {
    peer.ask(code::kGet, "/x");
    peer.out("CON ? GET t=? /x");
    peer.in(answer);
    EXPECT_EQ(why(peer), "bad option in a response");
    EXPECT_EQ(why(peer), "");
    peer.event<RequestFailed>();
    while (peer.endpoint.poll_transmit()) {
    }
  }
}

TEST(Drops, StaleNotifications) {
  Lockstep peer(reporting());
  peer.ask(code::kGet, "obs=0 /t");
  peer.out("CON ? GET t=? obs=0 /t");
  peer.in("ACK $m 2.05 t=$t obs=9 'a'");
  peer.in("NON 0001 2.05 t=$t obs=8 'b'");
  EXPECT_EQ(why(peer), "stale notification");
  EXPECT_EQ(why(peer), "");
}

TEST(Drops, WhatIsOverALimit) {
  Parameters parameters = reporting();
  parameters.observations_max_per_peer = 0;
  parameters.deduplication_max_per_peer = 2;
  Lockstep peer(parameters);
  peer.in("CON 0001 GET t=01 obs=0 /x");
  EXPECT_EQ(why(peer), "over the limit of observations");
  peer.in("CON 0002 GET t=02 /x");
  peer.in("CON 0003 GET t=03 /x");
  EXPECT_EQ(why(peer), "over the limit of unanswered messages");
  EXPECT_EQ(peer.endpoint.counters().refused, 2U);

  parameters.deduplication_max_per_peer = 128;
  parameters.bodies_max_per_peer = 0;
  Lockstep other(parameters);
  other.in("CON 0001 PUT t=01 /x 1:0/1/16 '0123456789abcdef'");
  EXPECT_EQ(why(other), "over the limit of bodies in blocks");
}

TEST(Drops, ARepetitionIsntWrong) {
  Lockstep peer(reporting());
  peer.in("CON 0001 GET t=01 /x");
  peer.in("CON 0001 GET t=01 /x");
  peer.in("CON 0002 EMPTY");
  EXPECT_FALSE(peer.endpoint.poll_drop());
}

TEST(Drops, TheNewestAreKeptWhenNobodyTakesThem) {
  Lockstep peer(reporting());
  for (std::size_t i = 0; i < Drops::kCountMax; ++i) in(peer, {0x40});
  for (int i = 0; i < 10; ++i) peer.in("ACK 0001 EMPTY", host(2));
  std::size_t first = 0;
  for (; first < Drops::kCountMax - 10; ++first) EXPECT_EQ(why(peer), to_string(DecodeFailure::TooShort));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(why(peer, host(2)), "acknowledgement of nothing that was sent");
  EXPECT_FALSE(peer.endpoint.poll_drop());
}

}  // namespace
}  // namespace drover::testing
