// SPDX-License-Identifier: Apache-2.0
// One server account's registration (Core §5.3) as a state machine of plain values: no CoAP, no name service, no clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "client/attributes.hpp"
#include "client/uri.hpp"
#include "coap/exchange/types.hpp"
#include "lwm2m/operation/operation.hpp"
#include "transport/datagram.hpp"

namespace drover::client {

/// How patient a registration is.
struct RegistrationLimits {
  /// An Update goes out this long before the lifetime ends, so that all its retransmissions still fit:
  /// MAX_TRANSMIT_WAIT, 93 s with the parameters of RFC 7252. A lifetime below twice of it is renewed at half.
  Duration update_margin = std::chrono::seconds(93);
  /// Changes within this time go out in one Update.
  Duration coalesce = std::chrono::milliseconds(200);
  /// Silence, name service, 5.xx: the wait before the next try doubles from the first to the last. Each wait is drawn
  /// from its upper half, so that a fleet doesn't come back in step.
  Duration retry_first = std::chrono::seconds(5);
  Duration retry_max = std::chrono::minutes(10);
  /// A refusal (4.xx: 4.00, 4.03, 4.12 ...) won't heal soon.
  Duration refused_first = std::chrono::minutes(15);
  Duration refused_max = std::chrono::hours(24);
};

/// What a Register says (Core Table 7), as it is now.
struct RegistrationParameters {
  std::string endpoint;
  std::string version = "1.0";
  std::uint32_t lifetime = 86400;  ///< /1/x/1
  std::string binding = "U";       ///< /1/x/7; "U" isn't sent, it is the default
  std::string sms;
  lwm2m::Announcement announcement;
  friend bool operator==(const RegistrationParameters&, const RegistrationParameters&) = default;
};

/// A registration that the server holds, as what a restart needs to go on with it.
struct StandingRegistration {
  transport::PeerAddress peer;
  std::string location;
  RegistrationParameters told;  ///< what the server has acknowledged
  bool unsure = false;          ///< an Update with changes was under way: the server may have been told more
  Instant ends;                 ///< of the lifetime
  friend bool operator==(const StandingRegistration&, const StandingRegistration&) = default;
};

/// Where an account's registration is.
enum class RegistrationState : std::uint8_t {
  Off,        ///< not started, or de-registered for good
  Resolving,  ///< waits for the addresses of the server's name
  Registering,
  Registered,
  Updating,  ///< registered, with an Update under way
  Deregistering,
  Waiting,   ///< for the next try
  Disabled,  ///< by /1/x/4, until the Disable Timeout has passed
};
const char* to_string(RegistrationState state);

// What the owner is to do, in order.
struct ResolveName {
  std::string host;
  std::uint16_t port = 0;
};
/// To be sent to Registration::peer(); its outcome goes to answered() or failed(). One at a time.
struct SendUplink {
  lwm2m::Uplink uplink;
};
/// The exchange under way is of no interest any more.
struct AbandonUplink {};
/// The association doesn't carry to the server any more; the next uplink goes over a new one.
struct Reconnect {};
/// A new registration begins: the server forgets its observations (Core §5.5.1).
struct DropObservations {};
/// For people and for the application.
struct RegistrationReport {
  enum class Kind : std::uint8_t { Registered, Updated, Deregistered, Failed };
  Kind kind{};
  std::string reason;   ///< Failed: why
  Duration retry_in{};  ///< Failed: when it's tried again
};
using RegistrationAction = std::variant<ResolveName, SendUplink, AbandonUplink, Reconnect, DropObservations, RegistrationReport>;

/// Call one method, then drain poll(), then wait until deadline() and call handle_timeout().
///
/// With security (coaps) a registration belongs to who the device proved to be, not to an address: after silence or a
/// lost association it goes on with an Update over a new one as long as its lifetime runs, and with a Register only
/// once the server says that it isn't there any more.
class Registration {
 public:
  Registration(ServerUri uri, RegistrationParameters parameters, const RegistrationLimits& limits, Rng& rng)
      : uri_(std::move(uri)), wanted_(std::move(parameters)), limits_(limits), rng_(rng) {}

  /// While a de-registration is under way, it is registered again behind it.
  void start(Instant now);
  /// Goes on with a registration from before a restart by an Update, which shows the server that the device is alive
  /// (Core §5.3.2). Only before start(). False when it can't be taken up: its lifetime is over, or the endpoint name or
  /// the version, which only a Register tells, is another.
  bool restore(Instant now, const StandingRegistration& standing);
  /// Stays disabled until then, as it was before a restart (/1/x/5). Only before start().
  void restore_disabled(Instant until);
  /// Answer to ResolveName, in the order of preference; none is a failure.
  void resolved(Instant now, std::vector<transport::PeerAddress> addresses);
  /// The server's answer to the uplink under way.
  void answered(Instant now, const lwm2m::Outcome& outcome);
  void failed(Instant now, coap::FailureCause cause);
  /// The association with the server is gone, or its handshake failed: what is under way has failed with it.
  void lost(Instant now, const std::string& reason);

  /// What an Update tells when it differs from what the server knows.
  void set_parameters(Instant now, RegistrationParameters parameters);
  /// The way to the server is another one from now on, as the parameters tell: the Update that says so still goes the
  /// old one, and behind its answer a new registration begins. A registration doesn't move with its observations.
  void move_to(ServerUri uri, const RegistrationLimits& limits);
  /// An Update as soon as possible, even if nothing changed (/1/x/8).
  void update(Instant now);
  /// De-registers and stays off. A Register under way is waited for, so that no registration stays behind at the
  /// server: off once it is answered and de-registered, or has failed.
  void deregister(Instant now);
  /// De-registers and registers again after `period` (/1/x/4, /1/x/5); without a registration, just stays away for
  /// that long.
  void disable(Instant now, Duration period);
  /// The device's own address changed: without security a registration is bound to it (Transport, "Registration
  /// Interface"); with security an Update shows the server that the device is there. The same when the owner has
  /// another credential.
  void address_changed(Instant now);
  /// A bootstrap has configured the account, maybe as it was: a new Register (Core §5.3.1), at once.
  void register_again(Instant now);
  void handle_timeout(Instant now);

  std::optional<RegistrationAction> poll();
  [[nodiscard]] std::optional<Deadline> deadline() const;

  [[nodiscard]] RegistrationState state() const { return state_; }
  /// No registration stands, and so many tries in a row were in vain, or the server has refused.
  [[nodiscard]] bool is_failing(std::uint32_t failures_max) const;
  /// The server counts us as registered: its operations are served.
  [[nodiscard]] bool is_registered() const;
  /// The address in use; nothing before it is known, and while nothing may come from there.
  [[nodiscard]] std::optional<transport::PeerAddress> peer() const;
  [[nodiscard]] const std::string& location() const { return location_; }
  [[nodiscard]] const ServerUri& uri() const { return uri_; }
  /// What the server knows; before it knows anything, what it is going to be told.
  [[nodiscard]] const RegistrationParameters& parameters() const { return known_ ? *known_ : wanted_; }
  /// For restore(); nothing while there is no registration, or it is being ended.
  [[nodiscard]] std::optional<StandingRegistration> standing() const;
  /// For restore_disabled().
  [[nodiscard]] std::optional<Instant> disabled_until() const;
  /// Differs whenever standing() or disabled_until() may differ from before.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

 private:
  void resolve(Instant now);
  void send_register(Instant now);
  void send_update(Instant now);
  void send_deregister();
  void keep();
  void recover(Instant now, const std::string& reason, bool at_once);
  void retry(Instant now, const std::string& reason, bool refused);
  void next_address(Instant now, const std::string& reason);
  void registered(Instant now, const lwm2m::Outcome& outcome);
  void updated(Instant now, const lwm2m::Outcome& outcome);
  void deregistered(Instant now);
  void abandon();
  void schedule_update(Instant now);
  void renewed(Instant now);
  [[nodiscard]] Duration renew_after(Duration lifetime) const;
  [[nodiscard]] lwm2m::Update difference() const;
  /// What makes the server's knowledge ours, whatever it was.
  [[nodiscard]] lwm2m::Update all() const;

  ServerUri uri_;
  RegistrationParameters wanted_;
  std::optional<RegistrationParameters> known_;  ///< what the server was told in the registration that holds
  Instant sent_at_{};                            ///< the newest Register or Update
  RegistrationParameters sent_;                  ///< what the uplink under way tells
  RegistrationLimits limits_;
  std::optional<std::pair<ServerUri, RegistrationLimits>> next_;  ///< move_to()
  Rng& rng_;
  RegistrationState state_ = RegistrationState::Off;
  std::vector<transport::PeerAddress> addresses_;
  std::size_t address_ = 0;
  std::string location_;
  std::optional<Deadline> deadline_;
  std::optional<Instant> renew_at_;  ///< while registered
  Instant ends_;                     ///< the lifetime, while registered
  std::uint64_t revision_ = 0;
  std::uint32_t failures_ = 0;       ///< in a row
  bool refused_ = false;             ///< the last of them was a refusal (4.xx)
  std::optional<Duration> disable_for_;
  bool update_asked_ = false;
  bool keeps_ = false;          ///< the registration may stand, though there is no association that it can be used over
  bool unsure_ = false;         ///< as StandingRegistration::unsure, of an Update that is over
  bool leave_asked_ = false;    ///< while Registering: de-register once the answer is here
  bool restart_asked_ = false;  ///< while Deregistering: register once it's through
  std::deque<RegistrationAction> actions_;
};

}  // namespace drover::client
