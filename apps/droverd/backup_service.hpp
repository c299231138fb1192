// SPDX-License-Identifier: Apache-2.0
// Makes the backup: a folder beside the store.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "api/backup_desk.hpp"

namespace drover::campaign {
class Images;
}
namespace drover::history {
class Values;
}
namespace drover::journal {
class Journal;
}
namespace drover::store {
class StoreFile;
}

namespace drover::droverd {

/// STORE.backup has the newest one; one that is being made is in STORE.backup.new until it is whole.
class BackupService final : public api::BackupDesk {
 public:
  /// All of them outlive it; those that may be missing are null.
  struct Sources {
    store::StoreFile& store;
    journal::Journal& fleet;
    history::Values* values = nullptr;
    const campaign::Images* images = nullptr;
    std::string version{};
  };
  explicit BackupService(const Sources& sources);
  /// Waits for what is under way.
  ~BackupService() override;

  void make(std::function<void(Result<backup::Manifest>)> done) override;
  [[nodiscard]] std::optional<backup::Manifest> newest() const override;
  [[nodiscard]] std::shared_ptr<const server::File> open(const std::string& name) const override;
  void remove(std::function<void(Result<std::optional<backup::Manifest>>)> done) override;

 private:
  /// Runs it on a thread of its own; false while another task does.
  bool begin(std::function<void()> task);
  Result<backup::Manifest> copy_all() const;

  const Sources sources_;
  const std::string folder_;
  mutable std::mutex mutex_;
  std::optional<backup::Manifest> newest_;
  bool busy_ = false;
  std::thread thread_;
};

}  // namespace drover::droverd
