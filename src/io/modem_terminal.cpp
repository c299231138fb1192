// SPDX-License-Identifier: Apache-2.0
#include "io/modem_terminal.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "io/clock.hpp"

namespace drover::io {

namespace {

using smartcard::card_error;
using smartcard::CardError;
using smartcard::CardResult;
using sms::modem::ApduError;
using sms::modem::CardAccess;
using Kind = CardError::Kind;

Kind kind_of(ApduError::Kind kind) {
  switch (kind) {
    case ApduError::Kind::NoCard: return Kind::Removed;
    case ApduError::Kind::Restarted: return Kind::Reset;
    case ApduError::Kind::NotAllowed:
    case ApduError::Kind::Refused:
    case ApduError::Kind::Silence:
    case ApduError::Kind::Malformed: break;
  }
  return Kind::Terminal;
}

}  // namespace

struct ModemCard::Desk {
  ModemCard* card = nullptr;  ///< the loop's thread alone; null once it is destroyed

  std::mutex mutex;
  std::condition_variable changed;
  bool closed = false;       ///< `card` is destroyed
  bool interrupted = false;
  std::uint64_t number = 0;  ///< of the last request
  std::optional<CardResult<Reply>> reply;  ///< to it
  std::string trouble;       ///< why it isn't answered yet

  void finish(std::uint64_t to, CardResult<Reply> with) {
    const std::lock_guard lock(mutex);
    if (to != number) return;  // nobody waits for it any more
    reply = std::move(with);
    changed.notify_all();
  }
};

// ---- the loop's thread

ModemCard::ModemCard(EventLoop& loop, sms::modem::AtModem& modem, std::function<void(Instant)> flush)
    : loop_(loop), modem_(modem), flush_(std::move(flush)), desk_(std::make_shared<Desk>()) {
  desk_->card = this;
}

ModemCard::~ModemCard() {
  desk_->card = nullptr;
  const std::lock_guard lock(desk_->mutex);
  desk_->closed = true;
  desk_->changed.notify_all();
}

void ModemCard::take(Request request) {
  request_ = std::move(request);
  with_modem_ = false;
  flush_(now());
}

/// Nobody waits for it any more. A command that the modem has is answered all the same.
void ModemCard::withdraw(std::uint64_t number) {
  if (!request_ || request_->number != number) return;
  modem_is_busy_ = with_modem_;
  request_.reset();
}

void ModemCard::drain(Instant at) {
  while (auto answer = modem_.poll_apdu_answer()) {
    if (!request_ || !with_modem_) {
      modem_is_busy_ = false;
    } else if (answer->response) {
      finish(Reply{request_->session, std::move(*answer->response)});
    } else {
      fail({kind_of(answer->response.error().kind), std::move(answer->response.error().reason)});
    }
  }
  if (!request_ || with_modem_) return;
  if (request_->command.empty()) {
    let_in();
  } else {
    pass_on(at);
  }
}

void ModemCard::let_in() {
  const CardAccess access = modem_.card_access();
  switch (access.state) {
    case CardAccess::State::Usable:
      if (!modem_is_busy_) finish(Reply{access.session});
      return;
    case CardAccess::State::Absent: return fail({Kind::NoCard, "there is no card in the modem"});
    case CardAccess::State::Locked: return fail({Kind::Pin, modem_.state()});
    case CardAccess::State::NotYet: break;
  }
  const std::lock_guard lock(desk_->mutex);
  desk_->trouble = modem_.state();
}

void ModemCard::pass_on(Instant at) {
  const CardAccess access = modem_.card_access();
  if (access.session != request_->session) {
    return fail({Kind::Reset, "the modem began anew, and with it its card: " + modem_.state()});
  }
  // Else it tells the modem something that it forgot, and goes on.
  if (access.state != CardAccess::State::Usable || modem_is_busy_) return;
  with_modem_ = modem_.transmit_apdu(at, request_->number, std::move(request_->command));
  if (!with_modem_) fail({Kind::Terminal, "this isn't a command that AT+CSIM could take"});
}

void ModemCard::finish(smartcard::CardResult<Reply> reply) {
  const std::uint64_t number = request_->number;
  request_.reset();
  with_modem_ = false;
  desk_->finish(number, std::move(reply));
}

void ModemCard::fail(CardError error) {
  finish(tl::unexpected(std::move(error)));
}

// ---- the thread that waits

ModemTerminal::ModemTerminal(ModemCard& card, ModemWaits waits) : loop_(card.loop_), desk_(card.desk_), waits_(waits) {}

CardResult<ModemCard::Reply> ModemTerminal::ask(ModemCard::Request request, Duration wait) {
  std::unique_lock lock(desk_->mutex);
  const auto gone = [this] { return desk_->interrupted || desk_->closed; };
  constexpr const char* kGone = "the modem isn't used any more";
  if (gone()) return card_error(Kind::Terminal, kGone);
  const std::uint64_t number = request.number = ++desk_->number;
  desk_->reply.reset();
  desk_->trouble.clear();
  loop_.post([desk = desk_, request = std::move(request)] {
    if (desk->card != nullptr) desk->card->take(request);
  });
  desk_->changed.wait_for(lock, wait, [&] { return gone() || desk_->reply; });
  if (desk_->reply) return *std::exchange(desk_->reply, std::nullopt);
  ++desk_->number;
  if (gone()) return card_error(Kind::Terminal, kGone);
  loop_.post([desk = desk_, number] {
    if (desk->card != nullptr) desk->card->withdraw(number);
  });
  return card_error(Kind::Terminal, desk_->trouble.empty() ? "no answer of the modem in time"
                                                           : "the modem can't be used: " + desk_->trouble);
}

CardResult<Bytes> ModemTerminal::connect() {
  session_.reset();
  const auto reply = ask({}, waits_.ready);
  if (!reply) return tl::unexpected(reply.error());
  session_ = reply->session;
  has_answered_ = false;
  return Bytes{};
}

CardResult<Bytes> ModemTerminal::transmit(ByteView command) {
  if (!session_) return card_error(Kind::Reset, "the card isn't connected");
  if (command.empty()) return card_error(Kind::Terminal, "this isn't a command");
  auto reply = ask({0, *session_, Bytes(command.begin(), command.end())}, waits_.answer);
  if (reply) {
    has_answered_ = true;
    return std::move(reply->response);
  }
  session_.reset();
  CardError error = std::move(reply.error());
  // A modem says only when it is asked for something that the card went long ago.
  if (error.kind == Kind::Removed && !has_answered_) error.kind = Kind::NoCard;
  return tl::unexpected(std::move(error));
}

void ModemTerminal::interrupt() {
  const std::lock_guard lock(desk_->mutex);
  desk_->interrupted = true;
  desk_->changed.notify_all();
}

// ---- a modem for its card alone

namespace {

sms::modem::ModemSettings for_the_card(Secret<std::string> pin) {
  sms::modem::ModemSettings settings;
  settings.pin = std::move(pin);
  settings.card_only = true;
  return settings;
}

}  // namespace

CardModem::CardModem(EventLoop& loop, Secret<std::string> pin, CarrierLine::Opener opener)
    : modem_(for_the_card(std::move(pin))),
      line_(loop, modem_, std::move(opener), [this](Instant at) { card_.drain(at); }),
      card_(loop, modem_, [this](Instant at) { line_.flush(at); }) {}

}  // namespace drover::io
