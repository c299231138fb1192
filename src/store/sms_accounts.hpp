// SPDX-License-Identifier: Apache-2.0
// The numbers of devices that are spoken to by SMS, with the keys of their secured packets.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "store/sealer.hpp"
#include "store/sms_account.hpp"

namespace drover::store {

class StoreFile;

/// Thread-safe; readers ask memory under a shared lock. A change is on disk before it counts, and waits for it; changes
/// take turns. Keys are sealed as those of Credentials are; the counters aren't secret.
class SmsAccounts final {
 public:
  static constexpr std::size_t kAccountsMax = 1'000'000;

  /// What secured packets need; borrowed from nobody.
  struct Protected {
    SmsAccountId id;
    SmsProtection protection{};
    security::sps::Parameters parameters;
    security::sps::Keys keys;  ///< where it has_packets()
  };

  /// Reads all of the file's, which is shared with the store's other tenants. An error when a row is damaged or the seal
  /// isn't this sealer's. `unix_now` is what created_at is taken from; thread-safe.
  static Result<std::unique_ptr<SmsAccounts>> open(std::shared_ptr<StoreFile> file, Sealer sealer,
                                                   std::function<UnixSeconds()> unix_now,
                                                   std::size_t accounts_max = kAccountsMax);
  ~SmsAccounts();

  /// Looks at all of them for an endpoint's.
  [[nodiscard]] SmsAccountPage page(const SmsAccountQuery& query) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::optional<SmsAccount> find(SmsAccountId id) const;
  /// Whether the number has an account, be it disabled.
  [[nodiscard]] bool knows(std::string_view msisdn) const;
  /// Enabled ones alone, as the next two; the number is digits, without "+".
  [[nodiscard]] std::optional<Protected> find_protected(std::string_view msisdn) const;
  [[nodiscard]] bool may_be(std::string_view msisdn, std::string_view endpoint) const;
  [[nodiscard]] std::optional<SmsProtection> protection(std::string_view msisdn) const;
  /// Refused: what isn't right in itself ("msisdn", "endpoint", "label", "parameters", "keys"), a number that has an
  /// account, more than `accounts_max`, a disk that fails.
  Answer<SmsAccount> add(NewSmsAccount account);
  Answer<SmsAccount> change(SmsAccountId id, const SmsAccountChange& change);
  /// What was removed; its keys and counters go with it.
  Answer<SmsAccount> remove(SmsAccountId id);

  /// Zeros for one that has none, or is gone.
  [[nodiscard]] SmsCounters counters(SmsAccountId id) const;
  /// All are on disk when this returns, or none and there is an error, Fault::Us for one that is blocked. They never go
  /// back: the larger of what is kept and what is given counts. Those of an account that is gone are nobody's: no error.
  Result<void> save_counters(const std::vector<std::pair<SmsAccountId, SmsCounters>>& counters);

  /// For the store's next key: `commit` gets all keys sealed with it, and when it succeeds the key counts.
  Result<void> reseal(const Sealer& next, const std::function<Result<void>(std::vector<SmsKeysRow>)>& commit);

 private:
  struct State;
  explicit SmsAccounts(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace drover::store
