// SPDX-License-Identifier: Apache-2.0
// What a client is told once, and what of it can go into a Register.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "client/bootstrap.hpp"
#include "client/card.hpp"
#include "client/notifier.hpp"
#include "client/queue_mode.hpp"
#include "client/registration.hpp"
#include "client/sms_values.hpp"
#include "coap/parameters.hpp"
#include "security/acceptor.hpp"

namespace drover::client {

/// The longest Uri-Query and Uri-Path option (RFC 7252 §5.10, Table 4), in bytes.
inline constexpr std::size_t kOptionMax = 255;
inline constexpr std::size_t kEndpointMax = kOptionMax - std::string_view("ep=").size();
inline constexpr std::size_t kVersionMax = kOptionMax - std::string_view("lwm2m=").size();
/// All of an alternate path, so each of its segments fits an option, too.
inline constexpr std::size_t kAlternatePathMax = kOptionMax;

/// The device's short messages (Transport "SMS Binding").
struct SmsSettings {
  std::string msisdn;     ///< its own number, digits with the country code and without '+'; "" when none
  /// The host moves datagrams of Kind::Sms, SmsDtls and SmsPacket: bindings with S can be used.
  bool attached = false;
  SmsMode1 mode1 = SmsMode1::Dtls;
  /// Mode 2 ends on the device's smartcard (Transport "Smartcard End-Point"): datagrams of Kind::SmsPacket whose
  /// SmsPeer::on_card is set go to its application instead of a gateway, as CoAP without packets.
  bool on_card = false;
  /// For debugging: whatever a server asks for is served over short messages without protection, and bindings S and SQ
  /// are possible with them. Else only the Registration Update Trigger is (Transport "SMS Channel Security").
  bool allow_nosec_management = false;
  /// Short messages cost money: waits after silence, instead of RegistrationLimits'.
  Duration retry_first = std::chrono::minutes(5);
  Duration retry_max = std::chrono::hours(6);
};

struct ClientSettings {
  std::string endpoint;              ///< Endpoint Client Name (Core §6.3.1), at most kEndpointMax bytes
  std::string version = "1.0";       ///< the enabler version that Register announces
  std::string root;                  ///< alternate path, "" or "/lwm2m" (Transport "Alternate Path")
  SmsSettings sms;
  bool smartcard = false;            ///< the device has a reader for one, with or without a card in it
  CardLimits card;
  QueueSettings queue;
  bool announce_json = true;         ///< ct=11543 on the root link: JSON for all objects (Core §5.3.1)
  std::size_t write_max = 64 << 10;  ///< longest body of a Write or Create that is held whole: 4.13 past it
  coap::Parameters coap;             ///< stream_requests is set by the client
  RegistrationLimits registration;
  BootstrapLimits bootstrap;
  NotificationPolicy notification;
  /// DTLS for coaps accounts; outlives the client. None: only NoSec accounts can be used.
  drover::security::Provider* security = nullptr;
  /// Servers may begin handshakes, too, those of bootstrap accounts included; needs `security`.
  bool accept_handshakes = false;
};

// Each says what is wrong and what to write instead.
Result<void> check_endpoint(std::string_view endpoint);
/// "" or 1 to 15 digits (ITU-T E.164).
Result<void> check_sms(std::string_view msisdn);
Result<void> check_version(std::string_view version);
/// "" or "/" and segments, none of them empty or a number (Transport "Alternate Path": it would be taken for an
/// object), kAlternatePathMax bytes in all.
Result<void> check_alternate_path(std::string_view path);
/// All four.
Result<void> check_settings(const ClientSettings& settings);

}  // namespace drover::client
