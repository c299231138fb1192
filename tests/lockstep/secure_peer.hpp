// SPDX-License-Identifier: Apache-2.0
// A client and its server as lines of a figure, with DTLS between them: what the server reads and says is plaintext.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "security/dtls/provider.hpp"
#include "security/dtls/test_peers.hpp"
#include "tests/lockstep/client_peer.hpp"

namespace drover::testing {

using security::testing::KnownPeers;
using security::testing::Witness;

inline client::SecurityValues psk_values(std::string_view identity = "example-client",
                                         std::string_view key = "0123456789abcdef") {
  client::SecurityValues values;
  values.mode = client::SecurityObject::kPreSharedKey;
  values.identity = to_bytes(identity);
  values.key = Secret<Bytes>(to_bytes(key));
  return values;
}

inline const transport::PeerAddress kDeviceAddress = transport::PeerAddress::v4(0xC6336401, 40000);

/// A DTLS server of a few lines: associations by Connection ID, else by address, the newest first; no cookies.
class SecureServer {
 public:
  SecureServer(security::dtls::Parameters parameters, bool with_connection_id)
      : provider_(std::move(parameters), rng_), with_connection_id_(with_connection_id) {
    provider_.set_wall_clock(seconds(security::testing::kTestNow));
    known.psks["example-client"] = "0123456789abcdef";
  }

  void handle_datagram(Instant now, const transport::PeerAddress& from, const Bytes& datagram) {
    if (silent) return;
    if (!acceptor_) acceptor_ = std::move(provider_.acceptor(own, known).value());
    if (const auto hello = security::parse_client_hello(datagram)) {
      if (peers_.empty() || !peers_.back().is_handshaking(from)) {
        const std::uint8_t id[8] = {1, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(++handshakes)};
        peers_.push_back({from, Bytes(id, id + 8), acceptor_->accept(now, *hello, with_connection_id_ ? ByteView(id) : ByteView())});
      }
      return deliver(now, peers_.back(), from, datagram);
    }
    const auto record = security::parse_record(datagram, 8);
    for (auto peer = peers_.rbegin(); peer != peers_.rend(); ++peer) {
      const bool by_id = record && !record->connection_id.empty();
      if (by_id ? to_hex(record->connection_id) == to_hex(peer->id) : peer->address == from) {
        return deliver(now, *peer, from, datagram);
      }
    }
  }
  void send(Instant now, const Bytes& message) {
    ASSERT_TRUE(peers_.back().association->send(now, message));
    drain(peers_.back());
  }
  /// close_notify.
  void close(Instant now) {
    peers_.back().association->close(now);
    drain(peers_.back());
  }
  /// Loses everything but what it accepts.
  void restart() {
    acceptor_keeper_.push_back(std::move(acceptor_));
    forgotten_.insert(forgotten_.end(), std::make_move_iterator(peers_.begin()), std::make_move_iterator(peers_.end()));
    peers_.clear();
  }
  [[nodiscard]] const security::Association& newest() const { return *peers_.back().association; }
  [[nodiscard]] bool has_peers() const { return !peers_.empty(); }

  KnownPeers known;
  security::ServerCredentials own;
  bool silent = false;
  std::size_t handshakes = 0;
  std::deque<Bytes> messages;           ///< plaintext of the device
  std::deque<transport::Transmit> out;  ///< to the device, by its address

 private:
  struct Peer {
    transport::PeerAddress address;
    Bytes id;
    std::unique_ptr<security::Association> association;
    [[nodiscard]] bool is_handshaking(const transport::PeerAddress& from) const {
      return address == from && association->state() == security::AssociationState::Handshaking;
    }
  };
  void deliver(Instant now, Peer& peer, const transport::PeerAddress& from, const Bytes& datagram) {
    if (peer.association->handle_datagram(now, datagram) == security::Arrival::Newest) peer.address = from;
    drain(peer);
  }
  void drain(Peer& peer) {
    while (auto datagram = peer.association->poll_datagram()) out.push_back({peer.address, std::move(*datagram)});
    while (auto plaintext = peer.association->poll_plaintext()) messages.push_back(std::move(*plaintext));
  }

  SplitMix rng_{99};
  security::dtls::DtlsProvider provider_;
  bool with_connection_id_;
  std::unique_ptr<security::Acceptor> acceptor_;
  std::vector<std::unique_ptr<security::Acceptor>> acceptor_keeper_;
  std::vector<Peer> peers_, forgotten_;
};

/// How a Secured is made.
struct SecuredSetup {
  client::SecurityValues values = psk_values();
  std::string uri = "coaps://192.0.2.1";
  std::uint32_t lifetime = 86400;
  bool connection_id = true;
  bool tickets = true;
  bool accept_handshakes = false;
};

/// Both ends and what is between them.
class Secured {
 public:
  explicit Secured(SecuredSetup setup = {})
      : setup_(std::move(setup)), server(parameters(true), setup_.connection_id), provider_(parameters(false), rng_) {
    provider_.set_wall_clock(seconds(security::testing::kTestNow));
    device_.emplace(settings(), setup_.uri, setup_.lifetime, setup_.values);
  }
  ~Secured() { EXPECT_EQ(witness.reused, 0U) << "a nonce was used twice"; }
  Secured(const Secured&) = delete;
  Secured& operator=(const Secured&) = delete;

  Device& device() { return *device_; }
  client::Client& client() { return device_->client; }
  [[nodiscard]] Instant now() const { return device_->now; }

  /// Passes datagrams until nothing moves. False for one that is to be lost.
  void run(const std::function<bool(const Bytes&)>& arrives = [](const Bytes&) { return true; }) {
    for (bool busy = true; busy;) {
      busy = false;
      while (auto sent = client().poll_transmit()) {
        EXPECT_EQ(sent->to.kind, transport::Kind::Udp);
        datagrams.push_back(sent->bytes);
        if (arrives(sent->bytes)) server.handle_datagram(now(), address, sent->bytes);
        busy = true;
      }
      while (!server.out.empty()) {
        const transport::Transmit back = std::move(server.out.front());
        server.out.pop_front();
        busy = true;
        if (back.to != address || !arrives(back.bytes)) continue;
        device_->in(back.bytes, server_at);
      }
    }
  }
  /// The next message that the server got, with Device::out()'s patterns.
  void out(const std::string& line) {
    run();
    if (server.messages.empty()) {
      ADD_FAILURE() << "nothing arrived, expected: " << line;
      return;
    }
    const Bytes message = std::move(server.messages.front());
    server.messages.pop_front();
    device_->expect(line, message);
  }
  void in(const std::string& line) {
    server.send(now(), device_->message(line));
    run();
  }
  void quiet() {
    run();
    for (const Bytes& message : server.messages) {
      std::string text;
      for (const std::string& word : wire::read(message)) text += word + " ";
      ADD_FAILURE() << "sent: " << text;
    }
    server.messages.clear();
  }
  void be_registered() {
    client().start(now());
    out(kRegister);
    in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
    quiet();
    EXPECT_EQ(client().accounts()[0].state, client::RegistrationState::Registered);
  }
  /// Step by step, so that what timers send is answered.
  void pass(Duration duration) {
    const Instant end = now() + duration;
    for (int step = 0; step < 1000; ++step) {
      run();
      const auto deadline = client().deadline();
      if (!deadline || deadline->at > end) break;
      device_->now = std::max(device_->now, deadline->at);
      client().handle_timeout(device_->now);
    }
    device_->now = end;
    run();
  }
  /// Until the server gets a message.
  void await(Duration most) {
    const Instant end = now() + most;
    for (run(); server.messages.empty() && now() < end; pass(milliseconds(500))) {
    }
  }
  std::string failure() {
    while (const auto changed = device_->event<client::RegistrationChanged>()) {
      if (changed->report.kind == client::RegistrationReport::Kind::Failed) return changed->report.reason;
    }
    return "";
  }
  client::RegistrationState state() { return client().accounts()[0].state; }
  /// The process ends, orderly or not, and begins again with what was saved.
  void restart(bool killed, const std::function<void()>& meanwhile = {}) {
    if (!killed) client().release_associations(now());
    run();
    client::SavedState saved = client().saved_state(now(), kUnix);
    if (meanwhile) meanwhile();
    const Instant at = now();
    device_.emplace(settings(), setup_.uri, setup_.lifetime, setup_.values);
    device_->now = at;
    client().restore(at, kUnix, saved);
    client().start(at);
  }

  static constexpr const char* kRegister = "CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?";
  static constexpr UnixSeconds kUnix = security::testing::kTestNow;

 private:
  security::dtls::Parameters parameters(bool is_server) {
    security::dtls::Parameters made;
    made.watcher = &witness;
    if (is_server && setup_.tickets) made.ticket_secret = Secret<Bytes>(Bytes(32, 7));
    return made;
  }
  client::ClientSettings settings() {
    client::ClientSettings made = plain_settings();
    made.security = &provider_;
    made.accept_handshakes = setup_.accept_handshakes;
    return made;
  }

  SecuredSetup setup_;

 public:
  Witness witness;
  SecureServer server;
  transport::PeerAddress address = kDeviceAddress;  ///< as the server sees the device
  transport::PeerAddress server_at = transport::PeerAddress::v4(0xC0000201, 5684);
  std::vector<Bytes> datagrams;  ///< that the device sent

 private:
  SplitMix rng_{5};
  security::dtls::DtlsProvider provider_;
  std::optional<Device> device_;
};

/// A server as DTLS client, from the address where it is known.
class Calling {
 public:
  explicit Calling(Secured& link, const client::SecurityValues& values = psk_values()) : link_(link) {
    connector_ = provider_.connector(client::to_credential(values).value(), "device").value();
    association = connector_->connect(link.now(), {});
  }
  void run() {
    for (bool busy = true; busy;) {
      busy = false;
      while (auto datagram = association->poll_datagram()) {
        ++sent;
        link_.device().in(*datagram, address);
        busy = true;
      }
      while (auto back = link_.client().poll_transmit()) {
        busy = true;
        if (back->to == address) {
          association->handle_datagram(link_.now(), back->bytes);
        } else {
          EXPECT_EQ(back->to, link_.server_at);
          link_.server.handle_datagram(link_.now(), link_.address, back->bytes);
        }
      }
    }
  }
  void in(const std::string& line) {
    ASSERT_TRUE(association->send(link_.now(), wire::write(line)));
    run();
  }
  std::string out() {
    run();
    const auto message = association->poll_plaintext();
    std::string text;
    for (const std::string& word : message ? wire::read(*message) : std::vector<std::string>{"nothing"}) {
      text += (text.empty() ? "" : " ") + word;
    }
    return text;
  }

  transport::PeerAddress address = transport::PeerAddress::v4(0xC0000201, 5684);
  std::size_t sent = 0;

 private:
  Secured& link_;
  SplitMix rng_{3};
  security::dtls::DtlsProvider provider_{{}, rng_};
  std::unique_ptr<security::Connector> connector_;

 public:
  std::unique_ptr<security::Association> association;
};

}  // namespace drover::testing
