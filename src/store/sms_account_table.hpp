// SPDX-License-Identifier: Apache-2.0
// Where accounts of numbers are kept.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "store/sms_account.hpp"

namespace drover::sqlite {
class Database;
}

namespace drover::store {

class StoreFile;

struct SmsAccountRow {
  SmsAccount account;
  Bytes sealed_keys;  ///< "" where the protection has none
  SmsCounters counters{};
};

/// The tables `sms_account` and `sms_counter` of a store. One call at a time, from any thread; what one that succeeds has
/// written is on disk when it returns. Errors are Fault::Environment: the disk, the file.
class SmsAccountTable {
 public:
  struct Content {
    std::vector<SmsAccountRow> rows;  ///< by id
    std::uint64_t last_id = 0;        ///< the largest that was ever given
  };

  explicit SmsAccountTable(std::shared_ptr<StoreFile> file) : file_(std::move(file)) {}

  /// An error names what is damaged.
  Result<Content> load();
  /// Without counters.
  Result<void> add(const SmsAccountRow& row);
  /// Label and whether it is enabled.
  Result<void> change(const SmsAccount& account);
  Result<void> remove(SmsAccountId id);
  /// All or none.
  Result<void> save(std::span<const std::pair<SmsAccountId, SmsCounters>> counters);

  /// The next seal of each, in a transaction of the caller's. False on an error of the database.
  static bool write_keys(sqlite::Database& database, std::span<const SmsKeysRow> rows);

 private:
  std::shared_ptr<StoreFile> file_;
};

}  // namespace drover::store
