// SPDX-License-Identifier: Apache-2.0
#include "io/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/clock.hpp"

namespace drover::io {

namespace {

/// Events taken from the kernel at once; more wait for the next round.
constexpr std::size_t kEventsPerRound = 64;

std::uint32_t events_of(EventLoop::Interest interest) {
  switch (interest) {
    case EventLoop::Interest::Read: return EPOLLIN;
    case EventLoop::Interest::Write: return EPOLLOUT;
    case EventLoop::Interest::ReadWrite: return EPOLLIN | EPOLLOUT;
  }
  return 0;
}

/// Waits until `until` (for ever without one) with the precision of the clock.
int wait(int epoll, epoll_event* events, int count, std::optional<Instant> until) {
  if (!until) return epoll_wait(epoll, events, count, -1);
  const Instant at = now();
  // The difference of two instants that are far apart doesn't fit: Instant::min() is a deadline like any other.
  const Duration left = *until <= at ? Duration::zero() : *until - at;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec timeout{static_cast<std::time_t>(seconds.count()),
                         static_cast<long>(std::chrono::nanoseconds(left - seconds).count())};
  const int ready = epoll_pwait2(epoll, events, count, &timeout, nullptr);
  if (ready >= 0 || errno != ENOSYS) return ready;
  // Kernels before 5.11: milliseconds, rounded up so that the loop doesn't spin before a deadline.
  constexpr std::int64_t kLongestMs = 60'000;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return epoll_wait(epoll, events, count, static_cast<int>(std::min<std::int64_t>(ms, kLongestMs)));
}

}  // namespace

struct EventLoop::State {
  struct Watch {
    std::uint32_t generation = 0;  ///< tells an event of a closed descriptor from one of its number's next owner
    std::function<void()> ready;
  };
  struct Waker {
    int id = 0;
    std::function<std::optional<Instant>()> deadline;
    std::function<void(Instant)> wake;
  };

  int epoll = -1;
  int mailbox = -1;
  std::atomic<bool> stopping{false};
  std::uint32_t generation = 0;
  int next_waker = 1;
  // Shared, so that a callback may remove itself while it runs.
  std::unordered_map<int, std::shared_ptr<Watch>> watches;
  std::vector<std::shared_ptr<Waker>> wakers;

  std::mutex tasks_mutex;
  std::vector<std::function<void()>> tasks;

  void control(int operation, int fd, Interest interest, std::uint32_t of_generation) const {
    epoll_event event{};
    event.events = events_of(interest);
    event.data.u64 = std::uint64_t{of_generation} << 32 | static_cast<std::uint32_t>(fd);
    [[maybe_unused]] const int failed = epoll_ctl(epoll, operation, fd, &event);
    assert(failed == 0 && "a descriptor is watched once, and unwatched before it is closed");
  }

  void ring() const {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the loop wakes anyway.
    [[maybe_unused]] const ssize_t ignored = ::write(mailbox, &one, sizeof one);
  }

  void run_tasks() {
    std::vector<std::function<void()>> batch;
    {
      const std::lock_guard lock(tasks_mutex);
      batch.swap(tasks);
    }
    for (auto& task : batch) task();
  }

  void dispatch(const epoll_event& event) {
    const int fd = static_cast<int>(event.data.u64 & 0xFFFFFFFF);
    if (fd == mailbox) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t ignored = ::read(mailbox, &count, sizeof count);
      run_tasks();
      return;
    }
    const auto found = watches.find(fd);
    if (found == watches.end() || found->second->generation != static_cast<std::uint32_t>(event.data.u64 >> 32)) return;
    const std::shared_ptr<Watch> watch = found->second;
    watch->ready();
  }

  [[nodiscard]] std::optional<Instant> earliest() const {
    std::optional<Instant> at;
    for (const auto& waker : wakers) {
      const auto wanted = waker->deadline();
      if (wanted && (!at || *wanted < *at)) at = wanted;
    }
    return at;
  }

  void round(std::optional<Instant> until);

  void wake_due() {
    const auto snapshot = wakers;
    for (const auto& waker : snapshot) {
      if (std::find(wakers.begin(), wakers.end(), waker) == wakers.end()) continue;
      const auto wanted = waker->deadline();
      if (!wanted) continue;
      const Instant at = now();
      if (*wanted <= at) waker->wake(at);
    }
  }
};

void EventLoop::State::round(std::optional<Instant> until) {
  std::array<epoll_event, kEventsPerRound> events;
  const int ready = wait(epoll, events.data(), static_cast<int>(events.size()), until);
  assert(ready >= 0 || errno == EINTR);
  for (int i = 0; i < ready; ++i) dispatch(events[static_cast<std::size_t>(i)]);
  wake_due();
}

EventLoop::EventLoop() : state_(std::make_unique<State>()) {
  state_->epoll = epoll_create1(EPOLL_CLOEXEC);
  state_->mailbox = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  // Out of descriptors at start: nothing can run without a loop, and no peer can cause it.
  assert(state_->epoll >= 0 && state_->mailbox >= 0);
  state_->control(EPOLL_CTL_ADD, state_->mailbox, Interest::Read, 0);
}

EventLoop::~EventLoop() {
  ::close(state_->mailbox);
  ::close(state_->epoll);
}

void EventLoop::watch(int fd, Interest interest, std::function<void()> ready) {
  auto watch = std::make_shared<State::Watch>(State::Watch{++state_->generation, std::move(ready)});
  state_->control(EPOLL_CTL_ADD, fd, interest, watch->generation);
  state_->watches[fd] = std::move(watch);
}

void EventLoop::change(int fd, Interest interest) {
  const auto found = state_->watches.find(fd);
  assert(found != state_->watches.end());
  state_->control(EPOLL_CTL_MOD, fd, interest, found->second->generation);
}

void EventLoop::unwatch(int fd) {
  if (state_->watches.erase(fd) == 0) return;
  state_->control(EPOLL_CTL_DEL, fd, Interest::Read, 0);
}

int EventLoop::add_waker(std::function<std::optional<Instant>()> deadline, std::function<void(Instant)> wake) {
  const int id = state_->next_waker++;
  state_->wakers.push_back(std::make_shared<State::Waker>(State::Waker{id, std::move(deadline), std::move(wake)}));
  return id;
}

void EventLoop::remove_waker(int id) {
  std::erase_if(state_->wakers, [id](const auto& waker) { return waker->id == id; });
}

void EventLoop::post(std::function<void()> task) {
  bool first = false;
  {
    const std::lock_guard lock(state_->tasks_mutex);
    first = state_->tasks.empty();
    state_->tasks.push_back(std::move(task));
  }
  if (first) state_->ring();
}

int EventLoop::descriptor() const {
  return state_->epoll;
}

std::optional<Instant> EventLoop::deadline() const {
  return state_->earliest();
}

void EventLoop::step() {
  state_->round(Instant::min());
}

void EventLoop::run() {
  while (!state_->stopping.exchange(false)) state_->round(state_->earliest());
}

void EventLoop::stop() {
  state_->stopping.store(true);
  state_->ring();
}

}  // namespace drover::io
