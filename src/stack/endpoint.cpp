// SPDX-License-Identifier: Apache-2.0
#include "stack/endpoint.hpp"

#include <utility>

#include "coap/exchange/exchanges.hpp"
#include "coap/reliability/reliability.hpp"

namespace drover::stack {

struct Endpoint::Layers {
  coap::Parameters parameters;
  coap::Reliability reliability;
  coap::Exchanges exchanges;

  Layers(const coap::Parameters& parameters_in, Rng& rng)
      : parameters(parameters_in), reliability(parameters, rng), exchanges(parameters, reliability, rng) {}

  /// Values that the message layer has for the exchange layer; handling one may produce none or more of them.
  void pump(Instant now) {
    while (auto event = reliability.poll_event()) exchanges.handle(now, std::move(*event));
  }
};

Endpoint::Endpoint(const coap::Parameters& parameters, Rng& rng) : layers_(std::make_unique<Layers>(parameters, rng)) {}
Endpoint::~Endpoint() = default;
Endpoint::Endpoint(Endpoint&&) noexcept = default;
Endpoint& Endpoint::operator=(Endpoint&&) noexcept = default;

void Endpoint::handle_datagram(Instant now, const transport::Datagram& datagram) {
  layers_->reliability.handle_datagram(now, datagram);
  layers_->pump(now);
}

void Endpoint::handle_timeout(Instant now) {
  layers_->reliability.handle_timeout(now);
  layers_->pump(now);
  layers_->exchanges.handle_timeout(now);
}

coap::ExchangeId Endpoint::request(Instant now, const transport::PeerAddress& peer, coap::Request request,
                                   const coap::RequestSettings& settings) {
  return layers_->exchanges.request(now, peer, std::move(request), settings);
}

void Endpoint::forget(coap::ExchangeId exchange) {
  layers_->exchanges.forget(exchange);
}

coap::ExchangeId Endpoint::cancel_observation(Instant now, coap::ExchangeId observation) {
  return layers_->exchanges.cancel_observation(now, observation);
}

void Endpoint::supply(Instant now, coap::ExchangeId exchange, ByteView bytes) {
  layers_->exchanges.supply(now, exchange, bytes);
}

void Endpoint::respond(Instant now, coap::ResponderId responder, coap::Response response) {
  layers_->exchanges.respond(now, responder, std::move(response));
}

void Endpoint::respond_streamed(Instant now, coap::ResponderId responder, coap::Response head, std::size_t total) {
  layers_->exchanges.respond_streamed(now, responder, std::move(head), total);
}

void Endpoint::supply(Instant now, coap::ResponderId responder, ByteView bytes) {
  layers_->exchanges.supply(now, responder, bytes);
}

void Endpoint::accept_block(Instant now, coap::ResponderId responder) {
  layers_->exchanges.accept_block(now, responder);
}

void Endpoint::notify(Instant now, coap::ResponderId observation, coap::Response response, bool confirmable) {
  layers_->exchanges.notify(now, observation, std::move(response), confirmable);
}

void Endpoint::withdraw_notification(Instant now, coap::ResponderId observation) {
  layers_->exchanges.withdraw_notification(now, observation);
}

void Endpoint::end_observation(coap::ResponderId observation) {
  layers_->exchanges.end_observation(observation);
}

coap::ExchangeId Endpoint::resume_observation(Instant now, const transport::PeerAddress& peer,
                                              const coap::Token& token, coap::Request request) {
  return layers_->exchanges.resume_observation(now, peer, token, std::move(request));
}

std::optional<coap::Token> Endpoint::observation_token(coap::ExchangeId observation) const {
  return layers_->exchanges.observation_token(observation);
}

coap::ResponderId Endpoint::restore_observation(const coap::KeptObservation& kept) {
  return layers_->exchanges.restore_observation(kept);
}

std::optional<coap::Token> Endpoint::observation_token(coap::ResponderId observation) const {
  return layers_->exchanges.observation_token(observation);
}

std::uint32_t Endpoint::observe_number() const {
  return layers_->exchanges.observe_number();
}

coap::ExchangeId Endpoint::ping(Instant now, const transport::PeerAddress& peer) {
  return layers_->exchanges.ping(now, peer);
}

void Endpoint::forget_peer(const transport::PeerAddress& peer) {
  layers_->exchanges.forget_peer(peer);
  layers_->reliability.forget_peer(peer);
}

std::optional<transport::Transmit> Endpoint::poll_transmit() {
  return layers_->reliability.poll_transmit();
}

std::optional<coap::Event> Endpoint::poll_event() {
  return layers_->exchanges.poll_event();
}

std::optional<coap::Drop> Endpoint::poll_drop() {
  return layers_->reliability.poll_drop();
}

void Endpoint::note_drop(const transport::PeerAddress& peer, const char* why) {
  layers_->reliability.note_drop(peer, why);
}

std::optional<Deadline> Endpoint::deadline() const {
  const auto messages = layers_->reliability.deadline();
  const auto exchanges = layers_->exchanges.deadline();
  if (!messages) return exchanges;
  if (!exchanges || messages->at <= exchanges->at) return messages;
  return exchanges;
}

const coap::Counters& Endpoint::counters() const {
  return layers_->reliability.counters();
}

}  // namespace drover::stack
