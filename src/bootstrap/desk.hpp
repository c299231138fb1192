// SPDX-License-Identifier: Apache-2.0
// The Bootstrap-Server's public face for administrators. The REST API sees only this.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "bootstrap/dry_run.hpp"
#include "bootstrap/plan.hpp"
#include "bootstrap/server.hpp"
#include "bootstrap/session.hpp"

namespace drover::bootstrap {

/// Why the desk didn't do something.
struct DeskRefusal {
  enum class Why : std::uint8_t {
    Invalid,   ///< what was given; `reason` begins with its place
    Conflict,  ///< an endpoint, a pattern or the default is another plan's
    NotFound,
    Full,
    Disk,
    Unavailable,  ///< the device, or what would be needed for it
  };
  Why why = Why::Invalid;
  std::string reason;  ///< one sentence, without secrets
};
template <class T>
using DeskAnswer = tl::expected<T, DeskRefusal>;

struct PlanView {
  SharedPlan plan;
  UnixSeconds changed_at = 0;
};

/// Something that happened to a device's bootstrap, for streams and logs.
struct DeskEvent {
  UnixSeconds at = 0;
  Event event;  ///< all but KeysWanted
};
const char* kind_of(const DeskEvent& event);            ///< "bootstrap-started", "-progress", "-ended", "-refused"
const std::string& endpoint_of(const DeskEvent& event);  ///< "" when nobody said one

/// Thread-safe. `done` is called exactly once, on a thread of the desk's or in the calling one, and must not block.
class Desk {
 public:
  template <class T>
  using Done = std::function<void(T)>;

  virtual ~Desk() = default;

  /// Ascending by name.
  virtual void plans(Done<std::vector<PlanView>> done) = 0;
  virtual void plan(std::string name, Done<std::optional<PlanView>> done) = 0;
  /// Reads, compiles, keeps and uses it; on disk when it is done. The plan's own name must be `name`, or missing.
  virtual void put_plan(std::string name, Secret<std::string> json, Done<DeskAnswer<PlanView>> done) = 0;
  /// Sessions under way go on.
  virtual void remove_plan(std::string name, Done<DeskAnswer<PlanView>> done) = 0;
  /// The plan that the endpoint would get.
  virtual void choose(std::string endpoint, Done<std::optional<PlanView>> done) = 0;

  virtual void sessions(SessionQuery query, Done<SessionPage> done) = 0;
  virtual void session(SessionId id, Done<std::optional<SessionView>> done) = 0;
  /// Ends it as Failed; false when it isn't under way.
  virtual void end(SessionId id, Done<bool> done) = 0;
  /// Calls a device at "coaps://HOST:PORT", or "coap://" where that is allowed, with its bootstrap credential (Transport
  /// "LwM2M and DTLS Roles").
  virtual void start(std::string endpoint, std::string uri, Done<DeskAnswer<SessionId>> done) = 0;

  virtual void counters(Done<ServerCounters> done) = 0;
  /// One; before the desk runs.
  virtual void on_event(std::function<void(const DeskEvent&)> sink) = 0;
};

}  // namespace drover::bootstrap
