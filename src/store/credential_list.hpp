// SPDX-License-Identifier: Apache-2.0
// The credentials' public face for administrators. The REST API sees only this.
#pragma once

#include <functional>
#include <vector>

#include "store/credential.hpp"

namespace drover::store {

/// Thread-safe. `done` is called once, on a thread of the list's, and must not throw; when it says that something was
/// changed, the disk has it.
class CredentialList {
 public:
  template <class T>
  using Done = std::function<void(T)>;

  virtual ~CredentialList() = default;
  /// From memory, at once.
  [[nodiscard]] virtual std::optional<Credential> find(CredentialId id) const = 0;
  virtual void page(CredentialQuery query, Done<CredentialPage> done) = 0;
  virtual void add(NewCredential credential, Done<Answer<Credential>> done) = 0;
  virtual void add_all(std::vector<NewCredential> credentials, bool partial, Done<Answer<CredentialBatch>> done) = 0;
  /// As Credentials::exchange().
  virtual void exchange(std::vector<NewCredential> add, std::vector<CredentialId> remove,
                        Done<Answer<CredentialBatch>> done) = 0;
  virtual void rotate(CredentialId id, Rotation rotation, Done<Answer<Credential>> done) = 0;
  virtual void change(CredentialId id, CredentialChange change, Done<Answer<Credential>> done) = 0;
  virtual void remove(CredentialId id, Done<Answer<Credential>> done) = 0;
};

}  // namespace drover::store
