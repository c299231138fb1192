// SPDX-License-Identifier: Apache-2.0
#ifdef DROVER_HAS_PCSC

#include "io/pcsc_watcher.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "io/pcsc_reader.hpp"

namespace drover::io {

namespace {

using What = ReaderEvent::What;

constexpr const char* kReadersChange = "\\\\?PnP?\\Notification";
constexpr unsigned kCounterShift = 16;  // of dwEventState: insertions and removals (pcsc-lite)

DWORD milliseconds(Duration duration) {
  return static_cast<DWORD>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

struct PcscWatcher::State : std::enable_shared_from_this<State> {
  State(EventLoop& to, WatcherSettings how, std::function<void(const ReaderEvent&)> tell_to)
      : loop(to), settings(std::move(how)), on_event(std::move(tell_to)) {}

  EventLoop& loop;
  const WatcherSettings settings;
  std::function<void(const ReaderEvent&)> on_event;  ///< the loop's thread alone; empty once the watcher is destroyed

  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false, ended = false;
  std::deque<ReaderEvent> events;
  pcsc::Context context;  ///< written under the mutex, by the thread

  // The thread's own.
  std::map<std::string, DWORD> known;  ///< readers, with the state that was told
  Duration retry = settings.retry_first;
  bool told_no_service = false;

  void run();
  LONG look();
  void compare(const std::vector<std::string>& names);
  LONG wait_for_change();
  bool take_look(const SCARD_READERSTATE& seen);
  void lose_service(LONG code);
  void forget(const std::string& reader);
  void tell(ReaderEvent event);
  void deliver();
  void pause(Duration duration);
  void stop();
  [[nodiscard]] bool is_stopping() {
    const std::lock_guard lock(mutex);
    return stopping;
  }

  std::thread thread;
};

// ---- the thread

void PcscWatcher::State::run() {
  while (!is_stopping()) {
    const LONG code = look();
    const bool early = code == SCARD_E_UNKNOWN_READER || code == SCARD_E_READER_UNAVAILABLE;
    if (early) {
      pause(kBreath);
    } else if (code != SCARD_S_SUCCESS && code != SCARD_E_TIMEOUT && code != SCARD_E_CANCELLED) {
      lose_service(code);
    }
  }
  const std::lock_guard lock(mutex);
  context.release();
  ended = true;
  changed.notify_all();
}

LONG PcscWatcher::State::look() {
  {
    const std::lock_guard lock(mutex);
    if (const LONG code = context.establish(); code != SCARD_S_SUCCESS) return code;
  }
  std::vector<std::string> names;
  if (const LONG code = context.list(names); code != SCARD_S_SUCCESS) return code;
  retry = settings.retry_first;
  told_no_service = false;
  compare(pcsc::matching(names, settings.reader));
  return wait_for_change();
}

void PcscWatcher::State::compare(const std::vector<std::string>& names) {
  std::vector<std::string> gone;
  for (const auto& [name, state] : known) {
    if (std::find(names.begin(), names.end(), name) == names.end()) gone.push_back(name);
  }
  for (const std::string& name : gone) forget(name);
  for (const std::string& name : names) {
    if (known.emplace(name, SCARD_STATE_UNAWARE).second) tell({What::ReaderCame, name});
  }
}

LONG PcscWatcher::State::wait_for_change() {
  std::vector<SCARD_READERSTATE> states;
  for (const auto& [name, state] : known) {
    states.emplace_back().szReader = name.c_str();
    states.back().dwCurrentState = state;
  }
  states.emplace_back().szReader = kReadersChange;
  const LONG code = SCardGetStatusChange(context.handle(), milliseconds(kLookAgain), states.data(), states.size());
  if (code != SCARD_S_SUCCESS) return code;
  bool news = (states.back().dwEventState & SCARD_STATE_CHANGED) != 0;
  for (std::size_t i = 0; i + 1 < states.size(); ++i) news = take_look(states[i]) || news;
  if (!news) pause(kBreath);
  return code;
}

/// False when nothing is different.
bool PcscWatcher::State::take_look(const SCARD_READERSTATE& seen) {
  const std::string reader = seen.szReader;
  DWORD& before = known[reader];
  const DWORD after = seen.dwEventState & ~static_cast<DWORD>(SCARD_STATE_CHANGED);
  const bool was = (before & SCARD_STATE_PRESENT) != 0, is = (after & SCARD_STATE_PRESENT) != 0;
  const bool counted = before >> kCounterShift != after >> kCounterShift;
  const bool news = std::exchange(before, after) != after;
  const Bytes atr(seen.rgbAtr, seen.rgbAtr + std::min<std::size_t>(seen.cbAtr, sizeof seen.rgbAtr));
  if (is && !was) tell({What::CardCame, reader, atr});
  if (was && !is) tell({What::CardWent, reader});
  if (was && is && counted) tell({What::CardSwapped, reader, atr});
  return news;
}

void PcscWatcher::State::lose_service(LONG code) {
  {
    const std::lock_guard lock(mutex);
    context.release();
  }
  while (!known.empty()) forget(known.begin()->first);
  if (!std::exchange(told_no_service, true)) tell({What::NoService, {}, {}, pcsc::describe(code)});
  pause(retry);
  retry = std::min(retry * 2, settings.retry_max);
}

void PcscWatcher::State::forget(const std::string& reader) {
  const auto found = known.find(reader);
  const std::string name = found->first;
  if ((found->second & SCARD_STATE_PRESENT) != 0) tell({What::CardWent, name});
  known.erase(found);
  tell({What::ReaderWent, name});
}

void PcscWatcher::State::tell(ReaderEvent event) {
  std::unique_lock lock(mutex);
  changed.wait(lock, [this] { return stopping || events.size() < kEventsMax; });
  if (stopping) return;
  events.push_back(std::move(event));
  if (events.size() == 1) loop.post([self = shared_from_this()] { self->deliver(); });
}

void PcscWatcher::State::pause(Duration duration) {
  std::unique_lock lock(mutex);
  changed.wait_for(lock, duration, [this] { return stopping; });
}

// ---- the loop's thread

void PcscWatcher::State::deliver() {
  std::deque<ReaderEvent> batch;
  {
    const std::lock_guard lock(mutex);
    batch.swap(events);
  }
  changed.notify_all();
  for (const ReaderEvent& event : batch) {
    // It may destroy the watcher, and this function with it.
    if (const auto told = on_event) told(event);
  }
}

void PcscWatcher::State::stop() {
  on_event = nullptr;
  constexpr Duration kAgain = std::chrono::milliseconds(20);
  {
    std::unique_lock lock(mutex);
    stopping = true;
    changed.notify_all();
    // A cancellation that comes before the thread waits is lost.
    while (!ended) {
      if (context.is_established()) SCardCancel(context.handle());
      changed.wait_for(lock, kAgain, [this] { return ended; });
    }
  }
  thread.join();
}

PcscWatcher::PcscWatcher(EventLoop& loop, WatcherSettings settings, std::function<void(const ReaderEvent&)> on_event)
    : state_(std::make_shared<State>(loop, std::move(settings), std::move(on_event))) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

PcscWatcher::~PcscWatcher() {
  state_->stop();
}

}  // namespace drover::io

#endif
