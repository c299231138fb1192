// SPDX-License-Identifier: Apache-2.0
#include "coap/exchange/exchanges.hpp"

#include <utility>

namespace drover::coap {

Exchanges::Exchanges(const Parameters& parameters, Reliability& reliability, Rng& rng)
    : context_(parameters, reliability, rng), requester_(context_), responder_(context_) {}

void Exchanges::handle(Instant now, MessageEvent event) {
  if (auto* arrived = std::get_if<MessageArrived>(&event)) {
    if (arrived->message.code.is_request()) {
      responder_.take(now, arrived->peer, std::move(arrived->message));
    } else {
      requester_.take_message(now, arrived->peer, std::move(arrived->message));
    }
  } else if (auto* reply = std::get_if<ReplyArrived>(&event)) {
    // A notification has no answer: an acknowledgement that carries one counts as an empty one.
    if (responder_.observers().acknowledged(now, reply->transmission)) return;
    requester_.take_reply(now, std::move(*reply));
  } else if (const auto* acknowledged = std::get_if<Acknowledged>(&event)) {
    if (!requester_.acknowledged(now, acknowledged->transmission)) {
      responder_.observers().acknowledged(now, acknowledged->transmission);
    }
  } else if (const auto* rejected = std::get_if<Rejected>(&event)) {
    if (!requester_.rejected(now, rejected->transmission)) responder_.observers().rejected(rejected->transmission);
  } else if (const auto* gave_up = std::get_if<GaveUp>(&event)) {
    if (!requester_.gave_up(now, gave_up->transmission)) responder_.observers().gave_up(now, gave_up->transmission);
  }
}

void Exchanges::handle_timeout(Instant now) {
  requester_.handle_timeout(now);
  responder_.handle_timeout(now);
}

ExchangeId Exchanges::request(Instant now, const transport::PeerAddress& peer, Request request,
                              const RequestSettings& settings) {
  return requester_.request(now, peer, std::move(request), settings);
}
ExchangeId Exchanges::ping(Instant now, const transport::PeerAddress& peer) {
  return requester_.ping(now, peer);
}
ExchangeId Exchanges::cancel_observation(Instant now, ExchangeId observation) {
  return requester_.cancel_observation(now, observation);
}
void Exchanges::forget(ExchangeId exchange) {
  requester_.forget(exchange);
}
void Exchanges::supply(Instant now, ExchangeId exchange, ByteView bytes) {
  requester_.supply(now, exchange, bytes);
}

void Exchanges::respond(Instant now, ResponderId responder, Response response) {
  responder_.respond(now, responder, std::move(response));
}
void Exchanges::respond_streamed(Instant now, ResponderId responder, Response head, std::size_t total) {
  responder_.respond_streamed(now, responder, std::move(head), total);
}
void Exchanges::supply(Instant now, ResponderId responder, ByteView bytes) {
  responder_.supply(now, responder, bytes);
}
void Exchanges::accept_block(Instant now, ResponderId responder) {
  responder_.accept_block(now, responder);
}
void Exchanges::notify(Instant now, ResponderId observation, Response response, bool confirmable) {
  responder_.observers().notify(now, observation, std::move(response), confirmable);
}
void Exchanges::withdraw_notification(Instant now, ResponderId observation) {
  responder_.observers().withdraw(now, observation);
}

void Exchanges::end_observation(ResponderId observation) {
  responder_.observers().end(observation);
}

ExchangeId Exchanges::resume_observation(Instant now, const transport::PeerAddress& peer, const Token& token,
                                        Request request) {
  return requester_.resume_observation(now, peer, token, std::move(request));
}
std::optional<Token> Exchanges::observation_token(ExchangeId observation) const {
  return requester_.observation_token(observation);
}
ResponderId Exchanges::restore_observation(const KeptObservation& kept) {
  return responder_.restore_observation(kept);
}
std::optional<Token> Exchanges::observation_token(ResponderId observation) const {
  return responder_.observers().token_of(observation);
}

void Exchanges::forget_peer(const transport::PeerAddress& peer) {
  requester_.forget_peer(peer);
  responder_.forget_peer(peer);
}

std::optional<Deadline> Exchanges::deadline() const {
  const auto ours = requester_.deadline();
  const auto theirs = responder_.deadline();
  if (!ours) return theirs;
  if (!theirs || ours->at <= theirs->at) return ours;
  return theirs;
}

}  // namespace drover::coap
