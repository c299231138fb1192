// SPDX-License-Identifier: Apache-2.0
#include "client/notification_store.hpp"

#include <chrono>

#include "coap/message/code.hpp"

namespace drover::client {

using lwm2m::Path;

void NotificationStore::put(StoredNotification notification) {
  if (cost(notification) > kBytesMax) {
    ++dropped_;
    return;
  }
  Server& server = servers_[notification.server];
  std::set<std::uint64_t>& numbers = server.by_path[notification.path];
  if (!numbers.empty() && server.notifications.at(*numbers.rbegin()) == notification) return;
  const std::uint64_t number = next_++;
  numbers.insert(number);
  server.bytes += cost(notification);
  server.notifications.emplace(number, std::move(notification));
  while (server.notifications.size() > kCountMax || server.bytes > kBytesMax) {
    remove(server, server.notifications.begin()->first);
    ++dropped_;
  }
}

void NotificationStore::remove(Server& server, std::uint64_t number) {
  const auto found = server.notifications.find(number);
  server.bytes -= cost(found->second);
  const auto numbers = server.by_path.find(found->second.path);
  numbers->second.erase(number);
  if (numbers->second.empty()) server.by_path.erase(numbers);
  server.notifications.erase(found);
}

std::size_t NotificationStore::size() const {
  std::size_t size = 0;
  for (const auto& [id, server] : servers_) size += server.notifications.size();
  return size;
}

bool NotificationStore::holds(ServerId server, const Path& path) const {
  const auto found = servers_.find(server);
  return found != servers_.end() && found->second.by_path.contains(path);
}

std::vector<std::pair<ServerId, Path>> NotificationStore::targets() const {
  std::vector<std::pair<ServerId, Path>> targets;
  for (const auto& [id, server] : servers_) {
    for (const auto& [path, numbers] : server.by_path) targets.emplace_back(id, path);
  }
  return targets;
}

std::vector<NotificationStore::Kept> NotificationStore::of(ServerId server, const Path& path) const {
  std::vector<Kept> kept;
  const auto found = servers_.find(server);
  if (found == servers_.end()) return kept;
  const auto numbers = found->second.by_path.find(path);
  if (numbers == found->second.by_path.end()) return kept;
  for (const std::uint64_t number : numbers->second) kept.push_back({number, &found->second.notifications.at(number)});
  return kept;
}

void NotificationStore::erase_through(ServerId server, const Path& path, std::uint64_t number) {
  for (const Kept& kept : of(server, path)) {
    if (kept.number > number) break;
    remove(servers_.at(server), kept.number);
  }
  const auto found = servers_.find(server);
  if (found != servers_.end() && found->second.notifications.empty()) servers_.erase(found);
}

void NotificationStore::erase(ServerId server, const Path& path) {
  erase_through(server, path, next_);
}

void NotificationStore::erase_server(ServerId server) {
  servers_.erase(server);
}

std::vector<StoredNotification> NotificationStore::entries() const {
  std::vector<StoredNotification> all;
  for (const auto& [id, server] : servers_) {
    for (const auto& [number, notification] : server.notifications) all.push_back(notification);
  }
  return all;
}

// ---- payloads -------------------------------------------------------------------------------------------------------

namespace {

Result<lwm2m::Tree> decode(const StoredNotification& notification, const lwm2m::content::Definitions& definitions) {
  const auto format = lwm2m::format_of(notification.format);
  if (!format) return peer_error(coap::code::kNotAcceptable.value, "a kept notification has an unknown format");
  return lwm2m::content::decode(*format, notification.path, notification.payload, definitions);
}

void append(std::vector<lwm2m::TimedValue>& values, const lwm2m::Tree& tree, double time) {
  for (const lwm2m::ObjectNode& object : tree.objects) {
    for (const lwm2m::InstanceNode& instance : object.instances) {
      const Path path(object.id, instance.id.value_or(lwm2m::kReservedId));
      for (const lwm2m::ResourceNode& resource : instance.resources) {
        for (const lwm2m::ResourceInstanceNode& value : resource.instances) {
          const Path single = path.child(resource.id);
          values.push_back({resource.multiple ? single.child(value.id) : single, value.value, time});
        }
      }
    }
  }
}

}  // namespace

Result<Bytes> encode_history(const Path& path, const std::vector<NotificationStore::Kept>& kept, Instant now,
                             std::optional<UnixSeconds> unix_now, const lwm2m::content::Definitions& definitions) {
  std::vector<lwm2m::TimedValue> values;
  for (const NotificationStore::Kept& one : kept) {
    const auto tree = decode(*one.notification, definitions);
    if (!tree) continue;
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - one.notification->at);
    const std::int64_t milliseconds = unix_now.value_or(0) * 1000 - age.count();
    append(values, *tree, static_cast<double>(milliseconds) / 1000);
  }
  if (values.empty()) return peer_error(coap::code::kNotAcceptable.value, "no value is left of what was kept");
  return lwm2m::content::encode_timed_json(path, values);
}

Result<Bytes> encode_as(lwm2m::FormatNumber format, const StoredNotification& notification,
                        const lwm2m::content::Definitions& definitions) {
  if (format == notification.format) return notification.payload;
  const auto wanted = lwm2m::format_of(format);
  if (!wanted) return peer_error(coap::code::kNotAcceptable.value, "unknown format");
  const auto tree = decode(notification, definitions);
  if (!tree) return tl::unexpected(tree.error());
  return lwm2m::content::encode(*wanted, notification.path, *tree);
}

}  // namespace drover::client
