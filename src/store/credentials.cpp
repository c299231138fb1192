// SPDX-License-Identifier: Apache-2.0
#include "store/credentials.hpp"

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

#include "io/clock.hpp"

namespace drover::store {

using security::Identity;
using security::KnownPsk;

namespace {

constexpr std::string_view kCheckText = "drover store";

/// What a sealed key belongs to. Rows can't be swapped, nor a row be made another's.
Bytes about(const Credential& credential) {
  Bytes bytes = to_bytes("drover credential ");
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

bool has_name(const Identity& identity, std::string_view name) {
  return std::find(identity.names.begin(), identity.names.end(), name) != identity.names.end();
}

}  // namespace

Credentials::Credentials(std::unique_ptr<CredentialTable> table, Sealer sealer, Settings settings, KeyedHash hash)
    : table_(std::move(table)),
      settings_(std::move(settings)),
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

// ---- what handshakes ask --------------------------------------------------------------------------------------------

std::optional<KnownPsk> Credentials::find_psk(std::string_view identity) const {
  const std::shared_lock lock(reading_);
  const Entry* entry = index_.find(IdentityKind::Psk, identity);
  if (entry == nullptr || !entry->counts(settings_.unix_now())) return std::nullopt;
  return KnownPsk{entry->id(), Secret<Bytes>(Bytes(entry->key().begin(), entry->key().end()))};
}

std::optional<CredentialId> Credentials::find_public_key(ByteView subject_public_key_info) const {
  const std::shared_lock lock(reading_);
  const Entry* entry = index_.find(IdentityKind::PublicKey, as_text(subject_public_key_info));
  if (entry == nullptr || !entry->counts(settings_.unix_now())) return std::nullopt;
  return entry->id();
}

std::optional<CredentialId> Credentials::find_certificate(const Identity& certificate) const {
  const std::shared_lock lock(reading_);
  return certificate_entry(certificate);
}

std::optional<CredentialId> Credentials::certificate_entry(const Identity& identity) const {
  if (identity.kind != IdentityKind::Certificate) return std::nullopt;
  const UnixSeconds now = settings_.unix_now();
  if (const Entry* entry = index_.find(IdentityKind::Certificate, identity.name)) {
    if (!entry->counts(now)) return std::nullopt;
    return entry->id();
  }
  std::optional<CredentialId> first;
  for (const std::string& name : identity.names) {
    // A name that looks like another certificate's fingerprint doesn't get its entry.
    const Entry* entry = is_fingerprint(name) ? nullptr : index_.find(IdentityKind::Certificate, name);
    if (entry == nullptr) continue;
    if (!entry->counts(now)) return std::nullopt;
    if (!first) first = entry->id();
  }
  if (first) return first;
  return settings_.any_certificate ? std::optional(CredentialId{}) : std::nullopt;
}

bool Credentials::holds_locked(CredentialId credential, const Identity& identity) const {
  if (identity.kind == IdentityKind::Certificate) return certificate_entry(identity) == credential;
  const Entry* entry = index_.find(credential);
  if (entry == nullptr || entry->kind() != identity.kind || !entry->counts(settings_.unix_now())) return false;
  if (identity.kind == IdentityKind::Psk) return entry->identity() == identity.name;
  return fingerprint(as_bytes(entry->identity())) == identity.name;
}

bool Credentials::holds(CredentialId credential, const Identity& identity) const {
  const std::shared_lock lock(reading_);
  return holds_locked(credential, identity);
}

bool Credentials::may_be(CredentialId credential, const Identity& identity, std::string_view endpoint) const {
  const std::shared_lock lock(reading_);
  if (endpoint.empty() || !holds_locked(credential, identity)) return false;
  const Entry* entry = index_.find(credential);
  if (entry != nullptr && !entry->endpoint().empty()) return entry->endpoint() == endpoint;
  return identity.kind == IdentityKind::Psk ? identity.name == endpoint : has_name(identity, endpoint);
}

bool Credentials::is_protected(std::string_view endpoint) const {
  const std::shared_lock lock(reading_);
  return index_.has_endpoint(endpoint);
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
  const std::shared_lock lock(reading_);
  index_.each({}, [&](const Entry& entry) {
    if (query.kind && entry.kind() != *query.kind) return;
    if (!query.endpoint.empty() && entry.effective_endpoint() != query.endpoint) return;
    ++page.total;
    if (entry.id() <= query.after) return;
    more = page.credentials.size() == limit;
    if (!more) page.credentials.push_back(entry.view());
  });
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

std::optional<Refusal> Credentials::occupied(IdentityKind kind, const std::string& identity) const {
  const std::shared_lock lock(reading_);
  const Entry* entry = index_.find(kind, identity);
  if (entry == nullptr && index_.size() >= settings_.entries_max) {
    return Refusal{Refusal::Why::Full, "",
                   "there are " + std::to_string(settings_.entries_max) + " credentials already"};
  }
  if (entry == nullptr) return std::nullopt;
  return Refusal{Refusal::Why::Conflict, "",
                 "credential " + std::to_string(entry->id().value) + " has this " +
                     (kind == IdentityKind::PublicKey ? "public key" : "identity") + " already"};
}

Result<CredentialRow> Credentials::sealed(const Credential& credential, ByteView key, const Sealer& sealer) const {
  CredentialRow row{credential, {}};
  if (credential.kind != IdentityKind::Psk) return row;
  auto sealed = sealer.seal(key, about(credential));
  if (!sealed) return tl::unexpected(sealed.error());
  row.sealed_key = std::move(*sealed);
  return row;
}

void Credentials::changed(bool revised) {
  if (revised) ++revision_;
  next_expiry_ = index_.next_expiry(settings_.unix_now());
}

Answer<Credential> Credentials::stored(const Credential& credential, const Secret<Bytes>& key, const Credential* also) {
  CredentialTable::Changes changes;
  std::vector<std::pair<Credential, Secret<Bytes>>> put{{credential, key}};
  if (also != nullptr) put.emplace_back(*also, Secret<Bytes>());
  for (auto& [each, secret] : put) {
    if (const Entry* entry = index_.find(each.id)) secret = Secret<Bytes>(Bytes(entry->key().begin(), entry->key().end()));
    auto row = sealed(each, secret.reveal(), sealer_);
    if (!row) return tl::unexpected(disk(row.error()));
    changes.put.push_back(std::move(*row));
  }
  if (auto done = table_->commit(changes); !done) return tl::unexpected(disk(done.error()));
  const std::unique_lock lock(reading_);
  bool revised = false;
  for (const auto& [each, secret] : put) {
    const Entry* before = index_.find(each.id);
    revised = revised || revises(before == nullptr ? std::nullopt : std::optional(before->view()), each);
    index_.put(each, secret);
  }
  last_id_ = std::max(last_id_, credential.id.value);
  changed(revised);
  return credential;
}

namespace {

Credential entry_of(const NewCredential& from, std::uint64_t id, UnixSeconds now) {
  return {.id = {id},
          .kind = from.kind,
          .identity = from.identity,
          .endpoint = from.endpoint,
          .label = from.label,
          .created_at = now,
          .expires_at = from.expires_at,
          .enabled = from.enabled};
}

}  // namespace

Answer<Credential> Credentials::add(NewCredential credential) {
  std::vector<NewCredential> one;
  one.push_back(std::move(credential));
  auto batch = add_all(std::move(one), false);
  if (!batch) return tl::unexpected(std::move(batch.error()));
  if (batch->refusals.front()) return tl::unexpected(std::move(*batch->refusals.front()));
  return std::move(batch->added.front());
}

Answer<CredentialBatch> Credentials::add_all(std::vector<NewCredential> credentials, bool partial) {
  const std::lock_guard writing(writing_);
  const UnixSeconds now = settings_.unix_now();
  CredentialBatch batch;
  batch.refusals.resize(credentials.size());
  CredentialTable::Changes changes;
  std::vector<Secret<Bytes>> keys;
  std::set<std::pair<IdentityKind, std::string>> seen;
  for (std::size_t i = 0; i < credentials.size(); ++i) {
    auto fine = checked(std::move(credentials[i]));
    std::optional<Refusal>& refusal = batch.refusals[i];
    if (!fine) refusal = std::move(fine.error());
    if (!refusal) refusal = occupied(fine->kind, fine->identity);
    if (!refusal && !seen.emplace(fine->kind, fine->identity).second) {
      refusal = Refusal{Refusal::Why::Conflict, "", "another one here has this identity already"};
    }
    if (!refusal && size() + changes.put.size() >= settings_.entries_max) {
      refusal = Refusal{Refusal::Why::Full, "", "there is no room for so many credentials"};
    }
    if (refusal) continue;
    const Credential entry = entry_of(*fine, last_id_ + 1 + changes.put.size(), now);
    auto row = sealed(entry, fine->key.reveal(), sealer_);
    if (!row) return tl::unexpected(disk(row.error()));
    changes.put.push_back(std::move(*row));
    keys.push_back(std::move(fine->key));
  }
  if (changes.put.empty() || (!partial && changes.put.size() < credentials.size())) return batch;
  if (auto done = table_->commit(changes); !done) return tl::unexpected(disk(done.error()));
  const std::unique_lock lock(reading_);
  bool revised = false;
  for (std::size_t i = 0; i < changes.put.size(); ++i) {
    index_.put(changes.put[i].credential, keys[i]);
    revised = revised || revises(std::nullopt, changes.put[i].credential);
    batch.added.push_back(std::move(changes.put[i].credential));
  }
  last_id_ += changes.put.size();
  changed(revised);
  return batch;
}

Answer<Credential> Credentials::rotate(CredentialId id, Rotation rotation) {
  const std::lock_guard writing(writing_);
  auto other = find(id);
  if (!other) return tl::unexpected(not_found(id));
  NewCredential next;
  next.kind = other->kind;
  next.identity = std::move(rotation.identity);
  next.key = std::move(rotation.key);
  next.label = rotation.label.value_or(other->label);
  // A certificate's new entry goes by the names of the new certificate; a PSK identity was the endpoint's name.
  const bool by_identity = other->endpoint.empty() && other->kind == IdentityKind::Psk;
  next.endpoint = by_identity ? other->identity : other->endpoint;
  auto fine = checked(std::move(next));
  if (!fine) return tl::unexpected(std::move(fine.error()));
  if (auto refusal = occupied(fine->kind, fine->identity)) return tl::unexpected(std::move(*refusal));
  const UnixSeconds now = settings_.unix_now();
  if (rotation.retire_after) {
    const UnixSeconds retired = now + UnixSeconds{*rotation.retire_after};
    other->expires_at = std::min(other->expires_at.value_or(retired), retired);
  }
  return stored(entry_of(*fine, last_id_ + 1, now), fine->key, rotation.retire_after ? &*other : nullptr);
}

Answer<Credential> Credentials::change(CredentialId id, const CredentialChange& change) {
  const std::lock_guard writing(writing_);
  auto credential = find(id);
  if (!credential) return tl::unexpected(not_found(id));
  if (change.endpoint) credential->endpoint = *change.endpoint;
  if (change.label) credential->label = *change.label;
  if (change.enabled) credential->enabled = *change.enabled;
  if (change.expires_at) credential->expires_at = *change.expires_at;
  if (auto wrong = check_text(credential->endpoint, "endpoint", kEndpointMax)) return tl::unexpected(std::move(*wrong));
  if (auto wrong = check_text(credential->label, "label", kLabelMax)) return tl::unexpected(std::move(*wrong));
  if (credential->kind == IdentityKind::PublicKey && credential->endpoint.empty()) {
    return tl::unexpected(
        Refusal{Refusal::Why::Invalid, "endpoint", "a raw public key has no name: it needs an endpoint"});
  }
  return stored(*credential, {});
}

Answer<Credential> Credentials::remove(CredentialId id) {
  const std::lock_guard writing(writing_);
  auto credential = find(id);
  if (!credential) return tl::unexpected(not_found(id));
  if (auto done = table_->commit({.put = {}, .gone = {id}, .check = {}}); !done) return tl::unexpected(disk(done.error()));
  const std::unique_lock lock(reading_);
  index_.remove(id);
  changed(true);
  return std::move(*credential);
}

Result<void> Credentials::rekey(Sealer sealer) {
  const std::lock_guard writing(writing_);
  CredentialTable::Changes changes;
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
  if (auto done = table_->commit(changes); !done) return done;
  sealer_ = std::move(sealer);
  return table_->scrub();
}

}  // namespace drover::store
