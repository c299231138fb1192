// SPDX-License-Identifier: Apache-2.0
// drover sinks: where events go, and whether they arrive.
#pragma once

#include <functional>
#include <string>

#include "apps/drover/commands.hpp"

namespace CLI {
class App;
}

namespace drover::cli {

int list_sinks(Session& session);
int show_sink(Session& session, const std::string& name);
/// Sends a test event, and says whether it has arrived.
int test_sink(Session& session, const std::string& name);

/// Adds the command `sinks`; the one that is given is in `chosen` after parsing.
void add_sink_commands(CLI::App& app, std::function<int(Session&)>& chosen);

}  // namespace drover::cli
