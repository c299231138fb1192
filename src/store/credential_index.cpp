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
          .purpose = purpose(),
          .kind = kind_,
          .identity = std::string(identity()),
          .endpoint = std::string(endpoint()),
          .label = std::string(label()),
          .created_at = created_at_,
          .expires_at = expires_at(),
          .enabled = enabled_,
          .issuer = std::string(issuer())};
}

void CredentialIndex::Entry::wipe() {
  if (texts_ != nullptr) OPENSSL_cleanse(texts_.get(), key_at() + key_size_);
  texts_.reset();
}

std::uint64_t CredentialIndex::hash_of(Purpose purpose, IdentityKind kind, std::string_view identity) const {
  // Neighbours for what purposes and kinds have in common: at most six.
  return hash_(identity) + kPurposes * static_cast<std::uint64_t>(kind) + static_cast<std::uint64_t>(purpose);
}

std::uint64_t CredentialIndex::hash_of(Purpose purpose, std::string_view endpoint) const {
  return hash_(endpoint) + static_cast<std::uint64_t>(purpose);
}

std::uint64_t CredentialIndex::identity_hash(std::uint32_t place) const {
  const Entry& entry = entries_[place];
  return hash_of(entry.purpose(), entry.kind(), entry.identity());
}

std::uint64_t CredentialIndex::endpoint_hash(std::uint32_t place) const {
  return hash_of(entries_[place].purpose(), entries_[place].effective_endpoint());
}

std::size_t CredentialIndex::place_of(CredentialId id) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), id.value,
                                      [](const Entry& entry, std::uint64_t wanted) { return entry.id_ < wanted; });
  return static_cast<std::size_t>(found - entries_.begin());
}

std::uint32_t CredentialIndex::first_of(Purpose purpose, std::string_view endpoint) const {
  return by_endpoint_.find(hash_of(purpose, endpoint), [&](std::uint32_t place) {
    return entries_[place].purpose() == purpose && entries_[place].effective_endpoint() == endpoint;
  });
}

void CredentialIndex::link_endpoint(std::uint32_t place) {
  Entry& entry = entries_[place];
  entry.next_ = first_of(entry.purpose(), entry.effective_endpoint());
  if (entry.next_ != SlotIndex::kNone) return by_endpoint_.replace(endpoint_hash(place), entry.next_, place);
  by_endpoint_.insert(endpoint_hash(place), place, [this](std::uint32_t other) { return endpoint_hash(other); });
}

void CredentialIndex::unlink_endpoint(std::uint32_t place) {
  Entry& entry = entries_[place];
  std::uint32_t before = first_of(entry.purpose(), entry.effective_endpoint());
  if (before != place) {
    while (entries_[before].next_ != place) before = entries_[before].next_;
    entries_[before].next_ = entry.next_;
  } else if (entry.next_ != SlotIndex::kNone) {
    by_endpoint_.replace(endpoint_hash(place), place, entry.next_);
  } else {
    by_endpoint_.erase(endpoint_hash(place), place, [this](std::uint32_t other) { return endpoint_hash(other); });
  }
  entry.next_ = SlotIndex::kNone;
}

void CredentialIndex::index_identity(std::uint32_t place) {
  by_identity_.insert(identity_hash(place), place, [this](std::uint32_t other) { return identity_hash(other); });
}

void CredentialIndex::put(const Credential& credential, const Secret<Bytes>& key) {
  const auto place = static_cast<std::uint32_t>(place_of(credential.id));
  const bool is_new = place == entries_.size();
  if (is_new) entries_.emplace_back();
  Entry& entry = entries_[place];
  assert(is_new || (entry.id_ == credential.id.value && entry.texts_ != nullptr));
  assert(is_new || (entry.kind_ == credential.kind && entry.identity() == credential.identity));
  assert(is_new || entry.purpose() == credential.purpose);
  if (!is_new) unlink_endpoint(place);
  const std::string_view secret = as_text(key.reveal());
  const std::string_view parts[] = {credential.identity, credential.endpoint, credential.label, credential.issuer,
                                    secret};
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::unique_ptr<char[]> texts(new char[std::max<std::size_t>(size, 1)]);
  char* to = texts.get();
  for (const std::string_view part : parts) to = std::copy(part.begin(), part.end(), to);
  entry.id_ = credential.id.value;
  entry.created_at_ = credential.created_at;
  entry.expires_at_ = credential.expires_at.value_or(Entry::kNever);
  entry.wipe();
  entry.texts_ = std::move(texts);
  entry.identity_size_ = static_cast<std::uint16_t>(credential.identity.size());
  entry.endpoint_size_ = static_cast<std::uint8_t>(credential.endpoint.size());
  entry.label_size_ = static_cast<std::uint8_t>(credential.label.size());
  entry.issuer_size_ = static_cast<std::uint8_t>(credential.issuer.size());
  entry.key_size_ = static_cast<std::uint8_t>(secret.size());
  entry.kind_ = credential.kind;
  entry.is_bootstrap_ = credential.purpose == Purpose::Bootstrap;
  entry.enabled_ = credential.enabled;
  link_endpoint(place);
  if (is_new) index_identity(place);
}

void CredentialIndex::remove(CredentialId id) {
  const auto place = static_cast<std::uint32_t>(place_of(id));
  assert(place < entries_.size() && entries_[place].id_ == id.value && entries_[place].texts_ != nullptr);
  by_identity_.erase(identity_hash(place), place, [this](std::uint32_t other) { return identity_hash(other); });
  unlink_endpoint(place);
  entries_[place].wipe();
  if (entries_.size() > kHolesMin && size() < entries_.size() / 2) compact();
}

void CredentialIndex::compact() {
  std::erase_if(entries_, [](const Entry& entry) { return entry.texts_ == nullptr; });
  entries_.shrink_to_fit();
  by_identity_ = SlotIndex();
  by_endpoint_ = SlotIndex();
  for (std::uint32_t place = 0; place < entries_.size(); ++place) {
    index_identity(place);
    link_endpoint(place);
  }
}

const CredentialIndex::Entry* CredentialIndex::find(CredentialId id) const {
  const std::size_t place = place_of(id);
  if (place == entries_.size() || entries_[place].id_ != id.value) return nullptr;
  return entries_[place].texts_ == nullptr ? nullptr : &entries_[place];
}

const CredentialIndex::Entry* CredentialIndex::find(Purpose purpose, IdentityKind kind,
                                                    std::string_view identity) const {
  const std::uint32_t place = by_identity_.find(hash_of(purpose, kind, identity), [&](std::uint32_t candidate) {
    const Entry& entry = entries_[candidate];
    return entry.purpose() == purpose && entry.kind() == kind && entry.identity() == identity;
  });
  return place == SlotIndex::kNone ? nullptr : &entries_[place];
}

std::vector<const CredentialIndex::Entry*> CredentialIndex::of_endpoint(Purpose purpose,
                                                                        std::string_view endpoint) const {
  std::vector<const Entry*> all;
  for (std::uint32_t at = first_of(purpose, endpoint); at != SlotIndex::kNone; at = entries_[at].next_) {
    all.push_back(&entries_[at]);
  }
  std::sort(all.begin(), all.end(), [](const Entry* a, const Entry* b) { return a->id_ < b->id_; });
  return all;
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
