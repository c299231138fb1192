// SPDX-License-Identifier: Apache-2.0
#include "sms_numbers.hpp"

#include <utility>

namespace drover::droverd {

using store::SmsProtection;
using transport::Kind;

std::optional<sms::Peer> SmsNumbers::find(std::string_view msisdn) const {
  sms::Peer peer;
  auto account = accounts_ == nullptr ? std::nullopt : accounts_->find_protected(msisdn);
  if (!account) {
    if (!is_anybody(msisdn)) return std::nullopt;
    peer.plain = peer.dtls = true;
    return peer;
  }
  switch (account->protection) {
    case SmsProtection::None: peer.plain = nosec_ != SmsConfig::NoSec::Off; break;
    case SmsProtection::Dtls: peer.dtls = true; break;
    case SmsProtection::Packets:
    case SmsProtection::Smartcard:
      peer.packets = sms::Peer::Packets{account->id.value, account->parameters, std::move(account->keys),
                                        account->protection == SmsProtection::Smartcard};
      break;
  }
  return peer;
}

sms::Counters SmsNumbers::counters(std::uint64_t key) const {
  if (accounts_ == nullptr) return {};
  const store::SmsCounters kept = accounts_->counters({key});
  return {kept.reserved, kept.received};
}

std::optional<Kind> SmsNumbers::kind_for(std::string_view msisdn) const {
  const auto protection = accounts_ == nullptr ? std::nullopt : accounts_->protection(msisdn);
  if (!protection) return is_anybody(msisdn) ? std::optional(Kind::Sms) : std::nullopt;
  if (store::has_packets(*protection)) return Kind::SmsPacket;
  // It is the device that makes an association.
  if (*protection == SmsProtection::Dtls || nosec_ == SmsConfig::NoSec::Off) return std::nullopt;
  return Kind::Sms;
}

bool SmsNumbers::is_anybody(std::string_view msisdn) const {
  return nosec_ == SmsConfig::NoSec::Any && (accounts_ == nullptr || !accounts_->knows(msisdn));
}

bool SmsNumbers::may_be(std::string_view msisdn, std::string_view endpoint) const {
  return accounts_ != nullptr && accounts_->may_be(msisdn, endpoint);
}

bool SmsNumbers::may_say(const transport::Datagram& datagram) const {
  if (datagram.from.kind != Kind::Sms || nosec_ == SmsConfig::NoSec::Any) return true;
  // RFC 7252 §3: the code is the second octet, a request's class is 0 and an empty message 0.00.
  return datagram.bytes.size() >= 2 && (datagram.bytes[1] == 0 || datagram.bytes[1] >> 5 != 0);
}

}  // namespace drover::droverd
