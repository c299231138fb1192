// SPDX-License-Identifier: Apache-2.0
// Requests of peers: options, Block1 in, Block2 out, answers.
#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "coap/exchange/bodies.hpp"
#include "coap/exchange/observers.hpp"

namespace drover::coap {

/// The responder's half of Exchanges. What a peer may not send is answered here (RFC 7252 §5.4, §5.8; RFC 7959 §2.9):
///   4.00  block size 7, a block whose payload doesn't have the size it says, a block past the end
///   4.02  unknown or ill-formed critical option of a CON (Reset for a NON); the diagnostic names its number
///   4.05  unknown method
///   4.08  a block out of order, or of an upload or of a POST's response that isn't known (any more)
///   4.13  a body over Parameters::body_max or request_body_max, with Size1
///   5.03  no room for another upload or more of one, with Max-Age
///   5.05  Proxy-Uri, Proxy-Scheme
/// A response that the peer's messages can't hold (Parameters::message_budget()) goes as 5.00 without a payload.
/// A streamed upload that begins anew keeps its ResponderId: RequestBlockArrived with offset 0 comes again.
class Responder {
 public:
  explicit Responder(Context& context);

  void take(Instant now, const transport::PeerAddress& peer, Message message);
  void respond(Instant now, ResponderId responder, Response response);
  void respond_streamed(Instant now, ResponderId responder, Response head, std::size_t total);
  void supply(Instant now, ResponderId responder, ByteView bytes);
  void accept_block(Instant now, ResponderId responder);
  void forget_peer(const transport::PeerAddress& peer);
  ResponderId restore_observation(const KeptObservation& kept);

  Observers& observers() { return observers_; }
  [[nodiscard]] const Observers& observers() const { return observers_; }
  [[nodiscard]] const Bodies& bodies() const { return bodies_; }
  /// Requests that wait for respond().
  [[nodiscard]] std::size_t open_requests() const { return open_.size() + sms_open_.size(); }

  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Deadline> deadline() const;

 private:
  /// A request that the user has to answer.
  struct Open {
    transport::PeerAddress peer;
    Ask ask;
    std::uint64_t digest = 0;
    Instant since{};
    bool asked_block = false;  ///< the request had Block2
    bool observe = false;
  };
  /// By ids, which grow: the oldest comes first.
  using OpenRequests = std::map<ResponderId, Open>;

  /// True when the request was refused and answered.
  bool refuse(Instant now, const transport::PeerAddress& peer, const Message& message);
  void answer_error(Instant now, const transport::PeerAddress& peer, const Message& request, Code code,
                    std::string_view diagnostic, std::optional<std::size_t> size1 = {});
  /// Handles Observe; true when an observation may begin with the answer.
  bool take_observe(const transport::PeerAddress& peer, Message& message);
  void take_block1(Instant now, const transport::PeerAddress& peer, Message message, Open open, const Block& block);
  [[nodiscard]] std::size_t request_body_max() const;
  bool begin_upload(Instant now, const transport::PeerAddress& peer, const Message& message, const Open& open);
  void hand_on_block(Instant now, const transport::PeerAddress& peer, Message message, Open open, const Block& block,
                     ResponderId id);
  bool serve_kept(Instant now, const transport::PeerAddress& peer, const Message& message, const Open& open);
  void deliver(const transport::PeerAddress& peer, Message message, Open open);
  OpenRequests& open_of(const transport::PeerAddress& peer) { return peer.is_sms() ? sms_open_ : open_; }
  [[nodiscard]] const Open* find_open(ResponderId id) const;
  std::optional<Open> take_open(ResponderId id);
  /// Of the oldest one; there is one.
  [[nodiscard]] Instant ends(const OpenRequests& requests) const;
  bool begin_observation(ResponderId id, const Open& open, Response& response);
  void reply(Instant now, ResponderId id, const transport::PeerAddress& peer, MessageId request, Message message);

  Context& context_;
  Bodies bodies_;
  Observers observers_;
  OpenRequests open_;
  OpenRequests sms_open_;  ///< of peers over SMS, which may be answered later
  std::uint64_t next_id_ = 1;
};

}  // namespace drover::coap
