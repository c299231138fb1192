// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include "lwm2m/data/value.hpp"

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
    case server::EventKind::ObservationEnded:
    case server::EventKind::Refused:
    case server::EventKind::Operation:
    case server::EventKind::Learned: break;
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

// ---- access
// ----------------------------------------------------------------------------------------------------------

namespace {

constexpr std::int64_t kRead = 1, kWrite = 2, kExecute = 4, kDelete = 8, kAll = 15;

std::optional<std::int64_t> number(const client::Client& client, Instant now, const lwm2m::Path& path) {
  const auto value = client.tree().get({now, std::nullopt}, path);
  const auto* integer = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  if (integer == nullptr) return std::nullopt;
  return *integer;
}

std::int64_t needed(std::string_view operation) {
  if (operation == "Write") return kWrite;
  if (operation == "Execute") return kExecute;
  if (operation == "Delete") return kDelete;
  return kRead;
}

}  // namespace

std::int64_t granted(const client::Client& client, Instant now, client::ServerId server, lwm2m::ObjectId object,
                     lwm2m::InstanceId instance) {
  constexpr lwm2m::ObjectId kAccess = 2;
  for (const lwm2m::InstanceId entry : client.tree().instances(kAccess)) {
    const lwm2m::Path access(kAccess, entry);
    if (number(client, now, access.child(0)) != object || number(client, now, access.child(1)) != instance) continue;
    if (const auto own = number(client, now, access.child(2).child(server))) return *own;
    if (number(client, now, access.child(3)) == server) return kAll;
    return number(client, now, access.child(2).child(0)).value_or(0);
  }
  return client.tree().instances(1).size() == 1 ? kAll : 0;
}

void AccessIsChecked::served(Instant at, const std::string& endpoint, const client::Served& served,
                             const client::Client& client) {
  const std::string_view operation = served.operation;
  const lwm2m::Path& path = served.path;
  // What changes rights is judged by what follows from it.
  if (path.depth() < 2 || path.object() == 2 || operation == "Discover" || operation == "Create") return;
  const bool may = (granted(client, at, served.server, path.object(), path.instance()) & needed(operation)) != 0;
  const std::string what =
      endpoint + ": " + served.operation + " of " + path.to_string() + " by server " + std::to_string(served.server);
  if (served.status == lwm2m::Status::Unauthorized) {
    ++refusals_;
    if (may) complaints_.add(at, what + " was refused though it has the right");
  } else if (lwm2m::is_success(served.status) && !may) {
    complaints_.add(at, what + " succeeded without the right");
  }
}

void AccessIsChecked::reported(Instant at, const std::string& endpoint, client::ServerId server,
                               const lwm2m::Path& path, const client::Client& client) {
  if (path.depth() < 2 || (granted(client, at, server, path.object(), path.instance()) & kRead) != 0) return;
  complaints_.add(at, endpoint + ": " + path.to_string() + " was reported to server " + std::to_string(server) +
                          ", which may not read it");
}

// ---- periods
// ---------------------------------------------------------------------------------------------------------

void PeriodsAreKept::heard(const std::string& endpoint, client::ServerId server, const coap::Message& message) {
  const Key key{endpoint, server, message.token};
  if (message.type == coap::Type::Reset) {
    const auto reset = by_message_.find({endpoint, {server, message.id.value}});
    if (reset != by_message_.end()) watched_.erase(reset->second);
    return;
  }
  if (message.code != coap::code::kGet || !message.options.observe()) return;
  watched_.erase(key);
  if (*message.options.observe() != 0) return;
  std::string text;
  for (const std::string_view segment : message.options.texts(coap::OptionNumber::UriPath)) {
    text += "/" + std::string(segment);
  }
  if (const auto path = lwm2m::Path::parse(text)) watched_[key].path = *path;
}

void PeriodsAreKept::note(Instant, const Key& key, Watched& watched, const client::Client& client) {
  const client::Attributes attributes = client.tree().attributes().effective(key.server, watched.path);
  watched.pmin = std::min(watched.pmin, attributes.pmin.value_or(0));
  // A maximum below the minimum doesn't count.
  if (attributes.pmax && *attributes.pmax > 0 && *attributes.pmax >= attributes.pmin.value_or(0)) {
    watched.pmax = std::max(watched.pmax.value_or(0), *attributes.pmax);
  } else {
    watched.open = true;
  }
}

void PeriodsAreKept::reported(Instant at, const std::string& endpoint, client::ServerId server,
                              const coap::Message& message, const client::Client& client) {
  const Key key{endpoint, server, message.token};
  const auto found = watched_.find(key);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  access_.reported(at, endpoint, server, watched.path, client);
  note(at, key, watched, client);
  const bool confirmable = message.type == coap::Type::Confirmable;
  if (watched.last && !confirmable && !watched.confirmable && watched.pmin > 0) {
    ++held_;
    if (at - *watched.last < std::chrono::seconds(watched.pmin)) {
      complaints_.add(at, endpoint + ": " + watched.path.to_string() + " was reported to server " +
                              std::to_string(server) + " before its minimum period of " + std::to_string(watched.pmin) +
                              " s");
    }
  }
  const lwm2m::Path path = watched.path;
  watched = Watched{path, at, at, confirmable, std::numeric_limits<std::uint32_t>::max(), std::nullopt, false};
  note(at, key, watched, client);
  if (confirmable) {
    // While what was kept is delivered to one of them, other observations of that path wait.
    for (auto& [other, same] : watched_) {
      if (other.endpoint != endpoint || other.server != server || same.path != path || !same.last) continue;
      same.last = same.due_from = at;
      same.confirmable = true;
    }
  }
  by_message_[{endpoint, {server, message.id.value}}] = key;
}

void PeriodsAreKept::changed(Instant at, const std::string& endpoint, const client::Client& client) {
  for (auto& [key, watched] : watched_) {
    if (key.endpoint == endpoint && watched.last) note(at, key, watched, client);
  }
}

void PeriodsAreKept::tick(Instant at, const std::string& endpoint, const client::Client& client) {
  for (auto& [key, watched] : watched_) {
    if (key.endpoint != endpoint || !watched.last) continue;
    note(at, key, watched, client);
    const auto accounts = client.accounts();
    const client::ServerId server = key.server;
    const bool standing = std::any_of(accounts.begin(), accounts.end(), [&](const client::AccountView& account) {
      return account.server == server && (account.state == client::RegistrationState::Registered ||
                                          account.state == client::RegistrationState::Updating);
    });
    const bool readable =
        (granted(client, at, key.server, watched.path.object(), watched.path.instance()) & kRead) != 0;
    if (!standing || !readable) {
      watched.due_from = at;
      continue;
    }
    if (watched.open || watched.confirmable || !watched.pmax) continue;
    if (at - watched.due_from > std::chrono::seconds(*watched.pmax)) {
      complaints_.add(at, endpoint + ": " + watched.path.to_string() + " wasn't reported to server " +
                              std::to_string(key.server) + " within its maximum period of " +
                              std::to_string(*watched.pmax) + " s");
      watched.due_from = at;
    }
  }
}

void PeriodsAreKept::forget(const std::string& endpoint) {
  std::erase_if(watched_, [&](const auto& entry) { return entry.first.endpoint == endpoint; });
  std::erase_if(by_message_, [&](const auto& entry) { return entry.first.first == endpoint; });
}

void PeriodsAreKept::forget(const std::string& endpoint, client::ServerId server) {
  std::erase_if(watched_,
                [&](const auto& entry) { return entry.first.endpoint == endpoint && entry.first.server == server; });
}

}  // namespace drover::sim
