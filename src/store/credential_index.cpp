// SPDX-License-Identifier: Apache-2.0
#include "store/credential_index.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace drover::store {

namespace {

constexpr std::size_t kHolesMin = 64;  // fewer aren't worth a pass over all entries

}  // namespace

std::optional<UnixSeconds> CredentialIndex::Entry::expires_at() const {
  if (expires_at_ == kNever) return std::nullopt;
  return expires_at_;
}

Credential CredentialIndex::Entry::view() const {
  return {.id = id(),
          .kind = kind_,
          .identity = std::string(identity()),
          .endpoint = std::string(endpoint()),
          .label = std::string(label()),
          .created_at = created_at_,
          .expires_at = expires_at(),
          .enabled = enabled_};
}

std::uint64_t CredentialIndex::hash_of(IdentityKind kind, std::string_view identity) const {
  // Two kinds with the same identity are rare: they may share a hash.
  return hash_(identity) + static_cast<std::uint64_t>(kind);
}

std::uint64_t CredentialIndex::hash_at(std::uint32_t slot) const {
  return hash_of(entries_[slot].kind(), entries_[slot].identity());
}

std::size_t CredentialIndex::place_of(CredentialId id) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), id.value,
                                      [](const Entry& entry, std::uint64_t wanted) { return entry.id_ < wanted; });
  return static_cast<std::size_t>(found - entries_.begin());
}

void CredentialIndex::count_endpoint(const Entry& entry, bool more) {
  const std::uint64_t hash = hash_(entry.effective_endpoint());
  std::uint32_t& count = endpoints_[hash];
  count = more ? count + 1 : count - 1;
  if (count == 0) endpoints_.erase(hash);
}

void CredentialIndex::put(const Credential& credential, const Secret<Bytes>& key) {
  const std::size_t place = place_of(credential.id);
  const bool is_new = place == entries_.size();
  if (is_new) entries_.emplace_back();
  Entry& entry = entries_[place];
  assert(is_new || (entry.id_ == credential.id.value && entry.texts_ != nullptr));
  assert(is_new || (entry.kind_ == credential.kind && entry.identity() == credential.identity));
  if (!is_new) count_endpoint(entry, false);
  const std::string_view secret = as_text(key.reveal());
  const std::string_view parts[] = {credential.identity, credential.endpoint, credential.label, secret};
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::unique_ptr<char[]> texts(new char[std::max<std::size_t>(size, 1)]);
  char* to = texts.get();
  for (const std::string_view part : parts) to = std::copy(part.begin(), part.end(), to);
  entry.id_ = credential.id.value;
  entry.created_at_ = credential.created_at;
  entry.expires_at_ = credential.expires_at.value_or(Entry::kNever);
  entry.texts_ = std::move(texts);
  entry.identity_size_ = static_cast<std::uint16_t>(credential.identity.size());
  entry.endpoint_size_ = static_cast<std::uint8_t>(credential.endpoint.size());
  entry.label_size_ = static_cast<std::uint8_t>(credential.label.size());
  entry.key_size_ = static_cast<std::uint8_t>(secret.size());
  entry.kind_ = credential.kind;
  entry.enabled_ = credential.enabled;
  count_endpoint(entry, true);
  if (!is_new) return;
  by_identity_.insert(hash_at(static_cast<std::uint32_t>(place)), static_cast<std::uint32_t>(place),
                      [this](std::uint32_t slot) { return hash_at(slot); });
}

void CredentialIndex::remove(CredentialId id) {
  const std::size_t place = place_of(id);
  assert(place < entries_.size() && entries_[place].id_ == id.value && entries_[place].texts_ != nullptr);
  const auto slot = static_cast<std::uint32_t>(place);
  by_identity_.erase(hash_at(slot), slot, [this](std::uint32_t other) { return hash_at(other); });
  Entry& entry = entries_[place];
  count_endpoint(entry, false);
  OPENSSL_cleanse(entry.texts_.get(), entry.key_at() + entry.key_size_);
  entry.texts_.reset();
  if (entries_.size() > kHolesMin && size() < entries_.size() / 2) compact();
}

void CredentialIndex::compact() {
  std::erase_if(entries_, [](const Entry& entry) { return entry.texts_ == nullptr; });
  entries_.shrink_to_fit();
  by_identity_ = SlotIndex();
  for (std::uint32_t slot = 0; slot < entries_.size(); ++slot) {
    by_identity_.insert(hash_at(slot), slot, [this](std::uint32_t other) { return hash_at(other); });
  }
}

const CredentialIndex::Entry* CredentialIndex::find(CredentialId id) const {
  const std::size_t place = place_of(id);
  if (place == entries_.size() || entries_[place].id_ != id.value) return nullptr;
  return entries_[place].texts_ == nullptr ? nullptr : &entries_[place];
}

const CredentialIndex::Entry* CredentialIndex::find(IdentityKind kind, std::string_view identity) const {
  const std::uint32_t slot = by_identity_.find(hash_of(kind, identity), [&](std::uint32_t candidate) {
    return entries_[candidate].kind() == kind && entries_[candidate].identity() == identity;
  });
  return slot == SlotIndex::kNone ? nullptr : &entries_[slot];
}

void CredentialIndex::each(CredentialId after, const std::function<void(const Entry&)>& visit) const {
  for (std::size_t place = place_of({after.value + 1}); place < entries_.size(); ++place) {
    if (entries_[place].texts_ != nullptr) visit(entries_[place]);
  }
}

UnixSeconds CredentialIndex::next_expiry(UnixSeconds now) const {
  UnixSeconds next = Entry::kNever;
  for (const Entry& entry : entries_) {
    if (entry.texts_ != nullptr && entry.expires_at_ > now) next = std::min(next, entry.expires_at_);
  }
  return next;
}

}  // namespace drover::store
