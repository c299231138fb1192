// SPDX-License-Identifier: Apache-2.0
#include "coap/exchange/bodies.hpp"

#include <utility>

namespace drover::coap {

namespace {

std::optional<ResponderId> streamed_id(const std::variant<Incoming, Outgoing>& content) {
  if (const auto* incoming = std::get_if<Incoming>(&content)) return incoming->streamed_to;
  return std::get<Outgoing>(content).streamed_from;
}

std::size_t size_of(const std::variant<Incoming, Outgoing>& content) {
  if (const auto* incoming = std::get_if<Incoming>(&content)) return incoming->bytes.size();
  return std::get<Outgoing>(content).head.payload.size();
}

}  // namespace

Bodies::Bodies(Context& context)
    : context_(context), by_key_(0, KeyHash{context.seed}), by_peer_(0, PeerHash{context.seed}) {}

Bodies::Body* Bodies::find(const BodyKey& key) {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &bodies_.find(found->second)->second;
}

Incoming* Bodies::find_incoming(const transport::PeerAddress& peer, std::uint64_t digest) {
  Body* body = find({peer, digest, true});
  return body == nullptr ? nullptr : &std::get<Incoming>(body->content);
}

Outgoing* Bodies::find_outgoing(const transport::PeerAddress& peer, std::uint64_t digest) {
  Body* body = find({peer, digest, false});
  return body == nullptr ? nullptr : &std::get<Outgoing>(body->content);
}

Outgoing* Bodies::find_streamed(ResponderId responder, BodyKey& key) {
  const auto found = by_responder_.find(responder);
  if (found == by_responder_.end()) return nullptr;
  Body& body = bodies_.find(found->second)->second;
  key = body.key;
  return std::get_if<Outgoing>(&body.content);
}

Incoming* Bodies::find_streamed_incoming(ResponderId responder, BodyKey& key) {
  const auto found = by_responder_.find(responder);
  if (found == by_responder_.end()) return nullptr;
  Body& body = bodies_.find(found->second)->second;
  key = body.key;
  return std::get_if<Incoming>(&body.content);
}

Incoming* Bodies::put(Instant now, const transport::PeerAddress& peer, std::uint64_t digest, Incoming body) {
  Body* stored = put(now, BodyKey{peer, digest, true}, std::move(body));
  return stored == nullptr ? nullptr : &std::get<Incoming>(stored->content);
}

Outgoing* Bodies::put(Instant now, const transport::PeerAddress& peer, std::uint64_t digest, Outgoing body) {
  Body* stored = put(now, BodyKey{peer, digest, false}, std::move(body));
  return stored == nullptr ? nullptr : &std::get<Outgoing>(stored->content);
}

Bodies::Body* Bodies::put(Instant now, const BodyKey& key, std::variant<Incoming, Outgoing> content) {
  drop(key);
  const BodyNumber number = next_++;
  const std::size_t size = size_of(content);
  if (!make_room(key.peer) || !make_room(size, number)) {
    refuse(key.peer);
    return nullptr;
  }
  bytes_ += size;
  const std::optional<ResponderId> responder = streamed_id(content);
  Body& body = bodies_.emplace_hint(bodies_.end(), number, Body{key, std::move(content), std::nullopt})->second;
  by_key_.emplace(key, number);
  by_peer_[key.peer].push_back(number);
  if (responder) by_responder_.insert_or_assign(*responder, number);
  due_.set(body.due, number, now + context_.parameters.body_lifetime_of(key.peer));
  return &body;
}

bool Bodies::refuse(const transport::PeerAddress& peer) {
  ++context_.counters().refused;
  context_.reliability.note_drop(peer, "over the limit of bodies in blocks");
  return false;
}

bool Bodies::is_kept(BodyNumber number) const {
  return std::holds_alternative<Outgoing>(bodies_.find(number)->second.content);
}

bool Bodies::make_room(const transport::PeerAddress& peer) {
  const auto own = by_peer_.find(peer);
  if (own == by_peer_.end()) {
    if (context_.parameters.bodies_max_per_peer == 0) return false;
  } else if (own->second.size() >= context_.parameters.bodies_max_per_peer) {
    const std::vector<BodyNumber>& numbers = own->second;
    std::size_t oldest = 0;
    while (oldest < numbers.size() && !is_kept(numbers[oldest])) ++oldest;
    if (oldest == numbers.size()) return false;
    erase(numbers[oldest]);
  }
  if (bodies_.size() < context_.parameters.bodies_max) return true;
  // The oldest of all only: a search past it would cost the number of bodies for each datagram.
  if (bodies_.empty() || !is_kept(bodies_.begin()->first)) return false;
  erase(bodies_.begin()->first);
  return true;
}

bool Bodies::make_room(std::size_t bytes, BodyNumber number) {
  if (bytes > context_.parameters.bodies_bytes_max) return false;
  const std::size_t others_max = context_.parameters.bodies_bytes_max - bytes;
  while (bytes_ > others_max) {
    const BodyNumber oldest = bodies_.begin()->first;
    if (oldest == number || !is_kept(oldest)) return false;
    erase(oldest);
  }
  return true;
}

bool Bodies::append(Instant now, const BodyKey& key, ByteView bytes) {
  const BodyNumber number = by_key_.find(key)->second;
  if (!make_room(bytes.size(), number)) return refuse(key.peer);
  bytes_ += bytes.size();
  Bytes& body = std::get<Incoming>(bodies_.find(number)->second.content).bytes;
  body.insert(body.end(), bytes.begin(), bytes.end());
  touch(now, key);
  return true;
}

Bytes Bodies::take(const BodyKey& key) {
  Bytes& body = std::get<Incoming>(find(key)->content).bytes;
  bytes_ -= body.size();
  Bytes taken = std::exchange(body, {});
  drop(key);
  return taken;
}

void Bodies::touch(Instant now, const BodyKey& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  due_.set(bodies_.find(found->second)->second.due, found->second, now + context_.parameters.body_lifetime_of(key.peer));
}

void Bodies::drop(const BodyKey& key) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) erase(found->second);
}

void Bodies::erase(BodyNumber number) {
  const auto found = bodies_.find(number);
  Body& body = found->second;
  bytes_ -= size_of(body.content);
  due_.clear(body.due, number);
  by_key_.erase(body.key);
  const auto own = by_peer_.find(body.key.peer);
  std::erase(own->second, number);
  if (own->second.empty()) by_peer_.erase(own);
  if (const auto responder = streamed_id(body.content)) {
    const auto entry = by_responder_.find(*responder);
    if (entry != by_responder_.end() && entry->second == number) by_responder_.erase(entry);
  }
  bodies_.erase(found);
}

void Bodies::drop_peer(const transport::PeerAddress& peer) {
  const auto own = by_peer_.find(peer);
  if (own == by_peer_.end()) return;
  const std::vector<BodyNumber> numbers = own->second;
  for (const BodyNumber number : numbers) erase(number);
}

void Bodies::handle_timeout(Instant now) {
  while (const auto number = due_.due(now)) erase(*number);
}

std::optional<Deadline> Bodies::deadline() const {
  const auto next = due_.next();
  if (!next) return std::nullopt;
  return Deadline{*next, Reason::Forget};
}

}  // namespace drover::coap
