// SPDX-License-Identifier: Apache-2.0
// The SMSC, our ESME and hosts of modems in virtual time.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "network.hpp"
#include "sms/smpp/esme.hpp"

namespace drover::smsc {

using namespace std::chrono_literals;

inline constexpr const char* kService = "12345";
inline constexpr const char* kDevice = "491701110001";
inline constexpr const char* kOther = "491701110002";

class NetworkTest : public testing::Test {
 protected:
  void start(Faults faults = {}, SessionSettings sessions = {}, std::string pin = "") {
    CentreSettings centre;
    centre.faults = faults;
    ModemSettings device, other;
    device.number = kDevice;
    device.pin = std::move(pin);
    device.storage = 2;
    device.card = card_;
    other.number = kOther;
    network_.emplace(centre, sessions,
                     std::vector<Account>{{"drover", Secret<std::string>("secret"), kService, {}}},
                     std::vector<ModemSettings>{device, other}, std::chrono::seconds(1'764'284'400), rng_);
  }
  void start_esme(bool receipts = false, const std::string& password = "secret") {
    sms::smpp::EsmeSettings settings;
    settings.system_id = "drover";
    settings.password = Secret<std::string>(password);
    settings.service_number = kService;
    settings.receipts = receipts;
    esme_.emplace(settings, rng_);
    connect();
  }
  void connect() {
    session_ = network_->open(now_);
    esme_->line_opened(now_);
    settle();
  }
  /// Until neither side has anything to say.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      while (esme_ && network_->has(session_)) {
        const auto bytes = esme_->poll_line_output();
        if (!bytes) break;
        network_->receive(now_, session_, *bytes);
        moved = true;
      }
      while (esme_ && network_->has(session_)) {
        const auto bytes = network_->poll_output(session_);
        if (!bytes) break;
        esme_->line_received(now_, *bytes);
        moved = true;
      }
      if (esme_ && network_->has(session_) && (network_->wants_closed(session_) || esme_->wants_line_closed())) {
        network_->close(now_, session_);
        esme_->line_closed(now_, "closed");
      }
    }
    while (const auto event = network_->poll_event()) events_.push_back(*event);
    while (esme_) {
      const auto report = esme_->poll_report();
      if (!report) break;
      reports_.push_back(*report);
    }
  }
  void wait(Duration duration) {
    const Instant end = now_ + duration;
    for (;;) {
      auto next = network_->deadline();
      if (esme_ && esme_->deadline()) next = next ? std::min(*next, esme_->deadline()->at) : esme_->deadline()->at;
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      network_->handle_timeout(now_);
      if (esme_) esme_->handle_timeout(now_);
      settle();
    }
    now_ = end;
  }
  void submit(Bytes data, std::uint8_t pid = 0, std::uint8_t dcs = 4, Duration validity = 1h) {
    esme_->submit(now_, {sms::SubmissionId{++last_}, {kDevice, pid, dcs, false, std::move(data)}, validity});
    settle();
  }
  /// What the modem says to a line of its host's.
  std::string at(const std::string& line, std::size_t modem = 0, const std::string& end = "\r") {
    network_->receive_from_host(now_, modem, to_bytes(line + end));
    settle();
    return said(modem);
  }
  std::string said(std::size_t modem = 0) {
    std::string all;
    while (const auto bytes = network_->poll_host_output(modem)) all += as_text(*bytes);
    return all;
  }
  std::size_t count(Event::What what) {
    return static_cast<std::size_t>(
        std::count_if(events_.begin(), events_.end(), [what](const Event& event) { return event.what == what; }));
  }
  void prepare(const std::string& routing = "2,2,0,1,0") {
    at("ATE0");
    at("AT+CMEE=1;+CSMS=1");
    EXPECT_EQ(at("AT+CNMI=" + routing), "\r\nOK\r\n");
  }
  /// AT+CMGS of eight octets to 12345, as the reference's transcript has it.
  std::string send() {
    EXPECT_EQ(at("AT+CMGS=19"), "\r\n> ");
    return at("00110005912143F5000400086444B60B2161FB63", 0, "\x1A");
  }

  std::optional<smartcard::uicc::CardImage> card_;  ///< of the device's modem
  Instant now_{};
  SplitMix rng_{5};
  std::optional<Network> network_;
  std::optional<sms::smpp::Esme> esme_;
  SessionId session_ = 0;
  std::uint64_t last_ = 0;
  std::vector<Event> events_;
  std::vector<sms::Report> reports_;
};

}  // namespace drover::smsc
