// SPDX-License-Identifier: Apache-2.0
// The simulated twin of storage::Keeper and its file: what a device finds when its power comes back.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "client/client.hpp"
#include "lwm2m/data/node.hpp"

namespace drover::sim {

/// Written by the Keeper's rules from what the client says is unsaved, and from nothing else: what it forgets to say is
/// missing after a restart.
class DeviceDisk {
 public:
  static constexpr Duration kLazy = std::chrono::seconds(60);
  struct Content {
    std::map<lwm2m::Path, std::vector<lwm2m::ResourceNode>> instances;  ///< of objects 0, 1, 2 and 3303
    client::SavedState client;
  };

  /// Nothing before the first begin(). Associations are in it for the first reader alone.
  std::optional<Content> read();
  /// Everything, and what changes from now on.
  void begin(Instant now, UnixSeconds unix_now, client::Client& client);
  /// What mustn't wait is about to be written: something that acknowledges it may be sent next.
  [[nodiscard]] bool is_due(const client::Client& client) const { return !is_late && client.unsaved().at_once; }
  void save(Instant now, UnixSeconds unix_now, client::Client& client);
  /// Notices what may wait.
  void look(Instant now, const client::Client& client);
  void handle_timeout(Instant now, UnixSeconds unix_now, client::Client& client);
  [[nodiscard]] std::optional<Instant> deadline() const { return due_; }

  /// A flaw, for who wants to see what it leads to: nothing is written before it is sent.
  bool is_late = false;

 private:
  void put_paths(Instant now, const std::set<lwm2m::Path>& paths, const client::ObjectTree& tree);
  void put_state(const client::Unsaved& unsaved, client::SavedState&& state);

  std::optional<Content> content_;
  std::optional<Instant> due_;
};

}  // namespace drover::sim
