// SPDX-License-Identifier: Apache-2.0
// What a Security instance says about short messages (Core E.1, resources 6 to 9).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "client/objects/security_object.hpp"
#include "client/security_values.hpp"
#include "security/sps/parameters.hpp"
#include "transport/datagram.hpp"

namespace drover::client {

/// SMS Security Mode 1: "DTLS, device terminated" in the final text of the enabler, "Secure Packet Structure mode device
/// terminated" in its drafts.
enum class SmsMode1 : std::uint8_t { Dtls, SecuredPackets };

/// Resources 6 to 9 as they are stored.
struct SmsValues {
  std::optional<std::int64_t> mode;  ///< /0/x/6; nothing: there is none
  Bytes key_parameters;              ///< /0/x/7
  Secret<Bytes> keys;                ///< /0/x/8
  std::string number;                ///< /0/x/9: digits, perhaps behind a '+'; "": the server isn't reached by SMS

  friend bool operator==(const SmsValues& a, const SmsValues& b) {
    return a.mode == b.mode && a.key_parameters == b.key_parameters && a.keys.reveal() == b.keys.reveal() &&
           a.number == b.number;
  }
};

/// Of a Security instance whose resources `get` gives. Without /0/x/9, the number of a URI "tel:+12125550178" in /0/x/0.
SmsValues read_sms_values(lwm2m::InstanceId instance,
                          const std::function<std::optional<lwm2m::Value>(const lwm2m::Path&)>& get);

/// Keys of secured packets (ETSI TS 102 225).
struct SmsPackets {
  /// Tells these keys from others, also over restarts; says nothing about them that could be turned back. Their
  /// counters belong to it, whatever account they are in: with the same keys they go on.
  std::uint64_t key = 0;
  drover::security::sps::Parameters parameters;
  drover::security::sps::Keys keys;
};

/// The one way in which short messages of a server are taken, and sent to it.
struct SmsProtection {
  transport::PeerAddress address;     ///< of Kind::Sms, SmsDtls or SmsPacket
  std::optional<SmsPackets> packets;  ///< SmsPacket
  SecurityValues dtls;                ///< SmsDtls
  /// SmsPacket without `packets`: the smartcard makes and reads them, with keys of its own.
  bool on_card = false;

  friend bool operator==(const SmsProtection& a, const SmsProtection& b) {
    return a.address == b.address && a.dtls == b.dtls && a.on_card == b.on_card &&
           a.packets.has_value() == b.packets.has_value() &&
           (!a.packets || a.packets->key == b.packets->key);
  }
};

/// `udp` are resources 2 to 5 of the same instance, whose pre-shared key DTLS takes where 7 and 8 are empty. The error
/// says what is missing or wrong, without a word of the keys. `card`: mode 2 ends on the device's smartcard, as it says;
/// else on the device, which has the keys then.
Result<SmsProtection> protect_sms(const SmsValues& values, const SecurityValues& udp, SmsMode1 mode1, bool card = false);

/// The digits of an MSISDN, with or without '+'; nothing when it isn't one.
std::optional<std::string> msisdn_digits(std::string_view text);
/// Those of "tel:+12125550178", a Server URI of whom is reached by SMS alone (RFC 3966).
std::optional<std::string> tel_digits(std::string_view uri);

}  // namespace drover::client
