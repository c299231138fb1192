// SPDX-License-Identifier: Apache-2.0
// A firmware repository on loopback that is protected by DTLS with a pre-shared key.
#pragma once

#include <optional>
#include <string>

#include "coap/message/code.hpp"
#include "io/clock.hpp"
#include "io/driver.hpp"
#include "io/udp_socket.hpp"
#include "security/dtls/provider.hpp"
#include "security/dtls/test_peers.hpp"
#include "security/listener.hpp"
#include "stack/endpoint.hpp"
#include "tests/firmware/file_servers.hpp"

namespace drover::testing {

/// Serves /fw on the loop of the test to who proves to be "sensor-1" by the key "0123456789abcdef".
class CoapsFiles {
 public:
  explicit CoapsFiles(io::EventLoop& loop)
      : socket_(*io::UdpSocket::open(*transport::PeerAddress::parse("127.0.0.1:0"), {.kind = transport::Kind::Dtls})) {
    known.psks["sensor-1"] = "0123456789abcdef";
    acceptor_ = provider_.acceptor({}, known).value();
    core_.listener.emplace(security::ListenerSettings{}, *acceptor_, known, core_.rng);
    driver_.emplace(loop, socket_, core_, [this](Instant) { drain(); });
  }
  CoapsFiles(const CoapsFiles&) = delete;
  CoapsFiles& operator=(const CoapsFiles&) = delete;

  [[nodiscard]] std::string uri() const { return "coaps://127.0.0.1:" + std::to_string(socket_.local().port) + "/fw"; }

  Bytes image = test_image(20'000);
  security::testing::KnownPeers known;
  std::size_t handshakes = 0;
  std::string refusal;

 private:
  struct Core {
    io::SystemRng rng;
    std::optional<security::Listener> listener;
    stack::Endpoint endpoint{{}, rng};

    void handle_datagram(Instant now, const transport::Datagram& datagram) {
      listener->handle_datagram(now, datagram);
      while (const auto message = listener->poll_plaintext()) {
        endpoint.handle_datagram(now, {message->from, message->bytes});
      }
    }
    void handle_timeout(Instant now) {
      listener->handle_timeout(now);
      endpoint.handle_timeout(now);
    }
    std::optional<transport::Transmit> poll_transmit() {
      while (const auto message = endpoint.poll_transmit()) listener->send(io::now(), message->to, message->bytes);
      return listener->poll_transmit();
    }
    [[nodiscard]] std::optional<Deadline> deadline() const {
      const auto records = listener->deadline();
      const auto messages = endpoint.deadline();
      return !messages || (records && records->at < messages->at) ? records : messages;
    }
  };

  void drain() {
    while (const auto event = core_.listener->poll_event()) {
      if (std::holds_alternative<security::AssociationOpened>(*event)) ++handshakes;
      if (const auto* refused = std::get_if<security::HandshakeRefused>(&*event)) refusal = refused->reason;
    }
    while (const auto event = core_.endpoint.poll_event()) {
      const auto* arrived = std::get_if<coap::RequestArrived>(&*event);
      if (arrived == nullptr) continue;
      coap::Response response{coap::code::kNotFound, {}, {}};
      if (arrived->request.options.uri_path() == "/fw") response = {coap::code::kContent, {}, image};
      core_.endpoint.respond(io::now(), arrived->responder, std::move(response));
    }
  }

  io::UdpSocket socket_;
  io::SystemRng rng_;
  security::dtls::DtlsProvider provider_{{}, rng_};
  std::unique_ptr<security::Acceptor> acceptor_;
  Core core_;
  std::optional<io::Driver<Core>> driver_;
};

}  // namespace drover::testing
