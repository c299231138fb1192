// SPDX-License-Identifier: Apache-2.0
#include "server/shard.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/reader.hpp"
#include "base/take_front.hpp"
#include "lwm2m/mapping/mapping.hpp"
#include "server/endpoint_name.hpp"

namespace drover::server {
namespace {

/// Addresses beyond that many share the rate of another one, which one nobody outside knows.
constexpr std::size_t kLimiterCells = std::size_t{1} << 16;

coap::Parameters collecting(coap::Parameters parameters) {
  parameters.stream_requests = false;
  parameters.request_body_max = std::min(parameters.request_body_max, kUplinkBodyMax);
  return parameters;
}

RateLimiter limiter_of(const Policy& policy) {
  return {policy.datagrams_per_second, policy.datagrams_burst, kLimiterCells};
}

}  // namespace

Shard::Shard(ShardConfig config, Rng& rng)
    : config_(std::move(config)),
      endpoint_(collecting(config_.coap), rng),
      file_answers_(config_.files, config_.coap.body_lifetime),
      registry_(static_cast<std::uint8_t>(config_.index), config_.policy.devices_max, rng),
      queues_(config_.policy.queue_bytes_max, config_.policy.queue_max_per_device),
      limiter_(limiter_of(config_.policy)),
      address_hash_(rng) {
  assert(config_.count <= kShardsMax && config_.index < config_.count);
  if (config_.kept) {
    registry_.track_changes();
    wanted_.track_changes();
  }
  if (config_.acceptor == nullptr || config_.credentials == nullptr) return;
  config_.listener.shard = static_cast<std::uint8_t>(config_.index);
  config_.listener.shards = config_.count;
  config_.listener.kept = config_.kept;
  listener_ = std::make_unique<security::Listener>(config_.listener, *config_.acceptor, *config_.credentials, rng);
}

void Shard::set_policy(Policy policy) {
  policy.devices_max = config_.policy.devices_max;
  queues_.set_limits(policy.queue_bytes_max, policy.queue_max_per_device);
  const bool other_rate = policy.datagrams_per_second != config_.policy.datagrams_per_second ||
                          policy.datagrams_burst != config_.policy.datagrams_burst;
  config_.policy = std::move(policy);
  if (other_rate) limiter_ = limiter_of(config_.policy);
}

bool Shard::is_within_rate(Instant now, const transport::PeerAddress& peer) {
  if (peer.is_sms()) return true;
  ByteWriter writer;
  writer.reserve(22);
  writer.bytes(peer.host);
  writer.uint(peer.scope, 4);
  writer.u16(peer.port);
  if (limiter_.allow(now, address_hash_(writer.view()))) return true;
  ++counters_.limited;
  return false;
}

void Shard::handle_datagram(Instant now, const transport::Datagram& datagram) {
  if (!is_within_rate(now, datagram.from)) return;
  expire(now);
  if (datagram.from.kind == transport::Kind::Dtls || datagram.from.kind == transport::Kind::SmsDtls) {
    if (listener_) listener_->handle_datagram(now, datagram);
  } else {
    heard_from(now, datagram.from);
    if (traces_.any()) note_traced(now, true, datagram.from, datagram.bytes);
    endpoint_.handle_datagram(now, datagram);
  }
  process(now);
}

void Shard::handle_timeout(Instant now) {
  expire(now);
  if (listener_) listener_->handle_timeout(now);
  endpoint_.handle_timeout(now);
  process(now);
}

void Shard::handle_mail(Instant now, const Mail& mail) {
  expire(now);
  std::visit([&](const auto& body) { take_mail(now, body); }, mail.body);
  process(now);
}

void Shard::take_mail(Instant now, const EndpointClaimed& claim) {
  Legacy legacy;
  if (const auto slot = registry_.find(claim.endpoint)) {
    const Instant ours = registry_[*slot].registered_at();
    // Of two at the same instant the one of the lower shard stays; every shard decides alike.
    if (ours > claim.when || (ours == claim.when && config_.index < claim.shard)) return;
    legacy = end_registration(now, *slot, Ending::Replaced);
  } else {
    legacy = take_kept(claim.endpoint);
  }
  if (legacy.observed.empty() && legacy.operations.empty()) return;
  mails_.push_back({claim.shard, DeviceHandedOver{claim.endpoint, std::move(legacy.observed),
                                                  std::make_shared<OperationList>(std::move(legacy.operations))}});
}

void Shard::take_mail(Instant now, const DeviceHandedOver& handed) {
  OperationList operations;
  if (handed.operations) operations = std::move(*handed.operations);
  if (const auto slot = registry_.find(handed.endpoint)) {
    while (Operation operation = operations.take_front()) submit(now, *slot, std::move(operation));
    restore(now, *slot, handed.paths);
    return;
  }
  // That registration ended while the mail was on its way.
  for (const ObservedPath& what : handed.paths) emit_observation_ended(now, handed.endpoint, what.path);
  operations = queues_.keep_away(handed.endpoint, std::move(operations));
  while (Operation operation = operations.take_front()) {
    end(now, handed.endpoint, std::move(operation), NoAnswer::Gone);
  }
}

void Shard::take_mail(Instant now, const DatagramForwarded& forwarded) {
  if (listener_) listener_->handle_datagram(now, {forwarded.from, forwarded.bytes});
}

std::optional<Event> Shard::poll_event() {
  return take_front(events_);
}
std::optional<Mail> Shard::poll_mail() {
  return take_front(mails_);
}
std::optional<OperationDone> Shard::poll_done() {
  return take_front(done_);
}
std::optional<OperationStatus> Shard::poll_progress() {
  return take_front(progress_);
}

std::optional<Deadline> Shard::deadline() const {
  std::optional<Deadline> next = endpoint_.deadline();
  if (const auto lifetime = registry_.next_deadline(); lifetime && (!next || *lifetime < next->at)) {
    next = Deadline{*lifetime, Reason::Lifetime};
  }
  if (const auto security = listener_ ? listener_->deadline() : std::nullopt;
      security && (!next || security->at < next->at)) {
    next = security;
  }
  if (const auto due = wanted_.next_due(); due && (!next || *due < next->at)) next = Deadline{*due, Reason::Forget};
  if (const auto due = queues_.next_due(); due && (!next || *due < next->at)) {
    next = Deadline{*due, Reason::QueueAwake};
  }
  return next;
}

void Shard::process(Instant now) {
  now_ = now;
  drain_listener(now);
  while (auto event = endpoint_.poll_event()) {
    if (auto* request = std::get_if<coap::RequestArrived>(&*event)) {
      if (!file_answers_.answer(now, *request, endpoint_)) handle_request(now, *request);
    } else if (const auto* wanted = std::get_if<coap::BodyWanted>(&*event)) {
      file_answers_.supply(now, *wanted, endpoint_);
    } else if (auto* response = std::get_if<coap::ResponseArrived>(&*event)) {
      handle_response(now, response->exchange, response->response, response->observing);
    } else if (auto* notification = std::get_if<coap::NotificationArrived>(&*event)) {
      handle_notification(now, std::move(*notification));
    } else if (auto* failed = std::get_if<coap::RequestFailed>(&*event)) {
      handle_failure(now, *failed);
    }
    // Observations of ours are never asked for here.
  }
}

void Shard::expire(Instant now) {
  while (const auto slot = registry_.next_expired(now)) {
    ++counters_.expiries;
    end_registration(now, *slot, Ending::Expired);
  }
  while (const auto given_up = wanted_.take_due(now)) {
    for (const ObservedPath& what : given_up->paths) emit_observation_ended(now, given_up->endpoint, what.path);
  }
  expire_operations(now);
}

Shard::Legacy Shard::take_kept(std::string_view endpoint) {
  return {wanted_.take(endpoint), queues_.take_away(endpoint)};
}

Shard::Legacy Shard::end_registration(Instant now, Slot slot, Ending why) {
  const std::string endpoint(registry_[slot].endpoint());
  Downlinks::Dropped dropped = downlinks_.drop(slot);
  const bool comes_back = why != Ending::Deregistered || dropped.disabled;
  const bool keep_observations = config_.policy.restore_observations && comes_back;
  Legacy kept;
  const auto keep_or_end = [&](const ObservedPath& what, bool keep) {
    if (keep) {
      kept.observed.push_back(what);
    } else {
      emit_observation_ended(now, endpoint, what.path);
    }
  };
  end_under_way(now, slot, dropped, comes_back && has_queue(slot), kept);
  for (auto& [exchange, waiting] : dropped.waiting) {
    const bool restores = waiting.kind == Waiting::Kind::Restore;
    if (restores || waiting.replaces) keep_or_end(waiting.what, keep_observations);
  }
  for (const Observation& observation : dropped.observations) {
    endpoint_.forget(observation.exchange);
    keep_or_end(observation.what, keep_observations && !observation.cancelling);
  }
  OperationList waiting = queues_.drop(slot);
  while (Operation operation = waiting.take_front()) {
    if (operation->restores) {
      const auto& again = std::get<lwm2m::Observe>(operation->operation);
      keep_or_end({again.path, again.accept}, keep_observations);
    } else if (comes_back) {
      kept.operations.push_back(std::move(operation));
    } else {
      end(now, endpoint, std::move(operation), NoAnswer::Gone);
    }
  }
  if (why != Ending::Replaced) keep_for_return(now, endpoint, kept);
  if (listener_) listener_->hold(now, registry_[slot].address(), false);
  if (why == Ending::Expired) emit(now, EventKind::Expired, endpoint);
  if (why == Ending::Deregistered) emit(now, EventKind::Deregistered, endpoint);
  registry_.remove(slot);
  return kept;
}

void Shard::end_under_way(Instant now, Slot slot, Downlinks::Dropped& dropped, bool keep, Legacy& kept) {
  const std::string_view endpoint = registry_[slot].endpoint();
  const auto end_or_keep = [&](Operation operation) {
    if (operation == nullptr || operation->restores) return;
    if (keep && may_repeat(*operation)) {
      make_queued(endpoint, *operation);
      kept.operations.push_back(std::move(operation));
    } else {
      end(now, endpoint, std::move(operation), NoAnswer::Gone);
    }
  };
  for (auto& [exchange, waiting] : dropped.waiting) {
    endpoint_.forget(exchange);
    landed(slot, exchange);
    end_or_keep(std::move(waiting.operation));
  }
  std::vector<std::uint64_t> delegated;
  for (const auto& [number, one] : delegated_) {
    if (one.slot == slot) delegated.push_back(number);
  }
  std::sort(delegated.begin(), delegated.end());
  for (const std::uint64_t number : delegated) {
    Operation operation = std::move(delegated_.at(number).operation);
    delegated_.erase(number);
    end_or_keep(std::move(operation));
  }
}

void Shard::keep_for_return(Instant now, const std::string& endpoint, Legacy& kept) {
  if (!kept.observed.empty() && !wanted_.keep(now + config_.policy.observations_wanted, endpoint, kept.observed)) {
    for (const ObservedPath& what : kept.observed) emit_observation_ended(now, endpoint, what.path);
  }
  kept.observed.clear();
  kept.operations = queues_.keep_away(endpoint, std::move(kept.operations));
  while (Operation operation = kept.operations.take_front()) {
    end(now, endpoint, std::move(operation), NoAnswer::Gone);
  }
}

// ---- what is shown
// ----------------------------------------------------------------------------------------------------

UnixSeconds Shard::wall(Instant at) const {
  return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch() + unix_at_zero_).count();
}

DeviceView Shard::view(Slot slot) const {
  return view(slot, registry_.announcement(slot));
}

DeviceView Shard::view(Slot slot, lwm2m::Announcement announcement) const {
  const Registration& registration = registry_[slot];
  DeviceView device;
  device.endpoint = registration.endpoint();
  device.scheme = endpoint_scheme(registration.endpoint());
  device.registration = "rd/" + registry_.location(slot).to_string();
  device.address = registration.address();
  if (const auto peer = listener_ ? listener_->peer(registration.address()) : std::nullopt) {
    device.address = peer->address;
    device.identity = peer->identity.to_string();
  }
  device.version = registration.version();
  device.binding = registration.binding();
  device.queue = registration.queue();
  if (has_queue(slot)) device.awake_until = wall(std::max(awake_until(slot), registration.registered_at()));
  if (const auto* queue = queues_.find(slot)) device.queued = queue->waiting.size();
  device.sms = registration.sms();
  device.lifetime = registration.lifetime();
  device.registered_at = wall(registration.registered_at());
  device.updated_at = wall(registration.updated_at());
  device.expires_at = wall(registration.expires_at());
  device.announcement = std::move(announcement);
  return device;
}

std::optional<DeviceView> Shard::device(std::string_view endpoint) const {
  const auto slot = registry_.find(endpoint);
  if (!slot) return std::nullopt;
  return view(*slot);
}

DevicePage Shard::list(const DeviceQuery& query) const {
  const Registry::Page found =
      registry_.page(query.search, query.after, std::clamp<std::size_t>(query.limit, 1, kPageMax));
  DevicePage page;
  page.total = found.total;
  page.devices.reserve(found.slots.size());
  for (const Slot slot : found.slots) page.devices.push_back(view(slot));
  if (found.more) page.next = page.devices.back().endpoint;
  return page;
}

std::optional<std::vector<ObservationView>> Shard::observations(std::string_view endpoint) const {
  const auto slot = registry_.find(endpoint);
  if (!slot) return std::nullopt;
  std::vector<ObservationView> views;
  for (const Observation& observation : downlinks_.observations(*slot)) {
    views.push_back({std::string(endpoint), observation.what.path, observation.what.accept, wall(observation.since),
                     observation.notifications});
  }
  return views;
}

ServerCounters Shard::counters() const {
  ServerCounters counters = counters_;
  counters.coap = endpoint_.counters();
  counters.devices = registry_.size();
  counters.queued = queues_.size();
  if (listener_) {
    const security::ListenerCounters security = listener_->counters();
    counters.handshakes = security.handshakes;
    counters.resumptions = security.resumptions;
    counters.associations = security.associations;
    counters.dtls_garbage = security.garbage;
    counters.dtls_unauthentic = security.unauthentic;
    counters.dtls_limited = security.limited;
  }
  return counters;
}

// ---- events
// -----------------------------------------------------------------------------------------------------------

void Shard::emit(Instant now, EventKind kind, std::string_view endpoint) {
  if (!config_.events) return;
  Event event;
  event.at = wall(now);
  event.kind = kind;
  event.endpoint = endpoint;
  events_.push_back(std::move(event));
}

void Shard::emit_device(Instant now, EventKind kind, DeviceView device) {
  emit(now, kind, device.endpoint);
  if (config_.events) events_.back().device = std::move(device);
}

void Shard::emit_notification(Instant now, Slot slot, const lwm2m::Path& path, lwm2m::Outcome outcome) {
  ++counters_.notifications;
  emit(now, EventKind::Notification, registry_[slot].endpoint());
  if (!config_.events) return;
  events_.back().path = path;
  events_.back().outcome = std::move(outcome);
  events_.back().object_version = announced_version(slot, path.object());
}

std::optional<lwm2m::Version> Shard::announced_version(Slot slot, lwm2m::ObjectId object) const {
  for (const lwm2m::AnnouncedObject& announced : registry_.announcement(slot).objects) {
    if (announced.id == object) return announced.version;
  }
  return std::nullopt;
}

void Shard::emit_learned(Instant now, std::string_view endpoint, const lwm2m::Downlink& operation,
                         const lwm2m::Outcome& outcome) {
  const auto* const write = std::get_if<lwm2m::Write>(&operation);
  const bool reads = std::holds_alternative<lwm2m::Read>(operation) || std::holds_alternative<lwm2m::Observe>(operation);
  if (!config_.events || !lwm2m::is_success(outcome.status) || (write == nullptr && !reads)) return;
  emit(now, EventKind::Learned, endpoint);
  Event& event = events_.back();
  event.path = lwm2m::path_of(operation);
  event.how = reads ? "read" : "write";
  event.outcome = outcome;
  if (write != nullptr) {
    event.outcome = lwm2m::Outcome{};
    event.outcome->status = lwm2m::Status::Content;
    event.outcome->format = write->format;
    event.outcome->payload = write->payload;
  }
  if (const auto slot = registry_.find(endpoint)) event.object_version = announced_version(*slot, event.path.object());
}

void Shard::emit_observation_ended(Instant now, Slot slot, const lwm2m::Path& path) {
  registry_.mark(slot);
  emit_observation_ended(now, registry_[slot].endpoint(), path);
}

void Shard::emit_observation_ended(Instant now, std::string_view endpoint, const lwm2m::Path& path) {
  emit(now, EventKind::ObservationEnded, endpoint);
  if (config_.events) events_.back().path = path;
}

}  // namespace drover::server
