// SPDX-License-Identifier: Apache-2.0
// What goes to devices by SMS although they registered over UDP: triggers, and operations that nobody answered
// (Core Table 8; Transport "Update Trigger Mechanism", "SMS Binding").
#include <limits>
#include <utility>

#include "lwm2m/mapping/mapping.hpp"
#include "server/shard.hpp"

namespace drover::server {
namespace {

constexpr lwm2m::ObjectId kServerObject = 1;
constexpr lwm2m::ResourceId kRegistrationUpdateTrigger = 8;  ///< Core E.2

/// The instances of the Server object that a device announced; 0 when it told none.
std::vector<lwm2m::InstanceId> server_instances(const lwm2m::Announcement& announcement) {
  for (const lwm2m::AnnouncedObject& object : announcement.objects) {
    if (object.id == kServerObject && !object.instances.empty()) return object.instances;
  }
  return {0};
}

}  // namespace

std::size_t sms_home(std::string_view msisdn, std::size_t shards) {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a: numbers that follow one another spread
  for (const char digit : msisdn) hash = (hash ^ static_cast<std::uint8_t>(digit)) * 0x100000001B3;
  return static_cast<std::size_t>((hash ^ (hash >> 32)) % shards);
}

std::optional<transport::PeerAddress> Shard::sms_address(Slot slot) const {
  if (config_.sms == nullptr) return std::nullopt;
  std::string_view number = registry_[slot].sms();
  if (number.starts_with('+')) number.remove_prefix(1);  // a lenient server takes it; TS 23.003 has none
  const auto address = transport::PeerAddress::sms(number);
  const auto kind = address ? config_.sms->kind_for(number) : std::nullopt;
  if (!kind) return std::nullopt;
  return address->as(*kind);
}

bool Shard::send_by_sms(Instant now, Slot slot, Operation& operation) {
  const auto address = sms_address(slot);
  // Observations follow the registration: their notifications come the way that it goes.
  const bool fits = !std::holds_alternative<lwm2m::Observe>(operation->operation) &&
                    !std::holds_alternative<lwm2m::CancelObservation>(operation->operation);
  if (!address || !fits || !reach(slot).sms) return false;
  if (address->kind == transport::Kind::Sms && !config_.sms->operates_without_security()) return false;
  SmsRequested request;
  request.to = *address;
  request.operation = operation->operation;
  operation->went = Way::Sms;
  operation->sent = now;
  if (operation->attempts < std::numeric_limits<std::uint8_t>::max()) ++operation->attempts;
  note_operation(registry_[slot].endpoint(), *operation, true);
  report(now, slot, *operation, OperationState::Sent);
  delegated_.emplace(++last_delegated_, Delegated{slot, 0, std::move(operation)});
  ask_by_sms(now, slot, std::move(request));
  return true;
}

void Shard::trigger(Instant now, Slot slot) {
  const Reach ways = reach(slot);
  if (!config_.policy.trigger || !ways.trigger || !sms_address(slot)) return;
  auto& device = queues_.at(slot);
  if (device.trigger_under_way) return;
  if (device.triggered_at && now - *device.triggered_at < config_.policy.trigger_interval) return;
  device.triggered_at = now;
  send_trigger(now, slot, 0);
}

void Shard::send_trigger(Instant now, Slot slot, std::size_t attempt) {
  const auto instances = server_instances(registry_.announcement(slot));
  const auto address = sms_address(slot);
  if (attempt >= instances.size() || !address) {
    ++counters_.triggers_failed;
    return;
  }
  ++counters_.triggers;
  SmsRequested request;
  request.to = *address;
  request.operation =
      lwm2m::Execute{lwm2m::Path(kServerObject, instances[attempt], kRegistrationUpdateTrigger), std::string()};
  request.confirmable = !reach(slot).trigger_silent;
  if (request.confirmable) {
    queues_.at(slot).trigger_under_way = true;
    delegated_.emplace(++last_delegated_, Delegated{slot, attempt, nullptr});
  }
  ask_by_sms(now, slot, std::move(request));
}

void Shard::ask_by_sms(Instant now, Slot slot, SmsRequested request) {
  request.from = config_.index;
  request.number = last_delegated_;
  request.root = registry_.root(slot);
  const std::size_t home = sms_home(request.to.msisdn(), config_.count);
  if (home == config_.index) {
    carry_out(now, request);
  } else {
    mails_.push_back({home, std::move(request)});
  }
}

void Shard::carry_out(Instant now, const SmsRequested& request) {
  coap::RequestSettings settings;
  settings.confirmable = request.confirmable;
  const coap::ExchangeId exchange =
      endpoint_.request(now, request.to, lwm2m::mapping::to_request(request.operation, request.root), settings);
  if (request.confirmable) {
    sms_exchanges_.emplace(exchange, SmsExchange{request.from, request.number});
  } else {
    endpoint_.forget(exchange);  // no answer is expected (Core Table 8, UQT)
  }
}

bool Shard::finish_sms_request(Instant now, coap::ExchangeId exchange, OperationResult result) {
  const auto found = sms_exchanges_.find(exchange);
  if (found == sms_exchanges_.end()) return false;
  const SmsExchange asked = found->second;
  sms_exchanges_.erase(found);
  SmsAnswered answer{asked.number, std::move(result)};
  if (asked.from == config_.index) {
    answered_by_sms(now, answer);
  } else {
    mails_.push_back({asked.from, std::move(answer)});
  }
  return true;
}

void Shard::answered_by_sms(Instant now, const SmsAnswered& answer) {
  const auto found = delegated_.find(answer.number);
  if (found == delegated_.end()) return;  // its registration has ended, or somebody cancelled it
  Delegated delegated = std::move(found->second);
  delegated_.erase(found);
  const Slot slot = delegated.slot;
  if (delegated.operation != nullptr) {
    end(now, registry_[slot].endpoint(), std::move(delegated.operation), answer.result);
    return;
  }
  if (auto* const device = queues_.find(slot)) device->trigger_under_way = false;
  const auto* const outcome = std::get_if<lwm2m::Outcome>(&answer.result);
  if (outcome == nullptr) {
    ++counters_.triggers_failed;
  } else if (!lwm2m::is_success(outcome->status)) {
    // It may be another server's instance: this one knows neither its Short Server ID nor its place there.
    send_trigger(now, slot, delegated.attempt + 1);
  }
  // That it answered by SMS doesn't mean that it is heard over UDP: its Update does.
  schedule(slot);
}

void Shard::take_mail(Instant now, const SmsRequested& requested) {
  carry_out(now, requested);
}

void Shard::take_mail(Instant now, const SmsAnswered& answered) {
  answered_by_sms(now, answered);
}

}  // namespace drover::server
