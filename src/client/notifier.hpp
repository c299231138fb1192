// SPDX-License-Identifier: Apache-2.0
// When an observation is notified: the rules of Core §5.1.2, in virtual time. What is sent is the client's business.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "client/attributes.hpp"
#include "client/object_tree.hpp"
#include "coap/exchange/types.hpp"

namespace drover::client {

/// How notifications travel. RFC 7641 §4.5 asks for a confirmable one at least every 24 hours.
struct NotificationPolicy {
  bool confirmable = false;                             ///< all of them
  Duration confirmable_every = std::chrono::hours(24);  ///< else one confirmable this often
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
};

/// All observations that servers have with this device. The rules, per changed resource:
///  - without gt, lt and st every change counts; with them a change counts when the value crosses gt or lt, or is st or
///  more
///    away from the last notified one;
///  - what counts is notified once pmin has passed since the last notification of the observation;
///  - pmax after the last notification it is sent without a change. A pmax below pmin waits for pmin.
class Notifier {
 public:
  static constexpr std::size_t kObservationsMax = 1024;

  Notifier(const ObjectTree& tree, NotificationPolicy policy) : tree_(tree), policy_(policy) {}

  void set_defaults(ServerId server, DefaultPeriods periods);

  /// The initial answer is the first notification. An earlier one of the same server, path and format stays (another
  /// token is another observation). False when there is no room: answer without Observe then.
  bool observe(Instant now, Observation observation);
  /// Forgets it; false when it isn't known.
  bool cancel(coap::ResponderId id);
  /// Forgets the observations of a server on exactly that path and returns their ids.
  std::vector<coap::ResponderId> cancel(ServerId server, const lwm2m::Path& path);
  void drop_server(ServerId server);

  void changed(Instant now, const Change& change);
  /// A server wrote attributes: the values of this moment are what new conditions compare with.
  void attributes_changed(Instant now);
  /// Observations at or below a path that is gone; they are forgotten, and the caller tells the observers (RFC 7641
  /// §4.2).
  std::vector<Observation> take_below(const lwm2m::Path& path);

  /// The next notification that is due at `now`; counts as sent.
  std::optional<Due> poll_due(Instant now);
  [[nodiscard]] std::optional<Deadline> deadline() const;
  [[nodiscard]] std::vector<Observation> observations() const;
  [[nodiscard]] bool observes(ServerId server) const;

 private:
  /// A numeric resource as it was notified, and as it is.
  struct Number {
    double notified;
    double last;
  };
  struct State {
    Observation observation;
    Instant sent;
    Instant confirmed;
    bool pending = false;
    std::uint32_t pmin = 0;  ///< of the pending changes: the largest wins
    std::map<lwm2m::Path, Number> numbers;
  };

  [[nodiscard]] std::optional<double> number(Instant now, const lwm2m::Path& path) const;
  void remember(Instant now, State& state) const;
  void remember_new(Instant now, State& state) const;
  bool counts(Instant now, State& state, const lwm2m::Path& resource) const;
  [[nodiscard]] std::uint32_t pmin_of(ServerId server, const lwm2m::Path& path) const;
  [[nodiscard]] std::optional<std::uint32_t> pmax_of(const Observation& observation) const;
  [[nodiscard]] std::optional<Deadline> deadline_of(const State& state) const;

  const ObjectTree& tree_;
  NotificationPolicy policy_;
  std::map<ServerId, DefaultPeriods> defaults_;
  std::map<std::uint64_t, State> states_;  ///< by ResponderId, so that the order is the order of arrival
};

}  // namespace drover::client
