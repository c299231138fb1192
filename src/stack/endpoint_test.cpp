// SPDX-License-Identifier: Apache-2.0
// An endpoint that ends without a word and starts again, seen by the peer that observes it (RFC 7641).
#include "stack/endpoint.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "coap/message/code.hpp"

namespace drover::stack {
namespace {

using coap::OptionNumber;

const transport::PeerAddress kObserver = transport::PeerAddress::v4(0xC0000201, 5683);
const transport::PeerAddress kObserved = transport::PeerAddress::v4(0xC0000202, 5683);

coap::Request get() {
  coap::Request request{coap::code::kGet, {}, {}};
  request.options.add_uri_path("/3303/0/5700");
  return request;
}

class RestoredObservation : public ::testing::Test {
 protected:
  RestoredObservation() {
    coap::Request request = get();
    request.options.set_observe(0);
    exchange = observer.request(now, kObserved, request);
    run();
    kept = {kObserver, *observed->observation_token(id), get(), observed->observe_number()};
  }
  void restart() {
    observed.emplace(coap::Parameters{}, rng);
    kept.number += 1000;
    id = observed->restore_observation(kept);
  }
  void notify(const std::string& text, bool confirmable) {
    observed->notify(now, id, coap::Response{coap::code::kContent, {}, to_bytes(text)}, confirmable);
    run();
  }
  void run() {
    for (bool busy = true; busy;) {
      busy = false;
      while (auto sent = observed->poll_transmit()) {
        busy = true;
        observer.handle_datagram(now, {kObserved, sent->bytes});
      }
      while (auto sent = observer.poll_transmit()) {
        busy = true;
        observed->handle_datagram(now, {kObserver, sent->bytes});
      }
      while (auto event = observed->poll_event()) {
        busy = true;
        if (const auto* request = std::get_if<coap::RequestArrived>(&*event)) answer(*request);
        ended |= std::holds_alternative<coap::ObservationEnded>(*event);
        acknowledged |= std::holds_alternative<coap::NotificationAcknowledged>(*event);
      }
      while (auto event = observer.poll_event()) {
        busy = true;
        const auto* notification = std::get_if<coap::NotificationArrived>(&*event);
        if (notification == nullptr || notification->exchange != exchange) continue;
        arrived.emplace_back(as_text(notification->response.payload));
        number = notification->response.options.observe().value_or(0);
      }
    }
  }
  void answer(const coap::RequestArrived& request) {
    if (request.request.options.observe() == 0U) id = request.responder;
    coap::Response response{coap::code::kContent, {}, to_bytes("first")};
    response.options.set_observe(0);
    observed->respond(now, request.responder, std::move(response));
    ++answered;
  }

  Instant now{};
  SplitMix rng{5};
  Endpoint observer{coap::Parameters{}, rng};
  std::optional<Endpoint> observed{std::in_place, coap::Parameters{}, rng};
  coap::ExchangeId exchange;
  coap::ResponderId id;
  coap::KeptObservation kept;
  std::vector<std::string> arrived;
  std::uint32_t number = 0;
  int answered = 0;
  bool ended = false;
  bool acknowledged = false;
};

TEST_F(RestoredObservation, GoesOnWithItsTokenAndALargerNumber) {
  notify("a", false);
  const std::uint32_t before = number;
  restart();
  EXPECT_EQ(observed->observation_token(id), kept.token);
  notify("b", false);
  notify("c", true);
  EXPECT_EQ(arrived, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_GT(number, before + 900);
  EXPECT_TRUE(acknowledged);
}

TEST_F(RestoredObservation, WithTheNumbersOfANewOneWouldBeStale) {
  for (int i = 0; i < 3; ++i) notify("a", false);
  observed.emplace(coap::Parameters{}, rng);
  kept.number = 0;
  id = observed->restore_observation(kept);
  notify("b", false);
  EXPECT_EQ(arrived.back(), "a") << "RFC 7641 §3.4";
}

TEST_F(RestoredObservation, EndsByAReset) {
  restart();
  observer.forget(exchange);
  notify("b", false);
  EXPECT_TRUE(ended);
  EXPECT_FALSE(observed->observation_token(id));
}

TEST_F(RestoredObservation, SendsABodyInBlocksFromOneRepresentation) {
  restart();
  const std::string large(3000, 'x');
  notify(large, false);
  ASSERT_EQ(arrived.size(), 1U);
  EXPECT_EQ(arrived[0], large);
  EXPECT_EQ(answered, 1) << "the blocks behind the first came from the notification's body (RFC 7959 §2.6)";
}

}  // namespace
}  // namespace drover::stack
