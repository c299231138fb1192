// SPDX-License-Identifier: Apache-2.0
#include "store/sms_account.hpp"

#include <utility>

#include "store/sealer.hpp"
#include "transport/datagram.hpp"

namespace drover::store {

namespace {

/// Octets of security::sps::Keys::parse().
constexpr std::size_t kAesKeys = 32;
constexpr std::size_t kTripleDesKeys = 48;

tl::unexpected<Refusal> invalid(const char* field, std::string reason) {
  return tl::unexpected(Refusal{Refusal::Why::Invalid, field, std::move(reason)});
}

}  // namespace

const char* to_string(SmsProtection protection) {
  switch (protection) {
    case SmsProtection::None: return "none";
    case SmsProtection::Packets: return "packets";
    case SmsProtection::Dtls: return "dtls";
    case SmsProtection::Smartcard: break;
  }
  return "smartcard";
}

std::optional<SmsProtection> parse_sms_protection(std::string_view text) {
  for (const SmsProtection protection : kSmsProtections) {
    if (text == to_string(protection)) return protection;
  }
  return std::nullopt;
}

Result<Secret<Bytes>> random_sms_keys(ByteView parameters) {
  const auto parsed = security::sps::Parameters::parse(parameters);
  const bool triple = parsed && parsed->algorithm() == security::sps::Algorithm::TripleDes;
  return random_secret(triple ? kTripleDesKeys : kAesKeys);
}

Answer<SmsAccount> checked(const NewSmsAccount& account) {
  SmsAccount made{.id = {},
                  .msisdn = account.msisdn.starts_with('+') ? account.msisdn.substr(1) : account.msisdn,
                  .endpoint = account.endpoint,
                  .protection = account.protection,
                  .parameters = {},
                  .label = account.label,
                  .created_at = 0,
                  .enabled = account.enabled};
  if (!transport::PeerAddress::sms(made.msisdn)) {
    return invalid("msisdn", "a number must be 1 to " + std::to_string(transport::kMsisdnDigitsMax) +
                                 " digits, with its country code and with or without a +");
  }
  if (made.endpoint.empty()) return invalid("endpoint", "a number needs the endpoint name of its device");
  if (auto wrong = check_text(made.endpoint, "endpoint", kEndpointMax)) return tl::unexpected(std::move(*wrong));
  if (auto wrong = check_text(made.label, "label", kLabelMax)) return tl::unexpected(std::move(*wrong));
  if (!has_packets(made.protection)) {
    if (!account.parameters.empty()) return invalid("parameters", "only secured packets have key parameters");
    if (!account.keys.empty()) return invalid("keys", "only secured packets have keys here");
    return made;
  }
  if (!account.parameters.empty()) {
    auto parameters = security::sps::Parameters::parse(account.parameters);
    if (!parameters) return invalid("parameters", parameters.error().reason);
    made.parameters = *parameters;
  }
  auto keys = security::sps::Keys::parse(made.parameters, account.keys);
  if (!keys) return invalid("keys", keys.error().reason);
  return made;
}

}  // namespace drover::store
