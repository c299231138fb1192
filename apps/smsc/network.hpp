// SPDX-License-Identifier: Apache-2.0
// The whole software SMSC without its sockets and ptys: centre, SMPP sessions, modems. Sans-IO.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "centre.hpp"
#include "smpp_session.hpp"
#include "virtual_modem.hpp"

namespace drover::smsc {

using SessionId = std::uint64_t;

/// Drive it by the one contract.
class Network {
 public:
  /// `wall` is the Unix time at Instant{}, for dates of messages. `rng` outlives it.
  Network(CentreSettings centre, SessionSettings sessions, std::vector<Account> accounts,
          std::vector<ModemSettings> modems, Duration wall, Rng& rng);
  /// Fault::Us when two have the same number, or system id.
  [[nodiscard]] static Result<void> check(const std::vector<Account>& accounts,
                                          const std::vector<ModemSettings>& modems);

  // ---- SMPP connections
  SessionId open(Instant now);
  void receive(Instant now, SessionId session, ByteView bytes);
  /// False once it was closed, by a command, too.
  [[nodiscard]] bool has(SessionId session) const { return sessions_.contains(session); }
  std::optional<Bytes> poll_output(SessionId session);
  [[nodiscard]] bool wants_closed(SessionId session) const;
  void close(Instant now, SessionId session);

  // ---- modems, in the order given
  void receive_from_host(Instant now, std::size_t modem, ByteView bytes);
  std::optional<Bytes> poll_host_output(std::size_t modem);

  /// "reset NUMBER", "hang NUMBER", "resume NUMBER", "off NUMBER", "on NUMBER" of a modem; "drop SYSTEM_ID" closes an
  /// ESME's connections; "end" says unbind to all. Errors say what is wrong with the line.
  Result<void> command(Instant now, std::string_view line);
  /// The modem's card is another one from now on; nothing: it is taken out. Counters of its secured packets begin above
  /// all that a card of this modem has used before, in other runs, too. An error: no modem has the number.
  Result<void> insert_card(Instant now, std::string_view number, std::optional<smartcard::uicc::CardImage> card);

  std::optional<Event> poll_event() { return centre_.poll_event(); }
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

 private:
  struct Modem {
    PortId port;
    std::string number;
    VirtualModem modem;
  };
  /// Whom a status report goes to, for TP-MR.
  struct Reference {
    std::size_t modem = 0;
    std::uint8_t reference = 0;
  };

  void settle(Instant now);
  bool settle_sessions(Instant now);
  bool settle_modems(Instant now);
  bool settle_centre(Instant now);
  void handle(Instant now, SmppSession& session, const SessionEvent& event);
  void submit(Instant now, std::size_t modem, const sms::tpdu::Submit& submit);
  void tell(Instant now, const Receipt& receipt);
  void hand_over(Instant now, const Delivery& delivery);
  void update_presence(Instant now, PortId port);
  SmppSession* receiver(PortId port);
  Modem* modem_with(std::string_view number);
  void insert_card(Instant now, Modem& modem, std::optional<smartcard::uicc::CardImage> card);
  [[nodiscard]] UnixSeconds unix_at(Instant at) const;

  Centre centre_;
  SessionSettings session_settings_;
  std::vector<Account> accounts_;
  std::vector<Modem> modems_;
  std::map<SessionId, SmppSession> sessions_;
  SessionId last_session_ = 0;
  std::map<MessageId, Reference> references_;  ///< of messages whose modem wants a status report
  Duration wall_;
  Rng& rng_;
};

}  // namespace drover::smsc
