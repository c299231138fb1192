// SPDX-License-Identifier: Apache-2.0
#include "client/sms_values.hpp"

#include <utility>

namespace drover::client {

namespace sps = drover::security::sps;
using transport::Kind;
using transport::PeerAddress;

namespace {

tl::unexpected<Error> bad(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

std::uint64_t key_of(const SmsValues& values) {
  SecurityValues mixed;
  mixed.identity = values.key_parameters;
  mixed.key = values.keys;
  return mixed.fingerprint();
}

Result<SmsProtection> packets(const SmsValues& values, const PeerAddress& address) {
  auto parameters = sps::Parameters::parse(values.key_parameters);
  if (!parameters) return bad("resource 7 (SMS Binding Key Parameters): " + parameters.error().reason);
  auto keys = sps::Keys::parse(*parameters, values.keys);
  if (!keys) return bad("resource 8 (SMS Binding Secret Keys): " + keys.error().reason);
  return SmsProtection{address.as(Kind::SmsPacket), SmsPackets{key_of(values), *parameters, std::move(*keys)}, {}, false};
}

/// The enabler has no place of its own for this pre-shared key.
Result<SmsProtection> dtls(const SmsValues& values, const SecurityValues& udp, const PeerAddress& address) {
  SmsProtection made{address.as(Kind::SmsDtls), std::nullopt, {}, false};
  made.dtls.mode = SecurityObject::kPreSharedKey;
  const bool own = !values.key_parameters.empty() && !values.keys.empty();
  const bool shared = udp.mode == SecurityObject::kPreSharedKey || udp.mode == SecurityObject::kNoSec;
  if (!own && (!shared || udp.identity.empty() || udp.key.empty())) {
    return bad("SMS Security Mode 1 needs a pre-shared key: identity and key in resources 7 and 8, or in 3 and 5");
  }
  made.dtls.identity = own ? values.key_parameters : udp.identity;
  made.dtls.key = own ? values.keys : udp.key;
  return made;
}

}  // namespace

std::optional<std::string> msisdn_digits(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (!PeerAddress::sms(text)) return std::nullopt;
  return std::string(text);
}

std::optional<std::string> tel_digits(std::string_view uri) {
  constexpr std::string_view kScheme = "tel:";
  if (!uri.starts_with(kScheme)) return std::nullopt;
  return msisdn_digits(uri.substr(kScheme.size()));
}

SmsValues read_sms_values(lwm2m::InstanceId instance,
                          const std::function<std::optional<lwm2m::Value>(const lwm2m::Path&)>& get) {
  const lwm2m::Path path(SecurityObject::kObject, instance);
  const auto bytes = [&](lwm2m::ResourceId id) {
    const auto value = get(path.child(id));
    const auto* opaque = value ? std::get_if<lwm2m::Opaque>(&*value) : nullptr;
    return opaque == nullptr ? Bytes() : opaque->bytes;
  };
  const auto text = [&](lwm2m::ResourceId id) {
    const auto value = get(path.child(id));
    const auto* string = value ? std::get_if<std::string>(&*value) : nullptr;
    return string == nullptr ? std::string() : *string;
  };
  SmsValues values;
  const auto mode = get(path.child(SecurityObject::kSmsMode));
  if (const auto* number = mode ? std::get_if<std::int64_t>(&*mode) : nullptr) values.mode = *number;
  values.key_parameters = bytes(SecurityObject::kSmsKeyParameters);
  values.keys = Secret<Bytes>(bytes(SecurityObject::kSmsSecretKeys));
  values.number = text(SecurityObject::kServerNumber);
  if (values.number.empty()) values.number = tel_digits(text(SecurityObject::kUri)).value_or("");
  return values;
}

Result<SmsProtection> protect_sms(const SmsValues& values, const SecurityValues& udp, SmsMode1 mode1, bool card) {
  const auto digits = msisdn_digits(values.number);
  if (!digits) return bad("resource 9 (LwM2M Server SMS Number) isn't a number: digits with the country code");
  const PeerAddress address = PeerAddress::sms(*digits).value();
  if (!values.mode) return bad("resource 6 (SMS Security Mode) is missing: 1, 2 or 3");
  switch (*values.mode) {
    case SecurityObject::kSmsOnDevice:
      return mode1 == SmsMode1::Dtls ? dtls(values, udp, address) : packets(values, address);
    case SecurityObject::kSmsOnSmartcard:
      if (card) return SmsProtection{address.as(Kind::SmsPacket), std::nullopt, {}, true};
      return packets(values, address);
    case SecurityObject::kSmsNoSec: return SmsProtection{address, std::nullopt, {}, false};
    default: return bad("this client has no SMS Security Mode " + std::to_string(*values.mode) + "; use 1, 2 or 3");
  }
}

}  // namespace drover::client
