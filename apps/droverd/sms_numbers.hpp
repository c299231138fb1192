// SPDX-License-Identifier: Apache-2.0
// Whom the server speaks to by SMS, and how: what the gateway and the shards ask.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "config.hpp"
#include "server/sms.hpp"
#include "sms/gateway.hpp"
#include "store/sms_accounts.hpp"

namespace drover::droverd {

/// Thread-safe, as the accounts are. Numbers without an account are strangers, unless everybody may be heard without
/// security; those with one are spoken to as it says, and not at all while it is disabled.
class SmsNumbers final : public sms::Peers, public server::SmsDirectory {
 public:
  /// `accounts` may be null; else it outlives this.
  SmsNumbers(SmsConfig::NoSec nosec, store::SmsAccounts* accounts) : nosec_(nosec), accounts_(accounts) {}

  // sms::Peers
  [[nodiscard]] std::optional<sms::Peer> find(std::string_view msisdn) const override;
  [[nodiscard]] sms::Counters counters(std::uint64_t key) const override;

  // server::SmsDirectory
  [[nodiscard]] std::optional<transport::Kind> kind_for(std::string_view msisdn) const override;
  [[nodiscard]] bool operates_without_security() const override { return nosec_ == SmsConfig::NoSec::Any; }
  [[nodiscard]] bool may_be(std::string_view msisdn, std::string_view endpoint) const override;

  /// Whether the server listens to what came from there. Without security that is answers alone, unless everything may
  /// come so: a trigger needs no more (Transport "SMS Channel Security").
  [[nodiscard]] bool may_say(const transport::Datagram& datagram) const;

 private:
  /// A number without an account, and everybody may be heard.
  [[nodiscard]] bool is_anybody(std::string_view msisdn) const;

  SmsConfig::NoSec nosec_;
  store::SmsAccounts* accounts_;
};

}  // namespace drover::droverd
