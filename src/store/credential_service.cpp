// SPDX-License-Identifier: Apache-2.0
#include "store/credential_service.hpp"

#include <utility>

namespace drover::store {

CredentialService::CredentialService(Credentials& credentials, std::function<void()> revised)
    : credentials_(credentials),
      revised_(std::move(revised)),
      revision_(credentials.revision()),
      thread_([this] { run(); }) {}

CredentialService::~CredentialService() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void CredentialService::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void CredentialService::run() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return ending_ || !tasks_.empty(); };
      if (revised_) {
        wake_.wait_for(lock, kLook, ready);
      } else {
        wake_.wait(lock, ready);
      }
      if (tasks_.empty() && ending_) return;
      if (!tasks_.empty()) {
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
    }
    if (task) task();
    tell();
  }
}

void CredentialService::tell() {
  if (!revised_) return;
  const std::uint64_t now = credentials_.revision();
  if (now == revision_) return;
  revision_ = now;
  revised_();
}

void CredentialService::page(CredentialQuery query, Done<CredentialPage> done) {
  post([this, query = std::move(query), done = std::move(done)] { done(credentials_.page(query)); });
}

void CredentialService::add(NewCredential credential, Done<Answer<Credential>> done) {
  post([this, credential = std::move(credential), done = std::move(done)] { done(credentials_.add(credential)); });
}

void CredentialService::add_all(std::vector<NewCredential> credentials, bool partial,
                                Done<Answer<CredentialBatch>> done) {
  post([this, credentials = std::move(credentials), partial, done = std::move(done)]() mutable {
    done(credentials_.add_all(std::move(credentials), partial));
  });
}

void CredentialService::exchange(std::vector<NewCredential> add, std::vector<CredentialId> remove,
                                 Done<Answer<CredentialBatch>> done) {
  post([this, add = std::move(add), remove = std::move(remove), done = std::move(done)]() mutable {
    done(credentials_.exchange(std::move(add), remove));
  });
}

void CredentialService::rotate(CredentialId id, Rotation rotation, Done<Answer<Credential>> done) {
  post([this, id, rotation = std::move(rotation), done = std::move(done)] { done(credentials_.rotate(id, rotation)); });
}

void CredentialService::change(CredentialId id, CredentialChange change, Done<Answer<Credential>> done) {
  post([this, id, change = std::move(change), done = std::move(done)] { done(credentials_.change(id, change)); });
}

void CredentialService::remove(CredentialId id, Done<Answer<Credential>> done) {
  post([this, id, done = std::move(done)] { done(credentials_.remove(id)); });
}

}  // namespace drover::store
