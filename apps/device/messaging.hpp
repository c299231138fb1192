// SPDX-License-Identifier: Apache-2.0
// Short messages of a device: what the configuration says of them, and the modem that moves them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/device/section.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "client/queue_mode.hpp"
#include "client/settings.hpp"
#include "client/sms_values.hpp"
#include "coap/parameters.hpp"
#include "io/sms_link.hpp"
#include "sdk/runtime.hpp"
#include "sms/modem/at_modem.hpp"

namespace drover::device {

/// The table `[sms]`; `sms = "491701234567"` is the number alone, told to servers although nothing is sent from there.
struct SmsConfig {
  std::string number;  ///< the device's own MSISDN, without '+'
  std::string modem;   ///< path of the modem's serial device; "": there is none
  unsigned baud = 115200;
  bool flow_control = false;  ///< RTS/CTS
  Secret<std::string> pin;    ///< of the SIM; empty: it asks for none
  std::uint16_t port = 0;     ///< WDP port, of both ends; 0: none
  std::size_t segments = 4;   ///< short messages that one message may be cut into
  Duration validity = std::chrono::minutes(5);
  client::SmsMode1 mode1 = client::SmsMode1::Dtls;
  bool allow_nosec_management = false;
  std::size_t line = 0;
};

/// Files are relative to `folder`; those with secrets are added to `key_files`.
void read_sms(Section section, const std::string& folder, std::vector<std::string>& key_files, SmsConfig& config);
/// The table `[queue]`.
void read_queue(Section section, client::QueueSettings& queue);

/// What a client is told.
client::SmsSettings sms_settings(const SmsConfig& config);
/// How long CoAP's messages may be.
void fit_messages(const SmsConfig& config, coap::SmsParameters& parameters);

/// The modem and its gateway on a device's loop. It doesn't outlive the runtime; the client may be another one
/// meanwhile.
class Messaging {
 public:
  /// `save` puts the client's unsaved state on disk; an error when it can't.
  Messaging(const SmsConfig& config, sdk::Runtime& runtime, Rng& rng, std::function<Result<void>()> save);
  ~Messaging();
  Messaging(const Messaging&) = delete;
  Messaging& operator=(const Messaging&) = delete;

  void send(Instant at, const transport::Transmit& transmit) { link_->send(at, transmit); }

  // ---- for the card in the same modem, or beside it
  [[nodiscard]] bool has_modem(const std::string& device) const { return device == device_; }
  [[nodiscard]] sms::modem::AtModem& modem() { return *modem_; }
  void flush(Instant at) { link_->flush(at); }
  /// Called behind each mutation of the modem; empty ends it.
  void on_drained(std::function<void(Instant)> hook) { drained_ = std::move(hook); }
  /// Short messages of class 2 for USIM data download that the modem didn't keep to itself; true: it was taken.
  void on_card_message(std::function<bool(const sms::ShortMessage&)> hook) { card_message_ = std::move(hook); }
  /// Sends a short message as it is; `done` says whether the network took it.
  void submit(Instant at, sms::ShortMessage message, std::function<void(bool)> done);

  /// Short messages of the modem's own card, which this doesn't see: they belong to /7/0/0 and /7/0/1, too.
  void set_card_counts(std::uint64_t sent, std::uint64_t received);

  /// For people: the modem's state and what went through it.
  [[nodiscard]] std::string describe() const;

 private:
  class Peers;
  Result<void> save(const sms::SaveCounters& wanted);
  void count(bool failed, bool worked);
  void handle_report(const sms::Report& report);

  sdk::Runtime& runtime_;
  std::function<Result<void>()> save_;
  std::unique_ptr<Peers> peers_;
  std::string device_;
  std::function<void(Instant)> drained_;
  std::function<bool(const sms::ShortMessage&)> card_message_;
  std::map<sms::SubmissionId, std::function<void(bool)>> submitted_;
  Duration validity_;
  std::uint64_t next_submission_;
  sms::modem::AtModem* modem_ = nullptr;  ///< the link's
  std::unique_ptr<io::SmsLink> link_;
  bool was_ready_ = false;
  std::uint64_t card_sent_ = 0, card_received_ = 0;
};

}  // namespace drover::device
