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

/// Reads as long as everything is there; afterwards ok() is false and all is zero.
class Reader {
 public:
  explicit Reader(ByteView bytes) : reader_(bytes) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool empty() const { return reader_.empty(); }

  std::size_t number(std::size_t max) {
    std::size_t value = 0;
    for (unsigned shift = 0; ok_; shift += 7) {
      const auto byte = reader_.u8();
      if (!byte || shift > 28) return fail();
      value |= static_cast<std::size_t>(*byte & 0x7F) << shift;
      if ((*byte & 0x80) == 0) return value <= max ? value : fail();
    }
    return 0;
  }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(0xFFFF)); }
  /// Of things that take at least a byte each.
  std::size_t count() { return number(reader_.remaining()); }
  std::string text() {
    const auto bytes = reader_.bytes(count());
    return std::string(as_text(bytes.value_or(ByteView{})));
  }

 private:
  std::size_t fail() {
    ok_ = false;
    return 0;
  }
  ByteReader reader_;
  bool ok_ = true;
};

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

std::optional<lwm2m::Announcement> unpack_foreign(ByteView packed) {
  Reader reader(packed);
  lwm2m::Announcement announcement;
  announcement.root = reader.text();
  announcement.formats.resize(reader.count());
  for (lwm2m::FormatNumber& format : announcement.formats) format = reader.u16();
  announcement.objects.resize(reader.count());
  for (lwm2m::AnnouncedObject& object : announcement.objects) {
    object.id = reader.u16();
    if (const std::size_t version = reader.number(0x10000); version != 0) {
      object.version = lwm2m::Version{static_cast<std::uint8_t>((version - 1) / 256),
                                      static_cast<std::uint8_t>((version - 1) % 256)};
    }
    object.instances.resize(reader.count());
    for (lwm2m::InstanceId& instance : object.instances) instance = reader.u16();
  }
  if (!reader.ok() || !reader.empty()) return std::nullopt;
  return announcement;
}

lwm2m::Announcement unpack(ByteView packed) {
  auto announcement = unpack_foreign(packed);
  assert(announcement);
  return std::move(*announcement);
}

std::string unpack_root(ByteView packed) {
  return Reader(packed).text();
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
