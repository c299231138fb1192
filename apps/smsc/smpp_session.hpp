// SPDX-License-Identifier: Apache-2.0
// The SMSC's side of one SMPP connection. Sans-IO.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "centre.hpp"
#include "sms/smpp/pdu.hpp"
#include "sms/smpp/pdu_stream.hpp"

namespace drover::smsc {

/// An ESME that may bind.
struct Account {
  std::string system_id;
  Secret<std::string> password;
  std::string number;  ///< digits; the only source of what it sends
  PortId port{};
};

struct SessionSettings {
  std::size_t window = 10;                            ///< deliver_sm without an answer
  unsigned submits_per_second = 0;                    ///< past it ESME_RTHROTTLED; 0: no limit
  Duration bind_wait = std::chrono::seconds(10);      ///< for the first bind
  Duration response_wait = std::chrono::seconds(30);  ///< then the line is closed
  Duration enquire_every = std::chrono::seconds(60);  ///< after the last PDU that came
};

struct Bound {
  const Account* account = nullptr;
  bool receives = false;
};
/// A submit_sm; answer it with SmppSession::answer().
struct Submitted {
  std::uint32_t sequence = 0;
  Message message;
  std::string validity;  ///< as it came; "" where it didn't
  ReceiptWish wish{};
};
/// What the ESME said to a deliver_sm.
struct Handled {
  CopyId copy;
  Centre::Outcome outcome{};
};
using SessionEvent = std::variant<Bound, Submitted, Handled>;

class SmppSession {
 public:
  /// `accounts` outlive it.
  SmppSession(Instant now, SessionSettings settings, const std::vector<Account>& accounts);

  void receive(Instant now, ByteView bytes);
  std::optional<Bytes> poll_output();
  std::optional<SessionEvent> poll_event();
  /// After what poll_output() gives.
  [[nodiscard]] bool wants_closed() const { return closed_; }
  /// Null until it is bound.
  [[nodiscard]] const Account* account() const { return account_; }
  [[nodiscard]] bool receives() const { return receives_; }

  /// Of a Submitted.
  void answer(std::uint32_t sequence, std::uint32_t status, const std::string& message_id);
  /// deliver_sm; a Handled follows, unless the line breaks.
  void deliver(Instant now, CopyId copy, const Message& message);
  /// A receipt, which isn't repeated.
  void tell(Instant now, const Receipt& receipt, UnixSeconds submitted, UnixSeconds ended);
  /// Says unbind and closes.
  void end(Instant now);
  /// Copies without a Handled yet: what is to be delivered in another way when this one is closed.
  [[nodiscard]] std::vector<CopyId> unhandled() const;

  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

 private:
  struct Pending {
    std::uint32_t sequence = 0;
    std::optional<CopyId> copy;  ///< of a message's deliver_sm
    Instant until;
  };
  struct Waiting {
    std::optional<CopyId> copy;
    sms::smpp::Message message;
  };

  void handle(Instant now, ByteView bytes);
  void handle_bind(const sms::smpp::Pdu& pdu);
  void handle_submit(Instant now, const sms::smpp::Pdu& pdu);
  void handle_response(Instant now, const sms::smpp::Pdu& pdu);
  [[nodiscard]] bool is_throttled(Instant now);
  void fill_window(Instant now);
  void request(Instant now, sms::smpp::Pdu pdu, std::optional<CopyId> copy);
  void send(const sms::smpp::Pdu& pdu) { output_.push_back(sms::smpp::encode(pdu)); }

  SessionSettings settings_;
  const std::vector<Account>& accounts_;
  const Account* account_ = nullptr;
  bool receives_ = false, sends_ = false, closed_ = false;
  sms::smpp::PduStream stream_;
  std::uint32_t sequence_ = 0;
  std::deque<Pending> pending_;  ///< ascending by until
  std::deque<Waiting> waiting_;
  Instant bind_until_, enquire_at_, second_;
  unsigned in_second_ = 0;
  std::deque<Bytes> output_;
  std::deque<SessionEvent> events_;
};

/// The message of a submit_sm and of a deliver_sm: text of the default alphabet is packed and unpacked. An error is a
/// command_status.
tl::expected<Message, std::uint32_t> to_message(const sms::smpp::Message& submit, const Account& from);
sms::smpp::Message to_deliver_sm(const Message& message);

}  // namespace drover::smsc
