// SPDX-License-Identifier: Apache-2.0
#include "io/card_worker.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace drover::io {

struct CardWorker::State {
  State(EventLoop& told_on, smartcard::Terminal& used, std::function<void()> ends_waiting)
      : loop(told_on), terminal(used), interrupt(std::move(ends_waiting)) {}

  EventLoop& loop;
  smartcard::Terminal& terminal;
  const std::function<void()> interrupt;

  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::deque<std::shared_ptr<Job>> waiting;

  // The loop's thread alone.
  std::size_t unfinished = 0;
  std::thread thread;

  /// Nothing once it is to end.
  std::shared_ptr<Job> next() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return stopping || !waiting.empty(); });
    if (stopping) return nullptr;
    auto job = std::move(waiting.front());
    waiting.pop_front();
    return job;
  }
};

CardWorker::CardWorker(EventLoop& loop, smartcard::Terminal& terminal, std::function<void()> interrupt)
    : state_(std::make_shared<State>(loop, terminal, std::move(interrupt))) {
  // The thread and what it tells hold no share: once the worker is destroyed, nobody is told anything.
  state_->thread = std::thread([state = state_.get(), weak = std::weak_ptr(state_)] {
    while (auto job = state->next()) {
      job->work(state->terminal);
      state->loop.post([weak, job = std::move(job)] {
        const auto alive = weak.lock();
        if (alive == nullptr) return;
        --alive->unfinished;
        job->done();
      });
    }
  });
}

CardWorker::~CardWorker() {
  std::deque<std::shared_ptr<Job>> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    dropped.swap(state_->waiting);
  }
  state_->changed.notify_all();
  if (state_->interrupt) state_->interrupt();
  state_->thread.join();
}

bool CardWorker::push(Job job) {
  if (state_->unfinished == kJobsMax) return false;
  ++state_->unfinished;
  {
    const std::lock_guard lock(state_->mutex);
    state_->waiting.push_back(std::make_shared<Job>(std::move(job)));
  }
  state_->changed.notify_all();
  return true;
}

std::size_t CardWorker::size() const {
  return state_->unfinished;
}

}  // namespace drover::io
