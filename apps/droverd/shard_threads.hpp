// SPDX-License-Identifier: Apache-2.0
// The server's shards on the machine's threads and sockets.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "api/event_items.hpp"
#include "base/result.hpp"
#include "coap/parameters.hpp"
#include "fleet_journal.hpp"
#include "journal/keeper.hpp"
#include "security/credentials.hpp"
#include "security/dtls/parameters.hpp"
#include "security/listener.hpp"
#include "server/local_fleet.hpp"
#include "server/policy.hpp"
#include "server/sms.hpp"
#include "transport/datagram.hpp"

namespace drover::droverd {

class ShardWorker;

/// N threads, each with one shard, its loop and its socket; all sockets share one port. Nothing else is shared but the
/// loops' mailboxes.
class ShardThreads {
 public:
  struct Settings {
    transport::PeerAddress listen;
    std::size_t shards = 1;
    coap::Parameters coap;
    server::Policy policy;
    /// DTLS at a port of its own.
    struct Secure {
      transport::PeerAddress listen;
      security::ServerCredentials own;
      const security::CredentialSource* credentials = nullptr;  ///< outlives the threads
      security::dtls::Parameters dtls;
      security::ListenerSettings listener;
    };
    std::optional<Secure> secure{};
    /// Where changes and events go; they outlive the threads.
    journal::Keeper* keeper = nullptr;
    const api::EventItems* items = nullptr;
    bool kept = false;  ///< the keeper has a journal
    /// SMS; both or none. They outlive the threads.
    const server::SmsDirectory* sms = nullptr;
    std::function<void(transport::Transmit)> send_sms{};  ///< thread-safe
    const server::Files* files = nullptr;  ///< for devices, or none; outlives the threads
  };

  /// Opens the sockets; no thread runs before start().
  static Result<std::unique_ptr<ShardThreads>> open(const Settings& settings);
  ~ShardThreads();
  ShardThreads(const ShardThreads&) = delete;
  ShardThreads& operator=(const ShardThreads&) = delete;

  [[nodiscard]] std::size_t shards() const { return workers_.size(); }
  [[nodiscard]] transport::PeerAddress local() const;
  [[nodiscard]] std::optional<transport::PeerAddress> secure_local() const;
  server::Fleet& fleet() { return *fleet_; }
  /// Thread-safe: a datagram of short messages, for the shard of its number.
  void deliver_sms(transport::PeerAddress from, Bytes bytes);
  void start();
  /// Ends and joins the threads. Operations that wait are not called back.
  void stop();
  /// Thread-safe: has every shard look at its credentials again.
  void credentials_changed();
  /// Before start(): goes on with what an earlier process left. The number of registrations that stand again.
  std::size_t take_over(Recovered recovered);
  /// After stop(): to peers whose associations end with this process.
  void say_goodbye();
  /// Thread-safe: see server::Shard::set_refusing().
  void set_refusing(bool refusing);
  /// Thread-safe: see server::Shard::set_policy().
  void set_policy(const server::Policy& policy);
  /// Thread-safe: see security::Acceptor::renew(). Nothing where there is no DTLS.
  void renew(const security::ServerCredentials& own);

 private:
  ShardThreads() = default;
  journal::Keeper* keeper_ = nullptr;
  std::unique_ptr<server::LocalFleet> fleet_;
  std::vector<std::unique_ptr<ShardWorker>> workers_;
};

}  // namespace drover::droverd
