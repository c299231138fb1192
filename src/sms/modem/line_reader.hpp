// SPDX-License-Identifier: Apache-2.0
// Octets from a modem as lines and prompts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"

namespace drover::sms::modem {

/// Lines end with CR or LF; empty ones, leading spaces and control characters don't count. What is too long or has
/// octets outside of ASCII is dropped up to the end of its line, and counted.
class LineReader {
 public:
  /// The longest that is of use: "+CSIM:" with an answer of 258 octets, or a PDU of 176.
  static constexpr std::size_t kLineMax = 2048;

  enum class Found : std::uint8_t { Nothing, Line, Prompt };
  /// `prompt`: a ">" where a line may begin is the modem's prompt (3GPP TS 27.005 §4.3).
  Found take(std::uint8_t octet, bool prompt);
  /// The line that was found; it is gone afterwards.
  std::string line();
  /// Forgets a line that has no end yet.
  void restart();
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  std::string text_;
  bool bad_ = false;
  std::uint64_t dropped_ = 0;
};

}  // namespace drover::sms::modem
