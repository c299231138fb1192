// SPDX-License-Identifier: Apache-2.0
#include "coap/exchange/responder.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace drover::coap {

namespace {

constexpr std::uint64_t kReservedSzx = 7;  // RFC 7959 §2.2
constexpr std::uint32_t kRetryAfter = 60;  // seconds, Max-Age of 5.03: the default of RFC 7252 §5.10.5

bool is_known_method(Code code) {
  return code.value >= code::kGet.value && code.value <= code::kIPatch.value;
}
/// May be handed to the user again without harm (RFC 7252 §5.1, RFC 8132 §2).
bool is_safe(Code method) {
  return method == code::kGet || method == code::kFetch;
}

}  // namespace

Responder::Responder(Context& context) : context_(context), bodies_(context), observers_(context, bodies_) {}

void Responder::take(Instant now, const transport::PeerAddress& peer, Message message) {
  if (refuse(now, peer, message)) return;
  message.options.drop_bad_elective();
  Open open;
  open.peer = peer;
  open.since = now;
  open.ask.id = message.id;
  open.ask.token = message.token;
  open.ask.block.szx = context_.parameters.block_szx;
  open.digest = resource_digest(context_.seed, message.code, message.options);
  if (const auto asked = message.options.block2()) {
    const auto block = block_to_answer(*asked, context_.parameters.block_szx);
    if (!block) {
      answer_error(now, peer, message, code::kBadRequest, "block number too large");
      return;
    }
    open.ask.block = *block;
    open.asked_block = true;
    message.options.remove(OptionNumber::Block2);
  }
  if (const auto block = message.options.block1()) {
    take_block1(now, peer, std::move(message), std::move(open), *block);
    return;
  }
  if (open.ask.block.num != 0) {
    message.options.remove(OptionNumber::Observe);
    if (serve_kept(now, peer, message, open)) return;
    if (!is_safe(message.code)) {
      answer_error(now, peer, message, code::kRequestEntityIncomplete, "the response's body isn't kept any more");
      return;
    }
  }
  open.observe = take_observe(peer, message);
  deliver(peer, std::move(message), std::move(open));
}

bool Responder::refuse(Instant now, const transport::PeerAddress& peer, const Message& message) {
  const Options& options = message.options;
  for (const OptionNumber number : {OptionNumber::Block1, OptionNumber::Block2}) {
    const auto value = options.first(number);
    if (value && value->size() <= 3 && !value->empty() && (value->back() & kReservedSzx) == kReservedSzx) {
      answer_error(now, peer, message, code::kBadRequest, "block size 7 is reserved");
      return true;
    }
  }
  if (const auto number = options.bad_critical()) {
    ++context_.counters().bad_option;
    context_.reliability.note_drop(peer, "bad option in a request");
    if (message.type == Type::NonConfirmable) {
      context_.reliability.reject(now, peer, message);
    } else {
      answer_error(now, peer, message, code::kBadOption, "bad option " + std::to_string(*number));
    }
    return true;
  }
  if (options.has(OptionNumber::ProxyUri) || options.has(OptionNumber::ProxyScheme)) {
    answer_error(now, peer, message, code::kProxyingNotSupported, "not a proxy");
    return true;
  }
  if (!is_known_method(message.code)) {
    answer_error(now, peer, message, code::kMethodNotAllowed, "unknown method " + message.code.to_string());
    return true;
  }
  return false;
}

void Responder::answer_error(Instant now, const transport::PeerAddress& peer, const Message& request, Code code,
                             std::string_view diagnostic, std::optional<std::size_t> size1) {
  Message message;
  message.code = code;
  message.token = request.token;
  message.payload = to_bytes(diagnostic);
  if (size1) message.options.set_uint(OptionNumber::Size1, *size1);
  if (code == code::kServiceUnavailable) message.options.set_uint(OptionNumber::MaxAge, kRetryAfter);
  const MessageBudget budget = context_.parameters.message_budget(peer);
  if (budget.is_limited() && encoded_size(message) > budget.preferred) message.payload.clear();
  context_.reliability.reply(now, peer, request.id, std::move(message));
}

bool Responder::take_observe(const transport::PeerAddress& peer, Message& message) {
  const auto observe = message.options.observe();
  if (!observe) return false;
  if (*observe == 0 && is_safe(message.code)) {
    observers_.end(peer, message.token, ObservationEndCause::Replaced);
    if (observers_.has_room(peer, message.token)) return true;
    ++context_.counters().refused;
    context_.reliability.note_drop(peer, "over the limit of observations");
  } else if (*observe == 1 && is_safe(message.code)) {
    observers_.end(peer, message.token, ObservationEndCause::Cancelled);
    return false;
  }
  message.options.remove(OptionNumber::Observe);
  return false;
}

void Responder::take_block1(Instant now, const transport::PeerAddress& peer, Message message, Open open,
                            const Block& block) {
  const std::size_t size = message.payload.size();
  if (size > block.size() || (block.more && size != block.size())) {
    answer_error(now, peer, message, code::kBadRequest, "payload doesn't have the block's size");
    return;
  }
  message.options.remove(OptionNumber::Block1);
  open.ask.block1 = Block{block.num, block.more, std::min(block.szx, context_.parameters.block_szx)};
  const BodyKey key{peer, open.digest, true};
  if (block.num == 0 && !block.more) {
    bodies_.drop(key);
    if (open.ask.block.num != 0) message.options.remove(OptionNumber::Observe);
    open.observe = take_observe(peer, message);
    deliver(peer, std::move(message), std::move(open));
    return;
  }
  if (block.num == 0 && !begin_upload(now, peer, message, open)) return;
  Incoming* upload = bodies_.find_incoming(peer, open.digest);
  if (upload == nullptr || upload->received != block.offset() || upload->format != message.options.content_format()) {
    bodies_.drop(key);
    answer_error(now, peer, message, code::kRequestEntityIncomplete, "block out of order");
    return;
  }
  if (upload->streamed_to) {
    const ResponderId id = *upload->streamed_to;
    hand_on_block(now, peer, std::move(message), std::move(open), block, id);
    return;
  }
  if (upload->received + size > request_body_max()) {
    bodies_.drop(key);
    answer_error(now, peer, message, code::kRequestEntityTooLarge, "body too large", request_body_max());
    return;
  }
  if (!bodies_.append(now, key, message.payload)) {
    bodies_.drop(key);
    answer_error(now, peer, message, code::kServiceUnavailable, "too many uploads");
    return;
  }
  upload->received += size;
  if (block.more) {
    Message answer;
    answer.code = code::kContinue;
    answer.token = message.token;
    answer.options.set_block1(*open.ask.block1);
    context_.reliability.reply(now, peer, message.id, std::move(answer));
    return;
  }
  message.payload = bodies_.take(key);
  if (open.ask.block.num != 0) message.options.remove(OptionNumber::Observe);
  open.observe = take_observe(peer, message);
  deliver(peer, std::move(message), std::move(open));
}

std::size_t Responder::request_body_max() const {
  return std::min(context_.parameters.body_max, context_.parameters.request_body_max);
}

bool Responder::begin_upload(Instant now, const transport::PeerAddress& peer, const Message& message,
                             const Open& open) {
  const bool streaming = context_.parameters.stream_requests;
  const std::size_t body_max = request_body_max();
  if (!streaming && message.options.uint(OptionNumber::Size1).value_or(0) > body_max) {
    bodies_.drop({peer, open.digest, true});
    answer_error(now, peer, message, code::kRequestEntityTooLarge, "body too large", body_max);
    return false;
  }
  Incoming upload;
  upload.format = message.options.content_format();
  if (streaming) {
    const Incoming* previous = bodies_.find_incoming(peer, open.digest);
    upload.streamed_to = previous != nullptr ? previous->streamed_to : ResponderId{next_id_++};
  }
  if (bodies_.put(now, peer, open.digest, std::move(upload)) != nullptr) return true;
  answer_error(now, peer, message, code::kServiceUnavailable, "too many uploads");
  return false;
}

void Responder::hand_on_block(Instant now, const transport::PeerAddress& peer, Message message, Open open,
                              const Block& block, ResponderId id) {
  const BodyKey key{peer, open.digest, true};
  Incoming& upload = *bodies_.find_incoming(peer, open.digest);
  const std::size_t offset = upload.received;
  upload.received += message.payload.size();
  if (block.more) {
    bodies_.touch(now, key);
  } else {
    bodies_.drop(key);
  }
  open_of(peer).insert_or_assign(id, std::move(open));
  context_.events.push(RequestBlockArrived{
      id, peer, Request{message.code, std::move(message.options), std::move(message.payload)}, offset, !block.more});
}

bool Responder::serve_kept(Instant now, const transport::PeerAddress& peer, const Message& message, const Open& open) {
  Outgoing* kept = bodies_.find_outgoing(peer, open.digest);
  if (kept == nullptr) return false;
  Ask ask = open.ask;
  const std::size_t offset = ask.block.offset();
  if (offset >= kept->total) {
    answer_error(now, peer, message, code::kBadRequest, "block past the end of the body");
    return true;
  }
  bodies_.touch(now, {peer, open.digest, false});
  const auto block = fit_block(context_.parameters.message_budget(peer), kept->head, ask, kept->total);
  if (!block) {
    context_.reliability.reply(now, peer, message.id, unsendable(ask));
    return true;
  }
  ask.block = *block;
  const std::size_t length = std::min(ask.block.size(), kept->total - offset);
  if (kept->streamed_from) {
    kept->ask = ask;
    context_.events.push(BodyWanted{*kept->streamed_from, offset, length});
    return true;
  }
  context_.reliability.reply(
      now, peer, message.id, cut(kept->head, ask, kept->total, ByteView(kept->head.payload).subspan(offset, length)));
  return true;
}

void Responder::deliver(const transport::PeerAddress& peer, Message message, Open open) {
  const ResponderId id{next_id_++};
  OpenRequests& requests = open_of(peer);
  requests.emplace_hint(requests.end(), id, std::move(open));
  context_.events.push(
      RequestArrived{id, peer, Request{message.code, std::move(message.options), std::move(message.payload)}});
}

const Responder::Open* Responder::find_open(ResponderId id) const {
  for (const OpenRequests* requests : {&open_, &sms_open_}) {
    const auto found = requests->find(id);
    if (found != requests->end()) return &found->second;
  }
  return nullptr;
}

std::optional<Responder::Open> Responder::take_open(ResponderId id) {
  for (OpenRequests* requests : {&open_, &sms_open_}) {
    if (auto taken = requests->extract(id)) return std::move(taken.mapped());
  }
  return std::nullopt;
}

bool Responder::begin_observation(ResponderId id, const Open& open, Response& response) {
  const bool begins = open.observe && response.code.is_success() && response.options.has(OptionNumber::Observe);
  if (!begins) {
    response.options.remove(OptionNumber::Observe);
    return false;
  }
  response.options.set_observe(observers_.next_number());
  observers_.begin(id, {open.peer, open.ask.token, open.digest, open.ask.block, open.asked_block});
  return true;
}

ResponderId Responder::restore_observation(const KeptObservation& kept) {
  const ResponderId id{next_id_++};
  Block block;
  block.szx = context_.parameters.block_szx;
  const std::uint64_t digest = resource_digest(context_.seed, kept.request.method, kept.request.options);
  observers_.restore(id, {kept.peer, kept.token, digest, block, false}, kept.number);
  return id;
}

void Responder::reply(Instant now, ResponderId id, const transport::PeerAddress& peer, MessageId request,
                      Message message) {
  const bool observed = message.options.has(OptionNumber::Observe);
  const auto transmission = context_.reliability.reply(now, peer, request, std::move(message));
  if (observed) {
    observers_.first_sent(now, id, transmission);
  } else if (transmission && !Reliability::is_confirmable(*transmission)) {
    context_.reliability.cancel(*transmission);  // its Reset would tell us nothing
  }
}

void Responder::respond(Instant now, ResponderId id, Response response) {
  BodyKey upload;
  if (bodies_.find_streamed_incoming(id, upload) != nullptr) bodies_.drop(upload);
  auto open = take_open(id);
  if (!open) return;
  const bool observed = begin_observation(id, *open, response);
  if (open->ask.block1) {
    if (response.code.is_success()) {
      open->ask.block1->more = false;
    } else {
      open->ask.block1.reset();
    }
  }
  Message message =
      shape(now, bodies_, {open->peer, open->digest, false}, open->ask, open->asked_block, std::move(response));
  if (observed && !message.code.is_success()) {
    observers_.end(open->peer, open->ask.token, ObservationEndCause::TooLarge);
  }
  reply(now, id, open->peer, open->ask.id, std::move(message));
}

void Responder::respond_streamed(Instant now, ResponderId id, Response head, std::size_t total) {
  const Open* waiting = find_open(id);
  if (waiting == nullptr) return;
  if (total == 0 || waiting->ask.block.offset() >= total) {
    head.payload.clear();
    respond(now, id, std::move(head));
    return;
  }
  BodyKey upload;
  if (bodies_.find_streamed_incoming(id, upload) != nullptr) bodies_.drop(upload);
  Open open = *take_open(id);
  if (open.ask.block1) open.ask.block1->more = false;
  begin_observation(id, open, head);
  head.payload.clear();
  tag_body(head, context_.tokens.next_number());
  const auto block = fit_block(context_.parameters.message_budget(open.peer), head, open.ask, total);
  if (!block) {
    observers_.end(open.peer, open.ask.token, ObservationEndCause::TooLarge);
    context_.reliability.reply(now, open.peer, open.ask.id, unsendable(open.ask));
    return;
  }
  open.ask.block = *block;
  Outgoing body{std::move(head), total, id, open.ask};
  if (bodies_.put(now, open.peer, open.digest, std::move(body)) == nullptr) {
    observers_.end(id);
    Message request;
    request.id = open.ask.id;
    request.token = open.ask.token;
    answer_error(now, open.peer, request, code::kServiceUnavailable, "too many bodies");
    return;
  }
  context_.events.push(BodyWanted{id, block->offset(), std::min(block->size(), total - block->offset())});
}

void Responder::supply(Instant now, ResponderId id, ByteView bytes) {
  BodyKey key;
  Outgoing* body = bodies_.find_streamed(id, key);
  if (body == nullptr || !body->ask) return;
  const Ask ask = *std::exchange(body->ask, std::nullopt);
  const std::size_t offset = ask.block.offset();
  const std::size_t wanted = std::min(ask.block.size(), body->total - offset);
  if (bytes.size() < wanted) body->total = offset + bytes.size();  // the body ends here
  bytes = bytes.first(std::min(bytes.size(), wanted));
  Message message = cut(body->head, ask, body->total, bytes);
  if (offset + bytes.size() >= body->total) {
    bodies_.drop(key);
  } else {
    bodies_.touch(now, key);
  }
  reply(now, id, key.peer, ask.id, std::move(message));
}

void Responder::accept_block(Instant now, ResponderId id) {
  BodyKey key;
  // Without the upload this is the last block, which only respond() answers.
  if (find_open(id) == nullptr || bodies_.find_streamed_incoming(id, key) == nullptr) return;
  const Open open = *take_open(id);
  bodies_.touch(now, key);
  Message message;
  message.code = code::kContinue;
  message.token = open.ask.token;
  message.options.set_block1(*open.ask.block1);
  context_.reliability.reply(now, open.peer, open.ask.id, std::move(message));
}

void Responder::forget_peer(const transport::PeerAddress& peer) {
  std::erase_if(open_of(peer), [&peer](const auto& entry) { return entry.second.peer == peer; });
  bodies_.drop_peer(peer);
  observers_.forget_peer(peer);
}

void Responder::handle_timeout(Instant now) {
  bodies_.handle_timeout(now);
  for (OpenRequests* requests : {&open_, &sms_open_}) {
    while (!requests->empty() && ends(*requests) <= now) requests->erase(requests->begin());
  }
}

Instant Responder::ends(const OpenRequests& requests) const {
  const Open& oldest = requests.begin()->second;
  return oldest.since + context_.parameters.exchange_lifetime(oldest.peer);
}

std::optional<Deadline> Responder::deadline() const {
  std::optional<Deadline> next = bodies_.deadline();
  for (const OpenRequests* requests : {&open_, &sms_open_}) {
    if (requests->empty()) continue;
    const Instant at = ends(*requests);
    if (!next || at < next->at) next = Deadline{at, Reason::Forget};
  }
  return next;
}

}  // namespace drover::coap
