// SPDX-License-Identifier: Apache-2.0
// What a client has besides its object tree that outlives its process, as plain values (Core §5.5.1: a client should
// keep its observations over a reboot or power cycle).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "client/attributes.hpp"
#include "client/card.hpp"
#include "client/channels.hpp"
#include "client/registration.hpp"
#include "coap/message/message.hpp"
#include "lwm2m/content/format.hpp"
#include "lwm2m/data/path.hpp"
#include "transport/datagram.hpp"

namespace drover::client {

struct SavedRegistration {
  ServerId server = 0;
  std::string host;  ///< of the Server URI: a registration doesn't hold for another
  std::uint16_t port = 0;
  bool secure = false;  ///< coaps
  transport::PeerAddress peer;
  std::string location;
  RegistrationParameters told;
  bool unsure = false;   ///< as StandingRegistration::unsure
  UnixSeconds ends = 0;  ///< of the lifetime
  friend bool operator==(const SavedRegistration&, const SavedRegistration&) = default;
};

/// A server that disabled itself (/1/x/4) and isn't registered with before `until`.
struct SavedDisable {
  ServerId server = 0;
  UnixSeconds until = 0;
  friend bool operator==(const SavedDisable&, const SavedDisable&) = default;
};

/// Its peer is that of the server's registration, with which it ends.
struct SavedObservation {
  ServerId server = 0;
  lwm2m::Path path;
  std::optional<lwm2m::FormatNumber> accept;
  coap::Token token;
  friend bool operator==(const SavedObservation&, const SavedObservation&) = default;
};

/// A kept notification (Core E.2, resource 6).
struct SavedNotification {
  ServerId server = 0;
  lwm2m::Path path;
  std::int64_t at_ms = 0;  ///< Unix time in milliseconds
  lwm2m::FormatNumber format = 0;
  Bytes payload;
  friend bool operator==(const SavedNotification&, const SavedNotification&) = default;
};

/// Of keys for secured packets (ETSI TS 102 225 §5.1.4): both never go back, whatever becomes of the account.
struct SmsCounters {
  std::uint64_t key = 0;       ///< SmsPackets::key
  std::uint64_t reserved = 0;  ///< messages may have been sent with counters up to this one
  std::uint64_t received = 0;  ///< the highest that was taken; 0: none
  friend bool operator==(const SmsCounters&, const SmsCounters&) = default;
};

struct SavedState {
  std::vector<SavedRegistration> registrations;
  std::vector<SavedChannel> channels;  ///< an association in it must not be read a second time: it is used at once
  std::vector<SavedDisable> disabled;
  std::vector<SavedObservation> observations;
  std::vector<AttributeEntry> attributes;
  std::vector<SavedNotification> notifications;  ///< for each server in order
  std::vector<SmsCounters> sms_counters;         ///< ascending by key
  std::uint32_t observe_number = 0;              ///< the newest that was given out
  /// How far a server set /3/0/13 ahead of the system's clock, in seconds; nothing while it follows that.
  std::optional<std::int64_t> clock_offset;
  /// When the Bootstrap-Server account is purged (/0/x/12).
  std::optional<UnixSeconds> bootstrap_purge;
  std::optional<SavedCard> card;
};

/// Notifications after a restart are numbered from here past the saved number, so that a server takes them for newer
/// than any it had: RFC 7641 §3.4 compares modulo 2^24, and 2^16 is far below half of that.
inline constexpr std::uint32_t kObserveNumberGap = 1U << 16;
/// The number is to be saved again when this many were given out: what one round adds (Notifier::kObservationsMax)
/// still fits the gap.
inline constexpr std::uint32_t kObserveNumbersUnsavedMax = kObserveNumberGap / 2;

/// What is other than when it was taken the last time, so that a storage need not compare.
struct Unsaved {
  /// A server did it, or it is between a server and us: to be saved before anything is sent, as what is sent may
  /// acknowledge it. What the device changes by itself can wait.
  bool at_once = false;
  bool registrations = false;  ///< SavedState::registrations, ::disabled and ::bootstrap_purge
  bool channels = false;
  bool observations = false;
  bool attributes = false;
  bool notifications = false;
  bool sms_counters = false;
  bool clock = false;
  bool observe_number = false;
  bool card = false;
  std::set<lwm2m::Path> paths;  ///< resources (also removed ones), and instances that came or went

  [[nodiscard]] bool empty() const {
    return !registrations && !channels && !observations && !attributes && !notifications && !sms_counters && !clock &&
           !observe_number && !card && paths.empty();
  }
  void merge(Unsaved&& newer);
};

}  // namespace drover::client
