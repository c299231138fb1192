// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/sockets.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "io/file_descriptor.hpp"
#include "io/socket_address.hpp"

namespace drover::swarm {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kDatagramMax = 2048;  // CoAP blocks are 1 KiB
constexpr int kBuffer = 16 << 20;
constexpr std::uint32_t kFirstAddress = 0x7F010001;  // 127.1.0.1

tl::unexpected<Error> failure(const std::string& what) {
  return tl::unexpected(Error{Fault::Environment, 0, what + ": " + io::error_text(errno)});
}

int to_milliseconds(Duration longest) {
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(longest).count();
  return static_cast<int>(std::clamp<std::int64_t>(whole, 0, 60'000));
}

template <class T>
sockaddr* as_sockaddr(T* address) {
  return reinterpret_cast<sockaddr*>(address);
}

void widen_buffers(int fd) {
  // The forced form is for root; the other one is cut to net.core.*mem_max. Neither is needed to work.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer) != 0) {
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kBuffer, sizeof kBuffer);
  }
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kBuffer, sizeof kBuffer) != 0) {
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kBuffer, sizeof kBuffer);
  }
}

/// One connected socket a device, all in one epoll set.
class PortSockets final : public Sockets {
 public:
  static Result<std::unique_ptr<Sockets>> open(std::uint32_t count, const transport::PeerAddress& server);

  void send(std::uint32_t device, Bytes bytes) override {
    if (::send(sockets_[device].get(), bytes.data(), bytes.size(), MSG_DONTWAIT) < 0) ++unsent_;
  }
  void flush() override {}
  void receive(Duration longest, const Handler& handle) override;

 private:
  io::FileDescriptor epoll_;
  std::vector<io::FileDescriptor> sockets_;
};

Result<std::unique_ptr<Sockets>> PortSockets::open(std::uint32_t count, const transport::PeerAddress& server) {
  constexpr rlim_t kOthers = 16;  // standard streams, epoll, log
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < count + kOthers) {
    // Root may raise the hard limit too.
    const rlimit wish{count + kOthers, std::max<rlim_t>(limit.rlim_max, count + kOthers)};
    if (setrlimit(RLIMIT_NOFILE, &wish) != 0) {
      return tl::unexpected(
          Error{Fault::Environment, 0,
                std::to_string(count) + " devices with a port each need as many descriptors, the limit is " +
                    std::to_string(limit.rlim_max) + ": raise it (ulimit -n) or use --source addresses"});
    }
  }
  auto made = std::make_unique<PortSockets>();
  made->epoll_ = io::FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  if (made->epoll_.get() < 0) return failure("epoll");
  sockaddr_storage to{};
  const bool v4 = server.is_v4();
  const socklen_t size = io::to_socket_address(server, v4, to);
  made->sockets_.reserve(count);
  for (std::uint32_t device = 0; device < count; ++device) {
    io::FileDescriptor socket(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) return failure("socket " + std::to_string(device + 1));
    if (connect(socket.get(), as_sockaddr(&to), size) != 0) {
      const std::string hint =
          errno == EAGAIN || errno == EADDRNOTAVAIL ? " (no port is left: use --source addresses)" : "";
      return failure("socket " + std::to_string(device + 1) + " to " + server.to_string() + hint);
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = device;
    if (epoll_ctl(made->epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event) != 0) return failure("epoll");
    made->sockets_.push_back(std::move(socket));
  }
  return made;
}

void PortSockets::receive(Duration longest, const Handler& handle) {
  std::array<epoll_event, kBatch> events;
  std::array<std::uint8_t, kDatagramMax> buffer;
  const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(kBatch), to_milliseconds(longest));
  for (int i = 0; i < ready; ++i) {
    const std::uint32_t device = events[static_cast<std::size_t>(i)].data.u32;
    const ssize_t size = recv(sockets_[device].get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size >= 0) handle(device, {buffer.data(), static_cast<std::size_t>(size)});
  }
}

/// One socket for all devices; IP_PKTINFO carries which address of 127.0.0.0/8 a datagram is from or for.
class AddressSockets final : public Sockets {
 public:
  static Result<std::unique_ptr<Sockets>> open(std::uint32_t first, std::uint32_t count,
                                               const transport::PeerAddress& server);

  void send(std::uint32_t device, Bytes bytes) override {
    outgoing_.push_back({device, std::move(bytes)});
    if (outgoing_.size() == kBatch) flush();
  }
  void flush() override;
  void receive(Duration longest, const Handler& handle) override;

 private:
  union Control {
    cmsghdr header;  // for the alignment
    std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> space;
  };
  struct Outgoing {
    std::uint32_t device;
    Bytes bytes;
  };

  io::FileDescriptor socket_;
  sockaddr_in server_{};
  std::uint32_t first_ = 0;  // the first device's address, host byte order
  std::uint32_t count_ = 0;
  std::vector<Outgoing> outgoing_;
  std::vector<std::array<std::uint8_t, kDatagramMax>> buffers_{kBatch};
};

Result<std::unique_ptr<Sockets>> AddressSockets::open(std::uint32_t first, std::uint32_t count,
                                                      const transport::PeerAddress& server) {
  if (!server.is_v4() || server.host[12] != 127) {
    return tl::unexpected(
        Error{Fault::Environment, 0,
              "--source addresses takes addresses of 127.0.0.0/8 and reaches only a server there, not " +
                  server.to_string()});
  }
  auto made = std::make_unique<AddressSockets>();
  made->socket_ = io::FileDescriptor(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (made->socket_.get() < 0) return failure("socket");
  const int on = 1;
  if (setsockopt(made->socket_.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0) return failure("IP_PKTINFO");
  widen_buffers(made->socket_.get());
  sockaddr_in local{};
  local.sin_family = AF_INET;
  if (bind(made->socket_.get(), as_sockaddr(&local), sizeof local) != 0) return failure("bind");
  sockaddr_storage storage{};
  io::to_socket_address(server, true, storage);
  std::memcpy(&made->server_, &storage, sizeof made->server_);
  made->first_ = kFirstAddress + first - 1;
  made->count_ = count;
  return made;
}

void AddressSockets::flush() {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> parts{};
  std::array<Control, kBatch> controls{};
  for (std::size_t i = 0; i < outgoing_.size(); ++i) {
    parts[i] = {outgoing_[i].bytes.data(), outgoing_[i].bytes.size()};
    msghdr& header = messages[i].msg_hdr;
    header.msg_name = &server_;
    header.msg_namelen = sizeof server_;
    header.msg_iov = &parts[i];
    header.msg_iovlen = 1;
    header.msg_control = controls[i].space.data();
    header.msg_controllen = controls[i].space.size();
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = IPPROTO_IP;
    control->cmsg_type = IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = htonl(first_ + outgoing_[i].device);
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
  }
  std::size_t sent = 0;
  while (sent < outgoing_.size()) {
    const int count = sendmmsg(socket_.get(), &messages[sent], static_cast<unsigned>(outgoing_.size() - sent), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) ++unsent_;
    sent += count > 0 ? static_cast<std::size_t>(count) : 1;
  }
  outgoing_.clear();
}

void AddressSockets::receive(Duration longest, const Handler& handle) {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> parts{};
  std::array<Control, kBatch> controls{};
  std::array<sockaddr_in, kBatch> senders{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts[i] = {buffers_[i].data(), buffers_[i].size()};
    msghdr& header = messages[i].msg_hdr;
    header.msg_name = &senders[i];
    header.msg_namelen = sizeof senders[i];
    header.msg_iov = &parts[i];
    header.msg_iovlen = 1;
    header.msg_control = controls[i].space.data();
    header.msg_controllen = controls[i].space.size();
  }
  int count = recvmmsg(socket_.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (count < 0 && errno == EAGAIN && longest > Duration::zero()) {
    pollfd wait{socket_.get(), POLLIN, 0};
    if (poll(&wait, 1, to_milliseconds(longest)) > 0) {
      count = recvmmsg(socket_.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    }
  }
  for (std::size_t i = 0; count > 0 && i < static_cast<std::size_t>(count); ++i) {
    const bool from_server =
        senders[i].sin_addr.s_addr == server_.sin_addr.s_addr && senders[i].sin_port == server_.sin_port;
    for (cmsghdr* at = CMSG_FIRSTHDR(&messages[i].msg_hdr); from_server && at != nullptr;
         at = CMSG_NXTHDR(&messages[i].msg_hdr, at)) {
      if (at->cmsg_level != IPPROTO_IP || at->cmsg_type != IP_PKTINFO) continue;
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(at), sizeof info);
      const std::uint32_t device = ntohl(info.ipi_addr.s_addr) - first_;
      if (device < count_) handle(device, {buffers_[i].data(), messages[i].msg_len});
    }
  }
}

}  // namespace

Result<std::unique_ptr<Sockets>> Sockets::open(const Options& options, const transport::PeerAddress& server) {
  if (options.source == Source::Ports) return PortSockets::open(options.count, server);
  return AddressSockets::open(options.first, options.count, server);
}

}  // namespace drover::swarm
