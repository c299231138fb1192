// SPDX-License-Identifier: Apache-2.0
// What the server knows of devices' numbers, as values. No secret but in NewSmsAccount, on its way in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/id.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "security/sps/parameters.hpp"
#include "store/credential.hpp"

namespace drover::store {

using SmsAccountId = Id<struct SmsAccountTag, std::uint64_t>;

/// How SMS with a number are protected. The numbers are stored.
enum class SmsProtection : std::uint8_t {
  None = 1,       ///< not at all: NoSec
  Packets = 2,    ///< secured packets (ETSI TS 102 225)
  Dtls = 3,       ///< by the device's DTLS credential
  Smartcard = 4,  ///< secured packets that end on the device's smartcard (Transport "Smartcard End-Point")
};
inline constexpr std::array kSmsProtections = {SmsProtection::None, SmsProtection::Packets, SmsProtection::Dtls,
                                               SmsProtection::Smartcard};
const char* to_string(SmsProtection protection);  ///< "none", "packets", "dtls" or "smartcard"
std::optional<SmsProtection> parse_sms_protection(std::string_view text);
/// Whether it is by secured packets, which have parameters and keys, wherever they end.
constexpr bool has_packets(SmsProtection protection) {
  return protection == SmsProtection::Packets || protection == SmsProtection::Smartcard;
}

/// One number. Number, endpoint, protection, parameters and keys stay as they were added. Other keys are a new account,
/// whose counters begin anew: it must not get the keys of one that was removed, whose old messages would count again.
struct SmsAccount {
  SmsAccountId id;       ///< never used again after the account is removed
  std::string msisdn;    ///< 1 to transport::kMsisdnDigitsMax digits, without "+"; of one account alone
  std::string endpoint;  ///< the only one that it may be; never empty
  SmsProtection protection = SmsProtection::Packets;
  security::sps::Parameters parameters;  ///< where it has_packets()
  std::string label;                     ///< for people
  UnixSeconds created_at = 0;
  bool enabled = true;
  friend bool operator==(const SmsAccount&, const SmsAccount&) = default;
};

struct NewSmsAccount {
  std::string msisdn;  ///< a leading "+" is taken off
  std::string endpoint;
  SmsProtection protection = SmsProtection::Packets;
  Bytes parameters{};    ///< as /0/x/7: seven octets or six; empty: AES of key set 1, no proof of receipt
  Secret<Bytes> keys{};  ///< as /0/x/8; where it has_packets()
  std::string label{};
  bool enabled = true;
};

/// What is nothing stays.
struct SmsAccountChange {
  std::optional<std::string> label{};
  std::optional<bool> enabled{};
};

struct SmsAccountQuery {
  std::string endpoint{};  ///< "": of all
  SmsAccountId after{};    ///< pages are in the order of ids
  std::size_t limit = 100;
};
struct SmsAccountPage {
  static constexpr std::size_t kMax = 1000;
  std::vector<SmsAccount> accounts;
  std::size_t total = 0;  ///< of the whole query
  SmsAccountId next{};    ///< `after` of the next page, 0 on the last
};

/// Counters of an account's secured packets (sms::Counters); both below security::sps::kCounterBlocked.
struct SmsCounters {
  std::uint64_t reserved = 0;
  std::uint64_t received = 0;
  friend bool operator==(const SmsCounters&, const SmsCounters&) = default;
};

/// The keys of one account, in the form that is kept.
struct SmsKeysRow {
  SmsAccountId id;
  Bytes sealed_keys;
};

/// Keys for an account of those parameters, from the system's generator: two of AES-128, or two of triple DES where the
/// parameters say so; 32 octets or 48. An error when it has none.
Result<Secret<Bytes>> random_sms_keys(ByteView parameters);

/// The account that is asked for, without an id and a time, when all that was given of it is right, its keys included.
Answer<SmsAccount> checked(const NewSmsAccount& account);

}  // namespace drover::store
