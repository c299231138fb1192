// SPDX-License-Identifier: Apache-2.0
// Safety checkers of the world: always on, independent of each other and of how the world is made.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/fleet.hpp"
#include "server/shard.hpp"
#include "sim/node.hpp"

namespace drover::sim {

/// Collects what is wrong, so that a test shows all of it with the time it happened.
class Complaints {
 public:
  void add(Instant at, const std::string& what);
  [[nodiscard]] const std::vector<std::string>& all() const { return all_; }

 private:
  static constexpr std::size_t kMost = 20;
  std::vector<std::string> all_;
};

/// An operation that was asked for ends exactly once.
class OperationsEndOnce {
 public:
  explicit OperationsEndOnce(Complaints& complaints) : complaints_(complaints) {}
  void asked(server::Ticket ticket) { open_.insert(ticket.value); }
  void done(Instant at, server::Ticket ticket);
  void at_end(Instant at);

 private:
  Complaints& complaints_;
  std::set<std::uint64_t> open_;
};

/// An Execute is never carried out twice, and was carried out when the server was told so.
class ExecuteAtMostOnce {
 public:
  explicit ExecuteAtMostOnce(Complaints& complaints) : complaints_(complaints) {}
  void confirmed(const std::string& endpoint, const std::string& argument) { confirmed_.insert({endpoint, argument}); }
  void at_end(Instant at, const std::map<std::string, DeviceLog>& logs);

 private:
  Complaints& complaints_;
  std::set<std::pair<std::string, std::string>> confirmed_;
};

/// Events of an endpoint come in an order that makes sense, and a registration is visible only within its lifetime.
class RegistrationsMakeSense {
 public:
  explicit RegistrationsMakeSense(Complaints& complaints) : complaints_(complaints) {}
  void event(Instant at, const server::Event& event);
  /// `seconds` is the wall clock, which the world starts at 0 with the instants.
  void visible(Instant at, const std::vector<server::DeviceView>& devices, UnixSeconds seconds);

 private:
  Complaints& complaints_;
  std::set<std::string> registered_;
};

}  // namespace drover::sim
