// SPDX-License-Identifier: Apache-2.0
// The credential store: what handshakes ask, and what administrators and bootstraps change.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "security/credentials.hpp"
#include "store/admission.hpp"
#include "store/credential.hpp"
#include "store/credential_index.hpp"
#include "store/credential_table.hpp"
#include "store/plans.hpp"
#include "store/sealer.hpp"
#include "store/sms_accounts.hpp"

namespace drover::store {

/// Thread-safe. Handshakes read from memory under a shared lock. A change is in the table before it counts, and waits
/// for the disk; changes take turns.
///
/// A secret serves one purpose: the same pre-shared key isn't taken for both purposes of an effective endpoint, nor the
/// same public key or certificate fingerprint for both at all (Core §5.2.5). Of a purpose and an effective endpoint there
/// are at most kPerEndpointMax.
class Credentials final {
 public:
  struct Settings {
    /// Any certificate whose path was validated is good, for an endpoint name among its names, unless an entry says
    /// otherwise. False: only those with an entry.
    bool any_certificate = true;
    bool any_bootstrap_certificate = false;  ///< the same at the bootstrap server
    std::size_t entries_max = 4'000'000;     ///< some 200 bytes each
    std::function<UnixSeconds()> unix_now;   ///< what expiry is measured with; thread-safe
  };

  /// Reads all of the table. An error when the key isn't the one that it is sealed with, or a row is damaged.
  static Result<std::unique_ptr<Credentials>> open(std::unique_ptr<CredentialTable> table, Sealer sealer,
                                                   Settings settings);

  /// What the port of this purpose asks; it ends with the store. It sees the credentials of that purpose alone, and one
  /// that is disabled or expired counts as removed. A certificate has its entry by fingerprint, else by the first of its
  /// names that has one; when any entry of its names doesn't count, neither does the certificate, whatever the trust
  /// anchors say. is_protected() holds also by a credential that doesn't count at the moment: disabling a key opens no
  /// way in without one. Both share revision().
  [[nodiscard]] const security::CredentialSource& source(Purpose purpose) const {
    return purpose == Purpose::Server ? server_ : bootstrap_;
  }
  /// As CredentialSource's, of all.
  [[nodiscard]] std::uint64_t revision() const;

  [[nodiscard]] CredentialPage page(const CredentialQuery& query) const;
  [[nodiscard]] std::optional<Credential> find(CredentialId id) const;
  /// Those with this effective endpoint, whether they count or not, by id. Costs as much as there are of them.
  [[nodiscard]] std::vector<Credential> of_endpoint(Purpose purpose, std::string_view endpoint) const;
  /// For the program itself, to write it to a device; no API shows it. Nothing when there is no such entry, or its kind
  /// has no secret key.
  [[nodiscard]] std::optional<Secret<Bytes>> key(CredentialId id) const;
  Answer<Credential> add(NewCredential credential);
  /// All of them or none; with `partial` what is right is added although others aren't. An error is the disk's.
  Answer<CredentialBatch> add_all(std::vector<NewCredential> credentials, bool partial);
  /// Adds all and removes all, in one commit, or does nothing: then there is a refusal, and nothing in `added`. What goes
  /// makes room for what comes, also its identity and key. Removing one that is gone already is no error. An error is
  /// the disk's.
  Answer<CredentialBatch> exchange(std::vector<NewCredential> add, const std::vector<CredentialId>& remove);
  /// The new one is for the purpose and endpoint of the other, and like it in all that Rotation doesn't say.
  Answer<Credential> rotate(CredentialId id, Rotation rotation);
  Answer<Credential> change(CredentialId id, const CredentialChange& change);
  Answer<Credential> remove(CredentialId id);
  /// Seals all secrets with another key, those of the same store's `plans` and `sms_accounts` included, and
  /// what `more` writes (false: it can't), in one transaction.
  Result<void> rekey(Sealer sealer, Plans& plans, SmsAccounts& sms_accounts,
                     std::function<bool(sqlite::Database&)> more = {});
  [[nodiscard]] std::size_t size() const;

 private:
  using Entry = CredentialIndex::Entry;

  class View final : public security::CredentialSource {
   public:
    View(const Credentials& all, Purpose purpose, bool any_certificate)
        : all_(all), purpose_(purpose), any_certificate_(any_certificate) {}
    [[nodiscard]] std::optional<security::KnownPsk> find_psk(std::string_view identity) const override;
    [[nodiscard]] std::optional<CredentialId> find_public_key(ByteView subject_public_key_info) const override;
    [[nodiscard]] std::optional<CredentialId> find_certificate(const security::Identity& certificate) const override;
    [[nodiscard]] bool holds(CredentialId credential, const security::Identity& identity) const override;
    [[nodiscard]] bool may_be(CredentialId credential, const security::Identity& identity,
                              std::string_view endpoint) const override;
    [[nodiscard]] bool is_protected(std::string_view endpoint) const override;
    [[nodiscard]] std::uint64_t revision() const override { return all_.revision(); }

   private:
    /// With the lock, both.
    [[nodiscard]] std::optional<CredentialId> certificate_entry(const security::Identity& identity) const;
    [[nodiscard]] bool holds_locked(CredentialId credential, const security::Identity& identity) const;

    const Credentials& all_;
    Purpose purpose_;
    bool any_certificate_;
  };
  /// A new entry, or another form of one that is there: then its key stays.
  struct Put {
    Credential credential;
    Secret<Bytes> key;
  };

  Credentials(std::unique_ptr<CredentialTable> table, Sealer sealer, Settings settings, KeyedHash hash);
  Result<void> load();
  [[nodiscard]] Result<CredentialRow> sealed(const Credential& credential, ByteView key, const Sealer& sealer) const;
  /// With writing_. All on disk, then in the index; the error is the disk's.
  Answer<void> commit(std::vector<Put> puts, const std::vector<CredentialId>& gone);
  Answer<CredentialBatch> add_batch(std::vector<NewCredential> credentials, bool partial,
                                    const std::vector<CredentialId>& gone);

  const std::unique_ptr<CredentialTable> table_;
  const Settings settings_;
  const View server_;
  const View bootstrap_;
  std::mutex writing_;  ///< one change at a time; taken before reading_. Who has it may read the index without reading_.
  Sealer sealer_;       ///< with writing_
  std::uint64_t last_id_ = 0;

  mutable std::shared_mutex reading_;
  CredentialIndex index_;
  mutable std::atomic<std::uint64_t> revision_{1};
  mutable std::atomic<UnixSeconds> next_expiry_;  ///< no later than the next entry's
};

}  // namespace drover::store
