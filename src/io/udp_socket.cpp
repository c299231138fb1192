// SPDX-License-Identifier: Apache-2.0
#include "io/udp_socket.hpp"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <iterator>
#include <memory>
#include <utility>

#include "io/socket_address.hpp"

namespace drover::io {

namespace {

/// What recvmmsg(2) needs for a batch: 66 kB, one a thread however many sockets it serves.
struct ReceiveBuffers {
  std::array<std::array<std::uint8_t, UdpSocket::kDatagramMax>, UdpSocket::kBatch> bytes;
  std::array<sockaddr_storage, UdpSocket::kBatch> from;
  std::array<iovec, UdpSocket::kBatch> parts;
  std::array<mmsghdr, UdpSocket::kBatch> headers;

  void prepare() {
    for (std::size_t i = 0; i < UdpSocket::kBatch; ++i) {
      parts[i] = {bytes[i].data(), bytes[i].size()};
      headers[i] = {};
      headers[i].msg_hdr.msg_name = &from[i];
      headers[i].msg_hdr.msg_namelen = sizeof from[i];
      headers[i].msg_hdr.msg_iov = &parts[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

ReceiveBuffers& receive_buffers() {
  thread_local const std::unique_ptr<ReceiveBuffers> buffers = std::make_unique<ReceiveBuffers>();
  return *buffers;
}

tl::unexpected<Error> failure(const transport::PeerAddress& local, int code) {
  std::string why = error_text(code);
  if (code == EADDRINUSE) why = "the port is in use by another program";
  if (code == EACCES) why = "no permission for that port";
  if (code == EADDRNOTAVAIL) why = "this machine has no such address";
  return tl::unexpected(Error{Fault::Environment, 0, "cannot listen on UDP " + local.to_string() + ": " + why});
}

}  // namespace

Result<UdpSocket> UdpSocket::open(const transport::PeerAddress& local, const Options& options) {
  bool v4 = is_v4_mapped(local);
  int fd = ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 && errno == EAFNOSUPPORT && local.host == std::array<std::uint8_t, 16>{}) {
    // A kernel without IPv6: "everything" is then IPv4 alone.
    v4 = true;
    fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  }
  if (fd < 0) return failure(local, errno);
  UdpSocket socket(fd, v4, options.kind);
  const int off = 0;
  if (!v4 && ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) return failure(local, errno);
  if (options.reuse_port) {
    if (auto shared = socket.share(); !shared) return failure(local, errno);
  }
  // A wish: the kernel caps it at net.core.rmem_max.
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof options.receive_buffer);
  sockaddr_storage address{};
  const socklen_t length = to_socket_address(local, v4, address);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) return failure(local, errno);
  return socket;
}

Result<std::vector<UdpSocket>> UdpSocket::open_shared(const transport::PeerAddress& local, std::size_t count,
                                                      const Options& options) {
  assert(count > 0);
  // SO_REUSEPORT would let any other instance of the same user join in, so the first socket takes the port for itself
  // alone, and only then opens it to its siblings.
  Options exclusive = options;
  exclusive.reuse_port = false;
  auto first = open(local, exclusive);
  if (!first) return tl::unexpected(first.error());
  if (auto shared = first->share(); !shared) return tl::unexpected(shared.error());
  transport::PeerAddress chosen = local;
  chosen.port = first->local().port;
  std::vector<UdpSocket> sockets;
  sockets.push_back(std::move(*first));
  Options sharing = options;
  sharing.reuse_port = true;
  while (sockets.size() < count) {
    auto next = open(chosen, sharing);
    if (!next) return tl::unexpected(next.error());
    sockets.push_back(std::move(*next));
  }
  return sockets;
}

Result<void> UdpSocket::share() {
  const int on = 1;
  if (::setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) return failure(local(), errno);
  return {};
}

UdpSocket::~UdpSocket() {
  if (fd_ >= 0) ::close(fd_);
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), v4_(other.v4_), kind_(other.kind_), dropped_(other.dropped_) {}

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(v4_, other.v4_);
  std::swap(kind_, other.kind_);
  std::swap(dropped_, other.dropped_);
  return *this;
}

transport::PeerAddress UdpSocket::local() const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return from_socket_address(address).value_or(transport::PeerAddress{}).as(kind_);
}

bool UdpSocket::steer_by_connection_id(std::size_t at) {
  constexpr std::uint32_t kConnectionIdRecord = 25;  // tls12_cid, RFC 9146 §4
  constexpr std::uint32_t kIdAt = 11;                // behind type, version, epoch and sequence number
  constexpr std::uint32_t kAsBefore = 0xFFFFFFFF;    // no socket has that number: the kernel falls back to its hash
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kConnectionIdRecord, 0, 2),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kIdAt + static_cast<std::uint32_t>(at)),
      BPF_STMT(BPF_RET | BPF_A, 0),
      BPF_STMT(BPF_RET | BPF_K, kAsBefore),
  };
  const sock_fprog filter{std::size(program), program};
  return ::setsockopt(fd_, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter) == 0;
}

std::size_t UdpSocket::receive(const std::function<void(const transport::Datagram&)>& handle) {
  ReceiveBuffers& buffers = receive_buffers();
  buffers.prepare();
  int count = 0;
  do {
    count = ::recvmmsg(fd_, buffers.headers.data(), kBatch, MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  // Nothing there, or a pending ICMP error, which recvmmsg reports once and which CoAP's retransmission covers.
  if (count <= 0) return 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const mmsghdr& header = buffers.headers[i];
    const auto from = from_socket_address(buffers.from[i]);
    if (!from || (header.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      ++dropped_;
      continue;
    }
    handle(transport::Datagram{from->as(kind_), ByteView(buffers.bytes[i].data(), header.msg_len)});
  }
  return static_cast<std::size_t>(count);
}

void UdpSocket::send(const std::vector<transport::Transmit>& batch) {
  std::array<sockaddr_storage, kBatch> to;
  std::array<iovec, kBatch> parts;
  std::array<mmsghdr, kBatch> headers;
  std::size_t next = 0;
  while (next < batch.size()) {
    std::size_t filled = 0;
    for (; next < batch.size() && filled < kBatch; ++next) {
      const transport::Transmit& transmit = batch[next];
      const socklen_t length = to_socket_address(transmit.to, v4_, to[filled]);
      if (length == 0) {
        ++dropped_;
        continue;
      }
      // sendmmsg(2) doesn't write through the pointer; iovec has no const form.
      parts[filled] = {const_cast<std::uint8_t*>(transmit.bytes.data()), transmit.bytes.size()};
      headers[filled] = {};
      headers[filled].msg_hdr.msg_name = &to[filled];
      headers[filled].msg_hdr.msg_namelen = length;
      headers[filled].msg_hdr.msg_iov = &parts[filled];
      headers[filled].msg_hdr.msg_iovlen = 1;
      ++filled;
    }
    for (std::size_t sent = 0; sent < filled;) {
      const int count = ::sendmmsg(fd_, &headers[sent], static_cast<unsigned>(filled - sent), MSG_DONTWAIT);
      if (count > 0) {
        sent += static_cast<std::size_t>(count);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
        dropped_ += filled - sent;
        break;
      } else if (errno != EINTR) {
        ++dropped_;  // this one can't be sent (unreachable, refused); the next may
        ++sent;
      }
    }
  }
}

}  // namespace drover::io
