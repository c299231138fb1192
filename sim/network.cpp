// SPDX-License-Identifier: Apache-2.0
#include "sim/network.hpp"

#include <algorithm>
#include <utility>

namespace drover::sim {

namespace {
constexpr std::uint64_t kFnvPrime = 1099511628211ULL;
}

Network::Host Network::attach(const PeerAddress& address, Node* node, const Link& link) {
  hosts_.push_back({address, node, link});
  const Host host = static_cast<Host>(hosts_.size() - 1);
  by_address_[address] = host;
  return host;
}

void Network::move(Host host, const PeerAddress& address) {
  by_address_.erase(hosts_[host].address);
  hosts_[host].address = address;
  by_address_[address] = host;
}

void Network::at(Instant when, std::function<void(Instant)> action) {
  actions_.push({std::max(when, now_), order_++, std::make_shared<std::function<void(Instant)>>(std::move(action))});
}

void Network::flush(Host host) {
  Node* node = hosts_[host].node;
  if (node == nullptr) return;
  node->after(now_);
  while (auto transmit = node->poll_transmit()) post(hosts_[host], std::move(*transmit));
  note_deadline(host);
}

void Network::note_deadline(Host host) {
  if (!remembers_) return;
  const auto deadline = hosts_[host].node == nullptr ? std::nullopt : hosts_[host].node->deadline();
  if (deadline) {
    deadlines_.set(host, *deadline);
  } else {
    deadlines_.cancel(host);
  }
}

void Network::post(const HostState& from, Transmit transmit) {
  ++sent_;
  if (on_sent) on_sent(now_, transmit);
  const auto at = static_cast<std::uint64_t>(now_.time_since_epoch().count());
  schedule_ = ((schedule_ ^ at) * kFnvPrime ^ transmit.bytes.size()) * kFnvPrime;
  for (const std::uint8_t byte : transmit.bytes) {
    trace_ = (trace_ ^ byte ^ at) * kFnvPrime;
  }
  const auto to = by_address_.find(transmit.to);
  if (to == by_address_.end()) return;
  // A datagram crosses the sender's link and the receiver's.
  const Link& near = from.link;
  const Link& far = hosts_[to->second].link;
  if (lost(near) || lost(far)) return;
  const bool twice = rng_.below(1000) < std::max(near.duplicate_permille, far.duplicate_permille);
  for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
    const auto spread = static_cast<std::uint32_t>((near.jitter + far.jitter).count());
    const Duration delay = near.delay + far.delay + Duration(static_cast<std::int64_t>(rng_.below(spread)));
    flights_.push({now_ + delay, order_++, from.address, transmit.to, transmit.bytes});
  }
}

void Network::deliver(const Flight& flight) {
  const auto found = by_address_.find(flight.to);
  if (found == by_address_.end()) return;
  Node* node = hosts_[found->second].node;
  if (node == nullptr) return;
  node->handle_datagram(now_, {flight.from, flight.bytes});
  flush(found->second);
}

std::optional<Instant> Network::next() const {
  std::optional<Instant> earliest;
  const auto consider = [&](Instant at) { earliest = earliest ? std::min(*earliest, at) : at; };
  if (!flights_.empty()) consider(flights_.top().at);
  if (!actions_.empty()) consider(actions_.top().at);
  if (const auto deadline = deadlines_.next()) consider(*deadline);
  for (const HostState& host : hosts_) {
    if (remembers_) break;
    if (host.node == nullptr) continue;
    if (const auto deadline = host.node->deadline()) consider(*deadline);
  }
  return earliest;
}

void Network::wake(Host host) {
  Node* node = hosts_[host].node;
  if (node == nullptr) return;
  const auto deadline = node->deadline();
  if (!deadline || *deadline > now_) return note_deadline(host);
  node->handle_timeout(now_);
  flush(host);
}

void Network::wake_due_hosts() {
  if (!remembers_) {
    for (Host host = 0; host < hosts_.size(); ++host) wake(host);
    return;
  }
  std::vector<Host> due;
  while (const auto host = deadlines_.pop_due(now_)) due.push_back(*host);
  std::sort(due.begin(), due.end());
  for (const Host host : due) wake(host);
}

void Network::step(Instant at) {
  now_ = std::max(now_, at);
  while (!actions_.empty() && actions_.top().at <= now_) {
    const auto run = actions_.top().run;
    actions_.pop();
    (*run)(now_);
  }
  while (!flights_.empty() && flights_.top().at <= now_) {
    const Flight flight = flights_.top();
    flights_.pop();
    deliver(flight);
  }
  wake_due_hosts();
}

bool Network::run_until(Instant end, std::uint64_t steps_max) {
  for (std::uint64_t steps = 0; steps < steps_max; ++steps) {
    const auto at = next();
    if (!at || *at > end) {
      now_ = end;
      return true;
    }
    step(*at);
  }
  return false;
}

}  // namespace drover::sim
