// SPDX-License-Identifier: Apache-2.0
#include "store/credentials.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "io/clock.hpp"

namespace drover::store {

namespace {

constexpr std::string_view kCheckText = "drover store";

/// What a sealed key belongs to. Rows can't be swapped, nor a row be made another's or serve another purpose.
Bytes about(const Credential& credential) {
  Bytes bytes = to_bytes(credential.purpose == Purpose::Server ? "drover credential " : "drover bootstrap credential ");
  bytes.push_back(static_cast<std::uint8_t>(credential.kind));
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(credential.id.value >> shift));
  return bytes;
}

Bytes about_check() {
  return to_bytes("drover check");
}

Refusal not_found(CredentialId id) {
  return {Refusal::Why::NotFound, "", "there is no credential " + std::to_string(id.value)};
}

Refusal disk(const Error& error) {
  return {Refusal::Why::Disk, "", error.reason};
}

/// Whether what is known of peers that were let in may be otherwise. A new entry matters for a certificate alone, which
/// may have been good without one.
bool revises(const std::optional<Credential>& before, const Credential& after) {
  if (!before) return after.kind == IdentityKind::Certificate;
  return before->enabled != after.enabled || before->endpoint != after.endpoint ||
         before->expires_at != after.expires_at;
}

Credential entry_of(const NewCredential& from, std::uint64_t id, UnixSeconds now) {
  return {.id = {id},
          .purpose = from.purpose,
          .kind = from.kind,
          .identity = from.identity,
          .endpoint = from.endpoint,
          .label = from.label,
          .created_at = now,
          .expires_at = from.expires_at,
          .enabled = from.enabled,
          .issuer = from.issuer};
}

Secret<Bytes> key_of(const CredentialIndex::Entry& entry) {
  return Secret<Bytes>(Bytes(entry.key().begin(), entry.key().end()));
}

}  // namespace

Credentials::Credentials(std::unique_ptr<CredentialTable> table, Sealer sealer, Settings settings, KeyedHash hash)
    : table_(std::move(table)),
      settings_(std::move(settings)),
      server_(*this, Purpose::Server, settings_.any_certificate),
      bootstrap_(*this, Purpose::Bootstrap, settings_.any_bootstrap_certificate),
      sealer_(std::move(sealer)),
      index_(hash),
      next_expiry_(index_.next_expiry(0)) {}

Result<std::unique_ptr<Credentials>> Credentials::open(std::unique_ptr<CredentialTable> table, Sealer sealer,
                                                       Settings settings) {
  assert(settings.unix_now);
  io::SystemRng rng;
  std::unique_ptr<Credentials> credentials(
      new Credentials(std::move(table), std::move(sealer), std::move(settings), KeyedHash(rng)));
  if (auto loaded = credentials->load(); !loaded) return tl::unexpected(loaded.error());
  return credentials;
}

Result<void> Credentials::load() {
  auto content = table_->load();
  if (!content) return tl::unexpected(content.error());
  if (content->check.empty()) {
    auto check = sealer_.seal(as_bytes(kCheckText), about_check());
    if (!check) return tl::unexpected(check.error());
    if (auto done = table_->commit({.put = {}, .gone = {}, .check = std::move(*check)}); !done) return done;
  } else if (!sealer_.open(content->check, about_check())) {
    return tl::unexpected(Error{Fault::Us, 0, "the key isn't the one that the store was sealed with"});
  }
  for (const CredentialRow& row : content->rows) {
    Secret<Bytes> key;
    if (row.credential.kind == IdentityKind::Psk) {
      auto opened = sealer_.open(row.sealed_key, about(row.credential));
      if (!opened || opened->empty() || opened->reveal().size() > security::kPskMax) {
        return tl::unexpected(Error{Fault::Environment, 0,
                                    "the store is damaged: the key of credential " +
                                        std::to_string(row.credential.id.value) + " isn't what was sealed for it"});
      }
      key = std::move(*opened);
    }
    index_.put(row.credential, key);
  }
  last_id_ = content->last_id;
  next_expiry_ = index_.next_expiry(settings_.unix_now());
  return {};
}

std::uint64_t Credentials::revision() const {
  const UnixSeconds now = settings_.unix_now();
  if (now >= next_expiry_.load(std::memory_order_acquire)) {
    const std::unique_lock lock(reading_);
    if (now >= next_expiry_.load(std::memory_order_relaxed)) {
      ++revision_;
      next_expiry_ = index_.next_expiry(now);
    }
  }
  return revision_;
}

// ---- what administrators ask ----------------------------------------------------------------------------------------

CredentialPage Credentials::page(const CredentialQuery& query) const {
  const std::size_t limit = std::clamp<std::size_t>(query.limit, 1, CredentialPage::kMax);
  CredentialPage page;
  bool more = false;
  const auto visit = [&](const Entry& entry) {
    if (query.purpose && entry.purpose() != *query.purpose) return;
    if (query.kind && entry.kind() != *query.kind) return;
    ++page.total;
    if (entry.id() <= query.after) return;
    more = page.credentials.size() == limit;
    if (!more) page.credentials.push_back(entry.view());
  };
  const std::shared_lock lock(reading_);
  if (query.endpoint.empty()) {
    index_.each({}, visit);
  } else {
    auto entries = index_.of_endpoint(Purpose::Server, query.endpoint);
    const auto others = index_.of_endpoint(Purpose::Bootstrap, query.endpoint);
    const auto middle = entries.insert(entries.end(), others.begin(), others.end());
    const auto by_id = [](const Entry* a, const Entry* b) { return a->id() < b->id(); };
    std::inplace_merge(entries.begin(), middle, entries.end(), by_id);
    for (const Entry* entry : entries) visit(*entry);
  }
  if (more) page.next = page.credentials.back().id;
  return page;
}

std::optional<Credential> Credentials::find(CredentialId id) const {
  const std::shared_lock lock(reading_);
  const Entry* entry = index_.find(id);
  if (entry == nullptr) return std::nullopt;
  return entry->view();
}

std::size_t Credentials::size() const {
  const std::shared_lock lock(reading_);
  return index_.size();
}

std::vector<Credential> Credentials::of_endpoint(Purpose purpose, std::string_view endpoint) const {
  const std::shared_lock lock(reading_);
  std::vector<Credential> all;
  for (const Entry* entry : index_.of_endpoint(purpose, endpoint)) all.push_back(entry->view());
  return all;
}

std::optional<Secret<Bytes>> Credentials::key(CredentialId id) const {
  const std::shared_lock lock(reading_);
  const Entry* entry = index_.find(id);
  if (entry == nullptr || entry->key().empty()) return std::nullopt;
  return key_of(*entry);
}

Result<CredentialRow> Credentials::sealed(const Credential& credential, ByteView key, const Sealer& sealer) const {
  CredentialRow row{credential, {}};
  if (credential.kind != IdentityKind::Psk) return row;
  auto sealed = sealer.seal(key, about(credential));
  if (!sealed) return tl::unexpected(sealed.error());
  row.sealed_key = std::move(*sealed);
  return row;
}

Answer<void> Credentials::commit(std::vector<Put> puts, const std::vector<CredentialId>& gone) {
  CredentialTable::Changes changes;
  changes.gone = gone;
  for (Put& put : puts) {
    if (const Entry* entry = index_.find(put.credential.id)) put.key = key_of(*entry);
    auto row = sealed(put.credential, put.key.reveal(), sealer_);
    if (!row) return tl::unexpected(disk(row.error()));
    changes.put.push_back(std::move(*row));
  }
  if (auto done = table_->commit(changes); !done) return tl::unexpected(disk(done.error()));
  const UnixSeconds now = settings_.unix_now();
  const std::unique_lock lock(reading_);
  bool revised = !gone.empty();
  for (const CredentialId id : gone) index_.remove(id);
  for (const auto& [credential, key] : puts) {
    const Entry* before = index_.find(credential.id);
    revised = revised || revises(before == nullptr ? std::nullopt : std::optional(before->view()), credential);
    index_.put(credential, key);
    last_id_ = std::max(last_id_, credential.id.value);
    // What goes leaves its expiry behind: once too often is asked again, and no change looks at all entries.
    if (credential.expires_at > now) next_expiry_ = std::min(next_expiry_.load(), *credential.expires_at);
  }
  if (revised) ++revision_;
  return {};
}

Answer<Credential> Credentials::add(NewCredential credential) {
  std::vector<NewCredential> one;
  one.push_back(std::move(credential));
  auto batch = add_all(std::move(one), false);
  if (!batch) return tl::unexpected(std::move(batch.error()));
  if (batch->refusals.front()) return tl::unexpected(std::move(*batch->refusals.front()));
  return std::move(batch->added.front());
}

Answer<CredentialBatch> Credentials::add_all(std::vector<NewCredential> credentials, bool partial) {
  return add_batch(std::move(credentials), partial, {});
}

Answer<CredentialBatch> Credentials::exchange(std::vector<NewCredential> add, const std::vector<CredentialId>& remove) {
  return add_batch(std::move(add), false, remove);
}

Answer<CredentialBatch> Credentials::add_batch(std::vector<NewCredential> credentials, bool partial,
                                               const std::vector<CredentialId>& gone) {
  const std::lock_guard writing(writing_);
  CredentialBatch batch;
  Admission admission(index_, settings_.entries_max, gone);
  for (NewCredential& credential : credentials) {
    auto fine = checked(std::move(credential));
    batch.refusals.push_back(fine ? admission.admit(std::move(*fine)) : std::optional(std::move(fine.error())));
  }
  const std::size_t admitted = admission.admitted().size();
  if (!partial && admitted < credentials.size()) return batch;
  const std::vector<CredentialId> leaving = admission.leaving();
  if (admitted == 0 && leaving.empty()) return batch;
  const UnixSeconds now = settings_.unix_now();
  std::vector<Put> puts;
  puts.reserve(admitted);
  for (NewCredential& credential : admission.admitted()) {
    batch.added.push_back(entry_of(credential, last_id_ + 1 + puts.size(), now));
    puts.push_back({batch.added.back(), std::move(credential.key)});
  }
  if (auto done = commit(std::move(puts), leaving); !done) return tl::unexpected(std::move(done.error()));
  return batch;
}

Answer<Credential> Credentials::rotate(CredentialId id, Rotation rotation) {
  const std::lock_guard writing(writing_);
  auto other = find(id);
  if (!other) return tl::unexpected(not_found(id));
  NewCredential next;
  next.purpose = other->purpose;
  next.kind = other->kind;
  next.identity = std::move(rotation.identity);
  next.key = std::move(rotation.key);
  next.label = rotation.label.value_or(other->label);
  // A certificate's new entry goes by the names of the new certificate; a PSK identity was the endpoint's name.
  const bool by_identity = other->endpoint.empty() && other->kind == IdentityKind::Psk;
  next.endpoint = by_identity ? other->identity : other->endpoint;
  auto fine = checked(std::move(next));
  if (!fine) return tl::unexpected(std::move(fine.error()));
  Admission admission(index_, settings_.entries_max);
  if (auto refusal = admission.admit(std::move(*fine))) return tl::unexpected(std::move(*refusal));
  const UnixSeconds now = settings_.unix_now();
  NewCredential& admitted = admission.admitted().front();
  Credential made = entry_of(admitted, last_id_ + 1, now);
  std::vector<Put> puts;
  if (rotation.retire_after) {
    const UnixSeconds retired = now + UnixSeconds{*rotation.retire_after};
    other->expires_at = std::min(other->expires_at.value_or(retired), retired);
    puts.push_back({*other, {}});
  }
  puts.push_back({made, std::move(admitted.key)});
  if (auto done = commit(std::move(puts), {}); !done) return tl::unexpected(std::move(done.error()));
  return made;
}

Answer<Credential> Credentials::change(CredentialId id, const CredentialChange& change) {
  const std::lock_guard writing(writing_);
  auto credential = find(id);
  if (!credential) return tl::unexpected(not_found(id));
  const bool moves = change.endpoint && *change.endpoint != credential->endpoint;
  if (change.endpoint) credential->endpoint = *change.endpoint;
  if (change.label) credential->label = *change.label;
  if (change.enabled) credential->enabled = *change.enabled;
  if (change.expires_at) credential->expires_at = *change.expires_at;
  NewCredential form;
  form.purpose = credential->purpose;
  form.kind = credential->kind;
  form.identity = credential->identity;
  form.key = key_of(*index_.find(id));
  form.endpoint = credential->endpoint;
  form.label = credential->label;
  auto fine = checked(std::move(form));
  if (!fine) return tl::unexpected(std::move(fine.error()));
  if (moves) {
    const CredentialId itself[] = {id};
    auto refusal = Admission(index_, settings_.entries_max, itself).admit(std::move(*fine));
    if (refusal) return tl::unexpected(std::move(*refusal));
  }
  std::vector<Put> puts;
  puts.push_back({*credential, {}});
  if (auto done = commit(std::move(puts), {}); !done) return tl::unexpected(std::move(done.error()));
  return std::move(*credential);
}

Answer<Credential> Credentials::remove(CredentialId id) {
  const std::lock_guard writing(writing_);
  auto credential = find(id);
  if (!credential) return tl::unexpected(not_found(id));
  if (auto done = commit({}, {id}); !done) return tl::unexpected(std::move(done.error()));
  return std::move(*credential);
}

Result<void> Credentials::rekey(Sealer sealer, Plans& plans, SmsAccounts& sms_accounts,
                                std::function<bool(sqlite::Database&)> more) {
  const std::lock_guard writing(writing_);
  CredentialTable::Changes changes;
  changes.more = std::move(more);
  auto check = sealer.seal(as_bytes(kCheckText), about_check());
  if (!check) return tl::unexpected(check.error());
  changes.check = std::move(*check);
  Result<void> resealed;
  index_.each({}, [&](const Entry& entry) {
    if (!resealed || entry.kind() != IdentityKind::Psk) return;
    auto row = sealed(entry.view(), entry.key(), sealer);
    if (row) changes.put.push_back(std::move(*row));
    if (!row) resealed = tl::unexpected(row.error());
  });
  if (!resealed) return resealed;
  const auto done = plans.reseal(sealer, [&](std::vector<PlanRow> rows) {
    changes.plans = std::move(rows);
    return sms_accounts.reseal(sealer, [&](std::vector<SmsKeysRow> keys) {
      changes.sms_keys = std::move(keys);
      return table_->commit(changes);
    });
  });
  if (!done) return done;
  sealer_ = std::move(sealer);
  return table_->scrub();
}

}  // namespace drover::store
