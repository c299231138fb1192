// SPDX-License-Identifier: Apache-2.0
// When an observation is notified: the rules of Core §5.1.2, in virtual time. What is sent is the client's business.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "base/timers.hpp"
#include "client/attributes.hpp"
#include "client/object_tree.hpp"
#include "coap/exchange/types.hpp"

namespace drover::client {

/// How notifications travel. RFC 7641 §4.5 asks for a confirmable one at least every 24 hours.
struct NotificationPolicy {
  bool confirmable = false;                             ///< all of them
  Duration confirmable_every = std::chrono::hours(24);  ///< else one confirmable this often
  std::size_t observations_max = 4096;                  ///< of all servers, at some 600 bytes each: 2.4 MB
  /// How long after a new registration a server may take to observe again what it observed before (Core §5.5.1: it
  /// MUST); past it what was kept for it is thrown away.
  Duration observe_again_within = std::chrono::minutes(5);
};

/// The Default Minimum and Maximum Period of a server (/1/x/2, /1/x/3).
struct DefaultPeriods {
  std::uint32_t pmin = 0;
  std::optional<std::uint32_t> pmax;
  friend bool operator==(const DefaultPeriods&, const DefaultPeriods&) = default;
};

struct Observation {
  coap::ResponderId id;
  ServerId server = 0;
  lwm2m::Path path;
  std::optional<lwm2m::FormatNumber> accept;
};

/// A notification that is due.
struct Due {
  Observation observation;
  bool confirmable = false;
  bool dormant = false;
  std::uint32_t slot = 0;  ///< the notifier's own
};

/// All observations that servers have with this device.
///
/// The rules of a resource are its attributes: its own, the instance's, the object's, the server's defaults. A pmax of
/// zero or below the pmin that holds for the resource is ignored. Without gt, lt and st every change counts; with them
/// a change counts when the value crosses gt or lt, in either direction, or is st or more away from the last one sent.
///  - What counts is notified once pmin has passed since the last notification of the observation, even if the value
///    has gone back. Several resources may be pending: the largest of their pmin holds.
///  - The smallest pmax of the readable resources in scope after the last notification it is sent without a change.
///
/// A dormant observation is one whose registration has ended: its rules go on, and what is due is kept for the time
/// when the server observes the path again.
///
/// A change costs the observations of its resource, instance and object, whatever else is observed. Observations of
/// one instant become due in the order in which they began to wait.
class Notifier {
 public:
  /// `tree` outlives it.
  Notifier(const ObjectTree& tree, NotificationPolicy policy) : tree_(tree), policy_(policy) {}

  void set_defaults(Instant now, ServerId server, DefaultPeriods periods);

  /// The initial answer is the first notification. An earlier one of the same server, path and format stays (another
  /// token is another observation). False when there is no room: answer without Observe then.
  bool observe(Instant now, Observation observation);
  /// Forgets it; false when it isn't known.
  bool cancel(coap::ResponderId id);
  /// Forgets the observations of a server on exactly that path, dormant ones too, and returns their ids.
  std::vector<coap::ResponderId> cancel(ServerId server, const lwm2m::Path& path);
  void drop_server(ServerId server);

  /// The server's registration has ended: its observations become dormant, one for each path. Returns those that
  /// weren't dormant yet; the ids of the others among them are forgotten.
  std::vector<Observation> suspend(ServerId server);
  void drop_dormant(ServerId server);
  void drop_dormant(ServerId server, const lwm2m::Path& path);
  [[nodiscard]] bool has_dormant(ServerId server) const;

  void changed(Instant now, const Change& change);
  /// A server wrote attributes at `path`: the values of this moment are what new conditions compare with.
  void attributes_changed(Instant now, ServerId server, const lwm2m::Path& path);
  /// Observations at or below a path that is gone; they are forgotten, and the caller tells the observers (RFC 7641
  /// §4.2). Dormant ones are forgotten silently.
  std::vector<Observation> take_below(const lwm2m::Path& path);
  /// The observer doesn't have the present state: it is notified as after a change that counts.
  void owe(coap::ResponderId id);

  /// The next notification that is due at `now`: pmin and pmax begin anew. Follow it with sent() when its values go
  /// out, now or later.
  std::optional<Due> poll_due(Instant now);
  /// The notification carries the values of this moment: what st compares with.
  void sent(Instant now, const Due& due);
  [[nodiscard]] std::optional<Deadline> deadline() const;

  /// In the order of their ids, without the dormant ones.
  [[nodiscard]] std::vector<Observation> observations() const;
  [[nodiscard]] std::optional<Observation> find(coap::ResponderId id) const;
  /// The first that isn't dormant.
  [[nodiscard]] std::optional<Observation> find(ServerId server, const lwm2m::Path& path) const;
  /// Dormant or not.
  [[nodiscard]] bool observes(ServerId server, const lwm2m::Path& path) const;
  /// Whether any server observes exactly that path, dormant or not.
  [[nodiscard]] bool observes(const lwm2m::Path& path) const;

 private:
  using Slot = Timers::Key;
  /// A number as it was sent, and as it was after the last change.
  struct Number {
    lwm2m::ResourceInstanceId id;
    double last;
    double sent;
  };
  /// A readable resource in the scope of an observation.
  struct Resource {
    lwm2m::Path path;
    Attributes rules;             ///< with the defaults; pmax only when it's to be followed
    std::vector<Number> numbers;  ///< while there are conditions, by resource instance
  };
  struct State {
    Observation observation;
    bool dormant = false;
    Instant sent{};
    Instant confirmed{};
    std::uint32_t pmin = 0;             ///< the largest of `pending`
    std::optional<std::uint32_t> pmax;  ///< the smallest in scope
    std::set<lwm2m::Path> pending;      ///< resources that have changed, instances that came or went
    std::vector<Resource> resources;    ///< ascending by path
  };

  void forget(Slot slot);
  template <class Predicate>
  void forget_if(Predicate predicate);

  [[nodiscard]] Attributes rules_of(ServerId server, const lwm2m::Path& path) const;
  void compile(Instant now, State& state, const lwm2m::Path& below);
  void compile_instance(Instant now, State& state, const lwm2m::Path& instance);
  void set_rules(Instant now, ServerId server, Resource& resource);
  void read_numbers(Instant now, const lwm2m::Path& path, std::vector<Number>& numbers) const;
  [[nodiscard]] bool is_readable(const lwm2m::Path& path) const;
  bool counts(Instant now, State& state, const lwm2m::Path& path);
  bool meets_conditions(Instant now, Resource& resource);
  void hold(Slot slot, const lwm2m::Path& changed);
  [[nodiscard]] std::uint32_t pmin_of(const State& state, const lwm2m::Path& path) const;
  void recompute(Slot slot);
  void set_pmax_timer(Slot slot);

  const ObjectTree& tree_;
  NotificationPolicy policy_;
  std::map<ServerId, DefaultPeriods> defaults_;
  std::vector<State> states_;  ///< by slot
  std::vector<Slot> free_;
  std::map<coap::ResponderId, Slot> by_id_;
  std::unordered_map<lwm2m::Path, std::vector<Slot>> by_path_;  ///< in the order of arrival
  Timers pmin_timers_;                                          ///< of those with something pending
  Timers pmax_timers_;
  std::vector<Number> read_;  ///< kept for its memory
};

}  // namespace drover::client
