// SPDX-License-Identifier: Apache-2.0
// The card in a modem, by AT+CSIM: the modem belongs to a loop, and who reads the card waits on another thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "io/carrier_line.hpp"
#include "io/event_loop.hpp"
#include "sms/modem/at_modem.hpp"
#include "smartcard/terminal.hpp"

namespace drover::io {

struct ModemWaits {
  /// For a modem that is being set up, and a SIM that isn't ready.
  Duration ready = std::chrono::seconds(30);
  /// For an answer. A modem that is sending a short message answers late.
  Duration answer = sms::modem::kCardAnswerMax + std::chrono::seconds(5);
};

/// The loop's half: gives commands to the modem and takes its answers. Made, used and destroyed on the loop's thread;
/// loop and modem outlive it. Who waits when it is destroyed gets an error.
class ModemCard {
 public:
  /// `flush` sends what the modem has to send: CarrierLine::flush() or SmsLink::flush().
  ModemCard(EventLoop& loop, sms::modem::AtModem& modem, std::function<void(Instant)> flush);
  ~ModemCard();
  ModemCard(const ModemCard&) = delete;
  ModemCard& operator=(const ModemCard&) = delete;

  /// Behind each mutation of the modem: where its owner drains its other polls.
  void drain(Instant at);

 private:
  friend class ModemTerminal;
  struct Desk;  ///< what both threads see

  /// What a thread waits for: to use the card, or for the answer to a command.
  struct Request {
    std::uint64_t number = 0;
    std::uint64_t session = 0;  ///< CardAccess::session that the command belongs to
    Bytes command = {};         ///< empty: the request is to use the card
  };
  struct Reply {
    std::uint64_t session = 0;
    Bytes response = {};
  };
  void take(Request request);
  void withdraw(std::uint64_t number);
  void let_in();
  void pass_on(Instant at);
  void finish(smartcard::CardResult<Reply> reply);
  void fail(smartcard::CardError error);

  EventLoop& loop_;
  sms::modem::AtModem& modem_;
  std::function<void(Instant)> flush_;
  std::shared_ptr<Desk> desk_;
  std::optional<Request> request_;
  bool with_modem_ = false;     ///< the request's command is with the modem
  bool modem_is_busy_ = false;  ///< a command that nobody waits for any more is with it
};

/// Used from another thread than the loop's, one at a time. It may outlive its ModemCard, but not the loop.
class ModemTerminal final : public smartcard::Terminal {
 public:
  explicit ModemTerminal(ModemCard& card, ModemWaits waits = {});

  /// Waits until the SIM can be used. A modem doesn't tell the card's answer to reset: it is empty. Nobody else is kept
  /// from the card. Errors besides the usual: Pin when the SIM waits for a code.
  smartcard::CardResult<Bytes> connect() override;
  smartcard::CardResult<Bytes> transmit(ByteView command) override;
  void disconnect() override { session_.reset(); }

  /// Ends the call that waits, and every later one, with an error. From any thread.
  void interrupt();

 private:
  smartcard::CardResult<ModemCard::Reply> ask(ModemCard::Request request, Duration wait);

  EventLoop& loop_;
  std::shared_ptr<ModemCard::Desk> desk_;
  ModemWaits waits_;
  std::optional<std::uint64_t> session_;
  bool has_answered_ = false;  ///< the card, since connect()
};

/// A modem that is used for its card alone. Short messages are left to whoever else uses it. On the loop's thread; the
/// loop outlives it.
class CardModem {
 public:
  /// `pin`: of the SIM, as in sms::modem::ModemSettings.
  CardModem(EventLoop& loop, Secret<std::string> pin, CarrierLine::Opener opener);

  [[nodiscard]] ModemCard& card() { return card_; }
  [[nodiscard]] const sms::Carrier& carrier() const { return modem_; }

 private:
  sms::modem::AtModem modem_;
  CarrierLine line_;
  ModemCard card_;
};

}  // namespace drover::io
