// SPDX-License-Identifier: Apache-2.0
// The credential store for those who mustn't wait for a disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "store/credential_list.hpp"
#include "store/credentials.hpp"

namespace drover::store {

/// Does what is asked in order, on a thread of its own. The queue is as long as there are callers that wait: the API's
/// connections bound it.
class CredentialService final : public CredentialList {
 public:
  /// `credentials` outlives this.
  explicit CredentialService(Credentials& credentials);
  /// Does what was asked before.
  ~CredentialService() override;
  CredentialService(const CredentialService&) = delete;
  CredentialService& operator=(const CredentialService&) = delete;

  [[nodiscard]] std::optional<Credential> find(CredentialId id) const override { return credentials_.find(id); }
  void page(CredentialQuery query, Done<CredentialPage> done) override;
  void add(NewCredential credential, Done<Answer<Credential>> done) override;
  void add_all(std::vector<NewCredential> credentials, bool partial, Done<Answer<CredentialBatch>> done) override;
  void rotate(CredentialId id, Rotation rotation, Done<Answer<Credential>> done) override;
  void change(CredentialId id, CredentialChange change, Done<Answer<Credential>> done) override;
  void remove(CredentialId id, Done<Answer<Credential>> done) override;

 private:
  void post(std::function<void()> task);
  void run();

  Credentials& credentials_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace drover::store
