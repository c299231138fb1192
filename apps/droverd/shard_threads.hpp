// SPDX-License-Identifier: Apache-2.0
// The server's shards on the machine's threads and sockets.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "coap/parameters.hpp"
#include "server/local_fleet.hpp"
#include "server/policy.hpp"
#include "transport/datagram.hpp"

namespace drover::droverd {

/// N threads, each with one shard, its loop and its socket; all sockets share one port. Nothing else is shared but the
/// loops' mailboxes.
class ShardThreads {
 public:
  struct Settings {
    transport::PeerAddress listen;
    std::size_t shards = 1;
    coap::Parameters coap;
    server::Policy policy;
  };

  /// Opens the sockets; no thread runs before start().
  static Result<std::unique_ptr<ShardThreads>> open(const Settings& settings);
  ~ShardThreads();
  ShardThreads(const ShardThreads&) = delete;
  ShardThreads& operator=(const ShardThreads&) = delete;

  [[nodiscard]] transport::PeerAddress local() const;
  server::Fleet& fleet() { return *fleet_; }
  void start();
  /// Ends and joins the threads. Operations that wait are not called back.
  void stop();

 private:
  struct Worker;
  ShardThreads() = default;
  std::unique_ptr<server::LocalFleet> fleet_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace drover::droverd
