// SPDX-License-Identifier: Apache-2.0
#include "client/client.hpp"

#include <algorithm>

#include "base/take_front.hpp"

namespace drover::client {

namespace {

coap::Parameters streaming(coap::Parameters parameters) {
  parameters.stream_requests = true;
  parameters.observations_survive_timeout = true;
  return parameters;
}

/// Core E.1 gives /0/x/7 six bytes, which is wrong where they are key parameters (KIc, KID, SPI and TAR are seven) and
/// where they are an identity. What they may be depends on /0/x/6: protect_sms() looks.
lwm2m::model::ObjectDefinition without_key_lengths(lwm2m::model::ObjectDefinition definition) {
  for (auto& resource : definition.resources) {
    const bool sms = resource.id == SecurityObject::kSmsKeyParameters || resource.id == SecurityObject::kSmsSecretKeys;
    if (sms) resource.range.clear();
  }
  return definition;
}

Deadline earlier(const std::optional<Deadline>& a, const Deadline& b) {
  return a && a->at <= b.at ? *a : b;
}

}  // namespace

Client::Client(ClientSettings settings, Rng& rng)
    : settings_(std::move(settings)),
      rng_(rng),
      tree_(settings_.root),
      device_object_(tree_),
      connectivity_object_(tree_),
      statistics_object_(tree_),
      notifier_(tree_, settings_.notification),
      endpoint_(streaming(settings_.coap), rng),
      channels_(settings_.security, settings_.accept_handshakes ? &rng : nullptr),
      sms_channels_(settings_.security, transports().sms ? &rng : nullptr, drover::security::Path::Sms),
      bootstrap_(settings_.bootstrap, rng) {
  server_object_.set_transports(transports());
  device_object_.set_supported_binding(supported_binding(transports()));
}

void Client::define(const lwm2m::model::ObjectDefinition& definition, ObjectBehaviour* behaviour,
                    std::vector<lwm2m::ResourceId> supported) {
  if (behaviour == nullptr && definition.id == SecurityObject::kObject) {
    if (supported.empty()) supported = SecurityObject::supported(transports().sms);
    security_definition_ = without_key_lengths(definition);
    return tree_.define(security_definition_, &security_object_, std::move(supported));
  }
  if (behaviour == nullptr && definition.id == ServerObject::kObject) behaviour = &server_object_;
  if (behaviour == nullptr && definition.id == AccessControl::kObject) behaviour = &access_control_object_;
  if (behaviour == nullptr && definition.id == DeviceObject::kObject) behaviour = &device_object_;
  if (behaviour == nullptr && definition.id == ConnectivityObject::kObject) behaviour = &connectivity_object_;
  if (behaviour == nullptr && definition.id == StatisticsObject::kObject) behaviour = &statistics_object_;
  tree_.define(definition, behaviour, std::move(supported));
}

// ---- commands -------------------------------------------------------------------------------------------------------

void Client::start(Instant now) {
  device_object_.refresh_supported_binding({now, std::nullopt});
  settle(now);  // what Register says is the tree of this moment
  started_ = true;
  card_.tried = false;
  if (settings_.smartcard) {
    ask_card(now);
  } else {
    for (auto& [id, account] : accounts_) account.registration.start(now);
  }
  settle(now);
}

void Client::stop(Instant now) {
  started_ = false;
  card_.asked_until.reset();
  card_.found.reset();
  bootstrap_.stop(now);
  for (auto& [id, account] : accounts_) {
    account.registration.deregister(now);
    if (!account.held || account.registration.state() != RegistrationState::Registering) continue;
    account.held.reset();
    account.registration.failed(now, coap::FailureCause::Refused);  // it never went out
  }
  settle(now);
}

void Client::update(Instant now) {
  for (auto& [id, account] : accounts_) account.registration.update(now);
  settle(now);
}

void Client::address_changed(Instant now) {
  for (auto& [id, account] : accounts_) way_changed(now, id, account);
  settle(now);
}

void Client::address_changed(Instant now, ServerId server) {
  const auto account = accounts_.find(server);
  if (account != accounts_.end()) way_changed(now, server, account->second);
  settle(now);
}

void Client::resolved(Instant now, ServerId server, std::vector<transport::PeerAddress> addresses) {
  const auto account = accounts_.find(server);
  if (server == kBootstrapServer) bootstrap_.resolved(now, std::move(addresses));
  if (account != accounts_.end()) account->second.registration.resolved(now, std::move(addresses));
  settle(now);
}

void Client::handle_datagram(Instant now, const transport::Datagram& datagram) {
  if (is_unheard(datagram.from)) {
    ++counters_.unheard;
    return settle(now);
  }
  statistics_object_.received(now, datagram);
  if (datagram.from.is_sms()) {
    take_sms(now, datagram);
  } else if (!channels_.handle_datagram(now, datagram)) {
    receive(now, datagram);
  }
  settle(now);
}

void Client::handle_timeout(Instant now) {
  endpoint_.handle_timeout(now);
  channels_.handle_timeout(now);
  sms_channels_.handle_timeout(now);
  for (auto& [id, account] : accounts_) account.registration.handle_timeout(now);
  bootstrap_.handle_timeout(now);
  time_out_card(now);
  wake_on_time(now);
  purge_bootstrap(now);
  forget_stale_bodies(now);
  expire_dormant(now);
  settle(now);
}

void Client::settle(Instant now) {
  // Each round hands on what the last one caused; an answer precedes the notification and the Update it causes.
  bool busy = true;
  while (busy) {
    busy = drain_channels(now);
    busy |= drain_endpoint(now);
    busy |= drain_changes(now);
    busy |= drain_behaviours(now);
    if (accounts_changed_) {
      accounts_changed_ = false;
      sync_accounts(now);
      busy = true;
    }
    for (auto& [id, account] : accounts_) busy |= drain_registration(now, id, account);
    busy |= settle_card(now);
    remove_left_accounts(now);
    busy |= drain_bootstrap(now);
    busy |= send_notifications(now);
    busy |= deliver_kept(now);
    busy |= hand_over_transmits(now);
    busy |= settle_queue_mode(now);
  }
  if (tracking_) note_unsaved_registrations();
}

std::optional<transport::Transmit> Client::poll_transmit() {
  auto transmit = take_front(transmits_);
  if (transmit) statistics_object_.sent(*transmit);
  return transmit;
}

std::optional<ClientEvent> Client::poll_event() {
  return take_front(events_);
}

std::optional<Deadline> Client::deadline() const {
  std::optional<Deadline> next = endpoint_.deadline();
  if (const auto due = channels_.deadline()) next = earlier(next, *due);
  if (const auto due = sms_channels_.deadline()) next = earlier(next, *due);
  if (const auto due = bootstrap_.deadline()) next = earlier(next, *due);
  if (const auto due = card_deadline()) next = earlier(next, *due);
  if (purge_at_) next = earlier(next, {*purge_at_, Reason::Bootstrap});
  if (const auto due = queue_deadline()) next = earlier(next, *due);
  if (const auto due = notifier_.deadline()) next = earlier(next, *due);
  if (const auto due = statistics_object_.deadline()) next = earlier(next, *due);
  for (const auto& [id, account] : accounts_) {
    if (const auto due = account.registration.deadline()) next = earlier(next, *due);
    if (account.observe_again_until) next = earlier(next, {*account.observe_again_until, Reason::Forget});
  }
  return next;
}

std::vector<AccountView> Client::accounts() const {
  std::vector<AccountView> views;
  for (const auto& [id, account] : accounts_) {
    const ServerUri& uri = account.registration.uri();
    views.push_back({id, uri.to_string(), account.registration.state(), account.registration.location(),
                     account.registration.peer(), uri.secure,
                     (uri.is_sms() ? sms_channels_ : channels_).is_up(id),
                     account.registration.parameters().binding, account.queue.state == QueueMode::State::Asleep});
  }
  return views;
}

bool Client::is_off() const {
  return std::all_of(accounts_.begin(), accounts_.end(),
                     [](const auto& entry) { return entry.second.registration.state() == RegistrationState::Off; });
}

}  // namespace drover::client
