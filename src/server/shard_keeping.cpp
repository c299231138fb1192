// SPDX-License-Identifier: Apache-2.0
// What of a shard outlives its process, and how a later one goes on with it.
#include <algorithm>
#include <utility>

#include "base/take_front.hpp"
#include "lwm2m/mapping/mapping.hpp"
#include "security/handle.hpp"
#include "server/shard.hpp"

namespace drover::server {

UnixMicroseconds Shard::wall_exactly(Instant at) const {
  return (at.time_since_epoch() + unix_at_zero_).count();
}

RecordKey Shard::key(RecordKind kind, std::uint64_t place) const {
  return RecordKey::of_place(kind, config_.index, place);
}

std::optional<Record> Shard::poll_record() {
  if (!config_.kept) return std::nullopt;
  if (auto record = take_front(records_)) return record;
  if (const auto slot = registry_.take_changed()) return registration_record(*slot);
  while (const auto slot = registry_.take_updated()) {
    if (!registry_.is_used(*slot)) continue;
    return Record{key(RecordKind::Update, *slot),
                  Secret<Bytes>(pack_update(registry_.location(*slot).nonce, wall_exactly(registry_[*slot].updated_at())))};
  }
  if (const auto change = wanted_.take_change()) {
    const RecordKey at = key(RecordKind::Wish, change->number);
    if (change->entry.paths.empty()) return Record{at, {}};
    return Record{at, Secret<Bytes>(pack(KeptWish{change->number, change->entry.endpoint, wall_exactly(change->until),
                                                  change->entry.paths}))};
  }
  if (listener_) {
    if (auto change = listener_->poll_change()) return association_record(*change);
  }
  return std::nullopt;
}

Record Shard::registration_record(Slot slot) const {
  const RecordKey at = key(RecordKind::Registration, slot);
  if (!registry_.is_used(slot)) return {at, {}};
  const Registration& registration = registry_[slot];
  KeptRegistration one;
  one.slot = slot;
  one.nonce = registry_.location(slot).nonce;
  one.endpoint = registration.endpoint();
  one.version = registration.version();
  one.binding = registration.binding();
  one.sms = registration.sms();
  one.lifetime = registration.lifetime();
  one.queue = registration.queue();
  one.address = registration.address();
  one.registered_at = wall_exactly(registration.registered_at());
  one.updated_at = wall_exactly(registration.updated_at());
  one.announcement = registry_.announcement(slot);
  for (const Observation& observation : downlinks_.observations(slot)) {
    const auto token = endpoint_.observation_token(observation.exchange);
    if (token) one.observations.push_back({observation.what, *token, wall_exactly(observation.since)});
  }
  one.restored = downlinks_.restoring(slot);
  if (const auto* const device = queues_.find(slot)) {
    device->waiting.for_each([&](const QueuedOperation& operation, std::size_t) {
      if (!operation.restores) return;
      const auto& again = std::get<lwm2m::Observe>(operation.operation);
      one.restored.push_back({again.path, again.accept});
    });
  }
  return {at, Secret<Bytes>(pack(one))};
}

Record Shard::association_record(const security::ListenerChange& change) const {
  const auto place = [](std::uint64_t handle) { return security::Handle::unpack(handle)->place; };
  if (const auto* kept = std::get_if<security::AssociationKept>(&change)) {
    return {key(RecordKind::Association, place(kept->handle)), pack(*kept)};
  }
  if (const auto* counted = std::get_if<security::AssociationCounted>(&change)) {
    return {key(RecordKind::Counters, place(counted->handle)), Secret<Bytes>(pack(*counted))};
  }
  return {key(RecordKind::Association, place(std::get<security::AssociationGone>(change).handle)), {}};
}

void Shard::note_operation(std::string_view endpoint, const QueuedOperation& operation, bool sent) {
  if (!config_.kept || !operation.durable || operation.restores) return;
  records_.push_back({RecordKey::of_operation(RecordKind::Operation, operation.ticket),
                      Secret<Bytes>(pack_operation(endpoint, operation, sent, wall_exactly(operation.created),
                                                   wall_exactly(operation.expires), wall_exactly(operation.sent)))});
}

void Shard::make_queued(std::string_view endpoint, QueuedOperation& operation) {
  operation.queued = true;
  operation.durable = true;
  note_operation(endpoint, operation, false);
}

std::size_t Shard::take_over(Instant now, KeptShard kept) {
  now_ = now;
  // A wall clock that was set back meanwhile makes nothing younger than it was: no time has passed then.
  const UnixMicroseconds present = std::max(wall_exactly(now), kept.newest);
  const auto instant = [&](UnixMicroseconds wall) { return now - Duration(present - wall); };
  for (security::AssociationKept& association : kept.associations) {
    const auto handle = security::Handle::unpack(association.handle);
    if (listener_ && listener_->adopt(now, std::move(association))) continue;
    // What can't be gone on with now would be found again at the next start.
    if (handle) records_.push_back({key(RecordKind::Association, handle->place), {}});
  }
  std::size_t taken = 0;
  for (const KeptRegistration& one : kept.registrations) {
    NewRegistration registration;
    registration.endpoint = one.endpoint;
    registration.version = one.version;
    registration.binding = one.binding;
    registration.sms = one.sms;
    registration.lifetime = one.lifetime;
    registration.queue = one.queue;
    registration.address = one.address;
    if (!registry_.adopt(one.slot, one.nonce, instant(one.registered_at), instant(one.updated_at), registration,
                         one.announcement)) {
      continue;
    }
    ++taken;
    if (listener_) listener_->hold(now, one.address, true);
    for (const KeptObservation& observation : one.observations) {
      lwm2m::Observe operation;
      operation.path = observation.what.path;
      operation.accept = observation.what.accept;
      const coap::ExchangeId exchange = endpoint_.resume_observation(
          now, one.address, observation.token, lwm2m::mapping::to_request(operation, registry_.root(one.slot)));
      downlinks_.observe(one.slot, Observation{observation.what, exchange, instant(observation.since)});
    }
    restore(now, one.slot, one.restored);
  }
  for (KeptWish& wish : kept.wishes) wanted_.keep(instant(wish.until), wish.endpoint, std::move(wish.paths));
  for (KeptOperation& one : kept.operations) {
    auto operation = std::make_unique<QueuedOperation>(std::move(one.operation));
    operation->created = instant(one.created);
    operation->expires = instant(one.expires);
    operation->sent = instant(one.last_sent);
    resume(now, one.endpoint, std::move(operation), one.sent);
  }
  expire(now);
  process(now);
  return taken;
}

void Shard::resume(Instant now, const std::string& endpoint, Operation operation, bool sent) {
  if (sent && !may_repeat(*operation)) {
    end(now, endpoint, std::move(operation), NoAnswer::Timeout);
    return;
  }
  if (const auto slot = registry_.find(endpoint)) {
    submit(now, *slot, std::move(operation));
    return;
  }
  OperationList waiting = queues_.take_away(endpoint);
  waiting.push_back(std::move(operation));
  waiting = queues_.keep_away(endpoint, std::move(waiting));
  while (Operation refused = waiting.take_front()) end(now, endpoint, std::move(refused), NoAnswer::Gone);
}

void Shard::say_goodbye(Instant now) {
  now_ = now;
  if (listener_) listener_->say_goodbye(now);
  process(now);
}

}  // namespace drover::server
