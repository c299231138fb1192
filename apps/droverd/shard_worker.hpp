// SPDX-License-Identifier: Apache-2.0
// One shard on its thread, its loop and its sockets. For shard_threads.cpp.
#pragma once

#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "api/event_items.hpp"
#include "io/clock.hpp"
#include "io/driver.hpp"
#include "io/event_loop.hpp"
#include "io/udp_socket.hpp"
#include "journal/keeper.hpp"
#include "server/local_fleet.hpp"
#include "server/shard.hpp"
#include "shard_threads.hpp"

namespace drover::droverd {

/// What a shard's mutation leaves (datagrams, events, mail, results) goes out once what it tells of is on disk. What
/// tells of nothing new needn't wait, unless something to the same peer waits already: a repeated message would
/// otherwise be answered before the first one's answer is safe.
class ShardWorker {
 public:
  ShardWorker(io::UdpSocket opened, server::LocalFleet& fleet, journal::Keeper& keeper, const api::EventItems& items)
      : socket(std::move(opened)), fleet_(fleet), keeper_(keeper), items_(items) {}

  /// Before begin(): what the shard needs for DTLS.
  Result<void> secure_by(const ShardThreads::Settings::Secure& settings, io::UdpSocket opened,
                         server::ShardConfig& config);
  void begin(server::ShardConfig config);
  /// Before start(): goes on with what an earlier process left, and gives what changes by that.
  std::size_t take_over(server::KeptShard kept, std::vector<journal::Batch::Value>& changes);
  void start();
  /// After the thread's end: goodbyes to those whose associations end with the process.
  void say_goodbye();
  void set_refusing(bool refusing);
  void set_policy(const server::Policy& policy);
  void renew(std::shared_ptr<const security::ServerCredentials> own);

  // The rest is for the loop's thread, and for before start(). What is further down uses what is above.
  io::EventLoop loop;
  io::UdpSocket socket;
  std::optional<io::UdpSocket> secure_socket{};
  io::SystemRng rng;
  std::unique_ptr<security::Acceptor> acceptor;
  std::optional<server::Shard> shard;
  std::optional<io::Driver<server::Shard>> driver;
  std::thread thread;

 private:
  struct Held;
  void gather();
  void leave(Instant at, std::vector<transport::Transmit> transmits);
  void release(Held& held);
  void take_records(std::vector<journal::Batch::Value>& to);
  [[nodiscard]] bool waits_for(const transport::PeerAddress& peer) const { return held_peers_.contains(peer); }

  server::LocalFleet& fleet_;
  journal::Keeper& keeper_;
  const api::EventItems& items_;
  bool keeps_ = false;
  server::LocalFleet::Outbox outbox_;
  std::size_t pending_ = 0;  ///< batches that aren't on disk
  std::unordered_map<transport::PeerAddress, std::size_t> held_peers_;
};

}  // namespace drover::droverd
