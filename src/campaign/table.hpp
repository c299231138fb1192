// SPDX-License-Identifier: Apache-2.0
// Where campaigns are kept: a store's tables `campaign` and `campaign_device`.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "campaign/types.hpp"

namespace drover::store {
class StoreFile;
}

namespace drover::campaign {

/// Blocks as a disk does. What a call that succeeds has written is on disk when it returns. Errors are
/// Fault::Environment.
class CampaignTable {
 public:
  explicit CampaignTable(std::shared_ptr<store::StoreFile> file) : file_(std::move(file)) {}

  struct Kept {
    Head head;
    std::vector<Device> devices;
  };
  struct Content {
    std::vector<Kept> campaigns;  ///< by id
    CampaignId last{};            ///< the largest id that was ever given
  };
  Result<Content> load();
  /// Of one campaign: what has changed.
  struct Change {
    const Head* head = nullptr;
    bool head_changed = false;
    const std::vector<Device>* devices = nullptr;
    std::vector<std::uint32_t> changed;  ///< numbers of devices
  };
  /// All of them or nothing.
  Result<void> save(std::span<const Change> changes);
  Result<void> remove(CampaignId id);

 private:
  std::shared_ptr<store::StoreFile> file_;
};

}  // namespace drover::campaign
