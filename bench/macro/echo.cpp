// SPDX-License-Identifier: Apache-2.0
// The yardstick: a UDP server that sends every datagram back. Usage: bench_echo plain|batch. Prints its port of
// 127.0.0.1; ends when standard input does.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

namespace {

constexpr unsigned kBatch = 32;  // as io::UdpSocket
constexpr std::size_t kDatagramMax = 2048;
constexpr int kBuffer = 16 << 20;

void echo_plain(int fd) {
  std::array<char, kDatagramMax> buffer;
  sockaddr_in from{};
  socklen_t size = sizeof from;
  const ssize_t count = recvfrom(fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
  if (count >= 0) {
    (void)sendto(fd, buffer.data(), static_cast<std::size_t>(count), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
}

void echo_batch(int fd) {
  static std::array<std::array<char, kDatagramMax>, kBatch> buffers;
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> parts{};
  std::array<sockaddr_in, kBatch> peers{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts[i] = {buffers[i].data(), buffers[i].size()};
    messages[i].msg_hdr.msg_name = &peers[i];
    messages[i].msg_hdr.msg_namelen = sizeof peers[i];
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int count = recvmmsg(fd, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (count <= 0) return;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) parts[i].iov_len = messages[i].msg_len;
  (void)sendmmsg(fd, messages.data(), static_cast<unsigned>(count), 0);
}

}  // namespace

int main(int count, char** arguments) {
  const bool plain = count == 2 && std::strcmp(arguments[1], "plain") == 0;
  if (!plain && (count != 2 || std::strcmp(arguments[1], "batch") != 0)) {
    std::fputs("usage: bench_echo plain|batch\n", stderr);
    return 2;
  }
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer) != 0) {
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kBuffer, sizeof kBuffer);
  }
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof local;
  if (bind(fd, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) != 0) {
    std::perror("bench_echo");
    return 3;
  }
  std::printf("%d\n", ntohs(local.sin_port));
  std::fflush(stdout);
  std::array<pollfd, 2> wait{pollfd{fd, POLLIN, 0}, pollfd{STDIN_FILENO, POLLIN, 0}};
  while (poll(wait.data(), wait.size(), -1) >= 0) {
    if (wait[1].revents != 0) return 0;
    if (plain) {
      echo_plain(fd);
    } else {
      echo_batch(fd);
    }
  }
  return 1;
}
