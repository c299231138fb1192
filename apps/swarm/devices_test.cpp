// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/devices.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <utility>

namespace drover::swarm {
namespace {

using std::chrono::seconds;

/// A swarm whose datagrams the test takes as the server would.
class DevicesTest : public ::testing::Test {
 protected:
  static Options options() {
    Options options;
    options.count = 3;
    options.lifetime = 100;
    options.notify_every = 10;
    return options;
  }

  coap::Message take(std::uint32_t device = 0) {
    EXPECT_FALSE(sent_.empty());
    if (sent_.empty()) return {};
    auto [from, bytes] = std::move(sent_.front());
    sent_.pop_front();
    EXPECT_EQ(from, device);
    auto message = coap::decode(bytes);
    EXPECT_TRUE(message.has_value());
    return message.value_or(coap::Message{});
  }

  void give(const coap::Message& message, std::uint32_t device = 0) {
    devices_.handle_datagram(now_, device, coap::encode(message));
  }

  static coap::Message reply(const coap::Message& request, coap::Code code) {
    coap::Message message;
    message.type = coap::Type::Acknowledgement;
    message.code = code;
    message.id = request.id;
    message.token = request.token;
    return message;
  }

  void pass(Duration time) {
    now_ += time;
    devices_.handle_timeout(now_);
  }

  void register_device() {
    ASSERT_TRUE(devices_.begin(now_, 0, Exchange::Register));
    coap::Message created = reply(take(), coap::code::kCreated);
    created.options.add_location_path("/rd/x7");
    give(created);
    ASSERT_TRUE(devices_.is_registered(0));
  }

  static coap::Message get(const char* path, std::uint16_t id) {
    coap::Message message;
    message.code = coap::code::kGet;
    message.id = {id};
    message.token = coap::Token::of(std::uint64_t{id});
    message.options.add_uri_path(path);
    return message;
  }

  SplitMix rng_{1};
  Instant now_{seconds(1)};
  std::deque<std::pair<std::uint32_t, Bytes>> sent_;
  Devices devices_{options(), rng_,
                   [this](std::uint32_t device, Bytes bytes) { sent_.emplace_back(device, std::move(bytes)); }};
};

TEST_F(DevicesTest, RegistersWithItsOwnEndpointAndTheSharedLinks) {
  ASSERT_TRUE(devices_.begin(now_, 2, Exchange::Register));
  const coap::Message request = take(2);
  EXPECT_EQ(request.type, coap::Type::Confirmable);
  EXPECT_EQ(request.code, coap::code::kPost);
  EXPECT_EQ(request.options.uri_path(), "/rd");
  const auto query = request.options.texts(coap::OptionNumber::UriQuery);
  EXPECT_NE(std::find(query.begin(), query.end(), "ep=urn:dev:os:swarm-3"), query.end());
  EXPECT_NE(std::find(query.begin(), query.end(), "lt=100"), query.end());
  EXPECT_NE(as_text(request.payload).find("</3303/7>"), std::string_view::npos);
  EXPECT_EQ(devices_.outstanding(), 1U);
}

TEST_F(DevicesTest, UpdatesAtThreeQuartersOfTheLifetime) {
  register_device();
  pass(seconds(74));
  EXPECT_TRUE(sent_.empty());
  pass(seconds(1));
  const coap::Message update = take();
  EXPECT_EQ(update.options.uri_path(), "/rd/x7");
  give(reply(update, coap::code::kChanged));
  EXPECT_EQ(devices_.take_report(Exchange::Update).done, 1U);
}

TEST_F(DevicesTest, AnUnknownRegistrationIsRegisteredAnewAtOnce) {
  register_device();
  pass(seconds(75));
  give(reply(take(), coap::code::kNotFound));
  EXPECT_FALSE(devices_.is_registered(0));
  pass(Duration::zero());
  EXPECT_EQ(take().options.uri_path(), "/rd");
  EXPECT_EQ(devices_.take_report(Exchange::Update).errors.at("4.04"), 1U);
}

TEST_F(DevicesTest, Rfc7252Section4_2RepeatsFourTimesWithTheSameIdAndThenGivesUp) {
  ASSERT_TRUE(devices_.begin(now_, 0, Exchange::Register));
  const coap::MessageId id = take().id;
  for (int repetition = 0; repetition < 4; ++repetition) {
    pass(seconds(3) * (1 << repetition));
    EXPECT_EQ(take().id, id);
  }
  pass(seconds(48));
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(devices_.outstanding(), 0U);
  EXPECT_EQ(devices_.take_report(Exchange::Register).errors.at("timeout"), 1U);
}

TEST_F(DevicesTest, ASeparateResponseIsAcknowledgedAndEndsTheExchange) {
  ASSERT_TRUE(devices_.begin(now_, 0, Exchange::Register));
  const coap::Message request = take();
  coap::Message empty;
  empty.type = coap::Type::Acknowledgement;
  empty.id = request.id;
  give(empty);
  pass(seconds(60));
  EXPECT_TRUE(sent_.empty());
  coap::Message created = reply(request, coap::code::kCreated);
  created.type = coap::Type::Confirmable;
  created.id = {4711};
  created.options.add_location_path("/rd/1");
  give(created);
  const coap::Message acknowledgement = take();
  EXPECT_EQ(acknowledgement.type, coap::Type::Acknowledgement);
  EXPECT_EQ(acknowledgement.id.value, 4711);
  EXPECT_TRUE(devices_.is_registered(0));
}

TEST_F(DevicesTest, AResponseWithAnotherTokenIsNotTaken) {
  ASSERT_TRUE(devices_.begin(now_, 0, Exchange::Register));
  coap::Message created = reply(take(), coap::code::kCreated);
  created.token = coap::Token::of(std::uint64_t{1});
  give(created);
  EXPECT_FALSE(devices_.is_registered(0));
  EXPECT_EQ(devices_.activity().unmatched, 1U);
}

TEST_F(DevicesTest, ReadsASingleResourceAsTextAndARepeatedRequestAlike) {
  const coap::Message request = get("/3/0/0", 5);
  give(request);
  const coap::Message first = take();
  EXPECT_EQ(first.code, coap::code::kContent);
  EXPECT_EQ(as_text(first.payload), "Drover");
  give(request);
  EXPECT_EQ(take(), first);
  EXPECT_EQ(devices_.activity().repeated_requests, 1U);
}

TEST_F(DevicesTest, ReadsAnInstanceAsTlv) {
  give(get("/3303/0", 5));
  const coap::Message answer = take();
  ASSERT_EQ(answer.options.content_format(), lwm2m::format::kTlv);
  // Resource 5700 as 8 bytes: type 11 1 01 000 (16-bit id, one byte of length), id 16 44, length 08 (Core §6.4.3).
  ASSERT_GE(answer.payload.size(), 4U);
  EXPECT_EQ(to_hex(ByteView(answer.payload).first(4)), "e8164408");
}

TEST_F(DevicesTest, WhatIsNotThereOrNotAllowed) {
  give(get("/5/0", 6));
  EXPECT_EQ(take().code, coap::code::kNotFound);
  give(get("/1/0/8", 7));
  EXPECT_EQ(take().code, coap::code::kMethodNotAllowed);
  coap::Message unknown = get("/3/0/0", 8);
  unknown.options.add(std::uint16_t{65001}, ByteView{});
  give(unknown);
  EXPECT_EQ(take().code, coap::code::kBadOption);
}

TEST_F(DevicesTest, TheUpdateTriggerMakesItUpdate) {
  register_device();
  coap::Message execute = get("/1/0/8", 9);
  execute.code = coap::code::kPost;
  give(execute);
  EXPECT_EQ(take().code, coap::code::kChanged);
  pass(Duration::zero());
  EXPECT_EQ(take().options.uri_path(), "/rd/x7");
}

TEST_F(DevicesTest, AnObservationIsNotifiedUntilReset) {
  coap::Message observe = get("/3303/0/5700", 10);
  observe.options.set_observe(0);
  give(observe);
  const coap::Message answer = take();
  ASSERT_TRUE(answer.options.observe().has_value());
  pass(seconds(10));
  const coap::Message first = take();
  EXPECT_EQ(first.type, coap::Type::NonConfirmable);
  EXPECT_EQ(first.token, observe.token);
  EXPECT_NE(first.payload, answer.payload);
  pass(seconds(10));
  const coap::Message second = take();
  EXPECT_GT(second.options.observe(), first.options.observe());
  coap::Message reset;
  reset.type = coap::Type::Reset;
  reset.id = second.id;
  give(reset);
  pass(seconds(10));
  EXPECT_TRUE(sent_.empty());
}

TEST_F(DevicesTest, GarbageIsCountedAndAPingGetsAReset) {
  const Bytes garbage{0x40, 0x01, 0x00, 0x07, 0xFF};
  devices_.handle_datagram(now_, 0, garbage);
  EXPECT_EQ(take().type, coap::Type::Reset);
  EXPECT_EQ(devices_.activity().malformed, 1U);
  coap::Message ping;
  ping.id = {99};
  give(ping);
  EXPECT_EQ(take().type, coap::Type::Reset);
}

}  // namespace
}  // namespace drover::swarm
