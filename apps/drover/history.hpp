// SPDX-License-Identifier: Apache-2.0
// drover values, history and forget-values: what the server has stored; no device is asked.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "apps/drover/commands.hpp"

namespace CLI {
class App;
}

namespace drover::cli {

struct HistoryArguments {
  std::string endpoint;  ///< with * or ? a pattern of several
  std::string path;      ///< "": all
  std::string from, to;  ///< "2h" ago, Unix seconds or 2026-01-31T12:00:00Z; "": open
  std::string every;     ///< "5m" or seconds; "": no buckets
  bool oldest = false;
  bool csv = false;
  bool jsonl = false;
  std::optional<std::size_t> limit;
};

int values(Session& session, const HistoryArguments& arguments);
/// CSV and JSON Lines are the whole history unless there is a limit, a page at a time.
int history(Session& session, const HistoryArguments& arguments);
int forget_values(Session& session, const std::string& endpoint);

/// Adds the commands; the one that is given is in `chosen` after parsing.
void add_history_commands(CLI::App& app, std::function<int(Session&)>& chosen);

}  // namespace drover::cli
