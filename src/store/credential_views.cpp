// SPDX-License-Identifier: Apache-2.0
// What the handshakes of one purpose ask of the store.
#include <algorithm>

#include "store/credentials.hpp"

namespace drover::store {

using security::Identity;
using security::KnownPsk;

namespace {

bool has_name(const Identity& identity, std::string_view name) {
  return std::find(identity.names.begin(), identity.names.end(), name) != identity.names.end();
}

}  // namespace

std::optional<KnownPsk> Credentials::View::find_psk(std::string_view identity) const {
  const std::shared_lock lock(all_.reading_);
  const Entry* entry = all_.index_.find(purpose_, IdentityKind::Psk, identity);
  if (entry == nullptr || !entry->counts(all_.settings_.unix_now())) return std::nullopt;
  return KnownPsk{entry->id(), Secret<Bytes>(Bytes(entry->key().begin(), entry->key().end()))};
}

std::optional<CredentialId> Credentials::View::find_public_key(ByteView subject_public_key_info) const {
  const std::shared_lock lock(all_.reading_);
  const Entry* entry = all_.index_.find(purpose_, IdentityKind::PublicKey, as_text(subject_public_key_info));
  if (entry == nullptr || !entry->counts(all_.settings_.unix_now())) return std::nullopt;
  return entry->id();
}

std::optional<CredentialId> Credentials::View::find_certificate(const Identity& certificate) const {
  const std::shared_lock lock(all_.reading_);
  return certificate_entry(certificate);
}

std::optional<CredentialId> Credentials::View::certificate_entry(const Identity& identity) const {
  if (identity.kind != IdentityKind::Certificate) return std::nullopt;
  const UnixSeconds now = all_.settings_.unix_now();
  if (const Entry* entry = all_.index_.find(purpose_, IdentityKind::Certificate, identity.name)) {
    if (!entry->counts(now)) return std::nullopt;
    return entry->id();
  }
  std::optional<CredentialId> first;
  for (const std::string& name : identity.names) {
    // A name that looks like another certificate's fingerprint doesn't get its entry.
    const Entry* entry = is_fingerprint(name) ? nullptr : all_.index_.find(purpose_, IdentityKind::Certificate, name);
    if (entry == nullptr) continue;
    if (!entry->counts(now)) return std::nullopt;
    if (!first) first = entry->id();
  }
  if (first) return first;
  return any_certificate_ ? std::optional(CredentialId{}) : std::nullopt;
}

bool Credentials::View::holds_locked(CredentialId credential, const Identity& identity) const {
  if (identity.kind == IdentityKind::Certificate) return certificate_entry(identity) == credential;
  const Entry* entry = all_.index_.find(credential);
  if (entry == nullptr || entry->purpose() != purpose_ || entry->kind() != identity.kind) return false;
  if (!entry->counts(all_.settings_.unix_now())) return false;
  if (identity.kind == IdentityKind::Psk) return entry->identity() == identity.name;
  return fingerprint(as_bytes(entry->identity())) == identity.name;
}

bool Credentials::View::holds(CredentialId credential, const Identity& identity) const {
  const std::shared_lock lock(all_.reading_);
  return holds_locked(credential, identity);
}

bool Credentials::View::may_be(CredentialId credential, const Identity& identity, std::string_view endpoint) const {
  const std::shared_lock lock(all_.reading_);
  if (endpoint.empty() || !holds_locked(credential, identity)) return false;
  const Entry* entry = all_.index_.find(credential);
  if (entry != nullptr && !entry->endpoint().empty()) return entry->endpoint() == endpoint;
  return identity.kind == IdentityKind::Psk ? identity.name == endpoint : has_name(identity, endpoint);
}

bool Credentials::View::is_protected(std::string_view endpoint) const {
  const std::shared_lock lock(all_.reading_);
  return all_.index_.has_endpoint(purpose_, endpoint);
}

}  // namespace drover::store
