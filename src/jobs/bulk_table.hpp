// SPDX-License-Identifier: Apache-2.0
// Where bulk operations are kept.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "jobs/bulk.hpp"
#include "store/sealer.hpp"
#include "store/store_file.hpp"

namespace drover::jobs {

/// The tables `bulk`, `bulk_progress` and `bulk_device` of a store. One thread at a time; what a call that succeeds has
/// written is on disk when it returns, all of it or nothing. Errors are Fault::Environment.
class BulkTable {
 public:
  struct Device {
    BulkId bulk;
    BulkDevice device;
  };

  /// Operations are sealed: they may hold keys.
  BulkTable(std::shared_ptr<store::StoreFile> file, store::Sealer sealer)
      : file_(std::move(file)), sealer_(std::move(sealer)) {}

  /// By id. An error names what is damaged.
  Result<std::vector<BulkView>> load();
  Result<BulkId> add(const BulkView& bulk);
  /// Without its devices: see sweep().
  Result<void> remove(BulkId id);
  /// Removes up to `count` devices of bulks that are gone; how many.
  Result<std::size_t> sweep(std::size_t count);

  /// Of the bulks, all but what doesn't change any more; of the devices, all.
  Result<void> write(std::span<const BulkView* const> bulks, std::span<const Device> devices);
  /// New devices of a bulk, Waiting.
  Result<void> insert(BulkId id, std::span<const std::string> endpoints, UnixSeconds now);
  /// Takes up to `count` devices of a bulk from one state to another, without code and operation, and writes how the bulk
  /// stands then: `counted` gets the number and changes the view. The number.
  Result<std::size_t> move(BulkView& bulk, BulkDeviceState from, BulkDeviceState to, std::string_view detail,
                           UnixSeconds now, std::size_t count);
  /// Removes up to `count` devices; how many.
  Result<std::size_t> clear(BulkId id, std::size_t count);

  Result<std::vector<std::string>> waiting(BulkId id, const std::string& after, std::size_t count);
  /// Sent and Queued.
  Result<std::vector<BulkDevice>> under_way(BulkId id);
  Result<BulkDevicePage> page(BulkId id, const BulkDeviceQuery& query);

 private:
  template <class Write>
  Result<void> commit(Write write);
  [[nodiscard]] tl::unexpected<Error> unreadable(store::StoreFile::Turn& database) const;

  std::shared_ptr<store::StoreFile> file_;
  store::Sealer sealer_;
};

}  // namespace drover::jobs
