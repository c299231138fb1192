// SPDX-License-Identifier: Apache-2.0
// The server's public face: devices, operations on them, observations, events. The REST API sees only this.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "coap/parameters.hpp"
#include "lwm2m/operation/operation.hpp"
#include "transport/datagram.hpp"

namespace drover::server {

/// A registration as people see it; a copy.
struct DeviceView {
  std::string endpoint;
  std::string scheme;        ///< "uuid", "ops", "os", "imei", "esn", "meid", "imei-msisdn" or "other" (Core §6.3.1)
  std::string registration;  ///< "rd/..." location
  transport::PeerAddress address;  ///< on the network; where it was heard last
  /// What its handshake proved, printable: `psk "sensor-1"`; "none" without security.
  std::string identity = "none";
  std::string version;  ///< as announced, "1.0" when missing
  std::string binding;  ///< "U" when missing
  bool queue = false;
  /// With queue mode: when it may be asleep if nothing is heard of it until then; in the past: it may be by now.
  std::optional<UnixSeconds> awake_until = {};
  std::size_t queued = 0;  ///< operations that wait for it to wake
  std::string sms;         ///< MSISDN, or ""
  std::uint32_t lifetime = 86400;  ///< seconds
  UnixSeconds registered_at = 0;
  UnixSeconds updated_at = 0;
  UnixSeconds expires_at = 0;
  lwm2m::Announcement announcement;
};

inline constexpr std::size_t kPageMax = 1000;  ///< devices on one page

struct DeviceQuery {
  std::string search;       ///< part of the endpoint name, case-insensitive; "" for all
  std::string after;        ///< endpoint after which the page starts (pages are sorted by endpoint)
  std::size_t limit = 100;  ///< 1 to kPageMax; brought into that range
};
struct DevicePage {
  std::vector<DeviceView> devices;
  std::size_t total = 0;  ///< of the whole search
  std::string next;       ///< `after` of the next page, "" on the last
};

/// How an operation ended without an answer from the device.
enum class NoAnswer : std::uint8_t {
  NotRegistered,
  Timeout,  ///< it may have been carried out
  Reset,
  Malformed,
  TooLarge,
  Refused,
  Gone,
  QueueFull,    ///< too much waits for the sleeping device already
  Expired,      ///< OperationSettings::expires_after passed, and it was not sent or not answered
  Cancelled,    ///< by cancel_operation()
  Unreachable,  ///< there is no such way to the device: no SMS number, no carrier, or no key for it
};
const char* to_string(NoAnswer why);

using OperationResult = std::variant<lwm2m::Outcome, NoAnswer>;

/// Names an operation; never given again.
using OperationId = Id<struct OperationTag, std::uint64_t>;

/// Which way an operation goes to the device (Core Table 8).
enum class Way : std::uint8_t {
  Automatic,  ///< the one that the device registered over; over the other one when that fails and the policy says so
  Udp,
  Sms,
};
const char* to_string(Way way);  ///< "automatic", "udp", "sms"

/// Whether an operation is sent again when it met a device that had fallen asleep. Its answer may be all that was lost.
enum class Redelivery : std::uint8_t {
  Harmless,  ///< unless that could do something twice: not Execute and Create
  Always,
  Never,
};

/// What goes first of what waits for a device; of the same one in the order of asking.
enum class Priority : std::uint8_t { Low, Normal, High };
const char* to_string(Priority priority);  ///< "low", "normal", "high"

struct OperationSettings {
  Duration expires_after{};  ///< 0: Policy::operation_lifetime
  Way way = Way::Automatic;
  Redelivery redelivery = Redelivery::Harmless;
  bool trigger = true;  ///< wake the device by SMS where its binding and the policy allow it (Core Table 8, UQS)
  Priority priority = Priority::Normal;
  /// It is on disk before it is sent and before anything is said of it; its result, too. What waits for a sleeping
  /// device is in any case.
  bool durable = false;
  std::string asked_by = {};  ///< for people: "token 3 (anna)", "campaign 12"; at most kAskedByMax bytes
  /// By reserve_operation(): whoever notes it before asking knows after a kill whether it was accepted.
  std::optional<OperationId> id = {};
};
inline constexpr std::size_t kAskedByMax = 128;

enum class OperationState : std::uint8_t { Queued, Sent, Done, Failed, Expired, Cancelled };
const char* to_string(OperationState state);  ///< "queued", "sent", ...
bool is_over(OperationState state);

/// How an operation stands; a copy.
struct OperationStatus {
  OperationId id;
  std::string endpoint;
  std::string operation;  ///< "Read", "Write-Attributes", ...
  lwm2m::Path path;
  OperationState state{};
  Way way = Way::Automatic;  ///< Udp or Sms once it has been sent
  Priority priority = Priority::Normal;
  std::string asked_by = {};
  UnixSeconds created_at = 0;
  UnixSeconds expires_at = 0;
  std::optional<UnixSeconds> sent_at = {};   ///< last
  std::optional<UnixSeconds> ended_at = {};
  unsigned attempts = 0;
  /// Queued: what will happen.
  std::size_t ahead = 0;                        ///< operations of the same device before it
  std::optional<UnixSeconds> expected_by = {};  ///< the device has to be heard of by then: its lifetime ends
  bool triggered = false;                       ///< it has been asked by SMS to wake
  std::optional<OperationResult> result = {};   ///< once it is over
};

/// Operations of all devices. What is given must hold.
struct OperationQuery {
  std::vector<OperationState> states{};  ///< one of these; none: any
  std::string endpoint{};
  /// "bulk 7" is for what was asked by that, and by "bulk 7, token 3 (anna)".
  std::string asked_by{};
  OperationId after{};      ///< behind this one: pages are sorted by id
  std::size_t limit = 100;  ///< 1 to kPageMax; brought into that range
};
bool fits(const OperationQuery& query, const std::string& endpoint, const std::string& asked_by, OperationState state);

struct OperationPage {
  std::vector<OperationStatus> operations;  ///< ascending by id
  bool more = false;
};

struct ObservationView {
  std::string endpoint;
  lwm2m::Path path;
  std::optional<lwm2m::FormatNumber> accept;
  UnixSeconds since = 0;
  std::uint64_t notifications = 0;
};

/// How CancelObservation is carried out (Transport "Information Reporting Interface").
enum class CancelMode : std::uint8_t {
  Get,    ///< GET with Observe=1 now
  Reset,  ///< Reset to the next notification
  /// Write-Attributes with "cancel", as early drafts of 1.0 have it (SCR LwM2M-DMSE-010-C-O); a device that doesn't
  /// know it answers 4.00, and the observation stays.
  WriteAttributes,
};

enum class EventKind : std::uint8_t {
  Registered,
  Updated,
  Expired,
  Deregistered,
  Notification,
  ObservationEnded,
  Refused,  ///< a handshake failed, or a Register came from somebody who isn't that endpoint
  Operation,  ///< an operation was queued, or one that had been queued was sent or is over
  Learned,    ///< what a resource has, by an operation of ours rather than by a notification
};
const char* to_string(EventKind kind);  ///< "registered", "updated", ...

struct Event {
  std::uint64_t id = 0;  ///< ascending over the whole server, from 1
  UnixSeconds at = 0;
  EventKind kind{};
  std::string endpoint;
  std::optional<DeviceView> device;       ///< Registered, Updated
  lwm2m::Path path;                       ///< Notification, ObservationEnded, Learned
  std::optional<lwm2m::Outcome> outcome;  ///< Notification; Learned: what was read, or written as if it had been
  std::optional<transport::PeerAddress> address;  ///< Refused
  std::optional<OperationStatus> operation = {};  ///< Operation, without `result`
  std::string reason;                             ///< Refused: one sentence without secrets
  std::optional<lwm2m::Version>
      object_version{};  ///< Notification, Learned: of the path's object, when the device announced one
  std::string how = {};  ///< Learned: "read", "write" or "create"
};

struct ServerCounters {
  coap::Counters coap;
  std::uint64_t limited = 0;  ///< datagrams beyond Policy::datagrams_per_second
  std::uint64_t registers = 0, updates = 0, deregisters = 0, expiries = 0, rejected = 0;
  std::uint64_t operations = 0, notifications = 0;
  std::uint64_t handshakes = 0, resumptions = 0, refused = 0;  ///< DTLS; `refused` as EventKind::Refused
  std::uint64_t dtls_garbage = 0, dtls_unauthentic = 0, dtls_limited = 0;  ///< as security::ListenerCounters
  std::size_t devices = 0, associations = 0;
  // Queue mode and SMS (Core Table 8).
  std::uint64_t requeued = 0;         ///< operations that met a sleeping device
  std::uint64_t expired = 0;          ///< operations whose time was over
  std::uint64_t triggers = 0;         ///< Registration Update Triggers sent by SMS
  std::uint64_t triggers_failed = 0;  ///< of these: without an answer, or refused
  std::uint64_t fallbacks = 0;        ///< operations sent by SMS after UDP had failed
  std::size_t queued = 0;             ///< operations that wait
};

/// A CoAP message of a device that is traced, as plaintext.
struct TracedMessage {
  std::uint64_t number = 0;  ///< of the device's trace, from 1
  std::int64_t at = 0;       ///< microseconds since 1970
  bool uplink = false;       ///< from the device
  bool secure = false;       ///< came or went inside DTLS
  transport::PeerAddress address;
  Bytes bytes;
};
struct TraceView {
  UnixSeconds until = 0;           ///< when tracing ends, or ended
  std::uint64_t lost_through = 0;  ///< number of the newest message that is no longer kept
  std::vector<TracedMessage> messages;
};
inline constexpr std::size_t kTracedMax = 1000;  ///< messages given at once

/// Thread-safe. Each call posts to the owning shards and returns at once; the callback runs on a shard's thread or in
/// the calling one, must not block, and is called exactly once.
class Fleet {
 public:
  virtual ~Fleet() = default;
  virtual void devices(DeviceQuery query, std::function<void(DevicePage)> done) = 0;
  virtual void device(std::string endpoint, std::function<void(std::optional<DeviceView>)> done) = 0;
  /// Observe through this call keeps the observation until cancel() or the end of the registration.
  virtual void operate(std::string endpoint, lwm2m::Downlink operation, std::function<void(OperationResult)> done) = 0;
  /// The same, and says what happens: `progress` is called first with what will be (Sent, or Queued for a device that
  /// sleeps), then upon each change, and last with a state that is_over() and its result; at once with that where
  /// nothing can be done. While it returns false nothing more is said; the operation goes on.
  virtual void operate(std::string endpoint, lwm2m::Downlink operation, OperationSettings settings,
                       std::function<bool(const OperationStatus&)> progress) = 0;
  /// Operations of a device that are under way or queued, in their order, then those that are over, newest first, as
  /// far as they are kept.
  virtual void operations(std::string endpoint, std::function<void(std::vector<OperationStatus>)> done) = 0;
  virtual void operation(std::string endpoint, OperationId id,
                         std::function<void(std::optional<OperationStatus>)> done) = 0;
  /// Of all devices, under way, queued and over, as far as they are kept. Each shard looks through all that it has.
  virtual void all_operations(OperationQuery query, std::function<void(OperationPage)> done) = 0;
  /// An id for one operation to come; see OperationSettings::id. Thread-safe, and given at once.
  virtual OperationId reserve_operation() = 0;
  /// Says again what happens to an operation, as operate() does and in the place of whoever was told before: how it
  /// stands, at once, and then each change. Nothing is called when there is no such operation, so that `missing` is.
  virtual void follow(std::string endpoint, OperationId id, std::function<bool(const OperationStatus&)> progress,
                      std::function<void()> missing) = 0;
  /// Takes an operation back: what is queued isn't sent; what was sent isn't repeated, and may have been carried out.
  /// Gives how it stands afterwards; nothing when there is no such operation.
  virtual void cancel_operation(std::string endpoint, OperationId id,
                                std::function<void(std::optional<OperationStatus>)> done) = 0;
  virtual void observations(std::string endpoint,
                            std::function<void(std::optional<std::vector<ObservationView>>)> done) = 0;
  /// Ends the observation of exactly that path. Answers made here, without the device, have code 0: Deleted for Reset,
  /// as nothing is sent before the next notification; NotFound when that path isn't observed.
  virtual void cancel(std::string endpoint, lwm2m::Path path, CancelMode mode,
                      std::function<void(OperationResult)> done) = 0;
  /// The same with settings, and says what happens as operate() does.
  virtual void cancel(std::string endpoint, lwm2m::Path path, CancelMode mode, OperationSettings settings,
                      std::function<bool(const OperationStatus&)> progress) = 0;
  virtual void counters(std::function<void(ServerCounters)> done) = 0;
  /// Notes what a device and the server say from now on, for so long; also of one that isn't registered yet. False when
  /// too many devices are traced. Zero ends it and forgets what was noted; false when there was nothing.
  virtual void trace(std::string endpoint, Duration time, std::function<void(bool)> done) = 0;
  /// What was noted behind message `after`, kTracedMax at most; nothing for a device that isn't traced.
  virtual void traced(std::string endpoint, std::uint64_t after, std::size_t limit,
                      std::function<void(std::optional<TraceView>)> done) = 0;

  /// Called for every event, in the order of ids, by whichever thread made it; must not block. Set once, before
  /// traffic.
  virtual void on_event(std::function<void(const Event&)> sink) = 0;
};

}  // namespace drover::server
