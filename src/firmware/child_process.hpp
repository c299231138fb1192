// SPDX-License-Identifier: Apache-2.0
// A program that runs beside the event loop.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "io/event_loop.hpp"

namespace drover::firmware {

/// How a child ended.
struct Exit {
  std::optional<int> code;  ///< nothing: ended by `signal`
  int signal = 0;
  bool timed_out = false;  ///< it was told to end, for it took too long
  [[nodiscard]] bool is_success() const { return code == 0 && !timed_out; }
  /// "exit code 3", "signal 9", "took too long"
  [[nodiscard]] std::string to_string() const;
};

/// A child in a process group of its own, with /dev/null or a few bytes as input, output and error output as lines to `on_line`, no
/// other descriptor and no blocked signal. All on the loop's thread.
class ChildProcess {
 public:
  static constexpr std::size_t kInputMax = 32 << 10;  ///< bytes; half of what a pipe holds by itself
  static constexpr std::size_t kLineMax = 4096;  ///< bytes of a line; the rest of a longer one is dropped
  /// After the time is over the group gets SIGTERM, and so much later SIGKILL.
  static constexpr Duration kGrace = std::chrono::seconds(5);

  struct Command {
    std::vector<std::string> arguments;    ///< the first is the program, looked for in PATH
    std::vector<std::string> environment;  ///< "NAME=value", besides what this process has
    /// What it reads from its standard input, up to kInputMax bytes: unlike arguments and environment, nobody else sees
    /// it.
    std::optional<Secret<Bytes>> input{};
    std::string folder;                    ///< its working directory; "" for ours
    std::optional<Duration> timeout;
    bool outlives_us = false;  ///< isn't killed by the destructor
  };
  struct Listener {
    std::function<void(std::string_view)> on_line;
    /// Once, after the last line; may destroy the ChildProcess.
    std::function<void(const Exit&)> on_exit;
  };

  /// The error says why it can't be started. `loop` outlives the child. No callback from within start().
  static Result<std::unique_ptr<ChildProcess>> start(io::EventLoop& loop, Command command, Listener listener);
  /// Kills the group of a child that runs, and waits for it, unless `outlives_us`.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  ChildProcess(io::EventLoop& loop, pid_t pid, int pid_fd, int output, Command command, Listener listener);
  void read_output();
  void take(std::string_view bytes);
  void ended();
  void too_late(Instant now);
  void stop_watching();

  io::EventLoop& loop_;
  pid_t pid_;
  int pid_fd_;
  int output_;
  Command command_;
  Listener listener_;
  std::string line_;
  std::optional<Instant> due_;
  bool timed_out_ = false;
  bool running_ = true;
  int waker_ = 0;
};

}  // namespace drover::firmware
