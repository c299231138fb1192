// SPDX-License-Identifier: Apache-2.0
// The LwM2M Bootstrap-Server (Core §5.2): takes Bootstrap-Requests, leads devices through their plans. Sans-IO.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "bootstrap/callouts.hpp"
#include "bootstrap/plan_book.hpp"
#include "bootstrap/sequence.hpp"
#include "bootstrap/session.hpp"
#include "coap/parameters.hpp"
#include "security/listener.hpp"
#include "stack/endpoint.hpp"

namespace drover::bootstrap {

struct Settings {
  /// Take Bootstrap-Requests without security. Keys go over the network for everybody to read: for tests alone.
  bool allow_nosec = false;
  /// Sessions under way, in all and of the devices of one network: 24 bits of an IPv4, 56 of an IPv6 address. Past it a
  /// Bootstrap-Request is answered 5.03.
  std::size_t sessions_max = 10000;
  std::size_t sessions_per_network_max = 1000;
  /// Ended sessions that can still be looked at.
  std::size_t kept_sessions_max = 1000;
  /// Messages that are kept of a session; further ones are counted.
  std::size_t timeline_max = 128;
  /// How long the host may take to provide keys. A device waits EXCHANGE_LIFETIME for the next message (Core §5.2.3.3).
  Duration keys_max = std::chrono::seconds(60);
  bool events = true;  ///< false: poll_event() gives KeysWanted alone
};

struct Config {
  Settings settings;
  /// stream_requests is taken as false, request_body_max as 1 KiB at most, body_max as 64 KiB at most.
  coap::Parameters coap;
  /// DTLS for devices that come: both, or neither. They outlive the server. `credentials` are those of the bootstrap.
  security::Acceptor* acceptor = nullptr;
  const security::CredentialSource* credentials = nullptr;
  security::ListenerSettings listener;
  /// DTLS for devices that are called (start()), or nullptr. Outlives the server.
  security::Provider* provider = nullptr;
};

struct ServerCounters {
  std::uint64_t requests = 0, refused = 0;            ///< Bootstrap-Requests
  std::uint64_t finished = 0, failed = 0;             ///< sessions
  std::uint64_t handshakes = 0, resumptions = 0;
  std::size_t sessions = 0, kept = 0, associations = 0;  ///< at the moment
  coap::Counters coap;
};

struct SessionQuery {
  std::string endpoint;               ///< "": of all
  std::optional<SessionId> before{};  ///< only older ones
  std::size_t limit = 100;            ///< clamped to 1 to kPageMax
};
struct SessionPage {
  std::vector<SessionView> sessions;  ///< newest first, without timelines
  std::optional<SessionId> next{};    ///< for `before`, when there are more
};
inline constexpr std::size_t kPageMax = 1000;

/// Drive it by the one contract: one handle_* or one command, then drain every poll_* until all are empty, then wait
/// until deadline(). One thread at a time; no call blocks, throws on peer input or calls back. The cost of a datagram
/// doesn't grow with the number of sessions.
class BootstrapServer {
 public:
  /// `rng` outlives it.
  BootstrapServer(Config config, Rng& rng);
  BootstrapServer(const BootstrapServer&) = delete;
  BootstrapServer& operator=(const BootstrapServer&) = delete;

  /// The time since 1970 (UTC) at Instant{}, for what is shown. Default 0.
  void set_wall_clock(Duration unix_at_instant_zero) { unix_at_zero_ = unix_at_instant_zero; }
  /// Sessions under way keep theirs.
  [[nodiscard]] PlanBook& plans() { return plans_; }
  [[nodiscard]] const PlanBook& plans() const { return plans_; }

  /// From Kind::Udp it is CoAP without security, from Kind::Dtls a record of DTLS.
  void handle_datagram(Instant now, const transport::Datagram& datagram);
  void handle_timeout(Instant now);

  /// To Kind::Udp or Kind::Dtls: each has its socket.
  std::optional<transport::Transmit> poll_transmit();
  std::optional<Event> poll_event();
  std::optional<coap::Drop> poll_drop() { return endpoint_.poll_drop(); }
  [[nodiscard]] std::optional<Deadline> deadline() const;

  // ---- commands
  /// The answer to KeysWanted: one credential for each request, in their order, of its mode; `server_public_key` is
  /// taken from the plan where that has one. An error ends the session, and its reason is shown. A session that isn't
  /// waiting any more isn't touched. Keys that the device uses towards this server end the session (Core §5.2.5).
  void provide(Instant now, SessionId session, Result<std::vector<security::ClientCredential>> keys);
  /// Begins a bootstrap with a device that listens at `address` (Transport "LwM2M and DTLS Roles"): the same steps
  /// without a Bootstrap-Request. Kind::Dtls with the device's credential; Kind::Udp without, if allow_nosec. Errors
  /// (reason only): no plan for it, no DTLS, wrong keys, a limit.
  Result<SessionId> start(Instant now, std::string endpoint, const transport::PeerAddress& address,
                          std::optional<security::ClientCredential> credential);
  /// Ends a session that is under way as Failed; false when it isn't.
  bool end(Instant now, SessionId session, std::string reason);

  // ---- what is shown
  [[nodiscard]] SessionPage sessions(const SessionQuery& query) const;
  [[nodiscard]] std::optional<SessionView> session(SessionId id) const;
  [[nodiscard]] ServerCounters counters() const;

 private:
  struct Session {
    SessionView view;
    std::unique_ptr<Sequence> sequence;  ///< until it ends
    transport::PeerAddress peer;         ///< towards CoAP
    std::uint64_t network = 0;
    security::CredentialId credential;                        ///< of a device that came
    std::optional<security::ClientCredential> our_credential;  ///< for a device that was called
    std::optional<Instant> keys_due;                          ///< while keys are waited for
    bool connected = true;                                    ///< false during the handshake that we began
    std::optional<coap::ExchangeId> exchange;
    const char* operation = "";  ///< under way
    bool answered = false;       ///< it was
    lwm2m::Path path;
  };

  // server.cpp
  void process(Instant now);
  void drain_security(Instant now);
  void handle_request(Instant now, const coap::RequestArrived& arrived);
  void handle_answer(Instant now, coap::ExchangeId exchange, const DeviceAnswer& answer, coap::Code code, std::size_t bytes);
  void handle_failure(Instant now, const coap::RequestFailed& failed);
  Result<SessionId> admit(Instant now, const transport::PeerAddress& peer, const lwm2m::BootstrapRequest& request);
  /// 4.00 when what the peer proved doesn't let it be that endpoint, 4.03 without security.
  Result<void> check_identity(const transport::PeerAddress& peer, const std::string& endpoint) const;
  void lost_peer(Instant now, const transport::PeerAddress& peer, const std::string& reason);
  void refuse(const std::string& endpoint, const transport::PeerAddress& address, const std::string& reason);
  [[nodiscard]] transport::PeerAddress address_of(const transport::PeerAddress& peer) const;

  // server_sessions.cpp
  Result<void> has_room(std::string_view endpoint, std::uint64_t network) const;
  SessionId begin(Instant now, const SharedPlan& plan, std::string endpoint, const transport::PeerAddress& peer,
                  const transport::PeerAddress& address, std::optional<lwm2m::FormatNumber> format, bool initiated);
  void ask_for_keys(Instant now, SessionId id);
  /// Sends the next operation when the session is ready for one.
  void advance(Instant now, SessionId id);
  Result<void> check_fresh(const Session& session) const;
  void finish(Instant now, SessionId id, SessionState state, std::string reason);
  void note(Session& session, TimelineEntry entry);
  [[nodiscard]] std::string where(const Session& session) const;
  [[nodiscard]] Session* active(SessionId id);
  [[nodiscard]] UnixMilliseconds wall(Instant at) const;

  Config config_;
  Rng& rng_;
  stack::Endpoint endpoint_;
  std::unique_ptr<security::Listener> listener_;  ///< or none
  Callouts callouts_;
  PlanBook plans_;
  Duration unix_at_zero_{};
  Instant now_{};  ///< of the last mutation, for poll_transmit()

  std::uint64_t last_session_ = 0;
  std::map<SessionId, Session> sessions_;  ///< under way and kept
  std::deque<SessionId> ended_;            ///< kept, in the order in which they ended
  std::unordered_map<std::string, SessionId> by_endpoint_;  ///< under way
  std::unordered_map<coap::ExchangeId, SessionId> by_exchange_;
  std::set<std::pair<transport::PeerAddress, SessionId>> by_peer_;  ///< under way
  std::set<std::pair<Instant, SessionId>> keys_due_;
  std::unordered_map<std::uint64_t, std::size_t> of_network_;

  std::deque<Event> events_;
  ServerCounters counters_;  ///< without what other objects count
};

}  // namespace drover::bootstrap
