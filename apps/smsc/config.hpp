// SPDX-License-Identifier: Apache-2.0
// What drover-smsc is told, by a TOML file and by flags that go before it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "centre.hpp"
#include "smpp_session.hpp"
#include "virtual_modem.hpp"

namespace drover::smsc {

struct ModemConfig {
  std::string device;  ///< path of the symbolic link to its pty
  ModemSettings settings;
};

struct Config {
  std::string host = "127.0.0.1";  ///< an address of the loopback interface
  std::uint16_t port = 2775;       ///< 0: any
  std::uint64_t seed = 1;
  CentreSettings centre;
  SessionSettings sessions;
  std::vector<Account> accounts;
  std::vector<ModemConfig> modems;
  bool trace = false;
  bool trace_data = false;  ///< user data, too
  std::vector<std::string> cards;     ///< "NUMBER=FILE" of flags
  std::vector<std::string> warnings;  ///< for people; nothing is wrong
};

/// Reads `file` into `config`. Every key must be known, of its type and in its range: errors read "FILE:LINE: reason".
Result<void> read_config(const std::string& file, Config& config);

/// "NUMBER=DEVICE", "SYSTEM_ID:PASSWORD:NUMBER", "MILLISECONDS" or "LEAST-MOST" in milliseconds, "HOST:PORT".
Result<ModemConfig> parse_modem(const std::string& text);
Result<Account> parse_account(const std::string& text);
/// "NUMBER=FILE": the modem is among those of `config`.
Result<void> parse_modem_card(const std::string& text, Config& config);
/// A card as drover-card describes it.
Result<smartcard::uicc::CardImage> read_card(const std::string& file, std::vector<std::string>& warnings);
Result<void> parse_delay(const std::string& text, Faults& faults);
Result<void> parse_listen(const std::string& text, Config& config);

/// The exit status when there is nothing more to do: help was asked for, or something is wrong and was said.
std::optional<int> parse_command_line(int count, char** arguments, Config& config);

}  // namespace drover::smsc
