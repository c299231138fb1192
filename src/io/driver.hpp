// SPDX-License-Identifier: Apache-2.0
// The real loop's half of the one driving contract; sim/ has the other half.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "io/clock.hpp"
#include "io/event_loop.hpp"
#include "io/udp_socket.hpp"
#include "transport/datagram.hpp"

namespace drover::io {

/// A sans-IO core: mutate once, drain every poll_*, wait for deadline().
template <class Core>
concept Driven = requires(Core core, const Core& const_core, Instant now, const transport::Datagram& datagram) {
  core.handle_datagram(now, datagram);
  core.handle_timeout(now);
  { core.poll_transmit() } -> std::same_as<std::optional<transport::Transmit>>;
  { const_core.deadline() } -> std::same_as<std::optional<Deadline>>;
};

/// Ties a core to a socket and a loop. `after` runs once behind every mutation: the owner drains the core's other polls
/// there. `before_sending` runs once before what came of one or several mutations leaves the socket. All calls on the
/// loop's thread; core, socket and loop outlive it.
template <Driven Core>
class Driver {
 public:
  Driver(EventLoop& loop, UdpSocket& socket, Core& core, std::function<void(Instant)> after,
         std::function<void(Instant)> before_sending = {})
      : loop_(loop),
        socket_(socket),
        core_(core),
        after_(std::move(after)),
        before_sending_(std::move(before_sending)) {
    loop_.watch(socket_.fd(), EventLoop::Interest::Read, [this] { receive(socket_); });
    waker_ = loop_.add_waker([this] { return next(); }, [this](Instant at) { wake(at); });
  }
  ~Driver() {
    loop_.remove_waker(waker_);
    pause(true);
  }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  /// A second socket, of Kind::Dtls: what is sent to peers of that kind leaves through it. It outlives this.
  void add_secure(UdpSocket& socket) {
    secure_ = &socket;
    loop_.watch(socket.fd(), EventLoop::Interest::Read, [this] { receive(*secure_); });
  }

  /// Where what is sent to peers of short messages goes, instead of a socket; without it that is dropped.
  void add_short_messages(std::function<void(Instant, transport::Transmit)> send) { send_sms_ = std::move(send); }
  /// Who decides when what the core sends may leave: called with all of it behind every mutation, and gives it to
  /// depart() then or later.
  void hold_back(std::function<void(Instant, std::vector<transport::Transmit>)> leave) { leave_ = std::move(leave); }
  void depart(Instant at, std::vector<transport::Transmit> transmits) {
    for (transport::Transmit& transmit : transmits) {
      if (transmit.to.is_sms()) {
        if (send_sms_) send_sms_(at, std::move(transmit));
        continue;
      }
      const bool secure = secure_ != nullptr && transmit.to.kind == transport::Kind::Dtls;
      (secure ? secure_batch_ : batch_).push_back(std::move(transmit));
    }
    send(socket_, batch_);
    if (secure_ != nullptr) send(*secure_, secure_batch_);
  }
  /// Nothing is read from the sockets until it is told again: what comes waits in the kernel, or is lost there.
  void pause(bool paused) {
    if (paused_ == paused) return;
    paused_ = paused;
    for (UdpSocket* socket : {&socket_, secure_}) {
      if (socket == nullptr) continue;
      if (paused) {
        loop_.unwatch(socket->fd());
      } else {
        loop_.watch(socket->fd(), EventLoop::Interest::Read, [this, socket] { receive(*socket); });
      }
    }
  }
  /// A datagram that came another way than through the sockets.
  void handle(Instant at, const transport::Datagram& datagram) {
    core_.handle_datagram(at, datagram);
    flush(at);
  }

  /// Sends what the core has to send, after a command of the owner's.
  void flush(Instant at) {
    after_(at);
    if (before_sending_) before_sending_(at);
    std::vector<transport::Transmit> all;
    for (auto transmit = core_.poll_transmit(); transmit; transmit = core_.poll_transmit()) {
      all.push_back(std::move(*transmit));
    }
    if (leave_) {
      leave_(at, std::move(all));
    } else {
      depart(at, std::move(all));
    }
  }

 private:
  static void send(UdpSocket& socket, std::vector<transport::Transmit>& batch) {
    if (!batch.empty()) socket.send(batch);
    batch.clear();
  }
  void receive(UdpSocket& socket) {
    const Instant at = now();
    const std::size_t count = socket.receive([&](const transport::Datagram& datagram) {
      core_.handle_datagram(at, datagram);
      after_(at);
    });
    if (count > 0) flush(at);
  }
  void wake(Instant at) {
    core_.handle_timeout(at);
    flush(at);
  }
  std::optional<Instant> next() const {
    const auto deadline = core_.deadline();
    if (!deadline) return std::nullopt;
    return deadline->at;
  }

  EventLoop& loop_;
  UdpSocket& socket_;
  Core& core_;
  std::function<void(Instant)> after_;
  std::function<void(Instant)> before_sending_;
  UdpSocket* secure_ = nullptr;
  std::function<void(Instant, transport::Transmit)> send_sms_;
  std::function<void(Instant, std::vector<transport::Transmit>)> leave_;
  std::vector<transport::Transmit> batch_, secure_batch_;
  bool paused_ = false;
  int waker_ = 0;
};

}  // namespace drover::io
