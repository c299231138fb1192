// SPDX-License-Identifier: Apache-2.0
// Requests and responses over the message layer: tokens, block-wise bodies (RFC 7959), observe (RFC 7641).
#pragma once

#include <optional>

#include "coap/exchange/requester.hpp"
#include "coap/exchange/responder.hpp"

namespace drover::coap {

/// Both roles towards all peers. Values only: whoever drives it hands in the message layer's events with handle() and
/// polls poll_event(); what is to be sent goes to the message layer. The operations are described at stack::Endpoint.
/// `parameters`, `reliability` and `rng` (used in the constructor only) are borrowed; the first two must outlive it.
class Exchanges {
 public:
  Exchanges(const Parameters& parameters, Reliability& reliability, Rng& rng);

  /// What the message layer found.
  void handle(Instant now, MessageEvent event);
  void handle_timeout(Instant now);

  ExchangeId request(Instant now, const transport::PeerAddress& peer, Request request, const RequestSettings& settings);
  ExchangeId ping(Instant now, const transport::PeerAddress& peer);
  ExchangeId cancel_observation(Instant now, ExchangeId observation);
  ExchangeId resume_observation(Instant now, const transport::PeerAddress& peer, const Token& token, Request request);
  [[nodiscard]] std::optional<Token> observation_token(ExchangeId observation) const;
  void forget(ExchangeId exchange);
  void supply(Instant now, ExchangeId exchange, ByteView bytes);

  void respond(Instant now, ResponderId responder, Response response);
  void respond_streamed(Instant now, ResponderId responder, Response head, std::size_t total);
  void supply(Instant now, ResponderId responder, ByteView bytes);
  void accept_block(Instant now, ResponderId responder);
  void notify(Instant now, ResponderId observation, Response response, bool confirmable);
  void withdraw_notification(Instant now, ResponderId observation);
  void end_observation(ResponderId observation);
  ResponderId restore_observation(const KeptObservation& kept);
  [[nodiscard]] std::optional<Token> observation_token(ResponderId observation) const;
  [[nodiscard]] std::uint32_t observe_number() const { return responder_.observers().number(); }

  /// Doesn't tell the message layer, which has a forget_peer() of its own.
  void forget_peer(const transport::PeerAddress& peer);

  std::optional<Event> poll_event() { return context_.events.pop(); }
  [[nodiscard]] std::optional<Deadline> deadline() const;

 private:
  Context context_;
  Requester requester_;
  Responder responder_;
};

}  // namespace drover::coap
