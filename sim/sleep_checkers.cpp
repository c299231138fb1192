// SPDX-License-Identifier: Apache-2.0
#include "sim/sleep_checkers.hpp"

namespace drover::sim {

void SleepIsRespected::sent(Instant at, const std::string& endpoint, Duration delay_max) {
  const auto found = asleep_.find(endpoint);
  if (found == asleep_.end() || at - found->second <= delay_max) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at - found->second).count();
  complaints_.add(at, endpoint + " has been asleep for " + std::to_string(seconds) + " s, and the server sends to it");
}

void OrderIsKept::carried_out(Instant at, const std::string& endpoint, std::uint64_t ticket, bool is_execute) {
  std::uint64_t& last = last_[endpoint];
  if (ticket < last) {
    complaints_.add(at, endpoint + " carried out " + std::to_string(ticket) + " behind " + std::to_string(last));
  }
  if (is_execute && !carried_out_.insert(ticket).second) {
    complaints_.add(at, endpoint + " carried out " + std::to_string(ticket) + " twice");
  }
  carried_out_.insert(ticket);
  last = ticket;
}

void OrderIsKept::at_end(Instant at) {
  for (const std::uint64_t ticket : confirmed_) {
    if (!carried_out_.contains(ticket)) complaints_.add(at, std::to_string(ticket) + " was confirmed and not carried out");
  }
}

void PacketsAreTakenOnce::taken(Instant at, const std::string& from, const std::string& to, const Bytes& message) {
  ++taken_;
  if (--sent_[{from + '>' + to, message}] < 0) {
    complaints_.add(at, to + " took a secured packet of " + from + " that it had taken, or that nobody sent");
  }
}

}  // namespace drover::sim
