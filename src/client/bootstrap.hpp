// SPDX-License-Identifier: Apache-2.0
// When a client bootstraps, and how far it is (Core §5.2.3, §5.2.4): plain values, no CoAP, no tree, no clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "client/registration.hpp"
#include "client/uri.hpp"
#include "coap/exchange/types.hpp"
#include "lwm2m/operation/operation.hpp"
#include "transport/datagram.hpp"

namespace drover::client {

struct BootstrapLimits {
  /// Without a command for so long the bootstrap has failed (Core §5.2.3.3): EXCHANGE_LIFETIME of RFC 7252 §4.8.2.
  Duration silence = std::chrono::seconds(247);
  /// Drafts of 1.0 had no Finish: silence for so long after a command stands for one.
  std::optional<Duration> finish_after;
  /// The association stays that long behind the Finish, whose answer may be asked for again (EXCHANGE_LIFETIME).
  Duration linger = std::chrono::seconds(247);
  /// After these failures in a row a server counts as one that can't be registered with (§5.2.4, step 4). One refusal
  /// (4.xx) is enough.
  std::uint32_t failures_max = 3;
  /// Waits as RegistrationLimits has them; also between bootstraps that led to no registration.
  Duration retry_first = std::chrono::seconds(30);
  Duration retry_max = std::chrono::hours(1);
  Duration refused_first = std::chrono::minutes(15);
  Duration refused_max = std::chrono::hours(24);
};

enum class BootstrapState : std::uint8_t {
  Off,
  HoldingOff,  ///< /0/x/11 passes before the request
  Resolving,
  Requesting,  ///< POST /bs is under way; commands are taken already
  Open,        ///< the Bootstrap-Server has the word
  Waiting,     ///< for the next try
  Lingering,   ///< finished; the association is still there
};
const char* to_string(BootstrapState state);

enum class BootstrapCause : std::uint8_t {
  NoAccount,       ///< there is no server to register with
  NoRegistration,  ///< no server could be registered with
  Trigger,         ///< /1/x/9, or the device itself
  Server,          ///< the Bootstrap-Server began (Transport "LwM2M and DTLS Roles")
};
const char* to_string(BootstrapCause cause);

// What the owner is to do, in order; ResolveName and AbandonUplink as in registration.hpp.
/// To peer(); its outcome goes to answered() or failed().
struct SendBootstrapRequest {};
struct BeginDraft {};
struct DropDraft {};
/// Silence stands for a Finish: the owner concludes the draft, and calls finished() when it is consistent.
struct FinishBySilence {};
/// Goodbye to the Bootstrap-Server.
struct CloseBootstrapChannel {};
struct BootstrapReport {
  enum class Kind : std::uint8_t { Began, Finished, Failed };
  Kind kind{};
  BootstrapCause cause{};
  std::string reason{};   ///< Failed: why
  Duration retry_in{};    ///< Failed: when it's tried again; 0: it isn't
};
using BootstrapAction = std::variant<ResolveName, SendBootstrapRequest, AbandonUplink, BeginDraft, DropDraft,
                                     FinishBySilence, CloseBootstrapChannel, BootstrapReport>;

/// Call one method, then drain poll(), then wait until deadline() and call handle_timeout().
class BootstrapSequence {
 public:
  BootstrapSequence(const BootstrapLimits& limits, Rng& rng) : limits_(limits), rng_(rng) {}

  /// The Bootstrap-Server account; nothing: there is none, and what isn't open is over.
  void configure(std::optional<ServerUri> uri, Duration hold_off);
  /// Begins a client initiated bootstrap unless one is under way, or lingers. A Trigger waits neither for the hold-off time, which
  /// is for the server to begin by itself, nor for the next try.
  void request(Instant now, BootstrapCause cause);
  /// A registration stands: what isn't open and wasn't triggered is given up.
  void registered(Instant now);
  /// Everything is given up.
  void stop(Instant now);

  void resolved(Instant now, std::vector<transport::PeerAddress> addresses);
  void answered(Instant now, const lwm2m::Outcome& outcome);
  void failed(Instant now, coap::FailureCause cause);
  /// The association with the server is gone, or its handshake failed.
  void lost(Instant now, const std::string& reason);
  /// A command of the Bootstrap-Server is here; false when it isn't to be carried out. `may_begin`: it may open a
  /// bootstrap by itself.
  bool command(Instant now, bool may_begin);
  /// The Finish was consistent.
  void finished(Instant now);
  void handle_timeout(Instant now);

  std::optional<BootstrapAction> poll();
  [[nodiscard]] std::optional<Deadline> deadline() const { return deadline_; }

  [[nodiscard]] BootstrapState state() const { return state_; }
  /// Commands change a draft at this moment.
  [[nodiscard]] bool is_open() const { return state_ == BootstrapState::Requesting || state_ == BootstrapState::Open; }
  [[nodiscard]] const std::optional<ServerUri>& uri() const { return uri_; }
  /// While Requesting, and Open or Lingering behind a request.
  [[nodiscard]] std::optional<transport::PeerAddress> peer() const;

 private:
  void enter(BootstrapState state, std::optional<Instant> until);
  void hold_off(Instant now);
  void resolve(Instant now);
  void send_request(Instant now);
  void next_address(Instant now, const std::string& reason);
  void fail(Instant now, const std::string& reason, bool refused);
  void end();
  /// Open; `commanded`: because of a command.
  void listen(Instant now, bool commanded);
  Duration backoff(std::uint32_t times, Duration first, Duration max);

  BootstrapLimits limits_;
  Rng& rng_;
  std::optional<ServerUri> uri_;
  Duration hold_off_{};
  BootstrapState state_ = BootstrapState::Off;
  BootstrapCause cause_ = BootstrapCause::NoAccount;
  std::vector<transport::PeerAddress> addresses_;
  std::size_t address_ = 0;
  std::optional<Deadline> deadline_;
  Instant silent_at_;                ///< while Open: when it has failed
  bool asked_ = false;               ///< the request is under way
  bool concluded_ = true;            ///< no FinishBySilence is to come before the next command
  std::uint32_t failures_ = 0;       ///< in a row
  std::uint32_t unproductive_ = 0;   ///< finished ones without a registration behind them
  std::deque<BootstrapAction> actions_;
};

}  // namespace drover::client
