// SPDX-License-Identifier: Apache-2.0
// One device's way through a campaign (Core E.6).
#include <algorithm>
#include <utility>

#include "campaign/campaign.hpp"

namespace drover::campaign {

using lwm2m::Outcome;

namespace {

using server::NoAnswer;
using server::OperationState;

constexpr std::int64_t kResultUpdated = 1;
constexpr std::int64_t kResultFailures = 2;  ///< from here on

/// What another try wouldn't change.
bool is_final(std::int64_t result) {
  constexpr std::int64_t kNoSpace = 2, kUnsupportedPackage = 6, kInvalidUri = 7, kUnsupportedProtocol = 9;
  return result == kNoSpace || result == kUnsupportedPackage || result == kInvalidUri || result == kUnsupportedProtocol;
}

bool is_final(lwm2m::Status status) {
  return status == lwm2m::Status::EntityTooLarge || status == lwm2m::Status::UnsupportedFormat ||
         status == lwm2m::Status::Unauthorized || status == lwm2m::Status::NotFound;
}

std::string code_text(const Outcome& outcome) {
  std::string text = lwm2m::to_string(outcome.status);
  if (outcome.code != 0) text = std::to_string(outcome.code >> 5) + ".0" + std::to_string(outcome.code & 0x1F) + " " + text;
  return text;
}

}  // namespace

// ---- asking ---------------------------------------------------------------------------------------------------------

void Campaign::advance(UnixSeconds now, Number number) {
  const Mood& mood = moods_[number];
  switch (devices_[number].stage) {
    case Stage::Waiting:
    case Stage::Ready: return line_up(number);
    case Stage::Checking: return ask(now, number, mood.version_known ? Step::ReadUpdate : Step::ReadVersion);
    case Stage::Resetting: return ask(now, number, Step::Reset);
    case Stage::Observing: return ask(now, number, mood.observed_state ? Step::ObserveResult : Step::ObserveState);
    case Stage::Transferring:
      if (mood.wrote) return ask(now, number, Step::ReadUpdate);
      return ask(now, number, head_.order.method == Method::Push ? Step::WritePackage : Step::WriteUri);
    case Stage::Starting: return ask(now, number, mood.wrote ? Step::ReadUpdate : Step::Execute);
    case Stage::Downloading:
    case Stage::Updating: return ask(now, number, Step::ReadUpdate);
    case Stage::Verifying: return ask(now, number, Step::ReadVersion);
    case Stage::Ended: return;
  }
}

void Campaign::ask(UnixSeconds now, Number number, Step step) {
  Device& device = devices_[number];
  const bool push = head_.order.method == Method::Push;
  using Mode = lwm2m::Write::Mode;
  Ask asked;
  asked.device = number;
  asked.endpoint = device.endpoint;
  server::OperationSettings& settings = asked.settings;
  switch (step) {
    case Step::None: return;
    case Step::ReadVersion: asked.operation = lwm2m::Read{kFirmwareVersion, {}}; break;
    case Step::ReadUpdate: asked.operation = lwm2m::Read{kUpdateInstance, {}}; break;
    case Step::ObserveState: asked.operation = lwm2m::Observe{kUpdateState, {}}; break;
    case Step::ObserveResult: asked.operation = lwm2m::Observe{kUpdateResult, {}}; break;
    case Step::Reset:  // E.6, /5/0/3: either way; a device that only takes one of them has it
      asked.operation = push ? lwm2m::Write{kPackage, Mode::Replace, lwm2m::format::kOpaque, Bytes{0}}
                             : lwm2m::Write{kPackageUri, Mode::Replace, lwm2m::format::kText, {}};
      settings.durable = true;
      break;
    case Step::WritePackage:
      // Not durable, and not kept for a sleeping device: an image isn't to lie in a queue.
      asked.operation = lwm2m::Write{kPackage, Mode::Replace, lwm2m::format::kOpaque, {}};
      asked.package = true;
      settings.redelivery = server::Redelivery::Never;
      break;
    case Step::WriteUri:
      asked.operation = lwm2m::Write{kPackageUri, Mode::Replace, lwm2m::format::kText, to_bytes(head_.target.uri)};
      settings.durable = true;
      break;
    case Step::Execute:
      asked.operation = lwm2m::Execute{kUpdate, ""};
      settings.durable = true;
      break;
  }
  Mood& mood = moods_[number];
  if (step == Step::WritePackage || step == Step::WriteUri || step == Step::Execute) {
    mood.wrote = device.began = true;
    mood.trouble.clear();
  }
  settings.id = reserve_();
  settings.asked_by = "campaign " + std::to_string(head_.id.value);
  const auto until = due(number);
  settings.expires_after = std::chrono::seconds(std::max<std::int64_t>(1, until ? *until - now : head_.order.limits.reach));
  device.step = step;
  device.operation = settings.id;
  mood.look_again = false;
  mood.look_at.reset();
  touch(number);
  arm(number);
  asks_.push_back(std::move(asked));
}

void Campaign::look_later(UnixSeconds now, Number number, std::int64_t wait) {
  moods_[number].look_at = now + wait;
  arm(number);
}

/// Something may have changed.
void Campaign::look(UnixSeconds now, Number number) {
  Mood& mood = moods_[number];
  if (devices_[number].step != Step::None) {
    mood.look_again = true;
  } else {
    advance(now, number);
  }
}

// ---- being answered -------------------------------------------------------------------------------------------------

void Campaign::set_asleep(Number number, bool asleep) {
  moods_[number].asleep = asleep;
  if (!asleep) moods_[number].away = false;
  count_checking(number);
}

void Campaign::handle_status(UnixSeconds now, std::uint32_t number, const server::OperationStatus& status) {
  Device& device = devices_[number];
  if (device.operation != status.id) return;
  const Step step = device.step;
  if (!server::is_over(status.state)) {
    const bool queued = status.state == OperationState::Queued;
    set_asleep(number, queued);
    if (queued && device.stage == Stage::Transferring && step != Step::ReadUpdate) {
      take_backs_.push_back({device.endpoint, status.id});
      device.step = Step::None;
      device.operation.reset();
      enter(now, number, Stage::Ready);
    }
    return fill(now);
  }
  device.step = Step::None;
  device.operation.reset();
  touch(number);
  const auto* const outcome = status.result ? std::get_if<Outcome>(&*status.result) : nullptr;
  if (outcome != nullptr) {
    set_asleep(number, false);
    moods_[number].silences = 0;
    answered(now, number, step, *outcome);
  } else {
    unanswered(now, number, step, status.result ? std::get<NoAnswer>(*status.result) : NoAnswer::Timeout);
  }
  fill(now);
}

void Campaign::handle_missing(UnixSeconds now, std::uint32_t number, server::OperationId id) {
  Device& device = devices_[number];
  if (device.operation != id) return;
  moods_[number].excused = device.step == Step::WritePackage;
  device.step = Step::None;
  device.operation.reset();
  touch(number);
  advance(now, number);
  fill(now);
}

void Campaign::answered(UnixSeconds now, Number number, Step step, const Outcome& outcome) {
  Device& device = devices_[number];
  Mood& mood = moods_[number];
  const bool success = lwm2m::is_success(outcome.status);
  switch (step) {
    case Step::None: return;
    case Step::ReadVersion: return version_read(now, number, outcome);
    case Step::ReadUpdate: return update_read(now, number, outcome);
    case Step::Reset:
      mood.reset_done = true;
      if (!success) return fail(now, number, "its update can't be reset: " + code_text(outcome), false);
      enter(now, number, Stage::Checking);
      return advance(now, number);
    case Step::ObserveState:
      // Without observations it is looked at from time to time.
      mood.observed_state = true;
      return advance(now, number);
    case Step::ObserveResult:
      enter(now, number, Stage::Ready);
      return line_up(number);
    case Step::WritePackage:
    case Step::WriteUri:
      if (success) {
        device.sent = true;
        enter(now, number, Stage::Downloading);
      } else if (is_final(outcome.status) && step == Step::WriteUri) {
        return fail(now, number, "the Package URI is refused: " + code_text(outcome), true);
      } else {
        mood.trouble = "the transfer is refused: " + code_text(outcome);
      }
      return advance(now, number);
    case Step::Execute:
      if (!success) {
        mood.trouble = "Update is refused: " + code_text(outcome);
        return advance(now, number);
      }
      enter(now, number, Stage::Updating);
      return look_later(now, number, kLookSoon);
  }
}

void Campaign::unanswered(UnixSeconds now, Number number, Step step, NoAnswer why) {
  Mood& mood = moods_[number];
  switch (why) {
    case NoAnswer::NotRegistered: {
      mood.away = true;
      mood.asleep = false;
      count_checking(number);
      const UnixSeconds waited = mood.waited_since;
      // It has nothing yet, and leaves its place to others.
      if (step == Step::WritePackage || step == Step::WriteUri) return enter(now, number, Stage::Ready);
      if (devices_[number].stage > Stage::Observing) return look_later(now, number, kLookEvery);
      enter(now, number, Stage::Waiting);
      devices_[number].since = waited;
      return arm(number);
    }
    case NoAnswer::Gone: return look_later(now, number, 1);
    case NoAnswer::TooLarge:
    case NoAnswer::Unreachable: return fail(now, number, std::string("no answer: ") + server::to_string(why), true);
    case NoAnswer::Cancelled: return fail(now, number, "the operation was cancelled", false);
    case NoAnswer::Timeout:
    case NoAnswer::Reset:
    case NoAnswer::Malformed:
    case NoAnswer::Refused:
    case NoAnswer::QueueFull:
    case NoAnswer::Expired: break;
  }
  constexpr unsigned kDoublings = 6;
  look_later(now, number, std::min(kSilenceWait << std::min(mood.silences++, kDoublings), kSilenceWaitMax));
}

void Campaign::version_read(UnixSeconds now, Number number, const Outcome& outcome) {
  Device& device = devices_[number];
  const auto version = read_version(outcome);
  if (device.stage == Stage::Verifying) return verified(now, number, version);
  device.version_before = version.value_or("");
  moods_[number].version_known = true;
  if (head_.order.skip_current && version && !version->empty() && *version == head_.target.version) {
    device.version = *version;
    return end(now, number, device.began ? Ending::Succeeded : Ending::Skipped, "it runs " + *version + " already");
  }
  advance(now, number);
}

void Campaign::update_read(UnixSeconds now, Number number, const Outcome& outcome) {
  Device& device = devices_[number];
  const auto reading = read_update(outcome);
  if (!reading) {
    const std::string why = outcome.status == lwm2m::Status::Content ? "/5/0 isn't understood" : code_text(outcome);
    if (device.stage == Stage::Checking) return fail(now, number, "no Firmware Update object: " + why, true);
    return unanswered(now, number, Step::ReadUpdate, NoAnswer::Malformed);
  }
  device.result = reading->result;
  if (device.stage == Stage::Checking) return checked(now, number, *reading);
  const bool again = moods_[number].look_again;
  const Stage stage = device.stage;
  progressed(now, number, *reading);
  if (again && device.stage == stage && device.step == Step::None) advance(now, number);
}

/// Why this device can't get it in that way (Core E.6, /5/0/8 and /5/0/9); "" when it can.
std::string Campaign::unsuited(const Reading& reading) const {
  constexpr std::int64_t kPullOnly = 0, kPushOnly = 1;
  const Method method = head_.order.method;
  if (method == Method::Push) return reading.delivery == kPullOnly ? "it takes images by pull only" : "";
  if (reading.delivery == kPushOnly) return "it takes images by push only";
  const auto protocol = static_cast<std::int64_t>(method) - static_cast<std::int64_t>(Method::Coap);
  const auto& known = reading.protocols;
  if (known.empty() || std::find(known.begin(), known.end(), protocol) != known.end()) return "";
  return std::string("it doesn't fetch by ") + to_string(method);
}

void Campaign::checked(UnixSeconds now, Number number, const Reading& reading) {
  moods_[number].result_before = reading.result;
  if (std::string why = unsuited(reading); !why.empty()) return fail(now, number, std::move(why), true);
  switch (reading.state) {
    case MachineState::Idle: enter(now, number, Stage::Observing); break;
    case MachineState::Updating: return fail(now, number, "it is installing another update", false);
    case MachineState::Downloading:
    case MachineState::Downloaded:
      // What an attempt before left there is ours.
      if (head_.order.stuck == StuckPolicy::Fail && !devices_[number].began) {
        return fail(now, number, "another update is under way", true);
      }
      if (moods_[number].reset_done) return fail(now, number, "its update can't be reset", false);
      enter(now, number, Stage::Resetting);
      break;
  }
  advance(now, number);
}

void Campaign::progressed(UnixSeconds now, Number number, const Reading& reading) {
  Device& device = devices_[number];
  Mood& mood = moods_[number];
  const bool fresh = now - device.since < kGrace;
  const bool loading = device.stage <= Stage::Downloading;
  // It is what it was before anything was written.
  const bool old = loading && reading.state == MachineState::Idle && reading.result == mood.result_before;
  if (old && !mood.trouble.empty()) return fail(now, number, mood.trouble, false);
  if (old && device.sent && fresh) return look_later(now, number, kLookSoon);
  if (reading.state != MachineState::Updating && reading.result >= kResultFailures && !(old && !device.sent)) {
    return fail(now, number, result_text(reading.result), is_final(reading.result));
  }
  switch (reading.state) {
    case MachineState::Downloading:
      if (!loading) return fail(now, number, "it began to download anew", false);
      if (head_.order.method == Method::Push && !device.sent) return fail(now, number, "the transfer was cut off", false);
      device.sent = true;
      if (device.stage != Stage::Downloading) enter(now, number, Stage::Downloading);
      return look_later(now, number, kLookEvery);
    case MachineState::Downloaded:
      if (loading) {
        enter(now, number, Stage::Starting);
      } else if (device.stage == Stage::Updating) {
        if (fresh) return look_later(now, number, kLookSoon);
        return fail(now, number, "it is back at Downloaded without a result", false);
      } else if (!mood.trouble.empty()) {
        return fail(now, number, mood.trouble, false);
      }
      mood.wrote = false;  // whoever didn't answer Update didn't hear it
      return advance(now, number);
    case MachineState::Updating:
      if (device.stage != Stage::Updating) enter(now, number, Stage::Updating);
      return look_later(now, number, kLookEvery);
    case MachineState::Idle: break;
  }
  if (loading && !device.sent) {  // the Write didn't arrive
    mood.wrote = false;
    return advance(now, number);
  }
  if (loading && reading.result != kResultUpdated) return fail(now, number, "the download was lost", false);
  if (reading.result != kResultUpdated && fresh) return look_later(now, number, kLookSoon);
  enter(now, number, Stage::Verifying);
  advance(now, number);
}

void Campaign::verified(UnixSeconds now, Number number, const std::optional<std::string>& version) {
  Device& device = devices_[number];
  const std::string& wanted = head_.target.version;
  const bool claimed = device.result == kResultUpdated;
  device.version = version.value_or("");
  const bool comparable = !wanted.empty() && version;
  if (comparable ? *version == wanted : claimed) return end(now, number, Ending::Succeeded, "");
  if (!comparable) return fail(now, number, "its update result was lost", false);
  if (now - device.since < kVersionGrace) return look_later(now, number, kLookSoon);
  fail(now, number,
       (claimed ? "it says that it was updated, but runs " : "its update result was lost, and it runs ") + *version, claimed);
}

void Campaign::fail(UnixSeconds now, Number number, std::string reason, bool final) {
  Device& device = devices_[number];
  Mood& mood = moods_[number];
  const bool excused = std::exchange(mood.excused, false);
  if (final || (!excused && device.attempt >= head_.order.retries)) {
    return end(now, number, Ending::Failed, std::move(reason));
  }
  if (!excused) ++device.attempt;
  device.reason = std::move(reason);
  device.sent = false;
  mood.reset_done = mood.version_known = mood.observed_state = false;
  enter(now, number, Stage::Waiting);
  look_later(now, number, kRetryWait);
}

// ---- hearing of it --------------------------------------------------------------------------------------------------

void Campaign::handle_event(UnixSeconds now, const server::Event& event) {
  using server::EventKind;
  if (is_over(head_.state)) return;
  const auto found = by_endpoint_.find(event.endpoint);
  if (found == by_endpoint_.end() || devices_[found->second].stage == Stage::Ended) return;
  const Number number = found->second;
  switch (event.kind) {
    case EventKind::Registered:
    case EventKind::Updated: heard(now, number, event.kind == EventKind::Registered); break;
    case EventKind::Notification:
      if (event.path.object() != kUpdateInstance.object()) return;
      set_asleep(number, false);
      if (holds_place(devices_[number].stage)) look(now, number);
      break;
    case EventKind::Expired:
    case EventKind::Deregistered:
      moods_[number].away = true;
      count_checking(number);
      arm(number);
      break;
    case EventKind::ObservationEnded:
    case EventKind::Refused:
    case EventKind::Operation:
    case EventKind::Learned: return;
  }
  fill(now);
}

void Campaign::heard(UnixSeconds now, Number number, bool anew) {
  Device& device = devices_[number];
  const bool was_away = moods_[number].away;
  set_asleep(number, false);
  arm(number);
  if (device.stage == Stage::Waiting) {
    if (moods_[number].look_at.value_or(now) <= now) line_up(number);
  } else if (device.stage == Stage::Ready) {
    line_up(number);
  } else if (anew || was_away) {
    look(now, number);
  }
}

}  // namespace drover::campaign
