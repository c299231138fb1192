// SPDX-License-Identifier: Apache-2.0
// What a terminal does for the applications of its card: it hands short messages to them, and sends those that they
// want sent (ETSI TS 102 223 §6, §7; 3GPP TS 31.111 §7.1.1, §6.4.10). A modem does this for its own SIM; a device does it
// for a card that is in a reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "smartcard/apdu.hpp"
#include "smartcard/terminal.hpp"

namespace drover::smartcard::toolkit {

/// ENVELOPE (SMS-PP DOWNLOAD) with an SMS-DELIVER; `service_centre` are digits, "" leaves the address out.
Result<Command> sms_download(ByteView deliver, const std::string& service_centre);
/// The SMS-DELIVER in such an ENVELOPE.
Result<Bytes> read_sms_download(const Command& envelope);

/// A proactive command as it matters here.
struct ProactiveCommand {
  Bytes submit = {};        ///< SMS-SUBMIT of SEND SHORT MESSAGE
  std::uint8_t number = 0;  ///< command number
  std::uint8_t type = 0;    ///< 0x13: SEND SHORT MESSAGE
  std::uint8_t qualifier = 0;
};
inline constexpr std::uint8_t kSendShortMessage = 0x13;
inline constexpr std::uint8_t kProvideLocalInformation = 0x26;
inline constexpr std::uint8_t kMoreTime = 0x02;

/// What FETCH gave (tag D0).
Result<ProactiveCommand> parse_proactive(ByteView fetched);
Bytes encode_proactive(const ProactiveCommand& command);

/// General result (TS 102 223 §8.12).
inline constexpr std::uint8_t kPerformed = 0x00;
inline constexpr std::uint8_t kTerminalBusy = 0x20;   ///< unable to process at the moment
inline constexpr std::uint8_t kNetworkBusy = 0x21;
inline constexpr std::uint8_t kBeyondCapabilities = 0x30;
inline constexpr std::uint8_t kSmsError = 0x35;
Command terminal_response(const ProactiveCommand& command, std::uint8_t result);

/// TERMINAL RESPONSE as a card sees it.
struct TerminalResponse {
  std::uint8_t number = 0, type = 0, qualifier = 0;  ///< of the command
  std::uint8_t result = 0;                           ///< general result
};
Result<TerminalResponse> read_terminal_response(const Command& command);

/// Profile of a terminal that hands over and sends short messages, and no more (TERMINAL PROFILE).
Command terminal_profile();

/// Hands one SMS-DELIVER to the card. True when the card has a proactive command now (91xx). Errors: as Terminal, and
/// Refused with 6Fxx, 9300 and the like.
CardResult<bool> deliver(Terminal& terminal, ByteView deliver, const std::string& service_centre, Trace* trace = nullptr);
/// FETCH; the answer to it is owed by answer().
CardResult<ProactiveCommand> fetch(Terminal& terminal, std::uint8_t size, Trace* trace = nullptr);
/// TERMINAL RESPONSE. The size of the next proactive command, when there is one.
CardResult<std::optional<std::uint8_t>> answer(Terminal& terminal, const ProactiveCommand& command, std::uint8_t result,
                                               Trace* trace = nullptr);

}  // namespace drover::smartcard::toolkit
