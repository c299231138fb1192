// SPDX-License-Identifier: Apache-2.0
// One local CoAP endpoint: message, reliability and exchange layers wired together. No policy.
#pragma once

#include <memory>
#include <optional>

#include "base/random.hpp"
#include "base/time.hpp"
#include "coap/exchange/types.hpp"
#include "coap/parameters.hpp"
#include "coap/reliability/drops.hpp"
#include "transport/datagram.hpp"

namespace drover::stack {

/// Drive it by the one contract: call one handle_* or one command, then drain poll_transmit() and poll_event() until
/// both are empty, then wait until deadline() and call handle_timeout(). One thread at a time. Never blocks, never
/// throws on peer input. `rng` must outlive it.
class Endpoint {
 public:
  Endpoint(const coap::Parameters& parameters, Rng& rng);
  ~Endpoint();
  Endpoint(Endpoint&&) noexcept;
  Endpoint& operator=(Endpoint&&) noexcept;

  void handle_datagram(Instant now, const transport::Datagram& datagram);
  void handle_timeout(Instant now);

  /// Sends a request. A payload over the block size goes block-wise (RFC 7959 §2.5); a block-wise response is collected
  /// (or streamed). A request with Observe=0 stays open while the peer accepts it.
  coap::ExchangeId request(Instant now, const transport::PeerAddress& peer, coap::Request request,
                           const coap::RequestSettings& settings = {});
  /// Ends an exchange or observation of ours without a word to the peer; a later notification gets a Reset (RFC 7641
  /// §3.6).
  void forget(coap::ExchangeId exchange);
  /// Ends an observation of ours by a GET with Observe=1, the same token and the same options (RFC 7641 §3.6). The
  /// answer comes as ResponseArrived or RequestFailed of the returned exchange. Notifications of `observation` are
  /// delivered until then; a response of any code ends `observation` silently, a failure leaves it. An unknown id gives
  /// RequestFailed (Refused).
  coap::ExchangeId cancel_observation(Instant now, coap::ExchangeId observation);
  /// Takes up an observation of ours from before a restart: notifications with that token belong to `request` again. The
  /// request is the one that began it, Observe=0 included; nothing is sent.
  coap::ExchangeId resume_observation(Instant now, const transport::PeerAddress& peer, const coap::Token& token,
                                      coap::Request request);
  /// For resume_observation(); nothing when it isn't an accepted observation.
  [[nodiscard]] std::optional<coap::Token> observation_token(coap::ExchangeId observation) const;
  /// Bytes asked for by BodyWanted, of our request.
  void supply(Instant now, coap::ExchangeId exchange, ByteView bytes);

  /// Answers a request: in the acknowledgement when still possible, else as a separate response. A payload over the
  /// block size is sliced (Block2 with ETag and Size2). With Observe in `response.options` and an Observe=0 request an
  /// observation begins, and `responder` names it. Unknown ids are ignored.
  void respond(Instant now, coap::ResponderId responder, coap::Response response);
  /// As respond(), but the body of `total` bytes is asked for block by block with BodyWanted; it is never held whole.
  void respond_streamed(Instant now, coap::ResponderId responder, coap::Response head, std::size_t total);
  void supply(Instant now, coap::ResponderId responder, ByteView bytes);
  /// Asks for the next block of a streamed request (2.31 Continue).
  void accept_block(Instant now, coap::ResponderId responder);

  /// Sends a notification; the Observe number is ours (RFC 7641 §4.4). A notification that waits behind an
  /// unacknowledged confirmable one is replaced by a newer one (§4.5.2). An error code ends the observation.
  void notify(Instant now, coap::ResponderId observation, coap::Response response, bool confirmable);
  /// Takes back a confirmable notification that isn't acknowledged yet, with what waits behind it, an error excepted:
  /// it isn't repeated any more, and neither acknowledged nor timed out.
  void withdraw_notification(Instant now, coap::ResponderId observation);
  /// Ends an observation of a peer without a word.
  void end_observation(coap::ResponderId observation);

  /// Takes up an observation that a peer began before a restart; notify() goes on with it. The first response is taken
  /// as delivered.
  coap::ResponderId restore_observation(const coap::KeptObservation& kept);
  /// For coap::KeptObservation; nothing when there is no such observation.
  [[nodiscard]] std::optional<coap::Token> observation_token(coap::ResponderId observation) const;
  /// The newest Observe number that was given out, of all observations.
  [[nodiscard]] std::uint32_t observe_number() const;

  /// CoAP ping (RFC 7252 §4.3): an empty CON. The Reset answer or the silence comes as RequestFailed with cause Reset
  /// or Timeout of the returned exchange.
  coap::ExchangeId ping(Instant now, const transport::PeerAddress& peer);

  /// Drops every exchange, observation, queue and body of a peer. Deduplication entries stay until they expire.
  void forget_peer(const transport::PeerAddress& peer);

  std::optional<transport::Transmit> poll_transmit();
  std::optional<coap::Event> poll_event();
  /// Wrong packets for a log, while Parameters::report_drops is set: the newest coap::Drops::kCountMax since the last
  /// look. May be left undrained.
  std::optional<coap::Drop> poll_drop();
  /// The owner drops a datagram before it gets here; `why` is a literal.
  void note_drop(const transport::PeerAddress& peer, const char* why);
  [[nodiscard]] std::optional<Deadline> deadline() const;
  [[nodiscard]] const coap::Counters& counters() const;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace drover::stack
