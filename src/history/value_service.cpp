// SPDX-License-Identifier: Apache-2.0
#include "history/value_service.hpp"

#include <utility>

#include "io/log.hpp"

namespace drover::history {

void ValueService::Desk::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex);
    tasks.push_back(std::move(task));
  }
  changed.notify_one();
}

void ValueService::Desk::wake() {
  {
    const std::lock_guard lock(mutex);
    if (news) return;
    news = true;
  }
  changed.notify_one();
}

void ValueService::Desk::end() {
  {
    const std::lock_guard lock(mutex);
    ending = true;
  }
  changed.notify_one();
}

ValueService::ValueService(Values& values, events::Feed& feed, std::function<UnixSeconds()> clock)
    : values_(values), feed_(feed), clock_(std::move(clock)) {
  if (const std::uint64_t newest = feed_.newest(); newest < values_.cursor()) {
    io::log::warn("the events begin anew; stored values go on with the next one",
                  {{"newest", newest}, {"cursor", values_.cursor()}});
    if (auto set = values_.set_cursor(newest); !set) io::log::error("values", {{"why", set.error().reason}});
  }
  writing_->news = true;
  feed_.subscribe([desk = writing_] { desk->wake(); });
  writer_ = std::thread([this] { follow(); });
  reader_ = std::thread([this] { answer(); });
}

ValueService::~ValueService() {
  writing_->end();
  reading_.end();
  writer_.join();
  reader_.join();
}

// ---- who answers ----------------------------------------------------------------------------------------------------

void ValueService::answer() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(reading_.mutex);
      reading_.changed.wait(lock, [this] { return reading_.ending || !reading_.tasks.empty(); });
      if (reading_.tasks.empty()) return;
      task = std::move(reading_.tasks.front());
      reading_.tasks.pop_front();
    }
    task();
  }
}

void ValueService::last(LastQuery query, Done<Result<LastPage>> done) {
  reading_.post([this, query = std::move(query), done = std::move(done)] { done(values_.last(query)); });
}

void ValueService::history(HistoryQuery query, Done<Result<HistoryPage>> done) {
  reading_.post([this, query = std::move(query), done = std::move(done)] { done(values_.history(query, clock_())); });
}

void ValueService::buckets(HistoryQuery query, std::int64_t every, Done<Result<BucketPage>> done) {
  reading_.post([this, query = std::move(query), every, done = std::move(done)] {
    done(values_.buckets(query, every, clock_()));
  });
}

void ValueService::status(Done<Status> done) {
  reading_.post([this, done = std::move(done)] {
    Status status = values_.status();
    const std::uint64_t newest = feed_.newest();
    status.behind = newest > status.cursor ? newest - status.cursor : 0;
    done(std::move(status));
  });
}

// ---- who writes -----------------------------------------------------------------------------------------------------

void ValueService::forget(std::string endpoint, Done<Result<std::uint64_t>> done) {
  writing_->post([this, endpoint = std::move(endpoint), done = std::move(done)] {
    // What has happened before would bring them back.
    if (!catch_up(feed_.newest())) {
      return done(tl::unexpected(Error{Fault::Environment, 0, "what came before can't be stored now"}));
    }
    done(values_.forget(endpoint));
  });
}

bool ValueService::catch_up(std::uint64_t through) {
  for (std::uint64_t before = through; values_.cursor() < through && values_.cursor() != before;) {
    before = values_.cursor();
    bool more = false;
    if (!project_some(more)) return false;
  }
  return true;
}

bool ValueService::project_some(bool& more) {
  const auto batch = feed_.after(values_.cursor(), kBatch);
  if (batch && batch->lost_through > values_.cursor()) {
    io::log::warn("events were gone before their values were stored", {{"through", batch->lost_through}});
  }
  const Result<void> stored = batch ? values_.project(*batch) : tl::unexpected(batch.error());
  if (!stored && !failed_) {
    io::log::error("values can't be stored; it is tried again", {{"why", stored.error().reason}});
  } else if (stored && failed_) {
    io::log::info("values are stored again");
  }
  failed_ = !stored;
  if (!batch) return false;
  // A feed may give fewer than it has: those on disk first.
  const std::uint64_t newest = feed_.newest();
  const std::uint64_t left = newest > values_.cursor() ? newest - values_.cursor() : 0;
  more = !batch->items.empty() && left >= kBatch;
  if (!batch->items.empty() && left > 0) writing_->wake();
  return stored.has_value();
}

void ValueService::sweep() {
  if (const auto now = std::chrono::steady_clock::now(); now - swept_ < kLook) return;
  const auto more = values_.sweep(clock_());
  // Others have their turn in between.
  if (more && *more) return writing_->wake();
  swept_ = std::chrono::steady_clock::now();
}

void ValueService::follow() {
  bool hurry = true;
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(writing_->mutex);
      const auto asked = [this] { return writing_->ending || !writing_->tasks.empty(); };
      if (failed_) {
        writing_->changed.wait_for(lock, kLook, asked);
      } else if (!hurry) {
        writing_->changed.wait_for(lock, kPause, asked);
        writing_->changed.wait_for(lock, kLook, [&] { return asked() || writing_->news; });
      }
      if (writing_->tasks.empty() && writing_->ending) return;
      if (!writing_->tasks.empty()) {
        task = std::move(writing_->tasks.front());
        writing_->tasks.pop_front();
      }
      writing_->news = false;
    }
    if (task) {
      task();
      hurry = true;
      continue;
    }
    hurry = false;
    if (project_some(hurry)) sweep();
  }
}

}  // namespace drover::history
