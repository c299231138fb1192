// SPDX-License-Identifier: Apache-2.0
// What everybody needs who talks to an application of a card: commands whose answers come in pieces, logical channels
// (ETSI TS 102 221 §7.3.1, §8.7, §11.1.17), selection, and the secure channel on top. Sans-IO but for the terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "smartcard/apdu.hpp"
#include "smartcard/scp03.hpp"
#include "smartcard/terminal.hpp"

namespace drover::smartcard {

/// The longest answer to one command, in whatever pieces it comes.
inline constexpr std::size_t kAnswerMax = 4096;
/// Commands that go over the line for one: GET RESPONSE, and repetitions with the length that the card wants.
inline constexpr unsigned kTransmissionsMax = 40;
/// Those that a class byte of TS 102 221 table 10.3 can say; cards may have more, which nobody needs here.
inline constexpr std::uint8_t kChannelMax = 3;

/// Overwrites what may be secret, and empties it.
void wipe(Bytes& bytes);

/// Sends a command as it is and fetches all of its answer: 61xx is followed by GET RESPONSE on the command's channel,
/// 6Cxx by the command with that length. Every other status is given as it came. Errors: as the terminal's; Malformed
/// when an answer is none, or doesn't end.
CardResult<Response> exchange(Terminal& terminal, const Command& command, Trace* trace = nullptr);

/// `what` that the card answered with an error: NotFound for a file or a record, else Refused; with its status.
tl::unexpected<CardError> refusal(const std::string& what, Status status);

/// A logical channel, the basic one until open(). It is closed when it ends. The terminal has a card connected and
/// outlives it; one thread at a time.
class Channel {
 public:
  explicit Channel(Terminal& terminal, Trace* trace = nullptr) : terminal_(terminal), trace_(trace) {}
  ~Channel() { close(); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// MANAGE CHANNEL. Refused, when the card has no channel left.
  CardResult<void> open();
  /// SELECT by AID, which ends a session; the answer are the file control parameters.
  CardResult<Response> select_application(ByteView aid);
  /// Establishes a session with the application that is selected: what goes over the channel from now on is protected.
  /// Errors: Refused by the card at INITIALIZE UPDATE; Channel when its cryptogram is wrong, or it doesn't take ours.
  CardResult<void> secure(const scp03::Keys& keys, scp03::HostSettings settings, Rng& rng);
  /// SELECT by path from the MF, without 3F00; 7FFF in front stands for the application. The answer are the file control
  /// parameters.
  CardResult<Response> select_file(ByteView path);
  /// Any command; the channel's number is put into its class. The status may be any but 61xx; once there was a session,
  /// nothing goes without: a broken one ends in Kind::Channel until another application is selected. Answers that may be
  /// secret are the caller's to wipe().
  CardResult<Response> transmit(Command command);
  /// From the basic channel: a card with a session takes an unprotected command on its channel for an attack. Says
  /// nothing to a card that is gone.
  void close();

  [[nodiscard]] std::uint8_t number() const { return number_; }
  /// A session is open.
  [[nodiscard]] bool is_secured() const { return host_ && host_->is_open(); }
  /// There was one, and an answer, or the card, ended it.
  [[nodiscard]] bool is_session_over() const { return was_secured_ && !is_secured(); }
  /// The terminal failed: nothing more can be said.
  [[nodiscard]] bool is_lost() const { return is_lost_; }

 private:
  CardResult<Response> send(const Command& command);

  Terminal& terminal_;
  Trace* trace_;
  std::uint8_t number_ = 0;
  bool is_lost_ = false;
  bool was_secured_ = false;
  std::optional<scp03::Host> host_;
};

}  // namespace drover::smartcard
