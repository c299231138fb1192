// SPDX-License-Identifier: Apache-2.0
#include "firmware/child_process.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include "firmware/fetcher.hpp"
#include "firmware/hook.hpp"
#include "firmware/test_folder.hpp"

namespace drover::firmware {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::run_until;
using testing::TestFolder;

struct Shell {
  io::EventLoop loop;
  std::vector<std::string> lines;
  std::optional<Exit> exit;
  std::unique_ptr<ChildProcess> child;

  void start(const std::string& script, ChildProcess::Command command = {}) {
    command.arguments = {"/bin/sh", "-c", script};
    auto started = ChildProcess::start(loop, std::move(command),
                                       {[this](std::string_view line) { lines.emplace_back(line); },
                                        [this](const Exit& ended) {
                                          exit = ended;
                                          child.reset();
                                        }});
    ASSERT_TRUE(started) << started.error().reason;
    child = std::move(*started);
  }
  bool finish() {
    return run_until(loop, [this] { return exit.has_value(); });
  }
};

TEST(ChildProcess, LinesOfBothOutputsAndTheExitCode) {
  Shell shell;
  shell.start("echo one; echo two >&2; printf three; exit 5");
  ASSERT_TRUE(shell.finish());
  EXPECT_EQ(shell.lines, (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(shell.exit->code, 5);
  EXPECT_FALSE(shell.exit->is_success());
  EXPECT_EQ(shell.exit->to_string(), "exit code 5");
}

TEST(ChildProcess, EnvironmentInputAndDescriptors) {
  Shell shell;
  ChildProcess::Command command;
  command.environment = {"DROVER_TEST=a value", "PATH=/usr/bin:/bin"};
  shell.start("echo \"$DROVER_TEST\"; cat; ls /proc/self/fd | wc -l", std::move(command));
  ASSERT_TRUE(shell.finish());
  // 0 to 2, and the folder that ls reads.
  EXPECT_EQ(shell.lines, (std::vector<std::string>{"a value", "4"}));
  EXPECT_TRUE(shell.exit->is_success());
}

TEST(ChildProcess, NoSignalIsBlockedOrIgnored) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  ::signal(SIGPIPE, SIG_IGN);
  Shell shell;
  shell.start("grep -E '^Sig(Blk|Ign)' /proc/self/status");
  ASSERT_TRUE(shell.finish());
  ::signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  ASSERT_EQ(shell.lines.size(), 2U);
  // The C library keeps 32 and 33 for itself.
  constexpr std::uint64_t kOfTheLibrary = std::uint64_t{3} << 31;
  for (const std::string& line : shell.lines) {
    EXPECT_EQ(std::stoull(line.substr(line.find('\t') + 1), nullptr, 16) & ~kOfTheLibrary, 0U) << line;
  }
}

TEST(ChildProcess, ALongLineIsCutAndEndlessOutputEndsWithTheChild) {
  Shell shell;
  shell.start("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end");
  ASSERT_TRUE(shell.finish());
  ASSERT_EQ(shell.lines.size(), 2U);
  EXPECT_EQ(shell.lines[0].size(), ChildProcess::kLineMax);
  EXPECT_EQ(shell.lines[1], "end");
}

TEST(ChildProcess, TooLongIsEndedWithItsWholeGroup) {
  Shell shell;
  ChildProcess::Command command;
  command.timeout = milliseconds(50);
  shell.start("sleep 1000 & echo $!; wait", std::move(command));
  ASSERT_TRUE(shell.finish());
  EXPECT_TRUE(shell.exit->timed_out);
  EXPECT_EQ(shell.exit->to_string(), "took too long");
  ASSERT_EQ(shell.lines.size(), 1U);
  const pid_t grandchild = std::stoi(shell.lines[0]);
  EXPECT_TRUE(run_until(shell.loop, [&] { return ::kill(grandchild, 0) != 0; }));
}

TEST(ChildProcess, TheDestructorKills) {
  Shell shell;
  shell.start("echo $$; sleep 1000");
  ASSERT_TRUE(run_until(shell.loop, [&] { return !shell.lines.empty(); }));
  const pid_t pid = shell.child->pid();
  EXPECT_EQ(shell.lines[0], std::to_string(pid));
  shell.child.reset();
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_FALSE(shell.exit);
}

TEST(ChildProcess, AProgramThatIsNotThereIsAnError) {
  io::EventLoop loop;
  ChildProcess::Command command;
  command.arguments = {"/nowhere/program"};
  const auto started = ChildProcess::start(loop, std::move(command), {});
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().reason.find("/nowhere/program"), std::string::npos);
}

std::optional<Hook::Report> run_hook(const Hook::Order& order) {
  io::EventLoop loop;
  std::optional<Hook::Report> report;
  auto hook = Hook::start(loop, order, [&](const Hook::Report& done) { report = done; });
  EXPECT_TRUE(hook);
  run_until(loop, [&] { return report.has_value(); });
  return report;
}

TEST(Hook, NameVersionAndTheEndOfTheOutput) {
  Hook::Order order;
  order.command = "echo name=app; echo version=2.0 beta; head -c 5000 /dev/zero | tr '\\0' x; echo; echo last; exit 6";
  order.timeout = seconds(10);
  const auto report = run_hook(order);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->exit.code, 6);
  EXPECT_EQ(report->name, "app");
  EXPECT_EQ(report->version, "2.0 beta");
  EXPECT_EQ(report->tail.size(), Hook::kTailMax);
  EXPECT_TRUE(report->tail.ends_with("\nlast"));
}

TEST(Hook, ALogAndTheExitCodeAreOnDisk) {
  const TestFolder folder;
  Hook::Order order;
  order.command = "echo version=3; echo \"it's done\" # and a comment";
  order.timeout = seconds(10);
  order.outlives_us = true;
  order.log_file = folder.file("a log");
  order.exit_file = folder.file("an exit");
  const auto report = run_hook(order);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->exit.is_success());
  EXPECT_EQ(report->version, "3");
  EXPECT_EQ(folder.read("a log"), "version=3\nit's done\n");
  EXPECT_EQ(folder.read("an exit"), "0\n");
}

TEST(Hook, OneThatOutlivesUsFinishesAndLeavesItsExitCode) {
  const TestFolder folder;
  io::EventLoop loop;
  Hook::Order order;
  order.command = "echo begun >begun; while [ ! -e go ]; do sleep 0.01; done; echo more output; exit 3";
  order.environment = {"PWD=" + folder.path};
  order.command = "cd '" + folder.path + "'; " + order.command;
  order.timeout = seconds(20);
  order.outlives_us = true;
  order.log_file = folder.file("log");
  order.exit_file = folder.file("exit");
  {
    const auto hook = Hook::start(loop, order, [](const Hook::Report&) {});
    ASSERT_TRUE(hook);
    ASSERT_TRUE(run_until(loop, [&] { return folder.has("begun"); }));
  }
  folder.write("go", "");
  ASSERT_TRUE(run_until(loop, [&] { return folder.has("exit"); }));
  EXPECT_EQ(folder.read("exit"), "3\n");
  EXPECT_EQ(folder.read("log"), "more output\n");
}

TEST(Fetcher, WhatAnExitMeans) {
  using client::FirmwareResult;
  const auto code = [](int number) { return result_of_exit({number, 0, false}); };
  EXPECT_EQ(code(0), FirmwareResult::Initial);
  EXPECT_EQ(code(1), FirmwareResult::ConnectionLost);
  EXPECT_EQ(code(2), FirmwareResult::NoSpace);
  EXPECT_EQ(code(3), FirmwareResult::OutOfMemory);
  EXPECT_EQ(code(4), FirmwareResult::ConnectionLost);
  EXPECT_EQ(code(7), FirmwareResult::InvalidUri);
  EXPECT_EQ(code(9), FirmwareResult::UnsupportedProtocol);
  EXPECT_EQ(result_of_exit({std::nullopt, SIGKILL, false}), FirmwareResult::OutOfMemory);
  EXPECT_EQ(result_of_exit({std::nullopt, SIGSEGV, false}), FirmwareResult::ConnectionLost);
}

}  // namespace
}  // namespace drover::firmware
