// SPDX-License-Identifier: Apache-2.0
// Device Management & Service Enablement, and Information Reporting (Core §5.4, §5.5).
#include <algorithm>
#include <utility>

#include "lwm2m/mapping/mapping.hpp"
#include "server/shard.hpp"

namespace drover::server {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

bool between(const lwm2m::Path& path, int least, int most) {
  return path.depth() >= least && path.depth() <= most;
}

/// The levels of Transport Tables 3 and 4, and those of 1.1 (a resource instance, a part of a multiple resource), which
/// a client of 1.0 refuses itself. At any other level the request would be another operation: POST to an object is
/// Create.
bool exists_at_level(const lwm2m::Downlink& operation) {
  return std::visit(Overloaded{[](const lwm2m::Execute& op) { return op.path.is_resource(); },
                               [](const lwm2m::Create& op) { return op.path.is_object(); },
                               [](const lwm2m::Delete& op) { return op.path.is_instance(); },
                               [](const lwm2m::Discover& op) { return between(op.path, 1, 3); },
                               [](const lwm2m::Write& op) {
                                 return between(op.path, 2, op.mode == lwm2m::Write::Mode::Replace ? 4 : 3);
                               },
                               [](const auto& op) { return between(op.path, 1, 4); }},
                    operation);
}

/// Each attribute is one Uri-Query option of 1 to 255 bytes (RFC 7252 §5.10).
bool is_sendable(const lwm2m::Downlink& operation) {
  constexpr std::size_t kAttributesMax = 64;  // ten attributes are defined over all versions
  const auto* write = std::get_if<lwm2m::WriteAttributes>(&operation);
  if (write == nullptr) return true;
  return !write->attributes.empty() && write->attributes.size() <= kAttributesMax &&
         std::all_of(write->attributes.begin(), write->attributes.end(), [](const std::string& attribute) {
           return !attribute.empty() && attribute.size() <= lwm2m::mapping::kTextBytesMax;
         });
}

/// The item of early drafts that ends an observation (SCR LwM2M-DMSE-010-C-O).
constexpr std::string_view kCancelAttribute = "cancel";

bool cancels(const lwm2m::Downlink& operation) {
  const auto* write = std::get_if<lwm2m::WriteAttributes>(&operation);
  return write != nullptr &&
         std::find(write->attributes.begin(), write->attributes.end(), kCancelAttribute) != write->attributes.end();
}

/// Execute of Disable (Core E.2, resource 4): the device deregisters and comes back.
bool disables(const lwm2m::Downlink& operation) {
  constexpr lwm2m::ObjectId kServerObject = 1;
  constexpr lwm2m::ResourceId kDisable = 4;
  const auto* execute = std::get_if<lwm2m::Execute>(&operation);
  return execute != nullptr && execute->path.object() == kServerObject && execute->path.resource() == kDisable;
}

NoAnswer to_no_answer(coap::FailureCause cause) {
  switch (cause) {
    case coap::FailureCause::Timeout: return NoAnswer::Timeout;
    case coap::FailureCause::Reset: return NoAnswer::Reset;
    case coap::FailureCause::Malformed: return NoAnswer::Malformed;
    case coap::FailureCause::TooLarge: return NoAnswer::TooLarge;
    case coap::FailureCause::Refused: return NoAnswer::Refused;
  }
  return NoAnswer::Refused;
}

/// An outcome that was found here; no code was on the wire.
lwm2m::Outcome local_outcome(lwm2m::Status status) {
  lwm2m::Outcome outcome;
  outcome.status = status;
  return outcome;
}

}  // namespace

void Shard::done(Ticket ticket, OperationResult result) {
  done_.push_back({ticket, std::move(result)});
}

void Shard::operate(Instant now, Ticket ticket, std::string_view endpoint, const lwm2m::Downlink& operation) {
  if (const auto* cancellation = std::get_if<lwm2m::CancelObservation>(&operation)) {
    cancel(now, ticket, endpoint, cancellation->path, CancelMode::Get);
    return;
  }
  expire(now);
  ++counters_.operations;
  if (const auto slot = registry_.find(endpoint); !slot) {
    done(ticket, NoAnswer::NotRegistered);
  } else if (!exists_at_level(operation) || !is_sendable(operation)) {
    done(ticket, NoAnswer::Refused);
  } else {
    send(now, ticket, *slot, operation);
  }
  process(now);
}

void Shard::send(Instant now, Ticket ticket, Slot slot, const lwm2m::Downlink& operation) {
  const auto accept_of = [this](const auto& op) -> std::optional<lwm2m::FormatNumber> {
    if (op.no_accept) return std::nullopt;
    if (op.accept || !config_.policy.always_accept) return op.accept;
    return lwm2m::format::kTlv;
  };
  if (const auto* wanted = std::get_if<lwm2m::Observe>(&operation)) {
    observe(now, Waiting::Kind::Observe, ticket, slot, {wanted->path, accept_of(*wanted)});
    return;
  }
  lwm2m::Downlink sent = operation;
  if (auto* read = std::get_if<lwm2m::Read>(&sent)) read->accept = accept_of(*read);
  const coap::ExchangeId exchange =
      endpoint_.request(now, registry_[slot].address(), lwm2m::mapping::to_request(sent, registry_.root(slot)));
  Waiting waiting;
  waiting.slot = slot;
  waiting.ticket = ticket;
  if (disables(operation)) waiting.kind = Waiting::Kind::Disable;
  if (cancels(operation)) {
    waiting.kind = Waiting::Kind::CancelByAttribute;
    waiting.what.path = lwm2m::path_of(operation);
  }
  downlinks_.wait(exchange, std::move(waiting));
}

void Shard::observe(Instant now, Waiting::Kind kind, Ticket ticket, Slot slot, const ObservedPath& what) {
  Waiting waiting;
  waiting.kind = kind;
  waiting.slot = slot;
  waiting.ticket = ticket;
  waiting.what = what;
  if (const Observation* old = downlinks_.find(slot, what.path)) {
    waiting.replaces = true;
    endpoint_.forget(old->exchange);
    downlinks_.end(slot, what.path);
  } else if (const auto restoring = downlinks_.restoring(slot, what.path)) {
    waiting.replaces = true;
    endpoint_.forget(*restoring);
    downlinks_.take(*restoring);
  } else if (downlinks_.observations_expected(slot) >= config_.policy.observations_max_per_device) {
    if (kind == Waiting::Kind::Restore) {
      emit_observation_ended(now, slot, what.path);
    } else {
      done(ticket, NoAnswer::Refused);
    }
    return;
  }
  lwm2m::Observe operation;
  operation.path = what.path;
  operation.accept = what.accept;
  const coap::ExchangeId exchange =
      endpoint_.request(now, registry_[slot].address(), lwm2m::mapping::to_request(operation, registry_.root(slot)));
  downlinks_.wait(exchange, std::move(waiting));
}

void Shard::restore(Instant now, Slot slot, const std::vector<ObservedPath>& observed) {
  for (const ObservedPath& what : observed) {
    // The application may have been faster: its own stays.
    if (!downlinks_.is_asked_for(slot, what.path)) observe(now, Waiting::Kind::Restore, Ticket{}, slot, what);
  }
}

void Shard::cancel(Instant now, Ticket ticket, std::string_view endpoint, const lwm2m::Path& path, CancelMode mode) {
  expire(now);
  ++counters_.operations;
  const auto slot = registry_.find(endpoint);
  if (!slot) {
    if (wanted_.cancel(endpoint, path)) {
      emit_observation_ended(now, endpoint, path);
      done(ticket, local_outcome(lwm2m::Status::Deleted));
    } else {
      done(ticket, NoAnswer::NotRegistered);
    }
    return;
  }
  Observation* observation = downlinks_.find(*slot, path);
  if (observation == nullptr) {
    const auto restoring = downlinks_.restoring(*slot, path);
    if (restoring) {
      endpoint_.forget(*restoring);  // what it began gets a Reset
      downlinks_.take(*restoring);
      emit_observation_ended(now, *slot, path);
    }
    done(ticket, local_outcome(restoring ? lwm2m::Status::Deleted : lwm2m::Status::NotFound));
    return;
  }
  if (observation->cancelling) {
    done(ticket, NoAnswer::Refused);
    return;
  }
  if (mode == CancelMode::Reset) {
    endpoint_.forget(observation->exchange);
    downlinks_.end(*slot, path);
    emit_observation_ended(now, *slot, path);
    done(ticket, local_outcome(lwm2m::Status::Deleted));
    return;
  }
  if (mode == CancelMode::WriteAttributes) {
    send(now, ticket, *slot, lwm2m::WriteAttributes{path, {std::string(kCancelAttribute)}});
    process(now);
    return;
  }
  observation->cancelling = true;
  Waiting waiting;
  waiting.kind = Waiting::Kind::Cancel;
  waiting.slot = *slot;
  waiting.ticket = ticket;
  waiting.observation = observation->exchange;
  const coap::ExchangeId exchange = endpoint_.cancel_observation(now, observation->exchange);
  downlinks_.wait(exchange, std::move(waiting));
  process(now);
}

void Shard::handle_response(Instant now, coap::ExchangeId exchange, const coap::Response& response, bool observing) {
  const auto waiting = downlinks_.take(exchange);
  if (!waiting) return;
  lwm2m::Outcome outcome = lwm2m::mapping::to_outcome(response);
  switch (waiting->kind) {
    case Waiting::Kind::Operation: done(waiting->ticket, std::move(outcome)); break;
    case Waiting::Kind::Observe:
    case Waiting::Kind::Restore: handle_observe_response(now, exchange, *waiting, std::move(outcome), observing); break;
    case Waiting::Kind::Disable:
      if (lwm2m::is_success(outcome.status)) downlinks_.mark_disabled(waiting->slot);
      done(waiting->ticket, std::move(outcome));
      break;
    case Waiting::Kind::CancelByAttribute:
      if (const Observation* observation = downlinks_.find(waiting->slot, waiting->what.path);
          observation != nullptr && lwm2m::is_success(outcome.status)) {
        endpoint_.forget(observation->exchange);
        downlinks_.end(waiting->slot, waiting->what.path);
        emit_observation_ended(now, waiting->slot, waiting->what.path);
      }
      done(waiting->ticket, std::move(outcome));
      break;
    case Waiting::Kind::Cancel:
      if (const auto [slot, observation] = downlinks_.find(waiting->observation); observation != nullptr) {
        const lwm2m::Path path = observation->what.path;
        endpoint_.forget(waiting->observation);
        downlinks_.end(slot, path);
        emit_observation_ended(now, slot, path);
      }
      done(waiting->ticket, std::move(outcome));
      break;
  }
}

void Shard::handle_observe_response(Instant now, coap::ExchangeId exchange, const Waiting& waiting,
                                    lwm2m::Outcome outcome, bool observing) {
  if (observing) {
    // Two Observes of one path may have been on their way: the later one stays.
    if (const Observation* old = downlinks_.find(waiting.slot, waiting.what.path)) endpoint_.forget(old->exchange);
    downlinks_.observe(waiting.slot, Observation{waiting.what, exchange, now});
  } else if (waiting.replaces || waiting.kind == Waiting::Kind::Restore) {
    emit_observation_ended(now, waiting.slot, waiting.what.path);
  }
  if (waiting.kind == Waiting::Kind::Observe) {
    done(waiting.ticket, std::move(outcome));
  } else if (observing) {
    emit_notification(now, waiting.slot, waiting.what.path, std::move(outcome));
  }
}

void Shard::handle_notification(Instant now, coap::NotificationArrived arrived) {
  const auto [slot, observation] = downlinks_.find(arrived.exchange);
  if (observation == nullptr) return;
  ++observation->notifications;
  const lwm2m::Path path = observation->what.path;
  emit_notification(now, slot, path, lwm2m::mapping::to_outcome(arrived.response));
  if (!arrived.last) return;
  downlinks_.end(slot, path);
  emit_observation_ended(now, slot, path);
}

void Shard::handle_failure(Instant now, const coap::RequestFailed& failed) {
  if (const auto waiting = downlinks_.take(failed.exchange)) {
    if (waiting->kind == Waiting::Kind::Cancel) {
      if (Observation* observation = downlinks_.find(waiting->observation).second) observation->cancelling = false;
    }
    const bool ends = waiting->replaces || waiting->kind == Waiting::Kind::Restore;
    if (ends) emit_observation_ended(now, waiting->slot, waiting->what.path);
    if (waiting->kind != Waiting::Kind::Restore) done(waiting->ticket, to_no_answer(failed.cause));
    return;
  }
  // An observation fails as a whole when the rest of a large notification can't be fetched.
  const auto [slot, observation] = downlinks_.find(failed.exchange);
  if (observation == nullptr) return;
  const lwm2m::Path path = observation->what.path;
  endpoint_.forget(failed.exchange);
  downlinks_.end(slot, path);
  emit_observation_ended(now, slot, path);
}

}  // namespace drover::server
