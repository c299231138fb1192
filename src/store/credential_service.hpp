// SPDX-License-Identifier: Apache-2.0
// The credential store for those who mustn't wait for a disk.
#pragma once

#include <chrono>
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
  /// How late an expiry is told.
  static constexpr std::chrono::seconds kLook{1};

  /// `credentials` outlives this. `revised`, if given, is called on the thread after its revision has changed.
  explicit CredentialService(Credentials& credentials, std::function<void()> revised = {});
  /// Does what was asked before.
  ~CredentialService() override;
  CredentialService(const CredentialService&) = delete;
  CredentialService& operator=(const CredentialService&) = delete;

  [[nodiscard]] std::optional<Credential> find(CredentialId id) const override { return credentials_.find(id); }
  void page(CredentialQuery query, Done<CredentialPage> done) override;
  void add(NewCredential credential, Done<Answer<Credential>> done) override;
  void add_all(std::vector<NewCredential> credentials, bool partial, Done<Answer<CredentialBatch>> done) override;
  void exchange(std::vector<NewCredential> add, std::vector<CredentialId> remove,
                Done<Answer<CredentialBatch>> done) override;
  void rotate(CredentialId id, Rotation rotation, Done<Answer<Credential>> done) override;
  void change(CredentialId id, CredentialChange change, Done<Answer<Credential>> done) override;
  void remove(CredentialId id, Done<Answer<Credential>> done) override;
  /// Anything else that waits for the disk, behind what was asked before. It must not throw.
  void post(std::function<void()> task);

 private:
  void run();
  void tell();

  Credentials& credentials_;
  std::function<void()> revised_;
  std::uint64_t revision_;  ///< that was told
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace drover::store
