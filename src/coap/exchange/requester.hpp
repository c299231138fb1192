// SPDX-License-Identifier: Apache-2.0
// Our requests: tokens, waiting, block-wise bodies in both directions, observations that we have with peers.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "coap/exchange/context.hpp"
#include "coap/exchange/due_set.hpp"

namespace drover::coap {

/// Where our request's body stands (RFC 7959 §2.5).
struct RequestUpload {
  std::size_t total = 0;
  std::size_t offset = 0;  ///< of the block in flight or wanted
  std::size_t length = 0;  ///< of the block in flight or wanted
  std::uint8_t szx = 0;
  bool blockwise = false;
  bool streamed = false;
  bool wanted = false;  ///< BodyWanted is out
};
/// Where the response's body stands (RFC 7959 §2.4).
struct ResponseDownload {
  Response head;  ///< payload: what is collected so far
  std::optional<Bytes> etag;
  std::size_t received = 0;
  std::uint8_t szx = 0;
  bool begun = false;  ///< a block has been taken
  bool restarted = false;
  bool of_notification = false;
  bool last = false;  ///< of a notification that ends the observation
};
/// What RFC 7641 §3.4 compares with.
struct ObservationOfOurs {
  Token token;
  std::uint32_t sequence = 0;
  Instant at{};
  std::optional<ExchangeId> cancelled_by;
};

/// The requester's half of Exchanges. Every exchange ends with exactly one of ResponseArrived (unless `observing`),
/// NotificationArrived with `last`, ResponseBlockArrived with `last`, RequestFailed, or a call of forget().
///
/// Every message of a block-wise transfer has a token of its own, so a late or repeated block can't be taken for
/// another. Only what came from the peer that was asked, with the token of the message in flight or of the observation,
/// is a response.
class Requester {
 public:
  explicit Requester(Context& context);

  ExchangeId request(Instant now, const transport::PeerAddress& peer, Request request, const RequestSettings& settings);
  ExchangeId ping(Instant now, const transport::PeerAddress& peer);
  ExchangeId cancel_observation(Instant now, ExchangeId observation);
  ExchangeId resume_observation(Instant now, const transport::PeerAddress& peer, const Token& token, Request request);
  [[nodiscard]] std::optional<Token> observation_token(ExchangeId observation) const;
  void supply(Instant now, ExchangeId exchange, ByteView bytes);
  void forget(ExchangeId exchange);
  void forget_peer(const transport::PeerAddress& peer);

  /// A response in a CON or NON of its own.
  void take_message(Instant now, const transport::PeerAddress& peer, Message message);
  void take_reply(Instant now, ReplyArrived reply);
  /// False: not a transmission of ours.
  bool acknowledged(Instant now, TransmissionId transmission);
  bool rejected(Instant now, TransmissionId transmission);
  bool gave_up(Instant now, TransmissionId transmission);

  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Deadline> deadline() const;
  /// Exchanges and observations that are open.
  [[nodiscard]] std::size_t size() const { return exchanges_.size(); }

 private:
  using Upload = RequestUpload;
  using Download = ResponseDownload;
  using Observation = ObservationOfOurs;
  enum class Phase : std::uint8_t { Ping, Asking, Collecting, Observing };
  struct Exchange {
    transport::PeerAddress peer;
    Request request;  ///< its payload is given up when it has been sent
    RequestSettings settings;
    Phase phase = Phase::Asking;
    bool waiting = true;         ///< counts for requests_max_per_peer
    std::optional<Token> token;  ///< of the message in flight
    std::optional<TransmissionId> transmission;
    std::optional<Instant> due;
    std::optional<ExchangeId> cancels;
    Upload upload;
    std::optional<Download> download;
    std::optional<Observation> observation;
  };
  struct Peer {
    std::vector<ExchangeId> exchanges;
    std::size_t waiting = 0;
  };

  ExchangeId open(Exchange exchange);
  Exchange* find(ExchangeId id);
  Exchange* owner_of(TransmissionId transmission, ExchangeId& id);
  /// The exchange is over afterwards when the message is longer than may be.
  void send(Instant now, ExchangeId id, Exchange& exchange, Message message, std::optional<Token> token = {});
  void settle(ExchangeId id, Exchange& exchange);
  void release_token(ExchangeId id, Exchange& exchange);
  void stop_waiting(Exchange& exchange);
  void close(ExchangeId id);
  void fail(ExchangeId id, Exchange& exchange, FailureCause cause);
  void take_response(Instant now, ExchangeId id, Exchange& exchange, Message message);

  // Block1: requester_bodies.cpp
  void start_upload(Instant now, ExchangeId id, Exchange& exchange, std::uint8_t szx, bool blockwise);
  void next_upload_block(Instant now, ExchangeId id, Exchange& exchange);
  /// The message of the block where the upload stands, or of all of it, without payload and token.
  [[nodiscard]] static Message upload_message(const Exchange& exchange);
  /// Makes the blocks as small as the peer's messages need it. False when nothing is small enough.
  [[nodiscard]] bool fit_upload(Exchange& exchange) const;
  void send_upload_block(Instant now, ExchangeId id, Exchange& exchange, ByteView bytes);
  /// True when the response moved the upload on (or ended the exchange); false when it is the answer itself.
  bool continue_upload(Instant now, ExchangeId id, Exchange& exchange, const Message& message);

  // Block2: requester_bodies.cpp
  void take_answer(Instant now, ExchangeId id, Exchange& exchange, Message message);
  void take_block(Instant now, ExchangeId id, Exchange& exchange, Message message);
  void restart_download(Instant now, ExchangeId id, Exchange& exchange);
  void ask_block(Instant now, ExchangeId id, Exchange& exchange, std::uint32_t num);
  void deliver(ExchangeId id, Exchange& exchange, Response response);

  // Observe
  void begin_observation(Instant now, ExchangeId id, Exchange& exchange, const Message& message);
  void take_notification(Instant now, ExchangeId id, Exchange& exchange, Message message);

  Context& context_;
  std::map<ExchangeId, Exchange> exchanges_;
  std::unordered_map<PeerToken, ExchangeId, PeerTokenHash> by_token_;
  std::unordered_map<TransmissionId, ExchangeId> by_transmission_;
  std::unordered_map<transport::PeerAddress, Peer, PeerHash> peers_;
  DueSet due_;
  std::uint64_t next_id_ = 1;
};

}  // namespace drover::coap
