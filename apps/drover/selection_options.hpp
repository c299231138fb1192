// SPDX-License-Identifier: Apache-2.0
// Options that say which devices. For *_command_line.cpp and main.cpp.
#pragma once

#include "apps/drover/jobs.hpp"
#include "apps/drover/session.hpp"

namespace CLI {
class Validator;
}

namespace drover::cli {

/// --name, --tag, --model and the like.
void add_selection(CLI::App* command, SelectionOptions& options);
/// For what span_of() takes.
CLI::Validator span_check();

}  // namespace drover::cli
