// SPDX-License-Identifier: Apache-2.0
// Device management, Transport Figures 5 and 6, from the client's side; and what a client doesn't answer.
#include "tests/lockstep/client_peer.hpp"

namespace drover::testing {
namespace {

TEST(TransportFigure5, ReadWriteAttributesWriteExecute) {
  Device device;
  device.set("/3/0/9", std::int64_t{50});
  device.set("/3/0/13", lwm2m::Time{0});
  device.be_registered();
  device.in("CON 0001 GET t=01 /3/0/0");
  device.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
  device.in("CON 0002 PUT t=01 /3/0/9 ?pmin=1 ?pmax=5 ?lt=5");
  device.out("ACK 0002 2.04 t=01");
  device.in("CON 0003 PUT t=01 /3/0/13 ct=0 '1367491215'");
  device.out("ACK 0003 2.04 t=01");
  device.in("CON 0004 POST t=01 /3/0/12");
  device.out("ACK 0004 2.04 t=01");
  device.in("CON 0005 GET t=01 /3/0/9 accept=40");
  device.out("ACK 0005 2.05 t=01 ct=40 '</3/0/9>;pmin=1;pmax=5;lt=5'");
  device.quiet();
}

TEST(Rfc7252Section5_10_8, ARequestWhoseConditionFailsIsNotPerformed) {
  Device device;
  device.set("/3/0/13", lwm2m::Time{5});
  device.be_registered();
  device.in("CON 0001 PUT t=01 /3/0/13 ifmatch=77 ct=0 '9'");
  device.out("ACK 0001 4.12 t=01 ?");
  device.in("CON 0002 PUT t=01 /3/0/13 opt5= ct=0 '9'");
  device.out("ACK 0002 4.12 t=01 ?");
  device.in("CON 0003 GET t=01 /3/0/13");
  device.out("ACK 0003 2.05 t=01 ct=0 '5'");
  device.in("CON 0004 PUT t=01 /3/0/13 ifmatch= ct=0 '9'");
  device.out("ACK 0004 2.04 t=01");
  device.in("CON 0005 PUT t=01 /3/7/13 ifmatch= ct=0 '9'");
  device.out("ACK 0005 4.12 t=01 ?");
  // In blocks: refused with the first of them.
  device.in("CON 0006 PUT t=01 /3/0/13 ifmatch=77 ct=0 1:0/1/16 [16@0]");
  device.out("ACK 0006 4.12 t=01 ?");
}

TEST(CoreSection5_4, OperationsBeforeTheRegistrationAndFromStrangersAreIgnored) {
  Device device;
  device.in("CON 0001 GET t=01 /3/0/0");
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.in("CON 0001 GET t=01 /3/0/0");
  device.quiet();
  device.in("ACK $m 2.01 t=$t loc=rd loc=1");
  device.in("CON 0001 GET t=01 /3/0/0");
  device.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
  device.in("CON 0002 GET t=01 /3/0/0", server_address(66));
  device.in("CON 0003 EMPTY", server_address(66));
  device.pass(seconds(5));
  device.quiet();
  EXPECT_EQ(device.client.counters().ignored, 4U);
}

TEST(Rfc7252Section4_5, ARepeatedExecuteIsCarriedOutOnce) {
  Device device;
  device.be_registered();
  device.in("CON 0001 POST t=01 /3/0/4");
  device.out("ACK 0001 2.04 t=01");
  device.in("CON 0001 POST t=01 /3/0/4");
  device.out("ACK 0001 2.04 t=01");
  EXPECT_TRUE(device.event<client::RebootWanted>());
  EXPECT_FALSE(device.event<client::RebootWanted>());
}

TEST(CoreSection5_4_5, ExecuteTellsItsArguments) {
  Device device;
  device.be_registered();
  device.in("CON 0001 POST t=01 /3/0/4 ct=0 '5'");
  device.out("ACK 0001 2.04 t=01");
  EXPECT_EQ(device.event<client::Executed>()->arguments, "5");
  device.in("CON 0002 POST t=01 /3/0/4 ct=0 'now'");
  device.out("ACK 0002 4.00 t=01 ?");
}

TEST(TransportTable3, APostOfTextOnAWritableResourceIsAPartialUpdate) {
  Device device;
  device.be_registered();
  device.in("CON 0001 POST t=01 /3/0/15 ct=0 'Europe/Rome'");
  device.out("ACK 0001 2.04 t=01");
  device.in("CON 0002 GET t=01 /3/0/15");
  device.out("ACK 0002 2.05 t=01 ct=0 'Europe/Rome'");
}

/// Takes a firmware piece by piece.
struct Sink final : client::ObjectBehaviour {
  Bytes taken;
  std::size_t largest = 0;
  bool whole = false;
  bool streams(lwm2m::ResourceId id) const override { return id == 0; }
  Result<void> write_block(const client::Context&, const Path&, std::size_t offset, ByteView bytes,
                           bool last) override {
    EXPECT_EQ(offset, taken.size());
    taken.insert(taken.end(), bytes.begin(), bytes.end());
    largest = std::max(largest, bytes.size());
    whole = last;
    return {};
  }
};

TEST(Rfc7959Section2_5, AFirmwareIsTakenInBlocksAndNeverHeldWhole) {
  Device device;
  Sink sink;
  device.client.define(*shipped().find(5), &sink);
  device.add(5, 0);
  device.be_registered();
  constexpr int kBlocks = 200;
  for (int block = 0; block < kBlocks; ++block) {
    const bool more = block + 1 < kBlocks;
    const std::string id = to_hex(Bytes{0x10, static_cast<std::uint8_t>(block)});
    const std::string number = std::to_string(block) + "/" + (more ? "1" : "0") + "/1024";
    device.in("CON " + id + " PUT t=01 /5/0/0 ct=42 1:" + number + " [1024@" + std::to_string(block * 1024) + "]");
    device.out("ACK " + id + (more ? " 2.31" : " 2.04") + " t=01 1:" + number);
  }
  EXPECT_TRUE(sink.whole);
  EXPECT_EQ(sink.largest, 1024U);
  EXPECT_EQ(sink.taken, test_body(kBlocks * 1024));
}

TEST(Rfc7959Section2_9_3, ABodyOverTheLimitIsRefusedWithTheLimit) {
  client::ClientSettings settings = plain_settings();
  settings.write_max = 100;
  Device device(settings);
  device.be_registered();
  device.in("CON 0001 PUT t=01 /3/0/15 ct=0 1:0/1/64 [64@0]");
  device.out("ACK 0001 2.31 t=01 1:0/1/64");
  device.in("CON 0002 PUT t=01 /3/0/15 ct=0 1:1/1/64 [64@64]");
  device.out("ACK 0002 4.13 t=01 size1=100");
}

TEST(Rfc7959Section2_5, AWriteInBlocksIsPutTogether) {
  Device device;
  device.be_registered();
  device.in("CON 0001 PUT t=01 /3/0/15 ct=0 1:0/1/16 'America/Argentin'");
  device.out("ACK 0001 2.31 t=01 1:0/1/16");
  device.in("CON 0002 PUT t=01 /3/0/15 ct=0 1:1/0/16 'a/Ushuaia'");
  device.out("ACK 0002 2.04 t=01 1:1/0/16");
  device.in("CON 0003 GET t=01 /3/0/15");
  device.out("ACK 0003 2.05 t=01 ct=0 'America/Argentina/Ushuaia'");
}

TEST(CoreSection5_4, WhatIsIgnoredCanBeSeenInALog) {
  client::ClientSettings settings = plain_settings();
  settings.coap.report_drops = true;
  Device device(settings);
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.in("CON 0001 GET t=01 /3/0/0");
  const auto early = device.client.poll_drop();
  ASSERT_TRUE(early.has_value());
  EXPECT_EQ(early->peer, server_address());
  EXPECT_STREQ(early->why, "request before the registration stands");
  device.in("CON 0002 GET t=01 /3/0/0", server_address(66));
  const auto stranger = device.client.poll_drop();
  ASSERT_TRUE(stranger.has_value());
  EXPECT_EQ(stranger->peer, server_address(66));
  EXPECT_STREQ(stranger->why, "stranger");
  device.in("ACK 7777 EMPTY");  // from the server: the endpoint drops it
  const auto unmatched = device.client.poll_drop();
  ASSERT_TRUE(unmatched.has_value());
  EXPECT_STREQ(unmatched->why, "acknowledgement of nothing that was sent");
  EXPECT_FALSE(device.client.poll_drop());
  EXPECT_EQ(device.client.counters().ignored, 2U);
}

}  // namespace
}  // namespace drover::testing
