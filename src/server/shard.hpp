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
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/keyed_hash.hpp"
#include "base/random.hpp"
#include "base/rate_limiter.hpp"
#include "base/time.hpp"
#include "coap/parameters.hpp"
#include "lwm2m/operation/operation.hpp"
#include "server/binding.hpp"
#include "server/downlinks.hpp"
#include "server/file_answers.hpp"
#include "server/fleet.hpp"
#include "server/operation_queue.hpp"
#include "server/policy.hpp"
#include "server/record.hpp"
#include "server/registry.hpp"
#include "server/sms.hpp"
#include "server/traces.hpp"
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
  /// poll_record() says what has to be written down so that a later process can go on: registrations, observations,
  /// durable operations, associations.
  bool kept = false;

  /// DTLS: both, or neither. They outlive the shard.
  security::Acceptor* acceptor = nullptr;
  const security::CredentialSource* credentials = nullptr;
  security::ListenerSettings listener;  ///< shard and shards are taken from above

  /// SMS; none: operations go over UDP alone. It outlives the shard.
  const SmsDirectory* sms = nullptr;

  /// What peers may fetch besides, at other paths than /rd; none: nothing. It outlives the shard.
  const Files* files = nullptr;
};

/// A device registered with shard `shard` at `when`: older registrations of that endpoint elsewhere are over.
struct EndpointClaimed {
  std::string endpoint;
  Instant when{};
  std::size_t shard = 0;
};

/// What the registration that an EndpointClaimed ended leaves to the shard that claimed it: what it observed
/// (Policy::restore_observations), and what waits for the device.
struct DeviceHandedOver {
  std::string endpoint;
  std::vector<ObservedPath> paths;
  std::shared_ptr<OperationList> operations;  ///< or null; taken out by the receiver
};

/// A datagram that arrived at another shard than the one that its Connection ID names.
struct DatagramForwarded {
  transport::PeerAddress from;
  Bytes bytes;
};

/// A value for another shard's handle_mail(), which must not get lost.
struct Mail {
  std::size_t to = 0;
  std::variant<EndpointClaimed, DeviceHandedOver, DatagramForwarded, SmsRequested, SmsAnswered> body;
};

struct OperationDone {
  Ticket ticket;
  bool durable = false;
  OperationResult result;
  OperationStatus status = {};  ///< without `result`
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

  /// For what comes from now on; devices_max stays what it is.
  void set_policy(Policy policy);
  /// While true Registers, Updates and Deregisters get 5.03 and change nothing: they couldn't be kept.
  void set_refusing(bool refusing) { refusing_ = refusing; }

  /// From Kind::Udp, Sms and SmsPacket it is CoAP, from Kind::Dtls and SmsDtls a record of DTLS. Those of short
  /// messages are given to the shard sms_home() of their number.
  void handle_datagram(Instant now, const transport::Datagram& datagram);
  void handle_timeout(Instant now);
  void handle_mail(Instant now, const Mail& mail);

  /// To Kind::Udp or Kind::Dtls: each has its socket. To Kind::Sms, SmsDtls or SmsPacket: for the SMS gateway.
  std::optional<transport::Transmit> poll_transmit();
  /// `id` is 0: it is given where the events of all shards meet.
  std::optional<Event> poll_event();
  std::optional<Mail> poll_mail();
  std::optional<OperationDone> poll_done();
  /// How an operation that isn't over stands now: at first, and whenever that changes.
  std::optional<OperationStatus> poll_progress();
  /// With ShardConfig::kept. To be polled behind all others, and to be on disk before anything that they gave leaves the
  /// process: what is acknowledged or told is kept then, and no number of a record is used twice.
  std::optional<Record> poll_record();
  /// As stack::Endpoint::poll_drop().
  std::optional<coap::Drop> poll_drop() { return endpoint_.poll_drop(); }
  /// Never later than the next thing to do; a Lifetime may be early after an Update.
  [[nodiscard]] std::optional<Deadline> deadline() const;

  /// Sends an operation; exactly one OperationDone with this ticket follows. NotRegistered when no such device is here;
  /// Refused when the enabler doesn't have the operation at this level of the path, or a limit is reached. Requests to
  /// one device go out one after the other (NSTART). Gone when the registration ends first. Read and Observe without
  /// `accept` get TLV by Policy::always_accept. Observe replaces an observation of the same path. CancelObservation is
  /// cancel() with CancelMode::Get.
  ///
  /// To a device with queue mode they go one after the other while it is awake; else they wait (Transport "Queue Mode
  /// Operation"), over new registrations, too, until they expire.
  void operate(Instant now, Ticket ticket, std::string_view endpoint, lwm2m::Downlink operation,
               const OperationSettings& settings = {});
  /// Ends the observation of exactly that path; exactly one OperationDone follows. Get: the device's answer, whatever
  /// its code, ends it; without an answer it stays. Reset: an Outcome Deleted of code 0 at once, as nothing is sent
  /// before the next notification. WriteAttributes: a success of the device's ends it. An Outcome NotFound of code 0
  /// when nothing is observed there; Refused when it is being cancelled. What is wanted of a device that is away is
  /// given up: Deleted of code 0.
  void cancel(Instant now, Ticket ticket, std::string_view endpoint, const lwm2m::Path& path, CancelMode mode,
              const OperationSettings& settings = {});

  /// Of a device of this shard, or one that is away: under way first, then what waits, in order.
  [[nodiscard]] std::vector<OperationStatus> operations(std::string_view endpoint) const;
  /// Of all devices; those that are over aren't here. The cost is that of a look at each that isn't.
  [[nodiscard]] OperationPage operations(const OperationQuery& query) const;
  [[nodiscard]] std::optional<OperationStatus> operation(std::string_view endpoint, Ticket ticket) const;
  /// Ends it as Cancelled; false when no such operation is waiting or under way.
  bool cancel_operation(Instant now, std::string_view endpoint, Ticket ticket);

  /// Before traffic: registrations stand again under their locations, observations go on with their tokens, without an
  /// event; operations that weren't over wait again, or end as Timeout when they may have been carried out and must not
  /// be twice. The number of registrations.
  std::size_t take_over(Instant now, KeptShard kept);
  /// Before the process ends: to peers whose associations don't outlive it. Only poll_transmit() matters afterwards.
  void say_goodbye(Instant now);

  /// As Fleet::trace() and traced(), for the part of a device's messages that came to this shard.
  bool trace(Instant now, const std::string& endpoint, Duration time);
  bool stop_trace(std::string_view endpoint);
  [[nodiscard]] std::optional<TraceView> traced(std::string_view endpoint, std::uint64_t after, std::size_t limit) const;

  [[nodiscard]] bool has(std::string_view endpoint) const { return registry_.find(endpoint).has_value(); }
  /// As has(), and for one that is away with something observed (Policy::observations_wanted) or queued.
  [[nodiscard]] bool knows(std::string_view endpoint) const {
    return has(endpoint) || wanted_.has(endpoint) || queues_.away(endpoint) != nullptr;
  }
  [[nodiscard]] std::optional<DeviceView> device(std::string_view endpoint) const;
  /// This shard's part of a page; `next` isn't empty when there are more behind it. O(devices), see Registry::page().
  [[nodiscard]] DevicePage list(const DeviceQuery& query) const;
  /// In the order in which they began; nothing when no such device is here.
  [[nodiscard]] std::optional<std::vector<ObservationView>> observations(std::string_view endpoint) const;
  [[nodiscard]] ServerCounters counters() const;
  /// Announcements that differ, for metrics.
  [[nodiscard]] std::size_t different_announcements() const { return registry_.different_announcements(); }

 private:
  using Operation = std::unique_ptr<QueuedOperation>;
  enum class Ending : std::uint8_t { Expired, Deregistered, Replaced };

  // shard.cpp
  void process(Instant now);
  [[nodiscard]] bool is_within_rate(Instant now, const transport::PeerAddress& peer);
  void take_mail(Instant now, const EndpointClaimed& claim);
  void take_mail(Instant now, const DeviceHandedOver& handed);
  void take_mail(Instant now, const DatagramForwarded& forwarded);
  void take_mail(Instant now, const SmsRequested& requested);
  void take_mail(Instant now, const SmsAnswered& answered);
  void expire(Instant now);
  /// What a registration leaves to the next one of its device.
  struct Legacy {
    std::vector<ObservedPath> observed;
    OperationList operations;
  };
  /// Gives what isn't ended by this, for the registration that takes the place of a Replaced one; of the others it is
  /// kept in wanted_ and queues_.
  Legacy end_registration(Instant now, Slot slot, Ending why);
  /// Takes what is under way out of CoAP's hands; with `keep` what may be sent again goes into `kept`.
  void end_under_way(Instant now, Slot slot, Downlinks::Dropped& dropped, bool keep, Legacy& kept);
  /// Puts it aside until the device registers again; what finds no room ends.
  void keep_for_return(Instant now, const std::string& endpoint, Legacy& kept);
  /// What is kept of a device that is away.
  Legacy take_kept(std::string_view endpoint);
  [[nodiscard]] DeviceView view(Slot slot) const;
  [[nodiscard]] DeviceView view(Slot slot, lwm2m::Announcement announcement) const;
  [[nodiscard]] UnixSeconds wall(Instant at) const;
  void emit(Instant now, EventKind kind, std::string_view endpoint);
  void emit_device(Instant now, EventKind kind, DeviceView device);
  void emit_notification(Instant now, Slot slot, const lwm2m::Path& path, lwm2m::Outcome outcome);
  void emit_observation_ended(Instant now, Slot slot, const lwm2m::Path& path);
  void emit_learned(Instant now, std::string_view endpoint, const lwm2m::Downlink& operation,
                    const lwm2m::Outcome& outcome);
  [[nodiscard]] std::optional<lwm2m::Version> announced_version(Slot slot, lwm2m::ObjectId object) const;
  void emit_observation_ended(Instant now, std::string_view endpoint, const lwm2m::Path& path);

  // shard_keeping.cpp
  [[nodiscard]] UnixMicroseconds wall_exactly(Instant at) const;
  [[nodiscard]] RecordKey key(RecordKind kind, std::uint64_t place) const;
  [[nodiscard]] Record registration_record(Slot slot) const;
  [[nodiscard]] Record association_record(const security::ListenerChange& change) const;
  /// How a durable operation stands that isn't over.
  void note_operation(std::string_view endpoint, const QueuedOperation& operation, bool sent);
  /// It waits for a sleeping device, and is durable from here on.
  void make_queued(std::string_view endpoint, QueuedOperation& operation);
  void resume(Instant now, const std::string& endpoint, Operation operation, bool sent);
  void begin_observing(Slot slot, Observation observation) {
    downlinks_.observe(slot, std::move(observation));
    registry_.mark(slot);
  }
  void end_observing(Slot slot, const lwm2m::Path& path) {
    downlinks_.end(slot, path);
    registry_.mark(slot);
  }

  // shard_trace.cpp
  /// What `peer` said or hears, where somebody traces its device.
  void note_traced(Instant now, bool uplink, const transport::PeerAddress& peer, ByteView bytes);
  void note_traced(Instant now, std::string_view endpoint, bool uplink, const transport::PeerAddress& peer,
                   ByteView bytes);
  void note_register(Instant now, std::string_view endpoint, const transport::PeerAddress& peer);

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
  /// What a Register found, behind its answer.
  void take_up_legacy(Instant now);
  /// The target of a request of that peer.
  [[nodiscard]] bool exists(const transport::PeerAddress& peer, const lwm2m::Uplink& uplink) const;
  [[nodiscard]] Result<Slot> locate(const transport::PeerAddress& peer, std::string_view location) const;

  // shard_downlink.cpp
  /// Sends it now; nothing, and it has ended, when there is nothing to send.
  std::optional<coap::ExchangeId> dispatch(Instant now, Slot slot, Operation operation);
  std::optional<coap::ExchangeId> observe(Instant now, Slot slot, Operation operation);
  std::optional<coap::ExchangeId> end_observation(Instant now, Slot slot, Operation operation);
  coap::ExchangeId wait(Instant now, coap::ExchangeId exchange, Waiting waiting, Operation operation);
  void restore(Instant now, Slot slot, const std::vector<ObservedPath>& observed);
  void cancel(Instant now, Slot slot, Operation operation);
  void handle_response(Instant now, coap::ExchangeId exchange, const coap::Response& response, bool observing);
  void handle_observe_response(Instant now, coap::ExchangeId exchange, const Waiting& waiting,
                               const lwm2m::Outcome& outcome, bool observing);
  void handle_notification(Instant now, coap::NotificationArrived arrived);
  void handle_failure(Instant now, const coap::RequestFailed& failed);
  /// The waiting of an exchange that failed.
  void fail(Instant now, Waiting waiting, NoAnswer why);
  /// The operation is over.
  void end(Instant now, std::string_view endpoint, Operation operation, OperationResult result);
  [[nodiscard]] Operation make_operation(Instant now, Ticket ticket, lwm2m::Downlink operation,
                                         const OperationSettings& settings) const;

  // shard_queue.cpp
  [[nodiscard]] Reach reach(Slot slot) const;
  /// What goes to it waits until it is awake.
  [[nodiscard]] bool has_queue(Slot slot) const;
  [[nodiscard]] Duration awake_time(Slot slot) const;
  /// When it may be asleep if nothing more is heard of it; in the past when it may be by now.
  [[nodiscard]] Instant awake_until(Slot slot) const;
  /// Long enough to answer something.
  [[nodiscard]] bool is_awake(Instant now, Slot slot) const;
  /// Sends it, now or in its turn.
  void submit(Instant now, Slot slot, Operation operation);
  /// Sends what waits, one after the other, while the device is awake.
  void pump(Instant now, Slot slot);
  /// A message of the device came.
  void heard(Instant now, Slot slot);
  void heard_from(Instant now, const transport::PeerAddress& peer);
  /// The exchange isn't under way any more.
  void landed(Slot slot, coap::ExchangeId exchange);
  /// It met a sleeping device; ends it when it can't wait for another try.
  void put_back(Instant now, Slot slot, Operation operation);
  /// The way to the device is another one: what is under way is sent again there.
  void take_back_under_way(Slot slot);
  [[nodiscard]] static bool may_repeat(const QueuedOperation& operation);
  void look_after(Instant now, Slot slot);
  void schedule(Slot slot);
  void expire_operations(Instant now);
  [[nodiscard]] OperationStatus status(std::string_view endpoint, const QueuedOperation& operation,
                                       OperationState state) const;
  void report(Instant now, Slot slot, const QueuedOperation& operation, OperationState state);
  void emit_operation(Instant now, const OperationStatus& status);

  // shard_sms.cpp
  /// By SMS to a device that registered over UDP. False, and `operation` untouched, when there is no such way.
  bool send_by_sms(Instant now, Slot slot, Operation& operation);
  [[nodiscard]] std::optional<transport::PeerAddress> sms_address(Slot slot) const;
  /// Asks a sleeping device to wake, if that is wanted and not done already.
  void trigger(Instant now, Slot slot);
  void send_trigger(Instant now, Slot slot, std::size_t attempt);
  void ask_by_sms(Instant now, Slot slot, SmsRequested request);
  void carry_out(Instant now, const SmsRequested& request);
  void answered_by_sms(Instant now, const SmsAnswered& answer);
  bool finish_sms_request(Instant now, coap::ExchangeId exchange, OperationResult result);

  ShardConfig config_;
  stack::Endpoint endpoint_;
  FileAnswers file_answers_;
  std::unique_ptr<security::Listener> listener_;  ///< or none
  Registry registry_;
  Downlinks downlinks_;
  WantedObservations wanted_;
  OperationQueues queues_;
  std::unordered_map<transport::PeerAddress, Slot> talking_;  ///< devices with queue mode and something under way
  std::optional<Slot> woken_;                                 ///< by the request that is being handled
  Duration unix_at_zero_{};
  Instant now_{};  ///< of the last mutation, for poll_transmit()
  RateLimiter limiter_;
  KeyedHash address_hash_;  ///< of limiter_
  Traces traces_;
  Bytes heard_last_;  ///< while something is traced
  ServerCounters counters_;  ///< without coap and devices
  bool refusing_ = false;

  std::deque<Event> events_;
  std::deque<Mail> mails_;
  std::deque<OperationDone> done_;
  std::deque<OperationStatus> progress_;
  std::deque<Record> records_;

  /// Of ours, with the shard of their number.
  struct Delegated {
    Slot slot = 0;
    std::size_t attempt = 0;  ///< of a trigger: the Server object's instance is guessed in the order announced
    Operation operation;      ///< null: a trigger
  };
  std::unordered_map<std::uint64_t, Delegated> delegated_;
  std::uint64_t last_delegated_ = 0;
  /// Of the devices of other shards, or ours, with numbers that belong here.
  struct SmsExchange {
    std::size_t from = 0;
    std::uint64_t number = 0;
  };
  std::unordered_map<coap::ExchangeId, SmsExchange> sms_exchanges_;

  /// What a replaced registration leaves, taken up once the Register is answered.
  struct Restoration {
    Slot slot;
    std::vector<ObservedPath> paths;
    OperationList operations = {};
  };
  std::optional<Restoration> restoration_;
};

}  // namespace drover::server
