// SPDX-License-Identifier: Apache-2.0
// What drover-card is told on its command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace drover::card {

struct Options {
  enum class Action : std::uint8_t { Make, Serve };
  Action action{};
  std::string description;  ///< file
  // ---- make
  std::string folder;
  bool force = false;
  // ---- serve: one of the two
  std::string vpcd_host;  ///< of loopback; "": not in a reader
  std::uint16_t vpcd_port = 0;
  std::string at;  ///< path of the link to the modem's pty; "": not in a modem
  bool trace = false;
};

/// "[HOST:]PORT", HOST an address of loopback.
Result<void> parse_vpcd(const std::string& text, Options& options);

/// The exit status when there is nothing more to do: help was asked for, or something is wrong and was said.
std::optional<int> parse_command_line(int count, char** arguments, Options& options);

}  // namespace drover::card
