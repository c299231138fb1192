// SPDX-License-Identifier: Apache-2.0
// drover sms: the server's carrier, and the numbers of devices. Keys come from files and standard input, so that they
// stand in no shell's history and no list of processes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "apps/drover/commands.hpp"

namespace CLI {
class App;
}

namespace drover::cli {

struct SmsArguments {
  std::uint64_t id = 0;
  std::string number;
  std::string endpoint;  ///< "": of all to list
  std::string protection = "packets";
  std::string parameters;  ///< hexadecimal digits; "": the server's default
  std::string keys_file;   ///< "-": standard input
  bool generate = false;
  bool disabled = false;  ///< to add it so
  std::optional<std::string> label;
  std::size_t limit = 1000;
};

int sms_status(Session& session);
int list_numbers(Session& session, const SmsArguments& arguments);
int show_number(Session& session, std::uint64_t id);
/// Prints keys that the server made, which are never to be had again.
int add_number(Session& session, const SmsArguments& arguments);
int enable_number(Session& session, std::uint64_t id, bool enabled);
int remove_number(Session& session, std::uint64_t id);

/// Adds the command `sms`; the one that is given is in `chosen` after parsing.
void add_sms_commands(CLI::App& app, std::function<int(Session&)>& chosen);

}  // namespace drover::cli
