// SPDX-License-Identifier: Apache-2.0
// The server's SMS carrier and gateway on a thread of their own.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "api/sms_carrier.hpp"
#include "base/result.hpp"
#include "config.hpp"
#include "sms_numbers.hpp"
#include "transport/datagram.hpp"

namespace drover::droverd {

class SmsThread final : public api::SmsCarrier {
 public:
  /// Gives a datagram to the shard of its number; called on this thread.
  using Deliver = std::function<void(transport::PeerAddress from, Bytes bytes)>;

  /// Nothing is opened before start(): a carrier that isn't there is tried again and again. Errors: settings that don't
  /// fit, a file that can't be read. `accounts` may be null; else it outlives this.
  static Result<std::unique_ptr<SmsThread>> open(const SmsConfig& config, store::SmsAccounts* accounts);
  ~SmsThread() override;
  SmsThread(const SmsThread&) = delete;
  SmsThread& operator=(const SmsThread&) = delete;

  /// For the shards: thread-safe, outlives start() and stop().
  [[nodiscard]] const server::SmsDirectory& directory() const;
  /// Thread-safe.
  void send(transport::Transmit transmit);
  void view(std::function<void(api::SmsView)> done) override;

  void start(Deliver deliver);
  /// Ends and joins the thread. What waits to be sent is lost, as any datagram may be.
  void stop();

 private:
  struct State;
  explicit SmsThread(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace drover::droverd
