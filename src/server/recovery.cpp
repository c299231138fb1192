// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "server/record.hpp"

namespace drover::server {

bool Recovery::take(RecordKey key, ByteView value) {
  const auto keep = [&](auto& list, auto unpacked) {
    if (!unpacked) return false;
    list.push_back({key.shard(), std::move(*unpacked)});
    return true;
  };
  switch (key.kind()) {
    case RecordKind::Registration: return keep(registrations_, unpack_registration(value));
    case RecordKind::Association: return keep(associations_, unpack_association(value));
    case RecordKind::Wish: return keep(wishes_, unpack_wish(value));
    case RecordKind::Update: {
      const auto update = unpack_update(value);
      if (!update) return false;
      newest_ = std::max(newest_, update->second);
      updates_[key.packed & ((std::uint64_t{1} << 56) - 1)] = *update;
      return true;
    }
    case RecordKind::Counters: {
      const auto counted = unpack_counted(value);
      if (!counted) return false;
      counted_[counted->handle] = *counted;
      return true;
    }
    case RecordKind::Operation: {
      auto operation = unpack_operation(value);
      if (!operation) return false;
      newest_ = std::max({newest_, operation->created, operation->last_sent});
      largest_operation_ = std::max(largest_operation_, operation->operation.ticket);
      operations_.push_back(std::move(*operation));
      return true;
    }
    case RecordKind::Finished: {
      auto status = unpack_finished(value);
      if (!status) return false;
      largest_operation_ = std::max(largest_operation_, status->id);
      finished_.push_back(std::move(*status));
      return true;
    }
  }
  return false;
}

void Recovery::give_up(const Placed<KeptRegistration>& one, std::vector<KeptShard>& shards) {
  obsolete_.push_back(RecordKey::of_place(RecordKind::Registration, one.shard, one.value.slot));
  obsolete_.push_back(RecordKey::of_place(RecordKind::Update, one.shard, one.value.slot));
  std::vector<ObservedPath> paths = one.value.restored;
  for (const KeptObservation& observation : one.value.observations) paths.push_back(observation.what);
  if (paths.empty()) return;
  KeptWish wish;
  wish.endpoint = one.value.endpoint;
  wish.until = one.value.updated_at + std::int64_t{one.value.lifetime} * 1'000'000;
  wish.paths = std::move(paths);
  shards.front().wishes.push_back(std::move(wish));
}

void Recovery::sort_associations(std::vector<KeptShard>& all) {
  for (auto& one : associations_) {
    const auto counted = counted_.find(one.value.handle);
    if (counted != counted_.end()) {
      one.value.address = counted->second.address;
      one.value.past.sent = std::max(one.value.past.sent, counted->second.past.sent);
      one.value.past.received = std::max(one.value.past.received, counted->second.past.received);
    }
    if (one.shard < all.size()) {
      all[one.shard].associations.push_back(std::move(one.value));
    } else if (const auto handle = security::Handle::unpack(one.value.handle)) {
      obsolete_.push_back(RecordKey::of_place(RecordKind::Association, one.shard, handle->place));
      obsolete_.push_back(RecordKey::of_place(RecordKind::Counters, one.shard, handle->place));
    }
  }
}

std::vector<KeptShard> Recovery::finish(std::size_t shards) {
  std::vector<KeptShard> all(shards);
  std::unordered_map<std::string_view, std::size_t> newest_of;  // of each endpoint, by its place in registrations_
  for (auto& one : registrations_) {
    const auto key = std::uint64_t{one.shard} << 48 | one.value.slot;
    const auto update = updates_.find(key);
    if (update != updates_.end() && update->second.first == one.value.nonce) {
      one.value.updated_at = std::max(one.value.updated_at, update->second.second);
    }
    newest_ = std::max(newest_, one.value.updated_at);
  }
  for (std::size_t i = 0; i < registrations_.size(); ++i) {
    const auto [found, fresh] = newest_of.emplace(registrations_[i].value.endpoint, i);
    if (fresh) continue;
    // A device that registered with another shard just before the end: the older one's removal was under way.
    const bool newer = registrations_[i].value.registered_at > registrations_[found->second].value.registered_at;
    const auto& older = registrations_[newer ? found->second : i];
    obsolete_.push_back(RecordKey::of_place(RecordKind::Registration, older.shard, older.value.slot));
    if (newer) found->second = i;
  }
  std::unordered_map<std::string, std::size_t> home;
  for (std::size_t i = 0; i < registrations_.size(); ++i) {
    auto& one = registrations_[i];
    if (newest_of.at(one.value.endpoint) != i) continue;
    if (one.shard >= shards) {
      give_up(one, all);
      continue;
    }
    ++registrations_count_;
    if (!operations_.empty()) home.emplace(one.value.endpoint, one.shard);
  }
  for (KeptOperation& operation : operations_) {
    const auto found = home.find(operation.endpoint);
    all[found == home.end() ? 0 : found->second].operations.push_back(std::move(operation));
  }
  std::vector<bool> stands(registrations_.size());
  for (const auto& [endpoint, i] : newest_of) stands[i] = registrations_[i].shard < shards;
  newest_of.clear();  // it names texts that are moved now
  for (std::size_t i = 0; i < registrations_.size(); ++i) {
    if (stands[i]) all[registrations_[i].shard].registrations.push_back(std::move(registrations_[i].value));
  }
  sort_associations(all);
  for (auto& one : wishes_) {
    obsolete_.push_back(RecordKey::of_place(RecordKind::Wish, one.shard, one.value.number));
    all[one.shard < shards ? one.shard : 0].wishes.push_back(std::move(one.value));
  }
  for (KeptShard& shard : all) {
    shard.newest = newest_;
    std::sort(shard.registrations.begin(), shard.registrations.end(),
              [](const auto& a, const auto& b) { return a.slot < b.slot; });
    std::sort(shard.associations.begin(), shard.associations.end(),
              [](const auto& a, const auto& b) { return a.handle < b.handle; });
    std::sort(shard.operations.begin(), shard.operations.end(),
              [](const auto& a, const auto& b) { return a.operation.ticket < b.operation.ticket; });
  }
  std::sort(finished_.begin(), finished_.end(), [](const auto& a, const auto& b) { return a.ended_at < b.ended_at; });
  return all;
}

}  // namespace drover::server
