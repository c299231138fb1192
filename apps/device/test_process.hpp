// SPDX-License-Identifier: Apache-2.0
// drover-device as a child of a test.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#ifndef DROVER_DEVICE  // given by the build; the header stands alone without it
#define DROVER_DEVICE "drover-device"
#endif

namespace drover::device::testing {

class Process {
 public:
  /// What it prints goes into the file `output`; "": into the test's own output.
  explicit Process(std::vector<std::string> arguments, std::string output = {}) : output_(std::move(output)) {
    arguments.insert(arguments.begin(), DROVER_DEVICE);
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    input_ = ends[1];
    id_ = ::fork();
    if (id_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves nothing
      ::dup2(ends[0], STDIN_FILENO);
      if (!output_.empty()) {
        const int file = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(file, STDOUT_FILENO);
        ::dup2(file, STDERR_FILENO);
      }
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
    ::close(ends[0]);
  }
  ~Process() {
    kill();
    if (input_ >= 0) ::close(input_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void kill() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
    id_ = -1;
  }
  [[nodiscard]] bool ended() {
    if (id_ > 0 && ::waitpid(id_, nullptr, WNOHANG) == id_) id_ = -1;
    return id_ <= 0;
  }
  /// A line for its prompt.
  void say(const std::string& line) const {
    const std::string text = line + "\n";
    [[maybe_unused]] const auto written = ::write(input_, text.data(), text.size());
  }
  [[nodiscard]] std::string printed() const {
    std::ifstream stream(output_, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  [[nodiscard]] bool has_printed(const std::string& text) const { return printed().find(text) != std::string::npos; }

 private:
  std::string output_;
  int input_ = -1;
  pid_t id_ = -1;
};

}  // namespace drover::device::testing
