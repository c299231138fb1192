// SPDX-License-Identifier: Apache-2.0
// The message layer of RFC 7252 §4: retransmission, deduplication, NSTART, acknowledgement and Reset. Knows no option.
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "base/random.hpp"
#include "base/time.hpp"
#include "coap/message/message.hpp"
#include "coap/parameters.hpp"
#include "coap/reliability/drops.hpp"
#include "transport/datagram.hpp"

namespace drover::coap {

/// Names a message that we sent and that may still be acknowledged, rejected or given up. Never reused within one
/// object.
using TransmissionId = Id<struct TransmissionTag, std::uint64_t>;

/// A request or response that is new: a duplicate was answered or dropped here (RFC 7252 §4.5). A response in a CON or
/// NON of its own is to be taken with Reliability::accept() or refused with reject().
struct MessageArrived {
  transport::PeerAddress peer;
  Message message;
};
/// Our confirmable message was acknowledged by an empty ACK. (A piggybacked response comes as ReplyArrived.)
struct Acknowledged {
  TransmissionId transmission;
};
/// A piggybacked response: acknowledges our message and answers it.
struct ReplyArrived {
  TransmissionId transmission;
  transport::PeerAddress peer;
  Message message;
};
/// The peer answered our message (CON, or NON within NON_LIFETIME) with Reset.
struct Rejected {
  TransmissionId transmission;
};
/// MAX_RETRANSMIT went by without an acknowledgement; or too much waited for the peer already (Counters::refused).
struct GaveUp {
  TransmissionId transmission;
};
using MessageEvent = std::variant<MessageArrived, Acknowledged, ReplyArrived, Rejected, GaveUp>;

/// Same driving contract as stack::Endpoint. Idle peers cost nothing but their deduplication entries, which are compact
/// (a response of up to 26 bytes is kept inside the entry) and live EXCHANGE_LIFETIME (CON) or NON_LIFETIME
/// (NON). Peers over SMS go by Parameters::sms: no repetitions, and timers of minutes.
class Reliability {
 public:
  Reliability(const Parameters& parameters, Rng& rng);
  ~Reliability();
  Reliability(Reliability&&) noexcept;
  Reliability& operator=(Reliability&&) noexcept;

  /// Decodes and handles one datagram. Malformed: a CON gets a Reset, everything else silence (RFC 7252 §4.2, §4.3);
  /// a ping (empty CON) gets a Reset. Confirmable responses are not acknowledged here: see accept() and reject().
  void handle_datagram(Instant now, const transport::Datagram& datagram);
  void handle_timeout(Instant now);

  /// Sends a CON (repeated with back-off until answered; waits for a slot of NSTART) or a NON. Sets message.id.
  TransmissionId send(Instant now, const transport::PeerAddress& peer, Message message);
  /// Stops the repetitions: a response came before its acknowledgement (RFC 7252 §5.2.2), or the user lost interest.
  /// What waited for its slot of NSTART goes out with the next call that has a time: deadline() asks for it at once.
  void cancel(TransmissionId transmission);

  /// Answers the request with message id `request`: piggybacked while its acknowledgement hasn't gone out (it goes out
  /// empty after Parameters::piggyback_wait), else as a separate CON, whose id is returned. For a NON request a NON
  /// goes out, whose id is returned, too: it may be rejected. The answer is kept for duplicates; a large answer to a
  /// GET or FETCH may be dropped and the request delivered again instead. An answer to a request that is forgotten
  /// already goes out as a separate CON.
  std::optional<TransmissionId> reply(Instant now, const transport::PeerAddress& peer, MessageId request,
                                      Message response);

  /// Whether a name is that of a CON, which is under way until it is acknowledged, rejected or given up. A NON can only
  /// be rejected.
  [[nodiscard]] static bool is_confirmable(TransmissionId transmission);

  /// Acknowledges a confirmable response or notification (empty ACK; nothing for a NON); repeated for duplicates.
  void accept(Instant now, const transport::PeerAddress& peer, const Message& message);
  /// Answers a message that fits nothing here, or a notification nobody wants, with Reset (CON and NON, RFC 7252 §4.2,
  /// §4.3).
  void reject(Instant now, const transport::PeerAddress& peer, const Message& message);

  /// Drops what waits for or is repeated to a peer. Deduplication entries stay.
  void forget_peer(const transport::PeerAddress& peer);

  std::optional<transport::Transmit> poll_transmit();
  std::optional<MessageEvent> poll_event();
  /// Wrong packets since the last look, at most Drops::kCountMax, while Parameters::report_drops is set; else none.
  std::optional<Drop> poll_drop();
  /// For the layers above: a packet is dropped there. `why` is a literal.
  void note_drop(const transport::PeerAddress& peer, const char* why);
  [[nodiscard]] std::optional<Deadline> deadline() const;
  [[nodiscard]] const Counters& counters() const;
  Counters& counters();
  /// Entries held now, for tests and metrics.
  [[nodiscard]] std::size_t deduplication_entries() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drover::coap
