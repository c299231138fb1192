// SPDX-License-Identifier: Apache-2.0
// A modem's SIM or UICC, as it can be talked to by AT+CSIM (3GPP TS 27.007 §8.17).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "base/bytes.hpp"

namespace drover::sms::modem {

/// Octets of a command APDU and of a response APDU, short forms (ISO/IEC 7816-4 §5.1).
inline constexpr std::size_t kCommandApduMin = 4, kCommandApduMax = 5 + 255 + 1;
inline constexpr std::size_t kResponseApduMin = 2, kResponseApduMax = 256 + 2;

struct CardAccess {
  enum class State : std::uint8_t {
    NotYet,  ///< the line, the modem or the SIM isn't ready
    Absent,  ///< the modem says that there is no card
    Locked,  ///< the SIM waits for a code
    Usable,
  };
  State state = State::NotYet;
  /// Another number whenever the modem began anew: channels of the card and what was selected are gone then.
  std::uint64_t session = 0;
};

/// No reason holds anything of a command or of an answer but the instruction's number.
struct ApduError {
  enum class Kind : std::uint8_t {
    NoCard,
    NotAllowed,  ///< the modem doesn't let the command through, or doesn't know AT+CSIM
    Refused,     ///< the modem, or its SIM, is in trouble
    Restarted,   ///< the modem began anew, or the line broke: see CardAccess::session
    Silence,     ///< no answer in time
    Malformed,   ///< the answer isn't one, or has another length than it says
  };
  Kind kind{};
  std::string reason;
};

struct ApduAnswer {
  std::uint64_t id = 0;
  tl::expected<Bytes, ApduError> response;  ///< a whole response APDU, kResponseApduMin to kResponseApduMax octets
};

}  // namespace drover::sms::modem
