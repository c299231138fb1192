// SPDX-License-Identifier: Apache-2.0
#include "runner.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>

#include "io/clock.hpp"
#include "io/event_loop.hpp"
#include "io/file_descriptor.hpp"
#include "network.hpp"
#include "pty.hpp"
#include "trace.hpp"

namespace drover::smsc {
namespace {

constexpr std::size_t kConnectionsMax = 256;
constexpr int kBacklog = 16;
/// Octets that an ESME doesn't read; then its connection is closed.
constexpr std::size_t kUnsentMax = 1 << 20;
constexpr std::size_t kCommandMax = 4096;  ///< characters of a line of standard input

tl::unexpected<Error> failed(const std::string& what) {
  return tl::unexpected(Error{Fault::Environment, 0, what + ": " + std::strerror(errno)});
}

Result<io::FileDescriptor> listen_on(const Config& config) {
  io::FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(config.port);
  inet_pton(AF_INET, config.host.c_str(), &address.sin_addr);
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(socket.get(), kBacklog) != 0) {
    return failed(config.host + ":" + std::to_string(config.port));
  }
  return socket;
}

std::uint16_t port_of(int socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

std::vector<ModemSettings> modem_settings(const Config& config) {
  std::vector<ModemSettings> all;
  for (const ModemConfig& modem : config.modems) all.push_back(modem.settings);
  return all;
}

class Runner {
 public:
  Runner(const Config& config, io::FileDescriptor listener, io::FileDescriptor signals, std::vector<Pty> ptys)
      : config_(config),
        rng_(config.seed),
        network_(config.centre, config.sessions, config.accounts, modem_settings(config),
                 std::chrono::seconds(io::unix_now()) - io::now().time_since_epoch(), rng_),
        listener_(std::move(listener)),
        signals_(std::move(signals)),
        ptys_(std::move(ptys)),
        began_(io::now()) {}

  void run() {
    using Interest = io::EventLoop::Interest;
    loop_.watch(signals_.get(), Interest::Read, [this] { loop_.stop(); });
    loop_.watch(listener_.get(), Interest::Read, [this] { accept(); });
    for (std::size_t i = 0; i < ptys_.size(); ++i) {
      loop_.watch(ptys_[i].fd(), Interest::Read, [this, i] { read_pty(i); });
    }
    watch_commands();
    loop_.add_waker([this] { return network_.deadline(); },
                    [this](Instant now) {
                      network_.handle_timeout(now);
                      flush();
                    });
    say(ready_line(config_, port_of(listener_.get())));
    loop_.run();
    static_cast<void>(network_.command(io::now(), "end"));
    flush();
  }

 private:
  struct Connection {
    io::FileDescriptor socket;
    Bytes unsent;
  };

  void accept() {
    io::FileDescriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() < 0 || connections_.size() >= kConnectionsMax) return;
    const int on = 1;
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const SessionId id = network_.open(io::now());
    const int fd = socket.get();
    connections_.emplace(id, Connection{std::move(socket), {}});
    loop_.watch(fd, io::EventLoop::Interest::Read, [this, id] { serve(id); });
  }

  void serve(SessionId id) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    std::uint8_t buffer[16384];
    const auto count = recv(found->second.socket.get(), buffer, sizeof buffer, 0);
    if (count > 0) {
      network_.receive(io::now(), id, ByteView(buffer, static_cast<std::size_t>(count)));
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      close(id);
    }
    flush();
  }

  void close(SessionId id) {
    const auto found = connections_.find(id);
    loop_.unwatch(found->second.socket.get());
    connections_.erase(found);
    network_.close(io::now(), id);
  }

  void read_pty(std::size_t modem) {
    const Bytes bytes = ptys_[modem].read();
    network_.receive_from_host(io::now(), modem, bytes);
    flush();
  }

  /// A file or /dev/null can't be watched, and has nothing to say.
  void watch_commands() {
    struct epoll_event probe {};
    probe.events = EPOLLIN;
    const io::FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, STDIN_FILENO, &probe) != 0) return;
    loop_.watch(STDIN_FILENO, io::EventLoop::Interest::Read, [this] { read_commands(); });
  }

  void read_commands() {
    char buffer[kCommandMax];
    const auto count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count <= 0) return loop_.unwatch(STDIN_FILENO);
    commands_.append(buffer, static_cast<std::size_t>(count));
    for (auto end = commands_.find('\n'); end != std::string::npos; end = commands_.find('\n')) {
      const std::string line = commands_.substr(0, end);
      commands_.erase(0, end + 1);
      if (const auto done = run_command(line); !done) {
        std::fprintf(stderr, "drover-smsc: %s\n", done.error().reason.c_str());
      }
    }
    if (commands_.size() > kCommandMax) commands_.clear();
    flush();
  }

  /// "card NUMBER FILE" and "card NUMBER none" need the disk; all others are the network's.
  Result<void> run_command(const std::string& line) {
    constexpr std::string_view kCard = "card ";
    const auto space = line.find(' ', kCard.size());
    if (!line.starts_with(kCard)) return network_.command(io::now(), line);
    if (space == std::string::npos) {
      return tl::unexpected(Error{Fault::Us, 0, "what card? \"card NUMBER FILE\" or \"card NUMBER none\""});
    }
    const std::string number = line.substr(kCard.size(), space - kCard.size()), file = line.substr(space + 1);
    if (file == "none") return network_.insert_card(io::now(), number, std::nullopt);
    std::vector<std::string> warnings;
    auto card = read_card(file, warnings);
    for (const std::string& warning : warnings) std::fprintf(stderr, "drover-smsc: %s\n", warning.c_str());
    if (!card) return tl::unexpected(card.error());
    return network_.insert_card(io::now(), number, std::move(*card));
  }

  /// Everything that anybody has to say.
  void flush() {
    for (std::size_t i = 0; i < ptys_.size(); ++i) {
      while (const auto bytes = network_.poll_host_output(i)) ptys_[i].write(*bytes);
    }
    std::vector<SessionId> closed;
    for (auto& [id, connection] : connections_) {
      if (!network_.has(id)) {
        closed.push_back(id);  // by a command
        continue;
      }
      while (const auto bytes = network_.poll_output(id)) {
        connection.unsent.insert(connection.unsent.end(), bytes->begin(), bytes->end());
      }
      const bool broken = !send(connection);
      const bool over = network_.wants_closed(id) && connection.unsent.empty();
      if (broken || over || connection.unsent.size() > kUnsentMax) closed.push_back(id);
    }
    for (const SessionId id : closed) close(id);
    while (const auto event = network_.poll_event()) {
      if (config_.trace) say(event_line(*event, io::now() - began_, config_.trace_data));
    }
    if (!closed.empty()) flush();
  }

  bool send(Connection& connection) {
    using Interest = io::EventLoop::Interest;
    while (!connection.unsent.empty()) {
      const Bytes& unsent = connection.unsent;
      const auto count = ::send(connection.socket.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
      if (count <= 0) return false;
      connection.unsent.erase(connection.unsent.begin(), connection.unsent.begin() + count);
    }
    loop_.change(connection.socket.get(), connection.unsent.empty() ? Interest::Read : Interest::ReadWrite);
    return true;
  }

  const Config& config_;
  SplitMix rng_;
  Network network_;
  io::FileDescriptor listener_, signals_;
  std::vector<Pty> ptys_;
  std::map<SessionId, Connection> connections_;
  std::string commands_;
  Instant began_;
  io::EventLoop loop_;
};

}  // namespace

Result<void> run(const Config& config) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  io::FileDescriptor signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (signals.get() < 0) return failed("signalfd");
  auto listener = listen_on(config);
  if (!listener) return tl::unexpected(listener.error());
  std::vector<Pty> ptys;
  for (const ModemConfig& modem : config.modems) {
    auto pty = Pty::open(modem.device);
    if (!pty) return tl::unexpected(pty.error());
    ptys.push_back(std::move(*pty));
  }
  Runner(config, std::move(*listener), std::move(signals), std::move(ptys)).run();
  return {};
}

}  // namespace drover::smsc
