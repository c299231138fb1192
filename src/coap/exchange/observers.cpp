// SPDX-License-Identifier: Apache-2.0
#include "coap/exchange/observers.hpp"

#include <algorithm>
#include <utility>

namespace drover::coap {

Observers::Observers(Context& context, Bodies& bodies)
    : context_(context),
      bodies_(bodies),
      by_token_(0, PeerTokenHash{context.seed}),
      by_peer_(0, PeerHash{context.seed}) {}

Observers::Observation* Observers::find(ResponderId id) {
  const auto found = observations_.find(id);
  return found == observations_.end() ? nullptr : &found->second;
}

bool Observers::has_room(const transport::PeerAddress& peer, const Token& token) const {
  const auto own = by_peer_.find(peer);
  if (own == by_peer_.end()) return context_.parameters.observations_max_per_peer > 0;
  return own->second.size() < context_.parameters.observations_max_per_peer || by_token_.contains({peer, token});
}

void Observers::begin(ResponderId id, const Start& start) {
  const auto previous = by_token_.find({start.peer, start.token});
  if (previous != by_token_.end()) end(start.peer, start.token, ObservationEndCause::Replaced);
  by_token_.emplace(PeerToken{start.peer, start.token}, id);
  by_peer_[start.peer].push_back(id);
  Observation observation;
  observation.start = start;
  observations_.emplace(id, std::move(observation));
}

void Observers::restore(ResponderId id, const Start& start, std::uint32_t number) {
  begin(id, start);
  find(id)->answered = true;
  number_ = std::max(number_, number & 0xFFFFFF);
}

std::optional<Token> Observers::token_of(ResponderId id) const {
  const auto found = observations_.find(id);
  if (found == observations_.end()) return std::nullopt;
  return found->second.start.token;
}

void Observers::first_sent(Instant now, ResponderId id, std::optional<TransmissionId> transmission) {
  Observation* observation = find(id);
  if (observation == nullptr || observation->answered) return;
  observation->answered = true;
  const bool confirmable = transmission && Reliability::is_confirmable(*transmission);
  if (transmission && !confirmable) remember(id, *observation, *transmission);
  if (!confirmable) {
    send_waiting(now, id, *observation);
    return;
  }
  observation->in_flight = transmission;
  observation->first = true;
  by_transmission_.emplace(*transmission, id);
}

void Observers::notify(Instant now, ResponderId id, Response response, bool confirmable) {
  Observation* observation = find(id);
  if (observation == nullptr) return;
  if (!observation->answered || observation->in_flight) {
    const bool wished_before = observation->waiting && observation->waiting->confirmable;
    observation->waiting = Waiting{std::move(response), confirmable || wished_before};
    return;
  }
  send(now, id, *observation, std::move(response), confirmable);
}

void Observers::send(Instant now, ResponderId id, Observation& observation, Response response, bool confirmable) {
  const bool last = !response.code.is_success();
  if (last) {
    response.options.remove(OptionNumber::Observe);  // RFC 7641 §4.2
  } else {
    response.options.set_observe(next_number());
  }
  const Start& start = observation.start;
  Ask ask;
  ask.token = start.token;
  ask.block = start.block;
  Message message =
      shape(now, bodies_, BodyKey{start.peer, start.digest, false}, ask, start.asked, std::move(response));
  message.type = confirmable ? Type::Confirmable : Type::NonConfirmable;
  const bool sendable = last || message.code.is_success();
  const TransmissionId transmission = context_.reliability.send(now, start.peer, std::move(message));
  if (last) {
    end(id);
    return;
  }
  if (!sendable) {  // the 5.00 in its place has ended it for the peer
    end(start.peer, start.token, ObservationEndCause::TooLarge);
    return;
  }
  if (confirmable) {
    by_transmission_.emplace(transmission, id);
    observation.in_flight = transmission;
    observation.first = false;
    return;
  }
  remember(id, observation, transmission);
}

void Observers::remember(ResponderId id, Observation& observation, TransmissionId transmission) {
  by_transmission_.emplace(transmission, id);
  if (observation.recent.size() == kRecentMax) {
    by_transmission_.erase(observation.recent.front());
    observation.recent.erase(observation.recent.begin());
  }
  observation.recent.push_back(transmission);
}

void Observers::send_waiting(Instant now, ResponderId id, Observation& observation) {
  if (auto waiting = std::exchange(observation.waiting, std::nullopt)) {
    send(now, id, observation, std::move(waiting->response), waiting->confirmable);
  }
}

void Observers::drop_waiting(Instant now, ResponderId id, Observation& observation) {
  // An error ends the observation here, so the peer is to hear of it whatever became of the value before it.
  if (observation.waiting && !observation.waiting->response.code.is_success())
    return send_waiting(now, id, observation);
  observation.waiting.reset();
}

void Observers::withdraw(Instant now, ResponderId id) {
  Observation* observation = find(id);
  // The first response is no notification: the peer doesn't know yet that it observes.
  if (observation == nullptr || !observation->in_flight || observation->first) return;
  by_transmission_.erase(*observation->in_flight);
  context_.reliability.cancel(*observation->in_flight);
  observation->in_flight.reset();
  drop_waiting(now, id, *observation);
}

void Observers::end(ResponderId id) {
  const auto found = observations_.find(id);
  if (found == observations_.end()) return;
  const Observation& observation = found->second;
  if (observation.in_flight) {
    by_transmission_.erase(*observation.in_flight);
    context_.reliability.cancel(*observation.in_flight);
  }
  for (const TransmissionId transmission : observation.recent) by_transmission_.erase(transmission);
  by_token_.erase({observation.start.peer, observation.start.token});
  const auto own = by_peer_.find(observation.start.peer);
  std::erase(own->second, id);
  if (own->second.empty()) by_peer_.erase(own);
  observations_.erase(found);
}

void Observers::end(const transport::PeerAddress& peer, const Token& token, ObservationEndCause cause) {
  const auto found = by_token_.find({peer, token});
  if (found == by_token_.end()) return;
  const ObservationEnded ended{found->second, peer, cause};  // `peer` may be the observation's own
  end(ended.responder);
  context_.events.push(ended);
}

void Observers::forget_peer(const transport::PeerAddress& peer) {
  const auto own = by_peer_.find(peer);
  if (own == by_peer_.end()) return;
  const std::vector<ResponderId> ids = own->second;
  for (const ResponderId id : ids) end(id);
}

bool Observers::acknowledged(Instant now, TransmissionId transmission) {
  const auto found = by_transmission_.find(transmission);
  if (found == by_transmission_.end()) return false;
  const ResponderId id = found->second;
  by_transmission_.erase(found);
  Observation& observation = *find(id);
  observation.in_flight.reset();
  if (!observation.first) context_.events.push(NotificationAcknowledged{id});
  send_waiting(now, id, observation);
  return true;
}

bool Observers::end_by(TransmissionId transmission, ObservationEndCause cause) {
  const auto found = by_transmission_.find(transmission);
  if (found == by_transmission_.end()) return false;
  const Start start = find(found->second)->start;
  end(start.peer, start.token, cause);
  return true;
}

bool Observers::rejected(TransmissionId transmission) {
  return end_by(transmission, ObservationEndCause::Reset);
}

bool Observers::gave_up(Instant now, TransmissionId transmission) {
  const auto found = by_transmission_.find(transmission);
  if (found == by_transmission_.end()) return false;
  const ResponderId id = found->second;
  Observation& observation = *find(id);
  // Without its first response the peer doesn't know that it observes.
  if (!context_.parameters.observations_survive_timeout || observation.first) {
    return end_by(transmission, ObservationEndCause::Timeout);
  }
  by_transmission_.erase(found);
  observation.in_flight.reset();
  context_.events.push(NotificationTimedOut{id, observation.start.peer});
  drop_waiting(now, id, observation);
  return true;
}

}  // namespace drover::coap
