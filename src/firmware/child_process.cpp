// SPDX-License-Identifier: Apache-2.0
#include "firmware/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "io/clock.hpp"
#include "io/socket_address.hpp"

extern char** environ;

namespace drover::firmware {

namespace {

tl::unexpected<Error> failure(const std::string& what, int code) {
  return tl::unexpected(Error{Fault::Environment, 0, what + ": " + io::error_text(code)});
}

/// What posix_spawn(3) is told; freed at the end.
struct SpawnPlan {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};

  SpawnPlan(int input, int output, const std::string& folder) {
    constexpr int kFirstOfOthers = 3;
    posix_spawn_file_actions_init(&files);
    if (input >= 0) {
      posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    } else {
      posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&files, kFirstOfOthers);
    if (!folder.empty()) posix_spawn_file_actions_addchdir_np(&files, folder.c_str());
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    // We block and ignore signals that a shell and its programs count on.
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

/// The reading end of a pipe that holds `bytes` and its end; -1 on an error.
int filled_pipe(ByteView bytes) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return -1;
  ::fcntl(pipe[1], F_SETFL, O_NONBLOCK);
  const bool whole = ::write(pipe[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  ::close(pipe[1]);
  if (whole) return pipe[0];
  ::close(pipe[0]);
  return -1;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

/// Ours, with the command's variables in place of those of the same name.
std::vector<std::string> merged_environment(const std::vector<std::string>& more) {
  std::vector<std::string> all = more;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view ours(*entry);
    const std::string_view name = ours.substr(0, ours.find('=') + 1);
    bool replaced = false;
    for (const std::string& other : more) replaced |= other.starts_with(name);
    if (!replaced) all.emplace_back(ours);
  }
  return all;
}

}  // namespace

std::string Exit::to_string() const {
  if (timed_out) return "took too long";
  return code ? "exit code " + std::to_string(*code) : "signal " + std::to_string(signal);
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(io::EventLoop& loop, Command command, Listener listener) {
  int input = -1;
  if (command.input) {
    if (command.input->reveal().size() > kInputMax) return failure("input", E2BIG);
    input = filled_pipe(command.input->reveal());
    if (input < 0) return failure("pipe", errno);
    command.input.reset();
  }
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    const int why = errno;
    if (input >= 0) ::close(input);
    return failure("pipe", why);
  }
  std::vector<std::string> environment = merged_environment(command.environment);
  std::vector<char*> arguments = pointers(command.arguments);
  std::vector<char*> variables = pointers(environment);
  pid_t pid = 0;
  int code = 0;
  {
    const SpawnPlan plan(input, pipe[1], command.folder);
    code = ::posix_spawnp(&pid, arguments.front(), &plan.files, &plan.attributes, arguments.data(), variables.data());
  }
  ::close(pipe[1]);
  if (input >= 0) ::close(input);
  if (code != 0) {
    ::close(pipe[0]);
    return failure(command.arguments.front(), code);
  }
  // Not the wrapper: that of glibc 2.36 can't be called from C++.
  const int pid_fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pid_fd < 0) {
    const int why = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    ::close(pipe[0]);
    return failure("pidfd_open", why);
  }
  ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);
  return std::unique_ptr<ChildProcess>(
      new ChildProcess(loop, pid, pid_fd, pipe[0], std::move(command), std::move(listener)));
}

ChildProcess::ChildProcess(io::EventLoop& loop, pid_t pid, int pid_fd, int output, Command command, Listener listener)
    : loop_(loop),
      pid_(pid),
      pid_fd_(pid_fd),
      output_(output),
      command_(std::move(command)),
      listener_(std::move(listener)) {
  if (command_.timeout) due_ = io::now() + *command_.timeout;
  loop_.watch(output_, io::EventLoop::Interest::Read, [this] { read_output(); });
  loop_.watch(pid_fd_, io::EventLoop::Interest::Read, [this] { ended(); });
  waker_ = loop_.add_waker([this] { return due_; }, [this](Instant now) { too_late(now); });
}

ChildProcess::~ChildProcess() {
  if (running_ && !command_.outlives_us) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  stop_watching();
}

void ChildProcess::stop_watching() {
  if (waker_ == 0) return;
  loop_.remove_waker(waker_);
  waker_ = 0;
  if (output_ >= 0) {
    loop_.unwatch(output_);
    ::close(output_);
  }
  loop_.unwatch(pid_fd_);
  ::close(pid_fd_);
}

void ChildProcess::too_late(Instant now) {
  ::kill(-pid_, timed_out_ ? SIGKILL : SIGTERM);
  due_.reset();
  if (!timed_out_) due_ = now + kGrace;
  timed_out_ = true;
}

void ChildProcess::read_output() {
  constexpr int kReadsMax = 16;  // a pipe's 64 KiB; a child that never stops talking mustn't keep the loop
  std::array<char, 4096> buffer{};
  for (int i = 0; i < kReadsMax; ++i) {
    const ssize_t count = ::read(output_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count > 0) {
      take({buffer.data(), static_cast<std::size_t>(count)});
      continue;
    }
    if (count == 0) {
      loop_.unwatch(output_);
      ::close(output_);
      output_ = -1;
    }
    return;
  }
}

void ChildProcess::take(std::string_view bytes) {
  for (const char c : bytes) {
    if (c != '\n') {
      if (line_.size() < kLineMax) line_ += c;
      continue;
    }
    const std::string line = std::exchange(line_, {});
    if (listener_.on_line) listener_.on_line(line);
  }
}

void ChildProcess::ended() {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return;
  running_ = false;
  // What the child's own children still hold open isn't waited for.
  if (output_ >= 0) read_output();
  if (!line_.empty()) take("\n");
  stop_watching();
  Exit exit;
  exit.timed_out = timed_out_;
  if (WIFEXITED(status)) {
    exit.code = WEXITSTATUS(status);
  } else {
    exit.signal = WTERMSIG(status);
  }
  const auto on_exit = std::move(listener_.on_exit);
  if (on_exit) on_exit(exit);
}

}  // namespace drover::firmware
