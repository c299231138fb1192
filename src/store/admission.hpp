// SPDX-License-Identifier: Apache-2.0
// Which new credentials may stand beside those that are there.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "store/credential.hpp"
#include "store/credential_index.hpp"

namespace drover::store {

/// Credentials of one purpose and endpoint: more than a device has use for, and few enough to be looked at one by one.
inline constexpr std::size_t kPerEndpointMax = 100;

/// Judges a batch, one after the other. Borrows the index, which must not change meanwhile.
class Admission {
 public:
  /// Those in `leaving` count as gone; ids without an entry are passed over.
  Admission(const CredentialIndex& index, std::size_t entries_max, std::span<const CredentialId> leaving = {});

  /// Nothing when the credential, which is checked(), may be added: then it is among the admitted.
  std::optional<Refusal> admit(NewCredential credential);
  [[nodiscard]] std::deque<NewCredential>& admitted() { return admitted_; }
  /// The entries that go, each once.
  [[nodiscard]] std::vector<CredentialId> leaving() const { return {leaving_.begin(), leaving_.end()}; }

 private:
  using Entry = CredentialIndex::Entry;
  [[nodiscard]] bool stays(const Entry* entry) const { return entry != nullptr && !leaving_.contains(entry->id()); }
  [[nodiscard]] std::optional<Refusal> same_identity(const NewCredential& credential) const;
  [[nodiscard]] std::optional<Refusal> no_room(const NewCredential& credential) const;
  /// Its secret serves the other purpose already.
  [[nodiscard]] std::optional<Refusal> two_purposes(const NewCredential& credential) const;
  [[nodiscard]] const std::vector<const NewCredential*>& admitted_for(Purpose purpose, std::string_view endpoint) const;

  const CredentialIndex& index_;
  std::size_t entries_max_;
  std::set<CredentialId> leaving_;
  std::deque<NewCredential> admitted_;  ///< whose texts the keys below borrow
  std::set<std::tuple<Purpose, IdentityKind, std::string_view>> identities_;
  std::map<std::pair<Purpose, std::string_view>, std::vector<const NewCredential*>> endpoints_;
};

}  // namespace drover::store
