// SPDX-License-Identifier: Apache-2.0
// Announcements, each different one kept once: devices of one model announce the same objects.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/slot_index.hpp"
#include "lwm2m/operation/operation.hpp"
#include "server/chunked_array.hpp"
#include "base/keyed_hash.hpp"

namespace drover::server {

/// The compact form of an announcement: numbers as base-128 varints (1 byte below 128), lists and texts with their
/// length in front. Ten objects with one instance each are some 40 bytes, where the value itself takes a kilobyte.
Bytes pack(const lwm2m::Announcement& announcement);
/// Only of what pack() gave.
lwm2m::Announcement unpack(ByteView packed);
/// Nothing for other bytes.
std::optional<lwm2m::Announcement> unpack_foreign(ByteView packed);
/// The root alone.
std::string unpack_root(ByteView packed);

/// A reference-counted set. Not copyable; ids are valid from acquire() until as many release() calls.
class AnnouncementPool {
 public:
  using Id = std::uint32_t;

  explicit AnnouncementPool(KeyedHash hash) : hash_(hash) {}

  Id acquire(const lwm2m::Announcement& announcement);
  void release(Id id);
  [[nodiscard]] lwm2m::Announcement announcement(Id id) const { return unpack(view(id)); }
  [[nodiscard]] std::string root(Id id) const { return unpack_root(view(id)); }
  /// Different announcements held now.
  [[nodiscard]] std::size_t size() const { return used_; }

 private:
  static constexpr Id kNone = std::numeric_limits<Id>::max();
  struct Entry {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::uint32_t size = 0;
    std::uint32_t references = 0;  ///< 0: free
    Id next_free = kNone;
  };
  [[nodiscard]] ByteView view(Id id) const { return {entries_[id].bytes.get(), entries_[id].size}; }

  KeyedHash hash_;
  ShardedSlotIndex index_;
  ChunkedArray<Entry, 256> entries_;
  Id free_ = kNone;
  std::size_t used_ = 0;
};

}  // namespace drover::server
