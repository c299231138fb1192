// SPDX-License-Identifier: Apache-2.0
// The numbers of devices that are spoken to by SMS, with the keys of their secured packets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "security/sps/parameters.hpp"
#include "store/credential.hpp"
#include "store/sealer.hpp"

namespace drover::store {

class StoreFile;

using SmsAccountId = Id<struct SmsAccountTag, std::uint64_t>;

/// How SMS with a number are protected. The numbers are stored.
enum class SmsProtection : std::uint8_t {
  None = 1,     ///< not at all: NoSec
  Packets = 2,  ///< secured packets (ETSI TS 102 225)
  Dtls = 3,     ///< by the device's DTLS credential
};
const char* to_string(SmsProtection protection);  ///< "none", "packets" or "dtls"
std::optional<SmsProtection> parse_sms_protection(std::string_view text);

/// One number. Number, protection, parameters and keys stay as they were added: other keys are a new account, whose
/// counters begin anew.
struct SmsAccount {
  SmsAccountId id;     ///< never used again after the account is removed
  std::string msisdn;  ///< digits, without "+"; of one account alone
  std::string endpoint;  ///< the only one that it may be; never empty
  SmsProtection protection = SmsProtection::Packets;
  security::sps::Parameters parameters;  ///< Packets
  std::string label;
  UnixSeconds created_at = 0;
  bool enabled = true;
  friend bool operator==(const SmsAccount&, const SmsAccount&) = default;
};

struct NewSmsAccount {
  std::string msisdn;  ///< a leading "+" is taken off
  std::string endpoint;
  SmsProtection protection = SmsProtection::Packets;
  Bytes parameters;    ///< as /0/x/7: seven octets or six; empty: AES of key set 1, no proof of receipt
  Secret<Bytes> keys;  ///< as /0/x/8; of Packets alone
  std::string label;
  bool enabled = true;
};

struct SmsAccountChange {
  std::optional<std::string> label;
  std::optional<bool> enabled;
};

/// Counters of an account's secured packets (sms::Counters).
struct SmsCounters {
  std::uint64_t reserved = 0;
  std::uint64_t received = 0;
  friend bool operator==(const SmsCounters&, const SmsCounters&) = default;
};

/// Thread-safe; readers ask memory, changes wait for the disk. Keys are sealed as those of Credentials are; the counters
/// aren't secret.
class SmsAccounts final {
 public:
  static constexpr std::size_t kAccountsMax = 1'000'000;

  /// What secured packets need; borrowed from nobody.
  struct Protected {
    SmsAccountId id;
    SmsProtection protection{};
    security::sps::Parameters parameters;
    security::sps::Keys keys;
  };

  /// An error when a row is damaged or the seal isn't this sealer's.
  static Result<std::unique_ptr<SmsAccounts>> open(std::shared_ptr<StoreFile> file, Sealer sealer,
                                                   std::function<UnixSeconds()> unix_now);

  [[nodiscard]] std::vector<SmsAccount> page(SmsAccountId after, std::size_t limit) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::optional<SmsAccount> find(SmsAccountId id) const;
  /// Enabled ones alone.
  [[nodiscard]] std::optional<Protected> find_protected(std::string_view msisdn) const;
  /// Enabled, and that endpoint's.
  [[nodiscard]] bool may_be(std::string_view msisdn, std::string_view endpoint) const;
  [[nodiscard]] std::optional<SmsProtection> protection(std::string_view msisdn) const;
  Answer<SmsAccount> add(NewSmsAccount account);
  Answer<SmsAccount> change(SmsAccountId id, const SmsAccountChange& change);
  Answer<SmsAccount> remove(SmsAccountId id);

  [[nodiscard]] SmsCounters counters(SmsAccountId id) const;
  /// On disk when this returns; they never go back: the larger of what is kept and what is given counts.
  Result<void> save_counters(const std::vector<std::pair<SmsAccountId, SmsCounters>>& counters);

 private:
  struct State;
  explicit SmsAccounts(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;

 public:
  ~SmsAccounts();
};

}  // namespace drover::store
