// SPDX-License-Identifier: Apache-2.0
// What this server accepts at its Registration interface beyond, or short of, what the enabler asks for.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "lwm2m/data/path.hpp"
#include "lwm2m/operation/operation.hpp"

namespace drover::server {

/// Longest endpoint name in bytes: a Uri-Query option holds 255 (RFC 7252 §5.10), the text behind "ep=" a little less.
inline constexpr std::size_t kEndpointMax = 255;
/// Longest binding: every letter that a version of the enabler defines fits twice.
inline constexpr std::size_t kBindingMax = 16;
/// Longest SMS number: 15 digits (E.164), with room for what a lenient server takes (a '+', separators).
inline constexpr std::size_t kSmsMax = 24;
/// Longest alternate path in bytes: what one Uri-Path option holds (RFC 7252 §5.10).
inline constexpr std::size_t kRootMax = 255;
/// Used when `lt` is missing and the policy isn't strict (the default of later versions of the enabler).
inline constexpr std::uint32_t kDefaultLifetime = 86400;

/// How long devices of some names stay awake behind a message of theirs.
struct AwakeTime {
  std::string endpoints;  ///< as Policy::refused_endpoints
  Duration awake{};
  friend bool operator==(const AwakeTime&, const AwakeTime&) = default;
};

/// See Shard::set_policy().
struct Policy {
  /// Everything as the 1.0 enabler has it: only version 1.0 (4.12 else, Core §5.3.1); 4.00 for unknown parameters, a
  /// missing `lt` or `lwm2m` (Transport Table 6), a binding outside Table 8, an SMS number with anything but digits,
  /// and an announcement without /1 or /3. Not strict: any 1.x, and all of these are accepted. (An announced /0 is
  /// passed over, either way.)
  bool strict = false;

  std::uint32_t lifetime_min = 1;           ///< seconds; a shorter one gets 4.00
  std::uint32_t lifetime_max = 0xFFFFFFFF;  ///< seconds; a longer one gets 4.00
  /// Endpoint names that get 4.03: exact or with '*' (any text) and '?' (any one byte). Case counts.
  std::vector<std::string> refused_endpoints;
  /// Registrations of one shard; past it 5.03. At most kSlotsMax of location.hpp.
  std::size_t devices_max = std::size_t{1} << 24;
  /// Datagrams of one network address, a second and at once; what is beyond is dropped before anything reads it. 0: any
  /// number. Short messages are the carrier's to limit.
  std::uint32_t datagrams_per_second = 1000;
  std::uint32_t datagrams_burst = 2000;
  /// Observations of one device, established or asked for; past it the operation ends with NoAnswer::Refused.
  std::size_t observations_max_per_device = 256;

  /// A Read or Observe without `accept` asks for TLV (11542), which every version's client must be able to give:
  /// without it newer clients choose formats of their version. `no_accept` of the operation overrides it.
  bool always_accept = true;
  /// Core §5.5.1: "The LwM2M Server MUST re-initiate observation requests whenever the LwM2M Client registers." When
  /// set, the observations of a registration that a Register replaced, on whichever shard it was, are asked for again
  /// behind the 2.01, and their first values come as notifications. An Observe of the application's for the same path
  /// takes the place of that. Those the device refuses end with ObservationEnded; when not set, all of them do and are
  /// the application's to start again. A deregistration ends them either way, unless this server disabled the device.
  bool restore_observations = true;
  /// What was observed of a device that expired, or that this server had disabled (/1/x/4), is asked for again when it
  /// registers within this time; after it they end with ObservationEnded. For restore_observations alone.
  Duration observations_wanted = std::chrono::hours(24 * 7);

  /// Queue mode (Transport "Queue Mode Operation"): a device stays awake that long behind the last message that came
  /// from it. The first of `awake_times` that fits its name counts; else, over UDP, MAX_TRANSMIT_WAIT of the CoAP
  /// parameters, and over SMS (binding SQ) `awake_sms`, as coap::SmsParameters::response_wait.
  std::vector<AwakeTime> awake_times;
  Duration awake_sms = std::chrono::minutes(5);
  /// An operation that isn't over by then ends as Expired, unless it says otherwise.
  Duration operation_lifetime = std::chrono::hours(24 * 7);
  /// Operations that wait for one device, and payload octets of all that wait in a shard.
  std::size_t queue_max_per_device = 1000;
  std::size_t queue_bytes_max = std::size_t{256} << 20;

  /// A sleeping device with binding UQS or UQT is asked by SMS to wake when something is queued for it (Transport
  /// "Update Trigger Mechanism"), at most once in `trigger_interval`.
  bool trigger = true;
  Duration trigger_interval = std::chrono::minutes(10);
  /// With binding US, what isn't answered over UDP is sent by SMS.
  bool sms_fallback = true;

  friend bool operator==(const Policy&, const Policy&) = default;
};

/// The values that Core Table 8 has for `b`: U, UQ, S, SQ, US, UQS, UQT.
bool is_binding_1_0(std::string_view binding);
/// 1.1 and later: one or more of the letters U, T, S, N, each at most once.
bool is_binding_1_1(std::string_view binding);

/// The first of `times` that fits; nothing when none does.
std::optional<Duration> awake_time(const std::vector<AwakeTime>& times, std::string_view endpoint);

/// Register's parameters with the policy's defaults filled in.
struct Admission {
  lwm2m::Version version;
  std::string version_text;  ///< as announced, "1.0" when missing
  std::uint32_t lifetime = kDefaultLifetime;
  std::string binding;  ///< "U" when missing
};

/// 4.00, 4.03 or 4.12 with the reason when the Register isn't to be accepted.
Result<Admission> admit(const Policy& policy, const lwm2m::Register& request);
/// 4.00 when the Update isn't to be accepted by a registration of that version.
Result<void> admit(const Policy& policy, const lwm2m::Update& request, lwm2m::Version version);

}  // namespace drover::server
