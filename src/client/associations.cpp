// SPDX-License-Identifier: Apache-2.0
// What goes over the associations of secure accounts, and what follows when one comes or goes.
#include "client/client.hpp"
#include "coap/message/code.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {

using transport::Datagram;
using transport::Transmit;

/// Where CoAP finds the server; nothing while nothing may come from there.
std::optional<transport::PeerAddress> Client::peer_of(ServerId server, const Account& account) {
  const auto address = account.registration.peer();
  const ServerUri& uri = account.registration.uri();
  if (!address || !uri.secure) return address;
  return Channels::name(server, uri.is_sms() ? drover::security::Path::Sms : drover::security::Path::Network);
}

/// coaps goes with security modes 0 to 2, coap with 3 (Core E.1, /0/x/0 and /0/x/2).
Result<void> Client::check_security(const ServerUri& uri, const SecurityValues& values) const {
  if (uri.secure == (values.mode != SecurityObject::kNoSec)) {
    return uri.secure ? channels_.check(uri.host, values) : Result<void>{};
  }
  const char* reason = uri.secure ? ": coaps needs keys; set /0/x/2 to 0 (pre-shared key), 1 (raw public key) or 2 "
                                    "(certificate), and the keys to it"
                                  : ": coap goes with security mode 3 (NoSec) in /0/x/2; with keys use coaps://";
  return tl::unexpected(Error{Fault::Environment, 0, uri.to_string() + reason});
}

Result<void> Client::configure_channel(Instant now, ServerId server, const ServerUri& uri,
                                       const SecurityValues& values) {
  if (auto usable = check_security(uri, values); !usable) return usable;
  if (!uri.secure) {
    channels_.remove(now, server);
    return {};
  }
  const bool changed = channels_.configure(now, server, uri.host, values);
  const auto account = accounts_.find(server);
  // Core §5.2.5: what the old keys protect ends with them.
  if (changed && account != accounts_.end()) account->second.registration.address_changed(now);
  return {};
}

std::optional<SecurityValues> Client::keys_for(Instant now, std::string_view host) const {
  for (const lwm2m::InstanceId instance : tree_.instances(SecurityObject::kObject)) {
    const auto value =
        tree_.get({now, std::nullopt}, lwm2m::Path(SecurityObject::kObject, instance, SecurityObject::kUri));
    const auto* text = value ? std::get_if<std::string>(&*value) : nullptr;
    const auto uri = parse_server_uri(text == nullptr ? std::string_view() : *text);
    if (uri && uri->secure && same_host(uri->host, host)) return security_values(now, instance);
  }
  return std::nullopt;
}

void Client::way_changed(Instant now, ServerId server, Account& account) {
  // A device that is offline tells it when it wakes.
  if (account.queue.state == QueueMode::State::Asleep) {
    account.queue.moved = true;
    return;
  }
  if (account.registration.uri().is_sms()) return;  // its number stays
  channels_.address_changed(server);
  account.registration.address_changed(now);
}

void Client::send_uplink(Instant now, ServerId server, Account& account, const lwm2m::Uplink& uplink) {
  if (holds_for_card(now, account, uplink)) {
    account.held = uplink;
    return;
  }
  if (!begin_waking(now, server, account)) return;
  const auto address = account.registration.peer();
  if (!address) return;
  coap::Request request = lwm2m::mapping::to_request(uplink);
  if (!account.registration.uri().secure) {
    account.exchange = endpoint_.request(now, *address, std::move(request));
    return;
  }
  Channels& channels = channels_of(account.registration.uri());
  channels.connect(now, server, *address);
  if (channels.is_up(server)) {
    account.exchange = endpoint_.request(now, channels.name(server), std::move(request));
  } else {
    account.waiting = std::move(request);
  }
}

void Client::abandon_uplink(Account& account) {
  if (account.exchange) endpoint_.forget(*account.exchange);
  account.exchange.reset();
  account.waiting.reset();
  account.held.reset();
}

bool Client::drain_channels(Instant now) {
  bool busy = drain_channels(now, channels_);
  return drain_channels(now, sms_channels_) || busy;
}

bool Client::drain_channels(Instant now, Channels& channels) {
  bool busy = false;
  // First: who sends over a new association doesn't send before it is there.
  while (const auto event = channels.poll_event()) {
    busy = true;
    const ServerId server = std::visit([](const auto& one) { return one.server; }, *event);
    if (server == kBootstrapServer) {
      const auto* lost = std::get_if<ChannelDown>(&*event);
      if (lost != nullptr) {
        bootstrap_waiting_.reset();
        bootstrap_.lost(now, lost->reason);
      } else if (bootstrap_waiting_ && channels.is_up(server)) {
        bootstrap_exchange_ = endpoint_.request(now, channels.name(server), std::move(*bootstrap_waiting_));
        bootstrap_waiting_.reset();
      }
      continue;
    }
    const auto found = accounts_.find(server);
    if (found == accounts_.end()) continue;
    Account& account = found->second;
    // What is only there to be reached by SMS, too, is tried again with the next Update.
    if (&channels_of(account.registration.uri()) != &channels) continue;
    if (const auto* down = std::get_if<ChannelDown>(&*event)) {
      abandon_uplink(account);
      account.registration.lost(now, down->reason);
    } else if (account.waiting && channels.is_up(server)) {
      account.exchange = endpoint_.request(now, channels.name(server), std::move(*account.waiting));
      account.waiting.reset();
    }
  }
  while (const auto message = channels.poll_message()) {
    busy = true;
    receive(now, {message->to, message->bytes});
  }
  while (auto datagram = channels.poll_transmit()) transmits_.push_back(std::move(*datagram));
  return busy;
}

void Client::receive(Instant now, const Datagram& datagram) {
  const auto server = server_at(datagram.from);
  if (!is_welcome(datagram)) {
    ++counters_.ignored;
    return endpoint_.note_drop(datagram.from, server ? "request before the registration stands" : "stranger");
  }
  const bool asks_by_sms = server && datagram.from.is_sms() && is_request(datagram.bytes);
  if (!asks_by_sms || takes_request_by_sms(now, *server, datagram)) endpoint_.handle_datagram(now, datagram);
}

bool Client::hand_over_transmits(Instant now) {
  bool busy = false;
  while (auto transmit = endpoint_.poll_transmit()) {
    if (is_asleep(transmit->to)) continue;  // the radio is off
    note_sent(now, transmit->to);
    if (transmit->to.kind == transport::Kind::Association) {
      (transmit->to.is_sms() ? sms_channels_ : channels_).send(now, *transmit);
      busy = true;  // it may have ended the association
    } else {
      transmits_.push_back(std::move(*transmit));
    }
  }
  for (Channels* channels : {&channels_, &sms_channels_}) {
    while (auto datagram = channels->poll_transmit()) transmits_.push_back(std::move(*datagram));
  }
  return busy;
}

void Client::release_associations(Instant now) {
  settle(now);
  // A bootstrap doesn't outlive the process: nobody would end its association.
  channels_.close(now, kBootstrapServer);
  while (auto datagram = channels_.poll_transmit()) transmits_.push_back(std::move(*datagram));
  channels_.release(now);
  sms_channels_.release(now);
  note_unsaved_registrations();
}

}  // namespace drover::client
