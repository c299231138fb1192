// SPDX-License-Identifier: Apache-2.0
// What servers would have been notified of while they couldn't be reached (Core E.2, resource 6).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "client/attributes.hpp"
#include "lwm2m/content/content.hpp"

namespace drover::client {

/// A notification that waits for its server: what an observed path had at an instant.
struct StoredNotification {
  ServerId server = 0;
  lwm2m::Path path;
  Instant at{};
  lwm2m::FormatNumber format = 0;
  Bytes payload;
  friend bool operator==(const StoredNotification&, const StoredNotification&) = default;
};

/// Keeps notifications for each server in the order in which they were put in. Past a limit the oldest of the server
/// go, and are counted.
class NotificationStore {
 public:
  /// For each server. A value with its share of the indexes takes some 250 bytes, so 1024 of them 256 KiB.
  static constexpr std::size_t kCountMax = 1024;
  /// Of payloads and kOverhead each, for each server.
  static constexpr std::size_t kBytesMax = std::size_t{256} << 10;
  static constexpr std::size_t kOverhead = 128;

  /// Without effect when the newest one of the same server and path is the same to the instant: two observations of one
  /// path say the same. One that alone is over kBytesMax is dropped, and counted.
  void put(StoredNotification notification);

  [[nodiscard]] bool empty() const { return servers_.empty(); }
  [[nodiscard]] std::size_t size() const;
  /// Grows with each put(): with size(), it tells whether anything has changed.
  [[nodiscard]] std::uint64_t next_number() const { return next_; }
  [[nodiscard]] bool holds(ServerId server, const lwm2m::Path& path) const;
  /// Each server and path that something is kept for, ascending.
  [[nodiscard]] std::vector<std::pair<ServerId, lwm2m::Path>> targets() const;

  /// A kept one and its number, which grows with each put() and is never used again.
  struct Kept {
    std::uint64_t number = 0;
    const StoredNotification* notification = nullptr;  ///< valid until the next change of the store
  };
  /// Oldest first.
  [[nodiscard]] std::vector<Kept> of(ServerId server, const lwm2m::Path& path) const;

  /// Those of a path up to and including a number: they have been delivered.
  void erase_through(ServerId server, const lwm2m::Path& path, std::uint64_t number);
  void erase(ServerId server, const lwm2m::Path& path);
  void erase_server(ServerId server);

  /// How many went because of a limit.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  /// All of them, for each server in order; put() takes them back.
  [[nodiscard]] std::vector<StoredNotification> entries() const;

 private:
  struct Server {
    std::map<std::uint64_t, StoredNotification> notifications;  ///< by number
    std::map<lwm2m::Path, std::set<std::uint64_t>> by_path;     ///< numbers
    std::size_t bytes = 0;
  };
  static std::size_t cost(const StoredNotification& notification) { return notification.payload.size() + kOverhead; }
  static void remove(Server& server, std::uint64_t number);

  std::map<ServerId, Server> servers_;  ///< none of them empty
  std::uint64_t next_ = 1;
  std::uint64_t dropped_ = 0;
};

/// Kept notifications of one path as one JSON payload with the time of each value (Core §6.4.4): Unix time when
/// `unix_now` is known, else seconds before `now`, 0 or negative; in milliseconds. What can't be decoded any more,
/// since the object's definition has changed, is left out.
Result<Bytes> encode_history(const lwm2m::Path& path, const std::vector<NotificationStore::Kept>& kept, Instant now,
                             std::optional<UnixSeconds> unix_now, const lwm2m::content::Definitions& definitions);

/// A kept notification in the format that its observation has now.
Result<Bytes> encode_as(lwm2m::FormatNumber format, const StoredNotification& notification,
                        const lwm2m::content::Definitions& definitions);

}  // namespace drover::client
