// SPDX-License-Identifier: Apache-2.0
#include "io/card_worker.hpp"

#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "io/test_line.hpp"

namespace drover::io {
namespace {

using smartcard::CardResult;

/// Answers each command with what it was and 9000; notices threads that get into each other's way.
class EchoTerminal final : public smartcard::Terminal {
 public:
  CardResult<Bytes> connect() override { return Bytes{0x3B, 0x00}; }
  CardResult<Bytes> transmit(ByteView command) override {
    ++unprotected;
    Bytes response(command.begin(), command.end());
    response.insert(response.end(), {0x90, 0x00});
    return response;
  }
  void disconnect() override {}

  unsigned unprotected = 0;  ///< a race, for the thread sanitizer, if the worker lets two threads in
};

TEST(CardWorker, WorksElsewhereAndTellsOnTheLoopInOrder) {
  EventLoop loop;
  EchoTerminal terminal;
  CardWorker worker(loop, terminal);
  const auto here = std::this_thread::get_id();
  std::vector<Bytes> told;
  for (std::uint8_t i = 0; i < CardWorker::kJobsMax; ++i) {
    ASSERT_TRUE(worker.run(
        [i, here](smartcard::Terminal& card) {
          EXPECT_NE(std::this_thread::get_id(), here);
          return *card.transmit(Bytes{i});
        },
        [&](Bytes response) {
          EXPECT_EQ(std::this_thread::get_id(), here);
          told.push_back(std::move(response));
        }));
  }
  EXPECT_EQ(worker.size(), CardWorker::kJobsMax);
  ASSERT_TRUE(await(loop, [&] { return told.size() == CardWorker::kJobsMax; }));
  for (std::uint8_t i = 0; i < CardWorker::kJobsMax; ++i) EXPECT_EQ(told[i], (Bytes{i, 0x90, 0x00}));
  EXPECT_EQ(worker.size(), 0u);
  EXPECT_EQ(terminal.unprotected, CardWorker::kJobsMax);
}

TEST(CardWorker, TakesNoMoreThanItHasRoomFor) {
  EventLoop loop;
  EchoTerminal terminal;
  CardWorker worker(loop, terminal);
  std::latch gate(1);
  std::size_t done = 0;
  const auto run = [&] {
    return worker.run([&](smartcard::Terminal&) { return gate.wait(), 0; }, [&](int) { ++done; });
  };
  for (std::size_t i = 0; i < CardWorker::kJobsMax; ++i) EXPECT_TRUE(run());
  EXPECT_FALSE(run());
  gate.count_down();
  ASSERT_TRUE(await(loop, [&] { return done == CardWorker::kJobsMax; }));
  EXPECT_TRUE(run());
  ASSERT_TRUE(await(loop, [&] { return done == CardWorker::kJobsMax + 1; }));
}

TEST(CardWorker, WhenItIsDestroyedTheRunningJobEndsAndTheOthersAreDropped) {
  EventLoop loop;
  EchoTerminal terminal;
  std::latch began(1), interrupted(1);
  bool ended = false, ran_another = false, told = false;
  auto worker = std::make_unique<CardWorker>(loop, terminal, [&] { interrupted.count_down(); });
  worker->run(
      [&](smartcard::Terminal&) {
        began.count_down();
        interrupted.wait();  // as a call that waits for the loop
        return ended = true;
      },
      [&](bool) { told = true; });
  worker->run([&](smartcard::Terminal&) { return ran_another = true; }, [&](bool) { told = true; });
  began.wait();
  worker.reset();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(ran_another);
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_FALSE(told);
}

TEST(CardWorker, AResultMayBeWhatCannotBeCopiedAndItsReceiverMayEndTheWorker) {
  EventLoop loop;
  EchoTerminal terminal;
  auto worker = std::make_unique<CardWorker>(loop, terminal);
  std::unique_ptr<int> result;
  unsigned later = 0;
  worker->run([](smartcard::Terminal&) { return std::make_unique<int>(7); },
              [&](std::unique_ptr<int> given) {
                result = std::move(given);
                worker.reset();
              });
  worker->run([](smartcard::Terminal&) { return 0; }, [&](int) { ++later; });
  ASSERT_TRUE(await(loop, [&] { return worker == nullptr; }));
  EXPECT_EQ(*result, 7);
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(later, 0u);
}

TEST(CardWorker, AReceiverMayAskForMore) {
  EventLoop loop;
  EchoTerminal terminal;
  CardWorker worker(loop, terminal);
  int left = 100;
  std::function<void(int)> again = [&](int) {
    if (--left > 0) worker.run([](smartcard::Terminal&) { return 0; }, again);
  };
  worker.run([](smartcard::Terminal&) { return 0; }, again);
  ASSERT_TRUE(await(loop, [&] { return left == 0; }));
}

}  // namespace
}  // namespace drover::io
