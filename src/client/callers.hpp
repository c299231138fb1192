// SPDX-License-Identifier: Apache-2.0
// The client as DTLS server: handshakes that servers begin (Transport "LwM2M and DTLS Roles").
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "client/attributes.hpp"
#include "client/security_values.hpp"
#include "security/acceptor.hpp"
#include "security/association.hpp"
#include "security/cookies.hpp"
#include "transport/datagram.hpp"

namespace drover::client {

/// What an account expects of its server, whoever begins.
struct ExpectedServer {
  ServerId server = 0;
  std::string host;  ///< what a certificate must name
  SecurityValues values;
};

/// Keeps what an association that was accepted needs; outlives it.
class CallerRole;

/// A server that proved to be one of those expected.
struct Caller {
  ServerId server = 0;
  transport::PeerAddress address;
  std::shared_ptr<CallerRole> role;
  std::unique_ptr<drover::security::Association> association;
};

/// Answers a ClientHello without a good cookie by fewer bytes than it has, and keeps nothing of it (RFC 6347 §4.2.1).
/// Of raw keys and certificates the device shows the first account's. Drive it by the one contract.
class Callers {
 public:
  /// Handshakes at a time; a ClientHello past it isn't answered.
  static constexpr std::size_t kHandshakesMax = 4;

  /// Both outlive it.
  Callers(drover::security::Provider& provider, Rng& rng) : provider_(provider), cookies_(rng) {}

  /// Who may call from now on. What was accepted stays.
  void expect(std::vector<ExpectedServer> servers);
  /// True for a ClientHello, and for what belongs to a handshake that is under way.
  bool handle_datagram(Instant now, const transport::Datagram& datagram);
  void handle_timeout(Instant now);
  std::optional<transport::Transmit> poll_transmit();
  /// Its association is established; plaintext may wait in it.
  std::optional<Caller> poll_caller();
  [[nodiscard]] std::optional<Deadline> deadline() const;

 private:
  struct Handshake {
    std::shared_ptr<CallerRole> role;
    std::unique_ptr<drover::security::Association> association;
  };
  using Handshakes = std::map<transport::PeerAddress, Handshake>;
  void greet(Instant now, const transport::Datagram& datagram, const drover::security::ClientHello& hello);
  /// Gives the next one.
  Handshakes::iterator drain(Handshakes::iterator handshake);

  drover::security::Provider& provider_;
  drover::security::Cookies cookies_;
  std::shared_ptr<CallerRole> role_;  ///< none: nobody is expected
  Handshakes handshakes_;
  std::deque<transport::Transmit> transmits_;
  std::deque<Caller> callers_;
};

}  // namespace drover::client
