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
      for (const Observation& gone : notifier_.take_below(change->path)) {
        endpoint_.notify(now, gone.id, coap::Response{coap::code::kNotFound, {}, {}}, true);
      }
    }
    const bool value = change->kind == Change::Kind::Value;
    if (!value || change->path.object() <= ServerObject::kObject) accounts_changed_ = true;
    notifier_.changed(now, *change);
    if (change->server) events_.push_back(ServerChanged{std::move(*change)});
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
      const Path timeout(ServerObject::kObject, action->instance, ServerObject::kDisableTimeout);
      account.registration.disable(now, seconds(integer(now, timeout).value_or(ServerObject::kDisableTimeoutDefault)));
    }
  }
  const DeviceObject::Wish wish = device_object_.poll();
  if (wish.reboot) events_.emplace_back(RebootWanted{});
  if (wish.factory_reset) events_.emplace_back(FactoryResetWanted{});
  return busy || wish.reboot || wish.factory_reset;
}

bool Client::send_notifications(Instant now) {
  bool busy = false;
  while (const auto due = notifier_.poll_due(now)) {
    busy = true;
    const auto& [id, server, path, accept] = due->observation;
    const lwm2m::Outcome outcome = tree_.perform({now, server}, lwm2m::Read{path, accept});
    endpoint_.notify(now, id, lwm2m::mapping::to_response(outcome), due->confirmable);
    if (!lwm2m::is_success(outcome.status)) notifier_.cancel(id);  // an error code ends it (RFC 7641 §4.2)
    ++counters_.notifications;
  }
  return busy;
}

}  // namespace drover::client
