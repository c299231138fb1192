// SPDX-License-Identifier: Apache-2.0
// Keeps a state file up with a client.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "client/client.hpp"
#include "storage/state_file.hpp"

namespace drover::storage {

/// What a server did, and what a registration came to, is on disk before anything that acknowledges it is sent; what
/// the device changes by itself is written together with that, and at most every kLazy otherwise. A disk that fails is
/// logged once, and once more when it works again; the device goes on meanwhile, and what couldn't be written is part
/// of the next try. One thread at a time; each call that writes waits for the disk.
class Keeper {
 public:
  /// How long a change of the device's own may be lost by a kill. A sync a minute is what a flash chip of 10,000
  /// cycles a block bears for decades.
  static constexpr Duration kLazy = std::chrono::seconds(60);

  /// `elsewhere`: objects and resources that aren't stored, because who computes them keeps or measures them anew.
  Keeper(StateFile file, std::vector<lwm2m::Path> elsewhere)
      : file_(std::move(file)), elsewhere_(std::move(elsewhere)) {}

  /// Puts all of `client`'s state in place of what is in the file, and follows the client from now on. It outlives
  /// this, or another is given.
  void begin(Instant now, UnixSeconds unix_now, client::Client& client, std::uint16_t port, const Baseline& baseline);
  /// Goes with the next write: a change of it begins new registrations, which are one.
  void set_port(std::uint16_t port) { port_ = port; }
  /// Before anything is sent: writes what mustn't wait.
  void before_transmit(Instant now, UnixSeconds unix_now);
  /// Writes what is unsaved, if anything is.
  void save(Instant now, UnixSeconds unix_now);
  /// As save(), when deadline() is over.
  void handle_timeout(Instant now, UnixSeconds unix_now);
  [[nodiscard]] std::optional<Instant> deadline() const { return due_; }
  /// Writes nothing until begin(), since the client is about to go.
  void pause() { client_ = nullptr; }
  /// For a reboot: the next start registers anew (Core §5.5.1), with all the rest as it is.
  void forget_registrations();
  /// For a factory reset: the next start finds an empty file. Nothing is written any more.
  void erase();

  [[nodiscard]] bool stores(const lwm2m::Path& path) const;
  /// The last write failed.
  [[nodiscard]] bool failing() const { return failing_; }

 private:
  [[nodiscard]] Changes collect(Instant now, UnixSeconds unix_now, const client::Unsaved& unsaved) const;
  void collect_tree(Instant now, const std::set<lwm2m::Path>& paths, Changes& changes) const;
  bool commit(const Changes& changes);

  StateFile file_;
  std::vector<lwm2m::Path> elsewhere_;
  client::Client* client_ = nullptr;
  std::uint16_t port_ = 0;
  client::Unsaved pending_;  ///< what the last commit couldn't write
  std::optional<Instant> due_;
  bool failing_ = false;
};

}  // namespace drover::storage
