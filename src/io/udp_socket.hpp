// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "base/result.hpp"
#include "transport/datagram.hpp"

namespace drover::io {

/// A non-blocking UDP socket that reads and writes in batches (recvmmsg, sendmmsg). Closes its descriptor.
class UdpSocket {
 public:
  static constexpr std::size_t kBatch = 32;
  static constexpr std::size_t kDatagramMax = 2048;  ///< longer ones arrive cut and are dropped and counted: CoAP blocks are 1 KiB

  struct Options {
    bool reuse_port = false;       ///< SO_REUSEPORT: several sockets share the port, one per shard
    int receive_buffer = 4 << 20;  ///< SO_RCVBUF wish, bytes
  };

  /// `local` with host :: takes IPv6 and IPv4; a v4 host takes IPv4 alone. Port 0 lets the system choose.
  /// Errors (port in use, no permission, no such address) name address and reason.
  static Result<UdpSocket> open(const transport::PeerAddress& local, const Options& options);
  ~UdpSocket();
  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&& other) noexcept;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] transport::PeerAddress local() const;

  /// Reads up to kBatch datagrams and calls `handle` for each; the count, 0 when there is nothing.
  std::size_t receive(const std::function<void(const transport::Datagram&)>& handle);
  /// Sends all it can; what the kernel doesn't take (full buffer, unreachable) is dropped and counted: CoAP repeats.
  void send(const std::vector<transport::Transmit>& batch);

  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  explicit UdpSocket(int fd) : fd_(fd) {}
  int fd_ = -1;
  std::uint64_t dropped_ = 0;
};

}  // namespace drover::io
