// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/associations.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <utility>

#include "apps/swarm/devices.hpp"
#include "apps/swarm/keys.hpp"
#include "security/dtls/test_peers.hpp"
#include "security/listener.hpp"

namespace drover::swarm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using transport::PeerAddress;

/// A swarm and the server's listener in memory.
class SecureSwarm : public ::testing::Test {
 protected:
  SecureSwarm() {
    options_.count = 3;
    options_.lifetime = 100;
    parameters_.watcher = &witness_;
    parameters_.ticket_secret = Secret<Bytes>(Bytes(32, 7));
    for (std::uint32_t device = 0; device < options_.count; ++device) {
      const security::PskCredential credential = keys_.credential(options_.endpoint(device));
      known_.psks[credential.identity] = as_text(credential.key.reveal());
    }
    security::dtls::DtlsProvider provider(parameters_, rng_);
    acceptor_ = std::move(*provider.acceptor({}, known_));
    listener_ = std::make_unique<security::Listener>(security::ListenerSettings{}, *acceptor_, known_, rng_);
    start({});
  }
  void TearDown() override { EXPECT_EQ(witness_.reused, 0U) << "a nonce was used twice"; }

  void start(const Associations::Settings& settings) {
    devices_.reset();
    associations_.emplace(
        options_.count, settings, provider_,
        [this](std::uint32_t device) { return keys_.credential(options_.endpoint(device)); },
        [this](std::uint32_t device, Bytes bytes) { uplink_.emplace_back(device, std::move(bytes)); });
    devices_.emplace(options_, rng_, [](std::uint32_t, Bytes) { FAIL() << "past the associations"; }, &*associations_);
  }
  static PeerAddress address(std::uint32_t device) {
    return PeerAddress::v4(0xC0000200 + device, 40000).as(transport::Kind::Dtls);
  }

  /// Passes on what is under way until nothing moves. What the server hears it answers as `answer_` says.
  void pump() {
    for (bool busy = true; busy;) {
      busy = false;
      for (; !uplink_.empty(); uplink_.pop_front()) {
        listener_->handle_datagram(now_, {address(uplink_.front().first), uplink_.front().second});
      }
      while (auto heard = listener_->poll_plaintext()) {
        auto message = coap::decode(heard->bytes);
        ASSERT_TRUE(message.has_value());
        heard_.push_back(*message);
        if (message->code.is_request()) answer(heard->from, *message);
        busy = true;
      }
      while (auto event = listener_->poll_event()) {
        if (const auto* opened = std::get_if<security::AssociationOpened>(&*event)) opened_.push_back(*opened);
      }
      while (auto transmit = listener_->poll_transmit()) {
        for (std::uint32_t device = 0; device < options_.count; ++device) {
          if (transmit->to == address(device)) associations_->handle_datagram(now_, device, transmit->bytes);
        }
        busy = true;
      }
      while (const auto event = associations_->poll_event()) devices_->handle_association(now_, *event);
      while (const auto message = associations_->poll_message()) {
        devices_->handle_datagram(now_, message->device, message->bytes);
        busy = true;
      }
      busy = busy || !uplink_.empty();
    }
  }

  void answer(const PeerAddress& to, const coap::Message& request) {
    coap::Message answer;
    answer.type = coap::Type::Acknowledgement;
    answer.code = request.options.uri_path() == "/rd" ? coap::code::kCreated : coap::code::kChanged;
    answer.id = request.id;
    answer.token = request.token;
    if (answer.code == coap::code::kCreated) answer.options.add_location_path("/rd/x7");
    listener_->send(now_, to, coap::encode(answer));
  }

  void pass(Duration time) {
    for (const Instant end = now_ + time; now_ < end;) {
      now_ = std::min(end, now_ + milliseconds(250));
      associations_->handle_timeout(now_);
      devices_->handle_timeout(now_);
      listener_->handle_timeout(now_);
      pump();
    }
  }

  void register_device(std::uint32_t device = 0) {
    ASSERT_TRUE(devices_->begin(now_, device, Exchange::Register));
    pump();
    ASSERT_TRUE(devices_->is_registered(device));
  }

  void ask(std::uint32_t device, coap::Code code, const char* path) {
    coap::Message request;
    request.code = code;
    request.id = {++request_id_};
    request.options.add_uri_path(path);
    listener_->send(now_, opened_.at(device).name, coap::encode(request));
    pump();
  }

  SplitMix rng_{1};
  Instant now_{seconds(1000)};
  Options options_;
  Keys keys_{Secret<Bytes>(Bytes(32, 5))};
  security::testing::KnownPeers known_;
  security::testing::Witness witness_;
  security::dtls::Parameters parameters_;
  std::unique_ptr<security::Acceptor> acceptor_;
  std::unique_ptr<security::Listener> listener_;
  security::dtls::DtlsProvider provider_{{}, rng_};
  std::optional<Associations> associations_;
  std::optional<Devices> devices_;
  std::deque<std::pair<std::uint32_t, Bytes>> uplink_;
  std::vector<coap::Message> heard_;
  std::vector<security::AssociationOpened> opened_;
  std::uint16_t request_id_ = 0;
};

TEST_F(SecureSwarm, EachDeviceRegistersOverAnAssociationOfItsOwnName) {
  for (const std::uint32_t device : {0U, 1U, 2U}) register_device(device);
  ASSERT_EQ(opened_.size(), 3U);
  for (const std::uint32_t device : {0U, 1U, 2U}) {
    EXPECT_EQ(opened_[device].peer.name, options_.endpoint(device));
    EXPECT_TRUE(opened_[device].has_connection_id);
  }
  EXPECT_EQ(heard_.size(), 3U) << "no Register before its association stands";
  EXPECT_EQ(associations_->take_report().done, 3U);
  EXPECT_EQ(devices_->take_report(Exchange::Register).done, 3U);
}

TEST_F(SecureSwarm, AnIdleAssociationIsPutAwayAndGoesOn) {
  register_device();
  EXPECT_EQ(associations_->live(), 1U);
  pass(seconds(2));
  EXPECT_EQ(associations_->live(), 0U);
  EXPECT_TRUE(associations_->is_up(0));
  ask(0, coap::code::kGet, "/3/0/0");
  EXPECT_EQ(as_text(heard_.back().payload), "Drover") << "the server's message has woken it";
  pass(seconds(74));
  EXPECT_EQ(heard_.back().options.uri_path(), "/rd/x7") << "the Update has woken it again";
  EXPECT_EQ(devices_->take_report(Exchange::Update).done, 1U);
  EXPECT_EQ(associations_->counts().handshakes, 1U);
  EXPECT_EQ(associations_->counts().ignored_records, 0U);
}

TEST_F(SecureSwarm, OnlySoManyAreLiveAtATime) {
  start({.live_max = 1});
  for (const std::uint32_t device : {0U, 1U, 2U}) register_device(device);
  EXPECT_EQ(associations_->live(), 1U);
  for (const std::uint32_t device : {0U, 1U, 2U}) {
    ask(device, coap::code::kGet, "/3/0/2");
    EXPECT_EQ(as_text(heard_.back().payload), std::to_string(device + 1));
  }
  EXPECT_EQ(associations_->live(), 1U);
  EXPECT_EQ(associations_->counts().handshakes, 3U);
}

TEST_F(SecureSwarm, AWrongKeyIsAFailedHandshakeThatIsTriedAgain) {
  known_.psks[options_.endpoint(0)] = "another key, not";
  ASSERT_TRUE(devices_->begin(now_, 0, Exchange::Register));
  pump();
  pass(seconds(121));  // a server says nothing to a wrong key
  EXPECT_GE(associations_->counts().failed, 1U);
  EXPECT_EQ(associations_->take_report().errors.size(), 1U);
  EXPECT_TRUE(devices_->take_report(Exchange::Register).errors.empty()) << "no Register was sent";
  EXPECT_EQ(devices_->outstanding(), 0U);
  known_.psks[options_.endpoint(0)] = as_text(keys_.credential(options_.endpoint(0)).key.reveal());
  pass(seconds(46));
  EXPECT_TRUE(devices_->is_registered(0));
}

TEST_F(SecureSwarm, ALostAssociationIsCountedAndMadeAnew) {
  register_device();
  pass(seconds(2));
  listener_->close(now_, opened_.at(0).name, "test");
  pump();
  EXPECT_FALSE(devices_->is_registered(0));
  EXPECT_EQ(associations_->counts().lost, 1U);
  EXPECT_EQ(associations_->take_report().errors.at("lost: the peer closed it"), 1U);
  pass(seconds(46));
  EXPECT_TRUE(devices_->is_registered(0));
  EXPECT_EQ(opened_.size(), 2U);
}

TEST_F(SecureSwarm, ADeviceThatHearsNothingShakesHandsAgain) {
  register_device();
  listener_ = std::make_unique<security::Listener>(security::ListenerSettings{}, *acceptor_, known_, rng_);
  pass(seconds(75 + 93 + 46));
  EXPECT_EQ(devices_->take_report(Exchange::Update).errors.at("timeout"), 1U);
  EXPECT_EQ(opened_.size(), 2U);
  EXPECT_TRUE(devices_->is_registered(0));
}

TEST_F(SecureSwarm, ARestartedDeviceResumesWhenItIsToldTo) {
  for (const bool resume : {false, true}) {
    start({.resume = resume});
    opened_.clear();
    register_device();
    ask(0, coap::code::kPost, "/3/0/4");
    pass(seconds(1));
    ASSERT_EQ(opened_.size(), 2U) << "a restarted device has lost its keys";
    EXPECT_EQ(opened_[1].resumed, resume);
    EXPECT_EQ(associations_->counts().resumptions, resume ? 1U : 0U);
    EXPECT_TRUE(devices_->is_registered(0));
  }
}

TEST_F(SecureSwarm, AGoodbyeEndsTheAssociationAtTheServer) {
  register_device();
  pass(seconds(2));
  associations_->close(now_, 0);
  EXPECT_FALSE(associations_->is_up(0));
  pump();
  EXPECT_EQ(listener_->counters().associations, 0U);
}

}  // namespace
}  // namespace drover::swarm
