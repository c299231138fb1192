// SPDX-License-Identifier: Apache-2.0
#include "store/sms_accounts.hpp"

#include <algorithm>
#include <cassert>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "security/sps/packet.hpp"
#include "store/sms_account_table.hpp"

namespace drover::store {

namespace {

using Why = Refusal::Why;

/// What sealed keys belong to: they can't be put under another account's id, nor serve another protection.
Bytes about(const SmsAccount& account) {
  Bytes bytes = to_bytes("drover sms account ");
  bytes.push_back(static_cast<std::uint8_t>(account.protection));
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(account.id.value >> shift));
  return bytes;
}

tl::unexpected<Refusal> refusal(Why why, std::string reason) {
  return tl::unexpected(Refusal{why, "", std::move(reason)});
}

tl::unexpected<Refusal> disk(const Error& error) {
  return refusal(Why::Disk, error.reason);
}

tl::unexpected<Refusal> not_found(SmsAccountId id) {
  return refusal(Why::NotFound, "there is no SMS account " + std::to_string(id.value));
}

SmsCounters larger(const SmsCounters& a, const SmsCounters& b) {
  return {std::max(a.reserved, b.reserved), std::max(a.received, b.received)};
}

}  // namespace

struct SmsAccounts::State {
  struct Held {
    SmsAccount account;
    Secret<Bytes> keys;  ///< as they were given: what Keys::parse takes
    SmsCounters counters;
  };

  State(std::shared_ptr<StoreFile> file, Sealer with, std::function<UnixSeconds()> clock, std::size_t most)
      : table(std::move(file)), unix_now(std::move(clock)), accounts_max(most), sealer(std::move(with)) {}

  Result<void> load();
  void put(SmsAccount account, Secret<Bytes> keys, SmsCounters counters);
  /// With `writing` or `reading`; nullptr when there is none.
  [[nodiscard]] const Held* find(SmsAccountId id) const;
  [[nodiscard]] const Held* find_enabled(std::string_view msisdn) const;

  SmsAccountTable table;
  const std::function<UnixSeconds()> unix_now;
  const std::size_t accounts_max;
  std::mutex writing;  ///< one change at a time; taken before `reading`. Who has it may read without `reading`.
  Sealer sealer;       ///< with `writing`
  std::uint64_t last_id = 0;

  mutable std::shared_mutex reading;
  std::map<std::uint64_t, Held> accounts;
  std::unordered_map<std::string_view, const Held*> by_number;  ///< into `accounts`
};

void SmsAccounts::State::put(SmsAccount account, Secret<Bytes> keys, SmsCounters counters) {
  const std::uint64_t id = account.id.value;
  const auto [at, is_new] = accounts.emplace(id, Held{std::move(account), std::move(keys), counters});
  assert(is_new);
  by_number.emplace(at->second.account.msisdn, &at->second);
}

const SmsAccounts::State::Held* SmsAccounts::State::find(SmsAccountId id) const {
  const auto found = accounts.find(id.value);
  return found == accounts.end() ? nullptr : &found->second;
}

const SmsAccounts::State::Held* SmsAccounts::State::find_enabled(std::string_view msisdn) const {
  const auto found = by_number.find(msisdn);
  return found == by_number.end() || !found->second->account.enabled ? nullptr : found->second;
}

Result<void> SmsAccounts::State::load() {
  auto content = table.load();
  if (!content) return tl::unexpected(content.error());
  for (SmsAccountRow& row : content->rows) {
    Secret<Bytes> keys;
    if (has_packets(row.account.protection)) {
      auto opened = sealer.open(row.sealed_keys, about(row.account));
      if (!opened || !security::sps::Keys::parse(row.account.parameters, *opened)) {
        return tl::unexpected(Error{Fault::Environment, 0,
                                    "the store is damaged: the keys of SMS account " +
                                        std::to_string(row.account.id.value) + " aren't what was sealed for it"});
      }
      keys = std::move(*opened);
    }
    put(std::move(row.account), std::move(keys), row.counters);
  }
  last_id = content->last_id;
  return {};
}

SmsAccounts::SmsAccounts(std::unique_ptr<State> state) : state_(std::move(state)) {}
SmsAccounts::~SmsAccounts() = default;

Result<std::unique_ptr<SmsAccounts>> SmsAccounts::open(std::shared_ptr<StoreFile> file, Sealer sealer,
                                                       std::function<UnixSeconds()> unix_now,
                                                       std::size_t accounts_max) {
  assert(file && unix_now);
  auto state = std::make_unique<State>(std::move(file), std::move(sealer), std::move(unix_now), accounts_max);
  if (auto loaded = state->load(); !loaded) return tl::unexpected(loaded.error());
  return std::unique_ptr<SmsAccounts>(new SmsAccounts(std::move(state)));
}

// ---- what readers ask -----------------------------------------------------------------------------------------------

SmsAccountPage SmsAccounts::page(const SmsAccountQuery& query) const {
  const std::shared_lock lock(state_->reading);
  SmsAccountPage page;
  const auto wanted = [&](const SmsAccount& account) {
    return query.endpoint.empty() || account.endpoint == query.endpoint;
  };
  for (auto at = state_->accounts.upper_bound(query.after.value); at != state_->accounts.end(); ++at) {
    const SmsAccount& account = at->second.account;
    if (!wanted(account)) continue;
    if (page.accounts.size() == query.limit) {
      page.next = page.accounts.empty() ? query.after : page.accounts.back().id;
      break;
    }
    page.accounts.push_back(account);
  }
  page.total = state_->accounts.size();
  if (!query.endpoint.empty()) {
    page.total = static_cast<std::size_t>(std::ranges::count_if(
        state_->accounts, [&](const auto& one) { return wanted(one.second.account); }));
  }
  return page;
}

std::size_t SmsAccounts::size() const {
  const std::shared_lock lock(state_->reading);
  return state_->accounts.size();
}

std::optional<SmsAccount> SmsAccounts::find(SmsAccountId id) const {
  const std::shared_lock lock(state_->reading);
  const State::Held* held = state_->find(id);
  return held == nullptr ? std::nullopt : std::optional(held->account);
}

bool SmsAccounts::knows(std::string_view msisdn) const {
  const std::shared_lock lock(state_->reading);
  return state_->by_number.contains(msisdn);
}

std::optional<SmsAccounts::Protected> SmsAccounts::find_protected(std::string_view msisdn) const {
  const std::shared_lock lock(state_->reading);
  const State::Held* held = state_->find_enabled(msisdn);
  if (held == nullptr) return std::nullopt;
  const SmsAccount& account = held->account;
  Protected found{account.id, account.protection, account.parameters, {}};
  if (!has_packets(account.protection)) return found;
  auto keys = security::sps::Keys::parse(account.parameters, held->keys);
  if (!keys) return std::nullopt;  // they were taken once, so they parse
  found.keys = std::move(*keys);
  return found;
}

bool SmsAccounts::may_be(std::string_view msisdn, std::string_view endpoint) const {
  const std::shared_lock lock(state_->reading);
  const State::Held* held = state_->find_enabled(msisdn);
  return held != nullptr && held->account.endpoint == endpoint;
}

std::optional<SmsProtection> SmsAccounts::protection(std::string_view msisdn) const {
  const std::shared_lock lock(state_->reading);
  const State::Held* held = state_->find_enabled(msisdn);
  return held == nullptr ? std::nullopt : std::optional(held->account.protection);
}

SmsCounters SmsAccounts::counters(SmsAccountId id) const {
  const std::shared_lock lock(state_->reading);
  const State::Held* held = state_->find(id);
  return held == nullptr ? SmsCounters{} : held->counters;
}

// ---- changes --------------------------------------------------------------------------------------------------------

Answer<SmsAccount> SmsAccounts::add(NewSmsAccount account) {
  auto made = checked(account);
  if (!made) return made;
  const std::lock_guard writing(state_->writing);
  if (const auto other = state_->by_number.find(made->msisdn); other != state_->by_number.end()) {
    const std::string id = std::to_string(other->second->account.id.value);
    return refusal(Why::Conflict, "SMS account " + id + " has this number already");
  }
  if (state_->accounts.size() >= state_->accounts_max) {
    return refusal(Why::Full, "there are " + std::to_string(state_->accounts_max) + " SMS accounts already");
  }
  made->id.value = state_->last_id + 1;
  made->created_at = state_->unix_now();
  SmsAccountRow row{.account = *made, .sealed_keys = {}};
  if (has_packets(made->protection)) {
    auto sealed = state_->sealer.seal(account.keys.reveal(), about(*made));
    if (!sealed) return disk(sealed.error());
    row.sealed_keys = std::move(*sealed);
  }
  if (auto done = state_->table.add(row); !done) return disk(done.error());
  state_->last_id = made->id.value;
  const std::unique_lock lock(state_->reading);
  state_->put(*made, std::move(account.keys), {});
  return made;
}

Answer<SmsAccount> SmsAccounts::change(SmsAccountId id, const SmsAccountChange& change) {
  if (change.label) {
    if (auto wrong = check_text(*change.label, "label", kLabelMax)) return tl::unexpected(std::move(*wrong));
  }
  const std::lock_guard writing(state_->writing);
  const auto found = state_->accounts.find(id.value);
  if (found == state_->accounts.end()) return not_found(id);
  SmsAccount account = found->second.account;
  if (change.label) account.label = *change.label;
  if (change.enabled) account.enabled = *change.enabled;
  if (auto done = state_->table.change(account); !done) return disk(done.error());
  const std::unique_lock lock(state_->reading);
  found->second.account.label = account.label;  // not the whole: by_number looks into its number
  found->second.account.enabled = account.enabled;
  return account;
}

Answer<SmsAccount> SmsAccounts::remove(SmsAccountId id) {
  const std::lock_guard writing(state_->writing);
  const auto found = state_->accounts.find(id.value);
  if (found == state_->accounts.end()) return not_found(id);
  if (auto done = state_->table.remove(id); !done) return disk(done.error());
  const std::unique_lock lock(state_->reading);
  SmsAccount gone = found->second.account;
  state_->by_number.erase(found->second.account.msisdn);
  state_->accounts.erase(found);
  return gone;
}

Result<void> SmsAccounts::save_counters(const std::vector<std::pair<SmsAccountId, SmsCounters>>& counters) {
  const std::lock_guard writing(state_->writing);
  std::vector<std::pair<SmsAccountId, SmsCounters>> higher;
  for (const auto& [id, given] : counters) {
    if (std::max(given.reserved, given.received) >= security::sps::kCounterBlocked) {
      return tl::unexpected(Error{Fault::Us, 0, "a counter of SMS account " + std::to_string(id.value) + " is blocked"});
    }
    const State::Held* held = state_->find(id);
    if (held != nullptr && larger(held->counters, given) != held->counters) higher.emplace_back(id, given);
  }
  if (higher.empty()) return {};
  if (auto done = state_->table.save(higher); !done) return done;
  const std::unique_lock lock(state_->reading);
  for (const auto& [id, given] : higher) {
    SmsCounters& kept = state_->accounts.at(id.value).counters;
    kept = larger(kept, given);
  }
  return {};
}

Result<void> SmsAccounts::reseal(const Sealer& next,
                                 const std::function<Result<void>(std::vector<SmsKeysRow>)>& commit) {
  const std::lock_guard writing(state_->writing);
  std::vector<SmsKeysRow> rows;
  for (const auto& [id, held] : state_->accounts) {
    if (!has_packets(held.account.protection)) continue;
    auto sealed = next.seal(held.keys.reveal(), about(held.account));
    if (!sealed) return tl::unexpected(sealed.error());
    rows.push_back({held.account.id, std::move(*sealed)});
  }
  if (auto done = commit(std::move(rows)); !done) return done;
  state_->sealer = next;
  return {};
}

}  // namespace drover::store
