// SPDX-License-Identifier: Apache-2.0
#include "machine/gpsd.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "io/clock.hpp"
#include "io/log.hpp"
#include "io/socket_address.hpp"

namespace drover::machine {

namespace {

constexpr std::string_view kWatch = "?WATCH={\"enable\":true,\"json\":true};\n";

}  // namespace

Gpsd::Gpsd(io::EventLoop& loop, const transport::PeerAddress& address, Listener listener)
    : loop_(loop), address_(address), listener_(std::move(listener)), retry_at_(io::now()) {
  waker_ = loop_.add_waker([this] { return retry_at_; }, [this](Instant now) { connect(now); });
}

Gpsd::~Gpsd() {
  loop_.remove_waker(waker_);
  close();
}

Gpsd::Counters Gpsd::counters() const {
  Counters counters = counters_;
  counters.malformed += lines_.dropped();
  return counters;
}

void Gpsd::connect(Instant now) {
  retry_at_.reset();
  const bool v4 = io::is_v4_mapped(address_);
  fd_ = ::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return lose(now);
  // A gpsd on another machine may vanish without a word.
  const int on = 1;
  (void)::setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  sockaddr_storage storage{};
  const socklen_t size = io::to_socket_address(address_, v4, storage);
  const int failed = ::connect(fd_, reinterpret_cast<const sockaddr*>(&storage), size);
  if (failed != 0 && errno != EINPROGRESS) {
    ::close(std::exchange(fd_, -1));
    return lose(now);
  }
  connecting_ = true;
  loop_.watch(fd_, io::EventLoop::Interest::Write, [this] { ready(); });
}

void Gpsd::ready() {
  if (!connecting_) return receive();
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return lose(io::now());
  // The first bytes on a new connection always fit its buffer.
  const ssize_t sent = ::send(fd_, kWatch.data(), kWatch.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(kWatch.size())) return lose(io::now());
  connecting_ = false;
  ++counters_.connections;
  loop_.change(fd_, io::EventLoop::Interest::Read);
}

void Gpsd::receive() {
  std::array<char, 4096> buffer;
  const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return lose(io::now());
  lines_.append({buffer.data(), static_cast<std::size_t>(size)});
  while (const auto line = lines_.next()) {
    const auto report = parse_gpsd(*line, io::unix_now());
    if (!report) {
      ++counters_.malformed;
      continue;
    }
    ++counters_.reports;
    wait_ = kRetryFirst;
    if (report->has_receiver) tell(*report->has_receiver);
    if (report->fix) {
      tell(true);
      listener_.fix(*report->fix);
    }
  }
}

void Gpsd::lose(Instant now) {
  close();
  lines_.restart();
  retry_at_ = now + wait_;
  wait_ = std::min(wait_ * 2, kRetryMax);
  tell(false);
}

void Gpsd::close() {
  connecting_ = false;
  if (fd_ < 0) return;
  loop_.unwatch(fd_);
  ::close(std::exchange(fd_, -1));
}

void Gpsd::tell(bool works) {
  if (told_ == works) return;
  told_ = works;
  io::log::info(works ? "gpsd works" : "gpsd doesn't work", {{"address", address_.to_string()}});
  listener_.works(works);
}

}  // namespace drover::machine
