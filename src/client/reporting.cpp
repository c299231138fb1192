// SPDX-License-Identifier: Apache-2.0
// What follows from changes of the tree: events, notifications (Core §5.5.2), what behaviours ask for.
#include "client/client.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {

using lwm2m::Path;
using std::chrono::seconds;

bool Client::drain_changes(Instant now) {
  bool busy = false;
  while (auto change = tree_.poll_change()) {
    busy = true;
    if (change->kind == Change::Kind::Deleted) {
      delivery_due_ = true;  // what was kept of it is of no use
      take_from_card({change->path});
      for (const Observation& gone : notifier_.take_below(change->path)) {
        end_observation(now, gone, coap::Response{coap::code::kNotFound, {}, {}});
      }
    }
    const bool value = change->kind == Change::Kind::Value;
    if (!value || change->path.object() <= ServerObject::kObject) accounts_changed_ = true;
    notifier_.changed(now, *change);
    note_unsaved(*change);
    if (change->server) events_.emplace_back(ServerChanged{std::move(*change)});
  }
  return busy;
}

bool Client::drain_behaviours(Instant now) {
  bool busy = false;
  while (const auto action = server_object_.poll()) {
    busy = true;
    for (auto& [id, account] : accounts_) {
      if (account.server_instance != action->instance) continue;
      if (action->kind == ServerObject::Action::Kind::Update) {
        account.registration.update(now);
        continue;
      }
      if (action->kind == ServerObject::Action::Kind::Bootstrap) {
        trigger_bootstrap(now);
        continue;
      }
      const Path timeout(ServerObject::kObject, action->instance, ServerObject::kDisableTimeout);
      account.registration.disable(now, seconds(integer(now, timeout).value_or(ServerObject::kDisableTimeoutDefault)));
    }
  }
  const DeviceObject::Wish wish = device_object_.poll();
  if (wish.reboot) events_.emplace_back(RebootWanted{});
  if (wish.factory_reset) events_.emplace_back(FactoryResetWanted{});
  busy |= statistics_object_.settle(now);
  return busy || wish.reboot || wish.factory_reset;
}

bool Client::send_notifications(Instant now) {
  bool busy = false;
  while (const auto due = notifier_.poll_due(now)) {
    busy = true;
    const auto& [id, server, path, accept] = due->observation;
    lwm2m::Outcome outcome = tree_.perform({now, server}, lwm2m::Read{path, accept});
    if (outcome.status == lwm2m::Status::Unauthorized) continue;  // Core §7.1.2.5: nothing is sent
    if (!lwm2m::is_success(outcome.status)) {
      // An error code ends it (RFC 7641 §4.2).
      end_observation(now, due->observation, lwm2m::mapping::to_response(outcome));
      continue;
    }
    drain_changes(now);  // values that the Read brought up to date: this notification has them
    notifier_.sent(now, *due);
    notify(now, *due, std::move(outcome));
  }
  return busy;
}

}  // namespace drover::client
