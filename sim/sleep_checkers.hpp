// SPDX-License-Identifier: Apache-2.0
// What must hold where devices sleep: independent of how client and server keep their plans.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "sim/checkers.hpp"

namespace drover::sim {

/// Nothing leaves the server for a device while it sleeps, but for what the network's delay allows: the device's last
/// message may be as old as that when it comes.
class SleepIsRespected {
 public:
  explicit SleepIsRespected(Complaints& complaints) : complaints_(complaints) {}
  void asleep(const std::string& endpoint, Instant at) { asleep_.insert({endpoint, at}); }
  void awake(const std::string& endpoint) { asleep_.erase(endpoint); }
  void sent(Instant at, const std::string& endpoint, Duration delay_max);

 private:
  Complaints& complaints_;
  std::map<std::string, Instant> asleep_;
};

/// What was asked of a device is carried out in that order; the same operation once more only directly, and an Execute
/// never.
class OrderIsKept {
 public:
  explicit OrderIsKept(Complaints& complaints) : complaints_(complaints) {}
  void carried_out(Instant at, const std::string& endpoint, std::uint64_t ticket, bool is_execute);
  /// The server says so.
  void confirmed(std::uint64_t ticket) { confirmed_.insert(ticket); }
  void at_end(Instant at);

 private:
  Complaints& complaints_;
  std::map<std::string, std::uint64_t> last_;
  std::set<std::uint64_t> carried_out_, confirmed_;
};

/// A secured packet has an effect at most as often as it was sent, and none that wasn't.
class PacketsAreTakenOnce {
 public:
  explicit PacketsAreTakenOnce(Complaints& complaints) : complaints_(complaints) {}
  void sent(const std::string& from, const std::string& to, const Bytes& message) { ++sent_[{from + '>' + to, message}]; }
  void taken(Instant at, const std::string& from, const std::string& to, const Bytes& message);
  [[nodiscard]] std::uint64_t count() const { return taken_; }

 private:
  Complaints& complaints_;
  std::map<std::pair<std::string, Bytes>, std::int64_t> sent_;
  std::uint64_t taken_ = 0;
};

}  // namespace drover::sim
