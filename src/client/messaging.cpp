// SPDX-License-Identifier: Apache-2.0
// Short messages (Transport "SMS Binding", "SMS Channel Security", "Update Trigger Mechanism"): which servers may use
// them, and for what.
#include <algorithm>
#include <utility>

#include "client/client.hpp"
#include "coap/message/message.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {

using lwm2m::Path;
using transport::Datagram;
using transport::Kind;

// ---- accounts -------------------------------------------------------------------------------------------------------

std::optional<SmsProtection> Client::sms_of(Instant now, lwm2m::InstanceId security) const {
  if (!transports().sms) return std::nullopt;
  const auto get = [&](const Path& path) { return tree_.get({now, std::nullopt}, path); };
  auto made = protect_sms(read_sms_values(security, get), read_security_values(security, get), settings_.sms.mode1, settings_.sms.on_card);
  if (!made) return std::nullopt;
  const bool carried = made->address.kind != Kind::SmsDtls || sms_channels_.check(made->address.msisdn(), made->dtls);
  return carried ? std::optional(std::move(*made)) : std::nullopt;
}

Transports Client::transports_with(const std::optional<SmsProtection>& sms) const {
  Transports transports = this->transports();
  transports.sms = sms.has_value();
  transports.sms_alone = sms && (sms->address.kind != Kind::Sms || settings_.sms.allow_nosec_management);
  return transports;
}

/// What a Bootstrap-Server gave: the binding's short messages, and whatever else it says of them.
Result<void> Client::check_sms_account(const std::function<std::optional<lwm2m::Value>(const Path&)>& get,
                                       lwm2m::InstanceId security, const std::string& binding) const {
  const auto refused = [](std::string reason) {
    return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
  };
  if (!transports().sms) return {};  // resources 6 to 9 are none of this client's
  const auto parsed = parse_binding(binding);
  const SmsValues values = read_sms_values(security, get);
  if (!parsed || (!parsed->sms && !values.mode && values.number.empty())) return {};
  const auto made = protect_sms(values, read_security_values(security, get), settings_.sms.mode1, settings_.sms.on_card);
  if (!made) return tl::unexpected(made.error());
  if (made->address.kind == Kind::SmsDtls) {
    if (auto fits = sms_channels_.check(made->address.msisdn(), made->dtls); !fits) return fits;
  }
  if (is_possible(*parsed, transports_with(*made))) return {};
  return refused("binding " + binding + " needs SMS Security Mode 1 or 2");
}

RegistrationLimits Client::limits_of(const ServerUri& uri) const {
  RegistrationLimits limits = settings_.registration;
  if (!uri.is_sms()) return limits;
  limits.update_margin = std::max(limits.update_margin, settings_.coap.sms.response_wait);
  limits.retry_first = settings_.sms.retry_first;
  limits.retry_max = settings_.sms.retry_max;
  return limits;
}

void Client::configure_sms(Instant now, ServerId server, Account& account, std::optional<SmsProtection> sms) {
  account.sms = std::move(sms);
  if (!account.sms || account.sms->address.kind != Kind::SmsDtls) return sms_channels_.remove(now, server);
  const bool changed = sms_channels_.configure(now, server, account.sms->address.msisdn(), account.sms->dtls);
  // Core §5.2.5, as with the keys of UDP.
  if (changed && account.registration.uri().is_sms()) account.registration.address_changed(now);
}

/// A server can't call a device that has shown it no way: where it may use short messages, too, their association is
/// there before they are needed.
void Client::connect_sms(Instant now, ServerId server, Account& account) {
  const bool wanted = account.sms && account.sms->address.kind == Kind::SmsDtls && binding_of(account).sms;
  if (wanted && !account.registration.uri().is_sms()) sms_channels_.connect(now, server, account.sms->address);
}

/// Where requests of a server come from by SMS, as CoAP knows it.
std::optional<transport::PeerAddress> Client::sms_peer_of(ServerId server, const Account& account) const {
  if (!account.sms || !binding_of(account).sms) return std::nullopt;
  return account.sms->address.kind == Kind::SmsDtls ? sms_channels_.name(server) : account.sms->address;
}

std::optional<SmsPeer> Client::sms_peer(std::string_view msisdn) const {
  for (const auto& [id, account] : accounts_) {
    if (!account.sms || account.sms->address.msisdn() != msisdn) continue;
    const Kind kind = account.sms->address.kind;
    return SmsPeer{kind == Kind::Sms, kind == Kind::SmsDtls, account.sms->packets, account.sms->on_card};
  }
  return std::nullopt;
}

// ---- what comes -----------------------------------------------------------------------------------------------------

void Client::refuse_sms(const Datagram& datagram, const char* why) {
  ++counters_.refused_sms;
  endpoint_.note_drop(datagram.from, why);
}

/// From the number of an account and in the way that is its own, or not at all.
void Client::take_sms(Instant now, const Datagram& datagram) {
  const auto found = std::find_if(accounts_.begin(), accounts_.end(), [&](const auto& entry) {
    return entry.second.sms && entry.second.sms->address.host == datagram.from.host;
  });
  if (found == accounts_.end()) return refuse_sms(datagram, "SMS of a stranger");
  auto& [server, account] = *found;
  if (account.sms->address.kind != datagram.from.kind) return refuse_sms(datagram, "SMS without the server's protection");
  if (!binding_of(account).sms) return refuse_sms(datagram, "SMS, which the binding doesn't have");
  if (datagram.from.kind != Kind::SmsDtls) return receive(now, datagram);
  if (!sms_channels_.handle_datagram(now, datagram)) refuse_sms(datagram, "SMS that isn't of the association");
}

/// The Execute on the Registration Update Trigger of the server's own account.
std::optional<lwm2m::Execute> Client::trigger_in(const Datagram& datagram, const Account& account,
                                                 coap::MessageId& id) const {
  auto message = coap::decode(datagram.bytes);
  if (!message || !message->code.is_request()) return std::nullopt;
  id = message->id;
  const coap::Request request{message->code, std::move(message->options), std::move(message->payload)};
  const auto operation = lwm2m::mapping::to_downlink(request, tree_.root());
  const auto* execute = operation ? std::get_if<lwm2m::Execute>(&*operation) : nullptr;
  const Path trigger(ServerObject::kObject, account.server_instance, ServerObject::kUpdateTrigger);
  return execute != nullptr && execute->path == trigger ? std::optional(*execute) : std::nullopt;
}

/// Whether a request that came by SMS goes on to CoAP. Under UQT none does: the trigger is carried out without a word.
bool Client::takes_request_by_sms(Instant now, ServerId server, const Datagram& datagram) {
  Account& account = accounts_.at(server);
  const Binding binding = binding_of(account);
  const bool trigger_only =
      binding.trigger_only || (datagram.from.kind == Kind::Sms && !settings_.sms.allow_nosec_management);
  if (!trigger_only) return true;
  coap::MessageId id{};
  const auto execute = trigger_in(datagram, account, id);
  if (!execute) {
    refuse_sms(datagram, "SMS other than the trigger");
    return false;
  }
  if (!binding.trigger_only) return true;
  // A network may deliver a short message twice.
  const Duration remembered = settings_.coap.sms.lifetime;
  const bool again = account.trigger && account.trigger->first == id && now - account.trigger->second < remembered;
  if (again) return false;
  account.trigger = {id, now};
  ++counters_.operations;
  const lwm2m::Outcome outcome = tree_.perform({now, server}, *execute);
  if (lwm2m::is_success(outcome.status)) events_.emplace_back(Executed{server, execute->path, execute->arguments});
  events_.emplace_back(Served{server, "Execute", execute->path, outcome.status});
  return false;
}

// ---- counters -------------------------------------------------------------------------------------------------------

SmsCounters Client::sms_counters(std::uint64_t key) const {
  const auto found = sms_counters_.find(key);
  return found == sms_counters_.end() ? SmsCounters{key, 0, 0} : found->second;
}

void Client::raise_sms_counters(const SmsCounters& counters) {
  SmsCounters& held = sms_counters_[counters.key];
  held = {counters.key, std::max(held.reserved, counters.reserved), std::max(held.received, counters.received)};
}

void Client::set_sms_counters(const SmsCounters& counters) {
  raise_sms_counters(counters);
  unsaved_.sms_counters = unsaved_.at_once = true;
}

void Client::sms_counted(Instant now, std::uint64_t sent, std::uint64_t received) {
  statistics_object_.sms_counted(now, sent, received);
  settle(now);
}

}  // namespace drover::client
