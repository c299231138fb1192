// SPDX-License-Identifier: Apache-2.0
#include "sdk/runtime.hpp"

#include <mutex>
#include <thread>
#include <vector>

#include "io/resolve.hpp"

namespace drover::sdk {

using client::Client;

namespace {

constexpr int kReceiveBuffer = 256 << 10;  // a device hears few peers; some hundred datagrams of a block each

security::dtls::Parameters parameters_of(security::dtls::Watcher* watcher) {
  security::dtls::Parameters parameters;
  parameters.watcher = watcher;
  return parameters;
}

}  // namespace

struct Runtime::Mailbox {
  std::mutex mutex;
  Runtime* owner;  ///< nullptr once it's gone
};

Runtime::Runtime(client::ClientSettings settings, RouteProbe probe, security::dtls::Watcher* watcher)
    : security_(parameters_of(watcher), rng_), mailbox_(std::make_shared<Mailbox>()), probe_(std::move(probe)) {
  mailbox_->owner = this;
  make_client(std::move(settings));
  waker_ = loop_.add_waker(
      [this]() -> std::optional<Instant> { return goodbye_ ? goodbye_ : std::optional(address_check_); },
      [this](Instant at) {
        if (goodbye_ && at >= *goodbye_) return loop_.stop();
        check_addresses(at);
      });
  address_check_ = io::now() + kAddressCheck;
}

void Runtime::make_client(client::ClientSettings settings) {
  tell_time();
  settings.security = &security_;
  client_.emplace(std::move(settings), rng_);
  client_->device().set_clock(io::now(), io::unix_now());
}

void Runtime::tell_time() {
  security_.set_wall_clock(std::chrono::seconds(io::unix_now()) - io::now().time_since_epoch());
}

Runtime::~Runtime() {
  loop_.remove_waker(waker_);
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->owner = nullptr;
}

Result<void> Runtime::open(const transport::PeerAddress& local, std::uint16_t port_before) {
  transport::PeerAddress before = local;
  if (local.port == 0) before.port = port_before;
  auto socket = io::UdpSocket::open(before, {.receive_buffer = kReceiveBuffer});
  if (!socket && before != local) socket = io::UdpSocket::open(local, {.receive_buffer = kReceiveBuffer});
  if (!socket) return tl::unexpected(socket.error());
  driver_.reset();
  socket_ = std::move(*socket);
  goodbye_.reset();  // of an earlier shut_down()
  asked_ = local;
  drive();
  return {};
}

void Runtime::drive() {
  driver_.emplace(
      loop_, *socket_, *client_, [this](Instant at) { after(at); },
      [this](Instant at) {
        if (before_transmit_) before_transmit_(at);
      });
  driver_->add_short_messages([this](Instant at, const transport::Transmit& transmit) {
    if (short_message_) short_message_(at, transmit);
  });
}

Result<void> Runtime::rebind() {
  transport::PeerAddress fresh = asked_;
  fresh.port = 0;
  auto socket = io::UdpSocket::open(fresh, {.receive_buffer = kReceiveBuffer});
  if (!socket) return tl::unexpected(socket.error());
  driver_.reset();
  socket_ = std::move(*socket);
  drive();
  client_->address_changed(io::now());
  flush();
  return {};
}

void Runtime::restart(client::ClientSettings settings) {
  driver_.reset();
  make_client(std::move(settings));
  ++generation_;
  routes_.clear();
  if (!socket_) return;
  if (asked_.port == 0) {
    // Another port, as after a real reboot: what peers still retransmit to the old one isn't for this client.
    if (auto fresh = io::UdpSocket::open(asked_, {.receive_buffer = kReceiveBuffer})) socket_ = std::move(*fresh);
  }
  drive();
}

void Runtime::flush() {
  const Instant now = io::now();
  client_->settle(now);
  if (driver_) driver_->flush(now);
}

void Runtime::handle(Instant at, const transport::Datagram& datagram) {
  if (driver_) driver_->handle(at, datagram);
}

void Runtime::after(Instant) {
  while (auto event = client_->poll_event()) {
    if (const auto* wanted = std::get_if<client::ResolveWanted>(&*event)) {
      resolve(*wanted);
    } else if (sink_) {
      sink_(*event);
    }
  }
  if (drop_sink_) {
    while (const auto drop = client_->poll_drop()) drop_sink_(*drop);
  }
  if (goodbye_ && client_->is_off()) loop_.stop();
}

void Runtime::resolve(const client::ResolveWanted& wanted) {
  // getaddrinfo(3) blocks for as long as name servers are silent, so it gets a thread that nobody waits for.
  std::thread([wanted, mailbox = mailbox_, generation = generation_] {
    auto addresses = io::resolve(wanted.host, wanted.port);
    const std::lock_guard lock(mailbox->mutex);
    if (mailbox->owner == nullptr) return;
    mailbox->owner->loop_.post(
        [owner = mailbox->owner, generation, server = wanted.server, addresses = std::move(addresses)] {
          if (owner->generation_ != generation) return;
          owner->client_->resolved(io::now(), server, addresses.value_or(std::vector<transport::PeerAddress>{}));
          owner->flush();
        });
  }).detach();
}

void Runtime::check_addresses(Instant now) {
  address_check_ = now + kAddressCheck;
  tell_time();
  std::map<client::ServerId, Route> seen;
  std::vector<client::ServerId> moved;
  for (const client::AccountView& account : client_->accounts()) {
    if (!account.peer || account.peer->is_sms()) continue;
    const auto before = routes_.find(account.server);
    const bool known = before != routes_.end() && before->second.peer == *account.peer;
    const auto own = probe_(*account.peer);
    if (own) {
      seen[account.server] = Route{*account.peer, *own};
      if (known && before->second.own != *own) moved.push_back(account.server);
    } else if (known) {
      seen[account.server] = before->second;  // off line; compared when a route is back
    }
  }
  routes_ = std::move(seen);
  for (const client::ServerId server : moved) client_->address_changed(now, server);
  if (!moved.empty()) flush();
}

void Runtime::run() {
  check_addresses(io::now());
  loop_.run();
}

void Runtime::shut_down() {
  const Instant now = io::now();
  goodbye_ = now + kGoodbye;
  client_->stop(now);
  flush();
  if (client_->is_off()) loop_.stop();
}

}  // namespace drover::sdk
