// SPDX-License-Identifier: Apache-2.0
#include "apps/card/serve.hpp"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/card/description.hpp"
#include "apps/card/place.hpp"
#include "io/event_loop.hpp"

namespace drover::card {

namespace uicc = smartcard::uicc;

namespace {

constexpr std::size_t kCommandMax = 4096;  ///< characters of a line of standard input

void say(const nlohmann::ordered_json& event) {
  std::printf("%s\n", event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

void complain(const std::string& reason) { std::fprintf(stderr, "drover-card: %s\n", reason.c_str()); }

class Server {
 public:
  Server(const Options& options, Place& place, int signals) : options_(options), place_(place), signals_(signals) {}

  Result<void> run() {
    using Interest = io::EventLoop::Interest;
    if (auto inserted = place_.insert(); !inserted) return inserted;
    loop_.watch(signals_, Interest::Read, [this] { take_signal(); });
    watch_place();
    watch_commands();
    nlohmann::ordered_json ready = {{"event", "ready"}, {"description", options_.description}};
    if (options_.at.empty()) {
      ready["vpcd"] = options_.vpcd_host + ":" + std::to_string(options_.vpcd_port);
    } else {
      ready["device"] = options_.at;
    }
    say(ready);
    loop_.run();
    return std::move(result_);
  }

 private:
  void watch_place() {
    const int fd = place_.fd();
    if (fd == watched_) return;
    if (watched_ >= 0) loop_.unwatch(watched_);
    watched_ = fd;
    if (fd < 0) return;
    loop_.watch(fd, io::EventLoop::Interest::Read, [this, fd] {
      auto served = place_.serve();
      if (served) return;
      loop_.unwatch(fd);
      watched_ = -1;
      result_ = std::move(served);
      loop_.stop();
    });
  }

  void take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo != SIGUSR1) return loop_.stop();
    run_command(place_.has_card() ? "remove" : "insert");
  }

  void run_command(const std::string& line) {
    if (line.empty()) return;
    const auto space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
    if (name == "remove") {
      // Unwatched first: the descriptor is closed with the connection.
      if (options_.at.empty() && watched_ >= 0) loop_.unwatch(std::exchange(watched_, -1));
      place_.remove();
      return say({{"event", "removed"}});
    }
    if (name == "insert") {
      if (const auto inserted = place_.insert(); !inserted) return complain(inserted.error().reason);
      watch_place();
      return say({{"event", "inserted"}});
    }
    if (name == "reset") {
      place_.reset();
      return say({{"event", "reset"}});
    }
    if (name == "load" && !argument.empty()) {
      const auto image = read_description(argument);
      if (!image) return complain(image.error().reason);
      place_.replace(*image);
      return say({{"event", "loaded"}, {"description", argument}});
    }
    complain("\"" + line + "\": takes remove, insert, reset and load FILE");
  }

  /// A file or /dev/null can't be watched, and has nothing to say.
  void watch_commands() {
    epoll_event probe{};
    probe.events = EPOLLIN;
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    const bool can = epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &probe) == 0;
    ::close(epoll);
    if (can) loop_.watch(STDIN_FILENO, io::EventLoop::Interest::Read, [this] { read_commands(); });
  }

  void read_commands() {
    char buffer[kCommandMax];
    const auto count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count <= 0) return loop_.unwatch(STDIN_FILENO);
    commands_.append(buffer, static_cast<std::size_t>(count));
    for (auto end = commands_.find('\n'); end != std::string::npos; end = commands_.find('\n')) {
      const std::string line = commands_.substr(0, end);
      commands_.erase(0, end + 1);
      run_command(line);
    }
    if (commands_.size() > kCommandMax) commands_.clear();
  }

  const Options& options_;
  Place& place_;
  int signals_;
  int watched_ = -1;
  std::string commands_;
  Result<void> result_;
  io::EventLoop loop_;
};

}  // namespace

Result<void> serve(const Options& options, uicc::CardImage image) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  const int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) {
    return tl::unexpected(Error{Fault::Environment, 0, std::string("signalfd: ") + std::strerror(errno)});
  }
  auto place = options.at.empty() ? in_reader(options, std::move(image)) : in_modem(options, std::move(image));
  if (!place) {
    ::close(signals);
    return tl::unexpected(place.error());
  }
  if (options.trace) complain("what follows here may hold keys and a PIN");
  auto result = Server(options, **place, signals).run();
  ::close(signals);
  return result;
}

}  // namespace drover::card
