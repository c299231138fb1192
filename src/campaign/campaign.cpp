// SPDX-License-Identifier: Apache-2.0
#include "campaign/campaign.hpp"

#include <algorithm>
#include <utility>

#include "base/take_front.hpp"

namespace drover::campaign {

namespace {

Instant instant(UnixSeconds at) {
  return Instant{} + std::chrono::seconds(at);
}

UnixSeconds seconds(Instant at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

tl::unexpected<Error> not_now(std::string reason) {
  return tl::unexpected(Error{Fault::Us, 0, std::move(reason)});
}

int minute_of_day(UnixSeconds at) {
  return static_cast<int>(at / 60 % kMinutesOfDay);
}

bool is_checked(Stage stage) {
  return stage >= Stage::Checking && stage <= Stage::Observing;
}

}  // namespace

Campaign::Campaign(Head head, std::vector<std::string> endpoints, Reserve reserve)
    : head_(std::move(head)), reserve_(std::move(reserve)), head_changed_(true) {
  devices_.reserve(endpoints.size());
  for (std::string& endpoint : endpoints) {
    Device device;
    device.endpoint = std::move(endpoint);
    device.since = head_.created_at;
    devices_.push_back(std::move(device));
  }
  index();
  for (Number number = 0; number < devices_.size(); ++number) touch(number);
}

Campaign::Campaign(Head head, std::vector<Device> devices, Reserve reserve)
    : head_(std::move(head)), devices_(std::move(devices)), reserve_(std::move(reserve)) {
  index();
}

void Campaign::index() {
  moods_.resize(devices_.size());
  is_changed_.resize(devices_.size());
  by_endpoint_.reserve(devices_.size());
  for (Number number = 0; number < devices_.size(); ++number) {
    const Device& device = devices_[number];
    by_endpoint_.emplace(device.endpoint, number);
    ++tally_.stages[static_cast<std::size_t>(device.stage)];
    ++tally_.endings[static_cast<std::size_t>(device.ending)];
  }
}

void Campaign::take_up(UnixSeconds now) {
  if (is_over(head_.state)) return;
  for (Number number = 0; number < devices_.size(); ++number) {
    Device& device = devices_[number];
    if (device.stage == Stage::Ended) continue;
    count_checking(number);
    if (device.stage == Stage::Waiting || device.stage == Stage::Ready) {
      line_up(number);
    } else if (device.operation) {
      follows_.push_back({number, device.endpoint, *device.operation});
    } else {
      moods_[number].look_at = now;
    }
    moods_[number].wrote = true;
    arm(number);
  }
  if (head_.state == State::Scheduled && head_.order.start_at.value_or(0) <= now) set_state(now, State::Running);
  fill(now);
  finish_if_over(now);
}

// ---- what is asked of it as a whole ---------------------------------------------------------------------------------

Result<void> Campaign::pause(UnixSeconds now) {
  if (head_.state != State::Running && head_.state != State::Scheduled) {
    return not_now(std::string("the campaign is ") + to_string(head_.state));
  }
  set_state(now, State::Paused);
  return {};
}

Result<void> Campaign::resume(UnixSeconds now) {
  if (head_.state != State::Paused && head_.state != State::Stopped) {
    return not_now(std::string("the campaign is ") + to_string(head_.state));
  }
  head_.reason.clear();
  head_.forgiven_ended = tally_.of(Stage::Ended);
  head_.forgiven_failed = tally_.failed();
  set_state(now, head_.order.start_at.value_or(0) > now ? State::Scheduled : State::Running);
  fill(now);
  finish_if_over(now);
  return {};
}

Result<void> Campaign::cancel(UnixSeconds now, bool reset) {
  if (is_over(head_.state)) return not_now(std::string("the campaign is ") + to_string(head_.state));
  set_state(now, State::Cancelled);
  head_.ended_at = now;
  waiting_.clear();
  ready_.clear();
  for (Number number = 0; number < devices_.size(); ++number) {
    Device& device = devices_[number];
    if (device.stage == Stage::Ended) continue;
    // What is being installed can't be taken back (Core E.6), and asking for it would only be refused.
    const bool resets = reset && device.began && device.stage < Stage::Updating;
    if (device.operation) take_backs_.push_back({device.endpoint, *device.operation});
    if (resets) ask(now, number, Step::Reset);
    device.step = Step::None;
    device.operation.reset();
    const std::string where = to_string(device.stage);
    end(now, number, Ending::Cancelled, device.began ? "cancelled while " + where + (resets ? ", reset" : "") : "");
  }
  return {};
}

Result<std::size_t> Campaign::retry(UnixSeconds now) {
  if (head_.state == State::Cancelled) return not_now("the campaign is cancelled");
  std::size_t count = 0;
  for (Number number = 0; number < devices_.size(); ++number) {
    Device& device = devices_[number];
    const bool failed = device.ending == Ending::Failed || device.ending == Ending::TimedOut ||
                        device.ending == Ending::Vanished;
    if (!failed) continue;
    --tally_.endings[static_cast<std::size_t>(device.ending)];
    ++tally_.endings[static_cast<std::size_t>(Ending::None)];
    device.ending = Ending::None;
    device.reason.clear();
    device.result.reset();
    device.attempt = 0;
    device.began = device.sent = false;
    moods_[number] = Mood{};
    enter(now, number, Stage::Waiting);
    line_up(number);
    ++count;
  }
  if (count == 0) return not_now("no device of the campaign has failed");
  head_.forgiven_ended = std::min(head_.forgiven_ended, tally_.of(Stage::Ended));
  head_.forgiven_failed = std::min(head_.forgiven_failed, tally_.failed());
  if (head_.state == State::Done) {
    head_.ended_at.reset();
    set_state(now, State::Running);
  }
  fill(now);
  return count;
}

void Campaign::set_state(UnixSeconds now, State state) {
  head_.state = state;
  if (state == State::Running && !head_.started_at) head_.started_at = now;
  head_changed_ = true;
}

bool Campaign::in_window(UnixSeconds now) const {
  const auto& window = head_.order.window;
  if (!window) return true;
  const int minute = minute_of_day(now);
  if (window->from < window->to) return minute >= window->from && minute < window->to;
  return minute >= window->from || minute < window->to;
}

bool Campaign::may_begin(UnixSeconds now) const {
  return head_.state == State::Running && in_window(now);
}

/// Lets devices begin, as far as there is room.
void Campaign::fill(UnixSeconds now) {
  window_at_.reset();
  if (head_.state == State::Running && !in_window(now)) {
    const int minutes = (head_.order.window->from - minute_of_day(now) + kMinutesOfDay) % kMinutesOfDay;
    window_at_ = (now / 60 + minutes) * 60;
  }
  if (!may_begin(now)) return;
  const auto updating = [this] {
    std::size_t sum = 0;
    for (auto stage = static_cast<std::size_t>(Stage::Transferring); stage <= static_cast<std::size_t>(Stage::Verifying);
         ++stage) {
      sum += tally_.stages[stage];
    }
    return sum;
  };
  while (updating() < head_.order.parallel && !ready_.empty()) {
    const Number number = *take_front(ready_);
    moods_[number].lined_up = false;
    // Who sleeps is lined up again when it is heard.
    if (devices_[number].stage != Stage::Ready || moods_[number].asleep || moods_[number].away) continue;
    enter(now, number, Stage::Transferring);
    advance(now, number);
  }
  // Those that are ready come first; checking many more would only make their states old.
  while (checking_ + ready_.size() < head_.order.parallel && !waiting_.empty()) {
    const Number number = *take_front(waiting_);
    moods_[number].lined_up = false;
    if (devices_[number].stage != Stage::Waiting || moods_[number].away || moods_[number].look_at > now) continue;
    moods_[number].waited_since = devices_[number].since;
    enter(now, number, Stage::Checking);
    advance(now, number);
  }
}

/// Stops it when too many have failed.
void Campaign::judge(UnixSeconds now) {
  const Order& order = head_.order;
  if (order.stop_percent == 0 || head_.state != State::Running) return;
  const std::size_t ended = tally_.of(Stage::Ended) - head_.forgiven_ended;
  const std::size_t failed = tally_.failed() - head_.forgiven_failed;
  if (ended < order.stop_after || failed * 100 <= ended * order.stop_percent) return;
  head_.reason = std::to_string(failed) + " of " + std::to_string(ended) + " devices failed; more than " +
                 std::to_string(order.stop_percent) + " % stop the campaign";
  set_state(now, State::Stopped);
}

void Campaign::finish_if_over(UnixSeconds now) {
  if (is_over(head_.state) || tally_.of(Stage::Ended) < devices_.size()) return;
  head_.ended_at = now;
  set_state(now, State::Done);
}

// ---- devices' stages ------------------------------------------------------------------------------------------------

void Campaign::line_up(Number number) {
  if (std::exchange(moods_[number].lined_up, true)) return;
  (devices_[number].stage == Stage::Ready ? ready_ : waiting_).push_back(number);
}

void Campaign::enter(UnixSeconds now, Number number, Stage stage) {
  Device& device = devices_[number];
  --tally_.stages[static_cast<std::size_t>(device.stage)];
  ++tally_.stages[static_cast<std::size_t>(stage)];
  device.stage = stage;
  device.since = now;
  Mood& mood = moods_[number];
  mood.lined_up = false;
  mood.look_at.reset();
  mood.look_again = mood.wrote = false;
  mood.silences = 0;
  mood.trouble.clear();
  count_checking(number);
  touch(number);
  arm(number);
}

void Campaign::count_checking(Number number) {
  Mood& mood = moods_[number];
  const bool counts = is_checked(devices_[number].stage) && !mood.asleep && !mood.away;
  if (counts == mood.counted) return;
  checking_ += counts ? 1 : std::size_t(-1);
  mood.counted = counts;
}

void Campaign::end(UnixSeconds now, Number number, Ending ending, std::string reason) {
  Device& device = devices_[number];
  if (reason.size() > kReasonMax) reason.resize(kReasonMax);
  while (!reason.empty() && !is_utf8(reason)) reason.pop_back();
  --tally_.endings[static_cast<std::size_t>(device.ending)];
  ++tally_.endings[static_cast<std::size_t>(ending)];
  device.ending = ending;
  device.reason = std::move(reason);
  if (device.operation) take_backs_.push_back({device.endpoint, *device.operation});
  device.operation.reset();
  device.step = Step::None;
  enter(now, number, Stage::Ended);
  judge(now);
  finish_if_over(now);
}

void Campaign::touch(Number number) {
  if (is_changed_[number]) return;
  is_changed_[number] = true;
  changed_.push_back(number);
}

std::vector<std::uint32_t> Campaign::take_changed() {
  for (const Number number : changed_) is_changed_[number] = false;
  return std::exchange(changed_, {});
}

// ---- time -----------------------------------------------------------------------------------------------------------

std::optional<UnixSeconds> Campaign::due(Number number) const {
  const Device& device = devices_[number];
  const TimeLimits& limits = head_.order.limits;
  switch (device.stage) {
    case Stage::Waiting:
      // Its turn may be far; one that isn't there is waited for so long.
      if (!moods_[number].away || !head_.started_at) return std::nullopt;
      return std::max(device.since, *head_.started_at) + limits.reach;
    case Stage::Ready:
      if (!moods_[number].away) return std::nullopt;
      return device.since + limits.reach;
    case Stage::Checking:
    case Stage::Resetting:
    case Stage::Observing:
    case Stage::Starting:
    case Stage::Verifying: return device.since + limits.reach;
    case Stage::Transferring: return device.since + limits.transfer;
    case Stage::Downloading: return device.since + limits.download;
    case Stage::Updating: return device.since + limits.update;
    case Stage::Ended: return std::nullopt;
  }
  return std::nullopt;
}

void Campaign::arm(Number number) {
  auto at = due(number);
  const auto& look = moods_[number].look_at;
  if (look && (!at || *look < *at)) at = look;
  if (at && devices_[number].stage != Stage::Ended) {
    timers_.set(number, instant(*at));
  } else {
    timers_.cancel(number);
  }
}

std::optional<UnixSeconds> Campaign::deadline() const {
  if (is_over(head_.state)) return std::nullopt;
  std::optional<UnixSeconds> at;
  if (const auto next = timers_.next()) at = seconds(*next);
  const auto earlier = [&at](UnixSeconds other) { at = at ? std::min(*at, other) : other; };
  if (head_.state == State::Scheduled) earlier(head_.order.start_at.value_or(0));
  if (window_at_) earlier(*window_at_);
  return at;
}

void Campaign::handle_timeout(UnixSeconds now) {
  if (is_over(head_.state)) return;
  if (head_.state == State::Scheduled && head_.order.start_at.value_or(0) <= now) set_state(now, State::Running);
  while (const auto number = timers_.pop_due(instant(now))) timeout(now, *number);
  fill(now);
}

void Campaign::timeout(UnixSeconds now, Number number) {
  const auto at = due(number);
  if (at && *at <= now) return overdue(now, number);
  moods_[number].look_at.reset();
  arm(number);
  if (devices_[number].stage == Stage::Waiting) return line_up(number);
  if (devices_[number].step == Step::None) advance(now, number);
}

void Campaign::overdue(UnixSeconds now, Number number) {
  Device& device = devices_[number];
  const std::string where = std::string(" while ") + to_string(device.stage);
  if (device.stage != Stage::Waiting) {
    if (moods_[number].away) return end(now, number, Ending::Vanished, "it went away" + where);
    return end(now, number, Ending::TimedOut, "it took too long" + where);
  }
  if (head_.state == State::Running) return end(now, number, Ending::Vanished, "it isn't registered");
  device.since = now;  // nobody was to begin meanwhile
  touch(number);
  arm(number);
}

// ---- what there is to do --------------------------------------------------------------------------------------------

std::optional<Ask> Campaign::poll_ask() {
  return take_front(asks_);
}
std::optional<TakeBack> Campaign::poll_take_back() {
  return take_front(take_backs_);
}
std::optional<Follow> Campaign::poll_follow() {
  return take_front(follows_);
}

}  // namespace drover::campaign
