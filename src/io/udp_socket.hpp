// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.hpp"
#include "transport/datagram.hpp"

namespace drover::io {

/// A non-blocking UDP socket that reads and writes in batches (recvmmsg, sendmmsg). Closes its descriptor.
class UdpSocket {
 public:
  static constexpr std::size_t kBatch = 32;
  static constexpr std::size_t kDatagramMax =
      2048;  ///< longer ones arrive cut and are dropped and counted: CoAP blocks are 1 KiB

  struct Options {
    bool reuse_port = false;       ///< SO_REUSEPORT: several sockets share the port, one per shard
    int receive_buffer = 4 << 20;  ///< SO_RCVBUF wish, bytes
    /// What peers at this socket are: Udp, or Dtls at a secure port. It is the kind of what is received.
    transport::Kind kind = transport::Kind::Udp;
  };

  /// `local` with host :: takes IPv6 and IPv4; a v4 host takes IPv4 alone. Port 0 lets the system choose.
  /// Errors (port in use, no permission, no such address) name address and reason.
  static Result<UdpSocket> open(const transport::PeerAddress& local, const Options& options);
  /// `count` sockets that share one port (SO_REUSEPORT) which nobody else, not even another instance of this program,
  /// has: the kernel spreads peers over them by address, and a peer stays with its socket as long as all are open.
  static Result<std::vector<UdpSocket>> open_shared(const transport::PeerAddress& local, std::size_t count,
                                                    const Options& options);
  /// For sockets of open_shared(), asked of one of them: a DTLS record with a Connection ID (RFC 9146) goes to the socket
  /// whose number its byte `at` is; all else is spread as before. False where the kernel doesn't do that.
  bool steer_by_connection_id(std::size_t at);
  ~UdpSocket();
  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&& other) noexcept;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] transport::PeerAddress local() const;

  /// Reads up to kBatch datagrams and calls `handle` for each; the count, 0 when there is nothing. The buffers belong
  /// to the thread: `handle` must not call receive().
  std::size_t receive(const std::function<void(const transport::Datagram&)>& handle);
  /// Sends all it can; what the kernel doesn't take (full buffer, unreachable) is dropped and counted: CoAP repeats.
  void send(const std::vector<transport::Transmit>& batch);

  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  UdpSocket(int fd, bool v4, transport::Kind kind) : fd_(fd), v4_(v4), kind_(kind) {}
  Result<void> share();
  int fd_ = -1;
  bool v4_ = false;
  transport::Kind kind_ = transport::Kind::Udp;
  std::uint64_t dropped_ = 0;
};

}  // namespace drover::io
