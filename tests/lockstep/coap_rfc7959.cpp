// SPDX-License-Identifier: Apache-2.0
// Block-wise transfer: the examples of RFC 7959 §3, from both sides, and what breaks its rules.
#include "tests/lockstep/coap_peer.hpp"

namespace drover::testing {
namespace {

using namespace coap;

Parameters with_szx(std::uint8_t szx) {
  Parameters parameters;
  parameters.block_szx = szx;
  return parameters;
}

// ---- §3.1 Block2, we ask -------------------------------------------------------------------------------------------

TEST(Rfc7959Figure2, SimpleBlockwiseGet) {
  Lockstep peer;
  peer.ask(code::kGet, "/status");
  peer.out("CON ? GET t=? /status");
  peer.in("ACK $m 2.05 t=$t 2:0/1/128 [128@0]");
  peer.out("CON ? GET t=? /status 2:1/0/128");
  peer.in("ACK $m 2.05 t=$t 2:1/1/128 [128@128]");
  peer.out("CON ? GET t=? /status 2:2/0/128");
  peer.in("ACK $m 2.05 t=$t 2:2/0/128 [50@256]");
  const auto done = peer.event<ResponseArrived>();
  EXPECT_EQ(done.response.payload, test_body(306));
  EXPECT_FALSE(done.response.options.has(OptionNumber::Block2));
  peer.quiet();
}

TEST(Rfc7959Figure3, BlockwiseGetWithEarlyNegotiation) {
  Lockstep peer;
  peer.ask(code::kGet, "/status 2:0/0/64");
  peer.out("CON ? GET t=? /status 2:0/0/64");
  for (int num = 0; num < 5; ++num) {
    const std::string n = std::to_string(num);
    peer.in("ACK $m 2.05 t=$t 2:" + n + "/1/64 [64@" + std::to_string(num * 64) + "]");
    peer.out("CON ? GET t=? /status 2:" + std::to_string(num + 1) + "/0/64");
  }
  peer.in("ACK $m 2.05 t=$t 2:5/0/64 [10@320]");
  EXPECT_EQ(peer.event<ResponseArrived>().response.payload, test_body(330));
}

TEST(Rfc7959Figure5, BlockwiseGetWithLostAcknowledgementsAndSeparateResponse) {
  Lockstep peer;
  peer.ask(code::kGet, "/status");
  peer.out("CON ? GET t=? /status");
  peer.in("ACK $m 2.05 t=$t 2:0/1/64 [64@0]");
  peer.out("CON ? GET t=? /status 2:1/0/64");
  const std::string mid = peer.mid;
  peer.pass(seconds(3));
  peer.out("CON " + mid + " GET t=$t /status 2:1/0/64");
  peer.in("ACK $m EMPTY");
  peer.in("CON 4711 2.05 t=$t 2:1/0/64 [64@64]");
  peer.out("ACK 4711 EMPTY");
  EXPECT_EQ(peer.event<ResponseArrived>().response.payload, test_body(128));
}

TEST(Rfc7959Section2_4, AnEmptyLastBlockEndsTheBody) {
  Lockstep peer;
  peer.ask(code::kGet, "/status");
  peer.out("CON ? GET t=? /status");
  peer.in("ACK $m 2.05 t=$t 2:0/1/16 [16@0]");
  peer.out("CON ? GET t=? /status 2:1/0/16");
  peer.in("ACK $m 2.05 t=$t 2:1/0/16");
  EXPECT_EQ(peer.event<ResponseArrived>().response.payload, test_body(16));
}

TEST(Rfc7959Section2_4, AnotherETagInTheMiddleRestartsOnce) {
  Lockstep peer;
  peer.ask(code::kGet, "/status");
  peer.out("CON ? GET t=? /status");
  peer.in("ACK $m 2.05 t=$t etag=01 2:0/1/16 [16@0]");
  peer.out("CON ? GET t=? /status 2:1/0/16");
  peer.in("ACK $m 2.05 t=$t etag=02 2:1/1/16 [16@500]");
  peer.out("CON ? GET t=? /status 2:0/0/16");
  peer.in("ACK $m 2.05 t=$t etag=02 2:0/1/16 [16@100]");
  peer.out("CON ? GET t=? /status 2:1/0/16");
  peer.in("ACK $m 2.05 t=$t etag=02 2:1/0/16 [4@116]");
  EXPECT_EQ(peer.event<ResponseArrived>().response.payload, test_body(20, 100));
}

TEST(Rfc7959Section2_4, ASecondETagChangeIsMalformed) {
  Lockstep peer;
  peer.ask(code::kGet, "/status");
  peer.out("CON ? GET t=? /status");
  peer.in("ACK $m 2.05 t=$t etag=01 2:0/1/16 [16@0]");
  peer.out("CON ? GET t=? /status 2:1/0/16");
  peer.in("ACK $m 2.05 t=$t etag=02 2:1/1/16 [16@0]");
  peer.out("CON ? GET t=? /status 2:0/0/16");
  peer.in("ACK $m 2.05 t=$t etag=02 2:0/1/16 [16@0]");
  peer.out("CON ? GET t=? /status 2:1/0/16");
  peer.in("ACK $m 2.05 t=$t etag=03 2:1/1/16 [16@0]");
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Malformed);
  peer.quiet();
}

TEST(Rfc7959Section2_4, BlocksThatDontFitAreMalformed) {
  for (const std::string bad : {"2.05 t=$t 2:2/1/16 [16@0]", "2.05 t=$t 2:1/1/16 [15@0]", "2.05 t=$t 2:1/0/16 [17@0]",
                                "2.05 t=$t [16@0]", "2.31 t=$t 2:1/1/16 [16@0]", "2.05 t=$t 2:1/1/2048 [16@0]"}) {
    Lockstep peer;
    peer.ask(code::kGet, "/status");
    peer.out("CON ? GET t=? /status");
    peer.in("ACK $m 2.05 t=$t 2:0/1/16 [16@0]");
    peer.out("CON ? GET t=? /status 2:1/0/16");
    peer.in("ACK $m " + bad);
    EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Malformed) << bad;
    peer.quiet();
  }
  Lockstep peer;
  peer.ask(code::kGet, "/status");
  peer.out("CON ? GET t=? /status");
  peer.in("ACK $m 2.05 t=$t 2:1/1/16 [16@0]");  // the first block isn't the first
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Malformed);
}

TEST(Rfc7959Section2_4, AnErrorInTheMiddleIsTheAnswer) {
  Lockstep peer;
  peer.ask(code::kGet, "/status");
  peer.out("CON ? GET t=? /status");
  peer.in("ACK $m 2.05 t=$t 2:0/1/16 [16@0]");
  peer.out("CON ? GET t=? /status 2:1/0/16");
  peer.in("ACK $m 4.04 t=$t 'gone'");
  EXPECT_EQ(peer.event<ResponseArrived>().response.code, code::kNotFound);
}

TEST(Parameters, AResponseBodyOverTheLimitIsTooLarge) {
  Parameters parameters;
  parameters.body_max = 40;
  Lockstep peer(parameters);
  peer.ask(code::kGet, "/status");
  peer.out("CON ? GET t=? /status");
  peer.in("ACK $m 2.05 t=$t 2:0/1/16 size2=41 [16@0]");
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::TooLarge);
  peer.ask(code::kGet, "/status");
  peer.out("CON ? GET t=? /status");
  peer.in("ACK $m 2.05 t=$t 2:0/1/32 [32@0]");
  peer.out("CON ? GET t=? /status 2:1/0/32");
  peer.in("ACK $m 2.05 t=$t 2:1/1/32 [32@32]");
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::TooLarge);
  peer.quiet();
}

TEST(BlockOfChoice, OneBlockIsDeliveredAsItComes) {
  Lockstep peer;
  peer.ask(code::kGet, "/status 2:3/0/16");
  peer.out("CON ? GET t=? /status 2:3/0/16");
  peer.in("ACK $m 2.05 t=$t 2:3/1/16 [16@48]");
  const auto done = peer.event<ResponseArrived>();
  EXPECT_EQ(done.response.options.block2(), (Block{3, true, 0}));
  EXPECT_EQ(done.response.payload, test_body(16, 48));
}

// ---- §3.1 Block2, we answer ----------------------------------------------------------------------------------------

TEST(Rfc7959Figure2, OurAnswerIsSliced) {
  Lockstep peer(with_szx(3));
  peer.in("CON 0001 GET t=01 /status");
  peer.answer(peer.event<RequestArrived>().responder, code::kContent, "ct=0", test_body(306));
  peer.out("ACK 0001 2.05 t=01 etag=? ct=0 2:0/1/128 size2=306 [128]");
  peer.in("CON 0002 GET t=02 /status 2:1/0/128");
  peer.out("ACK 0002 2.05 t=02 etag=? ct=0 2:1/1/128 [128]");
  peer.in("CON 0003 GET t=03 /status 2:2/0/128");
  peer.out("ACK 0003 2.05 t=03 etag=? ct=0 2:2/0/128 [50]");
  peer.in("CON 0004 GET t=04 /status 2:0/0/128");  // block 0 is a new request
  peer.event<RequestArrived>();
  peer.quiet();
}

TEST(Rfc7959Figure3, EarlyNegotiationOfThePeerIsHonoured) {
  Lockstep peer;
  peer.in("CON 0001 GET t=01 /status 2:0/0/64");
  peer.answer(peer.event<RequestArrived>().responder, code::kContent, "", test_body(100));
  peer.out("ACK 0001 2.05 t=01 etag=? 2:0/1/64 size2=100 [64]");
  peer.in("CON 0002 GET t=02 /status 2:1/0/64");
  peer.out("ACK 0002 2.05 t=02 etag=? 2:1/0/64 " + ("'" + std::string(as_text(test_body(36, 64))) + "'"));
}

TEST(Rfc7959Figure4, LateNegotiationOfThePeerIsHonoured) {
  Lockstep peer(with_szx(3));
  peer.in("CON 0001 GET t=01 /status");
  peer.answer(peer.event<RequestArrived>().responder, code::kContent, "", test_body(300));
  peer.out("ACK 0001 2.05 t=01 etag=? 2:0/1/128 size2=300 [128]");
  peer.in("CON 0002 GET t=02 /status 2:2/0/64");
  peer.out("ACK 0002 2.05 t=02 etag=? 2:2/1/64 [64]");
  peer.in("CON 0003 GET t=03 /status 2:4/0/64");
  peer.out("ACK 0003 2.05 t=03 etag=? 2:4/0/64 '" + std::string(as_text(test_body(44, 256))) + "'");
}

TEST(Rfc7959Section2_4, ABlockLargerThanOursIsAnsweredAtTheSameOffsetInOurs) {
  Lockstep peer(with_szx(2));
  peer.in("CON 0001 GET t=01 /status 2:0/0/1024");
  peer.answer(peer.event<RequestArrived>().responder, code::kContent, "", test_body(2000));
  peer.out("ACK 0001 2.05 t=01 etag=? 2:0/1/64 size2=2000 [64]");
  peer.in("CON 0002 GET t=02 /status 2:1/0/1024");
  peer.out("ACK 0002 2.05 t=02 etag=? 2:16/1/64 [64]");
}

TEST(Rfc7959Section2_4, AnUnknownBlockOfAGetIsAskedOfTheUserAgain) {
  Lockstep peer(with_szx(0));
  peer.in("CON 0001 GET t=01 /status 2:1/0/16");
  peer.answer(peer.event<RequestArrived>().responder, code::kContent, "", test_body(40));
  peer.out("ACK 0001 2.05 t=01 etag=? 2:1/1/16 '" + std::string(as_text(test_body(16, 16))) + "'");
  peer.in("CON 0002 GET t=02 /status 2:9/0/16");
  peer.out("ACK 0002 4.00 t=02 'block past the end of the body'");
  peer.pass(Parameters{}.body_lifetime + seconds(1));
  peer.in("CON 0003 GET t=03 /status 2:2/0/16");
  peer.answer(peer.event<RequestArrived>().responder, code::kNotFound);
  peer.out("ACK 0003 4.04 t=03");
  peer.in("CON 0004 GET t=04 /status 2:9/0/16");
  peer.answer(peer.event<RequestArrived>().responder, code::kContent, "", test_body(40));
  peer.out("ACK 0004 4.00 t=04 'block past the end of the body'");
}

TEST(Rfc7959Section2_4, AnUnknownBlockOfAPostIsRefusedAndNotExecutedAgain) {
  Lockstep peer;
  peer.in("CON 0001 POST t=01 /soap 2:1/0/64");
  peer.out("ACK 0001 4.08 t=01 ?");
  peer.quiet();
}

TEST(Rfc7959Section2_4, TheETagOfTheUserIsKeptAndPeersDontShareRepresentations) {
  Lockstep peer(with_szx(0));
  peer.in("CON 0001 GET t=01 /status");
  peer.answer(peer.event<RequestArrived>().responder, code::kContent, "etag=abcd", test_body(20));
  peer.out("ACK 0001 2.05 t=01 etag=abcd 2:0/1/16 size2=20 ?");
  peer.in("CON 0002 GET t=02 /status 2:1/0/16", host(2));
  peer.event<RequestArrived>();
  peer.in("CON 0003 GET t=02 /status accept=40 2:1/0/16");  // another representation of the same resource
  peer.event<RequestArrived>();
  peer.in("CON 0004 GET t=02 /status 2:1/0/16");
  peer.out("ACK 0004 2.05 t=02 etag=abcd 2:1/0/16 ?");
}

TEST(Rfc7959Section2_2, BlockSizeSevenIsABadRequest) {
  Lockstep peer;
  peer.in("CON 0001 GET t=01 /status 2:0/0/2048");
  peer.out("ACK 0001 4.00 t=01 'block size 7 is reserved'");
  peer.in("CON 0002 PUT t=01 /status 1:0/1/2048 'x'");
  peer.out("ACK 0002 4.00 t=01 'block size 7 is reserved'");
  peer.in("CON 0003 GET t=01 /status opt23=00000001");
  peer.out("ACK 0003 4.02 t=01 'bad option 23'");
  peer.quiet();
}

// ---- §3.2 Block1, we ask -------------------------------------------------------------------------------------------

TEST(Rfc7959Figure6, SimpleAtomicBlockwisePut) {
  Lockstep peer(with_szx(3));
  peer.ask(code::kPut, "/options", test_body(300));
  peer.out("CON ? PUT t=? /options 1:0/1/128 size1=300 [128]");
  peer.in("ACK $m 2.31 t=$t 1:0/1/128");
  peer.out("CON ? PUT t=? /options 1:1/1/128 [128]");
  peer.in("ACK $m 2.31 t=$t 1:1/1/128");
  peer.out("CON ? PUT t=? /options 1:2/0/128 '" + std::string(as_text(test_body(44, 256))) + "'");
  peer.in("ACK $m 2.04 t=$t 1:2/0/128");
  const auto done = peer.event<ResponseArrived>();
  EXPECT_EQ(done.response.code, code::kChanged);
  EXPECT_FALSE(done.response.options.has(OptionNumber::Block1));
  peer.quiet();
}

TEST(Rfc7959Figure7, SimpleStatelessBlockwisePut) {
  Lockstep peer(with_szx(3));
  peer.ask(code::kPut, "/options", test_body(300));
  peer.out("CON ? PUT t=? /options 1:0/1/128 size1=300 [128]");
  peer.in("ACK $m 2.04 t=$t 1:0/0/128");
  peer.out("CON ? PUT t=? /options 1:1/1/128 [128]");
  peer.in("ACK $m 2.04 t=$t 1:1/0/128");
  peer.out("CON ? PUT t=? /options 1:2/0/128 ?");
  peer.in("ACK $m 2.04 t=$t 1:2/0/128");
  EXPECT_EQ(peer.event<ResponseArrived>().response.code, code::kChanged);
}

TEST(Rfc7959Figure8, AtomicPutWithNegotiationOfSmallerBlocks) {
  Lockstep peer(with_szx(3));
  peer.ask(code::kPut, "/options", test_body(200));
  peer.out("CON ? PUT t=? /options 1:0/1/128 size1=200 [128]");
  peer.in("ACK $m 2.31 t=$t 1:0/1/32");
  peer.out("CON ? PUT t=? /options 1:4/1/32 '" + std::string(as_text(test_body(32, 128))) + "'");
  peer.in("ACK $m 2.31 t=$t 1:4/1/32");
  peer.out("CON ? PUT t=? /options 1:5/1/32 ?");
  peer.in("ACK $m 2.31 t=$t 1:5/1/32");
  peer.out("CON ? PUT t=? /options 1:6/0/32 '" + std::string(as_text(test_body(8, 192))) + "'");
  peer.in("ACK $m 2.04 t=$t 1:6/0/32");
  peer.event<ResponseArrived>();
}

TEST(Rfc7959Section2_9_3, TooLargeWithASmallerBlockRestartsSmaller) {
  Lockstep peer(with_szx(3));
  peer.ask(code::kPut, "/options", test_body(128));  // fits in one block: no Block1 at first
  peer.out("CON ? PUT t=? /options [128]");
  peer.in("ACK $m 4.13 t=$t 1:0/0/64");
  peer.out("CON ? PUT t=? /options 1:0/1/64 size1=128 [64]");
  peer.in("ACK $m 4.13 t=$t 1:0/1/32");
  peer.out("CON ? PUT t=? /options 1:0/1/32 size1=128 ?");
  peer.in("ACK $m 4.13 t=$t 1:0/1/32 size1=64");  // no smaller size: this is the answer
  EXPECT_EQ(peer.event<ResponseArrived>().response.code, code::kRequestEntityTooLarge);
  peer.quiet();
}

TEST(Rfc7959Section2_9_2, IncompleteIsTheAnswer) {
  Lockstep peer(with_szx(0));
  peer.ask(code::kPut, "/options", test_body(40));
  peer.out("CON ? PUT t=? /options 1:0/1/16 size1=40 ?");
  peer.in("ACK $m 2.31 t=$t 1:0/1/16");
  peer.out("CON ? PUT t=? /options 1:1/1/16 ?");
  peer.in("ACK $m 4.08 t=$t");
  EXPECT_EQ(peer.event<ResponseArrived>().response.code, code::kRequestEntityIncomplete);
  peer.quiet();
}

TEST(Rfc7959Section2_5, ContinueThatDoesntFitIsMalformed) {
  for (const std::string bad : {"2.31 t=$t 1:1/1/16", "2.31 t=$t", "2.04 t=$t 1:3/0/16"}) {
    Lockstep peer(with_szx(0));
    peer.ask(code::kPut, "/options", test_body(40));
    peer.out("CON ? PUT t=? /options 1:0/1/16 size1=40 ?");
    peer.in("ACK $m " + bad);
    EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Malformed) << bad;
  }
  Lockstep peer;
  peer.ask(code::kPut, "/options", test_body(4));
  peer.out("CON ? PUT t=? /options ?");
  peer.in("ACK $m 2.31 t=$t 1:0/1/16");
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Malformed);
}

// ---- §3.2 Block1, we answer ----------------------------------------------------------------------------------------

TEST(Rfc7959Figure6, AnUploadOfAPeerIsCollected) {
  Lockstep peer;
  peer.in("CON 0001 PUT t=01 /options ct=42 1:0/1/128 size1=300 [128@0]");
  peer.out("ACK 0001 2.31 t=01 1:0/1/128");
  peer.in("CON 0002 PUT t=02 /options ct=42 1:1/1/128 [128@128]");
  peer.out("ACK 0002 2.31 t=02 1:1/1/128");
  peer.quiet();
  peer.in("CON 0003 PUT t=03 /options ct=42 1:2/0/128 [44@256]");
  const auto asked = peer.event<RequestArrived>();
  EXPECT_EQ(asked.request.payload, test_body(300));
  EXPECT_FALSE(asked.request.options.has(OptionNumber::Block1));
  peer.answer(asked.responder, code::kChanged);
  peer.out("ACK 0003 2.04 t=03 1:2/0/128");
  peer.in("CON 0004 PUT t=04 /options ct=42 1:3/0/128 [4@0]");
  peer.out("ACK 0004 4.08 t=04 'block out of order'");
}

TEST(Rfc7959Figure8, WeAskForSmallerBlocks) {
  Lockstep peer(with_szx(1));
  peer.in("CON 0001 PUT t=01 /options 1:0/1/128 [128@0]");
  peer.out("ACK 0001 2.31 t=01 1:0/1/32");
  peer.in("CON 0002 PUT t=02 /options 1:4/1/32 [32@128]");
  peer.out("ACK 0002 2.31 t=02 1:4/1/32");
  peer.in("CON 0003 PUT t=03 /options 1:5/0/32");  // an empty last block
  EXPECT_EQ(peer.event<RequestArrived>().request.payload, test_body(160));
}

TEST(Rfc7959Section2_5, AMissingStartAGapAndAnotherFormatAreIncomplete) {
  Lockstep peer;
  peer.in("CON 0001 PUT t=01 /options 1:1/1/16 [16@0]");
  peer.out("ACK 0001 4.08 t=01 'block out of order'");
  peer.in("CON 0002 PUT t=01 /options 1:0/1/16 [16@0]");
  peer.out("ACK 0002 2.31 t=01 1:0/1/16");
  peer.in("CON 0003 PUT t=01 /options 1:2/1/16 [16@0]");
  peer.out("ACK 0003 4.08 t=01 'block out of order'");
  peer.in("CON 0004 PUT t=01 /options 1:1/1/16 [16@0]");  // the gap ended it
  peer.out("ACK 0004 4.08 t=01 'block out of order'");
  peer.in("CON 0005 PUT t=01 /options ct=0 1:0/1/16 [16@0]");
  peer.out("ACK 0005 2.31 t=01 1:0/1/16");
  peer.in("CON 0006 PUT t=01 /options ct=42 1:1/1/16 [16@0]");
  peer.out("ACK 0006 4.08 t=01 'block out of order'");
  peer.quiet();
}

TEST(Rfc7959Section2_5, BlockZeroBeginsAnew) {
  Lockstep peer;
  peer.in("CON 0001 PUT t=01 /options 1:0/1/16 [16@0]");
  peer.out("ACK 0001 2.31 t=01 1:0/1/16");
  peer.in("CON 0002 PUT t=01 /options 1:0/1/16 [16@100]");
  peer.out("ACK 0002 2.31 t=01 1:0/1/16");
  peer.in("CON 0003 PUT t=01 /options 1:1/0/16 [3@116]");
  EXPECT_EQ(peer.event<RequestArrived>().request.payload, test_body(19, 100));
}

TEST(Rfc7959Section2_5, UploadsToOtherPathsOrFromOtherPeersAreOther) {
  Lockstep peer;
  peer.in("CON 0001 PUT t=01 /a 1:0/1/16 [16@0]");
  peer.out("ACK 0001 2.31 t=01 1:0/1/16");
  peer.in("CON 0002 PUT t=01 /b 1:0/1/16 [16@50]");
  peer.out("ACK 0002 2.31 t=01 1:0/1/16");
  peer.in("CON 0003 PUT t=01 /a ?x=1 1:1/0/16 [1@16]");
  peer.out("ACK 0003 4.08 t=01 ?");
  peer.in("CON 0003 PUT t=01 /a 1:1/0/16 [1@16]", host(2));
  peer.out("ACK 0003 4.08 t=01 ?", host(2));
  peer.in("CON 0004 PUT t=01 /a 1:1/0/16 [1@16]");
  EXPECT_EQ(peer.event<RequestArrived>().request.payload, test_body(17));
  peer.in("CON 0005 PUT t=01 /b 1:1/0/16 [1@66]");
  EXPECT_EQ(peer.event<RequestArrived>().request.payload, test_body(17, 50));
}

TEST(Rfc7959Section2_5, ABlockWithoutTheSizeItSaysIsABadRequest) {
  Lockstep peer;
  peer.in("CON 0001 PUT t=01 /a 1:0/1/16 [15@0]");
  peer.out("ACK 0001 4.00 t=01 ?");
  peer.in("CON 0002 PUT t=01 /a 1:0/0/16 [17@0]");
  peer.out("ACK 0002 4.00 t=01 ?");
  peer.quiet();
}

TEST(Rfc7959Section2_9_3, ABodyOverTheLimitIsTooLargeWithSize1) {
  Parameters parameters;
  parameters.body_max = 40;
  Lockstep peer(parameters);
  peer.in("CON 0001 PUT t=01 /a 1:0/1/16 size1=41 [16@0]");
  peer.out("ACK 0001 4.13 t=01 size1=40 'body too large'");
  peer.in("CON 0002 PUT t=01 /a 1:0/1/32 [32@0]");
  peer.out("ACK 0002 2.31 t=01 1:0/1/32");
  peer.in("CON 0003 PUT t=01 /a 1:1/0/32 [9@32]");
  peer.out("ACK 0003 4.13 t=01 size1=40 'body too large'");
  peer.quiet();
}

TEST(Parameters, UploadsOverTheLimitsAreRefusedUntilOneEnds) {
  Parameters parameters;
  parameters.bodies_max_per_peer = 1;
  parameters.bodies_max = 2;
  Lockstep peer(parameters);
  peer.in("CON 0001 PUT t=01 /a 1:0/1/16 [16@0]");
  peer.out("ACK 0001 2.31 t=01 1:0/1/16");
  peer.in("CON 0002 PUT t=01 /b 1:0/1/16 [16@0]");
  peer.out("ACK 0002 5.03 t=01 maxage=60 'too many uploads'");
  peer.in("CON 0001 PUT t=01 /a 1:0/1/16 [16@0]", host(2));
  peer.out("ACK 0001 2.31 t=01 1:0/1/16", host(2));
  peer.in("CON 0001 PUT t=01 /a 1:0/1/16 [16@0]", host(3));
  peer.out("ACK 0001 5.03 t=01 maxage=60 'too many uploads'", host(3));
  peer.pass(parameters.body_lifetime + seconds(1));
  peer.in("CON 0003 PUT t=01 /b 1:0/1/16 [16@0]");
  peer.out("ACK 0003 2.31 t=01 1:0/1/16");
  EXPECT_EQ(peer.endpoint.counters().refused, 2U);
}

TEST(Parameters, ARequestsBodyMayHaveASmallerLimitThanAResponses) {
  Parameters parameters;
  parameters.request_body_max = 40;
  Lockstep peer(parameters);
  peer.in("CON 0001 PUT t=01 /a 1:0/1/16 size1=41 [16@0]");
  peer.out("ACK 0001 4.13 t=01 size1=40 'body too large'");
  peer.ask(code::kGet, "/b");
  peer.out("CON ? GET t=? /b");
  peer.in("ACK $m 2.05 t=$t 2:0/1/32 [32@0]");
  peer.out("CON ? GET t=? /b 2:1/0/32");
  peer.in("ACK $m 2.05 t=$t 2:1/0/32 [32@32]");
  EXPECT_EQ(peer.event<ResponseArrived>().response.payload, test_body(64));
}

TEST(Parameters, BodiesOfAllPeersAreBoundedInBytes) {
  Parameters parameters;
  parameters.bodies_bytes_max = 64;
  Lockstep peer(parameters);
  peer.in("CON 0001 PUT t=01 /a 1:0/1/32 [32@0]");
  peer.out("ACK 0001 2.31 t=01 1:0/1/32");
  peer.in("CON 0001 PUT t=01 /a 1:0/1/32 [32@0]", host(2));
  peer.out("ACK 0001 2.31 t=01 1:0/1/32", host(2));
  peer.in("CON 0002 PUT t=01 /a 1:1/1/32 [32@32]", host(2));
  peer.out("ACK 0002 5.03 t=01 maxage=60 'too many uploads'", host(2));
  peer.in("CON 0002 PUT t=01 /a 1:1/1/32 [32@32]");  // the other's bytes are free again
  peer.out("ACK 0002 2.31 t=01 1:1/1/32");
  peer.in("CON 0003 PUT t=01 /a 1:2/0/32 [1@64]");
  peer.out("ACK 0003 5.03 t=01 maxage=60 'too many uploads'");
  EXPECT_EQ(peer.endpoint.counters().refused, 2U);
}

TEST(Parameters, KeptRepresentationsMakeRoomForBytesOldestFirst) {
  Parameters parameters = with_szx(0);
  parameters.bodies_bytes_max = 64;
  Lockstep peer(parameters);
  for (const std::uint32_t from : {1U, 2U, 3U}) {
    peer.in("CON 0001 GET t=01 /a", host(from));
    peer.answer(peer.event<RequestArrived>().responder, code::kContent, "", test_body(30));
    peer.out("ACK 0001 2.05 t=01 etag=? 2:0/1/16 size2=30 ?", host(from));
  }
  peer.in("CON 0002 GET t=01 /a 2:1/0/16", host(2));
  peer.out("ACK 0002 2.05 t=01 etag=? 2:1/0/16 ?", host(2));
  peer.in("CON 0002 GET t=01 /a 2:1/0/16", host(1));
  const auto again = peer.event<RequestArrived>();  // the oldest isn't kept any more
  // Larger than all of the budget: its first block goes out, and each other one is asked of the user.
  peer.answer(again.responder, code::kContent, "", test_body(100));
  peer.out("ACK 0002 2.05 t=01 etag=? 2:1/1/16 ?", host(1));
}

TEST(Parameters, AKeptRepresentationMakesRoomForAnUpload) {
  Parameters parameters = with_szx(0);
  parameters.bodies_max_per_peer = 1;
  Lockstep peer(parameters);
  peer.in("CON 0001 GET t=01 /a");
  peer.answer(peer.event<RequestArrived>().responder, code::kContent, "", test_body(20));
  peer.out("ACK 0001 2.05 t=01 etag=? 2:0/1/16 size2=20 ?");
  peer.in("CON 0002 PUT t=01 /b 1:0/1/16 [16@0]");
  peer.out("ACK 0002 2.31 t=01 1:0/1/16");
  peer.in("CON 0003 GET t=01 /a 2:1/0/16");
  peer.event<RequestArrived>();  // not kept any more: asked again
}

// ---- §3.3 both -----------------------------------------------------------------------------------------------------

TEST(Rfc7959Figure10, AtomicBlockwisePostWithBlockwiseResponse) {
  Lockstep peer(with_szx(3));
  peer.ask(code::kPost, "/soap", test_body(300));
  peer.out("CON ? POST t=? /soap 1:0/1/128 size1=300 [128]");
  peer.in("ACK $m 2.31 t=$t 1:0/1/128");
  peer.out("CON ? POST t=? /soap 1:1/1/128 [128]");
  peer.in("ACK $m 2.31 t=$t 1:1/1/128");
  peer.out("CON ? POST t=? /soap 1:2/0/128 ?");
  peer.in("ACK $m 2.04 t=$t 2:0/1/128 1:2/0/128 [128@0]");
  peer.out("CON ? POST t=? /soap 2:1/0/128");
  peer.in("ACK $m 2.04 t=$t 2:1/1/128 [128@128]");
  peer.out("CON ? POST t=? /soap 2:2/0/128");
  peer.in("ACK $m 2.04 t=$t 2:2/0/128 [8@256]");
  const auto done = peer.event<ResponseArrived>();
  EXPECT_EQ(done.response.code, code::kChanged);
  EXPECT_EQ(done.response.payload, test_body(264));
}

TEST(Rfc7959Figure11, PostWithTheResponsesBlockSizeNegotiatedInItsLastBlock) {
  Lockstep peer(with_szx(3));
  peer.ask(code::kPost, "/soap 2:0/0/64", test_body(150));
  peer.out("CON ? POST t=? /soap 1:0/1/128 size1=150 [128]");
  peer.in("ACK $m 2.31 t=$t 1:0/1/128");
  peer.out("CON ? POST t=? /soap 2:0/0/64 1:1/0/128 ?");
  peer.in("ACK $m 2.04 t=$t 2:0/1/64 1:1/0/128 [64@0]");
  peer.out("CON ? POST t=? /soap 2:1/0/64");
  peer.in("ACK $m 2.04 t=$t 2:1/0/64 [6@64]");
  EXPECT_EQ(peer.event<ResponseArrived>().response.payload, test_body(70));
}

TEST(Rfc7959Figure10, WeAnswerAnUploadBlockwise) {
  Lockstep peer(with_szx(3));
  peer.in("CON 0001 POST t=01 /soap 1:0/1/128 [128@0]");
  peer.out("ACK 0001 2.31 t=01 1:0/1/128");
  peer.in("CON 0002 POST t=02 /soap 2:0/0/64 1:1/0/128 [10@128]");
  const auto asked = peer.event<RequestArrived>();
  EXPECT_EQ(asked.request.payload, test_body(138));
  peer.answer(asked.responder, code::kChanged, "", test_body(150));
  peer.out("ACK 0002 2.04 t=02 etag=? 2:0/1/64 1:1/0/128 size2=150 [64]");
  peer.in("CON 0003 POST t=03 /soap 2:1/0/64");
  peer.out("ACK 0003 2.04 t=03 etag=? 2:1/1/64 [64]");
  peer.in("CON 0004 POST t=04 /soap 2:2/0/64");
  peer.out("ACK 0004 2.04 t=04 etag=? 2:2/0/64 '" + std::string(as_text(test_body(22, 128))) + "'");
  peer.quiet();
}

}  // namespace
}  // namespace drover::testing
