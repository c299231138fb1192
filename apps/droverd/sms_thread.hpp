// SPDX-License-Identifier: Apache-2.0
// The server's SMS carrier and gateway on a thread of their own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "config.hpp"
#include "sms/carrier.hpp"
#include "sms/gateway.hpp"
#include "sms_numbers.hpp"
#include "transport/datagram.hpp"

namespace drover::droverd {

/// How the carrier is doing; a copy.
struct SmsView {
  std::string carrier;  ///< "smpp" or "modem"
  std::string msisdn;   ///< the server's own number
  bool ready = false;
  std::string state;
  sms::CarrierCounters carried;
  sms::GatewayCounters gateway;
};

class SmsThread {
 public:
  /// Gives a datagram to the shard of its number; called on this thread.
  using Deliver = std::function<void(transport::PeerAddress from, Bytes bytes)>;

  /// Nothing is opened before start(): a carrier that isn't there is tried again and again. Errors: settings that don't
  /// fit, a file that can't be read. `accounts` may be null; else it outlives this.
  static Result<std::unique_ptr<SmsThread>> open(const SmsConfig& config, store::SmsAccounts* accounts);
  ~SmsThread();
  SmsThread(const SmsThread&) = delete;
  SmsThread& operator=(const SmsThread&) = delete;

  /// For the shards: thread-safe, outlives start() and stop().
  [[nodiscard]] const server::SmsDirectory& directory() const;
  /// Thread-safe.
  void send(transport::Transmit transmit);
  /// Thread-safe: `done` is called on this thread.
  void view(std::function<void(SmsView)> done);

  void start(Deliver deliver);
  /// Ends and joins the thread. What waits to be sent is lost, as any datagram may be.
  void stop();

 private:
  struct State;
  explicit SmsThread(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace drover::droverd
