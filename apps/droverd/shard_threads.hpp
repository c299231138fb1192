// SPDX-License-Identifier: Apache-2.0
// The server's shards on the machine's threads and sockets.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "coap/parameters.hpp"
#include "security/credentials.hpp"
#include "security/dtls/parameters.hpp"
#include "security/listener.hpp"
#include "server/handover.hpp"
#include "server/local_fleet.hpp"
#include "server/policy.hpp"
#include "server/sms.hpp"
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
    /// DTLS at a port of its own.
    struct Secure {
      transport::PeerAddress listen;
      security::ServerCredentials own;
      const security::CredentialSource* credentials = nullptr;  ///< outlives the threads
      security::dtls::Parameters dtls;
      security::ListenerSettings listener;
    };
    std::optional<Secure> secure{};
    /// SMS; both or none. They outlive the threads.
    const server::SmsDirectory* sms = nullptr;
    std::function<void(transport::Transmit)> send_sms{};  ///< thread-safe
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
  /// Before start(): what an earlier process handed over. The number of registrations that stand again.
  std::size_t take_over(std::vector<server::Handover> shards);
  /// After stop(), once: associations end here.
  [[nodiscard]] std::vector<server::Handover> hand_over();

 private:
  struct Worker;
  ShardThreads() = default;
  std::unique_ptr<server::LocalFleet> fleet_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace drover::droverd
