// SPDX-License-Identifier: Apache-2.0
// The DTLS associations of a swarm's devices with the server, between the sockets and CoAP.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/swarm/statistics.hpp"
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "base/timers.hpp"
#include "security/acceptor.hpp"
#include "security/credentials.hpp"

namespace drover::swarm {

/// One association a device, put away as some 300 bytes while nothing goes over it: a live one has several kilobytes.
///
/// Drive it by the one contract: one handle_* or command, then drain every poll_*, then wait for deadline(). What is to
/// be sent goes through `send` at once. One thread.
class Associations {
 public:
  using Credential = std::function<security::PskCredential(std::uint32_t device)>;
  using Send = std::function<void(std::uint32_t device, Bytes datagram)>;

  struct Message {
    std::uint32_t device = 0;
    Bytes bytes;
  };
  /// The device's association stands, or there is none any more and it isn't the device that ended it.
  struct Event {
    std::uint32_t device = 0;
    bool up = false;
  };

  /// An association over which nothing went for so long is put away.
  static constexpr Duration kParkAfter = std::chrono::seconds(1);

  struct Settings {
    bool resume = false;  ///< devices keep what they need for an abbreviated handshake, some 300 bytes
    /// While there are more live ones, handshakes included, they are put away as soon as they have nothing under way.
    std::size_t live_max = 1024;
  };

  /// `provider` outlives it.
  Associations(std::uint32_t count, const Settings& settings, security::Provider& provider, Credential credential,
               Send send);

  /// Begins a handshake; without effect where there is an association or a handshake.
  void connect(Instant now, std::uint32_t device);
  [[nodiscard]] bool is_up(std::uint32_t device) const;
  /// A message to the server; dropped while there is no association.
  void send(Instant now, std::uint32_t device, ByteView message);
  /// Forgets the association without a word, as a device does that is switched off.
  void drop(std::uint32_t device);
  /// Says goodbye.
  void close(Instant now, std::uint32_t device);

  void handle_datagram(Instant now, std::uint32_t device, ByteView datagram);
  void handle_timeout(Instant now);
  std::optional<Message> poll_message();
  std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> deadline() const { return timers_.next(); }

  /// The handshakes since the last call for it, with their latencies; errors are handshakes that failed, and
  /// associations that the server ended, by the reason. Name and seconds are left to the caller.
  PhaseReport take_report();
  [[nodiscard]] const AssociationCounts& counts() const { return counts_; }
  [[nodiscard]] std::size_t live() const { return live_; }

 private:
  struct Live {
    std::unique_ptr<security::Connector> connector;  ///< outlives the association; none of one that was put away
    std::unique_ptr<security::Association> association;
    Instant begun{};
    Instant used{};
    bool up = false;
  };
  struct Place {
    std::unique_ptr<Live> live;
    Secret<Bytes> parked, session;
  };

  /// Nothing when there is none.
  Live* wake(Instant now, std::uint32_t device);
  void drain(Instant now, std::uint32_t device);
  void established(Instant now, std::uint32_t device);
  void ended(std::uint32_t device);
  void park(std::uint32_t device);
  void schedule(std::uint32_t device);
  void let_go(std::uint32_t device);

  security::Provider& provider_;
  Credential credential_;
  Send send_;
  Settings settings_;
  /// Takes up every association that was put away: its own bytes say whose it is.
  std::unique_ptr<security::Connector> restorer_;
  std::vector<Place> places_;
  Timers timers_;  ///< of live ones: a flight to repeat, the end of a handshake, or being put away
  std::deque<Message> messages_;
  std::deque<Event> events_;
  PhaseReport report_;
  AssociationCounts counts_;
  std::size_t live_ = 0;
};

}  // namespace drover::swarm
