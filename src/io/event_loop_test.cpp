// SPDX-License-Identifier: Apache-2.0
#include "io/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "io/clock.hpp"

namespace drover::io {
namespace {

/// Two connected descriptors: what is written to one can be read from the other.
struct Pair {
  std::array<int, 2> fds{};
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0); }
  ~Pair() {
    ::close(fds[0]);
    ::close(fds[1]);
  }
  void poke() const { EXPECT_EQ(::write(fds[1], "x", 1), 1); }
  void drain() const {
    char byte = 0;
    while (::read(fds[0], &byte, 1) == 1) {
    }
  }
};

TEST(EventLoop, TasksRunInTheOrderOfPosting) {
  EventLoop loop;
  std::vector<int> order;
  loop.post([&] {
    order.push_back(1);
    loop.post([&] {
      order.push_back(3);
      loop.stop();
    });
  });
  loop.post([&] { order.push_back(2); });
  loop.run();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(EventLoop, TasksOfOtherThreadsAllArrive) {
  EventLoop loop;
  constexpr int kThreads = 4;
  constexpr int kTasks = 2000;
  int count = 0;  // the loop's thread alone touches it
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kTasks; ++i) {
        loop.post([&] {
          if (++count == kThreads * kTasks) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, kThreads * kTasks);
}

TEST(EventLoop, AStopBeforeRunEndsThatRunAlone) {
  EventLoop loop;
  loop.stop();
  loop.run();
  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(EventLoop, AWakerIsCalledAtItsDeadlineAndNotBefore) {
  EventLoop loop;
  const Instant due = now() + std::chrono::milliseconds(20);
  std::optional<Instant> deadline = due;
  Instant woken{};
  loop.add_waker([&] { return deadline; },
                 [&](Instant at) {
                   woken = at;
                   deadline.reset();
                   loop.stop();
                 });
  loop.run();
  EXPECT_GE(woken, due);
}

TEST(EventLoop, TheEarliestInstantThereIsIsDueAtOnce) {
  EventLoop loop;
  loop.add_waker([] { return std::optional(Instant::min()); }, [&](Instant) { loop.stop(); });
  // Ends the test where the first deadline is lost.
  bool late = false;
  const Instant patience = now() + std::chrono::seconds(5);
  loop.add_waker([&] { return std::optional(patience); },
                 [&](Instant) {
                   late = true;
                   loop.stop();
                 });
  loop.run();
  EXPECT_FALSE(late);
}

TEST(EventLoop, APastDeadlineThatStaysDoesNotStarveDescriptors) {
  EventLoop loop;
  const Pair pair;
  int wakes = 0;
  loop.add_waker([] { return std::optional(Instant{}); }, [&](Instant) { ++wakes; });
  loop.watch(pair.fds[0], EventLoop::Interest::Read, [&] { loop.stop(); });
  pair.poke();
  loop.run();
  EXPECT_LE(wakes, 2);
}

TEST(EventLoop, ADescriptorStaysReadyUntilItIsRead) {
  EventLoop loop;
  const Pair pair;
  int calls = 0;
  loop.watch(pair.fds[0], EventLoop::Interest::Read, [&] {
    if (++calls == 3) {
      pair.drain();
      loop.post([&] { loop.stop(); });
    }
  });
  pair.poke();
  loop.run();
  EXPECT_EQ(calls, 3);
  loop.change(pair.fds[0], EventLoop::Interest::Write);
  loop.post([&] {});
  bool writable = false;
  loop.unwatch(pair.fds[0]);
  loop.watch(pair.fds[0], EventLoop::Interest::Write, [&] {
    writable = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(writable);
  loop.unwatch(pair.fds[0]);
}

TEST(EventLoop, CallbacksMayRemoveThemselvesAndEachOther) {
  EventLoop loop;
  const Pair a;
  const Pair b;
  int calls = 0;
  const auto only_one = [&] {
    ++calls;
    loop.unwatch(a.fds[0]);
    loop.unwatch(b.fds[0]);
    loop.post([&] { loop.stop(); });
  };
  loop.watch(a.fds[0], EventLoop::Interest::Read, only_one);
  loop.watch(b.fds[0], EventLoop::Interest::Read, only_one);
  a.poke();
  b.poke();
  int waker = 0;
  waker = loop.add_waker([] { return std::optional(Instant{}); }, [&](Instant) { loop.remove_waker(waker); });
  loop.run();
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace drover::io
