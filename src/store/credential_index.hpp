// SPDX-License-Identifier: Apache-2.0
// All credentials with their keys in memory, for handshakes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "base/keyed_hash.hpp"
#include "base/slot_index.hpp"
#include "store/credential.hpp"

namespace drover::store {

/// Plain and unlocked. An entry costs 48 bytes, one allocation with all its texts, and a cell of six bytes for its
/// identity; so does the first of each purpose and effective endpoint, from which the others follow.
class CredentialIndex {
 public:
  /// One entry, borrowed until the next change.
  class Entry {
   public:
    [[nodiscard]] CredentialId id() const { return {id_}; }
    [[nodiscard]] Purpose purpose() const { return is_bootstrap_ ? Purpose::Bootstrap : Purpose::Server; }
    [[nodiscard]] IdentityKind kind() const { return kind_; }
    [[nodiscard]] std::string_view identity() const { return part(0, identity_size_); }
    [[nodiscard]] std::string_view endpoint() const { return part(identity_size_, endpoint_size_); }
    /// The endpoint it is bound to, else the name that equality asks for.
    [[nodiscard]] std::string_view effective_endpoint() const { return endpoint_size_ == 0 ? identity() : endpoint(); }
    [[nodiscard]] std::string_view label() const { return part(label_at(), label_size_); }
    [[nodiscard]] std::string_view issuer() const { return part(issuer_at(), issuer_size_); }
    [[nodiscard]] ByteView key() const { return as_bytes(part(key_at(), key_size_)); }
    [[nodiscard]] std::optional<UnixSeconds> expires_at() const;
    /// Enabled and not expired.
    [[nodiscard]] bool counts(UnixSeconds now) const { return enabled_ && now < expires_at_; }
    [[nodiscard]] Credential view() const;

   private:
    friend class CredentialIndex;
    static constexpr UnixSeconds kNever = std::numeric_limits<UnixSeconds>::max();

    /// Its texts end, overwritten: its key is among them.
    void wipe();
    [[nodiscard]] std::size_t label_at() const { return std::size_t{identity_size_} + endpoint_size_; }
    [[nodiscard]] std::size_t issuer_at() const { return label_at() + label_size_; }
    [[nodiscard]] std::size_t key_at() const { return issuer_at() + issuer_size_; }
    [[nodiscard]] std::string_view part(std::size_t from, std::size_t size) const { return {texts_.get() + from, size}; }

    std::uint64_t id_ = 0;
    UnixSeconds created_at_ = 0;
    UnixSeconds expires_at_ = kNever;
    std::unique_ptr<char[]> texts_;  ///< nothing: the entry is gone
    std::uint16_t identity_size_ = 0;
    std::uint8_t endpoint_size_ = 0;
    std::uint8_t label_size_ = 0;
    std::uint8_t issuer_size_ = 0;
    std::uint8_t key_size_ = 0;
    IdentityKind kind_ = IdentityKind::None;
    bool is_bootstrap_ : 1 = false;
    bool enabled_ : 1 = false;
    std::uint32_t next_ = SlotIndex::kNone;  ///< place of another one of this purpose and effective endpoint
  };
  static_assert(sizeof(Entry) <= 48);

  explicit CredentialIndex(KeyedHash hash) : hash_(hash) {}

  /// A new entry, whose id is larger than all before, or another form of one that is there, of the same purpose, kind
  /// and identity. No other entry has these.
  void put(const Credential& credential, const Secret<Bytes>& key);
  void remove(CredentialId id);
  /// nullptr when there is none. Of public keys the identity is the SubjectPublicKeyInfo.
  [[nodiscard]] const Entry* find(CredentialId id) const;
  [[nodiscard]] const Entry* find(Purpose purpose, IdentityKind kind, std::string_view identity) const;
  /// Some entry of the purpose, whether it counts or not, has this effective endpoint.
  [[nodiscard]] bool has_endpoint(Purpose purpose, std::string_view endpoint) const {
    return first_of(purpose, endpoint) != SlotIndex::kNone;
  }
  /// All of the purpose with this effective endpoint, in the order of ids. Costs as much as there are of them.
  [[nodiscard]] std::vector<const Entry*> of_endpoint(Purpose purpose, std::string_view endpoint) const;
  /// In the order of ids, those after `after`.
  void each(CredentialId after, const std::function<void(const Entry&)>& visit) const;
  [[nodiscard]] std::size_t size() const { return by_identity_.size(); }
  /// When the next entry expires that hasn't at `now`; the far future when none does.
  [[nodiscard]] UnixSeconds next_expiry(UnixSeconds now) const;

 private:
  [[nodiscard]] std::uint64_t hash_of(Purpose purpose, IdentityKind kind, std::string_view identity) const;
  [[nodiscard]] std::uint64_t hash_of(Purpose purpose, std::string_view endpoint) const;
  [[nodiscard]] std::uint64_t identity_hash(std::uint32_t place) const;
  [[nodiscard]] std::uint64_t endpoint_hash(std::uint32_t place) const;
  [[nodiscard]] std::size_t place_of(CredentialId id) const;
  /// kNone when there is none.
  [[nodiscard]] std::uint32_t first_of(Purpose purpose, std::string_view endpoint) const;
  void link_endpoint(std::uint32_t place);
  void unlink_endpoint(std::uint32_t place);
  void index_identity(std::uint32_t place);
  void compact();

  KeyedHash hash_;
  std::vector<Entry> entries_;  ///< by id, with holes where entries were removed
  SlotIndex by_identity_;       ///< of purpose, kind and identity
  SlotIndex by_endpoint_;       ///< the newest of each purpose and effective endpoint
};

}  // namespace drover::store
