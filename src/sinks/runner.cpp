// SPDX-License-Identifier: Apache-2.0
#include "sinks/runner.hpp"

#include <algorithm>
#include <utility>

#include "io/log.hpp"

namespace drover::sinks {

namespace {
/// Then the thread's other work has its turn: tests, the end.
constexpr Duration kBurst = std::chrono::milliseconds(100);
}  // namespace

Runner::Runner(Settings settings, events::Feed& feed, std::shared_ptr<CursorTable> cursors,
               std::unique_ptr<Outlet> outlet)
    : settings_(std::move(settings)),
      feed_(feed),
      cursors_(std::move(cursors)),
      outlet_(std::move(outlet)),
      delivery_(settings_.delivery, feed, rng_, settings_.start.number),
      saved_(delivery_.cursor()) {
  view_.name = settings_.name;
  view_.kind = settings_.kind;
  view_.target = settings_.target;
  outlet_->attach(loop_, *this);
  loop_.add_waker([this] { return deadline(); }, [this](Instant now) { run(now); });
  settle();
}

Runner::~Runner() {
  stop();
}

void Runner::start() {
  std::promise<void> ended;
  ended_ = ended.get_future();
  thread_ = std::thread([this, ended = std::move(ended)]() mutable {
    loop_.run();
    ended.set_value();
  });
}

void Runner::stop() {
  if (!thread_.joinable()) return;
  ending_ = true;
  loop_.post([this] {
    end_at_ = io::now() + kStopWait;
    dirty_ = true;
  });
  // A send() that blocks keeps the loop from seeing that.
  if (ended_.wait_for(kStopWait) == std::future_status::timeout) outlet_->interrupt();
  thread_.join();
}

void Runner::wake() {
  if (woken_.exchange(true)) return;
  loop_.post([this] {
    woken_ = false;
    dirty_ = true;
  });
}

SinkView Runner::view() const {
  const std::lock_guard lock(mutex_);
  SinkView view = view_;
  const std::uint64_t newest = feed_.newest();
  view.lag_events = newest - std::min(newest, view.cursor);
  if (oldest_at_) view.lag_seconds = std::max<std::int64_t>(0, io::unix_now() - *oldest_at_);
  return view;
}

void Runner::test(std::function<void(std::string)> done) {
  loop_.post([this, done = std::move(done)]() mutable {
    tests_.push_back(std::move(done));
    delivery_.request_test(io::unix_now());
    dirty_ = true;
  });
}

// ---- on the loop's thread -------------------------------------------------------------------------------------------

std::optional<Instant> Runner::deadline() const {
  if (dirty_) return Instant{};
  std::optional<Instant> next = end_at_;
  const auto sooner = [&](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (cursors_ && delivery_.cursor() != saved_) sooner(saved_at_ + kCursorInterval);
  if (!ending_ && outlet_->state() == Outlet::State::Closed) sooner(delivery_.retry_at());
  if (!ending_ && outlet_->state() == Outlet::State::Open) sooner(delivery_.deadline());
  return next;
}

void Runner::run(Instant now) {
  dirty_ = false;
  if (!ending_) pump();
  save_cursor(now);
  settle();
  if (end_at_ && (delivery_.in_flight() == 0 || now >= *end_at_)) end();
}

void Runner::pump() {
  const Instant begin = io::now();
  for (Instant now = begin; !ending_ && now - begin < kBurst; now = io::now()) {
    if (outlet_->state() == Outlet::State::Closed && (delivery_.may_try(now) || delivery_.has_test())) outlet_->open();
    if (outlet_->state() != Outlet::State::Open) return;
    const Message* const message = delivery_.poll_message(now, io::unix_now());
    if (message == nullptr) return;
    outlet_->send(*message);
  }
  dirty_ = true;
}

void Runner::opened() {
  const std::lock_guard lock(mutex_);
  view_.connected = true;
  dirty_ = true;
}

void Runner::delivered(std::uint64_t key) {
  delivery_.handle_delivered(key, io::unix_now());
  dirty_ = true;
  if (std::exchange(told_failure_, false)) io::log::info("sink delivers again", {{"sink", settings_.name}});
  const std::lock_guard lock(mutex_);
  view_.connected = true;
}

void Runner::refused(std::uint64_t key, std::string reason) {
  const auto skipped = delivery_.handle_refused(io::now(), io::unix_now(), key, reason);
  dirty_ = true;
  if (settings_.delivery.on_refused == OnRefused::Retry) {
    note_failure(reason);
    const std::lock_guard lock(mutex_);
    view_.connected = false;
  }
  if (!skipped) return;
  io::log::warn("event skipped: the sink's receiver refuses it", {{"sink", settings_.name},
                                                                  {"number", skipped->number},
                                                                  {"kind", skipped->kind},
                                                                  {"endpoint", skipped->endpoint},
                                                                  {"why", reason}});
}

void Runner::failed(std::string reason, std::optional<Duration> retry_after) {
  note_failure(reason);
  delivery_.handle_failed(io::now(), io::unix_now(), std::move(reason), retry_after);
  dirty_ = true;
  const std::lock_guard lock(mutex_);
  view_.connected = false;
}

/// Once until it succeeds again: a receiver that is away for a day fills no log.
void Runner::note_failure(const std::string& reason) {
  if (std::exchange(told_failure_, true)) return;
  io::log::warn("sink fails, and tries again", {{"sink", settings_.name}, {"why", reason}});
}

void Runner::save_cursor(Instant now) {
  const std::uint64_t cursor = delivery_.cursor();
  if (!cursors_ || cursor == saved_ || (!end_at_ && now < saved_at_ + kCursorInterval)) return;
  saved_at_ = now;
  const auto done = cursors_->save(settings_.name, {cursor, settings_.start.series}, io::unix_now());
  if (done) {
    saved_ = cursor;
    told_unsaved_ = false;
  } else if (!std::exchange(told_unsaved_, true)) {
    io::log::error("a sink's cursor can't be kept; after a restart events are delivered again",
                   {{"sink", settings_.name}, {"why", done.error().reason}});
  }
}

void Runner::settle() {
  publish();
  if (const auto result = delivery_.poll_test()) {
    for (const auto& done : std::exchange(tests_, {})) done(*result);
  }
}

void Runner::publish() {
  const Instant now = io::now();
  const UnixSeconds unix_now = io::unix_now();
  const DeliveryCounts& counts = delivery_.counts();
  const std::lock_guard lock(mutex_);
  view_.delivered = counts.delivered;
  view_.failed = counts.failed;
  view_.refused = counts.refused;
  view_.retries = counts.retries;
  view_.lost = counts.lost;
  view_.in_flight = delivery_.in_flight();
  view_.cursor = delivery_.cursor();
  view_.last_error = delivery_.last_error();
  view_.last_error_at = delivery_.last_error_at();
  view_.last_delivered_at = delivery_.last_delivered_at();
  view_.retry_at.reset();
  if (!delivery_.may_try(now)) {
    view_.retry_at = unix_now + std::chrono::ceil<std::chrono::seconds>(delivery_.retry_at() - now).count();
  }
  oldest_at_ = delivery_.oldest_at();
}

void Runner::end() {
  outlet_->close();
  save_cursor(io::now());
  loop_.stop();
}

}  // namespace drover::sinks
