// SPDX-License-Identifier: Apache-2.0
// A program of ours as a process, for tests of what it says and how it ends.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace drover::api::test {

/// With its output in one pipe. Killed at its end when it still runs.
class Program {
 public:
  Program(std::string path, std::vector<std::string> arguments,
          std::vector<std::pair<std::string, std::string>> environment = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Reads until `text` has come; false when the program ends or twenty seconds pass before.
  bool says(const std::string& text);
  void signal(int number) const;
  /// Reads the output to its end; the exit code, -1 when a signal ended it.
  int finish();
  [[nodiscard]] const std::string& said() const { return said_; }
  /// What was said so far counts no more.
  void forget() { said_.clear(); }
  /// The number behind the last ':' of the address that starts with `prefix`.
  [[nodiscard]] int port_of(const std::string& prefix) const;

 private:
  bool fill();
  pid_t pid_ = -1;
  int output_ = -1;
  std::string said_;
};

}  // namespace drover::api::test
