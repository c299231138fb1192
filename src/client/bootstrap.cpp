// SPDX-License-Identifier: Apache-2.0
#include "client/bootstrap.hpp"

#include <algorithm>
#include <utility>

#include "base/take_front.hpp"

namespace drover::client {

using Cause = BootstrapCause;
using Kind = BootstrapReport::Kind;
using State = BootstrapState;

const char* to_string(State state) {
  switch (state) {
    case State::Off: return "off";
    case State::HoldingOff: return "holding off";
    case State::Resolving: return "resolving";
    case State::Requesting: return "requesting";
    case State::Open: return "open";
    case State::Waiting: return "waiting";
    case State::Lingering: return "finished";
  }
  return "";
}

const char* to_string(Cause cause) {
  switch (cause) {
    case Cause::NoAccount: return "there is no server account";
    case Cause::NoRegistration: return "no server could be registered with";
    case Cause::Trigger: return "triggered";
    case Cause::Server: return "the bootstrap server began";
  }
  return "";
}

void BootstrapSequence::enter(State state, std::optional<Instant> until) {
  state_ = state;
  deadline_.reset();
  if (until) deadline_ = Deadline{*until, Reason::Bootstrap};
}

void BootstrapSequence::configure(std::optional<ServerUri> uri, Duration hold_off) {
  hold_off_ = hold_off;
  if (uri == uri_) return;
  uri_ = std::move(uri);
  // An open one goes on: the account that it replaces is the one it came over.
  if (is_open() || state_ == State::Lingering || state_ == State::Off) return;
  end();
}

void BootstrapSequence::request(Instant now, Cause cause) {
  if (!uri_) return;
  switch (state_) {
    case State::Off: break;
    case State::HoldingOff:
    case State::Waiting:
      if (cause != Cause::Trigger) return;
      break;
    default: return;
  }
  cause_ = cause;
  failures_ = cause == Cause::Trigger ? 0 : failures_;
  if (cause == Cause::Trigger) return resolve(now);
  if (unproductive_ > 0) {
    return enter(State::Waiting, now + backoff(unproductive_ - 1, limits_.retry_first, limits_.retry_max));
  }
  hold_off(now);
}

void BootstrapSequence::hold_off(Instant now) {
  if (hold_off_ <= Duration{}) return resolve(now);
  enter(State::HoldingOff, now + hold_off_);
}

void BootstrapSequence::registered(Instant now) {
  (void)now;
  unproductive_ = 0;
  failures_ = 0;
  if (state_ == State::Open || state_ == State::Lingering || state_ == State::Off || cause_ == Cause::Trigger) return;
  end();
}

void BootstrapSequence::stop(Instant now) {
  (void)now;
  failures_ = unproductive_ = 0;
  if (state_ != State::Off) end();
}

void BootstrapSequence::resolve(Instant now) {
  enter(State::Resolving, std::nullopt);
  if (const auto literal = uri_->literal()) return resolved(now, {*literal});
  actions_.push_back(ResolveName{uri_->host, uri_->port});
}

void BootstrapSequence::resolved(Instant now, std::vector<transport::PeerAddress> addresses) {
  if (state_ != State::Resolving) return;
  addresses_ = std::move(addresses);
  address_ = 0;
  if (addresses_.empty()) return fail(now, "no address for " + uri_->host, false);
  send_request(now);
}

void BootstrapSequence::send_request(Instant) {
  enter(State::Requesting, std::nullopt);
  asked_ = true;
  // The server's commands may overtake its answer.
  actions_.push_back(BeginDraft{});
  actions_.push_back(SendBootstrapRequest{});
}

std::optional<transport::PeerAddress> BootstrapSequence::peer() const {
  const bool talking = is_open() || state_ == State::Lingering;
  if (!talking || cause_ == Cause::Server || address_ >= addresses_.size()) return std::nullopt;
  return addresses_[address_];
}

void BootstrapSequence::next_address(Instant now, const std::string& reason) {
  if (address_ + 1 >= addresses_.size()) return fail(now, reason, false);
  ++address_;
  actions_.push_back(DropDraft{});
  send_request(now);
}

void BootstrapSequence::answered(Instant now, const lwm2m::Outcome& outcome) {
  if (!std::exchange(asked_, false) || !is_open()) return;
  if (outcome.status != lwm2m::Status::Changed) {
    std::string reason = std::string("refused: ") + lwm2m::to_string(outcome.status);
    const auto text = as_text(outcome.payload);
    if (!text.empty() && is_utf8(text)) reason += " (" + std::string(text.substr(0, 200)) + ")";
    const bool ours = outcome.status == lwm2m::Status::InternalError ||
                      outcome.status == lwm2m::Status::ServiceUnavailable ||
                      outcome.status == lwm2m::Status::NotImplemented || outcome.status == lwm2m::Status::Other;
    return fail(now, reason, !ours);
  }
  if (state_ == State::Open) return;
  actions_.push_back(BootstrapReport{Kind::Began, cause_});
  listen(now, false);
}

void BootstrapSequence::failed(Instant now, coap::FailureCause cause) {
  if (!std::exchange(asked_, false) || state_ != State::Requesting) return;
  next_address(now, std::string("Bootstrap-Request: ") + coap::to_string(cause));
}

void BootstrapSequence::lost(Instant now, const std::string& reason) {
  if (state_ == State::Requesting) {
    asked_ = false;
    return next_address(now, reason);
  }
  if (state_ == State::Open) return fail(now, reason, false);
  if (state_ == State::Lingering) end();
}

void BootstrapSequence::listen(Instant now, bool commanded) {
  silent_at_ = now + limits_.silence;
  concluded_ = !commanded || !limits_.finish_after;
  enter(State::Open, concluded_ ? silent_at_ : std::min(silent_at_, now + *limits_.finish_after));
}

bool BootstrapSequence::command(Instant now, bool may_begin) {
  if (!is_open()) {
    if (!may_begin) return false;
    cause_ = Cause::Server;
    addresses_.clear();
    actions_.push_back(BeginDraft{});
    actions_.push_back(BootstrapReport{Kind::Began, cause_});
  } else if (state_ == State::Requesting) {
    actions_.push_back(BootstrapReport{Kind::Began, cause_});
  }
  listen(now, true);
  return true;
}

void BootstrapSequence::finished(Instant now) {
  failures_ = 0;
  ++unproductive_;
  if (std::exchange(asked_, false)) actions_.push_back(AbandonUplink{});
  actions_.push_back(BootstrapReport{Kind::Finished, cause_});
  enter(State::Lingering, now + limits_.linger);
}

void BootstrapSequence::end() {
  if (std::exchange(asked_, false)) actions_.push_back(AbandonUplink{});
  if (is_open()) actions_.push_back(DropDraft{});
  actions_.push_back(CloseBootstrapChannel{});
  enter(State::Off, std::nullopt);
}

Duration BootstrapSequence::backoff(std::uint32_t times, Duration first, Duration max) {
  constexpr std::uint32_t kDoublingsMax = 16;
  const Duration full = std::min(max, first * (std::int64_t{1} << std::min(times, kDoublingsMax)));
  const Duration half = full / 2;
  return half + std::chrono::milliseconds(rng_.below(static_cast<std::uint32_t>(half / std::chrono::milliseconds(1)) + 1));
}

void BootstrapSequence::fail(Instant now, const std::string& reason, bool refused) {
  end();
  Duration wait{};
  if (cause_ != Cause::Server && uri_) {
    wait = refused ? backoff(failures_, limits_.refused_first, limits_.refused_max)
                   : backoff(failures_, limits_.retry_first, limits_.retry_max);
    ++failures_;
    enter(State::Waiting, now + wait);
  }
  actions_.push_back(BootstrapReport{Kind::Failed, cause_, reason, wait});
}

void BootstrapSequence::handle_timeout(Instant now) {
  if (!deadline_ || deadline_->at > now) return;
  switch (state_) {
    case State::HoldingOff:
    case State::Waiting: return resolve(now);
    case State::Open:
      if (silent_at_ <= now) return fail(now, "the bootstrap server fell silent", false);
      if (!std::exchange(concluded_, true)) actions_.push_back(FinishBySilence{});
      return enter(State::Open, silent_at_);
    case State::Lingering: return end();
    default: deadline_.reset();
  }
}

std::optional<BootstrapAction> BootstrapSequence::poll() {
  return take_front(actions_);
}

}  // namespace drover::client
