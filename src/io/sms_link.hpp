// SPDX-License-Identifier: Apache-2.0
// An SMS gateway and its carrier on a loop: what a device and a server have alike.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "io/carrier_line.hpp"
#include "io/event_loop.hpp"
#include "sms/carrier.hpp"
#include "sms/gateway.hpp"
#include "transport/datagram.hpp"

namespace drover::io {

/// All calls on the loop's thread, its own of `Uses` included; the loop outlives it.
class SmsLink {
 public:
  static constexpr Duration kSaveAgain = std::chrono::seconds(5);  ///< after counters couldn't be saved

  struct Uses {
    /// CoAP or records of DTLS from a peer of Kind::Sms, SmsDtls or SmsPacket. It may call send().
    std::function<void(Instant, const transport::Datagram&)> datagram;
    /// On disk when it returns; may be tried again after an error.
    std::function<Result<void>(const sms::SaveCounters&)> save;
    /// For people, without secrets.
    std::function<void(const sms::GatewayNote&)> note;
    /// The carrier's state() is another one.
    std::function<void(const std::string& state, bool ready)> state;
    /// What became of a short message, behind the gateway's own look at it. May be empty.
    std::function<void(const sms::Report&)> report = {};
    /// Something was done with the carrier: who uses another side of it looks now, as a modem's card (ModemCard::drain()).
    /// It doesn't call flush(). May be empty.
    std::function<void(Instant)> drained = {};
    /// A short message for the card (TP-PID 7F, class 2) that the modem handed over instead; true: it was taken. May be
    /// empty.
    std::function<bool(const sms::ShortMessage&)> card_message = {};
  };

  SmsLink(EventLoop& loop, std::unique_ptr<sms::Carrier> carrier, CarrierLine::Opener opener,
          sms::GatewaySettings settings, const sms::Peers& peers, Rng& rng, Uses uses);
  ~SmsLink();
  SmsLink(const SmsLink&) = delete;
  SmsLink& operator=(const SmsLink&) = delete;

  /// To Kind::Sms, SmsDtls or SmsPacket.
  void send(Instant at, const transport::Transmit& transmit);
  /// Past the gateway; its report comes to Uses::report. The gateway numbers its own from 1.
  void submit(Instant at, sms::Submission submission);
  /// Sends what the carrier has to send, after something else than send() changed it.
  void flush(Instant at) { line_.flush(at); }

  [[nodiscard]] const sms::Carrier& carrier() const { return *carrier_; }
  [[nodiscard]] const sms::GatewayCounters& counters() const { return gateway_.counters(); }

 private:
  void drain(Instant at);
  bool drain_gateway(Instant at);
  bool drain_carrier(Instant at);
  void save(Instant at);
  void wake(Instant at);
  [[nodiscard]] std::optional<Instant> next() const;

  EventLoop& loop_;
  std::unique_ptr<sms::Carrier> carrier_;
  sms::Gateway gateway_;
  Uses uses_;
  std::map<std::uint64_t, sms::SaveCounters> unsaved_;  ///< the newest of each key
  std::optional<Instant> save_again_at_;
  std::string told_state_;
  bool draining_ = false;
  CarrierLine line_;
  int waker_ = 0;
};

}  // namespace drover::io
