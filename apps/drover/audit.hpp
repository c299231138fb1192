// SPDX-License-Identifier: Apache-2.0
// drover audit: who changed what.
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/drover/commands.hpp"

namespace CLI {
class App;
}

namespace drover::cli {

struct AuditArguments {
  std::string who;   ///< part of it
  std::string path;  ///< what the target begins with
  std::string from;  ///< as moment_of() takes it; "" for no end, as the next
  std::string to;
  bool oldest = false;
  std::size_t limit = 100;
};

/// A line a record.
std::string audit_text(const nlohmann::json& records);
int audit(Session& session, const AuditArguments& arguments);

/// Adds the command `audit`; the one that is given is in `chosen` after parsing.
void add_audit_commands(CLI::App& app, std::function<int(Session&)>& chosen);

}  // namespace drover::cli
