// SPDX-License-Identifier: Apache-2.0
// The Bootstrap interface (Core §5.2): when it is used, and what its server says. Commands change a draft of the tree;
// a consistent Finish makes it the device's.
#include "client/client.hpp"
#include "client/consistency.hpp"
#include "coap/message/code.hpp"
#include "lwm2m/mapping/bootstrap.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {

using lwm2m::Path;
namespace code = coap::code;
namespace mapping = lwm2m::mapping;

// ---- when (Core §5.2.4) ---------------------------------------------------------------------------------------------

/// Steps 3 and 4: to the servers first; to the Bootstrap-Server when there is none, or none lets us in.
void Client::decide_bootstrap(Instant now) {
  if (!may_register() || !bootstrap_.uri()) return;
  bool any = false;
  bool failing = true;
  for (const auto& [id, account] : accounts_) {
    if (account.leaving) continue;
    if (account.registration.is_registered()) return bootstrap_.registered(now);
    any = true;
    failing &= account.registration.is_failing(settings_.bootstrap.failures_max);
  }
  if (!any) return bootstrap_.request(now, BootstrapCause::NoAccount);
  if (failing) bootstrap_.request(now, BootstrapCause::NoRegistration);
}

bool Client::bootstrap(Instant now) {
  if (!may_register() || !bootstrap_.uri()) return false;
  trigger_bootstrap(now);
  settle(now);
  return true;
}

void Client::trigger_bootstrap(Instant now) {
  if (bootstrap_.state() == BootstrapState::Lingering) {
    bootstrap_.stop(now);
    drain_bootstrap(now);
    accounts_changed_ = false;
    sync_accounts(now);  // the last one may have brought another Bootstrap-Server
  }
  bootstrap_.request(now, BootstrapCause::Trigger);
}

std::optional<BootstrapView> Client::bootstrap_account() const {
  if (!bootstrap_.uri()) return std::nullopt;
  return BootstrapView{bootstrap_.uri()->to_string(), bootstrap_.state(), bootstrap_.uri()->secure,
                       channels_.is_up(kBootstrapServer), draft_.has_value()};
}

bool Client::drain_bootstrap(Instant now) {
  decide_bootstrap(now);
  bool busy = false;
  while (auto action = bootstrap_.poll()) {
    busy = true;
    perform(now, std::move(*action));
  }
  return busy;
}

void Client::perform(Instant now, BootstrapAction&& action) {
  if (auto* resolve = std::get_if<ResolveName>(&action)) {
    events_.emplace_back(ResolveWanted{kBootstrapServer, std::move(resolve->host), resolve->port});
  } else if (std::holds_alternative<SendBootstrapRequest>(action)) {
    send_bootstrap_request(now);
  } else if (std::holds_alternative<AbandonUplink>(action)) {
    if (bootstrap_exchange_) endpoint_.forget(*bootstrap_exchange_);
    bootstrap_exchange_.reset();
    bootstrap_waiting_.reset();
  } else if (std::holds_alternative<BeginDraft>(action)) {
    draft_ = tree_.draft();
  } else if (std::holds_alternative<DropDraft>(action)) {
    draft_.reset();
  } else if (std::holds_alternative<FinishBySilence>(action)) {
    if (conclude_bootstrap()) adopt_bootstrap(now);
  } else if (std::holds_alternative<CloseBootstrapChannel>(action)) {
    channels_.close(now, kBootstrapServer);
    bootstrap_replaced_ = false;
    accounts_changed_ = true;  // the account may be another one by now
  } else if (auto* report = std::get_if<BootstrapReport>(&action)) {
    events_.emplace_back(BootstrapChanged{std::move(*report)});
  }
}

void Client::send_bootstrap_request(Instant now) {
  const auto address = bootstrap_.peer();
  if (!address) return;
  coap::Request request = mapping::to_request(lwm2m::BootstrapRequest{settings_.endpoint, std::nullopt, {}});
  if (!bootstrap_.uri()->secure) {
    bootstrap_exchange_ = endpoint_.request(now, *address, std::move(request));
    return;
  }
  channels_.connect(now, kBootstrapServer, *address);
  if (channels_.is_up(kBootstrapServer)) {
    bootstrap_exchange_ = endpoint_.request(now, channels_.name(kBootstrapServer), std::move(request));
  } else {
    bootstrap_waiting_ = std::move(request);
  }
}

// ---- who (Core §5.2.5) ----------------------------------------------------------------------------------------------

std::optional<transport::PeerAddress> Client::bootstrap_peer() const {
  if (channels_.has(kBootstrapServer)) return channels_.name(kBootstrapServer);
  const auto& uri = bootstrap_.uri();
  return uri && !uri->secure ? bootstrap_.peer() : std::nullopt;
}

bool Client::is_bootstrap(const transport::PeerAddress& peer) const {
  const auto own = bootstrap_peer();
  return own && *own == peer;
}

/// The Bootstrap-Server may open a bootstrap itself where it has made the association (Transport "LwM2M and DTLS
/// Roles"), and not before the device's own configuration was tried (Core §5.2.4, steps 1 and 2).
bool Client::may_command() const {
  return may_register() && !bootstrap_replaced_ && channels_.was_called(kBootstrapServer);
}

// ---- what -----------------------------------------------------------------------------------------------------------

void Client::serve_bootstrap(Instant now, coap::ResponderId responder, const coap::Request& request) {
  ++counters_.operations;
  const auto operation = mapping::to_bootstrap_operation(request);
  if (!operation) return endpoint_.respond(now, responder, mapping::to_response(operation.error()));
  const bool finish = std::holds_alternative<lwm2m::BootstrapFinish>(*operation);
  if (!bootstrap_.command(now, may_command() && !finish)) {
    return endpoint_.respond(now, responder, mapping::to_response(Error{Fault::Peer, code::kBadRequest.value, "no bootstrap is under way"}));
  }
  drain_bootstrap(now);
  lwm2m::Outcome outcome{lwm2m::Status::Changed, std::nullopt, {}, {}, 0};
  if (!finish) {
    outcome = tree_.perform({now, std::nullopt}, *draft_, *operation, bootstrap_instance_, settings_.version);
  } else if (const auto consistent = conclude_bootstrap(); !consistent) {
    outcome.status = lwm2m::Status::NotAcceptable;
    outcome.payload = to_bytes(consistent.error().reason);
  }
  const bool success = lwm2m::is_success(outcome.status);
  endpoint_.respond(now, responder, mapping::to_response(outcome));
  events_.emplace_back(Served{kBootstrapServer, lwm2m::name_of(*operation), lwm2m::path_of(*operation), outcome.status,
                              success ? std::string() : std::string(as_text(outcome.payload))});
  if (finish && success) adopt_bootstrap(now);
}

/// Certificates come in blocks. They count as commands, so that a slow link isn't silence.
void Client::collect_bootstrap(Instant now, coap::RequestBlockArrived&& event) {
  const std::uint64_t key = event.responder.value;
  const auto refuse = [&](coap::Code code, const char* reason) {
    bodies_.erase(key);
    endpoint_.respond(now, event.responder, mapping::to_response(Error{Fault::Peer, code.value, reason}));
  };
  const auto operation = mapping::to_bootstrap_operation(event.request);
  if (!operation) {
    bodies_.erase(key);
    return endpoint_.respond(now, event.responder, mapping::to_response(operation.error()));
  }
  if (!bootstrap_.command(now, may_command())) return refuse(code::kBadRequest, "no bootstrap is under way");
  drain_bootstrap(now);
  if (event.offset == 0) bodies_.insert_or_assign(key, Body{event.peer, now, std::nullopt, {}});
  const auto found = bodies_.find(key);
  if (found == bodies_.end() || event.offset != found->second.bytes.size()) {
    return refuse(code::kRequestEntityIncomplete, "a block is missing");
  }
  Bytes& bytes = found->second.bytes;
  found->second.started = now;
  if (bytes.size() + event.request.payload.size() > settings_.write_max) {
    return refuse(code::kRequestEntityTooLarge, "the body is too long");
  }
  bytes.insert(bytes.end(), event.request.payload.begin(), event.request.payload.end());
  if (!event.last) return endpoint_.accept_block(now, event.responder);
  event.request.payload = std::move(bytes);
  bodies_.erase(found);
  serve_bootstrap(now, event.responder, event.request);
}

/// For `draft`, which outlives them.
ConsistencyRules Client::consistency_rules(const ObjectTree::Draft& draft) const {
  const auto usable = [this](const ServerUri& uri, const SecurityValues& values) { return check_security(uri, values); };
  const auto by_sms = [this, &draft](lwm2m::InstanceId security, const std::string& binding) {
    return check_sms_account([&draft](const Path& path) { return draft.get(path); }, security, binding);
  };
  ConsistencyRules rules;
  rules.access_control = tree_.find(AccessControl::kObject) != nullptr;
  rules.usable = usable;
  rules.by_sms = by_sms;
  return rules;
}

Result<void> Client::conclude_bootstrap() {
  ConsistencyRules rules = consistency_rules(*draft_);
  rules.bootstrap = bootstrap_instance_;
  return conclude(*draft_, rules);
}

void Client::adopt_bootstrap(Instant now) {
  const auto account = [&] {
    return bootstrap_instance_ ? std::optional(security_values(now, *bootstrap_instance_)) : std::nullopt;
  };
  const auto before = account();
  bootstrap_.finished(now);
  take_from_card(draft_->touched());
  tree_.adopt({now, std::nullopt}, std::move(*draft_));
  draft_.reset();
  if (tracking_) unsaved_.at_once = true;
  drain_changes(now);
  accounts_changed_ = false;
  sync_accounts(now);
  bootstrap_replaced_ = account() != before;
  for (auto& [id, each] : accounts_) {
    if (may_register() && !each.leaving) each.registration.register_again(now);
  }
  // Core §5.2.3.3, step 3.
  purge_at_.reset();
  unsaved_.registrations |= tracking_;
  if (!bootstrap_instance_) return;
  const Path timeout(SecurityObject::kObject, *bootstrap_instance_, SecurityObject::kAccountTimeout);
  const std::int64_t seconds = integer(now, timeout).value_or(0);
  if (seconds > 0) purge_at_ = now + std::chrono::seconds(seconds);
}

void Client::purge_bootstrap(Instant now) {
  if (!purge_at_ || *purge_at_ > now) return;
  purge_at_.reset();
  unsaved_.registrations |= tracking_;
  if (!bootstrap_instance_) return;
  (void)tree_.remove({now, std::nullopt}, SecurityObject::kObject, *bootstrap_instance_);
}

}  // namespace drover::client
