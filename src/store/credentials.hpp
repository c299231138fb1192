// SPDX-License-Identifier: Apache-2.0
// The credential store: what handshakes ask, and what administrators change.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "security/credentials.hpp"
#include "store/credential.hpp"
#include "store/credential_index.hpp"
#include "store/credential_table.hpp"
#include "store/sealer.hpp"

namespace drover::store {

/// Thread-safe. Handshakes read from memory under a shared lock. A change is in the table before it counts, and waits
/// for the disk; changes take turns.
class Credentials final : public security::CredentialSource {
 public:
  struct Settings {
    /// Any certificate whose path was validated is good, for an endpoint name among its names, unless an entry says
    /// otherwise. False: only those with an entry.
    bool any_certificate = true;
    std::size_t entries_max = 4'000'000;     ///< some 150 bytes each
    std::function<UnixSeconds()> unix_now;  ///< what expiry is measured with; thread-safe
  };

  /// Reads all of the table. An error when the key isn't the one that it is sealed with, or a row is damaged.
  static Result<std::unique_ptr<Credentials>> open(std::unique_ptr<CredentialTable> table, Sealer sealer,
                                                   Settings settings);

  // security::CredentialSource. A credential that is disabled or expired counts as removed. A certificate has its entry
  // by fingerprint, else by the first of its names that has one; when any entry of its names doesn't count, neither
  // does the certificate, whatever the trust anchors say.
  [[nodiscard]] std::optional<security::KnownPsk> find_psk(std::string_view identity) const override;
  [[nodiscard]] std::optional<CredentialId> find_public_key(ByteView subject_public_key_info) const override;
  [[nodiscard]] std::optional<CredentialId> find_certificate(const security::Identity& certificate) const override;
  [[nodiscard]] bool holds(CredentialId credential, const security::Identity& identity) const override;
  [[nodiscard]] bool may_be(CredentialId credential, const security::Identity& identity,
                            std::string_view endpoint) const override;
  /// Also by a credential that doesn't count at the moment: disabling a key opens no way in without one.
  [[nodiscard]] bool is_protected(std::string_view endpoint) const override;
  [[nodiscard]] std::uint64_t revision() const override;

  [[nodiscard]] CredentialPage page(const CredentialQuery& query) const;
  [[nodiscard]] std::optional<Credential> find(CredentialId id) const;
  Answer<Credential> add(NewCredential credential);
  /// All of them or none; with `partial` what is right is added although others aren't. An error is the disk's.
  Answer<CredentialBatch> add_all(std::vector<NewCredential> credentials, bool partial);
  /// The new one is for the endpoint of the other, and like it in all that Rotation doesn't say.
  Answer<Credential> rotate(CredentialId id, Rotation rotation);
  Answer<Credential> change(CredentialId id, const CredentialChange& change);
  Answer<Credential> remove(CredentialId id);
  /// Seals all secrets with another key, in one transaction.
  Result<void> rekey(Sealer sealer);
  [[nodiscard]] std::size_t size() const;

 private:
  Credentials(std::unique_ptr<CredentialTable> table, Sealer sealer, Settings settings, KeyedHash hash);

  using Entry = CredentialIndex::Entry;
  Result<void> load();
  [[nodiscard]] std::optional<CredentialId> certificate_entry(const security::Identity& identity) const;
  [[nodiscard]] bool holds_locked(CredentialId credential, const security::Identity& identity) const;
  [[nodiscard]] Result<CredentialRow> sealed(const Credential& credential, ByteView key, const Sealer& sealer) const;
  Answer<Credential> stored(const Credential& credential, const Secret<Bytes>& key, const Credential* also = nullptr);
  [[nodiscard]] std::optional<Refusal> occupied(IdentityKind kind, const std::string& identity) const;
  /// After a change of the index; `revised`: holds() or may_be() may answer otherwise.
  void changed(bool revised);

  const std::unique_ptr<CredentialTable> table_;
  const Settings settings_;
  std::mutex writing_;  ///< one change at a time; taken before reading_
  Sealer sealer_;       ///< with writing_
  std::uint64_t last_id_ = 0;

  mutable std::shared_mutex reading_;
  CredentialIndex index_;
  mutable std::atomic<std::uint64_t> revision_{1};
  mutable std::atomic<UnixSeconds> next_expiry_;
};

}  // namespace drover::store
