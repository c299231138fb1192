// SPDX-License-Identifier: Apache-2.0
// Queue mode: nothing leaves for a device that sleeps (Transport "Queue Mode Operation", Core Table 8).
#include <algorithm>
#include <utility>

#include "server/shard.hpp"

namespace drover::server {
namespace {

/// Below that much time awake nothing new is sent: a first answer may take ACK_TIMEOUT * ACK_RANDOM_FACTOR.
Duration margin(const coap::Parameters& parameters, Duration awake) {
  return std::min(parameters.ack_timeout * std::int64_t{parameters.ack_random_permille} / 1000, awake / 4);
}

}  // namespace

Reach Shard::reach(Slot slot) const {
  return Reach::of(registry_[slot].binding(), registry_[slot].queue());
}

bool Shard::has_queue(Slot slot) const {
  const Reach ways = reach(slot);
  return registry_[slot].address().is_sms() ? ways.queue_sms : ways.queue_udp;
}

Duration Shard::awake_time(Slot slot) const {
  if (const auto time = server::awake_time(config_.policy.awake_times, registry_[slot].endpoint())) return *time;
  return registry_[slot].address().is_sms() ? config_.policy.awake_sms : config_.coap.max_transmit_wait();
}

Instant Shard::awake_until(Slot slot) const {
  Instant last = registry_[slot].updated_at();
  if (const auto* device = queues_.find(slot)) {
    if (device->asleep) return Instant::min();
    if (device->heard_at) last = std::max(last, *device->heard_at);
  }
  return last + awake_time(slot);
}

bool Shard::is_awake(Instant now, Slot slot) const {
  const Instant until = awake_until(slot);
  return until > now && until - now >= margin(config_.coap, awake_time(slot));
}

void Shard::submit(Instant now, Slot slot, Operation operation) {
  const bool by_sms = registry_[slot].address().is_sms();
  if (operation->way == Way::Sms && !by_sms) {
    if (!send_by_sms(now, slot, operation)) {
      end(now, registry_[slot].endpoint(), std::move(operation), NoAnswer::Unreachable);
    }
    return;
  }
  if (operation->way == Way::Udp && by_sms) {
    end(now, registry_[slot].endpoint(), std::move(operation), NoAnswer::Unreachable);
    return;
  }
  if (!has_queue(slot)) {
    dispatch(now, slot, std::move(operation));
    return;
  }
  const bool may_trigger = operation->trigger;
  QueuedOperation* const asked = operation.get();
  if (!queues_.push_back(slot, operation)) {
    end(now, registry_[slot].endpoint(), std::move(operation), NoAnswer::QueueFull);
    return;
  }
  pump(now, slot);
  const auto* const device = queues_.find(slot);
  if (device == nullptr || !device->waiting.place_of(asked)) return;  // it is on its way
  make_queued(registry_[slot].endpoint(), *asked);
  if (may_trigger && !is_awake(now, slot)) trigger(now, slot);
  report(now, slot, *asked, OperationState::Queued);
}

void Shard::pump(Instant now, Slot slot) {
  while (auto* const device = queues_.find(slot)) {
    if (device->under_way || device->waiting.empty() || !is_awake(now, slot)) break;
    Operation operation = queues_.take_front(slot);
    if (operation->expires <= now) {
      end(now, registry_[slot].endpoint(), std::move(operation), NoAnswer::Expired);
    } else if (const auto exchange = dispatch(now, slot, std::move(operation))) {
      queues_.at(slot).under_way = *exchange;
      talking_.emplace(registry_[slot].address(), slot);
    }
  }
  schedule(slot);
}

void Shard::landed(Slot slot, coap::ExchangeId exchange) {
  auto* const device = queues_.find(slot);
  if (device == nullptr || device->under_way != exchange) return;
  device->under_way.reset();
  talking_.erase(registry_[slot].address());
}

void Shard::heard(Instant now, Slot slot) {
  if (!has_queue(slot)) return;
  auto& device = queues_.at(slot);
  device.heard_at = now;
  device.asleep = false;
  schedule(slot);
}

void Shard::heard_from(Instant now, const transport::PeerAddress& peer) {
  if (talking_.empty()) return;
  if (const auto found = talking_.find(peer); found != talking_.end()) heard(now, found->second);
}

bool Shard::may_repeat(const QueuedOperation& operation) {
  if (operation.redelivery != Redelivery::Harmless) return operation.redelivery == Redelivery::Always;
  return !std::holds_alternative<lwm2m::Execute>(operation.operation) &&
         !std::holds_alternative<lwm2m::Create>(operation.operation);
}

void Shard::put_back(Instant now, Slot slot, Operation operation) {
  queues_.at(slot).asleep = true;
  if (!operation->restores && !may_repeat(*operation)) {
    end(now, registry_[slot].endpoint(), std::move(operation), NoAnswer::Timeout);
  } else if (operation->expires <= now) {
    end(now, registry_[slot].endpoint(), std::move(operation), NoAnswer::Expired);
  } else {
    ++counters_.requeued;
    make_queued(registry_[slot].endpoint(), *operation);
    const QueuedOperation& waits = *operation;
    const bool may_trigger = operation->trigger && !operation->restores;
    queues_.push_front(slot, std::move(operation));
    if (may_trigger) trigger(now, slot);
    report(now, slot, waits, OperationState::Queued);
  }
  schedule(slot);
}

void Shard::take_back_under_way(Slot slot) {
  const auto* const device = queues_.find(slot);
  if (device == nullptr || !device->under_way) return;
  const coap::ExchangeId exchange = *device->under_way;
  const Waiting* const waiting = downlinks_.waiting(exchange);
  // What can't be repeated waits for an answer that may still come the old way.
  if (waiting == nullptr || !may_repeat(*waiting->operation)) return;
  endpoint_.forget(exchange);
  landed(slot, exchange);
  auto taken = downlinks_.take(exchange);
  if (Observation* observation = downlinks_.find(taken->observation).second) observation->cancelling = false;
  make_queued(registry_[slot].endpoint(), *taken->operation);
  queues_.push_front(slot, std::move(taken->operation));
}

void Shard::look_after(Instant now, Slot slot) {
  while (Operation operation = queues_.take_expired(slot, now)) {
    if (operation->restores) emit_observation_ended(now, slot, lwm2m::path_of(operation->operation));
    end(now, registry_[slot].endpoint(), std::move(operation), NoAnswer::Expired);
  }
  const auto* const device = queues_.find(slot);
  if (device != nullptr && device->under_way && awake_until(slot) <= now) {
    // What isn't answered by now would be repeated to a device that sleeps.
    const coap::ExchangeId exchange = *device->under_way;
    endpoint_.forget(exchange);
    landed(slot, exchange);
    if (auto waiting = downlinks_.take(exchange)) fail(now, std::move(*waiting), NoAnswer::Timeout);
  }
  const bool awake = awake_until(slot) > now || registry_[slot].updated_at() + awake_time(slot) > now;
  const auto* const kept = queues_.find(slot);
  const bool triggered = kept != nullptr && kept->triggered_at &&
                         *kept->triggered_at + config_.policy.trigger_interval > now;
  queues_.tidy(slot, awake || triggered);
  schedule(slot);
}

void Shard::schedule(Slot slot) {
  const auto* const device = queues_.find(slot);
  if (device == nullptr) return;
  // `asleep` is remembered for as long as the last Update would have it awake.
  const Instant awake = device->asleep ? registry_[slot].updated_at() + awake_time(slot) : awake_until(slot);
  std::optional<Instant> due;
  if (device->under_way || awake > now_) due = awake;
  if (const auto expiry = device->waiting.next_expiry(); expiry && (!due || *expiry < *due)) due = expiry;
  // Nor is it asked to wake again so soon.
  if (!due && device->triggered_at && *device->triggered_at + config_.policy.trigger_interval > now_) {
    due = *device->triggered_at + config_.policy.trigger_interval;
  }
  queues_.set_due(slot, due);
  if (!due) queues_.tidy(slot, false);
}

void Shard::expire_operations(Instant now) {
  now_ = std::max(now_, now);
  while (const auto slot = queues_.pop_due(now)) look_after(now, *slot);
  while (auto over = queues_.take_expired_away(now)) {
    if (over->second != nullptr) end(now, over->first, std::move(over->second), NoAnswer::Expired);
  }
}

// ---- how operations stand

OperationStatus Shard::status(std::string_view endpoint, const QueuedOperation& operation,
                              OperationState state) const {
  OperationStatus status;
  status.id = operation.ticket;
  status.endpoint = endpoint;
  status.operation = lwm2m::name_of(operation.operation);
  status.path = lwm2m::path_of(operation.operation);
  status.state = state;
  status.way = operation.went == Way::Automatic ? operation.way : operation.went;
  status.priority = operation.priority;
  status.asked_by = operation.asked_by;
  status.created_at = wall(operation.created);
  status.expires_at = wall(operation.expires);
  status.attempts = operation.attempts;
  if (operation.attempts > 0) status.sent_at = wall(operation.sent);
  return status;
}

void Shard::report(Instant now, Slot slot, const QueuedOperation& operation, OperationState state) {
  if (operation.restores) return;
  OperationStatus stands = status(registry_[slot].endpoint(), operation, state);
  if (state == OperationState::Queued) {
    const auto* const device = queues_.find(slot);
    const std::size_t before = device->under_way ? 1 : 0;
    stands.ahead = before + device->waiting.place_of(&operation).value_or(0);
    stands.expected_by = wall(registry_[slot].expires_at());
    stands.triggered = device->triggered_at.has_value();
  }
  if (operation.queued) emit_operation(now, stands);
  progress_.push_back(std::move(stands));
}

void Shard::emit_operation(Instant now, const OperationStatus& status) {
  emit(now, EventKind::Operation, status.endpoint);
  if (!config_.events) return;
  events_.back().path = status.path;
  events_.back().operation = status;
}

std::vector<OperationStatus> Shard::operations(std::string_view endpoint) const {
  std::vector<OperationStatus> all;
  const auto slot = registry_.find(endpoint);
  std::size_t before = 0;
  const auto add_waiting = [&](const OperationList& list, const OperationQueues::Device* device) {
    list.for_each([&](const QueuedOperation& operation, std::size_t place) {
      if (operation.restores) return;
      OperationStatus one = status(endpoint, operation, OperationState::Queued);
      one.ahead = before + place;
      if (slot) one.expected_by = wall(registry_[*slot].expires_at());
      one.triggered = device != nullptr && device->triggered_at.has_value();
      all.push_back(std::move(one));
    });
  };
  if (!slot) {
    if (const OperationList* const away = queues_.away(endpoint)) add_waiting(*away, nullptr);
    return all;
  }
  for (const coap::ExchangeId exchange : downlinks_.under_way(*slot)) {
    const QueuedOperation& operation = *downlinks_.waiting(exchange)->operation;
    ++before;
    if (!operation.restores) all.push_back(status(endpoint, operation, OperationState::Sent));
  }
  for (const auto& [number, delegated] : delegated_) {
    if (delegated.slot != *slot || delegated.operation == nullptr) continue;
    all.push_back(status(endpoint, *delegated.operation, OperationState::Sent));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  if (const auto* const device = queues_.find(*slot)) add_waiting(device->waiting, device);
  return all;
}

std::optional<OperationStatus> Shard::operation(std::string_view endpoint, Ticket ticket) const {
  for (OperationStatus& one : operations(endpoint)) {
    if (one.id == ticket) return std::move(one);
  }
  return std::nullopt;
}

OperationPage Shard::operations(const OperationQuery& query) const {
  const std::size_t limit = std::clamp<std::size_t>(query.limit, 1, kPageMax);
  // The ids first: how each stands is worked out for those of the page alone.
  std::vector<std::pair<Ticket, std::string>> found;
  const auto look_at = [&](std::string_view endpoint, const QueuedOperation& operation, OperationState state) {
    if (operation.restores || operation.ticket <= query.after) return;
    std::string name(endpoint);
    if (fits(query, name, operation.asked_by, state)) found.emplace_back(operation.ticket, std::move(name));
  };
  downlinks_.for_each([&](const Waiting& waiting) {
    look_at(registry_[waiting.slot].endpoint(), *waiting.operation, OperationState::Sent);
  });
  for (const auto& [number, delegated] : delegated_) {
    if (delegated.operation != nullptr) {
      look_at(registry_[delegated.slot].endpoint(), *delegated.operation, OperationState::Sent);
    }
  }
  queues_.for_each([&](Slot slot, const OperationList& list) {
    list.for_each([&](const QueuedOperation& operation, std::size_t) {
      look_at(registry_[slot].endpoint(), operation, OperationState::Queued);
    });
  });
  queues_.for_each_away([&](const std::string& endpoint, const OperationList& list) {
    list.for_each([&](const QueuedOperation& operation, std::size_t) {
      look_at(endpoint, operation, OperationState::Queued);
    });
  });
  OperationPage page;
  page.more = found.size() > limit;
  const auto end = found.begin() + static_cast<std::ptrdiff_t>(std::min(limit, found.size()));
  std::partial_sort(found.begin(), end, found.end());
  found.erase(end, found.end());
  for (const auto& [ticket, endpoint] : found) {
    if (auto status = operation(endpoint, ticket)) page.operations.push_back(std::move(*status));
  }
  return page;
}

bool Shard::cancel_operation(Instant now, std::string_view endpoint, Ticket ticket) {
  expire(now);
  const auto slot = registry_.find(endpoint);
  Operation operation = slot ? queues_.take(*slot, ticket) : queues_.take_away(endpoint, ticket);
  if (operation == nullptr && slot) {
    for (const coap::ExchangeId exchange : downlinks_.under_way(*slot)) {
      const Waiting* const waiting = downlinks_.waiting(exchange);
      if (waiting->operation->restores || waiting->operation->ticket != ticket) continue;
      endpoint_.forget(exchange);
      landed(*slot, exchange);
      fail(now, std::move(*downlinks_.take(exchange)), NoAnswer::Cancelled);
      pump(now, *slot);
      process(now);
      return true;
    }
    for (auto& [number, delegated] : delegated_) {
      if (delegated.operation == nullptr || delegated.operation->ticket != ticket) continue;
      operation = std::move(delegated.operation);
      delegated_.erase(number);
      break;
    }
  }
  if (operation == nullptr) return false;
  end(now, endpoint, std::move(operation), NoAnswer::Cancelled);
  if (slot) schedule(*slot);
  process(now);
  return true;
}

}  // namespace drover::server
