// SPDX-License-Identifier: Apache-2.0
// The disk of a server in virtual time: the newest value of each key, written in the same instant.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "server/shard.hpp"

namespace drover::sim {

class FleetDisk {
 public:
  /// Behind the shard's other polls, as poll_record() wants it.
  void take(server::Shard& shard) {
    while (auto record = shard.poll_record()) {
      if (record->value.empty()) {
        values_.erase(record->key);
      } else {
        values_.insert_or_assign(record->key, std::move(record->value));
      }
    }
  }
  /// For another process. Values that nobody needs any more are gone afterwards.
  std::vector<server::KeptShard> recover(std::size_t shards) {
    server::Recovery recovery;
    for (const auto& [key, value] : values_) unreadable_ += recovery.take(key, value.reveal()) ? 0U : 1U;
    auto kept = recovery.finish(shards);
    for (const server::RecordKey key : recovery.obsolete()) values_.erase(key);
    return kept;
  }
  [[nodiscard]] std::size_t unreadable() const { return unreadable_; }
  [[nodiscard]] const std::map<server::RecordKey, Secret<Bytes>>& values() const { return values_; }

 private:
  std::map<server::RecordKey, Secret<Bytes>> values_;
  std::size_t unreadable_ = 0;
};

}  // namespace drover::sim
