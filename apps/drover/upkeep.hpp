// SPDX-License-Identifier: Apache-2.0
// drover backup, and the object definitions that are brought to the server.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/drover/commands.hpp"

namespace CLI {
class App;
}

namespace drover::cli {

/// Has the server make a backup and gets it into `folder`, which is made. `keep`: the server's own copy stays, too.
int make_backup(Session& session, const std::string& folder, bool keep);

int add_definitions(Session& session, const std::vector<std::string>& files);
int remove_definition(Session& session, std::uint16_t object, const std::string& version);

/// Adds the commands; the one that is given is in `chosen` after parsing.
void add_upkeep_commands(CLI::App& app, std::function<int(Session&)>& chosen);

}  // namespace drover::cli
