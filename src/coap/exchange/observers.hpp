// SPDX-License-Identifier: Apache-2.0
// Observations that peers have with us (RFC 7641 §4).
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "coap/exchange/slicing.hpp"

namespace drover::coap {

/// Knows who observes, numbers notifications and ends observations. Observe numbers come from one counter for all
/// observations: they grow for each of them, also when a peer observes again with the same token (§4.4).
class Observers {
 public:
  Observers(Context& context, Bodies& bodies);

  /// What began an observation: which request, and how its answers are cut.
  struct Start {
    transport::PeerAddress peer;
    Token token;
    std::uint64_t digest = 0;
    Block block;         ///< block 0 in the size that suits the peer
    bool asked = false;  ///< the request had Block2
  };

  /// False when the peer has as many observations as it may.
  [[nodiscard]] bool has_room(const transport::PeerAddress& peer, const Token& token) const;
  void begin(ResponderId id, const Start& start);
  /// As begin(), for one whose first response went out before a restart.
  void restore(ResponderId id, const Start& start, std::uint32_t number);
  /// Nothing when there is no such observation.
  [[nodiscard]] std::optional<Token> token_of(ResponderId id) const;
  /// The newest number that was given out.
  [[nodiscard]] std::uint32_t number() const { return number_; }
  [[nodiscard]] std::uint32_t next_number() { return number_ = (number_ + 1) & 0xFFFFFF; }
  /// The first response went out; with a transmission when it is a message of its own. Notifications wait for a
  /// confirmable one.
  void first_sent(Instant now, ResponderId id, std::optional<TransmissionId> transmission);

  void notify(Instant now, ResponderId observation, Response response, bool confirmable);
  /// Takes back the confirmable notification that isn't acknowledged yet, and what waits behind it.
  void withdraw(Instant now, ResponderId observation);
  /// Without an event.
  void end(ResponderId observation);
  /// With ObservationEnded, if there is such an observation.
  void end(const transport::PeerAddress& peer, const Token& token, ObservationEndCause cause);
  void forget_peer(const transport::PeerAddress& peer);

  /// False: not a transmission of a notification.
  bool acknowledged(Instant now, TransmissionId transmission);
  bool rejected(TransmissionId transmission);
  bool gave_up(Instant now, TransmissionId transmission);
  [[nodiscard]] std::size_t size() const { return observations_.size(); }

 private:
  /// NON notifications of an observation for which a Reset is recognised: the newest ones. More than one is on the way
  /// only when notifications follow each other faster than a round trip.
  static constexpr std::size_t kRecentMax = 4;

  struct Waiting {
    Response response;
    bool confirmable = false;
  };
  struct Observation {
    Start start;
    bool answered = false;                    ///< the first response went out
    std::optional<TransmissionId> in_flight;  ///< confirmable and not acknowledged yet
    bool first = false;                       ///< in_flight is the first response, not a notification
    std::optional<Waiting> waiting;
    std::vector<TransmissionId> recent;  ///< NON, oldest first
  };

  /// A NON of the observation went out: its Reset ends it.
  void remember(ResponderId id, Observation& observation, TransmissionId transmission);

  void send(Instant now, ResponderId id, Observation& observation, Response response, bool confirmable);
  void send_waiting(Instant now, ResponderId id, Observation& observation);
  void drop_waiting(Instant now, ResponderId id, Observation& observation);
  bool end_by(TransmissionId transmission, ObservationEndCause cause);
  Observation* find(ResponderId id);

  Context& context_;
  Bodies& bodies_;
  std::map<ResponderId, Observation> observations_;
  std::unordered_map<PeerToken, ResponderId, PeerTokenHash> by_token_;
  std::unordered_map<TransmissionId, ResponderId> by_transmission_;
  std::unordered_map<transport::PeerAddress, std::vector<ResponderId>, PeerHash> by_peer_;
  std::uint32_t number_ = 0;
};

}  // namespace drover::coap
