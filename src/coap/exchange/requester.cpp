// SPDX-License-Identifier: Apache-2.0
#include "coap/exchange/requester.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace drover::coap {

namespace {

/// RFC 7641 §3.4: 128 s, which is more than a notification is on its way. A short message takes its time.
Duration any_number_after(const Parameters& parameters, const transport::PeerAddress& peer) {
  return peer.is_sms() ? parameters.sms.lifetime : std::chrono::seconds(128);
}

/// RFC 7641 §3.4: a later sequence number within half of the 24-bit circle, or any one long after the last.
bool is_fresher(const ObservationOfOurs& observation, std::uint32_t next, Instant now, Duration any_number_after) {
  constexpr std::uint32_t kHalf = 1U << 23;
  const std::uint32_t last = observation.sequence;
  return (last < next && next - last < kHalf) || (last > next && last - next > kHalf) ||
         now > observation.at + any_number_after;
}

Block first_block(const ResumePoint& resume, std::uint8_t szx) {
  const std::size_t size = Block{0, false, szx}.size();
  assert(resume.offset % Block{}.size() == 0 && resume.offset / size <= Block::kNumMax);
  return {static_cast<std::uint32_t>(resume.offset / size), false, szx};
}

bool asks_to_observe(const Request& request) {
  return request.options.observe() == std::uint32_t{0};
}

}  // namespace

Requester::Requester(Context& context)
    : context_(context), by_token_(0, PeerTokenHash{context.seed}), peers_(0, PeerHash{context.seed}) {}

ExchangeId Requester::open(Exchange exchange) {
  const ExchangeId id{next_id_++};
  Peer& peer = peers_[exchange.peer];
  peer.exchanges.push_back(id);
  if (exchange.waiting) ++peer.waiting;
  exchanges_.emplace_hint(exchanges_.end(), id, std::move(exchange));
  return id;
}

Requester::Exchange* Requester::find(ExchangeId id) {
  const auto found = exchanges_.find(id);
  return found == exchanges_.end() ? nullptr : &found->second;
}

Requester::Exchange* Requester::owner_of(TransmissionId transmission, ExchangeId& id) {
  const auto found = by_transmission_.find(transmission);
  if (found == by_transmission_.end()) return nullptr;
  id = found->second;
  return find(id);
}

ExchangeId Requester::request(Instant now, const transport::PeerAddress& peer, Request request,
                              const RequestSettings& settings) {
  const auto load = peers_.find(peer);
  if (load != peers_.end() && load->second.waiting >= context_.parameters.requests_max_per_peer) {
    const ExchangeId id{next_id_++};
    ++context_.counters().refused;
    context_.events.push(RequestFailed{id, peer, FailureCause::Refused});
    return id;
  }
  Exchange fresh;
  fresh.peer = peer;
  fresh.request = std::move(request);
  fresh.settings = settings;
  const ExchangeId id = open(std::move(fresh));
  Exchange& exchange = *find(id);
  exchange.upload.streamed = settings.streamed_body_size.has_value();
  exchange.upload.total = settings.streamed_body_size.value_or(exchange.request.payload.size());
  const std::uint8_t szx = context_.parameters.block_szx;
  if (settings.resume) exchange.request.options.set_block2(first_block(*settings.resume, szx));
  start_upload(now, id, exchange, szx, exchange.upload.total > Block{0, false, szx}.size());
  return id;
}

ExchangeId Requester::ping(Instant now, const transport::PeerAddress& peer) {
  Exchange fresh;
  fresh.peer = peer;
  fresh.phase = Phase::Ping;
  fresh.waiting = false;
  const ExchangeId id = open(std::move(fresh));
  Exchange& exchange = *find(id);
  exchange.transmission = context_.reliability.send(now, peer, Message{});
  by_transmission_.emplace(*exchange.transmission, id);
  return id;
}

ExchangeId Requester::cancel_observation(Instant now, ExchangeId observation) {
  Exchange* observed = find(observation);
  if (observed == nullptr || !observed->observation || observed->observation->cancelled_by) {
    const ExchangeId id{next_id_++};
    context_.events.push(
        RequestFailed{id, observed == nullptr ? transport::PeerAddress{} : observed->peer, FailureCause::Refused});
    return id;
  }
  Exchange fresh;
  fresh.peer = observed->peer;
  fresh.request.method = observed->request.method;
  fresh.request.options = observed->request.options;
  fresh.request.options.set_observe(1);
  fresh.settings = observed->settings;
  fresh.settings.streamed_body_size.reset();
  fresh.cancels = observation;
  const ExchangeId id = open(std::move(fresh));
  observed->observation->cancelled_by = id;
  Exchange& exchange = *find(id);
  Message message;
  message.code = exchange.request.method;
  message.options = exchange.request.options;
  send(now, id, exchange, std::move(message), observed->observation->token);
  return id;
}

ExchangeId Requester::resume_observation(Instant now, const transport::PeerAddress& peer, const Token& token,
                                        Request request) {
  Exchange fresh;
  fresh.peer = peer;
  fresh.request = std::move(request);
  fresh.request.payload = {};
  fresh.phase = Phase::Observing;
  fresh.waiting = false;
  // So long ago that any number is fresh (RFC 7641 §3.4).
  const Duration long_ago = std::chrono::hours(1) + any_number_after(context_.parameters, peer);
  fresh.observation = Observation{token, 0, now - long_ago, std::nullopt};
  const ExchangeId id = open(std::move(fresh));
  by_token_[{peer, token}] = id;
  return id;
}

std::optional<Token> Requester::observation_token(ExchangeId observation) const {
  const auto found = exchanges_.find(observation);
  if (found == exchanges_.end() || !found->second.observation) return std::nullopt;
  return found->second.observation->token;
}

void Requester::send(Instant now, ExchangeId id, Exchange& exchange, Message message, std::optional<Token> token) {
  release_token(id, exchange);
  message.token = token.value_or(context_.tokens.next());
  const MessageBudget budget = context_.parameters.message_budget(exchange.peer);
  if (budget.is_limited() && encoded_size(message) > budget.most) {
    fail(id, exchange, FailureCause::TooLarge);
    return;
  }
  exchange.token = message.token;
  by_token_.try_emplace({exchange.peer, *exchange.token}, id);  // an observation keeps its entry while it is cancelled
  message.type = exchange.settings.confirmable ? Type::Confirmable : Type::NonConfirmable;
  exchange.transmission = context_.reliability.send(now, exchange.peer, std::move(message));
  by_transmission_.emplace(*exchange.transmission, id);
  if (exchange.settings.timeout) {
    due_.set(exchange.due, id.value, now + *exchange.settings.timeout);
  } else if (!exchange.settings.confirmable) {
    due_.set(exchange.due, id.value, now + context_.parameters.max_transmit_wait(exchange.peer));
  }
}

// Nothing is in flight any more; the token stays until another message is sent or the exchange ends.
void Requester::settle(ExchangeId id, Exchange& exchange) {
  if (exchange.transmission) {
    by_transmission_.erase(*exchange.transmission);
    context_.reliability.cancel(*exchange.transmission);
    exchange.transmission.reset();
  }
  due_.clear(exchange.due, id.value);
}

void Requester::release_token(ExchangeId id, Exchange& exchange) {
  if (!exchange.token) return;
  const bool observed = exchange.observation && exchange.observation->token == *exchange.token;
  const auto entry = by_token_.find({exchange.peer, *exchange.token});
  if (!observed && entry != by_token_.end() && entry->second == id) by_token_.erase(entry);
  exchange.token.reset();
}

void Requester::stop_waiting(Exchange& exchange) {
  if (!exchange.waiting) return;
  exchange.waiting = false;
  --peers_.find(exchange.peer)->second.waiting;
}

void Requester::close(ExchangeId id) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return;
  Exchange& exchange = found->second;
  settle(id, exchange);
  const std::optional<Observation> observation = std::exchange(exchange.observation, std::nullopt);
  release_token(id, exchange);
  if (observation) {
    const PeerToken key{exchange.peer, observation->token};
    by_token_.erase(key);
    // A cancellation that is under way goes on and takes the token over.
    if (observation->cancelled_by) by_token_.emplace(key, *observation->cancelled_by);
  }
  if (exchange.cancels) {
    Exchange* observed = find(*exchange.cancels);
    if (observed != nullptr && observed->observation) observed->observation->cancelled_by.reset();
  }
  stop_waiting(exchange);
  const auto peer = peers_.find(exchange.peer);
  std::erase(peer->second.exchanges, id);
  if (peer->second.exchanges.empty()) peers_.erase(peer);
  exchanges_.erase(found);
}

void Requester::forget(ExchangeId exchange) {
  close(exchange);
}

void Requester::forget_peer(const transport::PeerAddress& peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  const std::vector<ExchangeId> exchanges = found->second.exchanges;
  for (const ExchangeId id : exchanges) close(id);
}

void Requester::fail(ExchangeId id, Exchange& exchange, FailureCause cause) {
  if (exchange.download && exchange.download->of_notification) {
    // The rest of one notification's body is lost; the observation goes on and the next notification heals it.
    ++context_.counters().notifications_lost;
    context_.reliability.note_drop(exchange.peer, "notification whose rest could not be fetched");
    const bool last = exchange.download->last;
    settle(id, exchange);
    release_token(id, exchange);
    exchange.download.reset();
    exchange.phase = Phase::Observing;
    if (!last) return;
  }
  context_.events.push(RequestFailed{id, exchange.peer, cause});
  close(id);
}

void Requester::take_message(Instant now, const transport::PeerAddress& peer, Message message) {
  const auto entry = by_token_.find({peer, message.token});
  if (entry == by_token_.end()) {
    ++context_.counters().unmatched;
    context_.reliability.note_drop(peer, "response to nothing that was asked");
    // RFC 7252 §4.2 for a CON; a NON notification is refused, too, or it would never end (RFC 7641 §3.6).
    if (message.type == Type::Confirmable || message.options.has(OptionNumber::Observe)) {
      context_.reliability.reject(now, peer, message);
    }
    return;
  }
  ExchangeId id = entry->second;
  Exchange* exchange = find(id);
  if (exchange->observation && exchange->observation->token == message.token && exchange->observation->cancelled_by &&
      !message.options.has(OptionNumber::Observe)) {
    id = *exchange->observation->cancelled_by;
    exchange = find(id);
  }
  if (message.options.bad_critical()) {
    ++context_.counters().bad_option;
    context_.reliability.note_drop(peer, "bad option in a response");
    context_.reliability.reject(now, peer, message);
    fail(id, *exchange, FailureCause::Malformed);
    return;
  }
  context_.reliability.accept(now, peer, message);
  message.options.drop_bad_elective();
  take_response(now, id, *exchange, std::move(message));
}

void Requester::take_reply(Instant now, ReplyArrived reply) {
  ExchangeId id;
  Exchange* exchange = owner_of(reply.transmission, id);
  if (exchange == nullptr || exchange->phase == Phase::Ping || reply.message.token != exchange->token) {
    // An acknowledgement can't be rejected: it counts as an empty one and the response may still come.
    ++context_.counters().unmatched;
    context_.reliability.note_drop(reply.peer, "response to nothing that was asked");
    acknowledged(now, reply.transmission);
    return;
  }
  if (reply.message.options.bad_critical()) {
    ++context_.counters().bad_option;
    context_.reliability.note_drop(reply.peer, "bad option in a response");
    fail(id, *exchange, FailureCause::Malformed);
    return;
  }
  reply.message.options.drop_bad_elective();
  take_response(now, id, *exchange, std::move(reply.message));
}

bool Requester::acknowledged(Instant now, TransmissionId transmission) {
  ExchangeId id;
  Exchange* exchange = owner_of(transmission, id);
  if (exchange == nullptr) return false;
  if (exchange->phase == Phase::Ping) {
    fail(id, *exchange, FailureCause::Reset);  // not the answer RFC 7252 §4.3 asks for, but the peer is there
    return true;
  }
  by_transmission_.erase(transmission);
  exchange->transmission.reset();
  if (!exchange->settings.timeout) {
    due_.set(exchange->due, id.value, now + context_.parameters.exchange_lifetime(exchange->peer));
  }
  return true;
}

bool Requester::rejected(Instant /*now*/, TransmissionId transmission) {
  ExchangeId id;
  Exchange* exchange = owner_of(transmission, id);
  if (exchange == nullptr) return false;
  fail(id, *exchange, FailureCause::Reset);
  return true;
}

bool Requester::gave_up(Instant /*now*/, TransmissionId transmission) {
  ExchangeId id;
  Exchange* exchange = owner_of(transmission, id);
  if (exchange == nullptr) return false;
  fail(id, *exchange, FailureCause::Timeout);
  return true;
}

void Requester::handle_timeout(Instant now) {
  while (const auto number = due_.due(now)) {
    const ExchangeId id{*number};
    ++context_.counters().timeouts;
    fail(id, *find(id), FailureCause::Timeout);
  }
}

std::optional<Deadline> Requester::deadline() const {
  const auto next = due_.next();
  if (!next) return std::nullopt;
  return Deadline{*next, Reason::ExchangeEnd};
}

void Requester::take_response(Instant now, ExchangeId id, Exchange& exchange, Message message) {
  const bool awaited = exchange.token == message.token && exchange.phase != Phase::Observing;
  if (exchange.observation && exchange.observation->token == message.token && !awaited) {
    take_notification(now, id, exchange, std::move(message));
    return;
  }
  settle(id, exchange);
  if (exchange.cancels) {
    const ExchangeId observation = *exchange.cancels;
    exchange.cancels.reset();
    close(observation);
  }
  if (exchange.phase == Phase::Collecting) {
    take_block(now, id, exchange, std::move(message));
    return;
  }
  if (continue_upload(now, id, exchange, message)) return;
  take_answer(now, id, exchange, std::move(message));
}

void Requester::begin_observation(Instant now, ExchangeId id, Exchange& exchange, const Message& message) {
  const auto sequence = message.options.observe();
  if (!sequence || !message.code.is_success() || !asks_to_observe(exchange.request)) return;
  exchange.observation = Observation{message.token, *sequence, now, std::nullopt};
  by_token_[{exchange.peer, message.token}] = id;
}

void Requester::take_notification(Instant now, ExchangeId id, Exchange& exchange, Message message) {
  Observation& observation = *exchange.observation;
  const auto sequence = message.options.observe();
  const bool last = !sequence || !message.code.is_success();
  if (!last) {
    if (!is_fresher(observation, *sequence, now, any_number_after(context_.parameters, exchange.peer))) {
      ++context_.counters().stale_notifications;
      context_.reliability.note_drop(exchange.peer, "stale notification");
      return;
    }
    observation.sequence = *sequence;
    observation.at = now;
  }
  // A body that is being fetched is outdated by this one (RFC 7959 §2.6).
  const bool first_is_missing = exchange.download && !exchange.download->of_notification;
  settle(id, exchange);
  release_token(id, exchange);
  exchange.download.reset();
  if (last) {
    by_token_.erase({exchange.peer, observation.token});
    if (observation.cancelled_by)
      by_token_.emplace(PeerToken{exchange.peer, observation.token}, *observation.cancelled_by);
    exchange.observation.reset();
  }
  exchange.phase = first_is_missing ? Phase::Asking : Phase::Observing;
  exchange.download.emplace();
  exchange.download->of_notification = !first_is_missing;
  exchange.download->last = last;
  take_answer(now, id, exchange, std::move(message));
}

}  // namespace drover::coap
