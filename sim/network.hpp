// SPDX-License-Identifier: Apache-2.0
// The only owner of time in tests: one seed decides every delay, loss, copy and reordering.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "base/timers.hpp"
#include "sim/link.hpp"
#include "transport/datagram.hpp"

namespace drover::sim {

using transport::Datagram;
using transport::PeerAddress;
using transport::Transmit;

/// A driven core as the network sees it: the simulated twin of io::Driver.
class Node {
 public:
  virtual ~Node() = default;
  virtual void handle_datagram(Instant now, const Datagram& datagram) = 0;
  virtual void handle_timeout(Instant now) = 0;
  virtual std::optional<Transmit> poll_transmit() = 0;
  [[nodiscard]] virtual std::optional<Instant> deadline() const = 0;
  /// Drains what isn't datagrams; called after each mutation.
  virtual void after(Instant now) = 0;
};

/// Hosts with one outside address each, joined by a link per host. A NAT rebinding is a changed outside address of
/// which the host learns nothing.
class Network {
 public:
  using Host = std::uint32_t;

  explicit Network(std::uint64_t seed) : rng_(seed) {}

  /// The node is borrowed and may be exchanged (a restart) with replace(); nullptr is a host that is switched off.
  Host attach(const PeerAddress& address, Node* node, const Link& link);
  void replace(Host host, Node* node) { hosts_[host].node = node; }
  void set_link(Host host, const Link& link) { hosts_[host].link = link; }
  /// What is under way to the old address is lost.
  void move(Host host, const PeerAddress& address);
  [[nodiscard]] PeerAddress address(Host host) const { return hosts_[host].address; }

  /// Something that happens at a time by itself: a fault, a command, a check.
  void at(Instant when, std::function<void(Instant)> action);
  /// Drains a host after a command was given to its core from outside.
  void flush(Host host);

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  /// Folds every datagram and its time: equal for equal seeds, or something isn't deterministic.
  [[nodiscard]] std::uint64_t trace() const { return trace_; }
  /// The same of times and sizes alone, for worlds whose keys come from the system.
  [[nodiscard]] std::uint64_t schedule() const { return schedule_; }
  [[nodiscard]] SplitMix& rng() { return rng_; }
  /// Sees every datagram that is sent, also those that are lost.
  std::function<void(Instant, const Transmit&)> on_sent;

  /// For worlds of thousands: a host's deadline is looked at when something has happened to it, and whoever changes its
  /// core from outside calls flush(). Before attach().
  void remember_deadlines() { remembers_ = true; }

  /// Runs until `end`. False when more than `steps_max` things happened: a livelock is a failure, not a hang.
  bool run_until(Instant end, std::uint64_t steps_max = 50'000'000);

 private:
  struct HostState {
    PeerAddress address;
    Node* node = nullptr;
    Link link;
  };
  struct Flight {
    Instant at;
    std::uint64_t order;
    PeerAddress from, to;
    Bytes bytes;
    bool operator<(const Flight& other) const { return std::pair(at, order) > std::pair(other.at, other.order); }
  };
  struct Action {
    Instant at;
    std::uint64_t order;
    std::shared_ptr<std::function<void(Instant)>> run;
    bool operator<(const Action& other) const { return std::pair(at, order) > std::pair(other.at, other.order); }
  };

  void post(const HostState& from, Transmit transmit);
  void deliver(const Flight& flight);
  void step(Instant at);
  void wake_due_hosts();
  void wake(Host host);
  void note_deadline(Host host);
  [[nodiscard]] std::optional<Instant> next() const;
  bool lost(const Link& link) { return rng_.below(1000) < link.loss_permille; }

  static constexpr std::uint64_t kFnvBasis = 14695981039346656037ULL;

  SplitMix rng_;
  Instant now_{};
  std::uint64_t order_ = 0, sent_ = 0, trace_ = kFnvBasis, schedule_ = kFnvBasis;
  std::vector<HostState> hosts_;
  bool remembers_ = false;
  Timers deadlines_;  ///< by host, if they are remembered
  std::map<PeerAddress, Host> by_address_;
  std::priority_queue<Flight> flights_;
  std::priority_queue<Action> actions_;
};

}  // namespace drover::sim
