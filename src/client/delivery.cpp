// SPDX-License-Identifier: Apache-2.0
// How notifications reach servers that can't always be reached: kept, and delivered in order (Core E.2, resource 6).
#include <algorithm>

#include "client/client.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {

using lwm2m::Outcome;
using lwm2m::Path;

// ---- who can be reached ---------------------------------------------------------------------------------------------

bool Client::is_reachable(ServerId server) const {
  const auto account = accounts_.find(server);
  if (account == accounts_.end() || account->second.silent) return false;
  if (account->second.queue.state != QueueMode::State::Awake) return false;
  const RegistrationState state = account->second.registration.state();
  return state == RegistrationState::Registered || state == RegistrationState::Updating;
}

bool Client::keeps_notifications(Instant now, ServerId server) const {
  const auto account = accounts_.find(server);
  if (account == accounts_.end()) return false;
  if (binding_of(account->second).queue) return true;  // Transport "Queue Mode Operation", Figure 9
  const Path path(ServerObject::kObject, account->second.server_instance, ServerObject::kNotificationStoring);
  return tree_.get({now, std::nullopt}, path) != lwm2m::Value(false);  // true by default
}

void Client::heard(ServerId server) {
  const auto account = accounts_.find(server);
  if (account == accounts_.end() || !std::exchange(account->second.silent, false)) return;
  delivery_due_ = true;
  pay_owed(server);
}

/// What was thrown away meanwhile is made up for by the value of this moment.
void Client::pay_owed(ServerId server) {
  std::erase_if(owed_, [&](coap::ResponderId id) {
    const auto observation = notifier_.find(id);
    if (observation && observation->server != server) return false;
    notifier_.owe(id);
    return true;
  });
}

// ---- one notification -----------------------------------------------------------------------------------------------

void Client::keep(Instant now, coap::ResponderId id, StoredNotification notification) {
  const auto& [server, path, at, format, payload] = notification;
  // What follows a kept one is kept, too: its observer would take an older value for the newest.
  if (keeps_notifications(now, server) || store_.holds(server, path)) {
    store_.put(std::move(notification));
    ++counters_.kept;
  } else {
    owed_.insert(id);
    ++counters_.discarded;
  }
}

void Client::notify(Instant now, const Due& due, Outcome outcome) {
  const auto& [id, server, path, accept] = due.observation;
  const auto under_way = unacknowledged_.find(id);
  const bool behind = under_way != unacknowledged_.end();
  StoredNotification copy{server, path, now, outcome.format.value_or(0), {}};
  if (due.dormant || !is_reachable(server) || store_.holds(server, path) ||
      (behind && under_way->second.stored_through)) {
    copy.payload = std::move(outcome.payload);
    keep(now, id, std::move(copy));
    return wake_for_notification(server);
  }
  ++counters_.notifications;
  if (behind || due.confirmable) copy.payload = outcome.payload;
  endpoint_.notify(now, id, lwm2m::mapping::to_response(outcome), due.confirmable);
  if (behind) {
    // As in the stack: only the newest waits, confirmable if one that it replaced was (RFC 7641 §4.5.2).
    auto& sent = under_way->second.sent;
    const bool confirmable = due.confirmable || (sent.size() > 1 && sent[1].confirmable);
    sent.resize(1);
    sent.push_back({std::move(copy), confirmable});
  } else if (due.confirmable) {
    unacknowledged_[id].sent.push_back({std::move(copy), true});
  }
}

void Client::end_observation(Instant now, const Observation& observation, coap::Response error) {
  const auto account = accounts_.find(observation.server);
  if (account != accounts_.end() && account->second.queue.state != QueueMode::State::Awake) {
    account->second.farewells.emplace_back(observation.id, std::move(error));
    wake_for_notification(observation.server);
  } else if (account != accounts_.end() && account->second.registration.is_registered()) {
    endpoint_.notify(now, observation.id, std::move(error), true);
  } else {
    endpoint_.end_observation(observation.id);
  }
  notifier_.cancel(observation.id);
  delivery_due_ = true;
  note_unsaved_observations();
}

void Client::acknowledged(coap::ResponderId id) {
  const auto found = unacknowledged_.find(id);
  const auto observation = notifier_.find(id);
  if (found == unacknowledged_.end() || !observation) return;
  heard(observation->server);
  Unacknowledged& message = found->second;
  if (message.stored_through) {
    store_.erase_through(observation->server, observation->path, *message.stored_through);
    unacknowledged_.erase(found);
    pay_owed(observation->server);
  } else {
    message.sent.erase(message.sent.begin());
    if (message.sent.empty() || !message.sent.front().confirmable) unacknowledged_.erase(found);
  }
  delivery_due_ = true;
}

/// Nobody knows whether they arrived: they are kept.
void Client::keep_unacknowledged(Instant now, coap::ResponderId id) {
  const auto found = unacknowledged_.find(id);
  if (found == unacknowledged_.end()) return;
  std::vector<SentNotification> sent = std::move(found->second.sent);
  unacknowledged_.erase(found);
  for (SentNotification& one : sent) keep(now, id, std::move(one.notification));
}

void Client::timed_out(Instant now, coap::ResponderId id) {
  const auto observation = notifier_.find(id);
  if (!observation) return;
  Account& account = accounts_.at(observation->server);
  account.silent = true;
  // The others would be tried one after another, each for as long, and the Update behind them.
  std::vector<coap::ResponderId> others;
  for (const auto& [other, message] : unacknowledged_) {
    const auto found = notifier_.find(other);
    if (found && found->server == observation->server) others.push_back(other);
  }
  for (const coap::ResponderId other : others) {
    endpoint_.withdraw_notification(now, other);
    keep_unacknowledged(now, other);
  }
  account.registration.update(now);
}

// ---- a registration ends, and begins --------------------------------------------------------------------------------

void Client::suspend_observations(Instant now, ServerId server) {
  for (const Observation& observation : notifier_.suspend(server)) {
    keep_unacknowledged(now, observation.id);
    endpoint_.end_observation(observation.id);
  }
  if (!keeps_notifications(now, server)) notifier_.drop_dormant(server);
  if (const auto account = accounts_.find(server); account != accounts_.end()) {
    account->second.silent = false;
    account->second.observe_again_until.reset();
    for (const auto& [id, error] : std::exchange(account->second.farewells, {})) endpoint_.end_observation(id);
  }
  delivery_due_ = true;
  note_unsaved_observations();
}

void Client::forget_observations(ServerId server) {
  for (const Observation& observation : notifier_.suspend(server)) endpoint_.end_observation(observation.id);
  notifier_.drop_server(server);
  store_.erase_server(server);
  delivery_due_ = true;
  note_unsaved_observations();
}

void Client::report_registration(Instant now, ServerId server, Account& account, const RegistrationReport& report) {
  using Kind = RegistrationReport::Kind;
  if (report.kind == Kind::Registered && notifier_.has_dormant(server)) {
    account.observe_again_until = now + settings_.notification.observe_again_within;
  }
  if (report.kind == Kind::Updated) heard(server);
  if (report.kind == Kind::Updated || report.kind == Kind::Registered) {
    shown(now, account);
    connect_sms(now, server, account);
  }
  // It has come here from UDP, whose association nobody needs any more.
  if (report.kind == Kind::Registered && account.registration.uri().is_sms()) channels_.remove(now, server);
  // A server that is disabled comes back; otherwise we have left.
  if (report.kind == Kind::Deregistered && account.registration.state() != RegistrationState::Disabled) {
    forget_observations(server);
  }
}

void Client::expire_dormant(Instant now) {
  for (auto& [id, account] : accounts_) {
    if (!account.observe_again_until || *account.observe_again_until > now) continue;
    account.observe_again_until.reset();
    notifier_.drop_dormant(id);
    delivery_due_ = true;
  }
}

// ---- what was kept --------------------------------------------------------------------------------------------------

bool Client::deliver_kept(Instant now) {
  if (!std::exchange(delivery_due_, false)) return false;
  const auto is_over = [&](coap::ResponderId id) { return !notifier_.find(id); };
  std::erase_if(owed_, is_over);
  std::erase_if(unacknowledged_, [&](const auto& entry) { return is_over(entry.first); });
  bool busy = false;
  for (const auto& [server, path] : store_.targets()) {
    if (!notifier_.observes(server, path)) {
      store_.erase(server, path);
      continue;
    }
    const auto observation = notifier_.find(server, path);
    if (!observation || !is_reachable(server) || unacknowledged_.contains(observation->id)) continue;
    deliver_kept(now, *observation);
    busy = true;
  }
  return busy;
}

/// One message with all values and their times where the format has times (Core §6.4.4), else the oldest one alone.
void Client::deliver_kept(Instant now, const Observation& observation) {
  const auto& [id, server, path, accept] = observation;
  Outcome outcome = tree_.perform({now, server}, lwm2m::Read{path, accept});
  // Core §7.1.2.5. Whatever else went wrong ends the observation at its next notification.
  if (!lwm2m::is_success(outcome.status) || !outcome.format) return store_.erase(server, path);
  auto kept = store_.of(server, path);
  const bool json = lwm2m::format_of(*outcome.format) == lwm2m::Format::Json;
  if (!json) kept.resize(1);
  auto payload = json ? encode_history(path, kept, now, device_object_.unix_time(now), tree_)
                      : encode_as(*outcome.format, *kept.front().notification, tree_);
  if (!payload) {
    store_.erase_through(server, path, kept.back().number);
    delivery_due_ = true;
    return;
  }
  unacknowledged_[id].stored_through = kept.back().number;
  outcome.payload = std::move(*payload);
  endpoint_.notify(now, id, lwm2m::mapping::to_response(outcome), true);
  ++counters_.notifications;
}

}  // namespace drover::client
