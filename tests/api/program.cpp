// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

extern char** environ;

namespace drover::api::test {

namespace {
constexpr int kWaitMs = 20'000;
}

Program::Program(std::string path, std::vector<std::string> arguments,
                 std::vector<std::pair<std::string, std::string>> environment) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], 2);
  arguments.insert(arguments.begin(), path);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> added;
  for (const auto& [name, value] : environment) added.push_back(name + "=" + value);
  std::vector<char*> envp;
  // The first of a name counts.
  for (auto& variable : added) envp.push_back(variable.data());
  for (char** variable = environ; *variable != nullptr; ++variable) envp.push_back(*variable);
  envp.push_back(nullptr);
  EXPECT_EQ(posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv.data(), envp.data()), 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  output_ = pipe[0];
}

Program::~Program() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(output_);
}

bool Program::says(const std::string& text) {
  while (said_.find(text) == std::string::npos) {
    if (!fill()) return false;
  }
  return true;
}

void Program::signal(int number) const {
  ::kill(pid_, number);
}

int Program::finish() {
  while (fill()) {
  }
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int Program::port_of(const std::string& prefix) const {
  const std::size_t start = said_.find(prefix);
  if (start == std::string::npos) return 0;
  const std::size_t end = said_.find_first_of(" /\n", start + prefix.size());
  const std::size_t colon = said_.rfind(':', end);
  return std::atoi(said_.c_str() + colon + 1);
}

bool Program::fill() {
  pollfd wanted{output_, POLLIN, 0};
  if (::poll(&wanted, 1, kWaitMs) <= 0) return false;
  std::array<char, 4096> bytes{};
  const ssize_t got = ::read(output_, bytes.data(), bytes.size());
  if (got <= 0) return false;
  said_.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

}  // namespace drover::api::test
