// SPDX-License-Identifier: Apache-2.0
// The other ends of lines: a pseudo-terminal and a listener on loopback.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "io/clock.hpp"
#include "io/event_loop.hpp"
#include "transport/datagram.hpp"

namespace drover::io {

/// The master of a pseudo-terminal; `path` is the device.
class TestTerminal {
 public:
  TestTerminal() : fd_(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) {
    EXPECT_EQ(::grantpt(fd_), 0);
    EXPECT_EQ(::unlockpt(fd_), 0);
    std::array<char, 128> name{};
    EXPECT_EQ(::ptsname_r(fd_, name.data(), name.size()), 0);
    path = name.data();
  }
  ~TestTerminal() { hang_up(); }
  TestTerminal(const TestTerminal&) = delete;
  TestTerminal& operator=(const TestTerminal&) = delete;

  void hang_up() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int fd() const { return fd_; }
  /// What is there at the moment.
  [[nodiscard]] std::string read() const {
    std::array<char, 4096> buffer;
    const ssize_t size = ::read(fd_, buffer.data(), buffer.size());
    return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
  }
  void write(std::string_view text) const {
    EXPECT_EQ(::write(fd_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  std::string path;

 private:
  int fd_ = -1;
};

/// Listens on loopback and takes one connection at a time.
class TestListener {
 public:
  TestListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
    EXPECT_EQ(::listen(fd_, 4), 0);
    socklen_t size = sizeof own;
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size), 0);
    address = transport::PeerAddress::v4(INADDR_LOOPBACK, ntohs(own.sin_port));
  }
  ~TestListener() {
    hang_up();
    stop();
  }
  TestListener(const TestListener&) = delete;
  TestListener& operator=(const TestListener&) = delete;

  /// True once there is a connection.
  bool accept() {
    if (peer_ < 0) peer_ = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return peer_ >= 0;
  }
  void hang_up() {
    if (peer_ >= 0) ::close(std::exchange(peer_, -1));
  }
  void stop() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] std::string read() const {
    std::array<char, 65536> buffer;
    const ssize_t size = ::recv(peer_, buffer.data(), buffer.size(), 0);
    return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
  }
  void write(std::string_view text) const {
    EXPECT_EQ(::send(peer_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }

  transport::PeerAddress address;

 private:
  int fd_ = -1, peer_ = -1;
};

/// Runs the loop until it holds; ten seconds are far more than a line on this machine takes.
template <class Condition>
bool await(EventLoop& loop, Condition condition) {
  const Instant give_up = now() + std::chrono::seconds(10);
  Instant look = now();
  bool held = false;
  const int waker = loop.add_waker([&] { return std::optional(look); },
                                   [&](Instant at) {
                                     look = at + std::chrono::milliseconds(2);
                                     held = held || condition();
                                     if (held || at >= give_up) loop.stop();
                                   });
  loop.run();
  loop.remove_waker(waker);
  return held;
}

}  // namespace drover::io
