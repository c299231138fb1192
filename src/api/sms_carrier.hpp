// SPDX-License-Identifier: Apache-2.0
// The server's way to the world of short messages, as the REST API sees it.
#pragma once

#include <functional>
#include <string>

#include "sms/carrier.hpp"
#include "sms/gateway.hpp"

namespace drover::api {

/// How the carrier is doing; a copy.
struct SmsView {
  std::string carrier;  ///< "smpp" or "modem"
  std::string msisdn;   ///< the server's own number
  bool ready = false;
  std::string state;  ///< for people
  sms::CarrierCounters carried;
  sms::GatewayCounters gateway;
};

class SmsCarrier {
 public:
  virtual ~SmsCarrier() = default;
  /// Thread-safe. `done` is called once, on the carrier's thread, and must not throw; never when that thread has ended.
  virtual void view(std::function<void(SmsView)> done) = 0;
};

}  // namespace drover::api
