// SPDX-License-Identifier: Apache-2.0
#include "server/announcement_pool.hpp"

#include <algorithm>
#include <cassert>

#include "base/reader.hpp"

namespace drover::server {
namespace {

void put(Bytes& out, std::size_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

std::size_t take(ByteReader& reader) {
  std::size_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = reader.u8();
    assert(byte && shift < 64);  // our own bytes
    value |= static_cast<std::size_t>(*byte & 0x7F) << shift;
    if ((*byte & 0x80) == 0) return value;
  }
}

std::uint16_t take_u16(ByteReader& reader) {
  return static_cast<std::uint16_t>(take(reader));
}

std::string take_text(ByteReader& reader) {
  const auto bytes = reader.bytes(take(reader));
  assert(bytes);
  return std::string(as_text(*bytes));
}

}  // namespace

Bytes pack(const lwm2m::Announcement& announcement) {
  Bytes out;
  out.reserve(64);
  put(out, announcement.root.size());
  out.insert(out.end(), announcement.root.begin(), announcement.root.end());
  put(out, announcement.formats.size());
  for (const lwm2m::FormatNumber format : announcement.formats) put(out, format);
  put(out, announcement.objects.size());
  for (const lwm2m::AnnouncedObject& object : announcement.objects) {
    put(out, object.id);
    // 0: no version; else major * 256 + minor + 1.
    put(out, object.version ? std::size_t{object.version->major} * 256 + object.version->minor + 1 : 0);
    put(out, object.instances.size());
    for (const lwm2m::InstanceId instance : object.instances) put(out, instance);
  }
  return out;
}

lwm2m::Announcement unpack(ByteView packed) {
  ByteReader reader(packed);
  lwm2m::Announcement announcement;
  announcement.root = take_text(reader);
  announcement.formats.resize(take(reader));
  for (lwm2m::FormatNumber& format : announcement.formats) format = take_u16(reader);
  announcement.objects.resize(take(reader));
  for (lwm2m::AnnouncedObject& object : announcement.objects) {
    object.id = take_u16(reader);
    if (const std::size_t version = take(reader); version != 0) {
      object.version = lwm2m::Version{static_cast<std::uint8_t>((version - 1) / 256),
                                      static_cast<std::uint8_t>((version - 1) % 256)};
    }
    object.instances.resize(take(reader));
    for (lwm2m::InstanceId& instance : object.instances) instance = take_u16(reader);
  }
  return announcement;
}

std::string unpack_root(ByteView packed) {
  ByteReader reader(packed);
  return take_text(reader);
}

AnnouncementPool::Id AnnouncementPool::acquire(const lwm2m::Announcement& announcement) {
  const Bytes packed = pack(announcement);
  const std::uint64_t hash = hash_(packed);
  const Id found = index_.find(hash, [&](Id id) {
    const ByteView held = view(id);
    return std::equal(held.begin(), held.end(), packed.begin(), packed.end());
  });
  if (found != ShardedSlotIndex::kNone) {
    ++entries_[found].references;
    return found;
  }
  const Id id = free_ != kNone ? free_ : static_cast<Id>(entries_.grow());
  Entry& entry = entries_[id];
  if (id == free_) free_ = entry.next_free;
  entry.bytes = std::make_unique<std::uint8_t[]>(packed.size());
  std::copy(packed.begin(), packed.end(), entry.bytes.get());
  entry.size = static_cast<std::uint32_t>(packed.size());
  entry.references = 1;
  index_.insert(hash, id, [this](Id other) { return hash_(view(other)); });
  ++used_;
  return id;
}

void AnnouncementPool::release(Id id) {
  Entry& entry = entries_[id];
  assert(entry.references > 0);
  if (--entry.references > 0) return;
  index_.erase(hash_(view(id)), id, [this](Id other) { return hash_(view(other)); });
  entry = Entry{nullptr, 0, 0, free_};
  free_ = id;
  --used_;
}

}  // namespace drover::server
