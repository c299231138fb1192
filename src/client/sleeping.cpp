// SPDX-License-Identifier: Apache-2.0
// Queue mode (Transport "Queue Mode Operation"): when the device goes offline, and how it comes back.
#include <algorithm>
#include <utility>

#include "client/client.hpp"

namespace drover::client {

using State = QueueMode::State;

namespace {

/// Of a device with one modem: that server is to reach it at any time by the transport that `other` may be offline on.
bool keeps_transport_up(const Binding& binding, const Binding& other) {
  const bool carries = other.is_sms_alone() ? binding.sms : binding.udp;
  const bool queued = binding.queue && binding.is_sms_alone() == other.is_sms_alone();
  return carries && !queued;
}

bool is_away(RegistrationState state) {
  return state == RegistrationState::Off || state == RegistrationState::Waiting || state == RegistrationState::Disabled;
}

}  // namespace

Transports Client::transports() const {
  const bool sms = settings_.sms.attached && !settings_.sms.msisdn.empty();
  return {sms, sms, has_trigger(settings_.version)};
}

Binding Client::binding_of(const Account& account) const {
  return parse_binding(account.registration.parameters().binding).value_or(Binding{});
}

// ---- offline --------------------------------------------------------------------------------------------------------

/// Something that the server is to hear, or to answer, is under way.
bool Client::is_busy(ServerId server, const Account& account) const {
  if (account.registration.state() != RegistrationState::Registered || account.exchange || account.waiting ||
      account.held) {
    return true;
  }
  if (!account.farewells.empty()) return true;
  return std::any_of(unacknowledged_.begin(), unacknowledged_.end(), [&](const auto& entry) {
    const auto observation = notifier_.find(entry.first);
    return observation && observation->server == server;
  });
}

/// When the device may be offline for that server: nothing while it can't tell. With several servers in queue mode it
/// has one radio, and being heard by one costs no more than by all: they fall asleep together, when the last of them
/// allows it. Where another server is to reach it at any time the radio stays on anyway, and each goes by its own time.
std::optional<Instant> Client::sleep_due(ServerId server, const Account& account) const {
  const Binding binding = binding_of(account);
  if (!binding.queue || account.queue.state != State::Awake || is_busy(server, account)) return std::nullopt;
  const auto& patience = settings_.coap;
  const Duration recommended = binding.is_sms_alone() ? patience.sms.response_wait : patience.max_transmit_wait();
  const Duration awake = settings_.queue.awake.value_or(recommended);
  Instant due = account.queue.last_sent + awake;
  const bool kept_up = std::any_of(accounts_.begin(), accounts_.end(), [&](const auto& entry) {
    return keeps_transport_up(binding_of(entry.second), binding);
  });
  if (kept_up) return due;
  for (const auto& [id, other] : accounts_) {
    const Binding theirs = binding_of(other);
    if (id == server || !theirs.queue || theirs.is_sms_alone() != binding.is_sms_alone()) continue;
    if (other.queue.state == State::Asleep || is_away(other.registration.state())) continue;
    if (is_busy(id, other)) return std::nullopt;
    due = std::max(due, other.queue.last_sent + awake);
  }
  return due;
}

void Client::fall_asleep(Instant now, ServerId server, Account& account) {
  account.queue.state = State::Asleep;
  account.queue.wake_at.reset();
  if (const auto period = settings_.queue.wake_every) {
    const Instant planned = account.queue.shown + *period;
    account.queue.wake_at = planned > now ? planned : now + *period;
  }
  events_.emplace_back(Asleep{server});
}

bool Client::settle_queue_mode(Instant now) {
  // Together: the first of them would change what the others see.
  std::vector<ServerId> tired;
  for (const auto& [id, account] : accounts_) {
    const auto due = sleep_due(id, account);
    if (due && *due <= now) tired.push_back(id);
  }
  for (const ServerId id : tired) fall_asleep(now, id, accounts_.at(id));
  bool busy = !tired.empty();
  for (auto& [id, account] : accounts_) {
    // One Update for all that it wakes for, with all that has changed.
    if (!std::exchange(account.queue.wake_wanted, false) || account.queue.state != State::Asleep) continue;
    account.registration.update(now);
    busy = true;
  }
  return busy;
}

void Client::go_offline(Instant now) {
  settle(now);
  for (auto& [id, account] : accounts_) {
    const bool may = binding_of(account).queue && account.queue.state == State::Awake && !is_busy(id, account);
    if (may) fall_asleep(now, id, account);
  }
  settle(now);
}

bool Client::is_offline() const {
  if (bootstrap_.is_open() || bootstrap_.state() == BootstrapState::Lingering ||
      bootstrap_.state() == BootstrapState::Resolving) {
    return false;
  }
  bool any = false;
  for (const auto& [id, account] : accounts_) {
    const bool asleep = account.queue.state == State::Asleep;
    const Binding binding = binding_of(account);
    any |= asleep && !binding.is_sms_alone();
    if (binding.is_sms_alone() || asleep) continue;
    if (!binding.queue || !is_away(account.registration.state())) return false;
  }
  return any;
}

bool Client::is_unheard(const transport::PeerAddress& from) const {
  if (!from.is_sms() && is_offline()) return true;
  return std::any_of(accounts_.begin(), accounts_.end(), [&](const auto& entry) {
    const auto peer = entry.second.registration.peer();
    const bool theirs = peer && peer->kind == from.kind && peer->host == from.host && (from.is_sms() || peer->port == from.port);
    return entry.second.queue.state == State::Asleep && theirs;
  });
}

bool Client::is_asleep(const transport::PeerAddress& to) const {
  const auto server = server_at(to);
  if (!server) return false;
  // In US and UQS short messages go on.
  const Account& account = accounts_.at(*server);
  return account.queue.state == State::Asleep && account.registration.uri().is_sms() == to.is_sms();
}

void Client::note_sent(Instant now, const transport::PeerAddress& to) {
  const auto server = server_at(to);
  if (server && peer_of(*server, accounts_.at(*server)) == to) accounts_.at(*server).queue.last_sent = now;
}

// ---- and back -------------------------------------------------------------------------------------------------------

/// Before anything is sent to a server that the device is offline for: only the registration does that. False when it
/// begins anew, by another message.
bool Client::begin_waking(Instant now, ServerId server, Account& account) {
  if (account.queue.state != State::Asleep) return true;
  account.queue.state = State::Waking;
  account.queue.wake_at.reset();
  events_.emplace_back(Awake{server});
  // The way to the server may be another by now: resumed, unless there is a Connection ID.
  if (!account.registration.uri().is_sms()) channels_.address_changed(server);
  const bool moved = std::exchange(account.queue.moved, false);
  if (!moved || account.registration.uri().secure) return true;
  account.registration.address_changed(now);
  return account.registration.state() == RegistrationState::Deregistering;
}

void Client::wake(Instant now) {
  for (auto& [id, account] : accounts_) {
    if (account.queue.state == State::Asleep) account.queue.wake_wanted = true;
  }
  settle(now);
}

void Client::wake_on_time(Instant now) {
  for (auto& [id, account] : accounts_) {
    const bool due = account.queue.wake_at && *account.queue.wake_at <= now;
    if (!due) continue;
    account.queue.wake_at.reset();
    account.queue.wake_wanted = true;
  }
}

void Client::wake_for_notification(ServerId server) {
  const auto account = accounts_.find(server);
  const bool asleep = account != accounts_.end() && account->second.queue.state == State::Asleep;
  if (!asleep || !settings_.queue.notifications_wake) return;
  account->second.queue.wake_wanted = true;
}

/// The server knows that the device is there.
void Client::shown(Instant now, Account& account) {
  account.queue.shown = now;
  account.queue.state = State::Awake;
  account.queue.wake_at.reset();
  delivery_due_ = true;
  for (auto& [id, error] : std::exchange(account.farewells, {})) endpoint_.notify(now, id, std::move(error), true);
}

std::optional<Deadline> Client::queue_deadline() const {
  std::optional<Instant> next;
  const auto consider = [&](const std::optional<Instant>& at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const auto& [id, account] : accounts_) {
    consider(account.queue.wake_at);
    consider(sleep_due(id, account));
  }
  if (!next) return std::nullopt;
  return Deadline{*next, Reason::QueueAwake};
}

}  // namespace drover::client
