// SPDX-License-Identifier: Apache-2.0
#include "coap/reliability/reliability.hpp"

#include <limits>
#include <utility>

#include "coap/reliability/deduplication.hpp"
#include "coap/reliability/keyed_hash.hpp"
#include "coap/reliability/message_ids.hpp"
#include "coap/reliability/outbox.hpp"
#include "coap/reliability/rejectable.hpp"
#include "coap/reliability/transmissions.hpp"

namespace drover::coap {

namespace {

/// An answer to a GET or FETCH longer than this isn't kept: the request is delivered again (RFC 7252 §4.5 allows it).
constexpr std::size_t kSafeAnswerKeptMax = 256;
constexpr std::size_t kAnswerKeptMax = std::numeric_limits<std::uint16_t>::max();
/// Entries that a datagram forgets beyond the one it may add, so that the table shrinks without a long pause.
constexpr std::size_t kForgottenPerDatagram = 4;
/// Forgetting may wait: waking up for each entry would cost more than the entry. Lifetimes are exact all the same.
constexpr Duration kForgetSlack = std::chrono::seconds(1);

Bytes empty_message(Type type, MessageId id) {
  return {static_cast<std::uint8_t>(0x40 | static_cast<int>(type) << 4), 0, static_cast<std::uint8_t>(id.value >> 8),
          static_cast<std::uint8_t>(id.value & 0xFF)};
}

std::optional<Duration> piggyback_wait_over_sms(const SmsParameters& sms) {
  const Duration wait = sms.piggyback_wait.value_or(sms.response_wait);
  if (wait >= sms.response_wait) return std::nullopt;
  return wait;
}

}  // namespace

struct Reliability::State {
  State(const Parameters& parameters, Rng& rng)
      : piggyback_wait(parameters.piggyback_wait),
        sms_piggyback_wait(piggyback_wait_over_sms(parameters.sms)),
        hash(rng),
        ids(rng),
        outbox(parameters),
        deduplication(parameters, hash),
        transmissions(parameters, hash, ids, rng, outbox),
        rejectable(RejectableOf::Network, parameters.non_lifetime(), hash),
        sms_rejectable(RejectableOf::Sms, parameters.sms.lifetime, hash) {}

  void tick(Instant now) {
    last_now = now;
    transmissions.start_ready(now);
  }
  void refuse_malformed(const transport::PeerAddress& peer, const Malformed& malformed);
  void handle_acknowledgement(Instant now, const transport::PeerAddress& peer, Message message);
  void handle_reset(Instant now, const transport::PeerAddress& peer, MessageId id);
  void handle_message(Instant now, const transport::PeerAddress& peer, Message message);
  void handle_duplicate(Instant now, const transport::PeerAddress& peer, std::uint32_t slot, Message message);
  void deliver_request(Instant now, std::uint32_t slot, const Message& message);
  void answer_piggybacked(const transport::PeerAddress& peer, std::uint32_t slot, const Message& response);

  Rejectable& rejectable_of(const transport::PeerAddress& peer) { return peer.is_sms() ? sms_rejectable : rejectable; }

  Duration piggyback_wait;
  std::optional<Duration> sms_piggyback_wait;  ///< nothing: no empty acknowledgement at all
  Instant last_now{};
  KeyedHash hash;
  MessageIds ids;
  Outbox outbox;
  Deduplication deduplication;
  Transmissions transmissions;
  Rejectable rejectable;
  Rejectable sms_rejectable;
};

void Reliability::State::refuse_malformed(const transport::PeerAddress& peer, const Malformed& malformed) {
  ++outbox.counters.malformed;
  outbox.drops.note(peer, to_string(malformed.failure));
  if (!malformed.has_header || malformed.type != Type::Confirmable) return;
  // RFC 7252 §3: another version is ignored without a word.
  if (malformed.failure == DecodeFailure::WrongVersion || malformed.failure == DecodeFailure::TooShort) return;
  outbox.transmit(peer, empty_message(Type::Reset, malformed.id));
}

void Reliability::State::handle_acknowledgement(Instant now, const transport::PeerAddress& peer, Message message) {
  if (!message.code.is_empty() && !message.code.is_response()) {
    ++outbox.counters.malformed;
    outbox.drops.note(peer, "acknowledgement with the code of a request");
    return;
  }
  const auto transmission = transmissions.match(now, peer, message.id);
  if (!transmission) {
    ++outbox.counters.unmatched;
    outbox.drops.note(peer, "acknowledgement of nothing that was sent");
  } else if (message.code.is_empty()) {
    outbox.events.push(Acknowledged{*transmission});
  } else {
    outbox.events.push(ReplyArrived{*transmission, peer, std::move(message)});
  }
}

void Reliability::State::handle_reset(Instant now, const transport::PeerAddress& peer, MessageId id) {
  auto transmission = transmissions.match(now, peer, id);
  if (!transmission) transmission = rejectable_of(peer).match(now, peer, id);
  if (!transmission) {
    ++outbox.counters.unmatched;
    outbox.drops.note(peer, "reset of nothing that was sent");
    return;
  }
  outbox.events.push(Rejected{*transmission});
}

void Reliability::State::handle_message(Instant now, const transport::PeerAddress& peer, Message message) {
  if (message.code.is_empty()) {
    // RFC 7252 §4.3: an empty CON is a ping, an empty NON an error that is ignored.
    if (message.type == Type::Confirmable) {
      outbox.transmit(peer, empty_message(Type::Reset, message.id));
    } else {
      ++outbox.counters.malformed;
      outbox.drops.note(peer, "empty non-confirmable message");
    }
    return;
  }
  if (const std::uint32_t known = deduplication.find(now, peer, message.id); known != Deduplication::kNone) {
    handle_duplicate(now, peer, known, std::move(message));
    return;
  }
  const std::uint32_t slot = deduplication.insert(now, peer, message);
  if (slot == Deduplication::kNone) {
    ++outbox.counters.refused;
    outbox.drops.note(peer, "over the limit of unanswered messages");
    return;
  }
  if (message.code.is_request()) deliver_request(now, slot, message);
  outbox.events.push(MessageArrived{peer, std::move(message)});
}

void Reliability::State::deliver_request(Instant now, std::uint32_t slot, const Message& message) {
  if (message.type != Type::Confirmable) {
    deduplication.settle(slot, Standing::OpenSilent);
  } else if (!deduplication[slot].peer.is_sms()) {
    deduplication.open(slot, now + piggyback_wait);
  } else if (sms_piggyback_wait) {
    deduplication.open(slot, now + *sms_piggyback_wait);
  } else {
    deduplication.settle(slot, Standing::OpenForLong);
  }
}

void Reliability::State::handle_duplicate(Instant now, const transport::PeerAddress& peer, std::uint32_t slot,
                                          Message message) {
  ++outbox.counters.duplicates;
  if (message.type != Type::Confirmable) return;
  const DeduplicationEntry& entry = deduplication[slot];
  switch (entry.standing) {
    case Standing::Undecided:
    case Standing::Open:
    case Standing::OpenForLong:
    case Standing::OpenSilent:
    case Standing::Silent: return;
    case Standing::Answered: outbox.transmit(peer, entry.answer.datagram(entry.id)); return;
    case Standing::OpenAcknowledged:
    case Standing::Acknowledged: outbox.transmit(peer, empty_message(Type::Acknowledgement, entry.id)); return;
    case Standing::Rejected: outbox.transmit(peer, empty_message(Type::Reset, entry.id)); return;
    case Standing::Recomputable: break;
  }
  // Only what is safe to do twice; anything else under this id isn't the message we had.
  if (message.code != code::kGet && message.code != code::kFetch) return;
  deliver_request(now, slot, message);
  outbox.events.push(MessageArrived{peer, std::move(message)});
}

void Reliability::State::answer_piggybacked(const transport::PeerAddress& peer, std::uint32_t slot,
                                            const Message& response) {
  Bytes datagram = encode(response);
  if (deduplication[slot].safe && datagram.size() > kSafeAnswerKeptMax) {
    deduplication.settle(slot, Standing::Recomputable);
  } else if (datagram.size() > kAnswerKeptMax) {
    deduplication.settle(slot, Standing::Acknowledged);
  } else {
    deduplication.settle_with_answer(slot, datagram);
  }
  outbox.transmit(peer, std::move(datagram));
}

Reliability::Reliability(const Parameters& parameters, Rng& rng) : state_(std::make_unique<State>(parameters, rng)) {}
Reliability::~Reliability() = default;
Reliability::Reliability(Reliability&&) noexcept = default;
Reliability& Reliability::operator=(Reliability&&) noexcept = default;

void Reliability::handle_datagram(Instant now, const transport::Datagram& datagram) {
  State& state = *state_;
  state.tick(now);
  ++state.outbox.counters.datagrams_in;
  state.deduplication.expire(now, kForgottenPerDatagram);
  state.rejectable.expire(now, kForgottenPerDatagram);
  state.sms_rejectable.expire(now, kForgottenPerDatagram);
  auto decoded = decode(datagram.bytes);
  if (!decoded) {
    state.refuse_malformed(datagram.from, decoded.error());
    return;
  }
  switch (decoded->type) {
    case Type::Confirmable:
    case Type::NonConfirmable: state.handle_message(now, datagram.from, std::move(*decoded)); return;
    case Type::Acknowledgement: state.handle_acknowledgement(now, datagram.from, std::move(*decoded)); return;
    case Type::Reset: state.handle_reset(now, datagram.from, decoded->id); return;
  }
}

void Reliability::handle_timeout(Instant now) {
  State& state = *state_;
  state.tick(now);
  for (std::uint32_t slot = state.deduplication.next_due(now); slot != Deduplication::kNone;
       slot = state.deduplication.next_due(now)) {
    const DeduplicationEntry& entry = state.deduplication[slot];
    state.outbox.transmit(entry.peer, empty_message(Type::Acknowledgement, entry.id));
    state.deduplication.settle(slot, Standing::OpenAcknowledged);
  }
  state.transmissions.handle_timeout(now);
  state.deduplication.expire(now, std::numeric_limits<std::size_t>::max());
  state.rejectable.expire(now, std::numeric_limits<std::size_t>::max());
  state.sms_rejectable.expire(now, std::numeric_limits<std::size_t>::max());
}

TransmissionId Reliability::send(Instant now, const transport::PeerAddress& peer, Message message) {
  State& state = *state_;
  state.tick(now);
  if (message.type == Type::NonConfirmable) {
    message.id = state.ids.next(peer, state.hash.of(peer));
    state.outbox.transmit(peer, encode(message));
    return state.rejectable_of(peer).remember(now, peer, message.id);
  }
  message.type = Type::Confirmable;
  return state.transmissions.send(now, peer, encode(message));
}

void Reliability::cancel(TransmissionId transmission) {
  if (!Rejectable::is_name(transmission)) {
    state_->transmissions.cancel(transmission);
  } else if (Rejectable::whose(transmission) == RejectableOf::Sms) {
    state_->sms_rejectable.cancel(transmission);
  } else {
    state_->rejectable.cancel(transmission);
  }
}

std::optional<TransmissionId> Reliability::reply(Instant now, const transport::PeerAddress& peer, MessageId request,
                                                 Message response) {
  State& state = *state_;
  state.tick(now);
  const std::uint32_t slot = state.deduplication.find(now, peer, request);
  const Standing standing = slot == Deduplication::kNone ? Standing::Acknowledged : state.deduplication[slot].standing;
  if (standing == Standing::Open || standing == Standing::OpenForLong) {
    response.type = Type::Acknowledgement;
    response.id = request;
    state.answer_piggybacked(peer, slot, response);
    return std::nullopt;
  }
  if (standing == Standing::OpenSilent) {
    state.deduplication.settle(slot, Standing::Silent);
    response.type = Type::NonConfirmable;
    response.id = state.ids.next(peer, state.hash.of(peer));
    state.outbox.transmit(peer, encode(response));
    return state.rejectable_of(peer).remember(now, peer, response.id);
  }
  if (standing == Standing::OpenAcknowledged) state.deduplication.settle(slot, Standing::Acknowledged);
  response.type = Type::Confirmable;
  return send(now, peer, std::move(response));
}

bool Reliability::is_confirmable(TransmissionId transmission) {
  return !Rejectable::is_name(transmission);
}

void Reliability::accept(Instant now, const transport::PeerAddress& peer, const Message& message) {
  State& state = *state_;
  state.tick(now);
  if (message.type != Type::Confirmable) return;
  const std::uint32_t slot = state.deduplication.find(now, peer, message.id);
  if (slot != Deduplication::kNone) state.deduplication.settle(slot, Standing::Acknowledged);
  state.outbox.transmit(peer, empty_message(Type::Acknowledgement, message.id));
}

void Reliability::reject(Instant now, const transport::PeerAddress& peer, const Message& message) {
  State& state = *state_;
  state.tick(now);
  if (message.type != Type::Confirmable && message.type != Type::NonConfirmable) return;
  const std::uint32_t slot = state.deduplication.find(now, peer, message.id);
  if (slot != Deduplication::kNone) {
    state.deduplication.settle(slot, message.type == Type::Confirmable ? Standing::Rejected : Standing::Silent);
  }
  state.outbox.transmit(peer, empty_message(Type::Reset, message.id));
}

void Reliability::forget_peer(const transport::PeerAddress& peer) {
  state_->transmissions.forget_peer(peer);
}

std::optional<transport::Transmit> Reliability::poll_transmit() {
  return state_->outbox.transmits.pop();
}

std::optional<MessageEvent> Reliability::poll_event() {
  return state_->outbox.events.pop();
}

std::optional<Drop> Reliability::poll_drop() {
  return state_->outbox.drops.poll();
}

void Reliability::note_drop(const transport::PeerAddress& peer, const char* why) {
  state_->outbox.drops.note(peer, why);
}

std::optional<Deadline> Reliability::deadline() const {
  const State& state = *state_;
  std::optional<Deadline> earliest;
  const auto consider = [&](std::optional<Instant> at, Reason reason) {
    if (at && (!earliest || *at < earliest->at)) earliest = Deadline{*at, reason};
  };
  const auto forget = [&](std::optional<Instant> at) {
    if (at) consider(*at + kForgetSlack, Reason::Forget);
  };
  if (state.transmissions.has_ready()) consider(state.last_now, Reason::Retransmit);
  consider(state.deduplication.next_acknowledgement(), Reason::Acknowledge);
  consider(state.transmissions.next_timeout(), Reason::Retransmit);
  forget(state.deduplication.next_expiry());
  forget(state.rejectable.next_expiry());
  forget(state.sms_rejectable.next_expiry());
  return earliest;
}

const Counters& Reliability::counters() const {
  return state_->outbox.counters;
}
Counters& Reliability::counters() {
  return state_->outbox.counters;
}

std::size_t Reliability::deduplication_entries() const {
  return state_->deduplication.size();
}

}  // namespace drover::coap
