// SPDX-License-Identifier: Apache-2.0
// Bodies that are streamed: ten megabytes pass and are never held whole.
#include <malloc.h>

#include <cstdlib>
#include <new>

#include "coap/exchange/exchanges.hpp"
#include "tests/lockstep/coap_link.hpp"
#include "tests/lockstep/coap_peer.hpp"

namespace {

/// Bytes on the heap of this program now, and the most since peak was set.
struct Heap {
  std::size_t live = 0;
  std::size_t peak = 0;
};
Heap heap;

}  // namespace

void* operator new(std::size_t size) {
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) std::abort();
  heap.live += malloc_usable_size(block);
  heap.peak = std::max(heap.peak, heap.live);
  return block;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return operator new(size);
}
void operator delete(void* block) noexcept {
  if (block != nullptr) heap.live -= malloc_usable_size(block);
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
  operator delete(block);
}

namespace drover::testing {
namespace {

using namespace coap;

constexpr std::size_t kFirmware = 10'000'000;
/// Both endpoints together; most of it is what the message layer keeps to recognise repetitions.
constexpr std::size_t kHeapMax = 256 * 1024;

/// Checks a body that comes in pieces, without holding it.
struct Receiver {
  std::size_t received = 0;
  void take(std::size_t offset, const Bytes& bytes) {
    ASSERT_EQ(offset, received);
    ASSERT_EQ(bytes, test_body(bytes.size(), offset));
    received += bytes.size();
  }
};

TEST(Streaming, TenMegabytesOfARequestPassWithoutBeingHeld) {
  Parameters parameters;
  parameters.stream_requests = true;
  Receiver receiver;
  std::size_t answers = 0;
  Pair* link = nullptr;
  Pair pair(parameters, 1, {}, [&](int side, Event event) {
    stack::Endpoint& end = link->ends[static_cast<std::size_t>(side)];
    if (const auto* wanted = std::get_if<BodyWanted>(&event)) {
      end.supply(link->now, std::get<ExchangeId>(wanted->of), test_body(wanted->size, wanted->offset));
    } else if (const auto* block = std::get_if<RequestBlockArrived>(&event)) {
      receiver.take(block->offset, block->request.payload);
      if (block->last) {
        end.respond(link->now, block->responder, {code::kChanged, {}, {}});
      } else {
        end.accept_block(link->now, block->responder);
      }
    } else if (const auto* response = std::get_if<ResponseArrived>(&event)) {
      EXPECT_EQ(response->response.code, code::kChanged);
      ++answers;
    } else {
      ADD_FAILURE() << "event " << event.index();
    }
  });
  link = &pair;
  RequestSettings settings;
  settings.streamed_body_size = kFirmware;
  Options options;
  options.add_uri_path("/5/0/0");
  heap.peak = heap.live;
  const std::size_t before = heap.live;
  pair.ends[0].request(pair.now, Pair::address(1), {code::kPut, options, {}}, settings);
  EXPECT_TRUE(pair.run_until(pair.now + std::chrono::hours(1)));
  EXPECT_EQ(receiver.received, kFirmware);
  EXPECT_EQ(answers, 1U);
  EXPECT_LT(heap.peak - before, kHeapMax);
}

TEST(Streaming, TenMegabytesOfAResponsePassWithoutBeingHeld) {
  Receiver receiver;
  std::size_t requests = 0, ends = 0;
  Pair* link = nullptr;
  Pair pair({}, 1, {}, [&](int side, Event event) {
    stack::Endpoint& end = link->ends[static_cast<std::size_t>(side)];
    if (const auto* asked = std::get_if<RequestArrived>(&event)) {
      ++requests;
      end.respond_streamed(link->now, asked->responder, {code::kContent, {}, {}}, kFirmware);
    } else if (const auto* wanted = std::get_if<BodyWanted>(&event)) {
      end.supply(link->now, std::get<ResponderId>(wanted->of), test_body(wanted->size, wanted->offset));
    } else if (const auto* block = std::get_if<ResponseBlockArrived>(&event)) {
      receiver.take(block->offset, block->response.payload);
      if (block->last) ++ends;
    } else {
      ADD_FAILURE() << "event " << event.index();
    }
  });
  link = &pair;
  RequestSettings settings;
  settings.stream_response = true;
  heap.peak = heap.live;
  const std::size_t before = heap.live;
  pair.ends[0].request(pair.now, Pair::address(1), {code::kGet, {}, {}}, settings);
  EXPECT_TRUE(pair.run_until(pair.now + std::chrono::hours(1)));
  EXPECT_EQ(receiver.received, kFirmware);
  EXPECT_EQ(requests, 1U);
  EXPECT_EQ(ends, 1U);
  EXPECT_LT(heap.peak - before, kHeapMax);
}

TEST(Streaming, AStreamedBodyThatFitsIsOneMessage) {
  Lockstep peer;
  RequestSettings settings;
  settings.streamed_body_size = 5;
  const ExchangeId id = peer.ask(code::kPut, "/x", {}, settings);
  const auto wanted = peer.event<BodyWanted>();
  EXPECT_EQ(wanted.size, 5U);
  peer.endpoint.supply(peer.now, id, to_bytes("hello"));
  peer.out("CON ? PUT t=? /x size1=5 'hello'");
  peer.in("CON 0001 GET t=01 /x");
  const auto asked = peer.event<RequestArrived>();
  peer.endpoint.respond_streamed(peer.now, asked.responder, {code::kContent, {}, {}}, 0);
  peer.out("ACK 0001 2.05 t=01");
}

TEST(Streaming, AnUploadThatBeginsAnewKeepsItsResponder) {
  Parameters parameters;
  parameters.stream_requests = true;
  Lockstep peer(parameters);
  peer.in("CON 0001 PUT t=01 /5/0/0 1:0/1/16 [16@0]");
  const auto first = peer.event<RequestBlockArrived>();
  EXPECT_EQ(first.offset, 0U);
  peer.endpoint.accept_block(peer.now, first.responder);
  peer.out("ACK 0001 2.31 t=01 1:0/1/16");
  peer.in("CON 0002 PUT t=02 /5/0/0 1:0/1/16 [16@0]");
  const auto again = peer.event<RequestBlockArrived>();
  EXPECT_EQ(again.responder, first.responder);
  EXPECT_EQ(again.offset, 0U);
  peer.answer(again.responder, code::kForbidden);
  peer.out("ACK 0002 4.03 t=02");
  peer.in("CON 0003 PUT t=03 /5/0/0 1:1/1/16 [16@16]");
  peer.out("ACK 0003 4.08 t=03 ?");
  peer.in("CON 0004 PUT t=04 /5/0/0 [7@0]");  // without Block1 it is a request like any other
  EXPECT_EQ(peer.event<RequestArrived>().request.payload, test_body(7));
  peer.quiet();
}

TEST(Streaming, AnotherETagBeginsTheStreamAgain) {
  Lockstep peer;
  RequestSettings settings;
  settings.stream_response = true;
  peer.ask(code::kGet, "/fw", {}, settings);
  peer.out("CON ? GET t=? /fw");
  peer.in("ACK $m 2.05 t=$t etag=01 2:0/1/16 [16@0]");
  EXPECT_EQ(peer.event<ResponseBlockArrived>().offset, 0U);
  peer.out("CON ? GET t=? /fw 2:1/0/16");
  peer.in("ACK $m 2.05 t=$t etag=02 2:1/1/16 [16@16]");
  peer.out("CON ? GET t=? /fw 2:0/0/16");
  peer.in("ACK $m 2.05 t=$t etag=02 2:0/1/16 [16@0]");
  EXPECT_EQ(peer.event<ResponseBlockArrived>().offset, 0U);
  peer.out("CON ? GET t=? /fw 2:1/0/16");
  peer.in("ACK $m 2.05 t=$t etag=02 2:1/0/16 [3@16]");
  const auto last = peer.event<ResponseBlockArrived>();
  EXPECT_EQ(last.offset, 16U);
  EXPECT_TRUE(last.last);
  peer.quiet();
}

TEST(Streaming, AnErrorInsteadOfAStreamIsAResponse) {
  Lockstep peer;
  RequestSettings settings;
  settings.stream_response = true;
  peer.ask(code::kGet, "/fw", {}, settings);
  peer.out("CON ? GET t=? /fw");
  peer.in("ACK $m 4.04 t=$t 'no'");
  EXPECT_EQ(peer.event<ResponseArrived>().response.code, code::kNotFound);
}

TEST(Memory, AnIdleExchangeLayerIsSmallAndAnIdlePeerCostsNothing) {
  SplitMix rng(1);
  const Parameters parameters;
  Reliability reliability(parameters, rng);
  auto exchanges = std::make_unique<Exchanges>(parameters, reliability, rng);
  for (std::uint16_t port = 1; port < 1000; ++port) {
    Message message;
    message.code = code::kGet;
    message.id = MessageId{port};
    exchanges->handle(Instant{}, MessageArrived{host(1, port), std::move(message)});
    const auto event = exchanges->poll_event();
    ASSERT_TRUE(event && std::holds_alternative<RequestArrived>(*event));
    exchanges->respond(Instant{}, std::get<RequestArrived>(*event).responder, {code::kNotFound, {}, {}});
  }
  EXPECT_FALSE(exchanges->deadline());
  const std::size_t with_it = heap.live;
  exchanges.reset();
  EXPECT_LT(with_it - heap.live, 1500U);
}

}  // namespace
}  // namespace drover::testing
