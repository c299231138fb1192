// SPDX-License-Identifier: Apache-2.0
// One shard of the LwM2M Server: its CoAP endpoint, its registrations, and what it asks of its devices. Sans-IO.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "coap/parameters.hpp"
#include "lwm2m/operation/operation.hpp"
#include "server/downlinks.hpp"
#include "server/fleet.hpp"
#include "server/handover.hpp"
#include "server/policy.hpp"
#include "server/registry.hpp"
#include "server/wanted.hpp"
#include "security/listener.hpp"
#include "stack/endpoint.hpp"

namespace drover::server {

/// Longest body of a Register or Update: 4096 links of 16 bytes ("</65535/65533>," has 15). Uploads of peers that
/// nobody knows yet cost no more than that; what a registered device answers may be coap::Parameters::body_max.
inline constexpr std::size_t kUplinkBodyMax = std::size_t{64} << 10;

struct ShardConfig {
  std::size_t index = 0;  ///< below count
  std::size_t count = 1;  ///< shards of the server, at most kShardsMax
  /// stream_requests is taken as false: a Register's body is collected; request_body_max as kUplinkBodyMax at most.
  coap::Parameters coap;
  Policy policy;
  bool events = true;  ///< false: poll_event() stays empty, for a server that nobody listens to

  /// DTLS: both, or neither. They outlive the shard.
  security::Acceptor* acceptor = nullptr;
  const security::CredentialSource* credentials = nullptr;
  security::ListenerSettings listener;  ///< shard and shards are taken from above
};

/// A device registered with shard `shard` at `when`: older registrations of that endpoint elsewhere are over.
struct EndpointClaimed {
  std::string endpoint;
  Instant when{};
  std::size_t shard = 0;
};

/// What the registration observed that an EndpointClaimed ended (Policy::restore_observations), for the shard that
/// claimed it.
struct ObservationsHandedOver {
  std::string endpoint;
  std::vector<ObservedPath> paths;
};

/// A datagram that arrived at another shard than the one that its Connection ID names.
struct DatagramForwarded {
  transport::PeerAddress from;
  Bytes bytes;
};

/// A value for another shard's handle_mail(). A lost DatagramForwarded is a lost datagram; a lost EndpointClaimed leaves a registration standing until its lifetime
/// ends; a lost ObservationsHandedOver ends observations without a word.
struct Mail {
  std::size_t to = 0;
  std::variant<EndpointClaimed, ObservationsHandedOver, DatagramForwarded> body;
};

struct OperationDone {
  Ticket ticket;
  OperationResult result;
};

/// Drive it by the one contract (io::Driven): one handle_* or one command, then drain every poll_* until all are empty,
/// then wait until deadline(). One thread at a time; no call blocks, throws on peer input or calls back. Instants of
/// all shards are of the same timeline. The cost of a datagram doesn't grow with the number of devices.
class Shard {
 public:
  /// `rng` must outlive it.
  Shard(ShardConfig config, Rng& rng);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  /// The time since 1970 (UTC) at Instant{}: what views and events show as wall time is this plus an instant. Default
  /// 0.
  void set_wall_clock(Duration unix_at_instant_zero) { unix_at_zero_ = unix_at_instant_zero; }

  /// From Kind::Udp it is CoAP without security, from Kind::Dtls a record of DTLS.
  void handle_datagram(Instant now, const transport::Datagram& datagram);
  void handle_timeout(Instant now);
  void handle_mail(Instant now, const Mail& mail);

  /// To Kind::Udp or Kind::Dtls: each has its socket.
  std::optional<transport::Transmit> poll_transmit();
  /// `id` is 0: it is given where the events of all shards meet.
  std::optional<Event> poll_event();
  std::optional<Mail> poll_mail();
  std::optional<OperationDone> poll_done();
  /// As stack::Endpoint::poll_drop().
  std::optional<coap::Drop> poll_drop() { return endpoint_.poll_drop(); }
  /// Never later than the next thing to do; a Lifetime may be early after an Update.
  [[nodiscard]] std::optional<Deadline> deadline() const;

  /// Sends an operation; exactly one OperationDone with this ticket follows. NotRegistered when no such device is here;
  /// Refused when the enabler doesn't have the operation at this level of the path, or a limit is reached. Requests to
  /// one device go out one after the other (NSTART). Gone when the registration ends first. Read and Observe without
  /// `accept` get TLV by Policy::always_accept. Observe replaces an observation of the same path. CancelObservation is
  /// cancel() with CancelMode::Get.
  void operate(Instant now, Ticket ticket, std::string_view endpoint, const lwm2m::Downlink& operation);
  /// Ends the observation of exactly that path; exactly one OperationDone follows. Get: the device's answer, whatever
  /// its code, ends it; without an answer it stays. Reset: an Outcome Deleted of code 0 at once, as nothing is sent
  /// before the next notification. WriteAttributes: a success of the device's ends it. An Outcome NotFound of code 0
  /// when nothing is observed there; Refused when it is being cancelled. What is wanted of a device that is away is
  /// given up: Deleted of code 0.
  void cancel(Instant now, Ticket ticket, std::string_view endpoint, const lwm2m::Path& path, CancelMode mode);

  /// Everything that a graceful restart takes along; associations end here, since they are moved. Nothing may be driven
  /// afterwards. Operations that wait aren't answered.
  [[nodiscard]] Handover hand_over(Instant now);
  /// Before traffic: registrations stand again under their locations, observations go on with their tokens, without an
  /// event. The number of registrations; 0 when it is of another shard or number of shards.
  std::size_t take_over(Instant now, Handover handover);

  [[nodiscard]] bool has(std::string_view endpoint) const { return registry_.find(endpoint).has_value(); }
  /// As has(), and for one that is away with something observed (Policy::observations_wanted).
  [[nodiscard]] bool knows(std::string_view endpoint) const { return has(endpoint) || wanted_.has(endpoint); }
  [[nodiscard]] std::optional<DeviceView> device(std::string_view endpoint) const;
  /// This shard's part of a page; `next` isn't empty when there are more behind it. O(devices), see Registry::page().
  [[nodiscard]] DevicePage list(const DeviceQuery& query) const;
  /// In the order in which they began; nothing when no such device is here.
  [[nodiscard]] std::optional<std::vector<ObservationView>> observations(std::string_view endpoint) const;
  [[nodiscard]] ServerCounters counters() const;
  /// Announcements that differ, for metrics.
  [[nodiscard]] std::size_t different_announcements() const { return registry_.different_announcements(); }

 private:
  enum class Ending : std::uint8_t { Expired, Deregistered, Replaced };

  // shard.cpp
  void process(Instant now);
  void take_mail(Instant now, const EndpointClaimed& claim);
  void take_mail(Instant now, const ObservationsHandedOver& handed);
  void take_mail(Instant now, const DatagramForwarded& forwarded);
  void expire(Instant now);
  /// Gives what was observed and isn't ended by this, for the registration that takes the place of a Replaced one; of
  /// the others it is kept in wanted_.
  std::vector<ObservedPath> end_registration(Instant now, Slot slot, Ending why);
  [[nodiscard]] DeviceView view(Slot slot) const;
  [[nodiscard]] DeviceView view(Slot slot, lwm2m::Announcement announcement) const;
  [[nodiscard]] UnixSeconds wall(Instant at) const;
  [[nodiscard]] UnixMicroseconds wall_exactly(Instant at) const;
  void emit(Instant now, EventKind kind, std::string_view endpoint);
  void emit_device(Instant now, EventKind kind, DeviceView device);
  void emit_notification(Instant now, Slot slot, const lwm2m::Path& path, lwm2m::Outcome outcome);
  void emit_observation_ended(Instant now, Slot slot, const lwm2m::Path& path);
  void emit_observation_ended(Instant now, std::string_view endpoint, const lwm2m::Path& path);

  // shard_security.cpp
  /// What the listener has to say: plaintexts go to the endpoint.
  void drain_listener(Instant now);
  void emit_refused(Instant now, std::string_view endpoint, const transport::PeerAddress& address, std::string reason);
  /// 4.00 when what the peer proved doesn't let it be that endpoint (Transport "Endpoint Client Name"), 4.03 when an
  /// endpoint that has credentials comes without any.
  [[nodiscard]] Result<void> check_identity(Instant now, const transport::PeerAddress& peer, std::string_view endpoint);
  /// A new association of a device that is registered: its registration goes on there.
  void rebind(Instant now, Slot slot, const transport::PeerAddress& peer);
  [[nodiscard]] bool may_be(const transport::PeerAddress& peer, std::string_view endpoint) const;

  // shard_uplink.cpp
  void handle_request(Instant now, const coap::RequestArrived& arrived);
  Result<lwm2m::Outcome> handle_uplink(Instant now, const transport::PeerAddress& peer, lwm2m::Register request);
  Result<lwm2m::Outcome> handle_uplink(Instant now, const transport::PeerAddress& peer, lwm2m::Update request);
  Result<lwm2m::Outcome> handle_uplink(Instant now, const transport::PeerAddress& peer, lwm2m::Deregister request);
  /// The target of a request of that peer.
  [[nodiscard]] bool exists(const transport::PeerAddress& peer, const lwm2m::Uplink& uplink) const;
  [[nodiscard]] Result<Slot> locate(const transport::PeerAddress& peer, std::string_view location) const;

  // shard_downlink.cpp
  void send(Instant now, Ticket ticket, Slot slot, const lwm2m::Downlink& operation);
  void observe(Instant now, Waiting::Kind kind, Ticket ticket, Slot slot, const ObservedPath& what);
  void restore(Instant now, Slot slot, const std::vector<ObservedPath>& observed);
  void handle_response(Instant now, coap::ExchangeId exchange, const coap::Response& response, bool observing);
  void handle_observe_response(Instant now, coap::ExchangeId exchange, const Waiting& waiting, lwm2m::Outcome outcome,
                               bool observing);
  void handle_notification(Instant now, coap::NotificationArrived arrived);
  void handle_failure(Instant now, const coap::RequestFailed& failed);
  void done(Ticket ticket, OperationResult result);

  ShardConfig config_;
  stack::Endpoint endpoint_;
  std::unique_ptr<security::Listener> listener_;  ///< or none
  Registry registry_;
  Downlinks downlinks_;
  WantedObservations wanted_;
  Duration unix_at_zero_{};
  Instant now_{};  ///< of the last mutation, for poll_transmit()
  ServerCounters counters_;  ///< without coap and devices

  std::deque<Event> events_;
  std::deque<Mail> mails_;
  std::deque<OperationDone> done_;

  /// Observations of a replaced registration, asked for again once the Register is answered
  /// (Policy::restore_observations).
  struct Restoration {
    Slot slot;
    std::vector<ObservedPath> paths;
  };
  std::optional<Restoration> restoration_;
};

}  // namespace drover::server
