// SPDX-License-Identifier: Apache-2.0
#include "store/admission.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace drover::store {

namespace {

using Why = Refusal::Why;

std::string_view effective_endpoint(const NewCredential& credential) {
  return credential.endpoint.empty() ? credential.identity : credential.endpoint;
}

bool same(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

const char* what_of(IdentityKind kind) {
  switch (kind) {
    case IdentityKind::Psk: return "key";
    case IdentityKind::PublicKey: return "public key";
    case IdentityKind::Certificate:
    case IdentityKind::None: break;
  }
  return "certificate";
}

Refusal shared(const std::string& holder, Purpose theirs, IdentityKind kind) {
  return {Why::Conflict, "",
          holder + " has this " + what_of(kind) + " for the purpose " + to_string(theirs) +
              ", and each purpose needs one of its own"};
}

}  // namespace

Admission::Admission(const CredentialIndex& index, std::size_t entries_max, std::span<const CredentialId> leaving)
    : index_(index), entries_max_(entries_max) {
  for (const CredentialId id : leaving) {
    if (index_.find(id) != nullptr) leaving_.insert(id);
  }
}

std::optional<Refusal> Admission::admit(NewCredential credential) {
  auto refusal = same_identity(credential);
  if (!refusal) refusal = no_room(credential);
  if (!refusal) refusal = two_purposes(credential);
  if (refusal) return refusal;
  admitted_.push_back(std::move(credential));
  const NewCredential& kept = admitted_.back();
  identities_.emplace(kept.purpose, kept.kind, kept.identity);
  endpoints_[{kept.purpose, effective_endpoint(kept)}].push_back(&kept);
  return std::nullopt;
}

std::optional<Refusal> Admission::same_identity(const NewCredential& credential) const {
  const Entry* entry = index_.find(credential.purpose, credential.kind, credential.identity);
  if (stays(entry)) {
    return Refusal{Why::Conflict, "",
                   "credential " + std::to_string(entry->id().value) + " has this " +
                       (credential.kind == IdentityKind::PublicKey ? "public key" : "identity") + " already"};
  }
  if (!identities_.contains({credential.purpose, credential.kind, credential.identity})) return std::nullopt;
  return Refusal{Why::Conflict, "", "another one here has this identity already"};
}

const std::vector<const NewCredential*>& Admission::admitted_for(Purpose purpose, std::string_view endpoint) const {
  static const std::vector<const NewCredential*> kNone;
  const auto found = endpoints_.find({purpose, endpoint});
  return found == endpoints_.end() ? kNone : found->second;
}

std::optional<Refusal> Admission::no_room(const NewCredential& credential) const {
  const std::size_t staying = index_.size() - leaving_.size();
  if (staying >= entries_max_) {
    return Refusal{Why::Full, "", "there are " + std::to_string(entries_max_) + " credentials already"};
  }
  if (staying + admitted_.size() >= entries_max_) {
    return Refusal{Why::Full, "", "there is no room for so many credentials"};
  }
  const std::string_view endpoint = effective_endpoint(credential);
  const auto there = index_.of_endpoint(credential.purpose, endpoint);
  const auto count = static_cast<std::size_t>(
      std::count_if(there.begin(), there.end(), [this](const Entry* entry) { return stays(entry); }));
  if (count + admitted_for(credential.purpose, endpoint).size() < kPerEndpointMax) return std::nullopt;
  return Refusal{Why::Full, "",
                 "there are " + std::to_string(kPerEndpointMax) + " credentials for this endpoint already"};
}

std::optional<Refusal> Admission::two_purposes(const NewCredential& credential) const {
  const Purpose other = other_than(credential.purpose);
  const IdentityKind kind = credential.kind;
  const auto name = [](const Entry* entry) { return "credential " + std::to_string(entry->id().value); };
  if (kind != IdentityKind::Psk) {
    // A certificate that is known by one of its names may be another one for each purpose.
    if (kind == IdentityKind::Certificate && !is_fingerprint(credential.identity)) return std::nullopt;
    const Entry* entry = index_.find(other, kind, credential.identity);
    if (stays(entry)) return shared(name(entry), other, kind);
    if (!identities_.contains({other, kind, credential.identity})) return std::nullopt;
    return shared("another one here", other, kind);
  }
  const ByteView key = credential.key.reveal();
  const std::string_view endpoint = effective_endpoint(credential);
  for (const Entry* entry : index_.of_endpoint(other, endpoint)) {
    if (stays(entry) && entry->kind() == kind && same(entry->key(), key)) return shared(name(entry), other, kind);
  }
  for (const NewCredential* admitted : admitted_for(other, endpoint)) {
    if (admitted->kind == kind && same(admitted->key.reveal(), key)) return shared("another one here", other, kind);
  }
  return std::nullopt;
}

}  // namespace drover::store
