// SPDX-License-Identifier: Apache-2.0
// A modem with a SIM as its host sees it: 3GPP TS 27.005 in PDU mode and what hosts ask of 3GPP TS 27.007. Sans-IO.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "card_slot.hpp"
#include "centre.hpp"
#include "sms/tpdu.hpp"

namespace drover::smsc {

struct ModemSettings {
  std::string number;      ///< its MSISDN, digits
  std::string pin;         ///< 4 to 8 digits that the SIM wants after each reset; "": none
  std::size_t storage = 50;  ///< messages that the SIM has room for
  std::optional<smartcard::uicc::CardImage> card = {};  ///< nothing: AT+CSIM finds no card
  Duration acknowledge_wait = std::chrono::seconds(15);  ///< for AT+CNMA (3GPP TS 24.011, timer TR2M)
};

class VirtualModem {
 public:
  explicit VirtualModem(ModemSettings settings) : settings_(std::move(settings)) {}

  // ---- the host's line
  void receive(Instant now, ByteView bytes);
  std::optional<Bytes> poll_output();

  // ---- the network
  /// A SUBMIT of the host or of the card; answer it with submitted() before the next call of another kind.
  std::optional<sms::tpdu::Submit> poll_submit();
  /// TP-MR that the modem gave it; nothing: +CMS ERROR with that code (3GPP TS 27.005 §3.2.5).
  std::uint8_t submitted(std::optional<unsigned> error);
  /// A Done follows at some time, unless the modem is reset meanwhile.
  void deliver(Instant now, CopyId copy, const Message& message, UnixSeconds sent);
  void tell(Instant now, const sms::tpdu::StatusReport& report);
  struct Done {
    CopyId copy;
    Centre::Outcome outcome{};
  };
  std::optional<Done> poll_done();

  // ---- the card
  /// The modem's number, its PIN and its messages stay; nullptr takes the card out.
  void insert_card(std::unique_ptr<smartcard::uicc::Uicc> card) { card_.insert(std::move(card)); }

  // ---- mishaps
  /// As after power on: settings are gone, the SIM's messages stay, "RDY" is said. What it was being delivered comes
  /// again.
  void reset(Instant now);
  /// Reads and says nothing until it is let go or reset.
  void hang(Instant now, bool hangs);
  /// Without a network nothing can be sent (+CMS ERROR 331), and what wasn't shown to the host is the network's again.
  void set_registered(bool registered);
  [[nodiscard]] bool is_registered() const { return registered_; }

  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

 private:
  /// A SMS-DELIVER or SMS-STATUS-REPORT on its way to the host.
  struct Incoming {
    std::optional<CopyId> copy;  ///< of a DELIVER
    Bytes tpdu;
    bool for_sim = false;   ///< class 2: stored, whatever the routing is
    bool for_card = false;  ///< class 2 and an application's (3GPP TS 31.111 §7.1.1.1)
  };
  struct Stored {
    bool read = false;
    Bytes tpdu;
  };
  enum class Answer : std::uint8_t { Ok, Error, Given };  ///< Given: the command said all itself

  void take(Instant now, std::uint8_t octet);
  void run(Instant now, const std::string& line);
  Answer run_one(Instant now, const std::string& command);
  Answer run_setting(Instant now, const std::string& command);
  Answer run_storage(const std::string& command);
  Answer run_card(const std::string& command);
  Answer run_routing(Instant now, const std::string& command);
  Answer acknowledge(Instant now, const std::string& command);
  Answer enter_pin(const std::string& command);
  Answer list(const std::string& command);
  Answer read(const std::string& command);
  Answer remove(const std::string& command);
  void prompt(const std::string& command);
  void submit(const std::string& text);
  void flush(Instant now);
  void route(Instant now, Incoming incoming);
  void store(Incoming incoming);
  bool hand_to_card(const Incoming& incoming);
  void say(std::string_view text);
  void line(std::string_view text);
  Answer cms_error(unsigned code);
  Answer cme_error(unsigned code);
  void done(const Incoming& incoming, Centre::Outcome outcome);
  [[nodiscard]] std::string usage() const;

  ModemSettings settings_;
  bool echo_ = true, hangs_ = false, registered_ = true, unlocked_ = false;
  unsigned pin_tries_ = 3;
  unsigned cmee_ = 0, csms_ = 0, creg_ = 0;
  std::array<unsigned, 5> cnmi_{};
  std::uint8_t reference_ = 0;
  std::string input_;
  std::optional<std::size_t> prompt_;  ///< length that AT+CMGS said
  std::string service_centre_ = "+491710760000";
  std::map<unsigned, Stored> stored_;
  std::deque<Incoming> incoming_;
  std::optional<Incoming> unacknowledged_;
  Instant acknowledge_until_;
  std::deque<sms::tpdu::Submit> submits_;
  CardSlot card_;
  bool is_cards_ = false;  ///< the SUBMIT that poll_submit() gave
  std::deque<Done> done_;
  std::string output_;
};

}  // namespace drover::smsc
