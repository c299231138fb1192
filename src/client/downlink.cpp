// SPDX-License-Identifier: Apache-2.0
// What arrives from servers: their answers, and their operations on the tree.
#include "client/client.hpp"
#include "coap/message/code.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {

using lwm2m::Outcome;
namespace code = coap::code;
namespace mapping = lwm2m::mapping;

namespace {

coap::Response plain(coap::Code code, std::string_view reason = {}) {
  return {code, {}, to_bytes(reason)};
}

/// Whatever is asked of the Security object, and however wrongly: a server hears 4.01 and learns nothing (Core E.1).
bool is_private(const std::optional<lwm2m::Path>& path) {
  return path && !path->is_root() && path->object() == SecurityObject::kObject;
}

bool precondition_holds(const coap::Request& request, const ObjectTree& tree, const lwm2m::Path& path) {
  return is_private(path) || mapping::precondition_holds(request.options, tree.has(path));
}

Result<lwm2m::Downlink> operation_of(const coap::Request& request, const ObjectTree& tree) {
  auto operation = mapping::to_downlink(request, tree.root());
  if (!operation && is_private(mapping::target_of(request, tree.root()))) {
    return peer_error(code::kUnauthorized.value, "the Security object is private");
  }
  if (!operation) return operation;
  // A POST of text on a resource is Execute by its form; where the resource takes values it is a partial update.
  const auto* execute = std::get_if<lwm2m::Execute>(&*operation);
  if (execute == nullptr || !execute->path.is_resource() || !request.options.content_format()) return operation;
  const auto* object = tree.find(execute->path.object());
  const auto* resource = object == nullptr ? nullptr : object->resource(execute->path.resource());
  if (resource == nullptr || !resource->operations.write) return operation;
  return lwm2m::Write{execute->path, lwm2m::Write::Mode::Update, request.options.content_format(), request.payload};
}

}  // namespace

/// RFC 7252 §3: version 1 and a code of class 0 other than 0.00.
bool Client::is_request(ByteView datagram) {
  constexpr std::size_t kHeaderSize = 4;
  return datagram.size() >= kHeaderSize && (datagram[0] >> 6) == 1 && coap::Code(datagram[1]).is_request();
}

std::optional<ServerId> Client::server_at(const transport::PeerAddress& peer) const {
  for (const auto& [id, account] : accounts_) {
    if (peer_of(id, account) == peer) return id;
    if (!peer.is_sms()) continue;
    const auto own = sms_peer_of(id, account);
    if (own && own->kind == peer.kind && own->host == peer.host) return id;  // whatever port it says
  }
  return std::nullopt;
}

bool Client::is_welcome(const transport::Datagram& datagram) const {
  const bool asks = is_request(datagram.bytes);
  if (is_bootstrap(datagram.from)) {
    const bool known = bootstrap_.is_open() || bootstrap_.state() == BootstrapState::Lingering;
    return !asks || known || may_command();
  }
  const auto server = server_at(datagram.from);
  if (!server) return false;
  // Core §5.2: who isn't part of a bootstrap waits for its end.
  const bool serves = accounts_.at(*server).registration.is_registered() && bootstrap_.state() != BootstrapState::Open;
  return !asks || serves;
}

bool Client::drain_endpoint(Instant now) {
  bool busy = false;
  while (auto event = endpoint_.poll_event()) {
    busy = true;
    if (auto* response = std::get_if<coap::ResponseArrived>(&*event)) handle(now, std::move(*response));
    if (auto* failure = std::get_if<coap::RequestFailed>(&*event)) handle(now, std::move(*failure));
    if (auto* request = std::get_if<coap::RequestArrived>(&*event)) handle(now, std::move(*request));
    if (auto* block = std::get_if<coap::RequestBlockArrived>(&*event)) handle(now, std::move(*block));
    if (const auto* ended = std::get_if<coap::ObservationEnded>(&*event)) {
      notifier_.cancel(ended->responder);
      delivery_due_ = true;
      note_unsaved_observations();
    }
    if (const auto* done = std::get_if<coap::NotificationAcknowledged>(&*event)) acknowledged(done->responder);
    if (const auto* lost = std::get_if<coap::NotificationTimedOut>(&*event)) timed_out(now, lost->responder);
  }
  return busy;
}

void Client::handle(Instant now, coap::ResponseArrived&& event) {
  if (bootstrap_exchange_ == event.exchange) {
    bootstrap_exchange_.reset();
    return bootstrap_.answered(now, mapping::to_outcome(event.response));
  }
  for (auto& [id, account] : accounts_) {
    if (account.exchange != event.exchange) continue;
    account.exchange.reset();
    account.registration.answered(now, mapping::to_outcome(event.response));
    return;
  }
}

void Client::handle(Instant now, coap::RequestFailed&& event) {
  if (bootstrap_exchange_ == event.exchange) {
    bootstrap_exchange_.reset();
    return bootstrap_.failed(now, event.cause);
  }
  for (auto& [id, account] : accounts_) {
    if (account.exchange != event.exchange) continue;
    account.exchange.reset();
    account.registration.failed(now, event.cause);
    return;
  }
}

void Client::handle(Instant now, coap::RequestArrived&& event) {
  if (is_bootstrap(event.peer)) return serve_bootstrap(now, event.responder, event.request);
  const auto server = server_at(event.peer);
  // The registration ended while the request was on its way up the stack.
  if (!server) return endpoint_.respond(now, event.responder, plain(code::kUnauthorized));
  heard(*server);
  if (event.request.payload.size() > settings_.write_max) {
    return endpoint_.respond(now, event.responder, plain(code::kRequestEntityTooLarge));
  }
  serve(now, event.responder, *server, event.request);
}

void Client::observe(Instant now, coap::ResponderId responder, ServerId server, const lwm2m::Observe& operation,
                     coap::Response& response) {
  // The server has its answer now, whatever it is: what slept is awake, or over.
  notifier_.drop_dormant(server, operation.path);
  delivery_due_ = true;
  note_unsaved_observations();
  if (!response.code.is_success()) return;
  drain_changes(now);  // values that the Read brought up to date: the answer has them
  if (!notifier_.observe(now, Observation{responder, server, operation.path, operation.accept})) return;
  response.options.set_observe(0);  // the stack numbers it
}

void Client::cancel_observations(ServerId server, const lwm2m::Path& path) {
  for (const coap::ResponderId id : notifier_.cancel(server, path)) endpoint_.end_observation(id);
  delivery_due_ = true;
  note_unsaved_observations();
}

void Client::serve(Instant now, coap::ResponderId responder, ServerId server, const coap::Request& request) {
  ++counters_.operations;
  auto operation = operation_of(request, tree_);
  if (!operation) {
    endpoint_.respond(now, responder, mapping::to_response(operation.error()));
    return;
  }
  const lwm2m::Path path = lwm2m::path_of(*operation);
  if (!precondition_holds(request, tree_, path)) {
    return endpoint_.respond(now, responder, plain(code::kPreconditionFailed, "If-Match or If-None-Match"));
  }
  const Context context{now, server};
  Outcome outcome;
  const auto* write = std::get_if<lwm2m::Write>(&*operation);
  const bool opaque = write != nullptr && write->format && lwm2m::format_of(*write->format) == lwm2m::Format::Opaque;
  if (opaque && tree_.streams(path)) {
    outcome = tree_.write_block(context, path, 0, write->payload, true);
  } else {
    outcome = tree_.perform(context, *operation);
  }
  const bool success = lwm2m::is_success(outcome.status);
  if (std::holds_alternative<lwm2m::WriteAttributes>(*operation) && success) {
    notifier_.attributes_changed(now, server, path);
    note_unsaved_attributes();
    if (asks_to_cancel(std::get<lwm2m::WriteAttributes>(*operation).attributes)) cancel_observations(server, path);
  }
  if (std::holds_alternative<lwm2m::CancelObservation>(*operation)) {
    cancel_observations(server, path);
  }
  if (auto* execute = std::get_if<lwm2m::Execute>(&*operation); execute != nullptr && success) {
    events_.push_back(Executed{server, path, std::move(execute->arguments)});
  }
  coap::Response response = mapping::to_response(outcome);
  if (const auto* wish = std::get_if<lwm2m::Observe>(&*operation)) observe(now, responder, server, *wish, response);
  endpoint_.respond(now, responder, std::move(response));
  events_.push_back(Served{server, lwm2m::name_of(*operation), path, outcome.status});
}

// ---- bodies in blocks -----------------------------------------------------------------------------------------------

void Client::handle(Instant now, coap::RequestBlockArrived&& event) {
  if (is_bootstrap(event.peer)) return collect_bootstrap(now, std::move(event));
  const std::uint64_t key = event.responder.value;
  const auto refuse = [&](coap::Response response) {
    bodies_.erase(key);
    endpoint_.respond(now, event.responder, std::move(response));
  };
  const auto server = server_at(event.peer);
  if (!server) return refuse(plain(code::kUnauthorized));
  heard(*server);

  if (event.offset == 0) {
    forget_stale_bodies(now);
    if (bodies_.size() >= settings_.coap.bodies_max_per_peer * accounts_.size()) {
      return refuse(plain(code::kRequestEntityTooLarge, "too many bodies at once"));
    }
    Body body{event.peer, now, std::nullopt, {}};
    const auto operation = operation_of(event.request, tree_);
    if (!operation) return refuse(mapping::to_response(operation.error()));
    if (!precondition_holds(event.request, tree_, lwm2m::path_of(*operation))) {
      return refuse(plain(code::kPreconditionFailed, "If-Match or If-None-Match"));
    }
    if (const auto refusal = tree_.refusal({now, *server}, *operation)) {
      ++counters_.operations;
      events_.push_back(Served{*server, lwm2m::name_of(*operation), lwm2m::path_of(*operation), refusal->status});
      return refuse(mapping::to_response(*refusal));
    }
    const auto* write = std::get_if<lwm2m::Write>(&*operation);
    if (write != nullptr && write->format && lwm2m::format_of(*write->format) == lwm2m::Format::Opaque &&
        tree_.streams(write->path)) {
      body.sink = write->path;
    }
    bodies_.insert_or_assign(key, std::move(body));
  }
  const auto found = bodies_.find(key);
  if (found == bodies_.end()) return refuse(plain(code::kRequestEntityIncomplete));
  Body& body = found->second;
  body.started = now;

  if (body.sink) {
    // The instance may have gone meanwhile.
    if (!tree_.streams(*body.sink)) return refuse(plain(code::kNotFound));
    const Outcome outcome =
        tree_.write_block({now, *server}, *body.sink, event.offset, event.request.payload, event.last);
    if (!event.last && lwm2m::is_success(outcome.status)) return endpoint_.accept_block(now, event.responder);
    ++counters_.operations;
    events_.push_back(Served{*server, "Write", *body.sink, outcome.status});
    return refuse(mapping::to_response(outcome));
  }
  if (event.offset != body.bytes.size()) return refuse(plain(code::kRequestEntityIncomplete));
  if (body.bytes.size() + event.request.payload.size() > settings_.write_max) {
    coap::Response response = plain(code::kRequestEntityTooLarge);
    response.options.set_uint(coap::OptionNumber::Size1, settings_.write_max);
    return refuse(std::move(response));
  }
  body.bytes.insert(body.bytes.end(), event.request.payload.begin(), event.request.payload.end());
  if (!event.last) return endpoint_.accept_block(now, event.responder);
  event.request.payload = std::move(body.bytes);
  bodies_.erase(found);
  serve(now, event.responder, *server, event.request);
}

void Client::forget_stale_bodies(Instant now) {
  std::erase_if(bodies_, [&](const auto& entry) { return now - entry.second.started >= settings_.coap.body_lifetime; });
}

}  // namespace drover::client
