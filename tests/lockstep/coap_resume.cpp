// SPDX-License-Identifier: Apache-2.0
// A GET of a body in blocks that goes on where an earlier one was interrupted (RFC 7959 §2.4).
#include "tests/lockstep/coap_peer.hpp"

namespace drover::testing {
namespace {

using namespace coap;

RequestSettings resuming(std::size_t offset, Bytes etag) {
  RequestSettings settings;
  settings.stream_response = true;
  settings.resume = ResumePoint{offset, std::move(etag)};
  return settings;
}

void expect_block(Lockstep& peer, std::size_t offset, std::size_t size, bool last) {
  const auto block = peer.event<ResponseBlockArrived>();
  EXPECT_EQ(block.offset, offset);
  EXPECT_EQ(block.response.payload, test_body(size, offset));
  EXPECT_EQ(block.last, last);
}

TEST(Resuming, TheSameETagGoesOn) {
  Lockstep peer;
  peer.ask(code::kGet, "/fw", {}, resuming(2048, {1}));
  peer.out("CON ? GET t=? /fw 2:2/0/1024");
  peer.in("ACK $m 2.05 t=$t etag=01 2:2/1/1024 [1024@2048]");
  expect_block(peer, 2048, 1024, false);
  peer.out("CON ? GET t=? /fw 2:3/0/1024");
  peer.in("ACK $m 2.05 t=$t etag=01 2:3/0/1024 [5@3072]");
  expect_block(peer, 3072, 5, true);
  peer.quiet();
}

TEST(Resuming, TheLastBlockMayBeTheFirst) {
  Lockstep peer;
  peer.ask(code::kGet, "/fw", {}, resuming(2048, {1}));
  peer.out("CON ? GET t=? /fw 2:2/0/1024");
  peer.in("ACK $m 2.05 t=$t etag=01 2:2/0/1024 [7@2048]");
  expect_block(peer, 2048, 7, true);
  peer.quiet();
}

TEST(Resuming, SmallerBlocksCoverTheSameOffset) {
  Lockstep peer;
  peer.ask(code::kGet, "/fw", {}, resuming(1024, {1}));
  peer.out("CON ? GET t=? /fw 2:1/0/1024");
  peer.in("ACK $m 2.05 t=$t etag=01 2:4/1/256 [256@1024]");
  expect_block(peer, 1024, 256, false);
  peer.out("CON ? GET t=? /fw 2:5/0/256");
  peer.in("ACK $m 2.05 t=$t etag=01 2:5/0/256 [1@1280]");
  expect_block(peer, 1280, 1, true);
}

TEST(Resuming, AnotherETagBeginsAnew) {
  for (const char* etag : {"etag=02 ", ""}) {
    Lockstep peer;
    peer.ask(code::kGet, "/fw", {}, resuming(1024, {1}));
    peer.out("CON ? GET t=? /fw 2:1/0/1024");
    peer.in("ACK $m 2.05 t=$t " + std::string(etag) + "2:1/0/1024 [10@1024]");
    peer.out("CON ? GET t=? /fw 2:0/0/1024");
    peer.in("ACK $m 2.05 t=$t " + std::string(etag) + "2:0/1/1024 [1024@0]");
    expect_block(peer, 0, 1024, false);
    peer.out("CON ? GET t=? /fw 2:1/0/1024");
    peer.in("ACK $m 2.05 t=$t " + std::string(etag) + "2:1/0/1024 [10@1024]");
    expect_block(peer, 1024, 10, true);
    peer.quiet();
  }
}

TEST(Resuming, APeerThatBeginsAtTheStartIsFollowed) {
  Lockstep peer;
  peer.ask(code::kGet, "/fw", {}, resuming(1024, {1}));
  peer.out("CON ? GET t=? /fw 2:1/0/1024");
  peer.in("ACK $m 2.05 t=$t etag=02 2:0/1/1024 [1024@0]");
  expect_block(peer, 0, 1024, false);
  peer.out("CON ? GET t=? /fw 2:1/0/1024");
  peer.in("ACK $m 2.05 t=$t etag=02 2:1/0/1024 [10@1024]");
  expect_block(peer, 1024, 10, true);
}

TEST(Resuming, AWholeBodyInOneMessageIsOne) {
  Lockstep peer;
  peer.ask(code::kGet, "/fw", {}, resuming(1024, {1}));
  peer.out("CON ? GET t=? /fw 2:1/0/1024");
  peer.in("ACK $m 2.05 t=$t etag=02 [100@0]");
  expect_block(peer, 0, 100, true);
  peer.quiet();
}

TEST(Resuming, AnotherBlockThanTheOneAskedForIsMalformed) {
  Lockstep peer;
  peer.ask(code::kGet, "/fw", {}, resuming(1024, {1}));
  peer.out("CON ? GET t=? /fw 2:1/0/1024");
  peer.in("ACK $m 2.05 t=$t etag=01 2:2/1/1024 [1024@2048]");
  EXPECT_EQ(peer.event<RequestFailed>().cause, FailureCause::Malformed);
}

TEST(Resuming, AnErrorIsTheAnswer) {
  Lockstep peer;
  peer.ask(code::kGet, "/fw", {}, resuming(1024, {1}));
  peer.out("CON ? GET t=? /fw 2:1/0/1024");
  peer.in("ACK $m 4.00 t=$t 'block past the end'");
  EXPECT_EQ(peer.event<ResponseArrived>().response.code, code::kBadRequest);
  peer.quiet();
}

}  // namespace
}  // namespace drover::testing
