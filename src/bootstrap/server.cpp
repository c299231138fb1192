// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/server.hpp"

#include <algorithm>
#include <utility>

#include "base/take_front.hpp"
#include "lwm2m/mapping/bootstrap.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::bootstrap {

using transport::Kind;
using transport::PeerAddress;

namespace {

/// A Bootstrap-Request has no body; some clients may come to have one.
constexpr std::size_t kRequestBodyMax = 1024;
/// What a Discover lists: 4096 links of 16 bytes.
constexpr std::size_t kListingMax = std::size_t{64} << 10;

/// What a device says, for people: one line of UTF-8, at most TimelineEntry::kTextMax bytes.
std::string printable(std::string_view text) {
  constexpr unsigned kContinuation = 0x80;
  constexpr unsigned kTopBits = 0xC0;
  if (!is_utf8(text)) return "(no UTF-8)";
  std::size_t size = std::min(text.size(), TimelineEntry::kTextMax);
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & kTopBits) == kContinuation) --size;
  std::string shown(text.substr(0, size));
  std::replace_if(shown.begin(), shown.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; }, ' ');
  return shown;
}

coap::Parameters collecting(coap::Parameters parameters) {
  parameters.stream_requests = false;
  parameters.request_body_max = std::min(parameters.request_body_max, kRequestBodyMax);
  parameters.body_max = std::min(parameters.body_max, kListingMax);
  return parameters;
}

}  // namespace

BootstrapServer::BootstrapServer(Config config, Rng& rng)
    : config_(std::move(config)), rng_(rng), endpoint_(collecting(config_.coap), rng), callouts_(config_.provider) {
  if (config_.acceptor == nullptr || config_.credentials == nullptr) return;
  listener_ = std::make_unique<security::Listener>(config_.listener, *config_.acceptor, *config_.credentials, rng);
}

// ---- driving --------------------------------------------------------------------------------------------------------

void BootstrapServer::handle_datagram(Instant now, const transport::Datagram& datagram) {
  if (datagram.from.kind != Kind::Dtls) {
    endpoint_.handle_datagram(now, datagram);
  } else if (!callouts_.handle_datagram(now, datagram) && listener_) {
    listener_->handle_datagram(now, datagram);
  }
  process(now);
}

void BootstrapServer::handle_timeout(Instant now) {
  if (listener_) listener_->handle_timeout(now);
  callouts_.handle_timeout(now);
  endpoint_.handle_timeout(now);
  while (!keys_due_.empty() && keys_due_.begin()->first <= now) {
    finish(now, keys_due_.begin()->second, SessionState::Failed, "keys: they didn't come in time");
  }
  process(now);
}

std::optional<transport::Transmit> BootstrapServer::poll_transmit() {
  while (auto transmit = endpoint_.poll_transmit()) {
    if (transmit->to.kind != Kind::Association) return transmit;
    if (callouts_.has(transmit->to)) {
      callouts_.send(now_, transmit->to, transmit->bytes);
    } else if (listener_) {
      listener_->send(now_, transmit->to, transmit->bytes);
    }
  }
  if (auto transmit = callouts_.poll_transmit()) return transmit;
  return listener_ ? listener_->poll_transmit() : std::nullopt;
}

std::optional<Event> BootstrapServer::poll_event() {
  return take_front(events_);
}

std::optional<Deadline> BootstrapServer::deadline() const {
  std::optional<Deadline> next = endpoint_.deadline();
  const auto sooner = [&](const std::optional<Deadline>& other) {
    if (other && (!next || other->at < next->at)) next = other;
  };
  sooner(callouts_.deadline());
  if (listener_) sooner(listener_->deadline());
  if (!keys_due_.empty()) sooner(Deadline{keys_due_.begin()->first, Reason::Bootstrap});
  return next;
}

void BootstrapServer::process(Instant now) {
  now_ = now;
  drain_security(now);
  while (auto event = endpoint_.poll_event()) {
    if (const auto* request = std::get_if<coap::RequestArrived>(&*event)) {
      handle_request(now, *request);
    } else if (const auto* arrived = std::get_if<coap::ResponseArrived>(&*event)) {
      const coap::Response& response = arrived->response;
      DeviceAnswer answer{response.code.is_success(), response.code.to_string(), std::string(as_text(response.payload))};
      handle_answer(now, arrived->exchange, answer, response.code, response.payload.size());
    } else if (const auto* failed = std::get_if<coap::RequestFailed>(&*event)) {
      handle_failure(now, *failed);
    }
    // Nothing is observed or streamed here.
  }
}

void BootstrapServer::drain_security(Instant now) {
  while (const auto up = callouts_.poll_up()) {
    for (auto peer = by_peer_.lower_bound({up->name, SessionId{}}); peer != by_peer_.end() && peer->first == up->name;) {
      const SessionId id = (peer++)->second;
      active(id)->connected = true;
      advance(now, id);
    }
  }
  while (const auto down = callouts_.poll_down()) lost_peer(now, down->name, down->reason);
  while (const auto message = callouts_.poll_message()) endpoint_.handle_datagram(now, {message->to, message->bytes});
  if (!listener_) return;
  while (const auto event = listener_->poll_event()) {
    if (const auto* refused = std::get_if<security::HandshakeRefused>(&*event)) {
      refuse("", refused->address, refused->reason);
    } else if (const auto* closed = std::get_if<security::AssociationClosed>(&*event)) {
      lost_peer(now, closed->name, closed->reason);
    }
  }
  while (const auto plaintext = listener_->poll_plaintext()) {
    endpoint_.handle_datagram(now, {plaintext->from, plaintext->bytes});
  }
  while (listener_->poll_misdirected()) {
    // One shard: what names another is of nobody.
  }
}

void BootstrapServer::lost_peer(Instant now, const PeerAddress& peer, const std::string& reason) {
  for (auto entry = by_peer_.lower_bound({peer, SessionId{}}); entry != by_peer_.end() && entry->first == peer;
       entry = by_peer_.lower_bound({peer, SessionId{}})) {
    finish(now, entry->second, SessionState::Failed, "the association has ended: " + reason);
  }
  endpoint_.forget_peer(peer);
}

// ---- Bootstrap-Request ----------------------------------------------------------------------------------------------

void BootstrapServer::handle_request(Instant now, const coap::RequestArrived& arrived) {
  const auto request = lwm2m::mapping::to_bootstrap_request(arrived.request);
  Result<SessionId> session = tl::unexpected(Error{});
  if (!request) {
    session = tl::unexpected(request.error());
  } else {
    ++counters_.requests;
    session = admit(now, arrived.peer, *request);
    if (!session) refuse(request->endpoint, address_of(arrived.peer), session.error().reason);
  }
  if (!session) {
    endpoint_.respond(now, arrived.responder, lwm2m::mapping::to_response(session.error()));
    return;
  }
  coap::Response changed;
  changed.code = coap::code::kChanged;
  endpoint_.respond(now, arrived.responder, std::move(changed));
  Session& began = *active(*session);
  note(began, {wall(now), true, "Bootstrap-Request", {}, request->format, 0, {}, {}});
  note(began, {wall(now), false, "Bootstrap-Request", {}, {}, 0, coap::code::kChanged, {}});
  ask_for_keys(now, *session);
}

Result<SessionId> BootstrapServer::admit(Instant now, const PeerAddress& peer, const lwm2m::BootstrapRequest& request) {
  if (request.endpoint.empty()) return peer_error(coap::code::kBadRequest.value, "the parameter 'ep' is missing");
  if (!is_utf8(request.endpoint)) return peer_error(coap::code::kBadRequest.value, "the endpoint name isn't UTF-8");
  if (const auto identity = check_identity(peer, request.endpoint); !identity) return tl::unexpected(identity.error());
  const SharedPlan plan = plans_.choose(request.endpoint);
  if (plan == nullptr) return peer_error(coap::code::kBadRequest.value, "Unknown Endpoint Client Name");
  const PeerAddress address = address_of(peer);
  if (const auto room = has_room(request.endpoint, security::Listener::network(address)); !room) return tl::unexpected(room.error());
  if (const auto old = by_endpoint_.find(request.endpoint); old != by_endpoint_.end()) {
    finish(now, old->second, SessionState::Failed, "the device began anew");
  }
  std::optional<lwm2m::FormatNumber> format = request.format;
  if (format != lwm2m::format::kTlv && format != lwm2m::format::kJson) format.reset();
  return begin(now, plan, request.endpoint, peer, address, format, false);
}

Result<void> BootstrapServer::check_identity(const PeerAddress& peer, const std::string& endpoint) const {
  if (peer.kind == Kind::Association) {
    const auto known = listener_ ? listener_->peer(peer) : std::nullopt;
    if (known && config_.credentials->may_be(known->credential, known->identity, endpoint)) return {};
    return peer_error(coap::code::kBadRequest.value, "the endpoint name isn't that of " +
                                                         (known ? known->identity : security::Identity{}).to_string());
  }
  if (!config_.settings.allow_nosec) return peer_error(coap::code::kForbidden.value, "a bootstrap needs security");
  if (config_.credentials == nullptr || !config_.credentials->is_protected(endpoint)) return {};
  return peer_error(coap::code::kForbidden.value, "the endpoint has credentials and came without");
}

void BootstrapServer::refuse(const std::string& endpoint, const PeerAddress& address, const std::string& reason) {
  ++counters_.refused;
  if (config_.settings.events) events_.emplace_back(Refused{endpoint, address, reason});
}

PeerAddress BootstrapServer::address_of(const PeerAddress& peer) const {
  if (peer.kind != Kind::Association || !listener_) return peer;
  return listener_->address(peer).value_or(peer);
}

// ---- answers --------------------------------------------------------------------------------------------------------

void BootstrapServer::handle_answer(Instant now, coap::ExchangeId exchange, const DeviceAnswer& answer, coap::Code code,
                                    std::size_t bytes) {
  const auto found = by_exchange_.find(exchange);
  if (found == by_exchange_.end()) return;
  const SessionId id = found->second;
  by_exchange_.erase(found);
  Session& session = *active(id);
  session.exchange.reset();
  session.answered = true;
  // A device may repeat what it was written.
  DeviceAnswer heard = answer;
  if (session.sequence->is_told(heard.text)) heard.text = "(it repeats a key)";
  if (!heard.success) heard.text = printable(heard.text);
  note(session, {wall(now), true, session.operation, session.path, {}, bytes, code, printable(heard.text)});
  const std::string step = where(session);
  const auto done = session.sequence->handle(heard);
  session.view.step = session.sequence->step();
  if (!done) return finish(now, id, SessionState::Failed, step + done.error().reason);
  advance(now, id);
}

void BootstrapServer::handle_failure(Instant now, const coap::RequestFailed& failed) {
  const auto found = by_exchange_.find(failed.exchange);
  if (found == by_exchange_.end()) return;
  const SessionId id = found->second;
  by_exchange_.erase(found);
  Session& session = *active(id);
  session.exchange.reset();
  std::string why;
  switch (failed.cause) {
    case coap::FailureCause::Timeout: why = "no answer in time"; break;
    case coap::FailureCause::Reset: why = "the device rejected the message (Reset)"; break;
    case coap::FailureCause::Malformed: why = "the answer was malformed"; break;
    case coap::FailureCause::TooLarge: why = "the answer was too large"; break;
    case coap::FailureCause::Refused: why = "too many requests to that device wait"; break;
  }
  note(session, {wall(now), true, session.operation, session.path, {}, 0, {}, why});
  finish(now, id, SessionState::Failed, where(session) + why);
}

}  // namespace drover::bootstrap
