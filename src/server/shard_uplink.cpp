// SPDX-License-Identifier: Apache-2.0
// The Registration interface (Core §5.3; Transport "Registration Interface").
#include <utility>

#include "coap/message/code.hpp"
#include "lwm2m/mapping/mapping.hpp"
#include "server/shard.hpp"

namespace drover::server {
namespace {

lwm2m::Outcome outcome_of(lwm2m::Status status) {
  lwm2m::Outcome outcome;
  outcome.status = status;
  return outcome;
}

}  // namespace

bool Shard::exists(const transport::PeerAddress& peer, const lwm2m::Uplink& uplink) const {
  if (const auto* update = std::get_if<lwm2m::Update>(&uplink)) return locate(peer, update->location).has_value();
  if (const auto* ending = std::get_if<lwm2m::Deregister>(&uplink)) return locate(peer, ending->location).has_value();
  return true;  // /rd
}

void Shard::handle_request(Instant now, const coap::RequestArrived& arrived) {
  Result<lwm2m::Uplink> uplink = lwm2m::mapping::to_uplink(arrived.request);
  if (uplink && !lwm2m::mapping::precondition_holds(arrived.request.options, exists(arrived.peer, *uplink))) {
    uplink = peer_error(coap::code::kPreconditionFailed.value, "If-Match or If-None-Match");
  }
  if (uplink && refusing_) {
    uplink = tl::unexpected(Error{Fault::Environment, coap::code::kServiceUnavailable.value, "nothing can be kept now"});
  }
  const Result<lwm2m::Outcome> outcome =
      uplink ? std::visit([&](auto& request) { return handle_uplink(now, arrived.peer, std::move(request)); }, *uplink)
             : tl::unexpected(uplink.error());
  if (!outcome) ++counters_.rejected;
  endpoint_.respond(now, arrived.responder,
                    outcome ? lwm2m::mapping::to_response(*outcome) : lwm2m::mapping::to_response(outcome.error()));
  take_up_legacy(now);
  if (const auto woken = std::exchange(woken_, std::nullopt)) pump(now, *woken);
}

void Shard::take_up_legacy(Instant now) {
  auto restoration = std::exchange(restoration_, std::nullopt);
  if (!restoration) return;
  while (Operation operation = restoration->operations.take_front()) {
    submit(now, restoration->slot, std::move(operation));
  }
  restore(now, restoration->slot, restoration->paths);
}

Result<lwm2m::Outcome> Shard::handle_uplink(Instant now, const transport::PeerAddress& peer, lwm2m::Register request) {
  if (traces_.any()) note_register(now, request.endpoint, peer);
  const Result<Admission> admission = admit(config_.policy, request);
  if (!admission) return tl::unexpected(admission.error());
  if (auto allowed = check_identity(now, peer, request.endpoint); !allowed) return tl::unexpected(allowed.error());

  // The server removes the existing registration and performs the new one (Core §5.3.1).
  const auto old = registry_.find(request.endpoint);
  Legacy legacy = old ? end_registration(now, *old, Ending::Replaced) : take_kept(request.endpoint);
  NewRegistration registration;
  registration.endpoint = request.endpoint;
  registration.version = admission->version_text;
  registration.binding = admission->binding;
  if (request.sms) registration.sms = *request.sms;
  registration.lifetime = admission->lifetime;
  registration.queue = request.queue;
  registration.address = peer;
  const auto slot = registry_.add(now, registration, request.announcement);
  if (!slot) {
    for (const ObservedPath& what : legacy.observed) emit_observation_ended(now, request.endpoint, what.path);
    while (Operation operation = legacy.operations.take_front()) {
      end(now, request.endpoint, std::move(operation), NoAnswer::Gone);
    }
    return tl::unexpected(Error{Fault::Us, coap::code::kServiceUnavailable.value, "no room for another device"});
  }
  ++counters_.registers;
  if (listener_) listener_->hold(now, peer, true);
  for (std::size_t to = 0; to < config_.count; ++to) {
    if (to != config_.index) mails_.push_back({to, EndpointClaimed{request.endpoint, now, config_.index}});
  }
  if (!legacy.observed.empty() || !legacy.operations.empty()) {
    restoration_ = Restoration{*slot, std::move(legacy.observed), std::move(legacy.operations)};
  }
  woken_ = slot;

  lwm2m::Outcome outcome = outcome_of(lwm2m::Status::Created);
  outcome.location = "rd/" + registry_.location(*slot).to_string();
  if (config_.events) emit_device(now, EventKind::Registered, view(*slot, std::move(request.announcement)));
  return outcome;
}

Result<lwm2m::Outcome> Shard::handle_uplink(Instant now, const transport::PeerAddress& peer, lwm2m::Update request) {
  const Result<Slot> slot = locate(peer, request.location);
  if (!slot) return tl::unexpected(slot.error());
  const auto version = lwm2m::Version::parse(registry_[*slot].version());
  if (const auto ok = admit(config_.policy, request, version.value_or(lwm2m::Version{})); !ok) {
    return tl::unexpected(ok.error());
  }
  if (registry_[*slot].address() != peer) rebind(now, *slot, peer);
  RegistrationChange change;
  change.lifetime = request.lifetime;
  if (request.binding) change.binding = *request.binding;
  if (request.sms) change.sms = *request.sms;
  change.queue = request.queue;
  if (request.announcement) change.announcement = &*request.announcement;
  registry_.update(now, *slot, change);
  ++counters_.updates;
  heard(now, *slot);
  woken_ = *slot;
  if (config_.events) emit_device(now, EventKind::Updated, view(*slot));
  return outcome_of(lwm2m::Status::Changed);
}

Result<lwm2m::Outcome> Shard::handle_uplink(Instant now, const transport::PeerAddress& peer,
                                            lwm2m::Deregister request) {
  const Result<Slot> slot = locate(peer, request.location);
  if (!slot) return tl::unexpected(slot.error());
  ++counters_.deregisters;
  end_registration(now, *slot, Ending::Deregistered);
  return outcome_of(lwm2m::Status::Deleted);
}

Result<Slot> Shard::locate(const transport::PeerAddress& peer, std::string_view location) const {
  const auto parsed = Location::parse(location);
  const auto slot = parsed ? registry_.find(*parsed) : std::nullopt;
  // In NoSec mode a client whose address changed must register again (Transport, "Registration Interface"): 4.04 makes
  // it. An address that another shard serves is another address, too. With security whoever proves to be that endpoint
  // may go on, from wherever.
  if (!slot || (registry_[*slot].address() != peer && !may_be(peer, registry_[*slot].endpoint()))) {
    return peer_error(coap::code::kNotFound.value, "no such registration of yours");
  }
  return *slot;
}

}  // namespace drover::server
