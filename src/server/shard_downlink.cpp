// SPDX-License-Identifier: Apache-2.0
// Device Management & Service Enablement, and Information Reporting (Core §5.4, §5.5).
#include <algorithm>
#include <limits>
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

/// The Accept of a Read or Observe as it is sent.
template <class Operation>
std::optional<lwm2m::FormatNumber> accepted(const Policy& policy, const Operation& operation) {
  if (operation.no_accept) return std::nullopt;
  if (operation.accept || !policy.always_accept) return operation.accept;
  return lwm2m::format::kTlv;
}

/// So that no sum of instants overflows: a hundred years.
constexpr Duration kOperationLifetimeMax = std::chrono::hours(24 * 365 * 100);

/// An outcome that was found here; no code was on the wire.
lwm2m::Outcome local_outcome(lwm2m::Status status) {
  lwm2m::Outcome outcome;
  outcome.status = status;
  return outcome;
}

}  // namespace

Shard::Operation Shard::make_operation(Instant now, Ticket ticket, lwm2m::Downlink operation,
                                       const OperationSettings& settings) const {
  auto made = std::make_unique<QueuedOperation>();
  made->ticket = ticket;
  made->created = now;
  const Duration lifetime =
      settings.expires_after > Duration::zero() ? settings.expires_after : config_.policy.operation_lifetime;
  made->expires = now + std::min(lifetime, kOperationLifetimeMax);
  made->operation = std::move(operation);
  made->way = settings.way;
  made->redelivery = settings.redelivery;
  made->trigger = settings.trigger;
  made->priority = settings.priority;
  made->durable = settings.durable;
  made->asked_by = settings.asked_by.substr(0, kAskedByMax);
  return made;
}

void Shard::end(Instant now, std::string_view endpoint, Operation operation, OperationResult result) {
  if (operation->restores) return;  // nobody has asked
  OperationState state = OperationState::Done;
  if (const auto* why = std::get_if<NoAnswer>(&result)) {
    state = *why == NoAnswer::Expired     ? OperationState::Expired
            : *why == NoAnswer::Cancelled ? OperationState::Cancelled
                                          : OperationState::Failed;
    if (*why == NoAnswer::Expired) ++counters_.expired;
  }
  OperationStatus now_over = status(endpoint, *operation, state);
  now_over.ended_at = wall(now);
  if (operation->queued) emit_operation(now, now_over);
  if (const auto* outcome = std::get_if<lwm2m::Outcome>(&result)) {
    emit_learned(now, endpoint, operation->operation, *outcome);
  }
  if (config_.kept && operation->durable) {
    records_.push_back({RecordKey::of_operation(RecordKind::Operation, operation->ticket), {}});
  }
  done_.push_back({operation->ticket, operation->durable, std::move(result), std::move(now_over)});
}

void Shard::operate(Instant now, Ticket ticket, std::string_view endpoint, lwm2m::Downlink operation,
                    const OperationSettings& settings) {
  if (const auto* cancellation = std::get_if<lwm2m::CancelObservation>(&operation)) {
    cancel(now, ticket, endpoint, cancellation->path, CancelMode::Get, settings);
    return;
  }
  expire(now);
  ++counters_.operations;
  const auto slot = registry_.find(endpoint);
  const bool possible = exists_at_level(operation) && is_sendable(operation);
  Operation made = make_operation(now, ticket, std::move(operation), settings);
  if (!slot) {
    end(now, endpoint, std::move(made), NoAnswer::NotRegistered);
  } else if (!possible) {
    end(now, endpoint, std::move(made), NoAnswer::Refused);
  } else {
    submit(now, *slot, std::move(made));
  }
  process(now);
}

coap::ExchangeId Shard::wait(Instant now, coap::ExchangeId exchange, Waiting waiting, Operation operation) {
  operation->sent = now;
  operation->went = registry_[waiting.slot].address().is_sms() ? Way::Sms : Way::Udp;
  if (operation->attempts < std::numeric_limits<std::uint8_t>::max()) ++operation->attempts;
  note_operation(registry_[waiting.slot].endpoint(), *operation, true);
  report(now, waiting.slot, *operation, OperationState::Sent);
  waiting.operation = std::move(operation);
  downlinks_.wait(exchange, std::move(waiting));
  return exchange;
}

std::optional<coap::ExchangeId> Shard::dispatch(Instant now, Slot slot, Operation operation) {
  if (std::holds_alternative<lwm2m::Observe>(operation->operation)) return observe(now, slot, std::move(operation));
  if (std::holds_alternative<lwm2m::CancelObservation>(operation->operation)) {
    return end_observation(now, slot, std::move(operation));
  }
  if (auto* read = std::get_if<lwm2m::Read>(&operation->operation)) read->accept = accepted(config_.policy, *read);
  const coap::ExchangeId exchange =
      endpoint_.request(now, registry_[slot].address(),
                        lwm2m::mapping::to_request(operation->operation, registry_.root(slot)));
  Waiting waiting;
  waiting.slot = slot;
  if (disables(operation->operation)) waiting.kind = Waiting::Kind::Disable;
  if (cancels(operation->operation)) {
    waiting.kind = Waiting::Kind::CancelByAttribute;
    waiting.what.path = lwm2m::path_of(operation->operation);
  }
  return wait(now, exchange, std::move(waiting), std::move(operation));
}

std::optional<coap::ExchangeId> Shard::observe(Instant now, Slot slot, Operation operation) {
  auto& asked = std::get<lwm2m::Observe>(operation->operation);
  // The application may have been faster: its own stays.
  if (operation->restores && downlinks_.is_asked_for(slot, asked.path)) return std::nullopt;
  if (!operation->restores) asked.accept = accepted(config_.policy, asked);
  Waiting waiting;
  waiting.kind = operation->restores ? Waiting::Kind::Restore : Waiting::Kind::Observe;
  waiting.slot = slot;
  waiting.what = {asked.path, asked.accept};
  if (const Observation* old = downlinks_.find(slot, asked.path)) {
    waiting.replaces = true;
    endpoint_.forget(old->exchange);
    end_observing(slot, asked.path);
  } else if (const auto restoring = downlinks_.restoring(slot, asked.path)) {
    waiting.replaces = true;
    endpoint_.forget(*restoring);
    downlinks_.take(*restoring);
  } else if (downlinks_.observations_expected(slot) >= config_.policy.observations_max_per_device) {
    if (operation->restores) emit_observation_ended(now, slot, asked.path);
    end(now, registry_[slot].endpoint(), std::move(operation), NoAnswer::Refused);
    return std::nullopt;
  }
  const coap::ExchangeId exchange = endpoint_.request(now, registry_[slot].address(),
                                                      lwm2m::mapping::to_request(asked, registry_.root(slot)));
  return wait(now, exchange, std::move(waiting), std::move(operation));
}

void Shard::restore(Instant now, Slot slot, const std::vector<ObservedPath>& observed) {
  if (!observed.empty()) registry_.mark(slot);
  for (const ObservedPath& what : observed) {
    lwm2m::Observe again;
    again.path = what.path;
    again.accept = what.accept;
    Operation operation = make_operation(now, Ticket{}, std::move(again), {});
    operation->restores = true;
    submit(now, slot, std::move(operation));
  }
}

void Shard::cancel(Instant now, Ticket ticket, std::string_view endpoint, const lwm2m::Path& path, CancelMode mode,
                   const OperationSettings& settings) {
  expire(now);
  ++counters_.operations;
  const auto slot = registry_.find(endpoint);
  lwm2m::CancelObservation cancellation;
  cancellation.path = path;
  Operation operation = make_operation(now, ticket, std::move(cancellation), settings);
  operation->cancel = mode;
  if (slot) {
    cancel(now, *slot, std::move(operation));
  } else if (wanted_.cancel(endpoint, path)) {
    emit_observation_ended(now, endpoint, path);
    end(now, endpoint, std::move(operation), local_outcome(lwm2m::Status::Deleted));
  } else {
    end(now, endpoint, std::move(operation), NoAnswer::NotRegistered);
  }
  process(now);
}

void Shard::cancel(Instant now, Slot slot, Operation operation) {
  const lwm2m::Path path = lwm2m::path_of(operation->operation);
  const std::string_view endpoint = registry_[slot].endpoint();
  const Observation* observation = downlinks_.find(slot, path);
  if (observation == nullptr) {
    const auto restoring = downlinks_.restoring(slot, path);
    if (restoring) {
      endpoint_.forget(*restoring);  // what it began gets a Reset
      downlinks_.take(*restoring);
      landed(slot, *restoring);
    }
    const bool waited = queues_.drop_restoration(slot, path);
    if (restoring || waited) emit_observation_ended(now, slot, path);
    end(now, endpoint, std::move(operation),
        local_outcome(restoring || waited ? lwm2m::Status::Deleted : lwm2m::Status::NotFound));
  } else if (observation->cancelling) {
    end(now, endpoint, std::move(operation), NoAnswer::Refused);
  } else if (operation->cancel == CancelMode::Reset) {
    endpoint_.forget(observation->exchange);
    end_observing(slot, path);
    emit_observation_ended(now, slot, path);
    end(now, endpoint, std::move(operation), local_outcome(lwm2m::Status::Deleted));
  } else {
    if (operation->cancel == CancelMode::WriteAttributes) {
      operation->operation = lwm2m::WriteAttributes{path, {std::string(kCancelAttribute)}};
    }
    submit(now, slot, std::move(operation));
  }
}

std::optional<coap::ExchangeId> Shard::end_observation(Instant now, Slot slot, Operation operation) {
  Observation* observation = downlinks_.find(slot, lwm2m::path_of(operation->operation));
  // It may have ended while this waited for the device, or another cancellation was faster.
  if (observation == nullptr || observation->cancelling) {
    end(now, registry_[slot].endpoint(), std::move(operation),
        observation == nullptr ? OperationResult(local_outcome(lwm2m::Status::NotFound)) : NoAnswer::Refused);
    return std::nullopt;
  }
  observation->cancelling = true;
  Waiting waiting;
  waiting.kind = Waiting::Kind::Cancel;
  waiting.slot = slot;
  waiting.observation = observation->exchange;
  const coap::ExchangeId exchange = endpoint_.cancel_observation(now, observation->exchange);
  return wait(now, exchange, std::move(waiting), std::move(operation));
}

void Shard::handle_response(Instant now, coap::ExchangeId exchange, const coap::Response& response, bool observing) {
  if (finish_sms_request(now, exchange, lwm2m::mapping::to_outcome(response))) return;
  auto waiting = downlinks_.take(exchange);
  if (!waiting) return;
  const Slot slot = waiting->slot;
  landed(slot, exchange);
  heard(now, slot);
  lwm2m::Outcome outcome = lwm2m::mapping::to_outcome(response);
  const std::string_view endpoint = registry_[slot].endpoint();
  switch (waiting->kind) {
    case Waiting::Kind::Operation: break;
    case Waiting::Kind::Observe:
    case Waiting::Kind::Restore:
      handle_observe_response(now, exchange, *waiting, outcome, observing);
      break;
    case Waiting::Kind::Disable:
      if (lwm2m::is_success(outcome.status)) downlinks_.mark_disabled(slot);
      break;
    case Waiting::Kind::CancelByAttribute:
      if (const Observation* observation = downlinks_.find(slot, waiting->what.path);
          observation != nullptr && lwm2m::is_success(outcome.status)) {
        endpoint_.forget(observation->exchange);
        end_observing(slot, waiting->what.path);
        emit_observation_ended(now, slot, waiting->what.path);
      }
      break;
    case Waiting::Kind::Cancel:
      if (const auto [at, observation] = downlinks_.find(waiting->observation); observation != nullptr) {
        const lwm2m::Path path = observation->what.path;
        endpoint_.forget(waiting->observation);
        end_observing(at, path);
        emit_observation_ended(now, at, path);
      }
      break;
  }
  end(now, endpoint, std::move(waiting->operation), std::move(outcome));
  pump(now, slot);
}

void Shard::handle_observe_response(Instant now, coap::ExchangeId exchange, const Waiting& waiting,
                                    const lwm2m::Outcome& outcome, bool observing) {
  if (observing) {
    // Two Observes of one path may have been on their way: the later one stays.
    if (const Observation* old = downlinks_.find(waiting.slot, waiting.what.path)) endpoint_.forget(old->exchange);
    begin_observing(waiting.slot, Observation{waiting.what, exchange, now});
  } else if (waiting.replaces || waiting.kind == Waiting::Kind::Restore) {
    emit_observation_ended(now, waiting.slot, waiting.what.path);
  }
  if (waiting.kind == Waiting::Kind::Restore && observing) {
    emit_notification(now, waiting.slot, waiting.what.path, outcome);
  }
}

void Shard::handle_notification(Instant now, coap::NotificationArrived arrived) {
  const auto [slot, observation] = downlinks_.find(arrived.exchange);
  if (observation == nullptr) return;
  ++observation->notifications;
  const lwm2m::Path path = observation->what.path;
  emit_notification(now, slot, path, lwm2m::mapping::to_outcome(arrived.response));
  if (arrived.last) {
    end_observing(slot, path);
    emit_observation_ended(now, slot, path);
  }
  heard(now, slot);
  pump(now, slot);
}

void Shard::handle_failure(Instant now, const coap::RequestFailed& failed) {
  const NoAnswer why = to_no_answer(failed.cause);
  if (finish_sms_request(now, failed.exchange, why)) return;
  if (auto waiting = downlinks_.take(failed.exchange)) {
    const Slot slot = waiting->slot;
    landed(slot, failed.exchange);
    fail(now, std::move(*waiting), why);
    pump(now, slot);
    return;
  }
  // An observation fails as a whole when the rest of a large notification can't be fetched.
  const auto [slot, observation] = downlinks_.find(failed.exchange);
  if (observation == nullptr) return;
  const lwm2m::Path path = observation->what.path;
  endpoint_.forget(failed.exchange);
  end_observing(slot, path);
  emit_observation_ended(now, slot, path);
}

void Shard::fail(Instant now, Waiting waiting, NoAnswer why) {
  const Slot slot = waiting.slot;
  if (waiting.kind == Waiting::Kind::Cancel) {
    if (Observation* observation = downlinks_.find(waiting.observation).second) observation->cancelling = false;
  }
  const bool silent = why == NoAnswer::Timeout;
  if (silent && has_queue(slot)) {
    // An Observe that took the place of another one goes on waiting for the device; the old one is over.
    if (waiting.replaces && !waiting.operation->restores) emit_observation_ended(now, slot, waiting.what.path);
    put_back(now, slot, std::move(waiting.operation));
    return;
  }
  if (silent && waiting.kind == Waiting::Kind::Operation && waiting.operation->way == Way::Automatic &&
      config_.policy.sms_fallback && may_repeat(*waiting.operation) && !registry_[slot].address().is_sms() &&
      send_by_sms(now, slot, waiting.operation)) {
    ++counters_.fallbacks;
    return;
  }
  if (waiting.replaces || waiting.kind == Waiting::Kind::Restore) {
    emit_observation_ended(now, slot, waiting.what.path);
  }
  end(now, registry_[slot].endpoint(), std::move(waiting.operation), why);
}

}  // namespace drover::server
