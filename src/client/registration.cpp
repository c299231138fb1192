// SPDX-License-Identifier: Apache-2.0
#include "client/registration.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/take_front.hpp"

namespace drover::client {

using State = RegistrationState;
using Kind = RegistrationReport::Kind;
using lwm2m::Status;
using std::chrono::microseconds;
using std::chrono::seconds;

const char* to_string(State state) {
  switch (state) {
    case State::Off: return "off";
    case State::Resolving: return "resolving";
    case State::Registering: return "registering";
    case State::Registered: return "registered";
    case State::Updating: return "updating";
    case State::Deregistering: return "deregistering";
    case State::Waiting: return "waiting";
    case State::Disabled: return "disabled";
  }
  return "";
}

void Registration::start(Instant now) {
  if (state_ == State::Registering) leave_asked_ = false;
  // What a server has disabled comes back by itself, and not before its time.
  if (state_ == State::Deregistering && !disable_for_) restart_asked_ = true;
  if (state_ != State::Off) return;
  failures_ = 0;
  refused_ = false;
  resolve(now);
}

bool Registration::restore(Instant now, const StandingRegistration& standing) {
  const RegistrationParameters& told = standing.told;
  if (state_ != State::Off || standing.ends <= now || standing.location.empty()) return false;
  if (told.endpoint != wanted_.endpoint || told.version != wanted_.version) return false;
  // A clock that was set back between then and now doesn't make a lifetime longer than it is.
  ends_ = std::min(standing.ends, now + seconds(told.lifetime));
  renew_at_ = now + renew_after(ends_ - now);
  addresses_ = {standing.peer};
  address_ = 0;
  location_ = standing.location;
  known_ = told;
  state_ = State::Updating;
  unsure_ = standing.unsure;
  ++revision_;
  send_update(now);
  return true;
}

void Registration::restore_disabled(Instant until) {
  if (state_ != State::Off) return;
  state_ = State::Disabled;
  deadline_ = Deadline{until, Reason::Disable};
  ++revision_;
}

std::optional<StandingRegistration> Registration::standing() const {
  if (!known_ || (state_ != State::Registered && state_ != State::Updating && !keeps_)) return std::nullopt;
  const bool unsure = unsure_ || (state_ == State::Updating && sent_ != *known_);
  return StandingRegistration{addresses_[address_], location_, *known_, unsure, ends_};
}

std::optional<Instant> Registration::disabled_until() const {
  if (state_ != State::Disabled || !deadline_) return std::nullopt;
  return deadline_->at;
}

void Registration::resolve(Instant now) {
  ++revision_;
  deadline_.reset();
  if (next_) {
    std::tie(uri_, limits_) = std::move(*next_);
    next_.reset();
    keeps_ = unsure_ = false;
  }
  if (keeps_ && ends_ <= now) keeps_ = false;
  if (!keeps_) {
    renew_at_.reset();
    known_.reset();
  }
  if (const auto literal = uri_.literal()) {
    state_ = State::Resolving;
    return resolved(now, {*literal});
  }
  state_ = State::Resolving;
  actions_.push_back(ResolveName{uri_.host, uri_.port});
}

void Registration::resolved(Instant now, std::vector<transport::PeerAddress> addresses) {
  if (state_ != State::Resolving) return;
  if (addresses.empty()) return retry(now, "no address for " + uri_.host, false);
  addresses_ = std::move(addresses);
  address_ = 0;
  if (keeps_ && now < ends_) return send_update(now);
  send_register(now);
}

void Registration::send_register(Instant now) {
  sent_at_ = now;
  ++revision_;
  state_ = State::Registering;
  deadline_.reset();
  renew_at_.reset();
  known_.reset();
  keeps_ = unsure_ = false;
  update_asked_ = false;
  sent_ = wanted_;
  actions_.push_back(DropObservations{});
  lwm2m::Register message;
  message.endpoint = sent_.endpoint;
  message.lifetime = sent_.lifetime;
  message.version = sent_.version;
  if (sent_.binding != "U") message.binding = sent_.binding;
  if (!sent_.sms.empty()) message.sms = sent_.sms;
  message.queue = sent_.binding.find('Q') != std::string::npos;
  message.announcement = sent_.announcement;
  actions_.push_back(SendUplink{std::move(message)});
}

lwm2m::Update Registration::difference() const {
  lwm2m::Update update;
  update.location = location_;
  if (wanted_.lifetime != known_->lifetime) update.lifetime = wanted_.lifetime;
  if (wanted_.binding != known_->binding) update.binding = wanted_.binding;
  if (wanted_.sms != known_->sms) update.sms = wanted_.sms;
  if (wanted_.announcement != known_->announcement) update.announcement = wanted_.announcement;
  return update;
}

lwm2m::Update Registration::all() const {
  lwm2m::Update update = difference();
  update.lifetime = wanted_.lifetime;
  update.binding = wanted_.binding;
  if (!wanted_.sms.empty()) update.sms = wanted_.sms;
  update.announcement = wanted_.announcement;
  return update;
}

void Registration::send_update(Instant now) {
  sent_at_ = now;
  state_ = State::Updating;
  deadline_.reset();
  update_asked_ = false;
  lwm2m::Update update = unsure_ ? all() : difference();
  sent_ = wanted_;
  if (sent_ != *known_) ++revision_;
  actions_.push_back(SendUplink{std::move(update)});
}

void Registration::send_deregister() {
  ++revision_;
  state_ = State::Deregistering;
  deadline_.reset();
  renew_at_.reset();
  actions_.push_back(SendUplink{lwm2m::Deregister{location_}});
}

/// The server has acknowledged what was sent.
void Registration::renewed(Instant now) {
  ++revision_;
  keeps_ = unsure_ = refused_ = false;
  failures_ = 0;
  known_ = sent_;
  // The server's lifetime began somewhere between then and now: minutes, over SMS.
  ends_ = sent_at_ + seconds(known_->lifetime);
  renew_at_ = std::max(now, sent_at_ + renew_after(seconds(known_->lifetime)));
}

Duration Registration::renew_after(Duration lifetime) const {
  return lifetime - std::min(limits_.update_margin, lifetime / 2);
}

/// The next Update: when something is to be told, when the lifetime asks for it.
void Registration::schedule_update(Instant now) {
  deadline_ = Deadline{*renew_at_, Reason::Lifetime};
  if (wanted_ != *known_ && now + limits_.coalesce < deadline_->at) {
    deadline_->at = now + limits_.coalesce;
  }
}

void Registration::answered(Instant now, const lwm2m::Outcome& outcome) {
  switch (state_) {
    case State::Registering: return registered(now, outcome);
    case State::Updating: return updated(now, outcome);
    case State::Deregistering: return deregistered(now);  // 4.04 is as good as 2.02
    default: return;
  }
}

void Registration::registered(Instant now, const lwm2m::Outcome& outcome) {
  if (leave_asked_ && outcome.status != Status::Created) return deregistered(now);
  if (outcome.status != Status::Created) {
    std::string reason = std::string("refused: ") + lwm2m::to_string(outcome.status);
    const auto text = as_text(outcome.payload);
    if (!text.empty() && is_utf8(text)) reason += " (" + std::string(text.substr(0, 200)) + ")";
    const bool ours = outcome.status == Status::InternalError || outcome.status == Status::ServiceUnavailable ||
                      outcome.status == Status::NotImplemented || outcome.status == Status::Other;
    return retry(now, reason, !ours);
  }
  // Everything below /rd names the registration (Transport, Table 2).
  std::string_view location = outcome.location;
  if (location.starts_with('/')) location.remove_prefix(1);
  if (location.starts_with("rd/")) location.remove_prefix(3);
  location_ = std::string(location);
  if (leave_asked_) {
    leave_asked_ = false;
    return location_.empty() ? deregistered(now) : send_deregister();
  }
  if (location_.empty()) return retry(now, "the server's 2.01 has no location", false);
  state_ = State::Registered;
  renewed(now);
  actions_.push_back(RegistrationReport{Kind::Registered, {}, {}});
  if (update_asked_) return send_update(now);
  schedule_update(now);
}

void Registration::updated(Instant now, const lwm2m::Outcome& outcome) {
  if (outcome.status != Status::Changed) {
    // 4.04: the server has forgotten us. Any other refusal: our registration isn't what we think it is.
    actions_.push_back(
        RegistrationReport{Kind::Failed, std::string("Update: ") + lwm2m::to_string(outcome.status), {}});
    return send_register(now);
  }
  state_ = State::Registered;
  renewed(now);
  actions_.push_back(RegistrationReport{Kind::Updated, {}, {}});
  if (next_) return resolve(now);
  if (update_asked_) return send_update(now);
  schedule_update(now);
}

void Registration::deregistered(Instant now) {
  ++revision_;
  known_.reset();
  renew_at_.reset();
  keeps_ = unsure_ = leave_asked_ = false;
  location_.clear();
  actions_.push_back(DropObservations{});
  actions_.push_back(RegistrationReport{Kind::Deregistered, {}, {}});
  if (disable_for_) {
    state_ = State::Disabled;
    deadline_ = Deadline{now + *disable_for_, Reason::Disable};
    disable_for_.reset();
  } else {
    state_ = State::Off;
    deadline_.reset();
    if (std::exchange(restart_asked_, false)) start(now);
  }
}

void Registration::failed(Instant now, coap::FailureCause cause) {
  const std::string reason = coap::to_string(cause);
  switch (state_) {
    case State::Registering:
      if (leave_asked_) return deregistered(now);
      // The server may have forgotten the association, or hear us at another address: no repetition would mend that.
      if (uri_.secure) actions_.push_back(Reconnect{});
      return next_address(now, "Register: " + reason);
    case State::Updating:
      // At once the first time: the server may have forgotten the association, or hear us at another address.
      if (uri_.secure) return recover(now, "Update: " + reason, failures_ == 0);
      actions_.push_back(RegistrationReport{Kind::Failed, "Update: " + reason, {}});
      return resolve(now);
    case State::Deregistering: return deregistered(now);
    default: return;
  }
}

void Registration::lost(Instant now, const std::string& reason) {
  switch (state_) {
    case State::Registering:
      if (leave_asked_) return deregistered(now);
      return next_address(now, reason);
    case State::Updating:
      if (keeps_ && address_ + 1 < addresses_.size()) {
        ++address_;
        return send_update(now);
      }
      [[fallthrough]];
    // After a wait: a server that restarts closes the associations of all its devices in the same moment.
    case State::Registered: return recover(now, reason, false);
    case State::Deregistering: return deregistered(now);
    default: return;
  }
}

/// What was under way is over, the registration isn't.
void Registration::keep() {
  unsure_ |= state_ == State::Updating && sent_ != *known_;
  keeps_ = true;
}

void Registration::recover(Instant now, const std::string& reason, bool at_once) {
  keep();
  actions_.push_back(Reconnect{});
  if (!at_once) return retry(now, reason, false);
  ++failures_;
  actions_.push_back(RegistrationReport{Kind::Failed, reason, {}});
  resolve(now);
}

void Registration::next_address(Instant now, const std::string& reason) {
  if (address_ + 1 < addresses_.size()) {
    ++address_;
    return send_register(now);
  }
  retry(now, reason, false);
}

void Registration::retry(Instant now, const std::string& reason, bool refused) {
  constexpr std::uint32_t kDoublingsMax = 16;  // keeps the shift small; both maxima are reached long before
  const Duration first = refused ? limits_.refused_first : limits_.retry_first;
  const Duration max = refused ? limits_.refused_max : limits_.retry_max;
  const Duration full = std::min(max, first * (std::int64_t{1} << std::min(failures_, kDoublingsMax)));
  const Duration half = full / 2;
  // In milliseconds, so that the bound fits Rng::below().
  const auto spread = static_cast<std::uint32_t>(half / std::chrono::milliseconds(1));
  const Duration wait = half + std::chrono::milliseconds(rng_.below(spread + 1));
  ++failures_;
  refused_ = refused;
  ++revision_;
  state_ = State::Waiting;
  if (!keeps_) {
    known_.reset();
    renew_at_.reset();
  }
  deadline_ = Deadline{now + wait, Reason::Retry};
  actions_.push_back(RegistrationReport{Kind::Failed, reason, wait});
}

void Registration::set_parameters(Instant now, RegistrationParameters parameters) {
  if (parameters == wanted_) return;
  wanted_ = std::move(parameters);
  if (state_ == State::Registered) schedule_update(now);
}

void Registration::move_to(ServerUri uri, const RegistrationLimits& limits) {
  next_.reset();
  if (uri != uri_) next_.emplace(std::move(uri), limits);
}

void Registration::update(Instant now) {
  switch (state_) {
    case State::Registered: return send_update(now);
    case State::Registering:
    case State::Updating: update_asked_ = true; return;
    case State::Waiting: return resolve(now);
    default: return;
  }
}

void Registration::abandon() {
  if (state_ == State::Registering || state_ == State::Updating || state_ == State::Deregistering) {
    actions_.push_back(AbandonUplink{});
  }
}

void Registration::deregister(Instant now) {
  disable_for_.reset();
  restart_asked_ = false;
  if (state_ == State::Deregistering || state_ == State::Off) return;
  if (state_ == State::Registering) {
    leave_asked_ = true;
    return;
  }
  if (!is_registered()) return deregistered(now);
  abandon();
  send_deregister();
}

void Registration::disable(Instant now, Duration period) {
  if (state_ == State::Off || (state_ == State::Deregistering && !disable_for_)) return;  // it is leaving for good
  if (state_ == State::Deregistering) {
    disable_for_ = period;
    return;
  }
  const bool silent = state_ == State::Resolving || state_ == State::Waiting || state_ == State::Disabled;
  if (!silent) deregister(now);  // a Register under way is waited for
  disable_for_ = period;
  if (silent) deregistered(now);
}

void Registration::address_changed(Instant now) {
  if (state_ == State::Off || state_ == State::Disabled || state_ == State::Deregistering) return;
  abandon();
  if (leave_asked_) return deregistered(now);  // the answer can't reach us any more
  if (uri_.secure && known_) keep();
  failures_ = 0;
  refused_ = false;
  resolve(now);
}

void Registration::register_again(Instant now) {
  if (state_ == State::Off) return;
  if (state_ == State::Deregistering) {
    restart_asked_ = !disable_for_;
    return;
  }
  failures_ = 0;
  refused_ = false;
  // What has just begun by itself is a new Register already.
  if (!leave_asked_ && (state_ == State::Resolving || (state_ == State::Registering && sent_ == wanted_))) return;
  abandon();
  if (leave_asked_) return deregistered(now);
  keeps_ = unsure_ = false;
  resolve(now);
}

bool Registration::is_failing(std::uint32_t failures_max) const {
  return !is_registered() && (failures_ >= failures_max || refused_);
}

void Registration::handle_timeout(Instant now) {
  if (!deadline_ || deadline_->at > now) return;
  switch (state_) {
    case State::Registered: return send_update(now);
    case State::Waiting:
    case State::Disabled: return resolve(now);
    default: deadline_.reset(); return;
  }
}

std::optional<RegistrationAction> Registration::poll() {
  return take_front(actions_);
}

std::optional<Deadline> Registration::deadline() const {
  return deadline_;
}

bool Registration::is_registered() const {
  return state_ == State::Registered || state_ == State::Updating || state_ == State::Deregistering;
}

std::optional<transport::PeerAddress> Registration::peer() const {
  const bool reachable = is_registered() || state_ == State::Registering;
  if (!reachable || address_ >= addresses_.size()) return std::nullopt;
  return addresses_[address_];
}

}  // namespace drover::client
