// SPDX-License-Identifier: Apache-2.0
// Where credentials are kept: in a file, or in memory for tests.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "store/credential.hpp"
#include "store/plan.hpp"
#include "store/sms_account.hpp"

namespace drover::sqlite {
class Database;
}

namespace drover::store {

struct CredentialRow {
  Credential credential;
  Bytes sealed_key;  ///< "" where the kind has none
};

/// One at a time, from any thread; commit() waits for the disk.
class CredentialTable {
 public:
  struct Content {
    std::vector<CredentialRow> rows;  ///< by id
    std::uint64_t last_id = 0;        ///< the largest that was ever given
    Bytes check;                      ///< what only the right key opens; empty in a new table
  };
  struct Changes {
    std::vector<CredentialRow> put;  ///< new ones and new forms of old ones
    std::vector<CredentialId> gone;
    Bytes check;  ///< empty: as it is
    // What else the same store seals, for a seal that changes everywhere at once.
    std::vector<PlanRow> plans{};
    std::vector<SmsKeysRow> sms_keys{};  ///< in a file alone
    std::function<bool(sqlite::Database&)> more{};  ///< what others seal there, in the same transaction; in a file alone
  };

  virtual ~CredentialTable() = default;
  /// An error names what is damaged.
  virtual Result<Content> load() = 0;
  /// All or nothing, and on disk when this returns. What goes makes room for what comes.
  virtual Result<void> commit(const Changes& changes) = 0;
  /// Nothing of what was replaced or removed can be found in the file afterwards.
  virtual Result<void> scrub() = 0;
};

/// For tests: what one leaves on its disk the next one finds.
class MemoryCredentialTable final : public CredentialTable {
 public:
  struct Disk {
    std::map<std::uint64_t, CredentialRow> rows;
    std::uint64_t last_id = 0;
    Bytes check;
    std::map<std::string, PlanRow> plans;
    bool failing = false;  ///< commits fail, as on a full disk

    [[nodiscard]] static Error full() { return {Fault::Environment, 0, "store can't be written: disk full"}; }
  };
  explicit MemoryCredentialTable(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}

  Result<Content> load() override;
  Result<void> commit(const Changes& changes) override;
  Result<void> scrub() override { return {}; }

 private:
  std::shared_ptr<Disk> disk_;
};

class StoreFile;

/// The tables `credential` and `credential_check` of a store.
class FileCredentialTable final : public CredentialTable {
 public:
  explicit FileCredentialTable(std::shared_ptr<StoreFile> file) : file_(std::move(file)) {}

  Result<Content> load() override;
  Result<void> commit(const Changes& changes) override;
  Result<void> scrub() override;
  /// There is a key to it already.
  Result<bool> is_sealed();

 private:
  std::shared_ptr<StoreFile> file_;
};

}  // namespace drover::store
