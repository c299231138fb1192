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
  std::string sms;
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
enum class NoAnswer : std::uint8_t { NotRegistered, Timeout, Reset, Malformed, TooLarge, Refused, Gone };
const char* to_string(NoAnswer why);

using OperationResult = std::variant<lwm2m::Outcome, NoAnswer>;

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
};
const char* to_string(EventKind kind);  ///< "registered", "updated", ...

struct Event {
  std::uint64_t id = 0;  ///< ascending over the whole server, from 1
  UnixSeconds at = 0;
  EventKind kind{};
  std::string endpoint;
  std::optional<DeviceView> device;       ///< Registered, Updated
  lwm2m::Path path;                       ///< Notification, ObservationEnded
  std::optional<lwm2m::Outcome> outcome;  ///< Notification
  std::optional<transport::PeerAddress> address;  ///< Refused
  std::string reason;                             ///< Refused: one sentence without secrets
  std::optional<lwm2m::Version>
      object_version{};  ///< Notification: of the path's object, when the device announced one
};

struct ServerCounters {
  coap::Counters coap;
  std::uint64_t registers = 0, updates = 0, deregisters = 0, expiries = 0, rejected = 0;
  std::uint64_t operations = 0, notifications = 0;
  std::uint64_t handshakes = 0, resumptions = 0, refused = 0;  ///< DTLS; `refused` as EventKind::Refused
  std::size_t devices = 0, associations = 0;
};

/// Thread-safe. Each call posts to the owning shards and returns at once; the callback runs on a shard's thread or in
/// the calling one, must not block, and is called exactly once.
class Fleet {
 public:
  virtual ~Fleet() = default;
  virtual void devices(DeviceQuery query, std::function<void(DevicePage)> done) = 0;
  virtual void device(std::string endpoint, std::function<void(std::optional<DeviceView>)> done) = 0;
  /// Observe through this call keeps the observation until cancel() or the end of the registration.
  virtual void operate(std::string endpoint, lwm2m::Downlink operation, std::function<void(OperationResult)> done) = 0;
  virtual void observations(std::string endpoint,
                            std::function<void(std::optional<std::vector<ObservationView>>)> done) = 0;
  /// Ends the observation of exactly that path. Answers made here, without the device, have code 0: Deleted for Reset,
  /// as nothing is sent before the next notification; NotFound when that path isn't observed.
  virtual void cancel(std::string endpoint, lwm2m::Path path, CancelMode mode,
                      std::function<void(OperationResult)> done) = 0;
  virtual void counters(std::function<void(ServerCounters)> done) = 0;

  /// Called for every event, in the order of ids, by whichever thread made it; must not block. Set once, before
  /// traffic.
  virtual void on_event(std::function<void(const Event&)> sink) = 0;
};

}  // namespace drover::server
