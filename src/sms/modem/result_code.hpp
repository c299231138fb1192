// SPDX-License-Identifier: Apache-2.0
// What ends a command (3GPP TS 27.007 §9, 3GPP TS 27.005 §3.2.5), and the values in a modem's lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drover::sms::modem {

struct ModemError {
  enum class Kind : std::uint8_t {
    Plain,    ///< ERROR
    Cme,      ///< +CME ERROR: of the equipment
    Cms,      ///< +CMS ERROR: of the message service
    Silence,  ///< no final result code in time
  };
  Kind kind = Kind::Plain;
  int code = -1;  ///< -1: none, or words in place of a number
  friend bool operator==(const ModemError&, const ModemError&) = default;
  [[nodiscard]] std::string to_string() const;  ///< "+CMS ERROR 38"
};

/// A line that ends a command; nothing for other lines. `error` is empty for OK.
struct FinalResult {
  std::optional<ModemError> error;
};
std::optional<FinalResult> parse_final(std::string_view line);

/// What helps a short message that the modem or the network refused.
enum class Remedy : std::uint8_t {
  None,       ///< it will never be taken
  Later,      ///< the network or the modem is in trouble: everything waits
  LaterOnce,  ///< its receiver can't be reached, or nobody knows: this one waits
  Sim,        ///< the SIM wants something first
};
/// 3GPP TS 24.011 annex E-2 (below 128), 3GPP TS 23.040 §9.2.3.22 (128 to 255), 3GPP TS 27.005 §3.2.5 (from 300).
Remedy remedy_of(const ModemError& error);

/// Values behind "PREFIX:", at commas outside of quotes; without the quotes.
std::vector<std::string> fields_of(std::string_view line);
/// Digits alone, up to 65535.
std::optional<unsigned> number_of(std::string_view field);

}  // namespace drover::sms::modem
