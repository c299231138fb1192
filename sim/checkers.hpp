// SPDX-License-Identifier: Apache-2.0
// Safety checkers of the world: always on, independent of each other and of how the world is made.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
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
  /// Whoever asked is gone.
  void forget(server::Ticket ticket) { open_.erase(ticket.value); }
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
  /// Nobody is registered any more: the server was killed.
  void forget() { registered_.clear(); }
  void visible(Instant at, const std::vector<server::DeviceView>& devices, UnixSeconds seconds);

 private:
  Complaints& complaints_;
  std::set<std::string> registered_;
};

/// What a device's object 2 grants, written down once more from Core §7.1.2.1, without the client's own access control.
[[nodiscard]] std::int64_t granted(const client::Client& client, Instant now, client::ServerId server,
                                   lwm2m::ObjectId object, lwm2m::InstanceId instance);

/// No operation succeeds without its right, none is refused for want of a right that is there, and nothing is reported
/// to a server that may not read it (Core §7).
class AccessIsChecked {
 public:
  explicit AccessIsChecked(Complaints& complaints) : complaints_(complaints) {}
  void served(Instant at, const std::string& endpoint, const client::Served& served, const client::Client& client);
  void reported(Instant at, const std::string& endpoint, client::ServerId server, const lwm2m::Path& path,
                const client::Client& client);
  [[nodiscard]] std::uint64_t refusals() const { return refusals_; }

 private:
  Complaints& complaints_;
  std::uint64_t refusals_ = 0;
};

/// Notifications keep pmin and pmax as the server set them (Core §5.1.2), watched on the wire. Confirmable ones are
/// left out where they may wait for an acknowledgement, and so are those that were stored while the server was away.
class PeriodsAreKept {
 public:
  PeriodsAreKept(Complaints& complaints, AccessIsChecked& access) : complaints_(complaints), access_(access) {}
  void heard(const std::string& endpoint, client::ServerId server, const coap::Message& message);
  void reported(Instant at, const std::string& endpoint, client::ServerId server, const coap::Message& message,
                const client::Client& client);
  /// Attributes or rights may be others now.
  void changed(Instant at, const std::string& endpoint, const client::Client& client);
  void tick(Instant at, const std::string& endpoint, const client::Client& client);
  void forget(const std::string& endpoint);
  void forget(const std::string& endpoint, client::ServerId server);
  [[nodiscard]] std::uint64_t held() const { return held_; }

 private:
  struct Watched {
    lwm2m::Path path;
    std::optional<Instant> last;  ///< when it was reported
    Instant due_from{};           ///< pmax counts from here: `last`, or later when the server couldn't be told
    bool confirmable = false;
    std::uint32_t pmin = 0;             ///< the least since `last`
    std::optional<std::uint32_t> pmax;  ///< the largest since `last`; nothing when there was none at a time
    bool open = false;                  ///< pmax wasn't set at a time since `last`
  };
  struct Key {
    std::string endpoint;
    client::ServerId server;
    coap::Token token;
    auto operator<=>(const Key&) const = default;
  };
  void note(Instant at, const Key& key, Watched& watched, const client::Client& client);

  Complaints& complaints_;
  AccessIsChecked& access_;
  std::map<Key, Watched> watched_;
  std::map<std::pair<std::string, std::pair<client::ServerId, std::uint16_t>>, Key> by_message_;
  std::uint64_t held_ = 0;  ///< notifications for which a minimum period was in force
};

}  // namespace drover::sim
