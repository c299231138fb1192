// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "apps/swarm/options.hpp"

namespace drover::swarm {

/// Fills `options`. Nothing: go on; else the exit status (0 after --help, 2 for a mistake, which was printed).
std::optional<int> parse_command_line(int count, char** arguments, Options& options);

}  // namespace drover::swarm
