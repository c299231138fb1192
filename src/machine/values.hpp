// SPDX-License-Identifier: Apache-2.0
// The machine's values in a client's object tree.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "client/objects/location_object.hpp"
#include "machine/network.hpp"
#include "machine/power.hpp"
#include "machine/system.hpp"

namespace drover::machine {

/// Where the machine is looked at; tests put a made-up one here.
struct Sources {
  Root root;
  std::function<std::vector<Interface>()> interfaces = list_interfaces;
  /// The own address towards the first server, without port; nothing while there is none.
  std::function<std::optional<std::string>()> own_address = [] { return std::nullopt; };
  std::function<std::optional<Space>()> storage = [] { return read_storage("/"); };
  std::string tz;                                                             ///< the TZ variable
  std::function<std::int64_t()> utc_offset = [] { return std::int64_t{0}; };  ///< seconds, now
};

/// What the machine fills, and how often.
struct Choice {
  std::set<lwm2m::ObjectId> objects;  ///< of 3 (Device) and 4 (Connectivity Monitoring); 6 comes with a fix
  Duration refresh = std::chrono::seconds(30);
  std::int64_t cellular = client::ConnectivityObject::kLteFdd;  ///< /4/0/0 of a modem
};

/// Puts what the machine says into /3/0, /4/0 and /6/0. It looks when a server reads, and, while a server observes
/// something of these instances, every Choice::refresh; otherwise never.
///
/// A resource that keep() names is left alone. What servers may write (/3/0/14, /3/0/15) follows the machine until it
/// is something else than was put there last.
///
/// Resources of which the machine knows nothing are removed, so that "unknown" isn't a value.
class Values final : public client::ValueSource {
 public:
  /// A server's reads within this time after a look see what that saw: one look costs some twenty files.
  static constexpr Duration kFresh = std::chrono::seconds(1);

  Values(Choice choice, Sources sources);

  /// Fills the instances that there are of the chosen objects, and is called by them from now on; to be called again
  /// for another client. `anew` forgets what was put before: /3/0/14 and /3/0/15 are the machine's again.
  void attach(client::Client& client, Instant now, bool anew);
  /// From now on not to be touched: somebody else gives its value. One of /3/0/6 to /3/0/9 and /3/0/20 stands for all
  /// of them, which belong together.
  void keep(const lwm2m::Path& path);

  void look(Instant now) override;
  void look_again(Instant now) override;

  /// When to call refresh(); nothing while nobody observes.
  [[nodiscard]] std::optional<Instant> deadline() const;
  /// The owner flushes the client behind it.
  void refresh(Instant now) { look_again(now); }

  /// Puts a position into /6/0, which must exist.
  void put(Instant now, const client::Fix& fix);
  /// Whether positions can be had at all (/3/0/11, code 3).
  void positioning_works(Instant now, bool works);

 private:
  using Entry = std::pair<lwm2m::ResourceInstanceId, lwm2m::Value>;

  void look_at_device(Instant now);
  void look_at_power(Instant now);
  void look_at_zone(Instant now);
  void look_at_network(Instant now);
  void report(Instant now, client::DeviceObject::Trouble trouble, bool present);
  [[nodiscard]] bool is_observed() const;
  [[nodiscard]] bool may_set(const lwm2m::Path& path) const;
  void set(Instant now, const lwm2m::Path& path, std::optional<lwm2m::Value> value);
  void set_all(Instant now, const lwm2m::Path& path, const std::vector<Entry>& entries);

  Choice choice_;
  Sources sources_;
  Identity identity_;  ///< doesn't change while the machine runs
  client::Client* client_ = nullptr;
  std::set<lwm2m::Path> kept_;
  std::map<lwm2m::Path, lwm2m::Value> put_;  ///< of /3/0/14 and /3/0/15
  LinkMeter link_;
  std::optional<Instant> looked_;
};

}  // namespace drover::machine
