// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers.hpp"

namespace drover::sim {

void Complaints::add(Instant at, const std::string& what) {
  if (all_.size() >= kMost) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
  all_.push_back("at " + std::to_string(seconds) + " s: " + what);
}

void OperationsEndOnce::done(Instant at, server::Ticket ticket) {
  if (open_.erase(ticket.value) == 0) {
    complaints_.add(at, "operation " + std::to_string(ticket.value) + " ended twice or was never asked for");
  }
}

void OperationsEndOnce::at_end(Instant at) {
  for (const std::uint64_t ticket : open_) complaints_.add(at, "operation " + std::to_string(ticket) + " never ended");
}

void ExecuteAtMostOnce::at_end(Instant at, const std::map<std::string, DeviceLog>& logs) {
  for (const auto& [endpoint, log] : logs) {
    for (const auto& [argument, count] : log.executed) {
      if (count > 1) complaints_.add(at, endpoint + " executed " + argument + " " + std::to_string(count) + " times");
    }
  }
  for (const auto& [endpoint, argument] : confirmed_) {
    const auto log = logs.find(endpoint);
    if (log == logs.end() || !log->second.executed.contains(argument)) {
      complaints_.add(at, endpoint + " confirmed " + argument + " without executing it");
    }
  }
}

void RegistrationsMakeSense::event(Instant at, const server::Event& event) {
  const bool known = registered_.contains(event.endpoint);
  switch (event.kind) {
    case server::EventKind::Registered: registered_.insert(event.endpoint); break;
    case server::EventKind::Expired:
    case server::EventKind::Deregistered:
      if (!known) complaints_.add(at, event.endpoint + " ended a registration it didn't have");
      registered_.erase(event.endpoint);
      break;
    case server::EventKind::Updated:
    case server::EventKind::Notification:
      if (!known) complaints_.add(at, std::string(to_string(event.kind)) + " of unregistered " + event.endpoint);
      break;
    case server::EventKind::ObservationEnded: break;
  }
}

void RegistrationsMakeSense::visible(Instant at, const std::vector<server::DeviceView>& devices, UnixSeconds seconds) {
  std::set<std::string> seen;
  for (const server::DeviceView& device : devices) {
    if (!seen.insert(device.endpoint).second) complaints_.add(at, device.endpoint + " is registered twice");
    if (device.expires_at < seconds) complaints_.add(at, device.endpoint + " is visible after its lifetime");
    if (!registered_.contains(device.endpoint)) complaints_.add(at, device.endpoint + " is visible without an event");
  }
}

}  // namespace drover::sim
